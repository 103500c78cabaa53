/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hostile journal beside a hostile pool. Input, first byte even: the start of a slot, as it is. Odd:
 * an entry whose checksum holds, whatever its numbers are: op, place, count, from, end (a byte each),
 * how the pool differs from it (a byte), the key (16 bytes), then the pool. What comes of it has to be
 * final: nothing is left to do, the pool has not grown, and a pool that the entry does not fit is as it
 * was.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvpd/journal.h"
#include "kvpd/pool.h"

#define RECORD sizeof(struct hvis_kvp_record)
#define BLOCK 512
#define FILE_MAX (60 * RECORD)
#define HEAD 23

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void check(gboolean good)
{
	if (!good)
		abort();
}

static int no_sync(int fd)
{
	return 0;
}

static KvpPool *pool;
static char *dir, *journal;

static void clean_up(void)
{
	unlink(kvp_pool_path(pool));
	unlink(journal);
	rmdir(dir);
	kvp_pool_free(pool);
	g_free(journal);
	g_free(dir);
}

static void make_pool(void)
{
	static const KvpPoolOps ops = { pwrite, ftruncate, no_sync };

	dir = g_strdup("/dev/shm/hvis-fuzz-XXXXXX"); /* ten times as fast as a disk */
	if (!g_mkdtemp(dir)) {
		g_free(dir);
		dir = g_dir_make_tmp("hvis-fuzz-XXXXXX", NULL);
	}
	pool = kvp_pool_new(dir, 0, &ops);
	journal = g_build_filename(dir, KVP_JOURNAL_NAME, NULL);
	check(kvp_pool_create(pool, NULL));
	atexit(clean_up);
}

static void put_file(const char *path, const guint8 *bytes, gsize len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	check(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
}

static GByteArray *get_file(const char *path)
{
	char *bytes;
	gsize len;

	check(g_file_get_contents(path, &bytes, &len, NULL));
	return g_byte_array_new_take((guint8 *)bytes, len);
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
	put_file(journal, data, size);
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

static void try_entry(const guint8 *data, gsize size)
{
	g_autofree guint8 *slot = g_malloc0(KVP_JOURNAL_SLOT);
	g_autofree guint8 *new = g_malloc(KVP_JOURNAL_RECORDS * RECORD);
	g_autofree guint8 *old = g_malloc(KVP_JOURNAL_RECORDS * RECORD);
	const guint8 *file = data + HEAD - 1;
	gsize len = MIN(size - (HEAD - 1), FILE_MAX), from;
	KvpJournalEntry entry = { .number = 2,
		.op = data[0] % 3,
		.place = data[1],
		.count = data[2] % (KVP_JOURNAL_RECORDS + 1),
		.from = data[3],
		.end = data[4],
		.is_first = data[5] >> 7,
		.new = new,
		.old = old };
	g_autoptr(GByteArray) after = NULL, again = NULL;
	struct stat st;

	memcpy(entry.key, data + 6, 16);
	from = MIN(entry.place * RECORD, len);
	fill(new, old, entry.count, file + from, len - from, data[5]);
	put_file(kvp_pool_path(pool), file, len);
	check(stat(kvp_pool_path(pool), &st) == 0);
	entry.ino = st.st_ino + (data[5] == 0xff ? 1 : 0);
	kvp_journal_encode(
		&entry, slot + kvp_journal_header_offset(2), slot + kvp_journal_data_offset(2));
	put_file(journal, slot, kvp_journal_data_offset(2) + 2 * entry.count * RECORD);
	check(kvp_pool_finish(pool, NULL));
	after = get_file(kvp_pool_path(pool));
	check(after->len <= len);
	if (data[5] == 0xff || from + entry.count * RECORD > len)
		check(after->len == len && memcmp(after->data, file, len) == 0);
	check(kvp_pool_finish(pool, NULL));
	again = get_file(kvp_pool_path(pool));
	check(again->len == after->len && memcmp(again->data, after->data, after->len) == 0);
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
