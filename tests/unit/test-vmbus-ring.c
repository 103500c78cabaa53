/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ring headers, one end against the other and against a hostile peer. Every access to the
 * shared pages is watched: no byte of a batch may be fetched twice.
 */
#include "config.h"

#include <glib.h>

#define HVIS_RING_ACCESS "tests/unit/ring-hook-access.h"
#include <hvis/ring-reader.h>
#include <hvis/ring-writer.h>

#define PAGES 2u
#define SIZE 4096u
#define FITS (SIZE - 8 - sizeof(struct hvis_packet_desc) - HVIS_RING_TRAILER) /* largest payload */

typedef struct {
	guint8 memory[PAGES * HVIS_RING_PAGE];
	struct hvis_ring writer, reader;
} Pair;

static struct {
	guint8 fetched[SIZE];
	guint loads[2]; /* of the write and the read index */
} watch;

static guint8 *real(const hvis_shared *base, uint32_t offset)
{
	g_assert_cmpuint(offset, <, PAGES * HVIS_RING_PAGE);
	return (guint8 *)(uintptr_t)base + offset;
}

uint32_t ring_hook_load(const hvis_shared *base, uint32_t offset)
{
	guint32 value;

	if (offset == HVIS_RING_WRITE || offset == HVIS_RING_READ)
		watch.loads[offset == HVIS_RING_READ]++;
	memcpy(&value, real(base, offset), sizeof(value));
	return value;
}

void ring_hook_store(hvis_shared *base, uint32_t offset, uint32_t value)
{
	memcpy(real(base, offset), &value, sizeof(value));
}

void ring_hook_barrier(void)
{
}

void ring_hook_fetch(void *to, const hvis_shared *base, uint32_t offset, uint32_t len)
{
	g_assert_cmpuint(offset, >=, HVIS_RING_PAGE);
	g_assert_cmpuint(offset + len, <=, PAGES * HVIS_RING_PAGE);
	for (guint i = 0; i < len; i++)
		g_assert_cmpuint(watch.fetched[offset - HVIS_RING_PAGE + i]++, ==, 0);
	memcpy(to, real(base, offset), len);
}

void ring_hook_put(hvis_shared *base, uint32_t offset, const void *from, uint32_t len)
{
	g_assert_cmpuint(offset, >=, HVIS_RING_PAGE);
	g_assert_cmpuint(offset + len, <=, PAGES * HVIS_RING_PAGE);
	memcpy(real(base, offset), from, len);
}

static hvis_shared *shared(Pair *pair)
{
	gpointer memory = pair->memory;

	return memory;
}

static Pair *pair_new(void)
{
	Pair *pair = g_new0(Pair, 1);

	hvis_ring_init(&pair->writer, shared(pair), PAGES);
	hvis_ring_init(&pair->reader, shared(pair), PAGES);
	hvis_ring_write_start(&pair->writer, HVIS_RING_PENDING_SEND);
	hvis_ring_read_start(&pair->reader);
	memset(&watch, 0, sizeof(watch));
	return pair;
}

static guint32 word(Pair *pair, guint offset)
{
	guint32 value;

	memcpy(&value, pair->memory + offset, sizeof(value));
	return value;
}

static void poke(Pair *pair, guint offset, guint32 value)
{
	memcpy(pair->memory + offset, &value, sizeof(value));
}

/* A batch of one packet; TRUE in @signal where the reader is to be signalled. */
static enum hvis_ring_result send(Pair *pair, const void *payload, guint32 len, gboolean *signal)
{
	const struct hvis_packet_out packet = {
		.type = HVIS_PACKET_INBAND,
		.flags = HVIS_PACKET_WANTS_COMPLETION,
		.xid = 0x1122334455667788,
		.payload = payload,
		.payload_len = len,
	};
	enum hvis_ring_result result;

	if (!hvis_ring_write_begin(&pair->writer))
		return HVIS_RING_POISONED;
	result = hvis_ring_write_put(&pair->writer, &packet);
	*signal = hvis_ring_write_commit(&pair->writer);
	return result;
}

static void begin(Pair *pair)
{
	memset(watch.fetched, 0, sizeof(watch.fetched));
	g_assert_true(hvis_ring_read_begin(&pair->reader));
}

/* Read and give back one packet of @len bytes at least, all of @value. */
static void receive(Pair *pair, guint len, guint8 value)
{
	struct hvis_packet_in packet = { 0 };
	g_autofree guint8 *payload = g_malloc(len + 8);

	begin(pair);
	g_assert_cmpint(hvis_ring_read_next(&pair->reader, &packet), ==, HVIS_RING_DONE);
	g_assert_cmpuint(packet.payload_len, ==, (len + 7) / 8 * 8);
	g_assert_true(hvis_packet_take(&pair->reader, &packet, payload, packet.payload_len));
	g_assert_false(hvis_packet_take(&pair->reader, &packet, payload, 1));
	for (guint i = 0; i < packet.payload_len; i++)
		g_assert_cmpuint(payload[i], ==, i < len ? value : 0);
	hvis_ring_read_commit(&pair->reader);
}

static void test_layout(void)
{
	g_autofree Pair *pair = pair_new();
	static const guint8 expect[] = { 6, 0, 3, 0, 4, 0, 1, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33,
		0x22, 0x11, 'h', 'e', 'a', 'd', 'e', 'r', '.', '.', 'p', 'a', 'y', 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0 };
	struct hvis_packet_out packet = {
		.type = HVIS_PACKET_INBAND,
		.flags = 1,
		.xid = 0x1122334455667788,
		.header = "header..",
		.header_len = 8,
		.payload = "pay",
		.payload_len = 3,
	};

	g_assert_true(hvis_ring_write_begin(&pair->writer));
	g_assert_cmpint(hvis_ring_write_put(&pair->writer, &packet), ==, HVIS_RING_DONE);
	g_assert_cmpint(hvis_ring_write_put(&pair->writer, &packet), ==, HVIS_RING_DONE);
	g_assert_cmpuint(word(pair, HVIS_RING_WRITE), ==, 0);
	g_assert_true(hvis_ring_write_commit(&pair->writer));
	g_assert_cmpuint(word(pair, HVIS_RING_WRITE), ==, 80);
	g_assert_cmpmem(pair->memory + HVIS_RING_PAGE, 40, expect, sizeof(expect));
	g_assert_cmpuint(word(pair, HVIS_RING_PAGE + 76), ==, 40); /* where the second began */
	g_assert_cmpuint(word(pair, HVIS_RING_FEATURES), ==, HVIS_RING_PENDING_SEND);

	packet.header_len = 4;
	g_assert_cmpint(hvis_ring_write_put(&pair->writer, &packet), ==, HVIS_RING_NEVER);
}

static void test_read_header(void)
{
	g_autofree Pair *pair = pair_new();
	const struct hvis_packet_out out = {
		.type = HVIS_PACKET_GPA_DIRECT,
		.header = "0123456789abcdef",
		.header_len = 16,
		.payload = "payload",
		.payload_len = 7,
	};
	struct hvis_packet_in in = { 0 };
	char header[16], payload[8];

	g_assert_true(hvis_ring_write_begin(&pair->writer));
	g_assert_cmpint(hvis_ring_write_put(&pair->writer, &out), ==, HVIS_RING_DONE);
	hvis_ring_write_commit(&pair->writer);
	begin(pair);
	g_assert_cmpint(hvis_ring_read_next(&pair->reader, &in), ==, HVIS_RING_DONE);
	g_assert_cmpuint(in.type, ==, HVIS_PACKET_GPA_DIRECT);
	g_assert_cmpuint(in.header_len, ==, 16);
	g_assert_cmpuint(in.payload_len, ==, 8);
	g_assert_true(hvis_packet_take(&pair->reader, &in, header, 16));
	g_assert_true(hvis_packet_take(&pair->reader, &in, payload, 8));
	g_assert_cmpmem(header, 16, "0123456789abcdef", 16);
	g_assert_cmpmem(payload, 8, "payload", 8);
	g_assert_cmpint(hvis_ring_read_next(&pair->reader, &in), ==, HVIS_RING_AGAIN);
}

/* Every length from nothing to the largest, so that each place of the ring is an end once. */
static void test_wrap(void)
{
	g_autofree Pair *pair = pair_new();
	guint8 payload[SIZE];
	gboolean signal = FALSE;

	for (guint round = 0; round < 3; round++)
		for (guint len = 0; len <= FITS; len++) {
			memset(payload, (int)(len + round), sizeof(payload));
			g_assert_cmpint(send(pair, payload, len, &signal), ==, HVIS_RING_DONE);
			g_assert_true(signal);
			receive(pair, len, (guint8)(len + round));
			g_assert_cmpuint(
				word(pair, HVIS_RING_READ), ==, word(pair, HVIS_RING_WRITE));
		}
}

static void test_full(void)
{
	g_autofree Pair *pair = pair_new();
	guint8 payload[SIZE] = { 0 };
	gboolean signal;

	g_assert_cmpint(send(pair, payload, FITS + 1, &signal), ==, HVIS_RING_NEVER);
	g_assert_cmpint(send(pair, payload, FITS, &signal), ==, HVIS_RING_DONE);
	/* 8 bytes are left and stay so: a full ring would look empty. */
	g_assert_cmpuint(hvis_ring_free(&pair->writer), ==, 8);
	g_assert_cmpint(send(pair, payload, 0, &signal), ==, HVIS_RING_AGAIN);
	g_assert_false(signal);
	receive(pair, FITS, 0);
	g_assert_cmpint(send(pair, payload, 0, &signal), ==, HVIS_RING_DONE);
}

static void test_longest(void)
{
	const struct hvis_packet_out packet = {
		.type = HVIS_PACKET_INBAND,
		.payload_len = 0xffff * 8 - sizeof(struct hvis_packet_desc),
	};
	struct hvis_packet_out longer = packet;

	g_assert_cmpuint(hvis_ring_need(&packet), ==, 0xffff * 8 + HVIS_RING_TRAILER);
	longer.payload_len++;
	g_assert_cmpuint(hvis_ring_need(&longer), ==, 0);
	longer.payload_len = UINT32_MAX;
	g_assert_cmpuint(hvis_ring_need(&longer), ==, 0);
}

static void test_signal_edge(void)
{
	g_autofree Pair *pair = pair_new();
	gboolean signal;

	send(pair, "a", 1, &signal);
	g_assert_true(signal);
	send(pair, "b", 1, &signal);
	g_assert_false(signal); /* not empty: the reader is awake, or will look again */
	receive(pair, 1, 'a');
	send(pair, "c", 1, &signal);
	g_assert_false(signal);
	receive(pair, 1, 'b');
	receive(pair, 1, 'c');
	hvis_ring_read_mask(&pair->reader);
	send(pair, "d", 1, &signal);
	g_assert_false(signal);
	g_assert_true(hvis_ring_read_unmask(&pair->reader)); /* for that one there is no signal */
	receive(pair, 1, 'd');
	g_assert_false(hvis_ring_read_unmask(&pair->reader));
	send(pair, "e", 1, &signal);
	g_assert_true(signal);
}

/* Ten packets, one publication; the reader's index is looked at to begin and to end, no more. */
static void test_batch(void)
{
	g_autofree Pair *pair = pair_new();
	const struct hvis_packet_out packet = { .type = HVIS_PACKET_COMP };
	struct hvis_packet_in in;
	guint n = 0;

	g_assert_true(hvis_ring_write_begin(&pair->writer));
	for (guint i = 0; i < 10; i++)
		g_assert_cmpint(hvis_ring_write_put(&pair->writer, &packet), ==, HVIS_RING_DONE);
	g_assert_true(hvis_ring_write_commit(&pair->writer));
	g_assert_false(hvis_ring_write_commit(&pair->writer));
	g_assert_cmpuint(watch.loads[1], ==, 2);
	begin(pair);
	while (hvis_ring_read_next(&pair->reader, &in) == HVIS_RING_DONE)
		n++;
	g_assert_cmpuint(n, ==, 10);
	g_assert_cmpuint(watch.loads[0], ==, 1);
}

static void test_pending(void)
{
	g_autofree Pair *pair = pair_new();
	guint8 payload[1000] = { 0 };
	struct hvis_packet_in in;
	gboolean signal;

	for (guint i = 0; i < 3; i++)
		send(pair, payload, 1000, &signal);
	g_assert_cmpint(send(pair, payload, 1000, &signal), ==, HVIS_RING_AGAIN);
	g_assert_cmpuint(hvis_ring_free(&pair->writer), ==, 1024);
	g_assert_false(hvis_ring_write_wait(&pair->writer, 2000));
	g_assert_cmpuint(word(pair, HVIS_RING_PENDING), ==, 2000);
	begin(pair);
	hvis_ring_read_next(&pair->reader, &in);
	g_assert_true(hvis_ring_read_commit(&pair->reader)); /* 1024 -> 2048: the edge */
	hvis_ring_read_next(&pair->reader, &in);
	g_assert_false(hvis_ring_read_commit(&pair->reader)); /* was enough before */
	g_assert_true(hvis_ring_write_wait(&pair->writer, 2000));
	hvis_ring_write_resume(&pair->writer);
	g_assert_cmpuint(word(pair, HVIS_RING_PENDING), ==, 0);
}

static void test_pending_exact(void)
{
	g_autofree Pair *pair = pair_new();
	guint8 payload[1000] = { 0 };
	struct hvis_packet_in in;
	gboolean signal;

	for (guint i = 0; i < 3; i++)
		send(pair, payload, 1000, &signal);
	g_assert_false(hvis_ring_write_wait(&pair->writer, 2048));
	begin(pair);
	hvis_ring_read_next(&pair->reader, &in);
	g_assert_false(hvis_ring_read_commit(&pair->reader)); /* 2048 free: 2048 would fill it */
	hvis_ring_read_next(&pair->reader, &in);
	g_assert_true(hvis_ring_read_commit(&pair->reader));
}

/* A writer that does not know the feature is not waiting, whatever stands in the word. */
static void test_pending_without_feature(void)
{
	g_autofree Pair *pair = pair_new();
	guint8 payload[1000] = { 0 };
	struct hvis_packet_in in;
	gboolean signal;

	for (guint i = 0; i < 3; i++)
		send(pair, payload, 1000, &signal);
	poke(pair, HVIS_RING_FEATURES, 0);
	poke(pair, HVIS_RING_PENDING, 2000);
	begin(pair);
	hvis_ring_read_next(&pair->reader, &in);
	g_assert_false(hvis_ring_read_commit(&pair->reader));
}

static void test_bad_index(void)
{
	static const guint32 bad[] = { 1, 4, 7, 4095, 4096, 4104, 0x80000000, 0xfffffff8,
		0xffffffff };

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree Pair *pair = pair_new();
		struct hvis_packet_in in;
		gboolean signal;

		poke(pair, HVIS_RING_WRITE, bad[i]);
		g_assert_false(hvis_ring_read_begin(&pair->reader));
		g_assert_cmpint(pair->reader.fault, ==, HVIS_RING_BAD_INDEX);
		poke(pair, HVIS_RING_WRITE, 0); /* too late: nothing is repaired */
		g_assert_false(hvis_ring_read_begin(&pair->reader));
		g_assert_cmpint(hvis_ring_read_next(&pair->reader, &in), ==, HVIS_RING_POISONED);
		g_assert_false(hvis_ring_read_commit(&pair->reader));
		g_assert_false(hvis_ring_read_unmask(&pair->reader));

		poke(pair, HVIS_RING_READ, bad[i]);
		g_assert_cmpint(send(pair, "", 0, &signal), ==, HVIS_RING_POISONED);
		g_assert_cmpint(pair->writer.fault, ==, HVIS_RING_BAD_INDEX);
		g_assert_false(hvis_ring_write_wait(&pair->writer, 8));
	}
}

/* Our own index is ours: what the peer writes over it changes nothing. */
static void test_own_index(void)
{
	g_autofree Pair *pair = pair_new();
	gboolean signal;

	send(pair, "a", 1, &signal);
	poke(pair, HVIS_RING_READ, 0);
	receive(pair, 1, 'a');
	poke(pair, HVIS_RING_WRITE, 8);
	g_assert_cmpint(send(pair, "b", 1, &signal), ==, HVIS_RING_DONE);
	g_assert_cmpuint(word(pair, HVIS_RING_WRITE), ==, 64);
	poke(pair, HVIS_RING_READ, 800);
	receive(pair, 1, 'b');
	g_assert_cmpuint(word(pair, HVIS_RING_READ), ==, 64);
}

/* Every value of each field, against what a sound descriptor is. */
static void test_descriptor(void)
{
	for (guint type = 0; type < 32; type++)
		for (guint offset = 0; offset < 16; offset++)
			for (guint len = 0; len < 16; len++) {
				const struct hvis_packet_desc desc = {
					.type = hvis_le16_make((guint16)type),
					.offset8 = hvis_le16_make((guint16)offset),
					.len8 = hvis_le16_make((guint16)len),
				};
				enum hvis_ring_fault fault = hvis_packet_check(&desc, 80);
				gboolean sound = type >= 6 && type <= 11 && offset >= 2 &&
						 offset <= len && len <= 9;

				g_assert_cmpint(fault == HVIS_RING_SOUND, ==, sound);
			}
}

static void check_poison(
	guint16 type, guint16 offset8, guint16 len8, guint32 avail, enum hvis_ring_fault fault)
{
	g_autofree Pair *pair = pair_new();
	const struct hvis_packet_desc desc = {
		.type = hvis_le16_make(type),
		.offset8 = hvis_le16_make(offset8),
		.len8 = hvis_le16_make(len8),
	};
	struct hvis_packet_in in;

	memcpy(pair->memory + HVIS_RING_PAGE, &desc, sizeof(desc));
	poke(pair, HVIS_RING_WRITE, avail);
	begin(pair);
	g_assert_cmpint(hvis_ring_read_next(&pair->reader, &in), ==, HVIS_RING_POISONED);
	g_assert_cmpint(pair->reader.fault, ==, fault);
	g_assert_cmpint(hvis_ring_read_next(&pair->reader, &in), ==, HVIS_RING_POISONED);
}

static void test_bad_descriptor(void)
{
	check_poison(0, 2, 2, 24, HVIS_RING_BAD_TYPE);
	check_poison(12, 2, 2, 24, HVIS_RING_BAD_TYPE);
	check_poison(6, 1, 2, 24, HVIS_RING_BAD_OFFSET);
	check_poison(6, 3, 2, 24, HVIS_RING_BAD_OFFSET);
	check_poison(6, 0xffff, 2, 24, HVIS_RING_BAD_OFFSET);
	check_poison(6, 2, 3, 24, HVIS_RING_BAD_LENGTH);
	check_poison(6, 2, 0xffff, 4088, HVIS_RING_BAD_LENGTH);
	check_poison(6, 2, 2, 16, HVIS_RING_BAD_LENGTH); /* no trailer */
	check_poison(6, 2, 2, 8, HVIS_RING_BAD_LENGTH); /* not even a descriptor */
}

/* A sound packet cut at every length is refused, and the cut says nothing about later bytes. */
static void test_truncated(void)
{
	for (guint avail = 8; avail < 48; avail += 8)
		check_poison(6, 3, 5, avail, HVIS_RING_BAD_LENGTH);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vmbus/ring/layout", test_layout);
	g_test_add_func("/vmbus/ring/read-header", test_read_header);
	g_test_add_func("/vmbus/ring/wrap", test_wrap);
	g_test_add_func("/vmbus/ring/full", test_full);
	g_test_add_func("/vmbus/ring/longest", test_longest);
	g_test_add_func("/vmbus/ring/signal-edge", test_signal_edge);
	g_test_add_func("/vmbus/ring/batch", test_batch);
	g_test_add_func("/vmbus/ring/pending", test_pending);
	g_test_add_func("/vmbus/ring/pending-exact", test_pending_exact);
	g_test_add_func("/vmbus/ring/pending-without-feature", test_pending_without_feature);
	g_test_add_func("/vmbus/ring/bad-index", test_bad_index);
	g_test_add_func("/vmbus/ring/own-index", test_own_index);
	g_test_add_func("/vmbus/ring/descriptor", test_descriptor);
	g_test_add_func("/vmbus/ring/bad-descriptor", test_bad_descriptor);
	g_test_add_func("/vmbus/ring/truncated", test_truncated);
	return g_test_run();
}
