/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reading end of a ring: begin, take the packets that are there, commit. The writer's index is
 * loaded once per batch, so a batch is never longer than the ring whatever the writer does.
 *
 * A packet's bytes are taken from front to back through a cursor that only moves forward: nothing
 * can be fetched twice. They belong to the reader until the commit.
 */
#pragma once

#include <hvis/ring.h>

struct hvis_packet_in {
	uint16_t type, flags;
	uint64_t xid;
	uint32_t header_len; /* bytes between the descriptor and the payload */
	uint32_t payload_len; /* with the padding */
	uint32_t at, left; /* the cursor: header first, payload behind it */
};

/* Publish our index. */
static inline void hvis_ring_read_start(struct hvis_ring *ring)
{
	hvis_shared_store(ring->control, HVIS_RING_MASK, 0);
	hvis_shared_store(ring->control, HVIS_RING_READ, ring->own);
}

/* Begin a batch. False: poisoned. */
static inline bool hvis_ring_read_begin(struct hvis_ring *ring)
{
	return hvis_ring_load_peer(ring, HVIS_RING_WRITE);
}

static inline void hvis_ring_copy_out(
	const struct hvis_ring *ring, uint32_t at, void *to, uint32_t len)
{
	uint32_t first = hvis_ring_until_end(ring, at, len);

	if (first)
		hvis_shared_fetch(to, ring->control, HVIS_RING_PAGE + at, first);
	if (len > first)
		hvis_shared_fetch(
			(uint8_t *)to + first, ring->control, HVIS_RING_PAGE, len - first);
}

/* What is wrong with a descriptor where @avail bytes were published, trailer included. */
static inline enum hvis_ring_fault hvis_packet_check(
	const struct hvis_packet_desc *desc, uint32_t avail)
{
	uint32_t type = hvis_le16_get(desc->type);
	uint32_t offset = hvis_le16_get(desc->offset8) * 8u, len = hvis_le16_get(desc->len8) * 8u;

	if (type < HVIS_PACKET_INBAND || type > HVIS_PACKET_COMP)
		return HVIS_RING_BAD_TYPE;
	if (offset < sizeof(*desc) || offset > len)
		return HVIS_RING_BAD_OFFSET;
	if (len + HVIS_RING_TRAILER > avail)
		return HVIS_RING_BAD_LENGTH;
	return HVIS_RING_SOUND;
}

/* The next packet of the batch. HVIS_RING_AGAIN: it has no more. */
static inline enum hvis_ring_result hvis_ring_read_next(
	struct hvis_ring *ring, struct hvis_packet_in *packet)
{
	uint32_t avail = hvis_ring_distance(ring, ring->next, ring->peer), offset, len;
	struct hvis_packet_desc desc;
	enum hvis_ring_fault fault;

	if (ring->fault)
		return HVIS_RING_POISONED;
	if (!avail)
		return HVIS_RING_AGAIN;
	if (avail < sizeof(desc) + HVIS_RING_TRAILER)
		return hvis_ring_poison(ring, HVIS_RING_BAD_LENGTH);
	hvis_ring_copy_out(ring, ring->next, &desc, sizeof(desc));
	fault = hvis_packet_check(&desc, avail);
	if (fault)
		return hvis_ring_poison(ring, fault);
	offset = hvis_le16_get(desc.offset8) * 8u;
	len = hvis_le16_get(desc.len8) * 8u;
	*packet = (struct hvis_packet_in){
		.type = hvis_le16_get(desc.type),
		.flags = hvis_le16_get(desc.flags),
		.xid = hvis_le64_get(desc.xid),
		.header_len = offset - (uint32_t)sizeof(desc),
		.payload_len = len - offset,
		.at = hvis_ring_step(ring, ring->next, sizeof(desc)),
		.left = len - (uint32_t)sizeof(desc),
	};
	ring->next = hvis_ring_step(ring, ring->next, len + HVIS_RING_TRAILER);
	return HVIS_RING_DONE;
}

/* Take the next @len bytes of the packet. False: it has not as many, and none was taken. */
static inline bool hvis_packet_take(
	const struct hvis_ring *ring, struct hvis_packet_in *packet, void *to, uint32_t len)
{
	if (len > packet->left)
		return false;
	hvis_ring_copy_out(ring, packet->at, to, len);
	packet->at = hvis_ring_step(ring, packet->at, len);
	packet->left -= len;
	return true;
}

/*
 * Give the room of all packets read so far back. True: the writer has to be signalled, for it waits
 * for more room than there was and has it now. It would rather have no signal than a vain one.
 */
static inline bool hvis_ring_read_commit(struct hvis_ring *ring)
{
	uint32_t freed = hvis_ring_distance(ring, ring->own, ring->next), pending, room;

	if (ring->fault || !freed)
		return false;
	ring->own = ring->next;
	hvis_shared_store(ring->control, HVIS_RING_READ, ring->own);
	hvis_shared_barrier();
	if (!(hvis_shared_load(ring->control, HVIS_RING_FEATURES) & HVIS_RING_PENDING_SEND))
		return false;
	pending = hvis_shared_load(ring->control, HVIS_RING_PENDING);
	if (!pending || !hvis_ring_load_peer(ring, HVIS_RING_WRITE))
		return false;
	room = ring->size - hvis_ring_distance(ring, ring->own, ring->peer);
	return room > pending && (room <= freed || room - freed <= pending);
}

/* No signals while we drain. */
static inline void hvis_ring_read_mask(struct hvis_ring *ring)
{
	hvis_shared_store(ring->control, HVIS_RING_MASK, 1);
}

/* Signals again. True: packets came meanwhile, for which there will be none. */
static inline bool hvis_ring_read_unmask(struct hvis_ring *ring)
{
	hvis_shared_store(ring->control, HVIS_RING_MASK, 0);
	hvis_shared_barrier();
	return hvis_ring_load_peer(ring, HVIS_RING_WRITE) && ring->peer != ring->next;
}
