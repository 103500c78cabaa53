/* SPDX-License-Identifier: GPL-2.0-only */
/* Work in threads: reported on the main context, exactly once, also when the worker is freed. */
#include "config.h"

#include "kvpd/worker.h"

#include <sys/resource.h>

#define JOBS 200

static struct {
	gint runs; /* by threads */
	gint started; /* of run_held() */
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

static void run_any(gpointer data G_GNUC_UNUSED)
{
	g_atomic_int_inc(&seen.runs);
}

static void run_held(gpointer data)
{
	g_atomic_int_inc(&seen.started);
	run(data);
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
	seen.runs = seen.dones = seen.started = 0;
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

/* As many at once as there may be, and no more. */
static void test_at_once(void)
{
	KvpWorker *worker = kvp_worker_new();

	reset();
	seen.held = TRUE;
	for (int i = 0; i < KVP_WORKER_THREADS + 2; i++)
		kvp_worker_push(worker, run_held, done, &seen);
	while (g_atomic_int_get(&seen.started) < KVP_WORKER_THREADS)
		g_usleep(1000);
	g_usleep(20000);
	g_assert_cmpint(g_atomic_int_get(&seen.started), ==, KVP_WORKER_THREADS);
	release(NULL);
	kvp_worker_free(worker);
	g_assert_cmpint(seen.started, ==, KVP_WORKER_THREADS + 2);
	g_assert_cmpint(seen.dones, ==, KVP_WORKER_THREADS + 2);
}

static guint count_threads(void)
{
	g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);
	guint n = 0;

	while (g_dir_read_name(tasks))
		n++;
	return n;
}

/* An idle daemon has no thread but its own, and takes work again after that. */
static void test_idle_threads_end(void)
{
	g_autoptr(KvpWorker) worker = kvp_worker_new();
	guint before = count_threads();

	for (int round = 0; round < 2; round++) {
		reset();
		for (int i = 0; i < JOBS; i++)
			kvp_worker_push(worker, run, done, &seen);
		while (seen.dones < JOBS)
			g_main_context_iteration(NULL, TRUE);
		while (count_threads() > before)
			g_usleep(10000);
	}
	g_assert_false(g_main_context_pending(NULL));
}

/* A thread's stack is the first thing for which no room is left. */
static void test_no_thread(void)
{
	const struct rlimit none = { 1, 1 };
	KvpWorker *worker;

#ifdef __SANITIZE_ADDRESS__
	g_test_skip("AddressSanitizer wants memory of its own");
	return;
#endif
	if (!g_test_subprocess()) {
		g_test_trap_subprocess(NULL, 0, 0);
		g_test_trap_assert_passed();
		return;
	}
	worker = kvp_worker_new();
	reset();
	g_assert_cmpint(setrlimit(RLIMIT_AS, &none), ==, 0);
	kvp_worker_push(worker, run_any, done, &seen);
	g_assert_cmpint(seen.runs, ==, 1);
	g_main_context_iteration(NULL, TRUE);
	g_assert_cmpint(seen.dones, ==, 1);
	kvp_worker_free(worker);
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
	g_test_add_func("/kvpd/worker/at-once", test_at_once);
	g_test_add_func("/kvpd/worker/idle-threads-end", test_idle_threads_end);
	g_test_add_func("/kvpd/worker/no-thread", test_no_thread);
	g_test_add_func("/kvpd/worker/push-at-the-end", test_push_at_the_end);
	return g_test_run();
}
