/* SPDX-License-Identifier: GPL-2.0-only */
/* Items, and their bytes: place and a mask, then the blocks that the mask does not account for. */
#include "config.h"

#include "kvpd/delta.h"

#include <string.h>

#include <hvis/types.h>

#define RECORD sizeof(struct hvis_kvp_record)

/* Bits of the mask, for each block. */
#define OLD_IS_HERE(block) (1u << (block))
#define NEW_IS_HERE(block) (1u << (8 + (block)))
#define NEW_IS_OLD(block) (1u << (16 + (block)))

struct head {
	hvis_le32 place;
	hvis_le32 mask;
};

static_assert(sizeof(struct head) == 8, "file layout");

static const guint8 zeros[RECORD];

static gboolean same(const guint8 *a, const guint8 *b)
{
	return a == b || memcmp(a, b, KVP_BLOCK) == 0;
}

/* Zeros are the same everywhere, so that they are known by their address. */
static const guint8 *or_zeros(const guint8 *block)
{
	return same(block, zeros) ? zeros : block;
}

GArray *kvp_delta_new(const guint8 *from, guint from_count, const guint8 *to, guint to_count)
{
	GArray *delta = g_array_new(FALSE, FALSE, sizeof(KvpDeltaItem));

	for (guint place = 0; place < MAX(from_count, to_count); place++) {
		const guint8 *old = place < from_count ? from + place * RECORD : zeros;
		const guint8 *new = place < to_count ? to + place *RECORD : zeros;
		KvpDeltaItem item = { .place = place };

		if (memcmp(old, new, RECORD) == 0)
			continue;
		for (guint i = 0; i < KVP_BLOCKS; i++) {
			item.old[i] = or_zeros(old + i * KVP_BLOCK);
			item.new[i] = or_zeros(new + i *KVP_BLOCK);
		}
		g_array_append_val(delta, item);
	}
	return delta;
}

static guint32 mask_of(const KvpDeltaItem *item)
{
	guint32 mask = 0;

	for (guint i = 0; i < KVP_BLOCKS; i++) {
		if (item->old[i] != zeros)
			mask |= OLD_IS_HERE(i);
		if (same(item->new[i], item->old[i]))
			mask |= NEW_IS_OLD(i);
		else if (item->new[i] != zeros)
			mask |= NEW_IS_HERE(i);
	}
	return mask;
}

GByteArray *kvp_delta_encode(const GArray *delta)
{
	GByteArray *bytes = g_byte_array_new();

	for (guint n = 0; n < delta->len; n++) {
		const KvpDeltaItem *item = &g_array_index(delta, KvpDeltaItem, n);
		guint32 mask = mask_of(item);
		struct head head = { hvis_le32_make(item->place), hvis_le32_make(mask) };

		g_byte_array_append(bytes, (const guint8 *)&head, sizeof(head));
		for (guint i = 0; i < KVP_BLOCKS; i++) {
			if (mask & OLD_IS_HERE(i))
				g_byte_array_append(bytes, item->old[i], KVP_BLOCK);
			if (mask & NEW_IS_HERE(i))
				g_byte_array_append(bytes, item->new[i], KVP_BLOCK);
		}
	}
	return bytes;
}

/* The next block of @bytes, zeros where it is not among them; NULL where they end. */
static const guint8 *take_block(const guint8 **bytes, gsize *len, gboolean is_here)
{
	const guint8 *block = *bytes;

	if (!is_here)
		return zeros;
	if (*len < KVP_BLOCK)
		return NULL;
	*bytes += KVP_BLOCK;
	*len -= KVP_BLOCK;
	return block;
}

static gboolean take_item(const guint8 **bytes, gsize *len, KvpDeltaItem *ret)
{
	struct head head;
	guint32 mask;

	if (*len < sizeof(head))
		return FALSE;
	memcpy(&head, *bytes, sizeof(head));
	*bytes += sizeof(head);
	*len -= sizeof(head);
	mask = hvis_le32_get(head.mask);
	ret->place = hvis_le32_get(head.place);
	for (guint i = 0; i < KVP_BLOCKS; i++) {
		ret->old[i] = take_block(bytes, len, mask & OLD_IS_HERE(i));
		ret->new[i] = mask &NEW_IS_OLD(i) ? ret->old[i]
						  : take_block(bytes, len, mask & NEW_IS_HERE(i));
		if (!ret->old[i] || !ret->new[i])
			return FALSE;
	}
	return TRUE;
}

GArray *kvp_delta_decode(const guint8 *bytes, gsize len, guint max)
{
	g_autoptr(GArray) delta = g_array_new(FALSE, FALSE, sizeof(KvpDeltaItem));
	guint next = 0;

	while (len > 0) {
		KvpDeltaItem item;

		if (!take_item(&bytes, &len, &item) || item.place < next || item.place >= max)
			return NULL;
		next = item.place + 1;
		g_array_append_val(delta, item);
	}
	return g_steal_pointer(&delta);
}

KvpDeltaFound kvp_delta_compare(const KvpDeltaItem *item, const guint8 *record)
{
	gboolean is_old = TRUE, is_new = TRUE;

	for (guint i = 0; i < KVP_BLOCKS; i++) {
		const guint8 *block = record + i * KVP_BLOCK;
		gboolean as_old = same(block, item->old[i]), as_new = same(block, item->new[i]);

		if (!as_old && !as_new)
			return KVP_DELTA_FOREIGN;
		is_old = is_old && as_old;
		is_new = is_new && as_new;
	}
	return is_new ? KVP_DELTA_NEW : is_old ? KVP_DELTA_OLD : KVP_DELTA_MIXED;
}

void kvp_delta_fill(const KvpDeltaItem *item, struct hvis_kvp_record *ret)
{
	for (guint i = 0; i < KVP_BLOCKS; i++)
		memcpy((guint8 *)ret + i * KVP_BLOCK, item->new[i], KVP_BLOCK);
}
