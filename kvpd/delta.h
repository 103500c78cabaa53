/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is different between two states of a pool file, record by record: what the journal keeps of a change of
 * many records. As bytes a record takes what it has of text, for blocks of zeros are left out. Only data, no IO.
 */
#pragma once

#include <glib.h>

#include <hvis/kvp.h>

#define KVP_BLOCK 512u /* no page, and no sector, ends inside of one: written whole or not at all */
#define KVP_BLOCKS                                                                                 \
	(sizeof(struct hvis_kvp_record) / KVP_BLOCK) /* in a record; the first is the key */

/* A record that differs, block by block; where a state has no such record it is zeros. Borrowed. */
typedef struct {
	guint32 place;
	const guint8 *old[KVP_BLOCKS], *new[KVP_BLOCKS];
} KvpDeltaItem;

/* What a record is now, held against an item. */
typedef enum {
	KVP_DELTA_OLD,
	KVP_DELTA_NEW,
	KVP_DELTA_MIXED, /* blocks of both: half written */
	KVP_DELTA_FOREIGN, /* another program's */
} KvpDeltaFound;

/* Items in the order of their places. They point into @from and @to, and must not outlive those. */
GArray *kvp_delta_new(const guint8 *from, guint from_count, const guint8 *to, guint to_count);

/* At most this many bytes for so many items. */
#define KVP_DELTA_BYTES_MAX(items) ((gsize)(items) * (8 + 2 * KVP_BLOCKS * KVP_BLOCK))

GByteArray *kvp_delta_encode(const GArray *delta);

/*
 * Items of places below @max that point into @bytes; NULL where they are none that kvp_delta_encode() has
 * made.
 */
GArray *kvp_delta_decode(const guint8 *bytes, gsize len, guint max);

KvpDeltaFound kvp_delta_compare(const KvpDeltaItem *item, const guint8 *record);

/* The record as it is to be. */
void kvp_delta_fill(const KvpDeltaItem *item, struct hvis_kvp_record *ret);
