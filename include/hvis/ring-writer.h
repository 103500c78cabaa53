/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The writing end of a ring: begin, put as many packets as fit, commit. One load of the reader's
 * index, one publication, one barrier and one decision about the signal for the whole batch.
 *
 * A ring is never filled completely, since equal indexes mean an empty one.
 */
#pragma once

#include <hvis/ring.h>

struct hvis_packet_out {
	uint16_t type, flags;
	uint64_t xid;
	const void *header; /* between descriptor and payload */
	uint32_t header_len; /* a multiple of 8 */
	const void *payload;
	uint32_t payload_len; /* padded with zeros to 8 on the wire */
};

/* Publish our index; @features as HVIS_RING_PENDING_SEND where the caller uses write_wait(). */
static inline void hvis_ring_write_start(struct hvis_ring *ring, uint32_t features)
{
	hvis_shared_store(ring->control, HVIS_RING_FEATURES, features);
	hvis_shared_store(ring->control, HVIS_RING_PENDING, 0);
	hvis_shared_store(ring->control, HVIS_RING_WRITE, ring->own);
}

/* Room that @packet takes, with its trailer; 0 where the wire has no number for its length. */
static inline uint32_t hvis_ring_need(const struct hvis_packet_out *packet)
{
	uint64_t bytes = (uint64_t)sizeof(struct hvis_packet_desc) + packet->header_len +
			 packet->payload_len;

	bytes = (bytes + 7) / 8 * 8;
	if (packet->header_len % 8 || bytes / 8 > UINT16_MAX)
		return 0;
	return (uint32_t)bytes + HVIS_RING_TRAILER;
}

static inline uint32_t hvis_ring_free(const struct hvis_ring *ring)
{
	return ring->size - hvis_ring_distance(ring, ring->peer, ring->next);
}

/* Begin a batch. False: poisoned. */
static inline bool hvis_ring_write_begin(struct hvis_ring *ring)
{
	return hvis_ring_load_peer(ring, HVIS_RING_READ);
}

static inline void hvis_ring_copy_in(struct hvis_ring *ring, const void *from, uint32_t len)
{
	uint32_t first = hvis_ring_until_end(ring, ring->next, len);

	if (first)
		hvis_shared_put(ring->control, HVIS_RING_PAGE + ring->next, from, first);
	if (len > first)
		hvis_shared_put(
			ring->control, HVIS_RING_PAGE, (const uint8_t *)from + first, len - first);
	ring->next = hvis_ring_step(ring, ring->next, len);
}

/* Add a packet to the batch; the reader sees it after the commit. */
static inline enum hvis_ring_result hvis_ring_write_put(
	struct hvis_ring *ring, const struct hvis_packet_out *packet)
{
	static const uint8_t zero[8];
	uint32_t need = hvis_ring_need(packet), start = ring->next, offset;
	struct hvis_packet_desc desc;
	hvis_le64 trailer = hvis_le64_make((uint64_t)start << 32);

	if (ring->fault)
		return HVIS_RING_POISONED;
	if (!need || need >= ring->size)
		return HVIS_RING_NEVER;
	if (need >= hvis_ring_free(ring))
		return HVIS_RING_AGAIN;
	offset = (uint32_t)sizeof(desc) + packet->header_len;
	desc.type = hvis_le16_make(packet->type);
	desc.offset8 = hvis_le16_make((uint16_t)(offset / 8));
	desc.len8 = hvis_le16_make((uint16_t)((need - HVIS_RING_TRAILER) / 8));
	desc.flags = hvis_le16_make(packet->flags);
	desc.xid = hvis_le64_make(packet->xid);
	hvis_ring_copy_in(ring, &desc, sizeof(desc));
	hvis_ring_copy_in(ring, packet->header, packet->header_len);
	hvis_ring_copy_in(ring, packet->payload, packet->payload_len);
	hvis_ring_copy_in(ring, zero, need - HVIS_RING_TRAILER - offset - packet->payload_len);
	hvis_ring_copy_in(ring, &trailer, sizeof(trailer));
	return HVIS_RING_DONE;
}

/*
 * Publish the batch. True: the reader has to be signalled, for it had read all that there was
 * before and does not mask. Its index is loaded again here: it may have come to rest meanwhile.
 */
static inline bool hvis_ring_write_commit(struct hvis_ring *ring)
{
	uint32_t before = ring->own;

	if (ring->fault || ring->next == before)
		return false;
	ring->own = ring->next;
	hvis_shared_store(ring->control, HVIS_RING_WRITE, ring->own);
	hvis_shared_barrier();
	if (hvis_shared_load(ring->control, HVIS_RING_MASK))
		return false;
	return hvis_ring_load_peer(ring, HVIS_RING_READ) && ring->peer == before;
}

/*
 * Ask the reader for a signal once @need bytes and more are free. True: they are free already.
 * Outside a batch only. A request stands until write_resume().
 */
static inline bool hvis_ring_write_wait(struct hvis_ring *ring, uint32_t need)
{
	hvis_shared_store(ring->control, HVIS_RING_PENDING, need);
	hvis_shared_barrier();
	return hvis_ring_load_peer(ring, HVIS_RING_READ) && hvis_ring_free(ring) > need;
}

static inline void hvis_ring_write_resume(struct hvis_ring *ring)
{
	hvis_shared_store(ring->control, HVIS_RING_PENDING, 0);
}
