/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors behind one: told of what they have, for as long as they are there, by the same words as GLib's. */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <util/fd.h>
#include <util/quiet.h>

typedef struct {
	int fd;
	guint id;
	guint calls;
	GIOCondition condition; /* of the last call */
	guint removes; /* an id to remove in the call; 0 = none */
	gboolean ends; /* by the call's result */
} Source;

static gboolean on_event(gint fd, GIOCondition condition, gpointer data)
{
	Source *s = data;
	eventfd_t value;

	g_assert_cmpint(fd, ==, s->fd);
	s->calls++;
	s->condition = condition;
	eventfd_read(fd, &value);
	hvis_quiet_remove(s->removes);
	return !s->ends;
}

static void add(Source *s)
{
	*s = (Source){ .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	s->id = hvis_quiet_add(s->fd, G_IO_IN, on_event, s);
	g_assert_cmpuint(s->id, !=, 0);
}

static void done_with(Source *s)
{
	hvis_quiet_remove(s->id);
	hvis_fd_clear(&s->fd);
}

static void settle(void)
{
	while (g_main_context_iteration(NULL, FALSE)) {
	}
}

static void test_told(void)
{
	Source a, b;

	add(&a);
	add(&b);
	g_assert_cmpuint(a.id, !=, b.id);
	settle();
	g_assert_cmpuint(a.calls + b.calls, ==, 0);
	for (guint i = 1; i <= 3; i++) {
		eventfd_write(b.fd, 1);
		settle();
		g_assert_cmpuint(b.calls, ==, i);
		g_assert_cmpint(b.condition, ==, G_IO_IN);
	}
	g_assert_cmpuint(a.calls, ==, 0);
	done_with(&a);
	done_with(&b);
}

static void test_removed(void)
{
	Source a, b;

	add(&a);
	add(&b);
	eventfd_write(a.fd, 1);
	eventfd_write(b.fd, 1);
	hvis_quiet_remove(a.id);
	b.ends = TRUE;
	settle();
	eventfd_write(b.fd, 1);
	settle();
	g_assert_cmpuint(a.calls, ==, 0);
	g_assert_cmpuint(b.calls, ==, 1);
	hvis_quiet_remove(0);
	done_with(&a); /* twice is fine */
	done_with(&b);
}

/* Both are ready, and the first that is called takes both away: the other is not called, nor is what has its place. */
static void test_removed_by_another(void)
{
	Source a, b;

	add(&a);
	add(&b);
	a.removes = b.id;
	b.removes = a.id;
	eventfd_write(a.fd, 1);
	eventfd_write(b.fd, 1);
	settle();
	g_assert_cmpuint(a.calls + b.calls, ==, 1);
	done_with(&a);
	done_with(&b);
}

/* In the call, as one that takes a break does. */
static void test_removes_itself(void)
{
	Source a;

	add(&a);
	a.removes = a.id;
	eventfd_write(a.fd, 1);
	settle();
	eventfd_write(a.fd, 1);
	settle();
	g_assert_cmpuint(a.calls, ==, 1);
	a.removes = 0;
	a.id = hvis_quiet_add(a.fd, G_IO_IN, on_event, &a);
	settle();
	g_assert_cmpuint(a.calls, ==, 2);
	done_with(&a);
}

static void test_hang_up(void)
{
	Source a = { 0 };
	int ends[2];

	g_assert_cmpint(pipe2(ends, O_CLOEXEC | O_NONBLOCK), ==, 0);
	a.fd = ends[0];
	a.ends = TRUE;
	a.id = hvis_quiet_add(a.fd, G_IO_IN, on_event, &a);
	close(ends[1]);
	settle();
	g_assert_cmpint(a.condition, ==, G_IO_HUP);
	done_with(&a);
}

/* A file cannot be waited for by epoll(7), and is ready all the time: as by poll(2). */
static void test_not_taken(void)
{
	Source a = { .fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC) };

	a.id = hvis_quiet_add(a.fd, G_IO_IN, on_event, &a);
	g_main_context_iteration(NULL, FALSE);
	g_assert_cmpuint(a.calls, ==, 1);
	a.ends = TRUE;
	settle();
	g_assert_cmpuint(a.calls, ==, 2);
	done_with(&a);
}

/* More than are asked in one turn, and all have news all the time: each gets its turn. */
static void test_many(void)
{
	Source all[40];
	guint waiting = G_N_ELEMENTS(all);

	for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
		add(&all[i]);
		eventfd_write(all[i].fd, 1);
	}
	for (guint turns = 0; waiting > 0; turns++) {
		g_assert_cmpuint(turns, <, 1000);
		g_main_context_iteration(NULL, FALSE);
		waiting = 0;
		for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
			waiting += all[i].calls == 0;
			if (all[i].calls)
				eventfd_write(all[i].fd, 1);
		}
	}
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		done_with(&all[i]);
}

typedef struct {
	Source *old, *fresh;
} Exchange;

static gboolean on_exchange(gint fd, GIOCondition condition, gpointer data)
{
	Exchange *x = data;
	int old = x->old->fd;

	done_with(x->old);
	add(x->fresh);
	g_assert_cmpint(x->fresh->fd, ==, old);
	return G_SOURCE_REMOVE;
}

/*
 * In one turn the first who is called puts another descriptor of the same number in the place of the second: what
 * was known of that one is none of its successor's news.
 */
static void test_number_again(void)
{
	Source a, b, fresh;
	Exchange x = { .old = &b, .fresh = &fresh };

	a.fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
	hvis_quiet_add(a.fd, G_IO_IN, on_exchange, &x);
	add(&b);
	eventfd_write(b.fd, 1);
	while (b.fd >= 0)
		g_main_context_iteration(NULL, FALSE);
	settle();
	g_assert_cmpuint(fresh.calls, ==, 0);
	eventfd_write(fresh.fd, 1);
	settle();
	g_assert_cmpuint(fresh.calls, ==, 1);
	done_with(&fresh);
	hvis_fd_clear(&a.fd);
}

/* Nothing has news: the loop may sleep for ever. */
static void test_idle(void)
{
	GMainContext *context = g_main_context_default();
	gint priority, timeout = 0, n;
	GPollFD fds[8];
	Source a, b;

	add(&a);
	add(&b);
	eventfd_write(a.fd, 1);
	settle();
	g_assert_cmpuint(a.calls, ==, 1);
	g_assert_true(g_main_context_acquire(context));
	g_assert_false(g_main_context_prepare(context, &priority));
	n = g_main_context_query(context, priority, &timeout, fds, G_N_ELEMENTS(fds));
	g_assert_cmpint(n, <=, (gint)G_N_ELEMENTS(fds));
	g_assert_cmpint(timeout, ==, -1);
	g_assert_cmpint(g_poll(fds, (guint)n, 0), ==, 0);
	g_main_context_release(context);
	done_with(&a);
	done_with(&b);
}

/* For want of a descriptor there is no common one: each is a source by itself. */
static void test_no_common(void)
{
	struct rlimit limit, none;
	Source a, b;

	if (!g_test_subprocess()) {
		g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
		g_test_trap_assert_passed();
		return;
	}
	g_assert_nonnull(g_main_context_default()); /* has its own descriptor */
	a = b = (Source){ .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	b.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	none = limit;
	none.rlim_cur = 0;
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
	a.id = hvis_quiet_add(a.fd, G_IO_IN, on_event, &a);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	b.id = hvis_quiet_add(b.fd, G_IO_IN, on_event, &b);
	eventfd_write(a.fd, 1);
	eventfd_write(b.fd, 1);
	settle();
	g_assert_cmpuint(a.calls, ==, 1);
	g_assert_cmpuint(b.calls, ==, 1);
	done_with(&a);
	eventfd_write(b.fd, 1);
	b.ends = TRUE;
	settle();
	eventfd_write(b.fd, 1);
	settle();
	g_assert_cmpuint(b.calls, ==, 2);
	done_with(&b);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/quiet/told", test_told);
	g_test_add_func("/quiet/removed", test_removed);
	g_test_add_func("/quiet/removed-by-another", test_removed_by_another);
	g_test_add_func("/quiet/removes-itself", test_removes_itself);
	g_test_add_func("/quiet/hang-up", test_hang_up);
	g_test_add_func("/quiet/not-taken", test_not_taken);
	g_test_add_func("/quiet/many", test_many);
	g_test_add_func("/quiet/number-again", test_number_again);
	g_test_add_func("/quiet/idle", test_idle);
	g_test_add_func("/quiet/no-common", test_no_common);
	return g_test_run();
}
