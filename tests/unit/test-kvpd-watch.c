/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arming a watch while paths take their time or change: nobody waits for a dead file system who only asks,
 * and nothing that happens in between is lost. inotify_add_watch() is the test's own, which can be
 * held up or do something after the kernel's.
 */
#include "config.h"

#include "kvpd/watch.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/kvpd-scratch.h"

#define POOL 0u
#define PATIENCE (60 * G_USEC_PER_SEC)

static struct {
	GMutex lock;
	GCond cond;
	gboolean held, waiting; /* under the lock */
	const char *end; /* what the path of the wanted call ends with; NULL = any */
	void (*after)(const char *path, gpointer data); /* once, in the arming thread */
	gpointer data;
} hook;

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	void (*after)(const char *path, gpointer data) = hook.after;
	int wd;

	g_mutex_lock(&hook.lock);
	while (hook.held) {
		hook.waiting = TRUE;
		g_cond_broadcast(&hook.cond);
		g_cond_wait(&hook.cond, &hook.lock);
	}
	hook.waiting = FALSE;
	g_mutex_unlock(&hook.lock);
	wd = (int)syscall(SYS_inotify_add_watch, fd, path, mask);
	if (after && g_str_has_suffix(path, hook.end)) {
		hook.after = NULL;
		after(path, hook.data);
	}
	return wd;
}

static void set_held(gboolean held)
{
	g_mutex_lock(&hook.lock);
	hook.held = held;
	g_cond_broadcast(&hook.cond);
	g_mutex_unlock(&hook.lock);
}

static void after(const char *end, void (*call)(const char *path, gpointer data), gpointer data)
{
	hook.end = end;
	hook.data = data;
	hook.after = call;
}

static char *pool_path(const char *dir)
{
	return g_build_filename(dir, ".kvp_pool_0", NULL);
}

static void append(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint((int)write(fd, "x", 1), ==, 1);
	close(fd);
}

/* Armed now, and a change is seen. */
static void expect_armed(KvpWatch *watch, const char *path)
{
	guint64 armed = kvp_watch_arm(watch, POOL);

	g_assert_cmpuint(armed, !=, 0);
	g_assert_cmpuint(kvp_watch_generation(watch, POOL), ==, armed);
	append(path);
	g_assert_cmpuint(kvp_watch_generation(watch, POOL), !=, armed);
}

/* --- a dead file system --- */

static gpointer arm(gpointer watch)
{
	return GUINT_TO_POINTER((guint)kvp_watch_arm(watch, POOL));
}

static gint asked; /* atomic */

static gpointer ask(gpointer watch)
{
	kvp_watch_generation(watch, POOL);
	kvp_watch_count(watch, POOL);
	kvp_watch_begin(watch, POOL);
	kvp_watch_end(watch, POOL);
	g_atomic_int_set(&asked, 1);
	return NULL;
}

static void test_held_up(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autofree char *path = pool_path(dir);
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);
	gint64 until = g_get_monotonic_time() + PATIENCE;
	GThread *arming, *asking;

	set_held(TRUE);
	arming = g_thread_new("arm", arm, watch);
	g_mutex_lock(&hook.lock);
	while (!hook.waiting)
		g_cond_wait(&hook.cond, &hook.lock);
	g_mutex_unlock(&hook.lock);
	asking = g_thread_new("ask", ask, watch);
	while (!g_atomic_int_get(&asked) && g_get_monotonic_time() < until)
		g_usleep(1000);
	g_assert_cmpint(g_atomic_int_get(&asked), ==, 1);
	set_held(FALSE);
	g_thread_join(asking);
	g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(arming)), !=, 0);
	expect_armed(watch, path);
}

/* --- what happens in between, and is drained by who only asks --- */

static void replace_and_ask(const char *path, gpointer watch)
{
	g_autofree char *other = g_strconcat(path, ".new", NULL);

	append(other);
	g_assert_cmpint(g_rename(other, path), ==, 0);
	kvp_watch_generation(watch, POOL);
}

/* The file that is watched then is not the one of that name any more. */
static void test_replaced(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autofree char *path = pool_path(dir);
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);

	append(path);
	after(".kvp_pool_0", replace_and_ask, watch);
	expect_armed(watch, path);
	g_assert_null(hook.after);
	after(".kvp_pool_0", replace_and_ask, watch); /* now the directory is known */
	g_assert_cmpint(g_unlink(path), ==, 0);
	expect_armed(watch, path);
	g_assert_null(hook.after);
}

static void write_and_ask(const char *path, gpointer watch)
{
	append(path);
	kvp_watch_generation(watch, POOL);
}

static void test_written(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autofree char *path = pool_path(dir);
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);

	append(path);
	after(".kvp_pool_0", write_and_ask, watch);
	expect_armed(watch, path);
	g_assert_null(hook.after);
}

static void replace_dir_and_ask(const char *path, gpointer watch)
{
	g_assert_cmpint(g_rmdir(path), ==, 0);
	g_assert_cmpint(g_mkdir(path, 0755), ==, 0);
	kvp_watch_generation(watch, POOL);
}

static void test_directory_replaced(void)
{
	g_autoptr(Scratch) above = scratch_new();
	g_autofree char *dir = g_build_filename(above, "pools", NULL);
	g_autofree char *path = pool_path(dir);
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);

	g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
	after("/pools", replace_dir_and_ask, watch);
	expect_armed(watch, path);
	g_assert_null(hook.after);
}

static void make_dir_and_ask(const char *path, gpointer watch)
{
	g_autofree char *dir = g_build_filename(path, "pools", NULL);

	g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
	kvp_watch_generation(watch, POOL);
}

static void test_directory_made(void)
{
	g_autoptr(Scratch) scratch = scratch_new();
	g_autofree char *above = g_build_filename(scratch, "above", NULL);
	g_autofree char *dir = g_build_filename(above, "pools", NULL);
	g_autofree char *path = pool_path(dir);
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);

	g_assert_cmpint(g_mkdir(above, 0755), ==, 0);
	after("/above", make_dir_and_ask, watch);
	expect_armed(watch, path);
	g_assert_null(hook.after);
}

/* A path that changes all the time cannot be watched, which is no reason to go on for ever. */
static void replace_again(const char *path, gpointer watch)
{
	replace_and_ask(path, watch);
	after(".kvp_pool_0", replace_again, watch);
}

static void test_restless(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autofree char *path = pool_path(dir);
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);

	append(path);
	after(".kvp_pool_0", replace_again, watch);
	g_assert_cmpuint(kvp_watch_arm(watch, POOL), ==, 0);
	hook.after = NULL;
	expect_armed(watch, path);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/watch/held-up", test_held_up);
	g_test_add_func("/kvpd/watch/replaced", test_replaced);
	g_test_add_func("/kvpd/watch/written", test_written);
	g_test_add_func("/kvpd/watch/directory-replaced", test_directory_replaced);
	g_test_add_func("/kvpd/watch/directory-made", test_directory_made);
	g_test_add_func("/kvpd/watch/restless", test_restless);
	return g_test_run();
}
