/* SPDX-License-Identifier: GPL-2.0-only */
/* The registry, its options, and the services that need no more than a clock: heartbeat, shutdown,
 * timesync. */
#include <hvis/hresult.h>
#include <hvis/shutdown.h>
#include <util/clock.h>
#include <util/error.h>
#include "host/service/heartbeat.h"
#include "host/service/shutdown.h"
#include "host/service/timesync.h"
#include "tests/unit/fake-bus.h"

#define WALL_US 1700000000000000ll
#define WALL_100NS (116444736000000000ull + 17000000000000000ull)

typedef struct {
	FakeBus *bus;
	HvisFakeClock *clock;
	HostServices *all;
	guint calls;
	guint32 status;
	int code;
} Fixture;

static gint64 fixed_wall(void)
{
	return WALL_US;
}

static void setup(Fixture *f, gconstpointer spec)
{
	f->bus = fake_bus_new();
	f->clock = hvis_fake_clock_new();
	f->all = services_new_bus(fake_bus_get(f->bus), hvis_fake_clock_get(f->clock));
	services_set_wall(f->all, fixed_wall);
	if (spec)
		g_assert_true(services_add(f->all, spec, NULL));
}

static void teardown(Fixture *f, gconstpointer spec)
{
	services_free(f->all);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	hvis_fake_clock_free(f->clock);
	fake_bus_free(f->bus);
}

static HostService *ready(Fixture *f, const char *name, guint major, guint minor)
{
	fake_bus_open(f->bus, name);
	fake_bus_agree(
		f->bus, name, (IcVersion){ 3, 0 }, (IcVersion){ (guint16)major, (guint16)minor });
	return services_get(f->all, name, NULL);
}

static void on_done(guint32 status, const GError *error, gpointer data)
{
	Fixture *f = data;

	f->calls++;
	f->status = status;
	f->code = error ? error->code : -1;
}

/* --- heartbeat --- */

static FakeSent *next_beat(Fixture *f, guint64 *ret)
{
	FakeSent *sent = fake_bus_take(f->bus, "heartbeat");
	struct hvis_heartbeat beat;

	if (!sent)
		return NULL;
	g_assert_cmpuint(sent->m.type, ==, HVIS_IC_HEARTBEAT);
	g_assert_cmpuint(sent->m.body.left, ==, sizeof(beat));
	memcpy(&beat, sent->m.body.pos, sizeof(beat));
	*ret = hvis_le64_get(beat.sequence);
	return sent;
}

static void answer_beat(Fixture *f, const FakeSent *sent, guint64 sequence, guint32 app, gsize len)
{
	struct hvis_heartbeat beat = {
		.sequence = hvis_le64_make(sequence),
		.app_state = hvis_le32_make(app),
	};

	fake_bus_answer(f->bus, "heartbeat", sent, HVIS_S_OK, &beat, len);
}

static void test_heartbeat(Fixture *f, gconstpointer spec)
{
	HostService *s = ready(f, "heartbeat", 3, 0);
	HeartbeatStatus status;
	guint64 sequence;

	heartbeat_status(s, &status);
	g_assert_false(status.seen);
	g_assert_cmpstr(heartbeat_summary(&status), ==, "no-contact");
	for (guint i = 1; i <= 3; i++) {
		g_autoptr(FakeSent) sent = next_beat(f, &sequence);

		g_assert_cmpuint(sequence, ==, i);
		answer_beat(f, sent, i + 1, HVIS_APP_HEALTHY, sizeof(struct hvis_heartbeat));
		hvis_fake_clock_advance(f->clock, HVIS_HEARTBEAT_PERIOD_MS);
	}
	heartbeat_status(s, &status);
	g_assert_true(status.seen);
	g_assert_cmpuint(status.sequence, ==, 3);
	g_assert_cmpint(status.age_us, ==, HVIS_HEARTBEAT_PERIOD_MS * 1000ll);
	g_assert_cmpuint(status.app_state, ==, HVIS_APP_HEALTHY);
	g_assert_cmpstr(heartbeat_summary(&status), ==, "ok");
}

/* Eight bytes are an answer; fewer are not. */
static void test_heartbeat_short(Fixture *f, gconstpointer spec)
{
	HostService *s = ready(f, "heartbeat", 1, 0);
	HeartbeatStatus status;
	guint64 sequence;

	for (gsize len = 0; len <= 8; len++) {
		g_autoptr(FakeSent) sent = next_beat(f, &sequence);

		answer_beat(f, sent, sequence + 1, HVIS_APP_CRITICAL, len);
		heartbeat_status(s, &status);
		g_assert_cmpint(status.seen, ==, len == 8);
		g_assert_cmpuint(status.app_state, ==, HVIS_APP_UNKNOWN);
		hvis_fake_clock_advance(f->clock, HVIS_HEARTBEAT_PERIOD_MS);
	}
}

static void test_heartbeat_lost(Fixture *f, gconstpointer spec)
{
	HostService *s = ready(f, "heartbeat", 3, 0);
	HeartbeatStatus status;
	guint64 sequence;
	g_autoptr(FakeSent) one = next_beat(f, &sequence);
	g_autoptr(FakeSent) two = NULL;
	g_autoptr(FakeSent) three = NULL;

	answer_beat(f, one, sequence + 1, 0, 8);
	hvis_fake_clock_advance(f->clock, HVIS_HEARTBEAT_PERIOD_MS);
	two = next_beat(f, &sequence);
	g_assert_nonnull(two); /* and it is not answered */
	hvis_fake_clock_advance(f->clock, 3 * HVIS_HEARTBEAT_PERIOD_MS);
	heartbeat_status(s, &status);
	g_assert_cmpuint(status.missed, ==, 3);
	g_assert_cmpstr(heartbeat_summary(&status), ==, "lost-communication");
	g_assert_null(next_beat(f, &sequence)); /* no heap of them */

	hvis_fake_clock_advance(f->clock, 3 * HVIS_HEARTBEAT_PERIOD_MS); /* given up, tried anew */
	three = next_beat(f, &sequence);
	g_assert_nonnull(three);
	answer_beat(f, three, sequence + 1, 0, 8);
	heartbeat_status(s, &status);
	g_assert_cmpstr(heartbeat_summary(&status), ==, "ok");
}

static void test_heartbeat_wrong(Fixture *f, gconstpointer spec)
{
	HostService *s = ready(f, "heartbeat", 3, 0);
	HeartbeatStatus status;
	guint64 sequence;
	g_autoptr(FakeSent) sent = next_beat(f, &sequence);

	answer_beat(f, sent, sequence + 2, 0, 8);
	heartbeat_status(s, &status);
	g_assert_false(status.seen);
}

/* It was well once, and talks nonsense ever since: that is no "ok". */
static void test_heartbeat_wrong_for_good(Fixture *f, gconstpointer spec)
{
	HostService *s = ready(f, "heartbeat", 3, 0);
	HeartbeatStatus status;
	guint64 sequence;

	for (guint i = 0; i < 4; i++) {
		g_autoptr(FakeSent) sent = next_beat(f, &sequence);

		if (i < 3)
			answer_beat(f, sent, sequence + (i == 0 ? 1 : 7), 0, 8);
		else
			fake_bus_answer(f->bus, "heartbeat", sent, HVIS_E_FAIL, NULL, 0);
		hvis_fake_clock_advance(f->clock, HVIS_HEARTBEAT_PERIOD_MS);
	}
	heartbeat_status(s, &status);
	g_assert_true(status.seen);
	g_assert_cmpuint(status.missed, ==, 3);
	g_assert_cmpstr(heartbeat_summary(&status), ==, "lost-communication");
}

static void test_heartbeat_stops(Fixture *f, gconstpointer spec)
{
	HostService *s = ready(f, "heartbeat", 3, 0);

	fake_sent_free(fake_bus_take(f->bus, "heartbeat"));
	fake_bus_close(f->bus, "heartbeat");
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	g_assert_cmpint(service_state(s), ==, SERVICE_OFFERED);
}

static void test_heartbeat_period(Fixture *f, gconstpointer spec)
{
	guint64 sequence;
	HostService *s = ready(f, "heartbeat", 3, 0);
	g_autoptr(FakeSent) one = next_beat(f, &sequence);
	g_autoptr(FakeSent) two = NULL;

	answer_beat(f, one, sequence + 1, 0, 8);
	hvis_fake_clock_advance(f->clock, 49);
	g_assert_null(next_beat(f, &sequence));
	hvis_fake_clock_advance(f->clock, 1);
	two = next_beat(f, &sequence);
	g_assert_nonnull(two);
	g_assert_nonnull(s);
}

/* --- shutdown --- */

static void test_shutdown(Fixture *f, gconstpointer spec)
{
	static const struct {
		ShutdownAction action;
		gboolean force;
		guint32 flags;
	} cases[] = {
		{ SHUTDOWN_POWER_OFF, FALSE, 0 },
		{ SHUTDOWN_POWER_OFF, TRUE, 1 },
		{ SHUTDOWN_RESTART, FALSE, 2 },
		{ SHUTDOWN_RESTART, TRUE, 3 },
		{ SHUTDOWN_HIBERNATE, FALSE, 4 },
		{ SHUTDOWN_HIBERNATE, TRUE, 5 },
	};
	HostService *s = ready(f, "shutdown", 3, 2);

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		ShutdownRequest r = { cases[i].action, cases[i].force, i ? 7 : 0, 30,
			"gute Nacht" };
		g_autoptr(FakeSent) sent = NULL;
		struct hvis_shutdown body;

		shutdown_request(s, &r, on_done, f);
		sent = fake_bus_take(f->bus, "shutdown");
		g_assert_cmpuint(sent->m.body.left, ==, sizeof(body));
		memcpy(&body, sent->m.body.pos, sizeof(body));
		g_assert_cmpuint(hvis_le32_get(body.flags), ==, cases[i].flags);
		g_assert_cmphex(hvis_le32_get(body.reason), ==, i ? 7 : 0x80000000);
		g_assert_cmpuint(hvis_le32_get(body.timeout_s), ==, 30);
		g_assert_cmpstr((char *)body.message, ==, "gute Nacht");
		fake_bus_answer(f->bus, "shutdown", sent, i ? HVIS_E_FAIL : HVIS_S_OK, NULL, 0);
		g_assert_cmpuint(f->calls, ==, i + 1);
		g_assert_cmphex(f->status, ==, i ? HVIS_E_FAIL : HVIS_S_OK);
	}
}

static void test_shutdown_message(Fixture *f, gconstpointer spec)
{
	HostService *s = ready(f, "shutdown", 3, 2);
	g_autofree char *long_text = g_strnfill(2048, 'x');
	g_autoptr(FakeSent) sent = NULL;
	ShutdownRequest r = { .message = long_text };

	shutdown_request(s, &r, on_done, f);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_INVALID);
	r.message = "\xff";
	shutdown_request(s, &r, on_done, f);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_INVALID);
	g_assert_cmpuint(f->calls, ==, 2);
	g_assert_null(fake_bus_take(f->bus, "shutdown"));
	long_text[2047] = '\0';
	r.message = long_text;
	shutdown_request(s, &r, on_done, f);
	sent = fake_bus_take(f->bus, "shutdown");
	g_assert_nonnull(sent);
}

/* --- timesync --- */

static FakeSent *assert_time(
	Fixture *f, guint major, guint64 parent, guint64 reference, guint8 flags)
{
	FakeSent *sent = fake_bus_take(f->bus, "timesync");
	struct hvis_timesync_v3 v3;
	struct hvis_timesync_v4 v4;

	g_assert_nonnull(sent);
	g_assert_cmpuint(sent->m.flags, ==, HVIS_IC_TRANSACTION | HVIS_IC_REQUEST);
	if (major < 4) {
		g_assert_cmpuint(sent->m.body.left, ==, sizeof(v3));
		memcpy(&v3, sent->m.body.pos, sizeof(v3));
		g_assert_cmpuint(hvis_le64_get(v3.parent_time), ==, parent);
		g_assert_cmpuint(v3.flags, ==, flags);
		return sent;
	}
	g_assert_cmpuint(sent->m.body.left, ==, sizeof(v4));
	memcpy(&v4, sent->m.body.pos, sizeof(v4));
	g_assert_cmpuint(hvis_le64_get(v4.parent_time), ==, parent);
	g_assert_cmpuint(hvis_le64_get(v4.reference_time), ==, reference);
	g_assert_cmpuint(v4.flags, ==, flags);
	return sent;
}

static void play_timesync(Fixture *f, guint major)
{
	g_autoptr(FakeSent) first = NULL;
	g_autoptr(FakeSent) second = NULL;

	fake_bus_set_time(f->bus, 123456789);
	ready(f, "timesync", major, 0);
	first = assert_time(f, major, WALL_100NS, 123456789, HVIS_TIMESYNC_SYNC);
	fake_bus_answer(f->bus, "timesync", first, HVIS_S_OK, NULL, 0);
	hvis_fake_clock_advance(f->clock, HVIS_TIMESYNC_PERIOD_MS - 1);
	g_assert_null(fake_bus_take(f->bus, "timesync"));
	fake_bus_set_time(f->bus, 173456789);
	hvis_fake_clock_advance(f->clock, 1);
	second = assert_time(f, major, WALL_100NS, 173456789, HVIS_TIMESYNC_SAMPLE);
	hvis_fake_clock_advance(f->clock, 2 * HVIS_TIMESYNC_PERIOD_MS);
	g_assert_null(fake_bus_take(f->bus, "timesync")); /* the guest still owes an answer */
}

static void test_timesync_v3(Fixture *f, gconstpointer spec)
{
	play_timesync(f, 3);
}

static void test_timesync_v4(Fixture *f, gconstpointer spec)
{
	play_timesync(f, 4);
}

static void test_timesync_offset(Fixture *f, gconstpointer spec)
{
	HostService *s = ready(f, "timesync", 4, 0);
	g_autoptr(FakeSent) first = assert_time(f, 4, WALL_100NS, 0, HVIS_TIMESYNC_SYNC);
	g_autoptr(FakeSent) step = NULL;
	g_autoptr(FakeSent) sample = NULL;

	timesync_set_offset(s, -3600ll * G_USEC_PER_SEC);
	g_assert_cmpint(timesync_offset(s), ==, -3600ll * G_USEC_PER_SEC);
	timesync_send(s, TRUE, on_done, f);
	g_assert_null(fake_bus_take(f->bus, "timesync"));
	fake_bus_answer(f->bus, "timesync", first, HVIS_S_OK, NULL, 0);
	step = assert_time(f, 4, WALL_100NS - 36000000000ull, 0, HVIS_TIMESYNC_SYNC);
	fake_bus_answer(f->bus, "timesync", step, HVIS_S_OK, NULL, 0);
	g_assert_cmpuint(f->calls, ==, 1);
	timesync_set_offset(s, 1);
	timesync_send(s, FALSE, on_done, f);
	sample = assert_time(f, 4, WALL_100NS + 10, 0, HVIS_TIMESYNC_SAMPLE);
}

/* --- registry --- */

static void test_add(Fixture *f, gconstpointer spec)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(services_add(f->all, "toaster", &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_assert_nonnull(strstr(error->message, "heartbeat"));
	g_clear_error(&error);
	g_assert_true(services_add(f->all, "kvp=disabled", NULL));
	g_assert_false(services_add(f->all, "kvp", &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_EXISTS));
	g_assert_true(services_add_missing(f->all, NULL));
	g_assert_cmpuint(services_count(f->all), ==, 6);
	g_assert_cmpstr(service_name(services_nth(f->all, 0)), ==, "kvp");
	g_assert_null(services_nth(f->all, 6));
	g_assert_false(fake_bus_offered(f->bus, "kvp"));
	g_assert_true(fake_bus_offered(f->bus, "timesync"));
	g_assert_null(services_get(f->all, "toaster", NULL));
}

static void test_options(Fixture *f, gconstpointer spec)
{
	static const struct {
		const char *spec;
		gboolean ok;
	} cases[] = {
		{ "heartbeat", TRUE },
		{ "heartbeat=", TRUE },
		{ "heartbeat=versions=1.0", TRUE },
		{ "heartbeat=versions=1.0-3.0,framework=3.0,monitored,dedicated=no", TRUE },
		{ "heartbeat=versions=2.0-2.9", FALSE },
		{ "heartbeat=versions=3.0-1.0", FALSE },
		{ "heartbeat=versions=", FALSE },
		{ "heartbeat=versions", FALSE },
		{ "heartbeat=versions=3", FALSE },
		{ "heartbeat=versions=3.0-", FALSE },
		{ "heartbeat=versions=-3.0", FALSE },
		{ "heartbeat=versions=1.0-3.0-4.0", FALSE },
		{ "heartbeat=framework=2.0", FALSE },
		{ "heartbeat=period-ms=0", FALSE },
		{ "heartbeat=period-ms=10,timeout-ms=20,negotiate-ms=30", TRUE },
		{ "shutdown=period-ms=10", FALSE }, /* it sends nothing by itself */
		{ "heartbeat=monitored=maybe", FALSE },
		{ "heartbeat=colour=red", FALSE },
		{ "heartbeat=monitored,,", FALSE },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(FakeBus) bus = fake_bus_new();
		g_autoptr(HostServices) all = services_new_bus(fake_bus_get(bus), NULL);
		g_autoptr(GError) error = NULL;

		g_test_message("%s", cases[i].spec);
		g_assert_cmpint(services_add(all, cases[i].spec, &error), ==, cases[i].ok);
		if (!cases[i].ok)
			g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	}
}

static void test_configure(Fixture *f, gconstpointer spec)
{
	HostService *s = ready(f, "heartbeat", 3, 0);

	g_assert_true(service_configure(s, "versions=1.0", NULL));
	g_assert_false(service_configure(s, "versions=9.0", NULL));
	g_assert_false(service_configure(s, "monitored", NULL));
	g_assert_false(service_configure(s, "disabled", NULL));
	g_assert_cmpuint(s->options.offer.n_message, ==, 1);
}

static void on_ready(HostService *s, const GError *error, gpointer data)
{
	on_done(service_state(s), error, data);
}

static void test_on_ready(Fixture *f, gconstpointer spec)
{
	HostService *s = services_get(f->all, "shutdown", NULL);
	guint one = service_on_ready(s, on_ready, f), two = service_on_ready(s, on_ready, f);

	g_assert_cmpuint(one, !=, 0);
	service_on_ready_cancel(s, two);
	service_on_ready_cancel(s, 9999);
	g_assert_cmpuint(f->calls, ==, 0);
	ready(f, "shutdown", 3, 0);
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(f->code, ==, -1);
	g_assert_cmpuint(service_on_ready(s, on_ready, f), ==, 0);
	g_assert_cmpuint(f->calls, ==, 2);
	service_disable(s);
	g_assert_true(service_enable(s, NULL));
	fake_bus_open(f->bus, "shutdown");
	service_on_ready(s, on_ready, f);
	fake_bus_refuse(f->bus, "shutdown");
	g_assert_cmpuint(f->calls, ==, 3);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_UNSUPPORTED);
}

/* Who asks after the refusal would wait for good. */
static void test_on_ready_refused_before(Fixture *f, gconstpointer spec)
{
	HostService *s = services_get(f->all, "shutdown", NULL);

	fake_bus_open(f->bus, "shutdown");
	fake_bus_refuse(f->bus, "shutdown");
	g_assert_cmpuint(service_on_ready(s, on_ready, f), ==, 0);
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_UNSUPPORTED);
}

static void test_on_ready_freed(void)
{
	Fixture f = { 0 };

	setup(&f, "shutdown");
	service_on_ready(services_get(f.all, "shutdown", NULL), on_ready, &f);
	teardown(&f, NULL);
	g_assert_cmpuint(f.calls, ==, 1);
	g_assert_cmpint(f.code, ==, HVIS_ERROR_CLOSED);
}

static void on_change(HostService *s, ServiceState state, gpointer data)
{
	g_string_append_printf(data, "%s:%s ", service_name(s), service_state_name(state));
}

static void test_observe(Fixture *f, gconstpointer spec)
{
	g_autoptr(GString) seen = g_string_new(NULL);

	services_observe(f->all, on_change, seen);
	ready(f, "shutdown", 3, 0);
	fake_bus_close(f->bus, "shutdown");
	service_disable(services_get(f->all, "shutdown", NULL));
	g_assert_cmpstr(seen->str, ==,
		"shutdown:negotiating shutdown:ready shutdown:offered shutdown:disabled ");
}

static void test_offer_fails(Fixture *f, gconstpointer spec)
{
	HostService *s = services_get(f->all, "shutdown", NULL);
	g_autoptr(GError) error = NULL;

	service_disable(s);
	fake_bus_break_offers(f->bus);
	g_assert_false(service_enable(s, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_IO));
	g_assert_cmpint(service_state(s), ==, SERVICE_DISABLED);
}

/* A service that could not be offered is an error, not one service less. */
static void test_add_missing_fails(Fixture *f, gconstpointer spec)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(services_add(f->all, "kvp", NULL));
	fake_bus_break_offers(f->bus);
	g_assert_false(services_add_missing(f->all, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_IO);
}

static void test_describe(Fixture *f, gconstpointer spec)
{
	struct json_object *json, *one, *counters;

	g_assert_true(services_add_missing(f->all, NULL));
	ready(f, "heartbeat", 3, 0);
	json = services_describe(f->all);
	g_assert_cmpint(json_object_object_length(json), ==, 6);
	g_assert_true(json_object_object_get_ex(json, "heartbeat", &one));
	g_assert_cmpstr(json_object_get_string(json_object_object_get(one, "state")), ==, "ready");
	g_assert_cmpstr(json_object_get_string(json_object_object_get(one, "version")), ==, "3.0");
	g_assert_nonnull(json_object_object_get(one, "heartbeat"));
	g_assert_true(json_object_object_get_ex(one, "counters", &counters));
	g_assert_cmpint(json_object_get_int(json_object_object_get(counters, "sent")), ==, 2);
	g_assert_true(json_object_object_get_ex(json, "kvp", &one));
	g_assert_null(json_object_object_get(one, "version"));
	json_object_put(json);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(path, spec, func) g_test_add("/service/" path, Fixture, spec, setup, func, teardown)
	T("heartbeat/beats", "heartbeat", test_heartbeat);
	T("heartbeat/short", "heartbeat", test_heartbeat_short);
	T("heartbeat/lost", "heartbeat", test_heartbeat_lost);
	T("heartbeat/wrong-sequence", "heartbeat", test_heartbeat_wrong);
	T("heartbeat/wrong-for-good", "heartbeat", test_heartbeat_wrong_for_good);
	T("heartbeat/stops", "heartbeat", test_heartbeat_stops);
	T("heartbeat/period", "heartbeat=period-ms=50", test_heartbeat_period);
	T("shutdown/flags", "shutdown", test_shutdown);
	T("shutdown/message", "shutdown", test_shutdown_message);
	T("timesync/v3", "timesync", test_timesync_v3);
	T("timesync/v4", "timesync", test_timesync_v4);
	T("timesync/offset", "timesync", test_timesync_offset);
	T("registry/add", NULL, test_add);
	T("registry/options", NULL, test_options);
	T("registry/configure", "heartbeat", test_configure);
	T("registry/on-ready", "shutdown", test_on_ready);
	T("registry/on-ready-refused-before", "shutdown", test_on_ready_refused_before);
	T("registry/observe", "shutdown", test_observe);
	T("registry/offer-fails", "shutdown", test_offer_fails);
	T("registry/add-missing-fails", NULL, test_add_missing_fails);
	T("registry/describe", NULL, test_describe);
#undef T
	g_test_add_func("/service/registry/on-ready-freed", test_on_ready_freed);
	return g_test_run();
}
