/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Can a wake-up get lost? A search through the interleavings of one writer and one reader on a ring
 * of one page, on the ring headers themselves, with the store buffers of an x86 processor.
 *
 * Both ends are coroutines that stop before every access to the control page. A store goes to the
 * end's buffer and is seen by the other once it leaves it, as late as the search likes; a barrier
 * empties the buffer. The search runs every schedule with at most a given number of departures from
 * "go on with the same end, leave the buffers alone". Where both ends sleep and packets are
 * missing, a wake-up was lost.
 *
 * The search itself is tested: without the barriers it must find a lost wake-up.
 */
#include "config.h"

#include <ucontext.h>

#include <glib.h>

#define HVIS_RING_ACCESS "tests/unit/ring-hook-access.h"
#include <hvis/ring-reader.h>
#include <hvis/ring-writer.h>

#define STACK (256 * 1024)
#define STEPS_MAX 4000u
#define PACKETS 3u
#define BUFFER 8u

enum { WRITER, READER, ENDS };

typedef struct {
	ucontext_t context;
	gpointer stack;
	gboolean asleep, finished, signalled;
	struct {
		guint32 offset, value;
	} buffer[BUFFER];
	guint buffered;
} End;

static struct {
	End end[ENDS];
	guint now;
	ucontext_t scheduler;
	guint8 memory[2 * HVIS_RING_PAGE];
	guint32 payload_len;
	guint received, signals;
	gboolean no_barriers, no_recheck;
} model;

/* The choices of the run under way: 0 = go on; else one of the alternatives. */
static struct {
	guint8 choice[STEPS_MAX], options[STEPS_MAX];
	guint forced, n;
} path;

static void stop(void)
{
	swapcontext(&model.end[model.now].context, &model.scheduler);
}

static void leave_buffer(End *end)
{
	memcpy(model.memory + end->buffer[0].offset, &end->buffer[0].value, 4);
	end->buffered--;
	memmove(end->buffer, end->buffer + 1, end->buffered * sizeof(end->buffer[0]));
}

static void empty_buffer(End *end)
{
	while (end->buffered)
		leave_buffer(end);
}

uint32_t ring_hook_load(const hvis_shared *base, uint32_t offset)
{
	const End *end = &model.end[model.now];
	guint32 value;

	stop();
	for (guint i = end->buffered; i > 0; i--)
		if (end->buffer[i - 1].offset == offset)
			return end->buffer[i - 1].value;
	memcpy(&value, model.memory + offset, sizeof(value));
	return value;
}

void ring_hook_store(hvis_shared *base, uint32_t offset, uint32_t value)
{
	End *end = &model.end[model.now];

	stop();
	if (end->buffered == BUFFER)
		leave_buffer(end);
	end->buffer[end->buffered].offset = offset;
	end->buffer[end->buffered++].value = value;
}

void ring_hook_barrier(void)
{
	stop();
	if (!model.no_barriers)
		empty_buffer(&model.end[model.now]);
}

/* Data need no model: stores leave the buffer in order, so a reader that sees the index sees them. */
void ring_hook_fetch(void *to, const hvis_shared *base, uint32_t offset, uint32_t len)
{
	memcpy(to, model.memory + offset, len);
}

void ring_hook_put(hvis_shared *base, uint32_t offset, const void *from, uint32_t len)
{
	memcpy(model.memory + offset, from, len);
}

static void wait_for_signal(End *end)
{
	while (!end->signalled) {
		end->asleep = TRUE;
		stop();
	}
	end->signalled = FALSE;
}

static void signal_other(guint other)
{
	model.signals += other == READER;
	model.end[other].signalled = TRUE;
	model.end[other].asleep = FALSE;
}

static void write_one(struct hvis_ring *ring, guint n)
{
	guint8 payload[4096] = { 0 };
	const struct hvis_packet_out packet = {
		.type = HVIS_PACKET_INBAND,
		.xid = n,
		.payload = payload,
		.payload_len = model.payload_len,
	};

	for (;;) {
		g_assert_true(hvis_ring_write_begin(ring));
		if (hvis_ring_write_put(ring, &packet) == HVIS_RING_DONE)
			break;
		if (!hvis_ring_write_wait(ring, hvis_ring_need(&packet)))
			wait_for_signal(&model.end[WRITER]);
		hvis_ring_write_resume(ring);
	}
	if (hvis_ring_write_commit(ring))
		signal_other(READER);
}

static void run_writer(void)
{
	hvis_shared *memory = (gpointer)model.memory;
	struct hvis_ring ring;

	hvis_ring_init(&ring, memory, 2);
	for (guint i = 0; i < PACKETS; i++)
		write_one(&ring, i);
	model.end[WRITER].finished = TRUE;
	for (;;)
		stop();
}

static void read_batch(struct hvis_ring *ring)
{
	struct hvis_packet_in packet;

	g_assert_true(hvis_ring_read_begin(ring));
	while (hvis_ring_read_next(ring, &packet) == HVIS_RING_DONE)
		g_assert_cmpuint(packet.xid, ==, model.received++);
	if (hvis_ring_read_commit(ring))
		signal_other(WRITER);
}

static void run_reader(void)
{
	hvis_shared *memory = (gpointer)model.memory;
	struct hvis_ring ring;

	hvis_ring_init(&ring, memory, 2);
	while (model.received < PACKETS) {
		wait_for_signal(&model.end[READER]);
		do {
			hvis_ring_read_mask(&ring);
			read_batch(&ring);
		} while (hvis_ring_read_unmask(&ring) && !model.no_recheck);
	}
	model.end[READER].finished = TRUE;
	for (;;)
		stop();
}

static void prepare(guint i, void (*run)(void))
{
	End *end = &model.end[i];

	end->asleep = end->finished = end->signalled = FALSE;
	end->buffered = 0;
	getcontext(&end->context);
	end->context.uc_stack.ss_sp = end->stack;
	end->context.uc_stack.ss_size = STACK;
	end->context.uc_link = NULL;
	makecontext(&end->context, run, 0);
}

static gboolean can_run(const End *end)
{
	return !end->finished && !end->asleep;
}

/* 0 = go on, 1 = the other end, 2 = one store of ours becomes visible. Others are not possible. */
static guint options(void)
{
	const End *own = &model.end[model.now], *other = &model.end[!model.now];

	return 1u << 0 | (can_run(own) && can_run(other)) << 1 | (own->buffered > 0) << 2;
}

static guint choose(void)
{
	guint at = path.n++;

	g_assert_cmpuint(at, <, STEPS_MAX);
	path.options[at] = (guint8)options();
	if (at >= path.forced)
		path.choice[at] = 0;
	return path.choice[at];
}

/* One schedule. FALSE: both sleep, and something is missing. */
static gboolean run_schedule(void)
{
	memset(model.memory, 0, sizeof(model.memory));
	model.memory[HVIS_RING_FEATURES] = HVIS_RING_PENDING_SEND;
	model.received = model.signals = path.n = 0;
	model.now = WRITER;
	prepare(WRITER, run_writer);
	prepare(READER, run_reader);
	for (;;) {
		End *own = &model.end[model.now];

		if (!can_run(own)) {
			/* The processor has all the time it needs to write back. */
			empty_buffer(own);
			model.now = !model.now;
			if (!can_run(&model.end[model.now])) {
				empty_buffer(&model.end[model.now]);
				return model.end[WRITER].finished && model.end[READER].finished;
			}
			continue;
		}
		switch (choose()) {
		case 1:
			model.now = !model.now;
			break;
		case 2:
			leave_buffer(own);
			continue;
		}
		swapcontext(&model.scheduler, &model.end[model.now].context);
	}
}

/* The next schedule in order with at most @bound departures. FALSE: there are no more. */
static gboolean next_schedule(guint bound)
{
	guint departures = 0;

	for (guint i = 0; i < path.n; i++)
		departures += path.choice[i] != 0;
	for (guint i = path.n; i > 0; i--) {
		guint8 *choice = &path.choice[i - 1];

		departures -= *choice != 0;
		for (guint next = *choice + 1u; next <= 2; next++)
			if (path.options[i - 1] >> next & 1 && departures < bound) {
				*choice = (guint8)next;
				path.forced = i;
				return TRUE;
			}
	}
	return FALSE;
}

/* The number of schedules; 0 as soon as one loses a wake-up. */
static guint search(guint bound)
{
	guint n = 0;

	path.forced = 0;
	for (guint i = 0; i < ENDS; i++)
		model.end[i].stack = g_malloc(STACK);
	do {
		if (!run_schedule()) {
			n = 0;
			break;
		}
		g_assert_cmpuint(model.received, ==, PACKETS);
		g_assert_cmpuint(model.signals, <=, PACKETS);
		n++;
	} while (next_schedule(bound));
	for (guint i = 0; i < ENDS; i++)
		g_clear_pointer(&model.end[i].stack, g_free);
	return n;
}

static void test_data(void)
{
	model.payload_len = 8;
	model.no_barriers = model.no_recheck = FALSE;
	g_assert_cmpuint(search(3), >, 1000);
}

/* Two packets do not fit at once: every one is waited for. */
static void test_room(void)
{
	model.payload_len = 2500;
	model.no_barriers = model.no_recheck = FALSE;
	g_assert_cmpuint(search(3), >, 1000);
}

static void test_without_barriers(void)
{
	model.payload_len = 8;
	model.no_barriers = TRUE;
	g_assert_cmpuint(search(3), ==, 0);
	model.payload_len = 2500;
	g_assert_cmpuint(search(3), ==, 0);
	model.no_barriers = FALSE;
}

static void test_without_recheck(void)
{
	model.payload_len = 8;
	model.no_recheck = TRUE;
	g_assert_cmpuint(search(3), ==, 0);
	model.no_recheck = FALSE;
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vmbus/ring/model/data", test_data);
	g_test_add_func("/vmbus/ring/model/room", test_room);
	g_test_add_func("/vmbus/ring/model/without-barriers-it-fails", test_without_barriers);
	g_test_add_func("/vmbus/ring/model/without-recheck-it-fails", test_without_recheck);
	return g_test_run();
}
