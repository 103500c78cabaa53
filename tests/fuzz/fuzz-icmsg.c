/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fuzz target: what a guest can answer to an integration service's conversation, and when. The
 * input is a list of records, an action byte each, with what the action needs behind it.
 *
 * It goes to a service that numbers its messages and to one whose guest need not.
 *
 * Checked besides memory: every request is told its end exactly once, and no timer is left over.
 */
#include <hvis/hresult.h>
#include <util/clock.h>
#include "tests/unit/fake-bus.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

typedef struct {
	const char *name; /* of the service */
	FakeBus *bus;
	HvisFakeClock *clock;
	HostServices *all;
	HostService *service;
	gboolean open;
	FakeSent *last; /* that the service has sent */
	guint asked, told;
} Run;

enum {
	DO_OPEN,
	DO_CLOSE,
	DO_ASK,
	DO_WAIT, /* seconds */
	DO_TAKE,
	DO_ANSWER, /* length, body: to the message taken last */
	DO_AGREE, /* version: the same, in form */
	DO_RAW, /* xid, length, packet */
	DO_ROOM, /* yes or no */
	DO_RENEGOTIATE,
	DO_DISABLE,
	DO_ENABLE,
	DO_N,
};

static gboolean build(IcVersion message, GByteArray *body, gpointer data, GError **error)
{
	guint8 bytes[2] = { (guint8)message.major, (guint8)message.minor };

	g_byte_array_append(body, bytes, sizeof(bytes));
	return TRUE;
}

static void on_done(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	guint8 byte;

	while (wire_take(&body, &byte, 1))
		;
	((Run *)data)->told++;
}

/* The length byte before them says how many bytes follow, as far as there are any. */
static WireCursor counted(WireCursor *in)
{
	WireCursor bytes = { 0 };
	guint8 len = 0;

	wire_take(in, &len, 1);
	bytes = wire_cursor(in->pos, MIN(len, in->left));
	wire_skip(in, bytes.left);
	return bytes;
}

static guint8 byte_of(WireCursor *in)
{
	guint8 byte = 0;

	wire_take(in, &byte, 1);
	return byte;
}

static void do_agree(Run *run, WireCursor *in)
{
	IcVersions v = { 1, 1, { { byte_of(in), 0 } }, { { byte_of(in), byte_of(in) } } };
	guint8 body[16];
	gsize len;

	if (!run->last || !icmsg_negotiate_encode(&v, body, sizeof(body), &len, NULL))
		return;
	fake_bus_answer(run->bus, run->name, run->last, HVIS_S_OK, body, len);
}

static void do_answer(Run *run, WireCursor *in)
{
	guint8 status = byte_of(in);
	WireCursor body = counted(in);

	if (run->last)
		fake_bus_answer(run->bus, run->name, run->last, status, body.pos, body.left);
}

static void do_raw(Run *run, WireCursor *in)
{
	guint8 xid = byte_of(in);
	WireCursor packet = counted(in);
	g_autofree guint8 *exact = g_memdup2(packet.pos, packet.left);

	fake_bus_inject(run->bus, run->name, xid, exact, packet.left);
}

static void do_take(Run *run)
{
	FakeSent *sent = fake_bus_take(run->bus, run->name);

	if (!sent)
		return;
	fake_sent_free(run->last);
	run->last = sent;
}

/* Opening and closing, where a bus could. */
static void do_channel(Run *run, guint8 action)
{
	gboolean offered = fake_bus_offered(run->bus, run->name);

	if (action == DO_OPEN && offered && !run->open) {
		run->open = TRUE;
		fake_bus_open(run->bus, run->name);
	} else if (action == DO_CLOSE && run->open) {
		run->open = FALSE;
		fake_bus_close(run->bus, run->name);
	} else if (action == DO_DISABLE) {
		run->open = FALSE;
		service_disable(run->service);
	} else if (action == DO_ENABLE) {
		service_enable(run->service, NULL);
	}
}

static void step(Run *run, WireCursor *in)
{
	guint8 action = byte_of(in) % DO_N;

	switch (action) {
	case DO_ASK:
		run->asked++;
		ic_request(run->service->ic, build, on_done, run);
		break;
	case DO_WAIT:
		hvis_fake_clock_advance(run->clock, 1000u * byte_of(in));
		break;
	case DO_TAKE:
		do_take(run);
		break;
	case DO_ANSWER:
		do_answer(run, in);
		break;
	case DO_AGREE:
		do_agree(run, in);
		break;
	case DO_RAW:
		do_raw(run, in);
		break;
	case DO_ROOM:
		fake_bus_set_room(run->bus, run->name, byte_of(in) & 1);
		break;
	case DO_RENEGOTIATE:
		service_renegotiate(run->service, NULL);
		break;
	case DO_OPEN:
	case DO_CLOSE:
	case DO_DISABLE:
	case DO_ENABLE:
		do_channel(run, action);
		break;
	}
}

static void run_with(const char *name, WireCursor in)
{
	Run run = { .name = name, .bus = fake_bus_new(), .clock = hvis_fake_clock_new() };

	run.all = services_new_bus(fake_bus_get(run.bus), hvis_fake_clock_get(run.clock));
	g_assert_true(services_add(run.all, name, NULL));
	run.service = services_get(run.all, name, NULL);
	while (in.left)
		step(&run, &in);
	services_free(run.all);
	g_assert_cmpuint(run.asked, ==, run.told);
	g_assert_cmpuint(hvis_fake_clock_pending(run.clock), ==, 0);
	fake_sent_free(run.last);
	hvis_fake_clock_free(run.clock);
	fake_bus_free(run.bus);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	run_with("shutdown", wire_cursor(data, size));
	run_with("fcopy", wire_cursor(data, size));
	return 0;
}
