/* SPDX-License-Identifier: GPL-2.0-only */
/* Without descriptors: told once, the main loop goes on, and told once when it is over. */
#include "config.h"

#include <util/shortage.h>

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include <util/error.h>
#include <util/fd.h>

typedef struct {
	guint begun, over, events, lines;
	struct rlimit before;
	int fd;
} Fixture;

static void on_changed(gboolean is_short, gpointer data)
{
	Fixture *f = data;

	g_assert_true(hvis_shortage_is_on() == is_short);
	f->begun += is_short;
	f->over += !is_short;
}

static void set_up(Fixture *f, gconstpointer data)
{
	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &f->before), ==, 0);
	f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	hvis_shortage_watch(on_changed, f);
}

static void limit_to(const Fixture *f, rlim_t n)
{
	struct rlimit limit = { n, f->before.rlim_max };

	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
}

static void tear_down(Fixture *f, gconstpointer data)
{
	limit_to(f, f->before.rlim_cur);
	hvis_shortage_watch(NULL, NULL);
	hvis_fd_clear(&f->fd);
}

static gboolean on_event(gint fd, GIOCondition condition, gpointer data)
{
	eventfd_t value;

	((Fixture *)data)->events++;
	g_assert_cmpint(eventfd_read(fd, &value), ==, 0);
	return G_SOURCE_CONTINUE;
}

static gboolean on_tick(gpointer data)
{
	(*(guint *)data)++;
	return G_SOURCE_CONTINUE;
}

/* The main loop for some time; how often it came round. */
static guint run_for(guint ms)
{
	gint64 until = g_get_monotonic_time() + ms * 1000;
	guint rounds = 0, ticks = 0, source = g_timeout_add(20, on_tick, &ticks);

	while (g_get_monotonic_time() < until) {
		g_main_context_iteration(NULL, TRUE);
		rounds++;
	}
	g_source_remove(source);
	g_assert_cmpuint(ticks, >, 0);
	return rounds;
}

static void wait_until_over(const Fixture *f)
{
	for (int i = 0; f->over == 0 && i < 300; i++)
		run_for(100);
}

/* poll(2) refused, GLib tried again at once, and the journal got millions of lines. */
static void test_limit_below_open_descriptors(Fixture *f, gconstpointer data)
{
	guint source = g_unix_fd_add(f->fd, G_IO_IN, on_event, f);

	for (rlim_t n = 0; n < 2; n++) {
		guint begun = f->begun;

		limit_to(f, n);
		g_assert_cmpuint(
			run_for(300), <, 100); /* no word of GLib's, which would be fatal */
		g_assert_cmpint(eventfd_write(f->fd, 1), ==, 0);
		run_for(100);
		g_assert_cmpuint(f->events, ==, n + 1);
		g_assert_cmpuint(f->begun, ==, 1);
		g_assert_cmpuint(f->begun - begun, ==, n == 0);
		g_assert_cmpuint(f->over, ==, 0);
	}
	limit_to(f, f->before.rlim_cur);
	wait_until_over(f);
	g_assert_cmpuint(f->begun, ==, 1);
	g_assert_cmpuint(f->over, ==, 1);
	g_assert_false(hvis_shortage_is_on());
	g_source_remove(source);
}

static gpointer fail_often(gpointer data)
{
	for (int i = 0; i < 1000; i++)
		hvis_fail_errno(NULL, EMFILE, "open %d", i);
	return NULL;
}

/* A thousand failures in four threads are one, and another a second later belongs to it. */
static void test_told_once(Fixture *f, gconstpointer data)
{
	GThread *threads[4];

	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("fail", fail_often, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	g_assert_true(hvis_shortage_is_on());
	run_for(1500);
	hvis_shortage_note(ENFILE);
	run_for(2000);
	g_assert_cmpuint(f->begun, ==, 1);
	g_assert_cmpuint(f->over, ==, 0);
	wait_until_over(f);
	g_assert_cmpuint(f->over, ==, 1);
	hvis_shortage_note(EIO);
	run_for(100);
	g_assert_cmpuint(f->begun, ==, 1);
	hvis_shortage_note(EMFILE);
	run_for(100);
	g_assert_cmpuint(f->begun, ==, 2);
}

static void test_select(Fixture *f, gconstpointer data)
{
	int pair[2];
	GPollFD fds[3] = { { .events = G_IO_IN | G_IO_OUT }, { .events = G_IO_IN }, { .fd = -1 } };

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
	fds[0].fd = pair[0];
	fds[1].fd = f->fd;
	g_assert_cmpint(hvis_shortage_select(fds, 3, -1), ==, 1);
	g_assert_cmpint(fds[0].revents, ==, G_IO_OUT);
	g_assert_cmpint(fds[1].revents, ==, 0);
	g_assert_cmpint(write(pair[1], "x", 1), ==, 1);
	g_assert_cmpint(eventfd_write(f->fd, 1), ==, 0);
	g_assert_cmpint(hvis_shortage_select(fds, 3, 1000), ==, 2);
	g_assert_cmpint(fds[0].revents, ==, G_IO_IN | G_IO_OUT);
	g_assert_cmpint(fds[1].revents, ==, G_IO_IN);
	close(pair[1]); /* who hung up can be read from */
	fds[0].events = G_IO_IN;
	g_assert_cmpint(hvis_shortage_select(fds, 1, -1), ==, 1);
	close(pair[0]);
	g_assert_cmpint(hvis_shortage_select(fds, 1, 0), ==, 0); /* no descriptor: no loop */
	g_assert_cmpint(fds[0].revents, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(NAME, TEST) g_test_add("/shortage/" NAME, Fixture, NULL, set_up, TEST, tear_down)
	ADD("limit-below-open-descriptors", test_limit_below_open_descriptors);
	ADD("told-once", test_told_once);
	ADD("select", test_select);
	return g_test_run();
}
