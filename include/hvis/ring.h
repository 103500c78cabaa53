/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One VMBus ring, seen from either end: layout, indexes and what both ends share. ring-writer.h and
 * ring-reader.h have the two ends. Header-only and without kernel types, for modules, daemons,
 * hvis-host and fuzzers alike; no locks and no signalling: the caller has both.
 *
 * The other end is hostile. Our index lives in private memory and is never read back. Its index is
 * loaded once per batch and must be a multiple of 8 inside the ring; its packet descriptors are
 * copied once and checked. Where a check fails the ring is poisoned for good: every later call
 * fails, and nothing is repaired.
 */
#pragma once

#include <hvis/ring-shared.h>

#define HVIS_RING_PAGE 4096u /* the control page; the data follow it */
#define HVIS_RING_TRAILER 8u
#define HVIS_RING_PENDING_SEND 1u /* feature bit 0: the writer says how much room it waits for */

/* Offsets in the control page. Sources: linux/hyperv.h; measured with stock guests. */
enum {
	HVIS_RING_WRITE = 0,
	HVIS_RING_READ = 4,
	HVIS_RING_MASK = 8, /* the reader wants no signals */
	HVIS_RING_PENDING = 12,
	HVIS_RING_FEATURES = 64,
};

enum {
	HVIS_PACKET_INBAND = 6,
	HVIS_PACKET_XFER_PAGES = 7,
	HVIS_PACKET_USING_GPADL = 8,
	HVIS_PACKET_GPA_DIRECT = 9,
	HVIS_PACKET_CANCEL = 0xa,
	HVIS_PACKET_COMP = 0xb,
};
#define HVIS_PACKET_WANTS_COMPLETION 1u /* in flags */

struct hvis_packet_desc { /* followed by header, payload, padding to 8, and a trailer */
	hvis_le16 type;
	hvis_le16 offset8; /* from the descriptor to the payload, in 8 bytes */
	hvis_le16 len8; /* descriptor, header, payload and padding, in 8 bytes */
	hvis_le16 flags;
	hvis_le64 xid;
};
static_assert(sizeof(struct hvis_packet_desc) == 16, "wire layout");

enum hvis_ring_fault {
	HVIS_RING_SOUND,
	HVIS_RING_BAD_INDEX,
	HVIS_RING_BAD_TYPE,
	HVIS_RING_BAD_OFFSET,
	HVIS_RING_BAD_LENGTH,
};

enum hvis_ring_result {
	HVIS_RING_DONE,
	HVIS_RING_AGAIN, /* nothing to read, or no room now */
	HVIS_RING_NEVER, /* the packet cannot fit a ring of this size, or the wire's length field */
	HVIS_RING_POISONED,
};

struct hvis_ring {
	hvis_shared *control;
	uint32_t size; /* of the data */
	uint32_t own; /* our index as the other side sees it */
	uint32_t next; /* our index at the end of the batch under way */
	uint32_t peer; /* the other side's index, as last loaded and checked */
	enum hvis_ring_fault fault;
};

/* @pages: control page and data, at least two. */
static inline void hvis_ring_init(struct hvis_ring *ring, hvis_shared *control, uint32_t pages)
{
	*ring = (struct hvis_ring){ .control = control, .size = (pages - 1) * HVIS_RING_PAGE };
}

static inline enum hvis_ring_result hvis_ring_poison(
	struct hvis_ring *ring, enum hvis_ring_fault fault)
{
	ring->fault = fault;
	return HVIS_RING_POISONED;
}

/* Load the other side's index, at @where in the control page. False: the ring is poisoned. */
static inline bool hvis_ring_load_peer(struct hvis_ring *ring, uint32_t where)
{
	uint32_t index;

	if (ring->fault)
		return false;
	index = hvis_shared_load(ring->control, where);
	if (index % 8 || index >= ring->size) {
		hvis_ring_poison(ring, HVIS_RING_BAD_INDEX);
		return false;
	}
	ring->peer = index;
	return true;
}

/* Bytes from @from up to @to, both indexes of this ring. */
static inline uint32_t hvis_ring_distance(const struct hvis_ring *ring, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : ring->size - from + to;
}

/* @len is at most the size of the ring. */
static inline uint32_t hvis_ring_step(const struct hvis_ring *ring, uint32_t from, uint32_t len)
{
	return len < ring->size - from ? from + len : len - (ring->size - from);
}

/* Pieces of memory that wrap at the end of the data. */
static inline uint32_t hvis_ring_until_end(const struct hvis_ring *ring, uint32_t at, uint32_t len)
{
	return len < ring->size - at ? len : ring->size - at;
}
