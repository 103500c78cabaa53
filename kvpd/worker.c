/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A few threads that share a queue, and a queue of finished work that the main context empties. Whoever wakes
 * another does so with the lock already given back, or the one that wakes up would only wait for it: on a machine
 * with one processor that is most of what such a hand-over costs.
 */
#include "config.h"

#include "kvpd/worker.h"

#define IDLE_US G_USEC_PER_SEC /* ours: after this a thread without work ends */

typedef struct {
	void (*run)(gpointer data);
	void (*done)(gpointer data);
	gpointer data;
} Work;

struct KvpWorker {
	GSource *source; /* ready while there is finished work */
	GMutex lock; /* for what follows */
	GCond more; /* work, or the end */
	GCond ended; /* a thread */
	GQueue waiting, finished; /* of Work */
	guint threads, idle;
	gboolean is_ending;
};

/* --- in a thread --- */

/* The next piece of work, with the lock; NULL where the thread is to end. */
static Work *next_work(KvpWorker *worker)
{
	gint64 until = g_get_monotonic_time() + IDLE_US;
	gboolean in_time = TRUE;

	worker->idle++;
	while (in_time && !worker->is_ending && g_queue_is_empty(&worker->waiting))
		in_time = g_cond_wait_until(&worker->more, &worker->lock, until);
	worker->idle--;
	return g_queue_pop_head(&worker->waiting);
}

static void finish(KvpWorker *worker, Work *work)
{
	gboolean is_first;

	g_mutex_lock(&worker->lock);
	is_first = g_queue_is_empty(&worker->finished);
	g_queue_push_tail(&worker->finished, work);
	g_mutex_unlock(&worker->lock);
	if (is_first)
		g_main_context_wakeup(NULL);
}

static gpointer run_thread(gpointer data)
{
	KvpWorker *worker = data;
	Work *work;

	g_mutex_lock(&worker->lock);
	while ((work = next_work(worker))) {
		g_mutex_unlock(&worker->lock);
		work->run(work->data);
		finish(worker, work);
		g_mutex_lock(&worker->lock);
	}
	worker->threads--;
	g_cond_signal(&worker->ended);
	g_mutex_unlock(&worker->lock);
	return NULL;
}

/* --- on the main context --- */

static void report(KvpWorker *worker)
{
	for (;;) {
		Work *work;

		g_mutex_lock(&worker->lock);
		work = g_queue_pop_head(&worker->finished);
		g_mutex_unlock(&worker->lock);
		if (!work)
			return;
		work->done(work->data);
		g_free(work);
	}
}

typedef struct {
	GSource source;
	KvpWorker *worker;
} Finished;

static gboolean has_finished(GSource *source)
{
	KvpWorker *worker = ((Finished *)source)->worker;
	gboolean found;

	g_mutex_lock(&worker->lock);
	found = !g_queue_is_empty(&worker->finished);
	g_mutex_unlock(&worker->lock);
	return found;
}

static gboolean prepare(GSource *source, gint *timeout)
{
	*timeout = -1;
	return has_finished(source);
}

static gboolean dispatch(
	GSource *source, GSourceFunc func G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	report(((Finished *)source)->worker);
	return G_SOURCE_CONTINUE;
}

static GSource *watch_finished(KvpWorker *worker)
{
	static GSourceFuncs funcs = { prepare, has_finished, dispatch, NULL, NULL, NULL };
	GSource *source = g_source_new(&funcs, sizeof(Finished));

	((Finished *)source)->worker = worker;
	g_source_attach(source, NULL);
	return source;
}

KvpWorker *kvp_worker_new(void)
{
	KvpWorker *worker = g_new0(KvpWorker, 1);

	g_mutex_init(&worker->lock);
	g_cond_init(&worker->more);
	g_cond_init(&worker->ended);
	g_queue_init(&worker->waiting);
	g_queue_init(&worker->finished);
	worker->source = watch_finished(worker);
	return worker;
}

void kvp_worker_free(KvpWorker *worker)
{
	if (!worker)
		return;
	g_mutex_lock(&worker->lock);
	worker->is_ending = TRUE;
	g_cond_broadcast(&worker->more);
	while (worker->threads > 0)
		g_cond_wait(&worker->ended, &worker->lock);
	g_mutex_unlock(&worker->lock);
	report(worker);
	g_source_destroy(worker->source);
	g_source_unref(worker->source);
	g_mutex_clear(&worker->lock);
	g_cond_clear(&worker->more);
	g_cond_clear(&worker->ended);
	g_free(worker);
}

/* Without any thread, one's work is done here: it may take long, but would else never be done. */
static void do_without(KvpWorker *worker)
{
	Work *work = NULL;

	g_mutex_lock(&worker->lock);
	worker->threads--;
	if (worker->threads == 0)
		work = g_queue_pop_head(&worker->waiting);
	g_mutex_unlock(&worker->lock);
	if (!work)
		return;
	work->run(work->data);
	finish(worker, work);
}

/* TRUE where @work has to wait for a thread that is not there yet, but may be; it is counted already. */
static gboolean enqueue(KvpWorker *worker, Work *work)
{
	gboolean is_wanted;

	g_mutex_lock(&worker->lock);
	g_queue_push_tail(&worker->waiting, work);
	is_wanted = g_queue_get_length(&worker->waiting) > worker->idle &&
		    worker->threads < KVP_WORKER_THREADS;
	if (is_wanted)
		worker->threads++;
	g_mutex_unlock(&worker->lock);
	return is_wanted;
}

void kvp_worker_push(
	KvpWorker *worker, void (*run)(gpointer data), void (*done)(gpointer data), gpointer data)
{
	Work *work = g_new(Work, 1);
	GThread *thread;

	*work = (Work){ run, done, data };
	if (worker->is_ending) { /* a report of kvp_worker_free(), which goes on until nothing is left */
		work->run(work->data);
		finish(worker, work);
	} else if (!enqueue(worker, work)) {
		g_cond_signal(&worker->more);
	} else if ((thread = g_thread_try_new("worker", run_thread, worker, NULL))) {
		g_thread_unref(thread);
	} else {
		do_without(worker);
	}
}
