/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fuzz target: all that a guest can do to the VMBus host. The input is a list of records
 * (fake-guest-private.h): messages, signals, writes to guest memory, and turns of the host itself.
 *
 * The machine asserts that the host maps, connects and sends only what makes sense; this file that
 * it always lets go of guest memory in the end.
 */
#include "config.h"

#include <json-c/json.h>

#include "host/owed.h"
#include "host/vmbus/parts.h"
#include "tests/unit/fake-guest-private.h"

#define DEVICES 3u

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

typedef struct {
	FakeGuest *guest;
	VmbusHost *host;
	VmbusDevice *device[DEVICES];
	VmbusChannel *open;
} Run;

static void on_opened(VmbusChannel *channel, gpointer data)
{
	((Run *)data)->open = channel;
}

/* Answers at once, as the services do. */
static void on_packet(VmbusChannel *channel, const VmbusPacket *packet, gpointer data)
{
	guint sum = 0;

	for (gsize i = 0; i < packet->header_len; i++)
		sum += packet->header[i];
	for (gsize i = 0; i < packet->payload_len; i++)
		sum += packet->payload[i];
	vmbus_channel_send(
		channel, HVIS_PACKET_INBAND, (guint16)(sum & 1), packet->xid, "answer", 6, NULL);
}

static void on_closed(VmbusChannel *channel, gpointer data)
{
	Run *run = data;

	if (run->open == channel)
		run->open = NULL;
}

static const VmbusDeviceOps ops = { .opened = on_opened, .packet = on_packet, .closed = on_closed };

static void do_post(Run *run, guint32 port, const guint8 *bytes, gsize len)
{
	FakeMessage message;

	fake_guest_post(run->guest, port, bytes, len);
	while (fake_guest_take(run->guest, &message)) {
		g_autofree char *text = vmbus_message_text(message.bytes, message.len);

		g_assert_nonnull(text);
		g_assert_cmpuint(message.len % 8, ==, 0);
	}
}

static void do_signal(Run *run, const guint8 *bytes, gsize len)
{
	guint32 id = 0;

	memcpy(&id, bytes, MIN(len, sizeof(id)));
	fake_guest_signal(run->guest, id);
}

static void do_poke(Run *run, const guint8 *bytes, gsize len)
{
	guint16 at[2];

	if (len < sizeof(at))
		return;
	memcpy(at, bytes, sizeof(at));
	at[0] %= 4096;
	at[1] = (guint16)MIN(at[1] % HVIS_PAGE_SIZE, HVIS_PAGE_SIZE - 256);
	memcpy((guint8 *)fake_guest_page(run->guest, at[0]) + at[1], bytes + sizeof(at),
		len - sizeof(at));
}

static void do_host(Run *run, const guint8 *bytes, gsize len)
{
	VmbusDevice *device = run->device[len > 1 ? bytes[1] % DEVICES : 0];

	switch (len ? bytes[0] % 6 : 0) {
	case 0:
		vmbus_device_rescind(device);
		break;
	case 1:
		vmbus_device_offer(device);
		break;
	case 2:
		vmbus_device_offer_subchannels(device, 1 + len % 3, NULL);
		break;
	case 3:
		if (run->open)
			vmbus_channel_send(run->open, HVIS_PACKET_INBAND, 0, len, bytes, len, NULL);
		break;
	case 4:
		monitor_look(run->host);
		break;
	case 5:
		g_main_context_iteration(NULL, FALSE);
		break;
	}
}

static void run_record(Run *run, guint8 op, const guint8 *bytes, gsize len)
{
	switch (op % FAKE_RECORD_N) {
	case FAKE_RECORD_POST:
		do_post(run, HVIS_PORT_5_0, bytes, len);
		break;
	case FAKE_RECORD_POST_OLD:
		do_post(run, HVIS_PORT_PRE_5_0, bytes, len);
		break;
	case FAKE_RECORD_SIGNAL:
		do_signal(run, bytes, len);
		break;
	case FAKE_RECORD_POKE:
		do_poke(run, bytes, len);
		break;
	case FAKE_RECORD_HOST:
		do_host(run, bytes, len);
		break;
	}
}

static void start(Run *run)
{
	static const char *const names[DEVICES] = { "one", "two", "three" };

	run->guest = fake_guest_new(2);
	run->host = vmbus_host_new(fake_guest_machine(run->guest), NULL);
	for (guint8 i = 0; i < DEVICES; i++) {
		const VmbusDeviceInfo info = {
			.name = names[i],
			.instance = { { i } },
			.monitored = i == 2,
			.ops = &ops,
			.data = run,
		};

		run->device[i] = vmbus_device_add(run->host, &info);
	}
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	struct json_object *state;
	Run run = { 0 };

	start(&run);
	for (gsize at = 0; at + 2 <= size;) {
		gsize len = MIN(data[at + 1], size - at - 2);

		run_record(&run, data[at], data + at + 2, len);
		at += 2 + len;
	}
	state = vmbus_host_describe(run.host);
	json_object_put(state);
	vmbus_host_free(run.host);
	g_assert_cmpuint(fake_guest_mappings(run.guest), ==, 0);
	g_assert_cmpuint(g_hash_table_size(run.guest->connections), ==, 0);
	fake_guest_free(run.guest);
	state = owed_describe();
	g_assert_cmpuint(json_object_array_length(state), ==, 0);
	json_object_put(state);
	return 0;
}
