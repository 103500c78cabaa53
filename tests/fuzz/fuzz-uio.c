/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's end of a VMBus device, with a host that the input plays: packets of all kinds, and where the input
 * says so bytes anywhere in the memory that both share. The input is a list of steps, a byte each with
 * arguments behind it.
 *
 * Watched: a service has one request at a time, no shorter than any is; who is closed stays closed. With a host that
 * leaves the memory alone, also: it gets nothing but answers, with nothing but zeros for a body; and whenever the
 * transport says that it has no work, it has none.
 */
#include "config.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hvis/ring-reader.h>
#include <hvis/ring-writer.h>
#include <transport/uio.h>
#include <util/error.h>
#include <wire/fcopy.h>

#define PAGES 3u
#define SIZE ((gsize)2 * PAGES * HVIS_RING_PAGE)

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static struct {
	guint8 *memory;
	int wire;
	HvisTransport *guest;
	struct hvis_ring in, out; /* the host's */
	gboolean mad, closed, asked;
	guint8 packet[2 * PAGES * HVIS_RING_PAGE];
	const guint8 *input;
	gsize left;
} fuzz;

static void check(gboolean good)
{
	if (!good)
		abort();
}

static guint8 next_byte(void)
{
	if (!fuzz.left)
		return 0;
	fuzz.left--;
	return *fuzz.input++;
}

static guint16 next_word(void)
{
	guint8 low = next_byte();

	return (guint16)(low | next_byte() << 8);
}

static gsize next_bytes(guint8 *to, gsize max)
{
	gsize len = next_word();

	len = MIN(MIN(len, max), fuzz.left);
	if (len)
		memcpy(to, fuzz.input, len);
	fuzz.input += len;
	fuzz.left -= len;
	return len;
}

/* --- the service --- */

static void receive(void)
{
	g_autoptr(GError) error = NULL;
	static guint8 buf[sizeof(struct hvis_fcopy_write)];
	gssize n = hvis_transport_receive(fuzz.guest, buf, sizeof(buf), &error);

	check(n <= (gssize)sizeof(buf) && (n < 0) == (error != NULL));
	if (n > 0 && fcopy_is_register(buf, (gsize)n)) {
		check(!fuzz.closed);
		fuzz.asked = FALSE; /* what was asked before is over */
	} else if (n > 0 || hvis_error_is(error, HVIS_ERROR_NO_SPACE)) {
		check(!fuzz.closed && !fuzz.asked);
		check(n < 0 || n >= (gssize)sizeof(struct hvis_fcopy_hdr));
		fuzz.asked = TRUE;
	} else if (n < 0) {
		check(hvis_error_is(error, HVIS_ERROR_CLOSED) && fuzz.mad);
		fuzz.closed = TRUE;
	} else {
		check(!fuzz.closed);
	}
}

static void reply(void)
{
	g_autoptr(GError) error = NULL;
	guint8 buf[4];

	if (hvis_transport_send(fuzz.guest, buf, fcopy_answer_encode(next_word(), buf), &error))
		check(!fuzz.closed && fuzz.asked);
	else if (hvis_error_is(error, HVIS_ERROR_CLOSED))
		fuzz.closed = fuzz.mad;
	else
		check(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
	check(!fuzz.closed || fuzz.mad);
	fuzz.asked = FALSE;
}

static gboolean is_readable(void)
{
	struct pollfd pfd = { .fd = hvis_transport_fd(fuzz.guest), .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

/* --- the host --- */

static void interrupt(void)
{
	send(fuzz.wire, "\1\0\0", 4, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void put(guint16 type, gsize header_len, gsize len)
{
	struct hvis_packet_out packet = {
		.type = type,
		.xid = next_byte(),
		.header = fuzz.packet,
		.header_len = (uint32_t)header_len,
		.payload = fuzz.packet,
		.payload_len = (uint32_t)len,
	};

	hvis_ring_write_begin(&fuzz.out);
	hvis_ring_write_put(&fuzz.out, &packet);
	if (hvis_ring_write_commit(&fuzz.out))
		interrupt();
}

static void put_message(guint16 type, const guint8 *body, gsize len)
{
	IcMessage msg = {
		.type = type,
		.framework = { 3, 0 },
		.message = { 1, 1 },
		.flags = HVIS_IC_TRANSACTION | HVIS_IC_REQUEST,
		.body = wire_cursor(body, len),
	};
	gsize used = 0;

	check(icmsg_encode(&msg, fuzz.packet, sizeof(fuzz.packet), &used, NULL));
	put(HVIS_PACKET_INBAND, 0, used);
}

static void put_negotiation(void)
{
	static const IcVersions versions = { 2, 1, { { 1, 0 }, { 3, 0 } }, { { 1, 1 } } };
	guint8 body[64];
	gsize len = 0;

	check(icmsg_negotiate_encode(&versions, body, sizeof(body), &len, NULL));
	put_message(HVIS_IC_NEGOTIATE, body, len);
}

static void put_request(void)
{
	static const guint8 zeros[sizeof(struct hvis_fcopy_write)];

	put_message(HVIS_IC_FCOPY, zeros, next_word() % sizeof(zeros));
}

static void put_body(void)
{
	static guint8 body[HVIS_IC_MAX_MESSAGE];
	guint16 type = next_byte() % 16;

	put_message(type, body, next_bytes(body, sizeof(body) - HVIS_IC_BODY_OFFSET));
}

static void put_bytes(void)
{
	guint16 type = next_byte() % 16;
	gsize header_len = next_byte() % 4 ? 0 : 8;

	fuzz.mad |= type < HVIS_PACKET_INBAND || type > HVIS_PACKET_COMP;
	put(type, header_len, next_bytes(fuzz.packet, sizeof(fuzz.packet)));
}

/* One that leaves the memory alone sees answers; what a mad one sees is its own doing. */
static void take_answer(void)
{
	struct hvis_packet_in packet;
	IcMessage msg;

	hvis_ring_read_begin(&fuzz.in);
	if (hvis_ring_read_next(&fuzz.in, &packet) == HVIS_RING_DONE && !fuzz.mad) {
		check(packet.type == HVIS_PACKET_INBAND && packet.flags == 0);
		check(packet.payload_len <= HVIS_IC_MAX_MESSAGE);
		check(hvis_packet_take(&fuzz.in, &packet, fuzz.packet, packet.payload_len));
		check(icmsg_decode(fuzz.packet, packet.payload_len, &msg, NULL));
		check(msg.flags == (HVIS_IC_TRANSACTION | HVIS_IC_RESPONSE));
		for (gsize i = 0; msg.type != HVIS_IC_NEGOTIATE && i < msg.body.left; i++)
			check(msg.body.pos[i] == 0);
	}
	if (hvis_ring_read_commit(&fuzz.in))
		interrupt();
}

static void poke(void)
{
	guint32 value;
	gsize where;

	if (next_byte() % 2)
		where = next_byte() % 2 * SIZE / 2 + next_byte() % 5 * 4u;
	else
		where = next_word() % SIZE;
	value = next_byte() % 2 ? next_word() : (guint32)next_word() << 16;
	where = MIN(where, SIZE - sizeof(value));
	memcpy(fuzz.memory + where, &value, sizeof(value));
	fuzz.mad = TRUE;
}

static void step(void)
{
	guint8 buf[64];

	switch (next_byte() % 10) {
	case 0:
		return put_negotiation();
	case 1:
		return put_request();
	case 2:
		return put_body();
	case 3:
		return put_bytes();
	case 4:
		return take_answer();
	case 5:
		return poke();
	case 6:
		return interrupt();
	case 7:
		return reply();
	case 8:
		while (recv(fuzz.wire, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		return;
	default:
		return receive();
	}
}

/* No answer is missing, and no wake-up: a main loop that does what it is told to sees everything. */
static void finish(void)
{
	for (guint idle = 0; idle < 2;) {
		take_answer();
		if (fuzz.asked)
			reply();
		idle = is_readable() || fuzz.in.own != fuzz.in.peer ? 0 : idle + 1;
		if (is_readable())
			receive();
	}
	hvis_ring_write_begin(&fuzz.out);
	check(fuzz.out.peer == fuzz.out.own);
	check(hvis_shared_load(fuzz.out.control, HVIS_RING_MASK) == 0);
}

static void begin(void)
{
	g_autoptr(GError) error = NULL;
	guint8 buf[4];
	int fds[2];

	fuzz.memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(fuzz.memory != MAP_FAILED);
	check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	fuzz.wire = fds[1];
	hvis_ring_init(&fuzz.in, (hvis_shared *)fuzz.memory, PAGES);
	hvis_ring_init(&fuzz.out, (hvis_shared *)(fuzz.memory + SIZE / 2), PAGES);
	hvis_ring_read_start(&fuzz.in);
	hvis_ring_write_start(&fuzz.out, HVIS_RING_PENDING_SEND);
	fuzz.guest = hvis_uio_new(fds[0], fuzz.memory, SIZE, "uio", &error);
	check(fuzz.guest != NULL);
	check(hvis_transport_send(fuzz.guest, buf, fcopy_register_encode(buf), &error));
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	fuzz.mad = fuzz.closed = fuzz.asked = FALSE;
	fuzz.input = data;
	fuzz.left = size;
	begin();
	while (fuzz.left && !fuzz.closed)
		step();
	if (!fuzz.mad)
		finish();
	else if (fuzz.closed)
		receive(); /* and stays so */
	hvis_transport_close(fuzz.guest);
	close(fuzz.wire);
	return 0;
}
