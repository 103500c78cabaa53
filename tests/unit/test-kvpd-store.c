/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pools in memory: answered without the file while nobody touches it, and never once somebody did,
 * whatever it was that he did.
 */
#include "config.h"

#include "kvpd/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>

#include "tests/unit/kvpd-scratch.h"

typedef struct {
	char *top, *dir;
	KvpPools *pools;
	HvisFakeClock *clock;
	KvpStore *store;
	const char *path; /* of pool 1 */
	guint told[HVIS_KVP_POOL_N];
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
	f->top = scratch_new();
	f->dir = g_build_filename(f->top, "lib", "hyperv", NULL);
	f->pools = kvp_pools_new(f->dir, NULL);
	f->clock = hvis_fake_clock_new();
	f->store = kvp_store_new(f->pools, NULL, hvis_fake_clock_get(f->clock));
	f->path = kvp_pool_path(kvp_pools_get(f->pools, 1));
	if (!data) {
		kvp_pools_create(f->pools, NULL);
		g_assert_true(g_file_test(f->path, G_FILE_TEST_EXISTS));
	}
}

static void tear_down(Fixture *f, gconstpointer data)
{
	kvp_store_unref(f->store);
	kvp_pools_unref(f->pools);
	hvis_fake_clock_free(f->clock);
	g_free(f->dir);
	scratch_free(f->top);
}

static gboolean is_known(Fixture *f, guint pool)
{
	g_autoptr(KvpRecords) records = kvp_store_peek(f->store, pool);

	return records != NULL;
}

/* What the pool holds, as a caller gets it. */
static KvpRecords *get(Fixture *f, guint pool)
{
	KvpRecords *records = kvp_store_peek(f->store, pool);
	g_autoptr(KvpTask) task = NULL;
	g_autoptr(GError) error = NULL;

	if (records)
		return records;
	task = kvp_store_read(f->store, pool);
	kvp_task_run(task);
	kvp_task_finish(task, &error);
	g_assert_no_error(error);
	return kvp_records_ref(kvp_task_records(task));
}

static void assert_value(Fixture *f, const char *key, const char *value)
{
	g_autoptr(KvpRecords) records = get(f, 1);

	g_assert_cmpstr(kvp_records_get(records, key), ==, value);
}

static gboolean change(Fixture *f, const char *key, const char *value, GError **error)
{
	g_autoptr(KvpTask) task = kvp_store_change(f->store, 1, key, value);

	kvp_task_run(task);
	return kvp_task_finish(task, error);
}

static void must_change(Fixture *f, const char *key, const char *value)
{
	g_autoptr(GError) error = NULL;

	change(f, key, value, &error);
	g_assert_no_error(error);
}

/* --- what others do --- */

static void append(Fixture *f, const char *key, const char *value)
{
	g_autoptr(GByteArray) record = scratch_records(key, value, NULL);
	FILE *file = fopen(f->path, "ab");

	g_assert_nonnull(file);
	g_assert_cmpuint(fwrite(record->data, 1, record->len, file), ==, record->len);
	g_assert_cmpint(fclose(file), ==, 0);
}

/* In place, with the same length and the times put back: nothing in stat(2) tells. */
static void overwrite(Fixture *f)
{
	struct stat st;
	hvis_autofd int fd = hvis_open(f->path, O_RDWR, NULL);
	struct timespec times[2];

	g_assert_cmpint(fstat(fd, &st), ==, 0);
	g_assert_cmpint(pwrite(fd, "X", 1, st.st_size - 2048), ==, 1);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	g_assert_cmpint(futimens(fd, times), ==, 0);
}

static void by_hard_link(Fixture *f)
{
	g_autofree char *other = g_build_filename(f->top, "other", NULL);
	hvis_autofd int fd = -1;

	g_assert_cmpint(link(f->path, other), ==, 0);
	is_known(f, 1);
	fd = hvis_open(other, O_RDWR, NULL);
	g_assert_cmpint(pwrite(fd, "X", 1, lseek(fd, 0, SEEK_END) - 2048), ==, 1);
	g_assert_cmpint(unlink(other), ==, 0);
}

static void replace_by_rename(Fixture *f)
{
	g_autofree char *other = g_build_filename(f->top, "other", NULL);
	g_autoptr(GByteArray) file = scratch_records("k", "X", NULL);

	scratch_write(other, file);
	g_assert_cmpint(rename(other, f->path), ==, 0);
}

static void rewrite(Fixture *f)
{
	g_autoptr(GByteArray) file = scratch_records("k", "X", NULL);

	scratch_write(f->path, file);
}

static void remake_dir(Fixture *f)
{
	g_autofree char *aside = g_build_filename(f->top, "aside", NULL);
	g_autoptr(GByteArray) file = scratch_records("k", "X", NULL);

	g_assert_cmpint(rename(f->dir, aside), ==, 0);
	g_assert_cmpint(mkdir(f->dir, 0755), ==, 0);
	scratch_write(f->path, file);
}

static void append_duplicate(Fixture *f)
{
	append(f, "k", "X");
}

static void truncate_and_append(Fixture *f)
{
	g_assert_cmpint(truncate(f->path, 0), ==, 0);
	append(f, "k", "X");
}

/* More events than the queue takes; who reads too slowly loses some, and is told that he did. */
static void flood(Fixture *f)
{
	g_autofree char *text = NULL;
	g_autofree char *other = g_build_filename(f->dir, "other", NULL);
	guint64 max = 16384;

	if (g_file_get_contents("/proc/sys/fs/inotify/max_queued_events", &text, NULL, NULL))
		max = g_ascii_strtoull(text, NULL, 10);
	for (guint64 i = 0; i <= max / 2; i++) {
		g_assert_cmpint(close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), ==, 0);
		g_assert_cmpint(unlink(other), ==, 0);
	}
	overwrite(f);
}

static const struct {
	const char *name;
	void (*act)(Fixture *f);
} acts[] = { { "append", append_duplicate }, { "overwrite", overwrite },
	{ "hard-link", by_hard_link }, { "rename", replace_by_rename }, { "rewrite", rewrite },
	{ "truncate", truncate_and_append }, { "directory", remake_dir }, { "flood", flood } };

/* Whatever was done, the next who asks sees it, and after that it is known again. */
static void test_touched(Fixture *f, gconstpointer data)
{
	append(f, "k", "v");
	for (guint i = 0; i < G_N_ELEMENTS(acts); i++) {
		must_change(f, "k", "v");
		assert_value(f, "k", "v");
		g_assert_true(is_known(f, 1));
		acts[i].act(f);
		g_test_message("%s", acts[i].name);
		g_assert_false(is_known(f, 1));
		assert_value(f, "k", "X");
		g_assert_true(is_known(f, 1));
	}
}

static void test_untouched(Fixture *f, gconstpointer data)
{
	g_autoptr(KvpRecords) first = NULL, again = NULL;
	g_autofree char *text = NULL;

	append(f, "k", "v");
	g_assert_false(is_known(f, 1));
	first = get(f, 1);
	g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL)); /* reading is no change */
	append(f, "l", "w");
	rewrite(f);
	g_clear_pointer(&first, kvp_records_unref);
	first = get(f, 1);
	again = kvp_store_peek(f->store, 1);
	g_assert_true(first == again);
	g_assert_false(is_known(f, 0));
}

/* What was handed out stays as it was, and what we write needs no reading. */
static void test_own_changes(Fixture *f, gconstpointer data)
{
	g_autoptr(KvpRecords) snapshot = NULL, next = NULL;

	must_change(f, "a", "1");
	g_assert_true(is_known(f, 1));
	must_change(f, "b", "2");
	must_change(f, "c", "3");
	snapshot = kvp_store_peek(f->store, 1);
	must_change(f, "b", "B");
	must_change(f, "a", NULL);
	must_change(f, "d", "4");
	g_assert_cmpuint(kvp_records_count(snapshot), ==, 3);
	g_assert_cmpstr(kvp_records_get(snapshot, "a"), ==, "1");
	g_assert_cmpstr(kvp_records_get(snapshot, "b"), ==, "2");
	next = kvp_store_peek(f->store, 1);
	g_assert_nonnull(next);
	g_assert_cmpuint(kvp_records_count(next), ==, 3);
	g_assert_cmpstr(kvp_records_key(next, 0), ==, "b");
	g_assert_cmpstr(kvp_records_value(next, 0), ==, "B");
	g_assert_cmpstr(kvp_records_key(next, 2), ==, "d");
	g_assert_cmpuint(kvp_records_place(next, 2), ==, 2);
}

/* Memory and file say the same after any sequence of changes, ours and others'. */
static void test_agrees(Fixture *f, gconstpointer data)
{
	for (int i = 0; i < 3000; i++) {
		g_autofree char *key = g_strdup_printf("k%d", g_test_rand_int_range(0, 40));
		g_autofree char *value =
			g_strnfill((gsize)g_test_rand_int_range(0, 2047), (char)('a' + i % 26));
		g_autoptr(KvpRecords) memory = NULL, file = NULL,
				      held = kvp_store_peek(f->store, 1);
		int what = g_test_rand_int_range(0, 16);

		if (what == 0)
			append(f, key, value);
		else if (what == 1)
			append(f, "", "");
		else if (what < 5)
			change(f, key, NULL, NULL);
		else
			must_change(f, key, value);
		if (what & 1)
			g_clear_pointer(&held, kvp_records_unref);
		memory = get(f, 1);
		file = kvp_pool_read(kvp_pools_get(f->pools, 1), NULL);
		g_assert_cmpuint(kvp_records_count(memory), ==, kvp_records_count(file));
		for (guint r = 0; r < kvp_records_count(file); r++) {
			g_assert_cmpstr(kvp_records_key(memory, r), ==, kvp_records_key(file, r));
			g_assert_cmpstr(
				kvp_records_value(memory, r), ==, kvp_records_value(file, r));
			g_assert_cmpuint(
				kvp_records_place(memory, r), ==, kvp_records_place(file, r));
		}
		g_assert_cmpstr(kvp_records_get(memory, key), ==, kvp_records_get(file, key));
	}
}

/* Tasks that were made from the same state and end in any order. */
static void test_order_of_ends(Fixture *f, gconstpointer data)
{
	KvpTask *first, *second, *read;

	must_change(f, "k", "0");
	read = kvp_store_read(f->store, 1);
	first = kvp_store_change(f->store, 1, "k", "1");
	second = kvp_store_change(f->store, 1, "k", "2");
	kvp_task_run(read);
	kvp_task_run(first);
	kvp_task_run(second);
	g_assert_true(kvp_task_finish(second, NULL));
	g_assert_true(kvp_task_finish(first, NULL));
	g_assert_true(kvp_task_finish(read, NULL));
	kvp_task_free(first);
	kvp_task_free(second);
	kvp_task_free(read);
	assert_value(f, "k", "2");
}

/* Between what a task was told and its locks, another program wrote. */
static void test_lost_update(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) wanted = scratch_records("a", "1", "t", "2", "b", "3", NULL);
	g_autoptr(KvpTask) task = NULL;

	must_change(f, "a", "1");
	task = kvp_store_change(f->store, 1, "b", "3");
	append(f, "t", "2");
	kvp_task_run(task);
	g_assert_true(kvp_task_finish(task, NULL));
	scratch_assert_file(f->path, wanted);
	g_assert_true(is_known(f, 1));
	assert_value(f, "t", "2");
}

static void test_missing(Fixture *f, gconstpointer data)
{
	g_autoptr(KvpRecords) none = get(f, 1);
	g_autoptr(GByteArray) file = scratch_records("k", "v", NULL);
	g_autofree char *lib = g_path_get_dirname(f->dir);

	g_assert_cmpuint(kvp_records_count(none), ==, 0);
	g_assert_true(is_known(f, 1)); /* nothing is known as well as something */
	get(f, 0);
	g_assert_true(is_known(f, 1));
	g_assert_cmpint(mkdir(lib, 0755), ==, 0);
	g_assert_false(is_known(f, 1));
	assert_value(f, "k", NULL);
	g_assert_true(is_known(f, 1));
	g_assert_cmpint(mkdir(f->dir, 0755), ==, 0);
	scratch_write(f->path, file);
	g_assert_false(is_known(f, 1));
	assert_value(f, "k", "v");
}

/* --- who watches --- */

static void on_changed(KvpStore *store, guint pool, gpointer data)
{
	((Fixture *)data)->told[pool]++;
}

static guint told(Fixture *f, guint pool)
{
	guint n;

	while (g_main_context_iteration(NULL, FALSE)) {
	}
	hvis_fake_clock_advance(f->clock, KVP_STORE_COALESCE_MS);
	n = f->told[pool];
	f->told[pool] = 0;
	return n;
}

static void test_watch(Fixture *f, gconstpointer data)
{
	guint id = kvp_store_watch(f->store, on_changed, f);
	guint other = kvp_store_watch(f->store, on_changed, f);

	g_assert_cmpuint(told(f, 1), ==, 0);
	append(f, "k", "v");
	append(f, "l", "w");
	g_assert_cmpuint(told(f, 1), ==, 2); /* a burst, to both */
	g_assert_cmpuint(told(f, 0), ==, 0);
	kvp_store_unwatch(f->store, other);
	must_change(f, "k", "x");
	g_assert_cmpuint(told(f, 1), ==, 1);
	g_assert_cmpuint(told(f, 1), ==, 0);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	replace_by_rename(f);
	g_assert_cmpuint(told(f, 1), ==, 1);
	append(f, "m", "y"); /* to the new file */
	g_assert_cmpuint(told(f, 1), ==, 1);
	remake_dir(f);
	g_assert_cmpuint(told(f, 1), ==, 1);
	append(f, "m", "y");
	g_assert_cmpuint(told(f, 1), ==, 1);
	kvp_store_unwatch(f->store, id);
	kvp_store_unwatch(f->store, id);
	append(f, "n", "z");
	g_assert_cmpuint(told(f, 1), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/kvpd/store/" name, Fixture, NULL, set_up, func, tear_down)
	ADD("touched", test_touched);
	ADD("untouched", test_untouched);
	ADD("own-changes", test_own_changes);
	ADD("agrees", test_agrees);
	ADD("order-of-ends", test_order_of_ends);
	ADD("lost-update", test_lost_update);
	ADD("watch", test_watch);
	g_test_add("/kvpd/store/missing", Fixture, "missing", set_up, test_missing, tear_down);
	return g_test_run();
}
