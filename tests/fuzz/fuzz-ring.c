/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fuzz target: both ends of a ring in memory that the input writes at any time. The input is a list
 * of operations, a byte each with arguments behind it.
 *
 * Watched: every access stays inside the two pages, no byte of a batch is fetched twice, what we
 * publish is always an index of the ring, a poisoned ring stays poisoned and silent.
 */
#include "config.h"

#include <glib.h>

#define HVIS_RING_ACCESS "tests/unit/ring-hook-access.h"
#include <hvis/ring-reader.h>
#include <hvis/ring-writer.h>

#define SIZE 4096u

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static struct {
	guint8 memory[HVIS_RING_PAGE + SIZE];
	guint8 fetched[SIZE];
	struct hvis_ring reader, writer;
	const guint8 *input;
	gsize left;
} fuzz;

static void check_data(uint32_t offset, uint32_t len)
{
	g_assert_cmpuint(offset, >=, HVIS_RING_PAGE);
	g_assert_cmpuint(offset, <, HVIS_RING_PAGE + SIZE);
	g_assert_cmpuint(len, <=, HVIS_RING_PAGE + SIZE - offset);
}

uint32_t ring_hook_load(const hvis_shared *base, uint32_t offset)
{
	guint32 value;

	g_assert_cmpuint(offset, <=, HVIS_RING_FEATURES);
	memcpy(&value, fuzz.memory + offset, sizeof(value));
	return value;
}

void ring_hook_store(hvis_shared *base, uint32_t offset, uint32_t value)
{
	g_assert_cmpuint(offset, <=, HVIS_RING_FEATURES);
	if (offset == HVIS_RING_WRITE || offset == HVIS_RING_READ)
		g_assert_true(value % 8 == 0 && value < SIZE);
	memcpy(fuzz.memory + offset, &value, sizeof(value));
}

void ring_hook_barrier(void)
{
}

void ring_hook_fetch(void *to, const hvis_shared *base, uint32_t offset, uint32_t len)
{
	check_data(offset, len);
	for (guint i = 0; i < len; i++)
		g_assert_cmpuint(fuzz.fetched[offset - HVIS_RING_PAGE + i]++, ==, 0);
	memcpy(to, fuzz.memory + offset, len);
}

void ring_hook_put(hvis_shared *base, uint32_t offset, const void *from, uint32_t len)
{
	check_data(offset, len);
	memcpy(fuzz.memory + offset, from, len);
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

static void poke_control(void)
{
	static const guint8 where[] = { HVIS_RING_WRITE, HVIS_RING_READ, HVIS_RING_MASK,
		HVIS_RING_PENDING, HVIS_RING_FEATURES };
	guint8 pick = next_byte();
	guint32 value = next_word();

	if (pick & 0x80)
		value |= (guint32)next_word() << 16;
	memcpy(fuzz.memory + where[pick % G_N_ELEMENTS(where)], &value, sizeof(value));
}

static void poke_data(void)
{
	guint at = next_word() % SIZE;

	for (guint n = next_byte() % 64 + 1u; n > 0; n--, at = (at + 1) % SIZE)
		fuzz.memory[HVIS_RING_PAGE + at] = next_byte();
}

static void take(struct hvis_packet_in *packet)
{
	guint32 total = packet->left, taken = 0;
	guint8 piece[512];

	g_assert_cmpuint(total, ==, packet->header_len + packet->payload_len);
	g_assert_cmpuint(total, <=, SIZE);
	while (packet->left && next_byte() % 8) {
		guint32 want = next_word() % sizeof(piece);
		gboolean fits = want <= packet->left;

		g_assert_cmpint(hvis_packet_take(&fuzz.reader, packet, piece, want), ==, fits);
		taken += fits ? want : 0;
		g_assert_cmpuint(packet->left, ==, total - taken);
	}
}

static void read_batch(void)
{
	struct hvis_packet_in packet;
	guint n = 0;

	memset(fuzz.fetched, 0, sizeof(fuzz.fetched));
	if (!hvis_ring_read_begin(&fuzz.reader))
		return;
	while (hvis_ring_read_next(&fuzz.reader, &packet) == HVIS_RING_DONE) {
		g_assert_cmpuint(++n, <=, SIZE / 24);
		take(&packet);
		if (next_byte() % 4 == 0)
			poke_data(); /* in the middle of the batch */
	}
	hvis_ring_read_commit(&fuzz.reader);
}

static void write_batch(void)
{
	static const guint8 bytes[8192];
	struct hvis_packet_out packet = { .header = bytes, .payload = bytes };

	if (!hvis_ring_write_begin(&fuzz.writer))
		return;
	for (guint n = next_byte() % 8; n > 0; n--) {
		packet.header_len = next_byte() * 4u;
		packet.payload_len = next_word() % sizeof(bytes);
		packet.type = next_byte();
		if (hvis_ring_write_put(&fuzz.writer, &packet) == HVIS_RING_DONE)
			g_assert_cmpuint(hvis_ring_free(&fuzz.writer), >, 0);
	}
	hvis_ring_write_commit(&fuzz.writer);
}

static void step(void)
{
	enum hvis_ring_fault reader = fuzz.reader.fault, writer = fuzz.writer.fault;

	switch (next_byte() % 8) {
	case 0:
		poke_control();
		break;
	case 1:
		poke_data();
		break;
	case 2:
		read_batch();
		break;
	case 3:
		write_batch();
		break;
	case 4:
		hvis_ring_write_wait(&fuzz.writer, next_word());
		break;
	case 5:
		hvis_ring_write_resume(&fuzz.writer);
		break;
	case 6:
		hvis_ring_read_mask(&fuzz.reader);
		break;
	case 7:
		hvis_ring_read_unmask(&fuzz.reader);
		break;
	}
	g_assert_true(!reader || reader == fuzz.reader.fault);
	g_assert_true(!writer || writer == fuzz.writer.fault);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	hvis_shared *memory = (gpointer)fuzz.memory;

	memset(&fuzz, 0, sizeof(fuzz));
	fuzz.input = data;
	fuzz.left = size;
	hvis_ring_init(&fuzz.reader, memory, 2);
	hvis_ring_init(&fuzz.writer, memory, 2);
	while (fuzz.left)
		step();
	return 0;
}
