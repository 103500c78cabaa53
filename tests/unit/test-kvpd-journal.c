/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal: its bytes, and every state that a kill or a loss of power can leave a pool in.
 *
 * A change is made once, with system calls that are noted. From the notes come the states: of a kill,
 * each prefix of the calls with the last one cut at every 512 bytes; of a loss of power, each prefix
 * with any of the 512-byte sectors and sizes that were not synced yet missing. In each, with and
 * without a record that another program has appended since, the pool must come out as before the
 * change or as after it, record for record. Where another program has moved the records of a change of many
 * meanwhile, each must be whole.
 */
#include "config.h"

#include "kvpd/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>

#include "kvpd/rewrite.h"
#include "tests/unit/kvpd-scratch.h"

#define RECORD 2560u
#define SECTOR 512u

/* --- bytes --- */

static guint8 records[4 * RECORD];

static KvpJournalEntry sample(guint64 number)
{
	KvpJournalEntry entry = { .number = number,
		.pool = 3,
		.op = KVP_JOURNAL_DELETE,
		.ino = G_GUINT64_CONSTANT(0xfedcba9876543210),
		.place = 7,
		.count = 2,
		.from = 10,
		.end = 20,
		.is_first = TRUE,
		.key = "key",
		.new = records,
		.old = records + 2 * RECORD };

	for (gsize i = 0; i < sizeof(records); i++)
		records[i] = (guint8)(i * 7 + i / 251);
	return entry;
}

static void put(guint8 *slot, const KvpJournalEntry *entry)
{
	kvp_journal_encode(entry, slot + kvp_journal_header_offset(entry->number),
		slot + kvp_journal_data_offset(entry->number));
}

static void test_round_trip(void)
{
	g_autofree guint8 *slot = g_malloc0(KVP_JOURNAL_SLOT);
	KvpJournalEntry entry = sample(5), got;

	g_assert_false(kvp_journal_find(slot, KVP_JOURNAL_SLOT, &got));
	put(slot, &entry);
	g_assert_true(kvp_journal_find(slot, KVP_JOURNAL_SLOT, &got));
	g_assert_cmpuint(got.number, ==, 5);
	g_assert_cmpuint(got.pool, ==, 3);
	g_assert_cmpuint(got.op, ==, KVP_JOURNAL_DELETE);
	g_assert_cmpuint(got.ino, ==, entry.ino);
	g_assert_cmpuint(got.place, ==, 7);
	g_assert_cmpuint(got.count, ==, 2);
	g_assert_cmpuint(got.from, ==, 10);
	g_assert_cmpuint(got.end, ==, 20);
	g_assert_true(got.is_first);
	g_assert_cmpstr(got.key, ==, "key");
	g_assert_cmpmem(got.new, 2 * RECORD, records, 2 * RECORD);
	g_assert_cmpmem(got.old, 2 * RECORD, records + 2 * RECORD, 2 * RECORD);
}

/* The newer of two counts, unless it is torn; none that is done with does. */
static void test_turns(void)
{
	g_autofree guint8 *slot = g_malloc0(KVP_JOURNAL_SLOT);
	KvpJournalEntry entry = sample(8), next = sample(9), got;

	next.place = 6;
	put(slot, &entry);
	put(slot, &next);
	g_assert_true(kvp_journal_find(slot, KVP_JOURNAL_SLOT, &got));
	g_assert_cmpuint(got.number, ==, 9);
	g_assert_cmpuint(kvp_journal_state(slot, KVP_JOURNAL_HEADS).last, ==, 9);
	slot[kvp_journal_data_offset(9)] ^= 1;
	g_assert_true(kvp_journal_find(slot, KVP_JOURNAL_SLOT, &got));
	g_assert_cmpuint(got.number, ==, 8);
	kvp_journal_encode_done(8, slot);
	g_assert_false(kvp_journal_find(slot, KVP_JOURNAL_SLOT, &got));
	g_assert_cmpuint(kvp_journal_state(slot, KVP_JOURNAL_HEADS).done, ==, 8);
	slot[kvp_journal_data_offset(9)] ^= 1;
	g_assert_true(kvp_journal_find(slot, KVP_JOURNAL_SLOT, &got));
	kvp_journal_encode_done(9, slot);
	g_assert_false(kvp_journal_find(slot, KVP_JOURNAL_SLOT, &got));
}

/* Neither a slot that ends early nor one with any bit turned is an entry. */
static void test_broken(void)
{
	g_autofree guint8 *slot = g_malloc0(KVP_JOURNAL_SLOT);
	KvpJournalEntry entry = sample(4), got;
	const gsize header = kvp_journal_header_offset(4), data = kvp_journal_data_offset(4);
	const gsize end = data + 4 * RECORD;

	put(slot, &entry);
	for (gsize len = 0; len < end; len++) {
		g_autofree guint8 *exact = NULL;

		if (len % 64 && len > header + KVP_JOURNAL_HEADER)
			continue;
		exact = g_memdup2(slot, MAX(len, 1));
		g_assert_false(kvp_journal_find(exact, len, &got));
		kvp_journal_state(exact, len);
	}
	for (gsize at = header; at < end; at++) {
		if (at == header + KVP_JOURNAL_HEADER)
			at = data;
		slot[at] ^= 0x10;
		g_assert_false(kvp_journal_find(slot, KVP_JOURNAL_SLOT, &got));
		slot[at] ^= 0x10;
	}
	g_assert_true(kvp_journal_find(slot, end, &got));
}

/* Numbers that no writer writes, with a checksum that holds. */
static void test_insane(void)
{
	g_autofree guint8 *slot = g_malloc0(KVP_JOURNAL_SLOT);
	KvpJournalEntry got;

	for (int i = 0; i < 9; i++) {
		KvpJournalEntry entry = sample(6);

		entry.pool = i == 0 ? 5 : 0;
		entry.op = i == 1 ? 3 : i == 2 ? KVP_JOURNAL_REPLACE : KVP_JOURNAL_DELETE;
		entry.place = i == 3 ? 1u << 31 : 7;
		entry.from = i == 4 ? 9 : i == 5 ? 21 : 10;
		entry.end = i == 6 ? 1u << 31 : 20;
		if (i == 7)
			entry.key[0] = '\0';
		if (i == 8)
			entry.count = 0;
		put(slot, &entry);
		g_assert_false(kvp_journal_find(slot, KVP_JOURNAL_SLOT, &got));
	}
}

/* The image of a batch is whole or does not count, and lies where one may be. */
static void test_image(void)
{
	g_autofree guint8 *slot = g_malloc0(KVP_JOURNAL_SLOT);
	guint8 image[100] = "what differs";
	KvpJournalEntry got, entry = { .number = 7,
		.pool = 1,
		.op = KVP_JOURNAL_BATCH,
		.count = 20,
		.end = 30,
		.image_at = KVP_JOURNAL_SIZE + 17,
		.image_len = sizeof(image),
		.image = image };

	put(slot, &entry);
	g_assert_true(kvp_journal_find(slot, KVP_JOURNAL_HEADS, &got));
	g_assert_cmpuint(got.count, ==, 20);
	g_assert_cmpuint(got.end, ==, 30);
	g_assert_cmpuint(got.image_at, ==, entry.image_at);
	g_assert_cmpuint(got.image_len, ==, sizeof(image));
	g_assert_true(kvp_journal_is_whole(slot, KVP_JOURNAL_HEADS, &got, image));
	g_assert_cmpuint(
		kvp_journal_image_end(slot, KVP_JOURNAL_HEADS), ==, entry.image_at + sizeof(image));
	for (gsize i = 0; i < sizeof(image); i++) {
		image[i] ^= 1;
		g_assert_false(kvp_journal_is_whole(slot, KVP_JOURNAL_HEADS, &got, image));
		image[i] ^= 1;
	}
	for (gsize at = kvp_journal_header_offset(7) + 40; at < KVP_JOURNAL_HEADS; at++) {
		slot[at] ^= 1;
		g_assert_false(kvp_journal_find(slot, KVP_JOURNAL_HEADS, &got) &&
			       got.image_len == sizeof(image) &&
			       kvp_journal_is_whole(slot, KVP_JOURNAL_HEADS, &got, image));
		slot[at] ^= 1;
	}
	kvp_journal_encode_done(7, slot);
	g_assert_cmpuint(kvp_journal_image_end(slot, KVP_JOURNAL_HEADS), ==, 0);
}

static void test_insane_image(void)
{
	for (int i = 0; i < 6; i++) {
		g_autofree guint8 *slot = g_malloc0(KVP_JOURNAL_SLOT);
		KvpJournalEntry got, entry = { .number = 7,
			.op = KVP_JOURNAL_BATCH,
			.image_at = KVP_JOURNAL_SIZE,
			.image_len = 1,
			.image = (const guint8 *)"x" };
		g_autofree guint8 *large = g_malloc0(i == 0 ? KVP_JOURNAL_IMAGE_MAX + 1 : 1);

		if (i == 0) {
			entry.image = large;
			entry.image_len = KVP_JOURNAL_IMAGE_MAX + 1;
		}
		entry.pool = i == 1 ? HVIS_KVP_POOL_N : 0;
		entry.count = i == 2 ? KVP_JOURNAL_PLACES + 1 : 0;
		entry.end = i == 3 ? G_MAXUINT32 : 0;
		if (i == 4)
			entry.image_at = KVP_JOURNAL_SIZE - 1; /* in a slot */
		if (i == 5)
			entry.image_at = G_MAXUINT64;
		put(slot, &entry);
		g_assert_false(kvp_journal_find(slot, KVP_JOURNAL_SLOT, &got));
		g_assert_cmpuint(kvp_journal_image_end(slot, KVP_JOURNAL_SLOT), ==, 0);
	}
}

/* --- notes of system calls --- */

typedef enum { WRITE, SIZE, SYNC } What;
enum { POOL, JOURNAL, N_FILES };

typedef struct {
	What what;
	int file;
	gsize at, len; /* of WRITE; SIZE: at */
	guint8 *bytes;
} Note;

static GArray *notes; /* of Note; NULL = nothing is noted */
static ino_t pool_inode;

static void add_note(int fd, What what, gsize at, const void *bytes, gsize len)
{
	struct stat st;
	Note note = { .what = what, .at = at, .len = len };

	if (!notes)
		return;
	g_assert_cmpint(fstat(fd, &st), ==, 0);
	note.file = st.st_ino == pool_inode ? POOL : JOURNAL;
	note.bytes = g_memdup2(bytes, len);
	g_array_append_val(notes, note);
}

static ssize_t noted_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	add_note(fd, WRITE, (gsize)offset, buf, len);
	return pwrite(fd, buf, len, offset);
}

static int noted_ftruncate(int fd, off_t len)
{
	add_note(fd, SIZE, (gsize)len, NULL, 0);
	return ftruncate(fd, len);
}

static int noted_fsync(int fd)
{
	add_note(fd, SYNC, 0, NULL, 0);
	return 0;
}

static const KvpPoolOps noted_ops = { noted_pwrite, noted_ftruncate, noted_fsync };

static void note_clear(gpointer data)
{
	g_free(((Note *)data)->bytes);
}

static void start_notes(void)
{
	notes = g_array_new(FALSE, FALSE, sizeof(Note));
	g_array_set_clear_func(notes, note_clear);
}

/* --- states --- */

typedef struct {
	GByteArray *files[N_FILES];
} State;

static void set_size(GByteArray *file, gsize size)
{
	guint old = file->len;

	g_byte_array_set_size(file, (guint)size);
	if (size > old)
		memset(file->data + old, 0, size - old);
}

static void state_clear(State *state)
{
	for (int i = 0; i < N_FILES; i++)
		g_clear_pointer(&state->files[i], g_byte_array_unref);
}

static State state_copy(const State *from)
{
	State state;

	for (int i = 0; i < N_FILES; i++) {
		state.files[i] = g_byte_array_new();
		g_byte_array_append(state.files[i], from->files[i]->data, from->files[i]->len);
	}
	return state;
}

static void apply(State *state, const Note *note, gsize from, gsize to)
{
	GByteArray *file = state->files[note->file];

	if (note->what == SIZE)
		set_size(file, note->at);
	if (note->what != WRITE || from >= to)
		return;
	if (file->len < note->at + to)
		set_size(file, note->at + to);
	memcpy(file->data + note->at + from, note->bytes + from, to - from);
}

/* --- the pool in one of them --- */

typedef struct {
	const char *name;
	const char *key;
	gboolean is_delete;
	gsize value; /* length of the new one */
	KvpSync sync;
	const KvpBatch *batch; /* instead */
} Change;

typedef struct {
	char *dir, *journal;
	KvpPool *pool;
	const char *path;
	const char *deleted; /* key; what is appended under it later is another record */
	State before;
	GPtrArray *old_list, *new_list; /* KEY=VALUE, without holes */
	guint states, finished, moved;
	gboolean is_batch;
} World;

#define CHUNK 32768u

static const guint8 zeros[CHUNK];

static void write_file(const char *path, const GByteArray *bytes)
{
	hvis_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(ftruncate(fd, 0), ==, 0);
	g_assert_cmpint(ftruncate(fd, bytes->len), ==, 0);
	for (guint at = 0; at < bytes->len; at += CHUNK) { /* most of a journal is zeros */
		guint len = MIN(CHUNK, bytes->len - at);

		if (memcmp(bytes->data + at, zeros, len) != 0)
			g_assert_cmpint(pwrite(fd, bytes->data + at, len, at), ==, len);
	}
}

static void write_state(World *w, const State *state)
{
	write_file(w->path, state->files[POOL]);
	write_file(w->journal, state->files[JOURNAL]);
}

static State read_state(World *w)
{
	State state = { { scratch_read(w->path), NULL } };

	if (g_file_test(w->journal, G_FILE_TEST_EXISTS))
		state.files[JOURNAL] = scratch_read(w->journal);
	else
		state.files[JOURNAL] = g_byte_array_new();
	return state;
}

static GPtrArray *list_of(const GByteArray *file)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);

	for (guint at = 0; at + RECORD <= file->len; at += RECORD) {
		const char *key = (const char *)file->data + at;

		if (*key)
			g_ptr_array_add(list, g_strdup_printf("%s=%s", key, key + 512));
	}
	return list;
}

static gboolean is_list(const GPtrArray *is, const GPtrArray *wanted, const char *more)
{
	guint n = wanted->len + (more ? 1 : 0);

	if (is->len != n)
		return FALSE;
	for (guint i = 0; i < wanted->len; i++) {
		if (!g_str_equal(is->pdata[i], wanted->pdata[i]))
			return FALSE;
	}
	return !more || g_str_equal(is->pdata[n - 1], more);
}

static void append_theirs(GByteArray *file, const char *key)
{
	scratch_record(file, key, "theirs");
}

/* Recover from @state, and compare. */
static void check_state(World *w, const State *state, const char *theirs, gboolean must_be_new)
{
	State now = state_copy(state);
	g_autofree char *more = theirs ? g_strconcat(theirs, "=theirs", NULL) : NULL;
	g_autoptr(GByteArray) after = NULL;
	g_autoptr(GPtrArray) list = NULL;
	g_autoptr(GError) error = NULL;
	gboolean is_new;

	if (theirs)
		append_theirs(now.files[POOL], theirs);
	write_state(w, &now);
	kvp_pool_finish(w->pool, &error);
	g_assert_no_error(error);
	after = scratch_read(w->path);
	list = list_of(after);
	is_new = is_list(list, w->new_list, more);
	if (!is_new && (must_be_new || !is_list(list, w->old_list, more))) {
		for (guint i = 0; i < list->len; i++)
			g_test_message("%.40s", (char *)list->pdata[i]);
		g_error("neither before nor after, at state %u", w->states);
	}
	w->states++;
	w->finished += is_new;
	state_clear(&now);
}

static void check_all(World *w, const State *state, gboolean must_be_new)
{
	check_state(w, state, NULL, must_be_new);
	check_state(w, state, w->deleted ? w->deleted : "theirs", must_be_new);
}

/* Killed in each call of @done, after each sector of it. */
static void check_kills(
	World *w, GArray *done, const State *start, void (*check)(World *, const State *))
{
	State state = state_copy(start);

	for (guint i = 0; i < done->len; i++) {
		const Note *note = &g_array_index(done, Note, i);

		for (gsize cut = SECTOR; note->what == WRITE && cut < note->len; cut += SECTOR) {
			State half;

			/* of long ones, the ends and some of the middle */
			if (cut > 8 * SECTOR && cut + 8 * SECTOR < note->len &&
				cut / SECTOR % 13 != 0)
				continue;
			half = state_copy(&state);
			apply(&half, note, 0, cut);
			check(w, &half);
			state_clear(&half);
		}
		apply(&state, note, 0, note->len);
		check(w, &state);
	}
	state_clear(&state);
}

/* A kill while the recovery from @state is at work, and another recovery. */
static void check_twice(World *w, const State *state)
{
	g_autoptr(GArray) done = NULL;

	write_state(w, state);
	start_notes();
	g_assert_true(kvp_pool_finish(w->pool, NULL));
	done = g_steal_pointer(&notes);
	for (guint i = 0; i < done->len; i++) {
		State half = state_copy(state);

		for (guint n = 0; n <= i; n++) {
			const Note *note = &g_array_index(done, Note, n);

			apply(&half, note, 0, n < i ? note->len : note->len / 2 / SECTOR * SECTOR);
		}
		check_state(w, &half, NULL, FALSE);
		state_clear(&half);
	}
}

static gboolean has_text(GPtrArray *list, const char *text)
{
	return g_ptr_array_find_with_equal_func(list, text, g_str_equal, NULL);
}

/* Another program, which knows nothing of the journal, has deleted the first record since. */
static void check_moved(World *w, const State *state)
{
	State now = state_copy(state);
	g_autoptr(GByteArray) after = NULL;
	g_autoptr(GPtrArray) list = NULL;

	if (now.files[POOL]->len > RECORD)
		g_byte_array_remove_range(now.files[POOL], 0, RECORD);
	write_state(w, &now);
	g_assert_true(kvp_pool_finish(w->pool, NULL));
	after = scratch_read(w->path);
	list = list_of(after);
	for (guint i = 0; i < list->len; i++) {
		if (!has_text(w->old_list, list->pdata[i]) &&
			!has_text(w->new_list, list->pdata[i]))
			g_error("%.40s is of neither, at state %u", (char *)list->pdata[i],
				w->states);
	}
	w->moved++;
	state_clear(&now);
}

static void check_kill(World *w, const State *state)
{
	if (w->is_batch)
		check_moved(w, state);
	check_all(w, state, FALSE);
	if (w->states % 7 == 0)
		check_twice(w, state);
}

/* --- loss of power --- */

typedef struct {
	const Note *note;
	gsize from, to;
} Piece;

/* What of the first @n calls a loss of power may still take away; the rest goes to @state. */
static GArray *take_pieces(GArray *done, guint n, State *state)
{
	GArray *pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
	gboolean is_synced[N_FILES] = { FALSE };
	guint first[N_FILES] = { 0 };

	for (guint i = n; i > 0; i--) {
		const Note *note = &g_array_index(done, Note, i - 1);

		if (note->what == SYNC && !is_synced[note->file]) {
			is_synced[note->file] = TRUE;
			first[note->file] = i;
		}
	}
	for (guint i = 0; i < n; i++) {
		const Note *note = &g_array_index(done, Note, i);

		if (i < first[note->file]) {
			apply(state, note, 0, note->len);
			continue;
		}
		if (note->what == SIZE) {
			Piece piece = { note, 0, 0 };

			g_array_append_val(pieces, piece);
		}
		for (gsize at = 0; note->what == WRITE && at < note->len; at += SECTOR) {
			Piece piece = { note, at, MIN(at + SECTOR, note->len) };

			g_array_append_val(pieces, piece);
		}
	}
	return pieces;
}

/* What is written behind the end of a pool whose new size was lost is not seen either. */
static void apply_some(State *state, const GArray *pieces, const guint8 *chosen)
{
	for (guint i = 0; i < pieces->len; i++) {
		const Piece *piece = &g_array_index(pieces, Piece, i);
		const GByteArray *file = state->files[piece->note->file];

		if (!chosen[i] || (piece->note->file == POOL && piece->note->what == WRITE &&
					  piece->note->at + piece->to > file->len))
			continue;
		apply(state, piece->note, piece->from, piece->to);
	}
}

static void choose(guint8 *chosen, guint n, guint round)
{
	guint odds = (guint)g_test_rand_int_range(1, 16);

	for (guint i = 0; i < n; i++) {
		if (n <= 9)
			chosen[i] = (round >> i) & 1;
		else if (round < n)
			chosen[i] = i != round; /* all but one */
		else if (round < 2 * n)
			chosen[i] = i == round - n;
		else
			chosen[i] = (guint)g_test_rand_int_range(0, 16) < odds;
	}
}

static void check_power(World *w, GArray *done, const Change *change, guint samples)
{
	for (guint n = 0; n <= done->len; n++) {
		State synced = state_copy(&w->before);
		g_autoptr(GArray) pieces = take_pieces(done, n, &synced);
		g_autofree guint8 *chosen = g_malloc0(MAX(pieces->len, 1));
		guint rounds = pieces->len <= 9 ? 1u << pieces->len : samples;
		gboolean is_done = n == done->len && change->sync == KVP_SYNC_ALWAYS;

		for (guint round = 0; round < rounds; round++) {
			State state = state_copy(&synced);

			choose(chosen, pieces->len, round);
			apply_some(&state, pieces, chosen);
			check_all(w, &state, is_done);
			state_clear(&state);
		}
		state_clear(&synced);
	}
}

/* --- the changes --- */

#define TEN(s) s s s s s s s s s s
#define LONG(s) TEN(TEN(s)) TEN(TEN(s)) TEN(TEN(s)) TEN(TEN(s)) TEN(TEN(s)) TEN(TEN(s))

static const KvpChange some[] = { { .key = "k3", .value = "N" },
	{ .key = "long", .value = LONG("n") }, { .key = "f1" }, { .key = "f2", .value = "N" },
	{ .key = "f5", .value = LONG("n") }, { .key = "dup" },
	{ .key = "dup", .value = LONG("1"), .append = TRUE },
	{ .key = "dup", .value = "2", .append = TRUE }, { .key = "more", .value = LONG("m") } };
static const KvpChange three[] = { { .key = "k0", .value = LONG("n") },
	{ .key = "k3", .value = "v3" }, { .key = "last", .value = LONG("l") } };
static const KvpChange five[] = { { .key = "n0", .value = "0" },
	{ .key = "n1", .value = LONG("1") }, { .key = "n2", .value = LONG("2") },
	{ .key = "n3", .value = "" }, { .key = "n4", .value = LONG("4") } };

static const KvpBatch batch_some = { .changes = some, .n = G_N_ELEMENTS(some) };
static const KvpBatch batch_replace = { .clear = TRUE, .changes = three, .n = G_N_ELEMENTS(three) };
static const KvpBatch batch_add = { .changes = five, .n = G_N_ELEMENTS(five) };
static const KvpBatch batch_clear = { .clear = TRUE };

static const Change changes[] = {
	{ "append", "new", FALSE, 40, KVP_SYNC_ALWAYS, NULL },
	{ "append-long", "new", FALSE, 2000, KVP_SYNC_ALWAYS, NULL },
	{ "replace", "k3", FALSE, 40, KVP_SYNC_ALWAYS, NULL },
	{ "replace-long", "long", FALSE, 1700, KVP_SYNC_ALWAYS, NULL },
	{ "shorten", "long", FALSE, 3, KVP_SYNC_ALWAYS, NULL },
	{ "delete", "k3", TRUE, 0, KVP_SYNC_ALWAYS, NULL },
	{ "delete-first", "k0", TRUE, 0, KVP_SYNC_ALWAYS, NULL },
	{ "delete-last", "last", TRUE, 0, KVP_SYNC_ALWAYS, NULL },
	{ "delete-duplicates", "dup", TRUE, 0, KVP_SYNC_ALWAYS, NULL },
	{ "replace-unsynced", "long", FALSE, 1700, KVP_SYNC_NEVER, NULL },
	{ "delete-unsynced", "dup", TRUE, 0, KVP_SYNC_BATCHED, NULL },
	{ "import", .batch = &batch_some },
	{ "import-replace", .batch = &batch_replace },
	{ "import-new", .batch = &batch_add },
	{ "delete-everything", .batch = &batch_clear },
	{ "import-unsynced", .batch = &batch_some, .sync = KVP_SYNC_NEVER },
};

static GByteArray *make_pool(void)
{
	g_autofree char *value = g_strnfill(2047, 'o');
	GByteArray *file = scratch_records("k0", "v0", "dup", "first", "k3", "v3", NULL);

	scratch_record(file, "long", value);
	for (int i = 0; i < 80; i++) { /* three entries of the journal */
		g_autofree char *key = g_strdup_printf("f%d", i);

		scratch_record(file, i % 9 ? key : "", i % 5 ? key : value);
		if (i == 40)
			scratch_record(file, "dup", "second");
	}
	scratch_record(file, "dup", "third");
	scratch_record(file, "dup", "third");
	scratch_record(file, "last", "v");
	return file;
}

static void make(World *w, KvpPool *pool, const Change *change)
{
	g_autofree char *value = g_strnfill(change->value, 'n');
	g_autoptr(GError) error = NULL;
	KvpBatch batch = change->batch ? *change->batch : (KvpBatch){ 0 };

	if (change->batch)
		kvp_pool_batch(pool, NULL, &batch, NULL, &error);
	else if (change->is_delete)
		kvp_pool_delete(pool, change->key, &error);
	else
		kvp_pool_set(pool, change->key, value, NULL, &error);
	g_assert_no_error(error);
}

static guint samples_of(void)
{
	const char *text = g_getenv("HVIS_TEST_SAMPLES");

	return text ? (guint)g_ascii_strtoull(text, NULL, 10) : 40;
}

static void test_states(gconstpointer data)
{
	const Change *change = data;
	World w = { .dir = scratch_new() };
	g_autoptr(KvpPool) noted = kvp_pool_new(w.dir, 0, &noted_ops);
	g_autoptr(GArray) done = NULL;
	State after;
	struct stat st;

	w.pool = kvp_pool_new(w.dir, 0, &noted_ops);
	w.path = kvp_pool_path(w.pool);
	w.deleted = change->is_delete ? change->key : NULL;
	w.is_batch = change->batch != NULL;
	w.journal = g_build_filename(w.dir, KVP_JOURNAL_NAME, NULL);
	w.before.files[POOL] = make_pool();
	w.before.files[JOURNAL] = g_byte_array_new();
	write_file(w.path, w.before.files[POOL]);
	g_assert_cmpint(stat(w.path, &st), ==, 0);
	pool_inode = st.st_ino;
	kvp_pool_set_sync(noted, change->sync);
	start_notes();
	make(&w, noted, change);
	done = g_steal_pointer(&notes);
	after = read_state(&w);
	w.old_list = list_of(w.before.files[POOL]);
	w.new_list = list_of(after.files[POOL]);
	g_assert_cmpuint(after.files[POOL]->len % RECORD, ==, 0);
	check_kills(&w, done, &w.before, check_kill);
	if (change->sync == KVP_SYNC_ALWAYS)
		check_power(&w, done, change, samples_of());
	g_test_message("%s: %u calls, %u states, %u of them finished; %u that another moved",
		change->name, done->len, w.states, w.finished, w.moved);
	g_assert_cmpuint(w.finished, >=, 2);
	state_clear(&after);
	state_clear(&w.before);
	g_ptr_array_unref(w.old_list);
	g_ptr_array_unref(w.new_list);
	kvp_pool_free(w.pool);
	g_free(w.journal);
	scratch_free(w.dir);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (g_access("/dev/shm", W_OK) == 0)
		g_setenv("TMPDIR", "/dev/shm", TRUE); /* thousands of files */
	g_test_add_func("/kvpd/journal/round-trip", test_round_trip);
	g_test_add_func("/kvpd/journal/turns", test_turns);
	g_test_add_func("/kvpd/journal/broken", test_broken);
	g_test_add_func("/kvpd/journal/insane", test_insane);
	g_test_add_func("/kvpd/journal/image", test_image);
	g_test_add_func("/kvpd/journal/insane-image", test_insane_image);
	for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
		g_autofree char *path = g_strdup_printf("/kvpd/journal/states/%s", changes[i].name);

		g_test_add_data_func(path, &changes[i], test_states);
	}
	return g_test_run();
}
