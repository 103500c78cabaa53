/* SPDX-License-Identifier: GPL-2.0-only */
/* Errands: told of once on the main context, not at all when given up, and nothing of them stays. */
#include "config.h"

#include "kvpd/errand.h"

#include <string.h>
#include <sys/resource.h>

static struct {
	GMutex lock;
	GCond cond;
	gboolean held; /* errands do not come back */
	gint runs; /* by threads */
	int dones, frees;
	GThread *main;
} seen;

static void run(gpointer work)
{
	g_assert_true(g_thread_self() != seen.main);
	g_mutex_lock(&seen.lock);
	while (seen.held)
		g_cond_wait(&seen.cond, &seen.lock);
	g_mutex_unlock(&seen.lock);
	g_atomic_int_inc(&seen.runs);
}

static void done(gpointer work, gpointer owner)
{
	g_assert_true(g_thread_self() == seen.main);
	g_assert_cmpstr(work, ==, "work");
	g_assert_true(owner == &seen);
	g_assert_cmpint(seen.frees, ==, seen.dones);
	seen.dones++;
}

static void free_work(gpointer work)
{
	g_assert_true(g_thread_self() == seen.main);
	g_free(work);
	seen.frees++;
}

static const KvpErrandOps ops = { run, done, free_work };

static void set_held(gboolean held)
{
	g_mutex_lock(&seen.lock);
	seen.held = held;
	g_cond_broadcast(&seen.cond);
	g_mutex_unlock(&seen.lock);
}

static void reset(gboolean held)
{
	seen.main = g_thread_self();
	seen.runs = seen.dones = seen.frees = 0;
	set_held(held);
}

static void until_freed(int n)
{
	while (seen.frees < n)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpint(seen.runs, ==, n);
	g_assert_false(g_main_context_pending(NULL));
}

static void test_reports(void)
{
	reset(FALSE);
	for (int i = 0; i < 20; i++)
		g_assert_nonnull(kvp_errand_start(&ops, g_strdup("work"), &seen));
	until_freed(20);
	g_assert_cmpint(seen.dones, ==, 20);
}

/* Before its thread has ended, and after: what is on its way to the main context is not told either. */
static void test_given_up(void)
{
	KvpErrand *errand;

	reset(TRUE);
	errand = kvp_errand_start(&ops, g_strdup("work"), &seen);
	kvp_errand_give_up(errand);
	set_held(FALSE);
	until_freed(1);
	errand = kvp_errand_start(&ops, g_strdup("work"), &seen);
	while (!g_main_context_pending(NULL))
		g_usleep(1000);
	kvp_errand_give_up(errand);
	until_freed(2);
	g_assert_cmpint(seen.dones, ==, 0);
	kvp_errand_give_up(NULL);
}

/* A thread's stack is the first thing for which no room is left. */
static void test_no_thread(void)
{
	const struct rlimit none = { 1, 1 };

#ifdef __SANITIZE_ADDRESS__
	g_test_skip("AddressSanitizer wants memory of its own");
	return;
#endif
	if (!g_test_subprocess()) {
		g_test_trap_subprocess(NULL, 0, 0);
		g_test_trap_assert_passed();
		return;
	}
	reset(FALSE);
	g_assert_cmpint(setrlimit(RLIMIT_AS, &none), ==, 0);
	g_assert_null(kvp_errand_start(&ops, g_strdup("work"), &seen));
	g_assert_cmpint(seen.frees, ==, 1);
	g_assert_cmpint(seen.runs, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/errand/reports", test_reports);
	g_test_add_func("/kvpd/errand/given-up", test_given_up);
	g_test_add_func("/kvpd/errand/no-thread", test_no_thread);
	return g_test_run();
}
