/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries to bytes and back. The checksum is over header and records, so that an entry is whole or
 * does not count; the sector with the number that is done with is written whole by the disk.
 */
#include "config.h"

#include "kvpd/journal.h"

#include <string.h>

#include <hvis/types.h>

#define RECORD sizeof(struct hvis_kvp_record)
#define SUM_SIZE 32u /* SHA-256 */
#define FORMAT 1u

static const char done_magic[8] = { 'H', 'V', 'I', 'S', 'd', 'o', 'n', 'e' };
static const char entry_magic[8] = { 'H', 'V', 'I', 'S', 'k', 'v', 'p', '\n' };

struct done {
	char magic[8];
	hvis_le64 number;
};

struct header {
	char magic[8];
	uint8_t sum[SUM_SIZE];
	hvis_le64 number;
	hvis_le64 ino;
	hvis_le32 version;
	hvis_le32 pool;
	hvis_le32 op;
	hvis_le32 place;
	hvis_le32 count;
	hvis_le32 from;
	hvis_le32 end;
	hvis_le32 is_first;
	char key[HVIS_KVP_KEY_MAX];
	hvis_le64 image_at;
	hvis_le64 image_len;
};

static_assert(offsetof(struct header, number) == 40, "file layout");
static_assert(offsetof(struct header, version) == 56, "file layout");
static_assert(offsetof(struct header, image_at) == 88 + HVIS_KVP_KEY_MAX, "file layout");
static_assert(sizeof(struct header) <= KVP_JOURNAL_HEADER, "file layout");
static_assert(KVP_JOURNAL_HEADS <= 4096, "file layout");

guint64 kvp_journal_offset(guint pool)
{
	return (guint64)pool * KVP_JOURNAL_SLOT;
}

gsize kvp_journal_header_offset(guint64 number)
{
	return KVP_JOURNAL_SECTOR + (number & 1) * KVP_JOURNAL_HEADER;
}

gsize kvp_journal_data_offset(guint64 number)
{
	return 4096 + (number & 1) * KVP_JOURNAL_DATA;
}

void kvp_journal_encode_done(guint64 number, guint8 sector[KVP_JOURNAL_SECTOR])
{
	struct done done = { .number = hvis_le64_make(number) };

	memcpy(done.magic, done_magic, sizeof(done_magic));
	memset(sector, 0, KVP_JOURNAL_SECTOR);
	memcpy(sector, &done, sizeof(done));
}

static gboolean take_header(const guint8 *slot, gsize len, guint which, struct header *ret)
{
	gsize at = kvp_journal_header_offset(which);

	if (len < at + KVP_JOURNAL_HEADER)
		return FALSE;
	memcpy(ret, slot + at, sizeof(*ret));
	return memcmp(ret->magic, entry_magic, sizeof(entry_magic)) == 0 &&
	       (hvis_le64_get(ret->number) & 1) == which &&
	       hvis_le64_get(ret->number) < G_MAXUINT64 / 2;
}

KvpJournalState kvp_journal_state(const guint8 *slot, gsize len)
{
	KvpJournalState state = { 0 };
	struct done done = { 0 };

	if (len >= KVP_JOURNAL_SECTOR)
		memcpy(&done, slot, sizeof(done));
	if (memcmp(done.magic, done_magic, sizeof(done_magic)) == 0 &&
		hvis_le64_get(done.number) < G_MAXUINT64 / 2)
		state.done = hvis_le64_get(done.number);
	state.last = state.done;
	for (guint i = 0; i < 2; i++) {
		struct header header;

		if (take_header(slot, len, i, &header))
			state.last = MAX(state.last, hvis_le64_get(header.number));
	}
	return state;
}

static void make_sum(
	const guint8 header[KVP_JOURNAL_HEADER], const guint8 *data, gsize len, guint8 *ret)
{
	const gsize from = offsetof(struct header, number);
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	gsize size = SUM_SIZE;

	g_checksum_update(sum, header + from, (gssize)(KVP_JOURNAL_HEADER - from));
	g_checksum_update(sum, data, (gssize)len);
	g_checksum_get_digest(sum, ret, &size);
}

void kvp_journal_encode(
	const KvpJournalEntry *entry, guint8 header[KVP_JOURNAL_HEADER], guint8 *data)
{
	gboolean has_image = entry->op == KVP_JOURNAL_BATCH;
	gsize records = has_image ? 0 : entry->count * RECORD;
	struct header h = { .number = hvis_le64_make(entry->number),
		.ino = hvis_le64_make(entry->ino),
		.version = hvis_le32_make(FORMAT),
		.pool = hvis_le32_make(entry->pool),
		.op = hvis_le32_make(entry->op),
		.place = hvis_le32_make(entry->place),
		.count = hvis_le32_make(entry->count),
		.from = hvis_le32_make(entry->from),
		.end = hvis_le32_make(entry->end),
		.is_first = hvis_le32_make(entry->is_first ? 1 : 0),
		.image_at = hvis_le64_make(entry->image_at),
		.image_len = hvis_le64_make(entry->image_len) };

	memcpy(h.magic, entry_magic, sizeof(entry_magic));
	memcpy(h.key, entry->key, strnlen(entry->key, sizeof(h.key) - 1));
	memset(header, 0, KVP_JOURNAL_HEADER);
	memcpy(header, &h, sizeof(h));
	if (!has_image) {
		memcpy(data, entry->new, records);
		memcpy(data + records, entry->old, records);
	}
	make_sum(header, has_image ? entry->image : data,
		has_image ? entry->image_len : 2 * records, header + offsetof(struct header, sum));
}

static gboolean is_sane_batch(const KvpJournalEntry *entry)
{
	return entry->count <= KVP_JOURNAL_PLACES && entry->end <= KVP_JOURNAL_PLACES &&
	       entry->image_len > 0 && entry->image_len <= KVP_JOURNAL_IMAGE_MAX &&
	       entry->image_at >= KVP_JOURNAL_SIZE &&
	       entry->image_at <= KVP_JOURNAL_IMAGE_END - entry->image_len;
}

/* Numbers that no writer of ours has written would lead out of a file, or nowhere. */
static gboolean is_sane(const KvpJournalEntry *entry)
{
	if (entry->op == KVP_JOURNAL_BATCH)
		return entry->pool < HVIS_KVP_POOL_N && is_sane_batch(entry);
	if (entry->pool >= HVIS_KVP_POOL_N || entry->count < 1 ||
		entry->count > KVP_JOURNAL_RECORDS || entry->place > G_MAXINT32 ||
		entry->end > G_MAXINT32)
		return FALSE;
	if (entry->op == KVP_JOURNAL_REPLACE)
		return entry->count == 1;
	return entry->op == KVP_JOURNAL_DELETE && entry->key[0] != '\0' &&
	       entry->from > entry->place + entry->count && entry->from <= entry->end;
}

/* What the header says, if that can be; nothing of it is known to be whole. */
static gboolean decode_header(const guint8 *slot, gsize len, guint which, KvpJournalEntry *ret)
{
	KvpJournalEntry entry = { 0 };
	struct header h;

	if (!take_header(slot, len, which, &h) || hvis_le32_get(h.version) != FORMAT)
		return FALSE;
	entry.number = hvis_le64_get(h.number);
	entry.pool = hvis_le32_get(h.pool);
	entry.op = hvis_le32_get(h.op);
	entry.ino = hvis_le64_get(h.ino);
	entry.place = hvis_le32_get(h.place);
	entry.count = hvis_le32_get(h.count);
	entry.from = hvis_le32_get(h.from);
	entry.end = hvis_le32_get(h.end);
	entry.is_first = hvis_le32_get(h.is_first) != 0;
	memcpy(entry.key, h.key, sizeof(entry.key) - 1);
	entry.image_at = hvis_le64_get(h.image_at);
	entry.image_len = hvis_le64_get(h.image_len);
	if (!is_sane(&entry))
		return FALSE;
	*ret = entry;
	return TRUE;
}

static gboolean has_sum(const guint8 *slot, guint64 number, const guint8 *data, gsize len)
{
	const guint8 *header = slot + kvp_journal_header_offset(number);
	guint8 sum[SUM_SIZE];

	make_sum(header, data, len, sum);
	return memcmp(sum, header + offsetof(struct header, sum), sizeof(sum)) == 0;
}

static gboolean decode(const guint8 *slot, gsize len, guint which, KvpJournalEntry *ret)
{
	KvpJournalEntry entry;
	gsize records;

	if (!decode_header(slot, len, which, &entry))
		return FALSE;
	records = entry.count * RECORD;
	if (entry.op != KVP_JOURNAL_BATCH) {
		if (len < kvp_journal_data_offset(which) + 2 * records)
			return FALSE;
		entry.new = slot + kvp_journal_data_offset(which);
		entry.old = entry.new + records;
		if (!has_sum(slot, entry.number, entry.new, 2 * records))
			return FALSE;
	}
	*ret = entry;
	return TRUE;
}

gboolean kvp_journal_is_whole(
	const guint8 *slot, gsize len, const KvpJournalEntry *entry, const guint8 *image)
{
	return len >= KVP_JOURNAL_HEADS && has_sum(slot, entry->number, image, entry->image_len);
}

guint64 kvp_journal_image_end(const guint8 *slot, gsize len)
{
	KvpJournalState state = kvp_journal_state(slot, len);
	KvpJournalEntry entry;

	if (state.last == state.done || !decode_header(slot, len, state.last & 1, &entry) ||
		entry.number != state.last || entry.op != KVP_JOURNAL_BATCH)
		return 0;
	return entry.image_at + entry.image_len;
}

gboolean kvp_journal_find(const guint8 *slot, gsize len, KvpJournalEntry *ret)
{
	KvpJournalState state = kvp_journal_state(slot, len);
	gboolean found = FALSE;

	for (guint i = 0; i < 2; i++) {
		KvpJournalEntry entry;

		if (!decode(slot, len, i, &entry) || entry.number <= state.done ||
			(found && entry.number < ret->number))
			continue;
		*ret = entry;
		found = TRUE;
	}
	return found;
}
