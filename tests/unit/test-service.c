/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a service: every cell of its table, then whole stories on scripted transports and a
 * clock that is moved by hand. The daemon under test speaks four letters: messages of 4 bytes,
 * "HELO" is the handshake, "BAD!" cannot be decoded, "HOLD" is answered later.
 */
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <hvis/services.h>
#include <service/service.h>
#include <transport/script.h>
#include <util/error.h>

#include "tests/unit/remove-tree.h"

/* --- the table --- */

#define NO "-"

/* One row per event in the order of the enum: "action>state" for each state, "-" = refused. */
static const char *const expected[HVIS_SERVICE_N_EVENTS][HVIS_SERVICE_N_STATES] = {
	/* stopped, opening, absent, busy, backoff, registering, ready, serving */
	{ "1:opening", NO, NO, NO, NO, NO, NO, NO }, /* start */
	{ NO, "1:opening", "1:opening", "1:opening", "1:opening", NO, NO, NO }, /* retry */
	{ NO, "4:registering", NO, NO, NO, NO, NO, NO }, /* opened */
	{ NO, "2:absent", NO, NO, NO, NO, NO, NO }, /* missing */
	{ NO, "3:busy", NO, NO, NO, "B:busy", NO, NO }, /* taken */
	{ NO, "3:backoff", NO, NO, NO, NO, NO, NO }, /* broken */
	{ NO, NO, NO, NO, NO, "5:ready", "5:ready", "5:serving" }, /* handshake */
	{ NO, NO, NO, NO, NO, "6:serving", "6:serving", "7:serving" }, /* request */
	{ NO, NO, NO, NO, NO, NO, NO, "8:ready" }, /* replied */
	{ NO, NO, NO, NO, NO, "B:backoff", NO, "9:ready" }, /* deadline */
	{ NO, NO, NO, NO, NO, "B:backoff", "B:backoff", "B:backoff" }, /* gone */
	{ "0:stopped", "C:stopped", "C:stopped", "C:stopped", "C:stopped", "C:stopped", "C:stopped",
		"C:stopped" }, /* stop */
};

static char letter_of(HvisServiceAction action)
{
	switch (action) {
	case HVIS_ACT_NONE:
		return '0';
	case HVIS_ACT_OPEN:
		return '1';
	case HVIS_ACT_WATCH:
		return '2';
	case HVIS_ACT_DELAY:
		return '3';
	case HVIS_ACT_AWAIT:
		return '4';
	case HVIS_ACT_WELCOME:
		return '5';
	case HVIS_ACT_DISPATCH:
		return '6';
	case HVIS_ACT_SUPERSEDE:
		return '7';
	case HVIS_ACT_FINISH:
		return '8';
	case HVIS_ACT_OVERDUE:
		return '9';
	case HVIS_ACT_REOPEN:
		return 'B';
	case HVIS_ACT_CLOSE:
		return 'C';
	case HVIS_ACT_REFUSE:
	case HVIS_SERVICE_N_ACTIONS:
		break;
	}
	return '?';
}

static void test_table(void)
{
	for (int event = 0; event < HVIS_SERVICE_N_EVENTS; event++) {
		for (int state = 0; state < HVIS_SERVICE_N_STATES; state++) {
			HvisServiceCell cell =
				hvis_service_cell((HvisServiceState)state, (HvisServiceEvent)event);
			g_autofree char *got =
				cell.action == HVIS_ACT_REFUSE
					? g_strdup(NO)
					: g_strdup_printf("%c:%s", letter_of(cell.action),
						  hvis_service_state_name(cell.next));

			if (strcmp(got, expected[event][state]) != 0)
				g_error("%s while %s: %s, not %s",
					hvis_service_event_name((HvisServiceEvent)event),
					hvis_service_state_name((HvisServiceState)state), got,
					expected[event][state]);
		}
	}
}

static void test_names(void)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	for (int i = 0; i < HVIS_SERVICE_N_STATES; i++)
		g_assert_true(g_hash_table_add(
			seen, (gpointer)hvis_service_state_name((HvisServiceState)i)));
	for (int i = 0; i < HVIS_SERVICE_N_EVENTS; i++)
		g_assert_true(g_hash_table_add(
			seen, (gpointer)hvis_service_event_name((HvisServiceEvent)i)));
}

/* --- the daemon under test --- */

typedef struct {
	HvisFakeClock *clock;
	HvisService *service;
	const HvisScriptStep *const *scripts; /* one per open; NULL = what open_error says */
	guint opens;
	HvisErrorCode open_error;
	const char *open_text;
	HvisTransport *transport; /* the last one, while open */
	GString *states; /* "ready ", "busy(reason) " */
	guint64 held;
	guint64 dropped;
	gboolean refuse_handshake;
	gboolean stop_in_request;
	guint takes_ms; /* of time, before on_request() returns */
	guint extends_ms; /* by it, for what it holds */
	char *path;
} Fixture;

static gsize build_register(guint8 *buf, gpointer data G_GNUC_UNUSED)
{
	for (int i = 0; i < 8; i++)
		g_assert_cmpuint(buf[i], ==, 0);
	memcpy(buf, "REGI", 4);
	return 4;
}

static gboolean is_handshake(const guint8 *msg, gsize len, gpointer data G_GNUC_UNUSED)
{
	return len == 4 && memcmp(msg, "HELO", 4) == 0;
}

static gboolean on_handshake(
	const guint8 *msg G_GNUC_UNUSED, gsize len G_GNUC_UNUSED, gpointer data, GError **error)
{
	Fixture *f = data;

	if (f->refuse_handshake)
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "the kernel is too old");
	return TRUE;
}

static gboolean on_request(HvisService *service, guint64 txn, const guint8 *msg, gsize len,
	gpointer data, GError **error)
{
	Fixture *f = data;

	if (len != 4 || memcmp(msg, "BAD!", 4) == 0)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "not four good letters");
	if (f->stop_in_request) {
		hvis_service_stop(service);
		g_assert_false(hvis_service_reply(service, txn, "OKAY", 4));
		return TRUE;
	}
	hvis_fake_clock_advance(f->clock, f->takes_ms);
	if (memcmp(msg, "HOLD", 4) == 0)
		f->held = txn;
	else
		hvis_service_reply(service, txn, "OKAY", 4);
	if (f->extends_ms)
		g_assert_true(hvis_service_extend(service, txn, f->extends_ms));
	return TRUE;
}

static gsize build_failure(HvisFailure why, guint8 *buf, gpointer data G_GNUC_UNUSED)
{
	switch (why) {
	case HVIS_FAILURE_MALFORMED:
		memcpy(buf, "MALF", 4);
		return 4;
	case HVIS_FAILURE_DEADLINE:
		memcpy(buf, "LATE", 4);
		return 4;
	case HVIS_FAILURE_N:
		break;
	}
	g_assert_not_reached();
}

static void on_state(HvisService *service G_GNUC_UNUSED, HvisServiceState state, const char *reason,
	gpointer data)
{
	Fixture *f = data;

	g_string_append(f->states, hvis_service_state_name(state));
	if (reason)
		g_string_append_printf(f->states, "(%s)", reason);
	g_string_append_c(f->states, ' ');
}

static void on_dropped(HvisService *service G_GNUC_UNUSED, guint64 txn, gpointer data)
{
	((Fixture *)data)->dropped = txn;
}

static const HvisServiceOps ops = {
	.name = "test",
	.receive_size = 4,
	.send_size = 8,
	.build_register = build_register,
	.is_handshake = is_handshake,
	.on_handshake = on_handshake,
	.on_request = on_request,
	.build_failure = build_failure,
	.on_state = on_state,
	.on_dropped = on_dropped,
};

static HvisTransport *open_script(const char *path G_GNUC_UNUSED, gpointer data, GError **error)
{
	Fixture *f = data;
	const HvisScriptStep *script = f->scripts ? f->scripts[f->opens] : NULL;

	f->opens++;
	if (script)
		return f->transport = hvis_script_new(script);
	hvis_fail(error, f->open_error, "%s", f->open_text);
	return NULL;
}

/* --- fixture --- */

static void set_up(Fixture *f, gconstpointer data)
{
	f->scripts = data;
	f->clock = hvis_fake_clock_new();
	f->states = g_string_new(NULL);
	f->path = g_strdup("/nonexistent-hvis/device");
	f->service = hvis_service_new(&ops, f->path, hvis_fake_clock_get(f->clock), f);
	hvis_service_set_opener(f->service, open_script, f);
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_service_free(f->service);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	hvis_fake_clock_free(f->clock);
	g_string_free(f->states, TRUE);
	g_free(f->path);
}

static void settle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void start(Fixture *f)
{
	hvis_service_start(f->service);
	settle();
}

static void expect_states(Fixture *f, const char *states)
{
	g_assert_cmpstr(f->states->str, ==, states);
	g_string_truncate(f->states, 0);
}

#define COUNT(f, member) (hvis_service_counters((f)->service)->member)
#define SENT(text)                                                                                 \
	{                                                                                          \
		HVIS_SCRIPT_SENT, text, 4                                                          \
	}
#define ARRIVES(text)                                                                              \
	{                                                                                          \
		HVIS_SCRIPT_ARRIVES, text, 4                                                       \
	}
#define GONE                                                                                       \
	{                                                                                          \
		HVIS_SCRIPT_GONE, NULL, 0                                                          \
	}
#define END                                                                                        \
	{                                                                                          \
		HVIS_SCRIPT_END, NULL, 0                                                           \
	}
#define SCRIPTS(...)                                                                               \
	(const HvisScriptStep *const[])                                                            \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define STEPS(...)                                                                                 \
	(const HvisScriptStep[])                                                                   \
	{                                                                                          \
		__VA_ARGS__, END                                                                   \
	}

/* --- stories --- */

static void test_serves(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("ASK1"), SENT("OKAY"),
		ARRIVES("ASK2"), SENT("OKAY")));
	start(f);
	g_assert_true(hvis_script_done(f->transport));
	g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_READY);
	expect_states(f, "ready ");
	g_assert_cmpuint(COUNT(f, requests), ==, 2);
	g_assert_cmpuint(COUNT(f, replies), ==, 2);
	g_assert_cmpuint(COUNT(f, handshakes), ==, 1);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	hvis_service_stop(f->service);
	expect_states(f, "stopped ");
	g_assert_cmpstr(hvis_service_path(f->service), ==, f->path);
}

static void test_replies_later(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("HOLD"), SENT("DONE"),
		ARRIVES("ASK1"), SENT("OKAY")));
	start(f);
	g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_SERVING);
	hvis_fake_clock_advance(f->clock, HVIS_SERVICE_DEADLINE_MS - 1);
	g_assert_true(hvis_service_reply(f->service, f->held, "DONE", 4));
	g_assert_false(hvis_service_reply(f->service, f->held, "DONE", 4)); /* once only */
	g_assert_cmpuint(COUNT(f, late), ==, 1);
	settle();
	g_assert_true(hvis_script_done(f->transport));
	g_assert_cmpuint(f->dropped, ==, 0);
}

/* As many turns of the main loop as it takes until @n requests have come. */
static guint turns_until(Fixture *f, guint64 n)
{
	guint turns = 0;

	for (; COUNT(f, requests) < n; turns++)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpuint(COUNT(f, requests), ==, n);
	return turns;
}

/* A host that sends many in a row does not need a turn for each, but others have theirs in between. */
static void test_burst(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	HvisServiceOps bursting = ops;

	bursting.burst = 2;
	hvis_service_free(f->service);
	f->service = hvis_service_new(&bursting, f->path, hvis_fake_clock_get(f->clock), f);
	hvis_service_set_opener(f->service, open_script, f);
	f->scripts = SCRIPTS(
		STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("ASK1"), SENT("OKAY"), ARRIVES("ASK2"),
			SENT("OKAY"), ARRIVES("BAD!"), SENT("MALF"), ARRIVES("ASK4"), SENT("OKAY"),
			ARRIVES("HOLD"), SENT("DONE"), ARRIVES("ASK6"), SENT("OKAY"), GONE),
		STEPS(SENT("REGI"), ARRIVES("HELO")));
	hvis_service_start(f->service);
	while (hvis_service_state(f->service) != HVIS_SERVICE_READY)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpuint(turns_until(f, 3), ==, 1);
	g_assert_cmpuint(turns_until(f, 5), ==, 1);
	g_main_context_iteration(NULL, FALSE); /* what waits for an answer is not lingered for */
	g_assert_cmpuint(COUNT(f, requests), ==, 5);
	g_assert_true(hvis_service_reply(f->service, f->held, "DONE", 4));
	g_assert_cmpuint(turns_until(f, 6), ==, 1);
	g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_BACKOFF); /* gone in it */
	hvis_fake_clock_advance(f->clock, HVIS_SERVICE_BACKOFF_MIN_MS);
	settle();
	expect_states(f, "ready backoff(script: gone) ready ");
	hvis_service_free(f->service);
	f->service = NULL;
}

static void test_deadline(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("HOLD"), SENT("LATE"),
		ARRIVES("ASK1"), SENT("OKAY")));
	start(f);
	hvis_fake_clock_advance(f->clock, HVIS_SERVICE_DEADLINE_MS);
	settle();
	g_assert_true(hvis_script_done(f->transport));
	g_assert_cmpuint(COUNT(f, overdue), ==, 1);
	g_assert_cmpuint(f->dropped, ==, f->held);
	g_assert_false(hvis_service_reply(f->service, f->held, "DONE", 4)); /* nothing is sent */
	g_assert_cmpuint(COUNT(f, late), ==, 1);
	g_assert_false(hvis_service_extend(f->service, f->held, 1000));
	g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_READY);
}

/* No timer for what is answered at once, the whole time again for what comes after it. */
static void test_deadline_is_for_what_waits(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("ASK1"), SENT("OKAY"),
		ARRIVES("HOLD"), SENT("LATE"), ARRIVES("HOLD"), SENT("DONE")));
	f->takes_ms = HVIS_SERVICE_DEADLINE_MS - 1;
	hvis_service_start(f->service);
	while (COUNT(f, replies) == 0) {
		g_assert_cmpuint(hvis_fake_clock_pending(f->clock), <=, 1); /* the handshake's */
		g_main_context_iteration(NULL, FALSE);
	}
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	settle();
	g_assert_cmpint(hvis_fake_clock_next_ms(f->clock), ==, 1);
	f->takes_ms = 0;
	hvis_fake_clock_advance(f->clock, 1);
	settle();
	g_assert_cmpuint(COUNT(f, overdue), ==, 1);
	g_assert_cmpint(hvis_fake_clock_next_ms(f->clock), ==, HVIS_SERVICE_DEADLINE_MS);
	g_assert_true(hvis_service_reply(f->service, f->held, "DONE", 4));
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	g_assert_true(hvis_script_done(f->transport));
}

/* Whoever takes the whole time to take a request, or the clock jumps meanwhile: overdue at once, not never. */
static void test_deadline_passed_in_request(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("HOLD"), SENT("LATE")));
	f->takes_ms = 3 * HVIS_SERVICE_DEADLINE_MS;
	start(f);
	g_assert_cmpint(hvis_fake_clock_next_ms(f->clock), ==, 0);
	hvis_fake_clock_advance(f->clock, 0);
	g_assert_true(hvis_script_done(f->transport));
	g_assert_cmpuint(COUNT(f, overdue), ==, 1);
}

static void test_extended_in_request(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("HOLD"), SENT("LATE")));
	f->takes_ms = 1000;
	f->extends_ms = 2 * HVIS_SERVICE_DEADLINE_MS;
	start(f);
	g_assert_cmpint(hvis_fake_clock_next_ms(f->clock), ==, 2 * HVIS_SERVICE_DEADLINE_MS);
	hvis_fake_clock_advance(f->clock, 2 * HVIS_SERVICE_DEADLINE_MS);
	g_assert_true(hvis_script_done(f->transport));
}

static void test_extended(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("HOLD"), SENT("DONE")));
	start(f);
	g_assert_true(hvis_service_extend(f->service, f->held, 15 * 60 * 1000));
	hvis_fake_clock_advance(f->clock, 15 * 60 * 1000 - 1);
	g_assert_true(hvis_service_reply(f->service, f->held, "DONE", 4));
	g_assert_cmpuint(COUNT(f, overdue), ==, 0);
}

static void test_malformed(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const HvisScriptStep steps[] = { SENT("REGI"), ARRIVES("HELO"), ARRIVES("BAD!"),
		SENT("MALF"), { HVIS_SCRIPT_ARRIVES, "x", 1 }, SENT("MALF"),
		{ HVIS_SCRIPT_ARRIVES, "too long", 8 }, SENT("MALF"), ARRIVES("ASK1"), SENT("OKAY"),
		END };

	f->scripts = SCRIPTS(steps);
	start(f);
	g_assert_true(hvis_script_done(f->transport));
	g_assert_cmpuint(COUNT(f, malformed), ==, 3);
	g_assert_cmpuint(COUNT(f, oversized), ==, 1);
	g_assert_cmpuint(COUNT(f, replies), ==, 1);
	expect_states(f, "ready ");
}

/* The kernel gave a request up and asks the next: the answer to the first must not be sent. */
static void test_superseded(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint64 first;

	f->scripts = SCRIPTS(STEPS(
		SENT("REGI"), ARRIVES("HELO"), ARRIVES("HOLD"), ARRIVES("HOLD"), SENT("SECD")));
	hvis_service_start(f->service);
	while (!f->held)
		g_main_context_iteration(NULL, FALSE);
	first = f->held;
	hvis_fake_clock_advance(f->clock, 1000);
	settle();
	g_assert_cmpuint(f->held, !=, first);
	g_assert_cmpint(hvis_fake_clock_next_ms(f->clock), ==, HVIS_SERVICE_DEADLINE_MS);
	g_assert_cmpuint(f->dropped, ==, first);
	g_assert_cmpuint(COUNT(f, superseded), ==, 1);
	g_assert_false(hvis_service_reply(f->service, first, "FRST", 4));
	g_assert_true(hvis_service_reply(f->service, f->held, "SECD", 4));
}

/* The kernel says EINVAL: our reply came too late by its own clock. */
static void test_reply_refused(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const HvisScriptStep steps[] = { SENT("REGI"), ARRIVES("HELO"), ARRIVES("HOLD"),
		{ HVIS_SCRIPT_SEND_REFUSED, NULL, 0 }, ARRIVES("ASK1"), SENT("OKAY"), END };

	f->scripts = SCRIPTS(steps);
	start(f);
	g_assert_false(hvis_service_reply(f->service, f->held, "DONE", 4));
	g_assert_cmpuint(COUNT(f, late), ==, 1);
	g_assert_cmpuint(f->dropped, ==, f->held);
	settle();
	g_assert_true(hvis_script_done(f->transport));
	expect_states(f, "ready ");
}

static void test_handshake_again(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("HELO"), ARRIVES("HOLD"),
		ARRIVES("HELO"), SENT("DONE"), ARRIVES("HELO")));
	start(f);
	g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_SERVING);
	g_assert_true(hvis_service_reply(f->service, f->held, "DONE", 4));
	settle();
	g_assert_cmpuint(COUNT(f, handshakes), ==, 4);
	g_assert_true(hvis_script_done(f->transport));
	expect_states(f, "ready ");
}

static void test_request_before_handshake(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("ASK1"), SENT("OKAY"), ARRIVES("HELO")));
	start(f);
	g_assert_true(hvis_script_done(f->transport));
	g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_READY);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
}

static void test_handshake_missing(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI")), STEPS(SENT("REGI"), ARRIVES("HELO")));
	start(f);
	hvis_fake_clock_advance(f->clock, HVIS_SERVICE_HANDSHAKE_MS);
	expect_states(f, "backoff(the kernel did not answer the registration) ");
	hvis_fake_clock_advance(f->clock, HVIS_SERVICE_BACKOFF_MIN_MS);
	settle();
	expect_states(f, "ready ");
	g_assert_cmpuint(COUNT(f, reopened), ==, 1);
}

static void test_handshake_refused(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO")));
	f->refuse_handshake = TRUE;
	start(f);
	expect_states(f, "backoff(the kernel is too old) ");
	g_assert_cmpstr(hvis_service_reason(f->service), ==, "the kernel is too old");
}

/* Rescinded: at rest, and in the middle of a transaction. */
static void test_gone(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), GONE),
		STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("HOLD"), GONE),
		STEPS(SENT("REGI"), ARRIVES("HELO")));
	start(f);
	expect_states(f, "ready backoff(script: gone) ");
	hvis_fake_clock_advance(f->clock, HVIS_SERVICE_BACKOFF_MIN_MS);
	settle();
	expect_states(f, "ready backoff(script: gone) ");
	g_assert_cmpuint(f->dropped, ==, f->held);
	g_assert_false(hvis_service_reply(f->service, f->held, "DONE", 4));
	hvis_fake_clock_advance(f->clock, 2 * HVIS_SERVICE_BACKOFF_MIN_MS - 1);
	expect_states(f, ""); /* doubled: these did not last */
	hvis_fake_clock_advance(f->clock, 1);
	settle();
	expect_states(f, "ready ");
	g_assert_cmpuint(COUNT(f, reopened), ==, 2);
}

static void test_gone_on_reply(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	/* ARRIVES is taken first, so the device goes when the reply is written */
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("ASK1"), GONE));
	start(f);
	expect_states(f, "ready backoff(script: gone) ");
	g_assert_cmpuint(COUNT(f, replies), ==, 0);
}

/* Worked for a long time, then gone: the way back is quick again. */
static void test_backoff_resets(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	const HvisScriptStep *quick = STEPS(SENT("REGI"), ARRIVES("HELO"), GONE);
	const HvisScriptStep *steady =
		STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("HOLD"), SENT("DONE"), GONE);

	f->scripts = SCRIPTS(quick, quick, quick, quick, steady, quick);
	start(f);
	for (guint ms = HVIS_SERVICE_BACKOFF_MIN_MS; f->opens < 5; ms *= 2) {
		g_assert_cmpint(hvis_fake_clock_next_ms(f->clock), ==, ms);
		hvis_fake_clock_advance(f->clock, ms);
		settle();
	}
	hvis_fake_clock_advance(f->clock, HVIS_SERVICE_BACKOFF_MAX_MS);
	g_assert_true(hvis_service_reply(f->service, f->held, "DONE", 4));
	settle();
	g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_BACKOFF);
	g_assert_cmpint(hvis_fake_clock_next_ms(f->clock), ==, HVIS_SERVICE_BACKOFF_MIN_MS);
}

/* Taken by somebody else: said once, tried again ever more slowly. */
static void test_busy(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const guint delays[] = { 200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000 };
	static const HvisScriptStep free_again[] = { SENT("REGI"), ARRIVES("HELO"), END };
	const HvisScriptStep *scripts[G_N_ELEMENTS(delays) + 2] = { NULL };

	scripts[G_N_ELEMENTS(delays)] = free_again;
	f->scripts = scripts;
	f->open_error = HVIS_ERROR_BUSY;
	f->open_text = "in use by x (pid 7)";
	start(f);
	for (gsize i = 0; i < G_N_ELEMENTS(delays); i++) {
		g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_BUSY);
		g_assert_cmpint(hvis_fake_clock_next_ms(f->clock), ==, delays[i]);
		hvis_fake_clock_advance(f->clock, delays[i]);
		settle();
	}
	expect_states(f, "busy(in use by x (pid 7)) ready ");
	f->scripts = NULL;
}

static void test_broken(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->open_error = HVIS_ERROR_PERMISSION;
	f->open_text = "open: Permission denied";
	start(f);
	hvis_fake_clock_advance(f->clock, 60000);
	expect_states(f, "backoff(open: Permission denied) ");
	g_assert_cmpuint(f->opens, <, 12);
	g_assert_cmpuint(f->opens, >, 5);
}

/* Absent: opened once, then nothing at all happens until the path is there. */
static void test_absent(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-service-XXXXXX", NULL);
	g_autofree char *sub = g_build_filename(dir, "vmbus", NULL);
	g_autofree char *path = g_build_filename(sub, "device", NULL);

	hvis_service_free(f->service);
	f->service = hvis_service_new(&ops, path, hvis_fake_clock_get(f->clock), f);
	hvis_service_set_opener(f->service, open_script, f);
	f->scripts = SCRIPTS(NULL, STEPS(SENT("REGI"), ARRIVES("HELO")));
	f->open_error = HVIS_ERROR_NOT_FOUND;
	f->open_text = "open: no such file";
	start(f);
	expect_states(f, "absent(open: no such file) ");
	hvis_fake_clock_advance(f->clock, 3600 * 1000);
	settle();
	g_assert_cmpuint(f->opens, ==, 1);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0); /* no polling */
	g_assert_cmpint(g_mkdir(sub, 0755), ==, 0);
	settle();
	g_assert_cmpuint(f->opens, ==, 1);
	g_assert_true(g_file_set_contents(path, "", 0, NULL));
	settle();
	g_assert_cmpuint(f->opens, ==, 2);
	expect_states(f, "ready ");
	hvis_service_stop(f->service);
	g_unlink(path);
	g_rmdir(sub);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* The path is there, opening says it is not: no busy loop comes of it. */
static void test_absent_but_there(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-service-XXXXXX", NULL);

	hvis_service_free(f->service);
	f->service = hvis_service_new(&ops, dir, hvis_fake_clock_get(f->clock), f);
	hvis_service_set_opener(f->service, open_script, f);
	f->open_error = HVIS_ERROR_NOT_FOUND;
	f->open_text = "open: no such file";
	start(f);
	g_assert_cmpuint(f->opens, ==, 1);
	for (guint i = 2; i < 5; i++) {
		hvis_fake_clock_advance(f->clock, HVIS_SERVICE_BACKOFF_MIN_MS);
		settle();
		g_assert_cmpuint(f->opens, ==, i);
	}
	expect_states(f, "absent(open: no such file) ");
	hvis_service_stop(f->service);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static guint early_ms;

static guint take_early(const char *path)
{
	guint ms = early_ms;

	g_assert_cmpstr(path, ==, "/nonexistent-hvis/device");
	early_ms = 0;
	return ms;
}

/* A device too new to be opened was told as a failure: the daemon said that it was ready, unregistered. */
static void test_new_device(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO")));
	hvis_service_set_settle(f->service, take_early);
	early_ms = 90;
	start(f);
	hvis_fake_clock_advance(f->clock, 89);
	g_assert_cmpuint(f->opens, ==, 0);
	expect_states(f, "");
	early_ms = 20; /* somebody has touched it meanwhile */
	hvis_fake_clock_advance(f->clock, 20);
	g_assert_cmpuint(f->opens, ==, 0);
	hvis_fake_clock_advance(f->clock, 1);
	settle();
	g_assert_cmpuint(f->opens, ==, 1);
	expect_states(f, "ready ");
	g_assert_cmpuint(COUNT(f, reopened), ==, 0);
}

static void test_stop_before_it_settles(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_service_set_settle(f->service, take_early);
	early_ms = 90;
	start(f);
	hvis_service_stop(f->service);
	expect_states(f, ""); /* nor was a start told */
	hvis_fake_clock_advance(f->clock, 1000);
	g_assert_cmpuint(f->opens, ==, 0);
}

static void test_stop_in_request(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("ASK1")));
	f->stop_in_request = TRUE;
	start(f);
	expect_states(f, "ready stopped ");
	g_assert_cmpuint(f->dropped, ==, 1);
	hvis_service_stop(f->service); /* twice is fine */
}

static void test_stop_and_start(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->scripts =
		SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO")), STEPS(SENT("REGI"), ARRIVES("HELO")));
	start(f);
	hvis_service_stop(f->service);
	start(f);
	expect_states(f, "ready stopped ready ");
}

/* It comes at a path that nobody can know, goes, and comes at another one. */
static void test_finder(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *root = g_dir_make_tmp("hvis-service-XXXXXX", NULL);
	g_autofree char *device = g_build_filename(root, "hv_fcopy", NULL);
	g_autofree char *uio = g_build_filename(root, "uio3", NULL);
	g_autofree char *near = g_build_filename(root, "uio0", NULL);
	g_autofree char *vmbus = g_build_filename(root, "bus/vmbus/devices/5", NULL);
	g_autofree char *node = g_build_filename(vmbus, "uio/uio3", NULL);
	g_autofree char *id = g_build_filename(vmbus, "class_id", NULL);
	HvisFinder finder = { device, HVIS_FCOPY_TYPE, root, root, { device, near } };

	f->scripts = SCRIPTS(STEPS(SENT("REGI"), GONE), STEPS(SENT("REGI"), ARRIVES("HELO")));
	hvis_service_set_finder(f->service, &finder);
	start(f);
	g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_ABSENT);
	g_assert_nonnull(strstr(hvis_service_reason(f->service), "the host does not offer"));
	hvis_fake_clock_advance(f->clock, 1000);
	g_assert_cmpint(g_mkdir_with_parents(node, 0755), ==, 0);
	g_assert_true(
		g_file_set_contents(id, "{34d14be3-dee4-41c8-9ae7-6b174977c192}\n", -1, NULL));
	settle();
	g_assert_cmpuint(f->opens, ==, 0); /* in sysfs, but without a node */
	g_assert_true(g_file_set_contents(uio, "", 0, NULL));
	settle();
	g_assert_cmpuint(f->opens, ==, 1);
	g_assert_cmpstr(hvis_service_path(f->service), ==, uio);
	g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_BACKOFF);
	g_assert_cmpint(g_unlink(uio), ==, 0);
	hvis_fake_clock_advance(f->clock, HVIS_SERVICE_BACKOFF_MIN_MS);
	g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_ABSENT);
	hvis_fake_clock_advance(f->clock, 1000);
	g_assert_true(g_file_set_contents(device, "", 0, NULL));
	settle();
	g_assert_cmpint(hvis_service_state(f->service), ==, HVIS_SERVICE_READY);
	g_assert_cmpstr(hvis_service_path(f->service), ==, device);
	hvis_service_stop(f->service);
	remove_tree(root);
}

static void test_since(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	gint64 ready;

	f->scripts = SCRIPTS(STEPS(SENT("REGI"), ARRIVES("HELO"), ARRIVES("HOLD"), SENT("DONE")));
	hvis_fake_clock_advance(f->clock, 5000);
	start(f);
	ready = hvis_service_since(f->service);
	g_assert_cmpint(
		ready, ==, hvis_fake_clock_get(f->clock)->now(hvis_fake_clock_get(f->clock)));
	hvis_fake_clock_advance(f->clock, 5000);
	g_assert_true(hvis_service_reply(f->service, f->held, "DONE", 4));
	g_assert_cmpint(hvis_service_since(f->service), ==, ready);
}

#define ADD(path, func) g_test_add("/service/" path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/service/table", test_table);
	g_test_add_func("/service/names", test_names);
	ADD("serves", test_serves);
	ADD("replies-later", test_replies_later);
	ADD("burst", test_burst);
	ADD("deadline", test_deadline);
	ADD("deadline/is-for-what-waits", test_deadline_is_for_what_waits);
	ADD("deadline/passed-in-request", test_deadline_passed_in_request);
	ADD("extended", test_extended);
	ADD("extended/in-request", test_extended_in_request);
	ADD("malformed", test_malformed);
	ADD("superseded", test_superseded);
	ADD("reply-refused", test_reply_refused);
	ADD("handshake/again", test_handshake_again);
	ADD("handshake/request-first", test_request_before_handshake);
	ADD("handshake/missing", test_handshake_missing);
	ADD("handshake/refused", test_handshake_refused);
	ADD("gone/rescind", test_gone);
	ADD("gone/on-reply", test_gone_on_reply);
	ADD("gone/backoff-resets", test_backoff_resets);
	ADD("open/busy", test_busy);
	ADD("open/broken", test_broken);
	ADD("open/absent", test_absent);
	ADD("open/absent-but-there", test_absent_but_there);
	ADD("open/new-device-is-no-failure", test_new_device);
	ADD("open/where-it-is-found", test_finder);
	ADD("stop/before-it-settles", test_stop_before_it_settles);
	ADD("stop/in-request", test_stop_in_request);
	ADD("stop/and-start", test_stop_and_start);
	ADD("since", test_since);
	return g_test_run();
}
