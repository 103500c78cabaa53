/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hostile journal beside a hostile pool. Input, first byte even: the start of a slot, as it is. Odd:
 * an entry whose checksum holds, whatever its numbers are: op, place, count, from, end (a byte each),
 * how the pool differs from it (a byte), the key (16 bytes), then the pool. What comes of it has to be
 * final: nothing is left to do, the pool has not grown, and a pool that the entry does not fit is as it
 * was.
 */
#include "config.h"

#include "kvp-scratch.h"

#include "kvpd/journal.h"
#include "kvpd/pool.h"

#define RECORD sizeof(struct hvis_kvp_record)
#define BLOCK 512
#define FILE_MAX (60 * RECORD)
#define HEAD 23

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static KvpPool *pool;
static int pool_fd, journal_fd;

static void make_pool(void)
{
	g_autofree char *journal = g_build_filename(scratch_dir(), KVP_JOURNAL_NAME, NULL);

	pool = kvp_pool_new(scratch_dir(), 0, &scratch_ops);
	pool_fd = scratch_open(kvp_pool_path(pool));
	journal_fd = scratch_open(journal);
}

static void try_bytes(const guint8 *data, gsize size)
{
	g_autofree guint8 *exact = g_malloc(MAX(size, 1));
	KvpJournalState state;
	KvpJournalEntry entry;

	memcpy(exact, data, size);
	state = kvp_journal_state(exact, size);
	check(state.last >= state.done);
	if (kvp_journal_find(exact, size, &entry)) {
		check(entry.number > state.done && entry.number <= state.last);
		check(entry.count >= 1 && entry.count <= KVP_JOURNAL_RECORDS);
		check(entry.old + entry.count * RECORD <= exact + size);
		check(memchr(entry.key, '\0', sizeof(entry.key)) != NULL);
	}
	scratch_put(journal_fd, data, size);
	check(kvp_pool_finish(pool, NULL));
}

/* The records of the entry: some of the pool's own, so that they fit often enough. */
static void fill(guint8 *new, guint8 *old, guint count, const guint8 *file, gsize len, guint8 how)
{
	for (gsize at = 0; at < count * RECORD; at += BLOCK) {
		gboolean same = how & 1 || (at / BLOCK + how) % 3;

		memset(new + at, same ? 'n' : 0, BLOCK);
		memset(old + at, how & 2 ? 'o' : 0, BLOCK);
		if (at + BLOCK <= len && how & 4)
			memcpy((how >> (at / BLOCK % 5 + 3)) & 1 ? new + at : old + at, file + at,
				BLOCK);
	}
}

/* @entry as the only one of the journal. The 331 KB of a slot are kept: new ones cost more than the rest. */
static void put_entry(const KvpJournalEntry *entry)
{
	static guint8 slot[KVP_JOURNAL_SLOT];
	gsize at = kvp_journal_data_offset(entry->number);

	memset(slot, 0, KVP_JOURNAL_HEADS);
	kvp_journal_encode(entry, slot + kvp_journal_header_offset(entry->number), slot + at);
	scratch_put(journal_fd, slot, at + 2 * entry->count * RECORD);
}

static void try_entry(const guint8 *data, gsize size)
{
	static guint8 new[KVP_JOURNAL_RECORDS * RECORD], old[KVP_JOURNAL_RECORDS * RECORD];
	static ScratchFile after, again;
	const guint8 *file = data + HEAD - 1;
	gsize len = MIN(size - (HEAD - 1), FILE_MAX), from;
	KvpJournalEntry entry = { .number = 2,
		.op = data[0] % 3,
		.place = data[1],
		/* one more than there are leads out of the file as well as many, whose sums take long */
		.count = MIN(data[2] % (KVP_JOURNAL_RECORDS + 1), len / RECORD + 1),
		.from = data[3],
		.end = data[4],
		.is_first = data[5] >> 7,
		.new = new,
		.old = old };
	struct stat st;

	memcpy(entry.key, data + 6, 16);
	from = MIN(entry.place * RECORD, len);
	fill(new, old, entry.count, file + from, len - from, data[5]);
	scratch_put(pool_fd, file, len);
	check(fstat(pool_fd, &st) == 0);
	entry.ino = st.st_ino + (data[5] == 0xff ? 1 : 0);
	put_entry(&entry);
	check(kvp_pool_finish(pool, NULL));
	scratch_get(pool_fd, &after);
	check(after.len <= len);
	/* of one record the half may lie in another place */
	if (data[5] == 0xff ||
		(entry.op != KVP_JOURNAL_REPLACE && from + entry.count * RECORD > len))
		check(after.len == len && memcmp(after.data, file, len) == 0);
	check(kvp_pool_finish(pool, NULL));
	scratch_get(pool_fd, &again);
	check(again.len == after.len && memcmp(again.data, after.data, after.len) == 0);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	if (size < 1 || size > KVP_JOURNAL_SLOT)
		return 0;
	if (!pool)
		make_pool();
	if (!(data[0] & 1))
		try_bytes(data + 1, size - 1);
	else if (size > HEAD)
		try_entry(data + 1, size - 1);
	return 0;
}
