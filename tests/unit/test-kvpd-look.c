/* SPDX-License-Identifier: GPL-2.0-only */
/* A file system that does not answer must hold up nobody; who asks later sees what came in between. */
#include "config.h"

#include "kvpd/look.h"

static struct {
	GMutex lock;
	GCond cond;
	gboolean held; /* looking waits; under the lock */
	guint64 looks; /* begun; under the lock */
	guint answers, late; /* in all, and without files */
	guint64 seen; /* the look of the last answer */
} test;

static void slow_look(KvpPoolFiles *files)
{
	g_mutex_lock(&test.lock);
	files->info[0].bytes = ++test.looks;
	while (test.held)
		g_cond_wait(&test.cond, &test.lock);
	g_mutex_unlock(&test.lock);
}

static void set_held(gboolean held)
{
	g_mutex_lock(&test.lock);
	test.held = held;
	g_cond_broadcast(&test.cond);
	g_mutex_unlock(&test.lock);
}

static guint64 count_looks(void)
{
	guint64 looks;

	g_mutex_lock(&test.lock);
	looks = test.looks;
	g_mutex_unlock(&test.lock);
	return looks;
}

static void on_answer(const KvpPoolFiles *files, gpointer data)
{
	test.answers++;
	test.late += files == NULL;
	if (files)
		test.seen = files->info[0].bytes;
}

static void wait_answers(guint n)
{
	while (test.answers < n)
		g_main_context_iteration(NULL, TRUE);
}

static void wait_look(guint64 n)
{
	while (count_looks() < n)
		g_usleep(1000);
}

static KvpLook *new_look(KvpPools *pools, HvisFakeClock *clock, gboolean held)
{
	test.looks = test.seen = 0;
	test.answers = test.late = 0;
	test.held = held;
	return kvp_look_new(pools, slow_look, hvis_fake_clock_get(clock));
}

/* One look for all who ask while it is not begun; a new one for who asks after that. */
static void test_begins_after(void)
{
	g_autoptr(HvisFakeClock) clock = hvis_fake_clock_new();
	KvpPools *pools = kvp_pools_new("/dev/null/pools", NULL);
	g_autoptr(KvpLook) look = new_look(pools, clock, TRUE);

	kvp_look_ask(look, on_answer, NULL);
	wait_look(1);
	kvp_look_ask(look, on_answer, NULL);
	kvp_look_ask(look, on_answer, NULL);
	set_held(FALSE);
	wait_answers(3);
	g_assert_cmpuint(test.looks, ==, 2);
	g_assert_cmpuint(test.seen, ==, 2);
	g_assert_cmpuint(test.late, ==, 0);
	g_assert_cmpuint(hvis_fake_clock_pending(clock), ==, 0);
	kvp_pools_unref(pools);
}

static void test_never_answers(void)
{
	g_autoptr(HvisFakeClock) clock = hvis_fake_clock_new();
	KvpPools *pools = kvp_pools_new("/dev/null/pools", NULL);
	g_autoptr(KvpLook) look = new_look(pools, clock, TRUE);

	kvp_look_ask(look, on_answer, NULL);
	wait_look(1);
	kvp_look_ask(look, on_answer, NULL);
	hvis_fake_clock_advance(clock, KVP_LOOK_MS - 1);
	g_assert_cmpuint(test.answers, ==, 0);
	hvis_fake_clock_advance(clock, 1);
	g_assert_cmpuint(test.late, ==, 2);
	kvp_look_ask(look, on_answer, NULL); /* it still hangs */
	hvis_fake_clock_advance(clock, KVP_LOOK_MS);
	g_assert_cmpuint(test.late, ==, 3);
	g_assert_cmpuint(count_looks(), ==, 1);
	kvp_look_ask(look, on_answer, NULL);
	set_held(FALSE);
	wait_answers(4);
	g_assert_cmpuint(test.late, ==, 3);
	g_assert_cmpuint(test.seen, ==, 2);
	kvp_pools_unref(pools);
}

/* Who has asked is answered, whatever comes first. */
static void test_ends(void)
{
	g_autoptr(HvisFakeClock) clock = hvis_fake_clock_new();
	KvpPools *pools = kvp_pools_new("/dev/null/pools", NULL);
	KvpLook *look = new_look(pools, clock, TRUE);

	kvp_look_ask(look, on_answer, NULL);
	wait_look(1);
	kvp_look_ask(look, on_answer, NULL);
	set_held(FALSE);
	kvp_look_free(look);
	g_assert_cmpuint(test.answers, ==, 2);
	g_assert_cmpuint(test.late, ==, 0);
	g_assert_cmpuint(hvis_fake_clock_pending(clock), ==, 0);
	kvp_pools_unref(pools);
}

static void test_files(void)
{
	KvpPoolFiles files = { .pools = kvp_pools_new("/dev/null/pools", NULL) };

	kvp_pool_files_look(&files);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		g_assert_nonnull(files.error[i]);
		g_clear_error(&files.error[i]);
	}
	kvp_pools_unref(files.pools);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/look/begins-after-the-question", test_begins_after);
	g_test_add_func("/kvpd/look/file-system-never-answers", test_never_answers);
	g_test_add_func("/kvpd/look/answers-at-the-end", test_ends);
	g_test_add_func("/kvpd/look/files", test_files);
	return g_test_run();
}
