/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal beside the pools: what is about to be written over records of a pool, and what was
 * there before, so that a change that was cut off by a kill or by a loss of power can be told from
 * one that never began, and be finished. One slot per pool, guarded by the locks of that pool's file.
 * What does not fit a slot, a change of many records at once, is an image behind them all.
 *
 * A slot has two places for entries, used in turn: while one is written, the one before it counts.
 * Entries are numbered, and all up to the number in the slot's first sector are done with.
 *
 * Only the format is here, no IO; what is done with an entry is pool-edit.c's.
 */
#pragma once

#include <glib.h>

#include <hvis/kvp.h>

#include "kvpd/delta.h"

#define KVP_JOURNAL_NAME ".hvis_journal"
#define KVP_JOURNAL_RECORDS 32u /* ours: records in an entry; a longer deletion takes several */

/* Bytes, from the start of a slot: the number that is done with, two headers, two times records. */
#define KVP_JOURNAL_SECTOR 512u
#define KVP_JOURNAL_HEADER 1024u
#define KVP_JOURNAL_HEADS (KVP_JOURNAL_SECTOR + 2 * KVP_JOURNAL_HEADER)
#define KVP_JOURNAL_DATA (2 * KVP_JOURNAL_RECORDS * sizeof(struct hvis_kvp_record))
#define KVP_JOURNAL_SLOT (4096 + 2 * KVP_JOURNAL_DATA)
#define KVP_JOURNAL_SIZE (HVIS_KVP_POOL_N * KVP_JOURNAL_SLOT) /* without images: 1.6 MB */

/* Bytes of an image, and where in the file one may begin. */
#define KVP_JOURNAL_PLACES 16384u /* ours: as many records as a pool may have */
#define KVP_JOURNAL_IMAGE_MAX KVP_DELTA_BYTES_MAX(KVP_JOURNAL_PLACES)
#define KVP_JOURNAL_IMAGE_END (KVP_JOURNAL_SIZE + HVIS_KVP_POOL_N * KVP_JOURNAL_IMAGE_MAX)

typedef enum {
	KVP_JOURNAL_REPLACE = 1, /* one record */
	KVP_JOURNAL_DELETE = 2, /* records move to the front */
	KVP_JOURNAL_BATCH = 3, /* any records, which are in an image */
} KvpJournalOp;

/* Host byte order. The records are borrowed, and must outlive the entry. */
typedef struct {
	guint64 number;
	guint32 pool;
	guint32 op; /* KvpJournalOp */
	guint64 ino; /* the file it is about, in the same folder: another in its place is none of its
			business. Not the device, whose number may be another after each boot or mount. */
	guint32 place; /* first record that is written over … */
	guint32 count; /* … and how many are: 1 to KVP_JOURNAL_RECORDS; BATCH: records after it */
	guint32 from; /* DELETE: the next record to move, after these; above place */
	guint32 end; /* DELETE, BATCH: where the pool ended; what is behind came later */
	gboolean is_first; /* DELETE: nothing was moved before */
	char key[HVIS_KVP_KEY_MAX]; /* DELETE: of the records that go, as it is shown */
	const guint8 *new, *old; /* count records each; not of BATCH */
	guint64 image_at; /* BATCH: offset in the file … */
	guint64 image_len; /* … and bytes … */
	const guint8 *image; /* … of kvp_delta_encode(); not set by kvp_journal_find() */
} KvpJournalEntry;

/* What the heads of a slot say. */
typedef struct {
	guint64 done; /* entries up to this one are done with */
	guint64 last; /* the highest number seen; above done where there is something to do */
} KvpJournalState;

/* The state in the first @len bytes of a slot; a file that ends early has empty slots. */
KvpJournalState kvp_journal_state(const guint8 *slot, gsize len);

/* The sector that says that all up to @number is done with. */
void kvp_journal_encode_done(guint64 number, guint8 sector[KVP_JOURNAL_SECTOR]);

/* Where in the slot the header and the records of entry @number lie. */
gsize kvp_journal_header_offset(guint64 number);
gsize kvp_journal_data_offset(guint64 number);

/* @data gets 2 * @entry->count records; of BATCH nothing, as the image has its own place. */
void kvp_journal_encode(
	const KvpJournalEntry *entry, guint8 header[KVP_JOURNAL_HEADER], guint8 *data);

/*
 * The entry of the slot that counts, its records pointing into @slot; FALSE where there is none. One
 * that is not whole was never acted upon, and does not count: of BATCH kvp_journal_is_whole() tells.
 */
gboolean kvp_journal_find(const guint8 *slot, gsize len, KvpJournalEntry *ret);

/* Whether @image, of @entry->image_len bytes, is what the entry of the slot was written with. */
gboolean kvp_journal_is_whole(
	const guint8 *slot, gsize len, const KvpJournalEntry *entry, const guint8 *image);

/* Where the image of the slot's last entry ends, 0 where it has none or is done with; from its heads. */
guint64 kvp_journal_image_end(const guint8 *slot, gsize len);

guint64 kvp_journal_offset(guint pool); /* of a slot in the file */
