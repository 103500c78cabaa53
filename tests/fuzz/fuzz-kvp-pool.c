/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hostile pool file under the daemon's hands. Input: how often to change it (2 bits), which
 * record to change (6 bits), then the file. What a change leaves behind is compared, record by
 * record, with what a model says that it should.
 */
#include "config.h"

#include "kvp-scratch.h"

#include <hvis/kvp.h>

#define RECORD sizeof(struct hvis_kvp_record)
#define FILE_MAX (40 * RECORD)

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static KvpPool *pool;
static int pool_fd;

/* A key that is no UTF-8 goes by what reading shows of it. */
static gboolean has_key(const guint8 *record, const char *key)
{
	gsize len = strnlen((const char *)record, HVIS_KVP_KEY_MAX);
	g_autofree char *shown = g_utf8_make_valid((const char *)record, (gssize)len);

	return strcmp(shown, key) == 0;
}

/* A record without a key at the end is one that nobody finished: the next takes its place. */
static guint end_of(const ScratchFile *file)
{
	static const guint8 none[HVIS_KVP_KEY_MAX];
	guint count = file->len / RECORD;

	while (count && memcmp(file->data + (count - 1) * RECORD, none, sizeof(none)) == 0)
		count--;
	return count;
}

static void check_set(const char *key, const ScratchFile *before)
{
	gboolean replaced = FALSE;
	guint count = before->len / RECORD, at = end_of(before), end = at;
	static ScratchFile after;
	struct hvis_kvp_record wanted = { .value = "value" };

	memcpy(wanted.key, key, strlen(key));
	for (guint i = 0; i < count; i++) {
		if (has_key(before->data + i * RECORD, key))
			at = i;
	}
	check(kvp_pool_set(pool, key, "value", &replaced, NULL));
	check(replaced == (at < end));
	scratch_get(pool_fd, &after);
	check(after.len == (replaced ? before->len : (end + 1) * RECORD));
	for (guint i = 0; i < after.len / RECORD; i++) {
		const void *is = after.data + i * RECORD;
		const void *was = before->data + i * RECORD;

		check(memcmp(is, i == at ? (const void *)&wanted : was, RECORD) == 0);
	}
}

static void check_delete(const char *key, const ScratchFile *before)
{
	static ScratchFile wanted, after;
	guint count = before->len / RECORD;
	gboolean removed = kvp_pool_delete(pool, key, NULL);

	wanted.len = 0;
	for (guint i = 0; i < count; i++) {
		if (has_key(before->data + i * RECORD, key))
			continue;
		memcpy(wanted.data + wanted.len, before->data + i * RECORD, RECORD);
		wanted.len += RECORD;
	}
	check(removed == (wanted.len < count * RECORD));
	scratch_get(pool_fd, &after);
	check(after.len == (removed ? wanted.len : before->len));
	check(memcmp(after.data, removed ? wanted.data : before->data, after.len) == 0);
}

static void check_read(void)
{
	g_autoptr(KvpRecords) records = kvp_pool_read(pool, NULL);

	check(records != NULL);
	for (guint i = 0; i < kvp_records_count(records); i++) {
		check(kvp_records_key(records, i)[0] != '\0');
		check(g_utf8_validate(kvp_records_key(records, i), -1, NULL));
		check(g_utf8_validate(kvp_records_value(records, i), -1, NULL));
		check(kvp_records_get(records, kvp_records_key(records, i)) != NULL);
	}
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	char key[HVIS_KVP_KEY_MAX] = "new";
	guint8 how;

	if (size < 1 || size > FILE_MAX)
		return 0;
	if (!pool) {
		pool = kvp_pool_new(scratch_dir(), 0, &scratch_ops);
		pool_fd = scratch_open(kvp_pool_path(pool));
	}
	how = *data++;
	size--;
	scratch_put(pool_fd, data, size);
	if (size / RECORD > how >> 2)
		memcpy(key, data + (how >> 2) * RECORD, sizeof(key) - 1);
	check_read();
	for (int i = how & 3; i > 0 && key[0]; i--) {
		static ScratchFile before;

		scratch_get(pool_fd, &before);
		if (i == 2)
			check_delete(key, &before);
		else
			check_set(key, &before);
		check_read();
	}
	return 0;
}
