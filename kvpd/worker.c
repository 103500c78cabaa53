/* SPDX-License-Identifier: GPL-2.0-only */
/* A thread pool, and a queue of finished work that an idle source empties on the main context. */
#include "config.h"

#include "kvpd/worker.h"

typedef struct {
	void (*run)(gpointer data);
	void (*done)(gpointer data);
	gpointer data;
} Work;

struct KvpWorker {
	GThreadPool *threads; /* NULL: it ends */
	GMutex lock;
	GQueue finished; /* of Work; under the lock */
	guint source; /* reports them, 0 = none is waiting; under the lock */
};

static void report(KvpWorker *worker)
{
	for (;;) {
		Work *work;

		g_mutex_lock(&worker->lock);
		work = g_queue_pop_head(&worker->finished);
		if (!work)
			worker->source = 0;
		g_mutex_unlock(&worker->lock);
		if (!work)
			return;
		work->done(work->data);
		g_free(work);
	}
}

static gboolean on_finished(gpointer data)
{
	report(data);
	return G_SOURCE_REMOVE;
}

static void run_work(gpointer data, gpointer user_data)
{
	Work *work = data;
	KvpWorker *worker = user_data;

	work->run(work->data);
	g_mutex_lock(&worker->lock);
	g_queue_push_tail(&worker->finished, work);
	if (worker->source == 0 && worker->threads)
		worker->source = g_idle_add_full(G_PRIORITY_DEFAULT, on_finished, worker, NULL);
	g_mutex_unlock(&worker->lock);
}

KvpWorker *kvp_worker_new(void)
{
	KvpWorker *worker = g_new0(KvpWorker, 1);

	g_mutex_init(&worker->lock);
	g_queue_init(&worker->finished);
	worker->threads = g_thread_pool_new(run_work, worker, KVP_WORKER_THREADS, FALSE, NULL);
	return worker;
}

void kvp_worker_free(KvpWorker *worker)
{
	if (!worker)
		return;
	g_thread_pool_free(worker->threads, FALSE, TRUE);
	worker->threads = NULL;
	g_clear_handle_id(&worker->source, g_source_remove);
	report(worker);
	g_mutex_clear(&worker->lock);
	g_free(worker);
}

void kvp_worker_push(
	KvpWorker *worker, void (*run)(gpointer data), void (*done)(gpointer data), gpointer data)
{
	Work *work = g_new(Work, 1);

	*work = (Work){ run, done, data };
	if (worker->threads)
		g_thread_pool_push(worker->threads, work, NULL);
	else /* from a report of kvp_worker_free(), which goes on until nothing is left */
		run_work(work, worker);
}
