/* SPDX-License-Identifier: GPL-2.0-only */
/* Work in threads: reported on the main context, exactly once, also when the worker is freed. */
#include "config.h"

#include "kvpd/worker.h"

#define JOBS 200

static struct {
	gint runs; /* by threads */
	int dones;
	GThread *main;
	GMutex lock;
	GCond cond;
	gboolean held;
} seen;

static void run(gpointer data)
{
	g_assert_true(g_thread_self() != seen.main);
	g_mutex_lock(&seen.lock);
	while (seen.held)
		g_cond_wait(&seen.cond, &seen.lock);
	g_mutex_unlock(&seen.lock);
	g_atomic_int_inc(&seen.runs);
}

static void done(gpointer data)
{
	g_assert_true(g_thread_self() == seen.main);
	g_assert_true(data == &seen);
	seen.dones++;
}

static void reset(void)
{
	seen.main = g_thread_self();
	seen.runs = seen.dones = 0;
	seen.held = FALSE;
}

static void test_reports(void)
{
	g_autoptr(KvpWorker) worker = kvp_worker_new();

	reset();
	for (int i = 0; i < JOBS; i++)
		kvp_worker_push(worker, run, done, &seen);
	while (seen.dones < JOBS)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpint(seen.runs, ==, JOBS);
	g_assert_cmpint(seen.dones, ==, JOBS);
}

static gpointer release(gpointer data)
{
	g_usleep(20000);
	g_mutex_lock(&seen.lock);
	seen.held = FALSE;
	g_cond_broadcast(&seen.cond);
	g_mutex_unlock(&seen.lock);
	return NULL;
}

static void test_free_waits(void)
{
	KvpWorker *worker = kvp_worker_new();
	GThread *thread;

	reset();
	seen.held = TRUE;
	for (int i = 0; i < JOBS; i++)
		kvp_worker_push(worker, run, done, &seen);
	thread = g_thread_new("release", release, NULL);
	kvp_worker_free(worker);
	g_assert_cmpint(seen.runs, ==, JOBS);
	g_assert_cmpint(seen.dones, ==, JOBS);
	g_thread_join(thread);
	g_assert_false(g_main_context_pending(NULL));
}

static void run_any(gpointer data G_GNUC_UNUSED)
{
	g_atomic_int_inc(&seen.runs);
}

static void push_more(gpointer data)
{
	kvp_worker_push(data, run_any, done, &seen);
	done(&seen);
}

/* What is reported while the worker ends may lead to more, as a pool that changed while it was read. */
static void test_push_at_the_end(void)
{
	KvpWorker *worker = kvp_worker_new();

	reset();
	kvp_worker_push(worker, run_any, push_more, worker);
	kvp_worker_free(worker);
	g_assert_cmpint(seen.runs, ==, 2);
	g_assert_cmpint(seen.dones, ==, 2);
	g_assert_false(g_main_context_pending(NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/worker/reports", test_reports);
	g_test_add_func("/kvpd/worker/free-waits", test_free_waits);
	g_test_add_func("/kvpd/worker/push-at-the-end", test_push_at_the_end);
	return g_test_run();
}
