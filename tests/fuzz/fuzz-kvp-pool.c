/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hostile pool file under the daemon's hands. Input: how often to change it (2 bits), which
 * record to change (6 bits), then the file. What a change leaves behind is compared, record by
 * record, with what a model says that it should.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hvis/kvp.h>

#include "kvpd/pool.h"

#define RECORD sizeof(struct hvis_kvp_record)
#define FILE_MAX (40 * RECORD)

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
static char *dir;

static void clean_up(void)
{
	unlink(kvp_pool_path(pool));
	rmdir(dir);
	kvp_pool_free(pool);
	g_free(dir);
}

/* One file for all inputs. */
static void make_pool(void)
{
	static const KvpPoolOps ops = { pwrite, ftruncate, no_sync };

	dir = g_strdup("/dev/shm/hvis-fuzz-XXXXXX"); /* ten times as fast as a disk */
	if (!g_mkdtemp(dir)) {
		g_free(dir);
		dir = g_dir_make_tmp("hvis-fuzz-XXXXXX", NULL);
	}
	pool = kvp_pool_new(dir, 0, &ops);
	check(kvp_pool_create(pool, NULL));
	atexit(clean_up);
}

static void put_file(const char *path, const guint8 *bytes, gsize len)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	check(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
}

static GByteArray *get_file(const char *path)
{
	char *bytes;
	gsize len;

	check(g_file_get_contents(path, &bytes, &len, NULL));
	return g_byte_array_new_take((guint8 *)bytes, len);
}

/* A key that is no UTF-8 goes by what reading shows of it. */
static gboolean has_key(const guint8 *record, const char *key)
{
	gsize len = strnlen((const char *)record, HVIS_KVP_KEY_MAX);
	g_autofree char *shown = g_utf8_make_valid((const char *)record, (gssize)len);

	return strcmp(shown, key) == 0;
}

/* A record without a key at the end is one that nobody finished: the next takes its place. */
static guint end_of(const GByteArray *file)
{
	static const guint8 none[HVIS_KVP_KEY_MAX];
	guint count = file->len / RECORD;

	while (count && memcmp(file->data + (count - 1) * RECORD, none, sizeof(none)) == 0)
		count--;
	return count;
}

static void check_set(const char *key, const GByteArray *before)
{
	gboolean replaced = FALSE;
	guint count = before->len / RECORD, at = end_of(before), end = at;
	g_autoptr(GByteArray) after = NULL;
	struct hvis_kvp_record wanted = { .value = "value" };

	memcpy(wanted.key, key, strlen(key));
	for (guint i = 0; i < count; i++) {
		if (has_key(before->data + i * RECORD, key))
			at = i;
	}
	check(kvp_pool_set(pool, key, "value", &replaced, NULL));
	check(replaced == (at < end));
	after = get_file(kvp_pool_path(pool));
	check(after->len == (replaced ? before->len : (end + 1) * RECORD));
	for (guint i = 0; i < after->len / RECORD; i++) {
		const void *is = after->data + i * RECORD;
		const void *was = before->data + i * RECORD;

		check(memcmp(is, i == at ? (const void *)&wanted : was, RECORD) == 0);
	}
}

static void check_delete(const char *key, const GByteArray *before)
{
	g_autoptr(GByteArray) wanted = g_byte_array_new(), after = NULL;
	guint count = before->len / RECORD;
	gboolean removed = kvp_pool_delete(pool, key, NULL);

	for (guint i = 0; i < count; i++) {
		if (!has_key(before->data + i * RECORD, key))
			g_byte_array_append(wanted, before->data + i * RECORD, RECORD);
	}
	check(removed == (wanted->len < count * RECORD));
	after = get_file(kvp_pool_path(pool));
	if (!removed)
		check(after->len == before->len);
	else
		check(after->len == wanted->len);
	if (after->len)
		check(memcmp(after->data, removed ? wanted->data : before->data, after->len) == 0);
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
	if (!pool)
		make_pool();
	how = *data++;
	size--;
	put_file(kvp_pool_path(pool), data, size);
	if (size / RECORD > how >> 2)
		memcpy(key, data + (how >> 2) * RECORD, sizeof(key) - 1);
	check_read();
	for (int i = how & 3; i > 0 && key[0]; i--) {
		g_autoptr(GByteArray) before = get_file(kvp_pool_path(pool));

		if (i == 2)
			check_delete(key, before);
		else
			check_set(key, before);
		check_read();
	}
	return 0;
}
