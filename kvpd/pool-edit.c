/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing a pool file in place. A change is one critical section: open, both locks, read what is
 * not known, write what differs, unlock; only the last fsync comes after it, so that nobody waits
 * for our disk. Where a write fails, what it overwrote is written back.
 */
#include "config.h"

#include "kvpd/pool-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>

#include "kvpd/lock.h"

#define BLOCK                                                                                      \
	512u /* no page, and no sector, ends inside of one: it is written whole or not at all */

/* A file while it is locked for a change. */
typedef struct {
	const KvpPool *pool;
	int fd;
	guint64 before; /* generation of the watch */
	KvpRecords *records; /* as they were */
	guint count; /* whole records in the file … */
	gsize size; /* … and its bytes */
	guint8 *bytes; /* of a deletion: the whole file as it was */
	gboolean is_begun;
} Edit;

static void edit_end(Edit *edit, KvpOutcome *ret)
{
	struct stat st;

	if (!edit->is_begun)
		return;
	edit->is_begun = FALSE;
	if (edit->pool->watch)
		ret->view.generation = kvp_watch_end(edit->pool->watch, edit->pool->number);
	if (fstat(edit->fd, &st) == 0)
		ret->view.stamp = hvis_file_stamp_of(&st);
	else
		ret->view.generation = 0;
}

static void edit_clear(Edit *edit)
{
	KvpOutcome nobody = { 0 };

	edit_end(edit, &nobody);
	hvis_fd_clear(&edit->fd);
	g_clear_pointer(&edit->records, kvp_records_unref);
	g_clear_pointer(&edit->bytes, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Edit, edit_clear)

static gboolean read_bytes(const Edit *edit, guint8 **ret, gsize *ret_len, GError **error)
{
	*ret = kvp_pool_read_all(edit->fd, KVP_POOL_RECORDS_MAX * RECORD, ret_len, error);
	if (!*ret)
		g_prefix_error(error, "%s: ", edit->pool->path);
	return *ret != NULL;
}

/* What the file holds, from memory where it is known. */
static gboolean edit_learn(Edit *edit, const KvpView *known, GError **error)
{
	g_autofree guint8 *bytes = NULL;
	HvisFileStamp stamp;
	struct stat st;
	gsize len;

	if (fstat(edit->fd, &st) < 0)
		return hvis_fail_errno(error, errno, "stat %s", edit->pool->path);
	if ((guint64)st.st_size / RECORD > KVP_POOL_RECORDS_MAX)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "%s has more than %u records",
			edit->pool->path, KVP_POOL_RECORDS_MAX);
	stamp = hvis_file_stamp_of(&st);
	edit->size = (gsize)st.st_size;
	edit->count = (guint)(edit->size / RECORD);
	if (edit->before && kvp_view_is_known(known, &stamp, edit->before)) {
		edit->records = kvp_records_ref(known->records);
		return TRUE;
	}
	if (!read_bytes(edit, &bytes, &len, error))
		return FALSE;
	edit->records = kvp_records_parse(bytes, len);
	return TRUE;
}

static gboolean edit_begin(KvpPool *pool, Edit *edit, const KvpView *known, GError **error)
{
	edit->pool = pool;
	if (pool->watch)
		kvp_watch_arm(pool->watch, pool->number);
	edit->fd = kvp_pool_open_locked(pool, error);
	if (edit->fd < 0)
		return FALSE;
	if (pool->watch)
		edit->before = kvp_watch_begin(pool->watch, pool->number);
	edit->is_begun = TRUE;
	return edit_learn(edit, known, error);
}

static gboolean sync_file(const Edit *edit, GError **error)
{
	int ret;

	do
		ret = edit->pool->ops->fsync(edit->fd);
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return hvis_fail_errno(error, errno, "fsync %s", edit->pool->path);
	return TRUE;
}

/* Note how the file looks, give the locks back, then make the change last. */
static gboolean edit_commit(Edit *edit, KvpOutcome *ret, GError **error)
{
	edit_end(edit, ret);
	kvp_unlock(edit->fd);
	return sync_file(edit, error);
}

static gboolean write_at(const Edit *edit, gsize at, const void *data, gsize len, GError **error)
{
	const guint8 *bytes = data;
	gsize done = 0;

	while (done < len) {
		ssize_t n = edit->pool->ops->pwrite(
			edit->fd, bytes + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hvis_fail_errno(error, errno, "write %s", edit->pool->path);
		done += (gsize)n;
	}
	return TRUE;
}

static gboolean truncate_to(const Edit *edit, gsize size, GError **error)
{
	int ret;

	do
		ret = edit->pool->ops->ftruncate(edit->fd, (off_t)size);
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return hvis_fail_errno(error, errno, "truncate %s", edit->pool->path);
	return TRUE;
}

/* Put back what a failed write overwrote; what cannot be done about that is no news. */
static void undo_write(const Edit *edit, gsize at, const void *old, gsize len)
{
	g_autoptr(GError) failed = NULL;

	if (!write_at(edit, at, old, len, &failed))
		g_debug("roll back: %s", failed->message);
}

static void undo_size(const Edit *edit, gsize size)
{
	g_autoptr(GError) failed = NULL;

	if (!truncate_to(edit, size, &failed))
		g_debug("roll back: %s", failed->message);
}

/* --- one record --- */

static gboolean make_record(
	const char *key, const char *value, struct hvis_kvp_record *ret, GError **error)
{
	gsize key_len = strlen(key), value_len = strlen(value);

	if (key_len == 0)
		return hvis_fail(error, HVIS_ERROR_INVALID, "the key is empty");
	if (key_len >= HVIS_KVP_KEY_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"the key takes %zu bytes of UTF-8, a record holds %u", key_len,
			HVIS_KVP_KEY_MAX - 1);
	if (value_len >= HVIS_KVP_VALUE_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"the value takes %zu bytes of UTF-8, a record holds %u", value_len,
			HVIS_KVP_VALUE_MAX - 1);
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->key, key, key_len);
	memcpy(ret->value, value, value_len);
	return TRUE;
}

/* Only the blocks that differ: with a short value that is one, and none that can be torn. */
static gboolean replace(
	Edit *edit, guint place, const struct hvis_kvp_record *record, GError **error)
{
	const guint8 *new = (const guint8 *)record;
	guint8 old[RECORD];
	gsize at = place * RECORD, first = 0, end = RECORD;

	if (!hvis_pread_all(edit->fd, old, RECORD, (off_t)at, error)) {
		g_prefix_error(error, "%s: ", edit->pool->path);
		return FALSE;
	}
	while (first < end && memcmp(old + first, new + first, BLOCK) == 0)
		first += BLOCK;
	while (end > first && memcmp(old + end - BLOCK, new + end - BLOCK, BLOCK) == 0)
		end -= BLOCK;
	if (write_at(edit, at + first, new + first, end - first, error))
		return TRUE;
	undo_write(edit, at + first, old + first, end - first);
	return FALSE;
}

/* A record that nobody has finished writing: no key yet, so nobody has seen it. */
static gboolean is_blank(const Edit *edit, guint place)
{
	static const guint8 zero[HVIS_KVP_KEY_MAX];
	guint8 key[HVIS_KVP_KEY_MAX];
	guint n = kvp_records_count(edit->records);

	if (n > 0 && kvp_records_place(edit->records, n - 1) == place)
		return FALSE;
	return hvis_pread_all(edit->fd, key, sizeof(key), (off_t)(place * RECORD), NULL) &&
	       memcmp(key, zero, sizeof(key)) == 0;
}

/* First the room, then the value, then the key, which makes a record of them. */
static gboolean append(
	Edit *edit, const struct hvis_kvp_record *record, guint *ret_place, GError **error)
{
	guint place = edit->count;
	gsize at;

	if (place > 0 && is_blank(edit, place - 1))
		place--;
	if (place >= KVP_POOL_RECORDS_MAX)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "%s is full: %u records",
			edit->pool->path, KVP_POOL_RECORDS_MAX);
	at = place * RECORD;
	*ret_place = place;
	if (edit->size > at && !truncate_to(edit, at, error))
		return FALSE;
	if (truncate_to(edit, at + RECORD, error) &&
		write_at(edit, at + HVIS_KVP_KEY_MAX, record->value, HVIS_KVP_VALUE_MAX, error) &&
		write_at(edit, at, record->key, HVIS_KVP_KEY_MAX, error))
		return TRUE;
	undo_size(edit, at);
	return FALSE;
}

static gboolean set(
	Edit *edit, const struct hvis_kvp_record *record, KvpOutcome *ret, GError **error)
{
	ret->replaced = kvp_records_find(edit->records, record->key, &ret->index);
	if (ret->replaced)
		return replace(edit, kvp_records_place(edit->records, ret->index), record, error);
	return append(edit, record, &ret->place, error);
}

/* --- deleting --- */

/*
 * Write back the records from @last down to @first as they were. Downwards, because a deletion has
 * moved them up: each is still whole in the place below when its own is written.
 */
static void roll_back(const Edit *edit, guint first, guint last)
{
	for (guint i = last + 1; i > first; i--)
		undo_write(edit, (i - 1) * RECORD, edit->bytes + (i - 1) * RECORD, RECORD);
}

/*
 * Others may leave anything behind the NUL, so only the text is compared; and anything before it, so
 * a key that is no UTF-8 goes by what kvp_pool_read() shows of it, or nobody could delete it.
 */
static gboolean has_key(const Edit *edit, guint place, const char *key)
{
	const char *field = (const char *)edit->bytes + place * RECORD;
	gsize len = strnlen(field, HVIS_KVP_KEY_MAX);
	g_autofree char *shown = NULL;

	if (g_utf8_validate_len(field, len, NULL))
		return len == strlen(key) && memcmp(field, key, len) == 0;
	shown = g_utf8_make_valid(field, (gssize)len);
	return g_str_equal(shown, key);
}

/* Move the records that stay to the front, one by one, in order; then cut off the rest. */
static gboolean delete_from(Edit *edit, const char *key, guint first, GError **error)
{
	guint to = first;

	for (guint from = first + 1; from < edit->count; from++) {
		if (has_key(edit, from, key))
			continue;
		if (!write_at(edit, to * RECORD, edit->bytes + from * RECORD, RECORD, error)) {
			roll_back(edit, first, to);
			return FALSE;
		}
		to++;
	}
	if (truncate_to(edit, to * RECORD, error))
		return TRUE;
	if (to > first)
		roll_back(edit, first, to - 1);
	return FALSE;
}

static gboolean delete (Edit *edit, const char *key, GError **error)
{
	guint place, index;
	gsize len;

	if (kvp_records_find(edit->records, key, &index)) {
		if (!read_bytes(edit, &edit->bytes, &len, error))
			return FALSE;
		edit->count = (guint)(len / RECORD);
		for (place = 0; place < edit->count; place++) {
			if (has_key(edit, place, key))
				return delete_from(edit, key, place, error);
		}
	}
	return hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no key \"%s\" in %s", key, edit->pool->path);
}

/* --- the door --- */

gboolean kvp_pool_change(KvpPool *pool, const char *key, const char *value, const KvpView *known,
	KvpOutcome *ret, GError **error)
{
	g_auto(Edit) edit = { .fd = -1 };
	struct hvis_kvp_record record;
	KvpOutcome outcome = { 0 };
	gboolean done;

	if (value ? !make_record(key, value, &record, error) : *key == '\0')
		return value ? FALSE : hvis_fail(error, HVIS_ERROR_INVALID, "the key is empty");
	if (!edit_begin(pool, &edit, known, error))
		return FALSE;
	done = value ? set(&edit, &record, &outcome, error) : delete (&edit, key, error);
	if (!done || !edit_commit(&edit, &outcome, error))
		return FALSE;
	outcome.view.records = g_steal_pointer(&edit.records);
	*ret = outcome;
	return TRUE;
}

void kvp_outcome_apply(KvpOutcome *outcome, const char *key, const char *value)
{
	KvpRecords *records = g_steal_pointer(&outcome->view.records);

	if (!value)
		records = kvp_records_removed(records, key);
	else if (outcome->replaced)
		records = kvp_records_replaced(records, outcome->index, value);
	else
		records = kvp_records_appended(records, outcome->place, key, value);
	outcome->view.records = records;
}

gboolean kvp_pool_set(
	KvpPool *pool, const char *key, const char *value, gboolean *ret_replaced, GError **error)
{
	KvpOutcome outcome;

	if (!kvp_pool_change(pool, key, value, NULL, &outcome, error))
		return FALSE;
	if (ret_replaced)
		*ret_replaced = outcome.replaced;
	kvp_view_clear(&outcome.view);
	return TRUE;
}

gboolean kvp_pool_delete(KvpPool *pool, const char *key, GError **error)
{
	KvpOutcome outcome;

	if (!kvp_pool_change(pool, key, NULL, NULL, &outcome, error))
		return FALSE;
	kvp_view_clear(&outcome.view);
	return TRUE;
}
