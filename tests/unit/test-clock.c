/* SPDX-License-Identifier: GPL-2.0-only */
/* The fake clock that other tests lean on, and the real one's timers. */
#include <util/clock.h>
#include <util/error.h>

static GString *trace;

static void note(gpointer data)
{
	g_string_append_c(trace, (char)GPOINTER_TO_INT(data));
}

static void test_fake(void)
{
	g_autoptr(HvisFakeClock) fake = hvis_fake_clock_new();
	HvisClock *clock = hvis_fake_clock_get(fake);
	gint64 start = clock->now(clock);
	guint gone;

	trace = g_string_new(NULL);
	clock->add(clock, 20, note, GINT_TO_POINTER('b'));
	clock->add(clock, 10, note, GINT_TO_POINTER('a'));
	clock->add(clock, 20, note, GINT_TO_POINTER('c'));
	gone = clock->add(clock, 15, note, GINT_TO_POINTER('x'));
	clock->remove(clock, gone);
	clock->remove(clock, gone);
	clock->remove(clock, 0);
	g_assert_cmpint(hvis_fake_clock_next_ms(fake), ==, 10);
	hvis_fake_clock_advance(fake, 9);
	g_assert_cmpstr(trace->str, ==, "");
	hvis_fake_clock_advance(fake, 1);
	g_assert_cmpstr(trace->str, ==, "a");
	hvis_fake_clock_advance(fake, 100);
	g_assert_cmpstr(trace->str, ==, "abc");
	g_assert_cmpint(clock->now(clock) - start, ==, 110000);
	g_assert_cmpuint(hvis_fake_clock_pending(fake), ==, 0);
	g_assert_cmpint(hvis_fake_clock_next_ms(fake), ==, -1);
	g_string_free(trace, TRUE);
}

typedef struct {
	HvisClock *clock;
	guint left;
} Chain;

static void again(gpointer data)
{
	Chain *chain = data;

	if (--chain->left)
		chain->clock->add(chain->clock, 10, again, chain);
}

static void again_at_once(gpointer data)
{
	Chain *chain = data;

	if (--chain->left)
		chain->clock->add(chain->clock, 0, again_at_once, chain);
}

/* A timer that sets another: both fall due in one long step. */
static void test_fake_chain(void)
{
	g_autoptr(HvisFakeClock) fake = hvis_fake_clock_new();
	Chain chain = { hvis_fake_clock_get(fake), 5 };

	chain.clock->add(chain.clock, 10, again, &chain);
	hvis_fake_clock_advance(fake, 40);
	g_assert_cmpuint(chain.left, ==, 1);
	hvis_fake_clock_advance(fake, 10);
	g_assert_cmpuint(chain.left, ==, 0);
}

static void test_real(void)
{
	HvisClock *clock = hvis_clock_default();
	gint64 start = clock->now(clock);
	guint first, second;

	trace = g_string_new(NULL);
	first = clock->add(clock, 5, note, GINT_TO_POINTER('a'));
	second = clock->add(clock, 5, note, GINT_TO_POINTER('x'));
	g_assert_cmpuint(first, !=, 0);
	g_assert_cmpuint(first, !=, second);
	clock->remove(clock, second);
	while (trace->len == 0)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpstr(trace->str, ==, "a");
	g_assert_cmpint(clock->now(clock) - start, >=, 5000);
	clock->remove(clock, first); /* expired: ignored */
	g_string_free(trace, TRUE);
}

static void note_and_remove(gpointer data)
{
	HvisClock *clock = hvis_clock_default();

	note(GINT_TO_POINTER('r'));
	clock->remove(clock, *(guint *)data);
}

/*
 * In the order of their time, not of setting; one that is due in the same turn as the one that takes it back is not
 * called. However long the machine takes between two of these calls, the order is the same.
 */
static void test_real_order(void)
{
	const guint hour = 60 * 60 * 1000;
	HvisClock *clock = hvis_clock_default();
	guint late, victim;

	trace = g_string_new(NULL);
	late = clock->add(clock, hour, note, GINT_TO_POINTER('c'));
	clock->add(clock, 1, note, GINT_TO_POINTER('a'));
	clock->add(clock, 2, note_and_remove, &victim);
	victim = clock->add(clock, 3, note, GINT_TO_POINTER('x'));
	g_usleep(4000); /* at the least: three are due now */
	while (trace->len < 2)
		g_main_context_iteration(NULL, TRUE);
	g_assert_false(g_main_context_iteration(NULL, FALSE));
	g_assert_cmpstr(trace->str, ==, "ar");
	clock->remove(clock, late);
	g_string_free(trace, TRUE);
}

/* A timer that sets another for at once gets its turn again, but not before everybody else has had one. */
static void test_real_at_once(void)
{
	HvisClock *clock = hvis_clock_default();
	Chain chain = { clock, 5 };

	clock->add(clock, 0, again_at_once, &chain);
	for (guint turns = 0; chain.left > 0; turns++) {
		g_assert_cmpuint(turns, <, 1000);
		g_main_context_iteration(NULL, TRUE);
	}
	g_assert_false(g_main_context_pending(NULL));
}

/* Nothing is set: the loop may sleep for ever. */
static void test_real_idle(void)
{
	GMainContext *context = g_main_context_default();
	HvisClock *clock = hvis_clock_default();
	gint priority, timeout = 0;
	GPollFD fds[8];

	clock->remove(clock, clock->add(clock, 1000, note, NULL));
	g_assert_true(g_main_context_acquire(context));
	g_assert_false(g_main_context_prepare(context, &priority));
	g_main_context_query(context, priority, &timeout, fds, G_N_ELEMENTS(fds));
	g_assert_cmpint(timeout, ==, -1);
	g_main_context_release(context);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/clock/fake", test_fake);
	g_test_add_func("/clock/fake-chain", test_fake_chain);
	g_test_add_func("/clock/real", test_real);
	g_test_add_func("/clock/real-order", test_real_order);
	g_test_add_func("/clock/real-at-once", test_real_at_once);
	g_test_add_func("/clock/real-idle", test_real_idle);
	return g_test_run();
}
