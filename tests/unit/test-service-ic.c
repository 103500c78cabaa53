/* SPDX-License-Identifier: GPL-2.0-only */
/* The conversation of a service: versions, the queue, time-outs, and every cell of its table. */
#include <hvis/hresult.h>
#include <util/clock.h>
#include <util/error.h>
#include "host/trace.h"
#include "tests/unit/fake-bus.h"

#define SHUTDOWN "shutdown" /* it sends nothing by itself */

typedef struct {
	FakeBus *bus;
	HvisFakeClock *clock;
	HostServices *all;
	HostService *s;
} Fixture;

/* What a completion was told. Static in the tests: one that is still waiting is told at the end. */
typedef struct {
	guint calls;
	guint32 status;
	int code; /* of the error, or -1 */
	guint8 body[64];
	gsize len;
} Answer;

static const IcVersion v1 = { 1, 0 }, v3 = { 3, 0 }, v32 = { 3, 2 };

static void setup(Fixture *f, gconstpointer options)
{
	g_autofree char *spec = g_strdup_printf(SHUTDOWN "%s", (const char *)options);

	f->bus = fake_bus_new();
	f->clock = hvis_fake_clock_new();
	f->all = services_new_bus(fake_bus_get(f->bus), hvis_fake_clock_get(f->clock));
	g_assert_true(services_add(f->all, spec, NULL));
	f->s = services_get(f->all, SHUTDOWN, NULL);
}

static void teardown(Fixture *f, gconstpointer options)
{
	services_free(f->all);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	hvis_fake_clock_free(f->clock);
	fake_bus_free(f->bus);
}

static void make_ready(Fixture *f)
{
	fake_bus_open(f->bus, SHUTDOWN);
	fake_bus_agree(f->bus, SHUTDOWN, v3, v32);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_READY);
}

static gboolean build(IcVersion message, GByteArray *body, gpointer data, GError **error)
{
	guint8 text[] = "body";

	g_byte_array_append(body, text, sizeof(text));
	return TRUE;
}

static gboolean build_nothing(IcVersion message, GByteArray *body, gpointer data, GError **error)
{
	return hvis_fail(error, HVIS_ERROR_INVALID, "cannot be built");
}

static void done(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	Answer *a = data;

	a->calls++;
	a->status = status;
	a->code = error ? error->code : -1;
	a->len = MIN(body.left, sizeof(a->body));
	wire_take(&body, a->body, a->len);
}

static void ask(Fixture *f, Answer *a)
{
	*a = (Answer){ 0 };
	ic_request(f->s->ic, build, done, a);
}

static void assert_failed(const Answer *a, HvisErrorCode code)
{
	g_assert_cmpuint(a->calls, ==, 1);
	g_assert_cmpint(a->code, ==, (int)code);
}

/* --- negotiation --- */

static void test_offers(Fixture *f, gconstpointer options)
{
	g_autoptr(FakeSent) sent = NULL;
	IcVersions v;

	fake_bus_open(f->bus, SHUTDOWN);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	g_assert_true(icmsg_negotiate_decode(sent->m.body, &v, NULL));
	g_assert_cmpuint(sent->m.flags, ==, HVIS_IC_TRANSACTION | HVIS_IC_REQUEST);
	g_assert_cmpuint(sent->m.txn, ==, 0);
	g_assert_cmpuint(v.n_framework, ==, 2);
	g_assert_cmpuint(v.n_message, ==, 4);
	for (guint i = 1; i < v.n_message; i++) /* ascending */
		g_assert_cmpint(icmsg_version_cmp(v.message[i - 1], v.message[i]), <, 0);
	g_assert_cmpint(icmsg_version_cmp(v.framework[0], v1), ==, 0);
	g_assert_cmpint(icmsg_version_cmp(v.framework[1], v3), ==, 0);
}

static void test_narrowed(Fixture *f, gconstpointer options)
{
	g_autoptr(FakeSent) sent = NULL;
	IcVersions v;

	fake_bus_open(f->bus, SHUTDOWN);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	g_assert_true(icmsg_negotiate_decode(sent->m.body, &v, NULL));
	g_assert_cmpuint(v.n_framework, ==, 1);
	g_assert_cmpint(icmsg_version_cmp(v.framework[0], v1), ==, 0);
	g_assert_cmpuint(v.n_message, ==, 2);
	g_assert_cmpint(icmsg_version_cmp(v.message[0], v3), ==, 0);
	g_assert_cmpint(icmsg_version_cmp(v.message[1], (IcVersion){ 3, 1 }), ==, 0);
}

static void test_agreed(Fixture *f, gconstpointer options)
{
	IcVersion framework, message;

	g_assert_false(service_versions(f->s, &framework, &message));
	make_ready(f);
	g_assert_true(service_versions(f->s, &framework, &message));
	g_assert_cmpint(icmsg_version_cmp(framework, v3), ==, 0);
	g_assert_cmpint(icmsg_version_cmp(message, v32), ==, 0);
}

static void test_refused(Fixture *f, gconstpointer options)
{
	static Answer queued, after;

	fake_bus_open(f->bus, SHUTDOWN);
	ask(f, &queued);
	fake_bus_refuse(f->bus, SHUTDOWN);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_REFUSED);
	assert_failed(&queued, HVIS_ERROR_UNSUPPORTED);
	ask(f, &after);
	assert_failed(&after, HVIS_ERROR_UNSUPPORTED);
}

static void test_chosen_out_of_range(Fixture *f, gconstpointer options)
{
	fake_bus_open(f->bus, SHUTDOWN);
	fake_bus_agree(f->bus, SHUTDOWN, v3, (IcVersion){ 9, 9 });
	g_assert_cmpint(service_state(f->s), ==, SERVICE_REFUSED);
}

static void test_negotiation_expires(Fixture *f, gconstpointer options)
{
	g_autoptr(FakeSent) sent = NULL;
	static Answer queued, after;
	guint8 body[64];
	IcVersions v = { 1, 1, { v3 }, { v32 } };
	gsize len;

	fake_bus_open(f->bus, SHUTDOWN);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	ask(f, &queued);
	hvis_fake_clock_advance(f->clock, IC_NEGOTIATE_TIMEOUT_MS - 1);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_NEGOTIATING);
	hvis_fake_clock_advance(f->clock, 1);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_OPEN);
	assert_failed(&queued, HVIS_ERROR_TIMEOUT);
	ask(f, &after);
	assert_failed(&after, HVIS_ERROR_TIMEOUT);

	/* an answer that comes after all is as good */
	g_assert_true(icmsg_negotiate_encode(&v, body, sizeof(body), &len, NULL));
	fake_bus_answer(f->bus, SHUTDOWN, sent, HVIS_S_OK, body, len);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_READY);
}

/* The options change between the offer and the answer, which is to the old offer. */
static void test_configured_meanwhile(Fixture *f, gconstpointer options)
{
	fake_bus_open(f->bus, SHUTDOWN);
	g_assert_true(service_configure(f->s, "versions=1.0", NULL));
	fake_bus_agree(f->bus, SHUTDOWN, v3, v32);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_READY);
	g_assert_true(service_renegotiate(f->s, NULL));
	fake_bus_agree(f->bus, SHUTDOWN, v3, v32);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_REFUSED);
}

static void test_renegotiate(Fixture *f, gconstpointer options)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(FakeSent) sent = NULL;
	static Answer a, b;

	g_assert_false(service_renegotiate(f->s, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
	make_ready(f);
	ask(f, &a);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	g_assert_true(service_configure(f->s, "versions=1.0", NULL));
	g_assert_true(service_renegotiate(f->s, NULL));
	g_assert_cmpint(service_state(f->s), ==, SERVICE_NEGOTIATING);
	ask(f, &b);

	/* the guest ends what it was doing first */
	fake_bus_answer(f->bus, SHUTDOWN, sent, HVIS_S_OK, NULL, 0);
	g_assert_cmpuint(a.calls, ==, 1);
	g_assert_cmpuint(b.calls, ==, 0);
	fake_bus_agree(f->bus, SHUTDOWN, v3, v1);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_READY);
	fake_sent_free(sent);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	g_assert_cmpint(icmsg_version_cmp(sent->m.message, v1), ==, 0);
}

/* A second answer to the same offer changes nothing. */
static void test_duplicate_versions(Fixture *f, gconstpointer options)
{
	g_autoptr(FakeSent) sent = NULL;
	IcVersions v = { 1, 1, { v3 }, { v32 } };
	IcVersion framework, message;
	guint8 body[64];
	gsize len;

	fake_bus_open(f->bus, SHUTDOWN);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	g_assert_true(icmsg_negotiate_encode(&v, body, sizeof(body), &len, NULL));
	fake_bus_answer(f->bus, SHUTDOWN, sent, HVIS_S_OK, body, len);
	v.message[0] = v1;
	g_assert_true(icmsg_negotiate_encode(&v, body, sizeof(body), &len, NULL));
	fake_bus_answer(f->bus, SHUTDOWN, sent, HVIS_S_OK, body, len);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_READY);
	g_assert_cmpuint(service_counters(f->s)->unexpected, ==, 1);
	g_assert_true(service_versions(f->s, &framework, &message));
	g_assert_cmpint(icmsg_version_cmp(message, v32), ==, 0);
}

/* --- transactions --- */

static void test_two_queued(Fixture *f, gconstpointer options)
{
	g_autoptr(FakeSent) one = NULL;
	g_autoptr(FakeSent) two = NULL;
	static Answer a, b;

	make_ready(f);
	ask(f, &a);
	ask(f, &b);
	g_assert_cmpuint(ic_waiting(f->s->ic), ==, 2);
	one = fake_bus_take(f->bus, SHUTDOWN);
	g_assert_null(fake_bus_take(f->bus, SHUTDOWN)); /* one at a time */
	g_assert_cmpmem(one->m.body.pos, one->m.body.left, "body", 5);
	fake_bus_answer(f->bus, SHUTDOWN, one, HVIS_S_OK, "one", 3);
	g_assert_cmpuint(a.calls, ==, 1);
	g_assert_cmpmem(a.body, a.len, "one", 3);
	g_assert_cmpuint(b.calls, ==, 0);
	two = fake_bus_take(f->bus, SHUTDOWN);
	fake_bus_answer(f->bus, SHUTDOWN, two, HVIS_E_NOT_FOUND, "two", 3);
	g_assert_cmpuint(b.calls, ==, 1);
	g_assert_cmpint(b.code, ==, -1);
	g_assert_cmphex(b.status, ==, HVIS_E_NOT_FOUND);
	g_assert_cmpuint(service_counters(f->s)->completed, ==, 1);
	g_assert_cmpuint(service_counters(f->s)->failed, ==, 1);
}

static void test_timeout_then_late(Fixture *f, gconstpointer options)
{
	g_autoptr(FakeSent) one = NULL;
	g_autoptr(FakeSent) two = NULL;
	static Answer a, b;

	make_ready(f);
	ask(f, &a);
	ask(f, &b);
	one = fake_bus_take(f->bus, SHUTDOWN);
	hvis_fake_clock_advance(f->clock, IC_TIMEOUT_MS - 1);
	g_assert_cmpuint(a.calls, ==, 0);
	g_assert_cmpint(ic_busy_us(f->s->ic), ==, (IC_TIMEOUT_MS - 1) * 1000ll);
	hvis_fake_clock_advance(f->clock, 1);
	assert_failed(&a, HVIS_ERROR_TIMEOUT);
	two = fake_bus_take(f->bus, SHUTDOWN); /* the queue goes on */
	g_assert_nonnull(two);
	fake_bus_answer(f->bus, SHUTDOWN, one, HVIS_S_OK, "late", 4);
	g_assert_cmpuint(a.calls, ==, 1);
	g_assert_cmpuint(b.calls, ==, 0);
	g_assert_cmpuint(service_counters(f->s)->late, ==, 1);
	fake_bus_answer(f->bus, SHUTDOWN, two, HVIS_S_OK, "two", 3);
	g_assert_cmpmem(b.body, b.len, "two", 3);
	fake_bus_answer(f->bus, SHUTDOWN, two, HVIS_S_OK, "again", 5); /* duplicated on its way */
	g_assert_cmpuint(b.calls, ==, 1);
	g_assert_cmpuint(service_counters(f->s)->unexpected, ==, 1);
}

static void test_close_in_transaction(Fixture *f, gconstpointer options)
{
	g_autoptr(FakeSent) sent = NULL;
	static Answer a, b, c;

	make_ready(f);
	ask(f, &a);
	ask(f, &b);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	fake_bus_close(f->bus, SHUTDOWN);
	assert_failed(&a, HVIS_ERROR_CLOSED);
	assert_failed(&b, HVIS_ERROR_CLOSED);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_OFFERED);
	ask(f, &c);
	assert_failed(&c, HVIS_ERROR_CLOSED);

	/* what belonged to the old channel is nothing to the new one */
	fake_bus_open(f->bus, SHUTDOWN);
	fake_bus_answer(f->bus, SHUTDOWN, sent, HVIS_S_OK, NULL, 0);
	g_assert_cmpuint(service_counters(f->s)->unexpected, ==, 1);
	fake_bus_agree(f->bus, SHUTDOWN, v3, v3);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_READY);
}

static void test_rescind_in_transaction(Fixture *f, gconstpointer options)
{
	static Answer a;

	make_ready(f);
	ask(f, &a);
	service_disable(f->s);
	service_disable(f->s); /* idempotent */
	assert_failed(&a, HVIS_ERROR_CLOSED);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_DISABLED);
	g_assert_false(fake_bus_offered(f->bus, SHUTDOWN));
	g_assert_true(service_enable(f->s, NULL));
	g_assert_true(service_enable(f->s, NULL));
	g_assert_true(fake_bus_offered(f->bus, SHUTDOWN));
}

static void test_no_room(Fixture *f, gconstpointer options)
{
	g_autoptr(FakeSent) sent = NULL;
	static Answer a;

	fake_bus_set_room(f->bus, SHUTDOWN, FALSE);
	fake_bus_open(f->bus, SHUTDOWN);
	g_assert_null(fake_bus_take(f->bus, SHUTDOWN));
	fake_bus_set_room(f->bus, SHUTDOWN, TRUE);
	fake_bus_agree(f->bus, SHUTDOWN, v3, v32);
	fake_bus_set_room(f->bus, SHUTDOWN, FALSE);
	ask(f, &a);
	g_assert_null(fake_bus_take(f->bus, SHUTDOWN));
	fake_bus_set_room(f->bus, SHUTDOWN, TRUE);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	fake_bus_answer(f->bus, SHUTDOWN, sent, HVIS_S_OK, NULL, 0);
	g_assert_cmpuint(a.calls, ==, 1);
	g_assert_cmpuint(service_counters(f->s)->sent, ==, 2);
}

static void test_unbuildable(Fixture *f, gconstpointer options)
{
	g_autoptr(FakeSent) sent = NULL;
	static Answer bad, good;

	make_ready(f);
	ic_request(f->s->ic, build_nothing, done, &bad);
	assert_failed(&bad, HVIS_ERROR_INVALID);
	ask(f, &good);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	g_assert_nonnull(sent);
}

static void test_queue_limit(Fixture *f, gconstpointer options)
{
	static Answer a, over;

	fake_bus_open(f->bus, SHUTDOWN);
	a = (Answer){ 0 };
	for (guint i = 0; i < IC_QUEUE_MAX; i++)
		ic_request(f->s->ic, build, done, &a);
	g_assert_cmpuint(a.calls, ==, 0);
	ask(f, &over);
	assert_failed(&over, HVIS_ERROR_BUSY);
	service_disable(f->s);
	g_assert_cmpuint(a.calls, ==, IC_QUEUE_MAX);
}

/* --- a hostile guest --- */

static void test_truncated(Fixture *f, gconstpointer options)
{
	g_autoptr(FakeSent) sent = NULL;
	static Answer a;
	guint8 bytes[HVIS_IC_BODY_OFFSET + 8];
	IcMessage m;
	gsize len;

	make_ready(f);
	ask(f, &a);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	m = sent->m;
	m.flags = HVIS_IC_TRANSACTION | HVIS_IC_RESPONSE;
	m.body = wire_cursor("12345678", 8);
	g_assert_true(icmsg_encode(&m, bytes, sizeof(bytes), &len, NULL));
	for (gsize n = 0; n < len; n++) {
		fake_bus_inject(f->bus, SHUTDOWN, sent->xid, bytes, n);
		g_assert_cmpuint(a.calls, ==, 0);
		g_assert_cmpuint(service_counters(f->s)->malformed, ==, n + 1);
	}
	fake_bus_inject(f->bus, SHUTDOWN, sent->xid, bytes, len);
	g_assert_cmpuint(a.calls, ==, 1);
}

static void test_truncated_versions(Fixture *f, gconstpointer options)
{
	g_autoptr(FakeSent) sent = NULL;
	IcVersions v = { 1, 1, { v3 }, { v32 } };
	guint8 body[64];
	gsize len;

	fake_bus_open(f->bus, SHUTDOWN);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	g_assert_true(icmsg_negotiate_encode(&v, body, sizeof(body), &len, NULL));
	for (gsize n = 0; n < len; n++) {
		fake_bus_answer(f->bus, SHUTDOWN, sent, HVIS_S_OK, body, n);
		g_assert_cmpint(service_state(f->s), ==, SERVICE_NEGOTIATING);
		g_assert_cmpuint(service_counters(f->s)->malformed, ==, n + 1);
	}
	fake_bus_answer(f->bus, SHUTDOWN, sent, HVIS_S_OK, body, len);
	g_assert_cmpint(service_state(f->s), ==, SERVICE_READY);
}

static void inject_changed(Fixture *f, const FakeSent *sent, guint offset, guint8 value)
{
	guint8 bytes[HVIS_IC_BODY_OFFSET];
	IcMessage m = sent->m;
	gsize len;

	m.flags = HVIS_IC_TRANSACTION | HVIS_IC_RESPONSE;
	m.body = wire_cursor(NULL, 0);
	g_assert_true(icmsg_encode(&m, bytes, sizeof(bytes), &len, NULL));
	bytes[offset] = value;
	fake_bus_inject(f->bus, SHUTDOWN, sent->xid, bytes, len);
}

static void test_wrong_answers(Fixture *f, gconstpointer options)
{
	const guint at = sizeof(struct hvis_pipe_hdr);
	g_autoptr(FakeSent) sent = NULL;
	static Answer a;

	make_ready(f);
	ask(f, &a);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	inject_changed(f, sent, at + offsetof(struct hvis_ic_hdr, flags), HVIS_IC_TRANSACTION);
	inject_changed(f, sent, at + offsetof(struct hvis_ic_hdr, flags), HVIS_IC_RESPONSE);
	inject_changed(f, sent, at + offsetof(struct hvis_ic_hdr, txn), 1);
	g_assert_cmpuint(service_counters(f->s)->malformed, ==, 3);
	inject_changed(f, sent, at + offsetof(struct hvis_ic_hdr, type), HVIS_IC_KVP);
	inject_changed(f, sent, at + offsetof(struct hvis_ic_hdr, type), HVIS_IC_NEGOTIATE);
	g_assert_cmpuint(service_counters(f->s)->unexpected, ==, 2);
	sent->xid += 77;
	fake_bus_answer(f->bus, SHUTDOWN, sent, HVIS_S_OK, NULL, 0);
	g_assert_cmpuint(service_counters(f->s)->unexpected, ==, 3);
	g_assert_cmpuint(a.calls, ==, 0);
	service_disable(f->s);
	g_assert_cmpuint(a.calls, ==, 1);
}

/* --- traces --- */

static void on_trace(const TraceEvent *event, gpointer data)
{
	g_string_append_printf(data, "%s %s %s: %s\n", trace_layer_name(event->layer),
		event->subject, trace_dir_name(event->dir), event->text);
}

static void test_trace(Fixture *f, gconstpointer options)
{
	g_autoptr(GString) lines = g_string_new(NULL);
	g_autoptr(FakeSent) sent = NULL;
	static Answer a;
	guint id = trace_subscribe(1u << TRACE_SERVICE, on_trace, lines);

	make_ready(f);
	ask(f, &a);
	sent = fake_bus_take(f->bus, SHUTDOWN);
	fake_bus_answer(f->bus, SHUTDOWN, sent, HVIS_E_FAIL, NULL, 0);
	fake_bus_answer(f->bus, SHUTDOWN, sent, 0x1234, NULL, 0);
	while (g_main_context_iteration(NULL, FALSE))
		;
	trace_unsubscribe(id);
	g_test_message("%s", lines->str);
	g_assert_nonnull(strstr(lines->str,
		"NEGOTIATE request xid 1: framework 1.0,3.0 message 1.0,3.0,3.1,3.2\n"));
	g_assert_nonnull(
		strstr(lines->str, "NEGOTIATE answer xid 1 ok: framework 3.0 message 3.2\n"));
	g_assert_nonnull(strstr(lines->str, "SHUTDOWN request xid 2: "));
	g_assert_nonnull(strstr(lines->str, "SHUTDOWN answer xid 2 fail: \n"));
	g_assert_nonnull(
		strstr(lines->str, "SHUTDOWN answer xid 2 0x00001234:  (unexpected, dropped)\n"));
}

/* --- the table --- */

typedef enum {
	W_OFFERED,
	W_RESCINDED,
	W_OPENED,
	W_CLOSED,
	W_ASK,
	W_AGREED,
	W_REFUSED,
	W_EXPIRED,
	W_N
} Walk;

/* The state after each event, by the state before. */
static const ServiceState expected[SERVICE_STATE_N][W_N] = {
	[SERVICE_DISABLED] = { SERVICE_OFFERED, SERVICE_DISABLED, SERVICE_DISABLED,
		SERVICE_DISABLED, SERVICE_DISABLED, SERVICE_DISABLED, SERVICE_DISABLED,
		SERVICE_DISABLED },
	[SERVICE_OFFERED] = { SERVICE_OFFERED, SERVICE_DISABLED, SERVICE_NEGOTIATING,
		SERVICE_OFFERED, SERVICE_OFFERED, SERVICE_OFFERED, SERVICE_OFFERED,
		SERVICE_OFFERED },
	[SERVICE_OPEN] = { SERVICE_OPEN, SERVICE_DISABLED, SERVICE_OPEN, SERVICE_OFFERED,
		SERVICE_NEGOTIATING, SERVICE_READY, SERVICE_REFUSED, SERVICE_OPEN },
	[SERVICE_NEGOTIATING] = { SERVICE_NEGOTIATING, SERVICE_DISABLED, SERVICE_NEGOTIATING,
		SERVICE_OFFERED, SERVICE_NEGOTIATING, SERVICE_READY, SERVICE_REFUSED,
		SERVICE_OPEN },
	[SERVICE_READY] = { SERVICE_READY, SERVICE_DISABLED, SERVICE_READY, SERVICE_OFFERED,
		SERVICE_NEGOTIATING, SERVICE_READY, SERVICE_READY, SERVICE_READY },
	[SERVICE_REFUSED] = { SERVICE_REFUSED, SERVICE_DISABLED, SERVICE_REFUSED, SERVICE_OFFERED,
		SERVICE_NEGOTIATING, SERVICE_REFUSED, SERVICE_REFUSED, SERVICE_REFUSED },
};

static gboolean pipe_send(
	gpointer data, guint64 xid, const guint8 *bytes, gsize len, GError **error)
{
	*(guint64 *)data = xid;
	return TRUE;
}

static void pipe_state(gpointer data, ServiceState state)
{
}

static void pipe_describe(gpointer data, const IcMessage *m, gboolean to_guest, GString *line)
{
}

static void answer_last(Ic *ic, guint64 xid, guint n)
{
	IcVersions v = { n, n, { v3 }, { v3 } };
	IcMessage m = { .type = HVIS_IC_NEGOTIATE,
		.flags = HVIS_IC_TRANSACTION | HVIS_IC_RESPONSE };
	guint8 body[32], bytes[64];
	gsize len;

	g_assert_true(icmsg_negotiate_encode(&v, body, sizeof(body), &len, NULL));
	m.body = wire_cursor(body, len);
	g_assert_true(icmsg_encode(&m, bytes, sizeof(bytes), &len, NULL));
	ic_packet(ic, xid, bytes, len);
}

static void play(Ic *ic, HvisFakeClock *clock, guint64 *xid, Walk event)
{
	switch (event) {
	case W_OFFERED:
		ic_offered(ic);
		break;
	case W_RESCINDED:
		ic_rescinded(ic);
		break;
	case W_OPENED:
		ic_opened(ic);
		break;
	case W_CLOSED:
		ic_closed(ic);
		break;
	case W_ASK:
		ic_renegotiate(ic, NULL);
		break;
	case W_AGREED:
		answer_last(ic, *xid, 1);
		break;
	case W_REFUSED:
		answer_last(ic, *xid, 0);
		break;
	case W_EXPIRED:
		hvis_fake_clock_advance(clock, IC_NEGOTIATE_TIMEOUT_MS);
		break;
	case W_N:
		g_assert_not_reached();
	}
}

static void test_every_cell(void)
{
	static const Walk path[SERVICE_STATE_N][4] = {
		[SERVICE_DISABLED] = { W_N },
		[SERVICE_OFFERED] = { W_OFFERED, W_N },
		[SERVICE_OPEN] = { W_OFFERED, W_OPENED, W_EXPIRED, W_N },
		[SERVICE_NEGOTIATING] = { W_OFFERED, W_OPENED, W_N },
		[SERVICE_READY] = { W_OFFERED, W_OPENED, W_AGREED, W_N },
		[SERVICE_REFUSED] = { W_OFFERED, W_OPENED, W_REFUSED, W_N },
	};
	static const IcOps ops = { pipe_send, pipe_state, pipe_describe };
	const IcVersions offer = { 1, 1, { v3 }, { v3 } };

	for (guint s = 0; s < SERVICE_STATE_N; s++)
		for (guint e = 0; e < W_N; e++) {
			g_autoptr(HvisFakeClock) clock = hvis_fake_clock_new();
			guint64 xid = 0;
			Ic *ic = ic_new(
				"cell", HVIS_IC_SHUTDOWN, hvis_fake_clock_get(clock), &ops, &xid);

			ic_set_versions(ic, &offer);
			for (const Walk *w = path[s]; *w != W_N; w++)
				play(ic, clock, &xid, *w);
			g_assert_cmpint(ic_state(ic), ==, (int)s);
			play(ic, clock, &xid, (Walk)e);
			g_test_message("%s and event %u", service_state_name(s), e);
			g_assert_cmpint(ic_state(ic), ==, expected[s][e]);
			ic_free(ic);
		}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(path, options, func)                                                                     \
	g_test_add("/service/ic/" path, Fixture, options, setup, func, teardown)
	T("negotiate/offers", "", test_offers);
	T("negotiate/narrowed", "=versions=3.0-3.1,framework=1.0", test_narrowed);
	T("negotiate/agreed", "", test_agreed);
	T("negotiate/refused", "", test_refused);
	T("negotiate/chosen-out-of-range", "=versions=3.0-3.2", test_chosen_out_of_range);
	T("negotiate/expires", "", test_negotiation_expires);
	T("negotiate/again", "", test_renegotiate);
	T("negotiate/configured-meanwhile", "", test_configured_meanwhile);
	T("negotiate/duplicate", "", test_duplicate_versions);
	T("negotiate/truncated", "", test_truncated_versions);
	T("transaction/two-queued", "", test_two_queued);
	T("transaction/timeout-then-late", "", test_timeout_then_late);
	T("transaction/close", "", test_close_in_transaction);
	T("transaction/rescind", "", test_rescind_in_transaction);
	T("transaction/no-room", "", test_no_room);
	T("transaction/unbuildable", "", test_unbuildable);
	T("transaction/queue-limit", "", test_queue_limit);
	T("transaction/truncated", "", test_truncated);
	T("transaction/wrong-answers", "", test_wrong_answers);
	T("trace", "", test_trace);
#undef T
	g_test_add_func("/service/ic/every-cell", test_every_cell);
	return g_test_run();
}
