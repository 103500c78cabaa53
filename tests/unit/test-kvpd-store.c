/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pools in memory: answered without the file while nobody touches it, and never once somebody did,
 * whatever it was that he did.
 */
#include "config.h"

#include "kvpd/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
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
	gint is_locked; /* by another thread */
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
/* Another program, which has the file locked and puts another in its place before it gives it back. */
static gpointer replace_and_unlock(gpointer data)
{
	Fixture *f = data;
	hvis_autofd int fd = hvis_open(f->path, O_RDWR, NULL);

	g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
	g_atomic_int_set(&f->is_locked, 1);
	g_usleep(100000); /* by now somebody waits */
	replace_by_rename(f);
	return NULL;
}

/* What is known of a file that is waited for is not known of the one that has taken its place meanwhile. */
static void test_replaced_while_waiting(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) wanted = scratch_records("k", "X", "l", "2", NULL);
	GThread *thread;

	must_change(f, "k", "1");
	must_change(f, "l", "1");
	g_assert_true(is_known(f, 1));
	thread = g_thread_new("replace", replace_and_unlock, f);
	while (!g_atomic_int_get(&f->is_locked))
		g_usleep(1000);
	must_change(f, "l", "2");
	g_thread_join(thread);
	scratch_assert_file(f->path, wanted);
	assert_value(f, "k", "X");
	assert_value(f, "l", "2");
	g_assert_true(is_known(f, 1));
}

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
	kvp_records_unref(get(f, 0));
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
	append(f, "m", "x");
	assert_value(f, "m", "x"); /* who reads in between takes nothing away from who watches */
	g_assert_cmpuint(told(f, 1), ==, 2);
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

/* --- what cannot be stored --- */

static struct {
	guint begun, ended;
} troubles;

static void on_trouble(KvpStore *store, guint pool, const char *reason, gpointer data)
{
	g_assert_cmpuint(pool, ==, 1);
	troubles.begun += reason != NULL;
	troubles.ended += reason == NULL;
}

/* A file is where the directory has to be: nothing can be made there, not even by root. */
static char *block(Fixture *f)
{
	char *lib = g_path_get_dirname(f->dir);

	g_assert_true(g_file_set_contents(lib, "", 0, NULL));
	memset(&troubles, 0, sizeof(troubles));
	kvp_store_on_trouble(f->store, on_trouble, f);
	return lib;
}

static void unblock(const char *lib)
{
	g_assert_cmpint(g_remove(lib), ==, 0);
}

static void assert_pending(Fixture *f, guint n)
{
	const char *reason = "unset";

	g_assert_cmpuint(kvp_store_pending(f->store, 1, &reason), ==, n);
	g_assert_true((reason != NULL) == (n > 0));
}

static void assert_fails(Fixture *f, const char *key, const char *value, HvisErrorCode code)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(change(f, key, value, &error));
	g_assert_error(error, HVIS_ERROR, (gint)code);
}

static void test_kept(Fixture *f, gconstpointer data)
{
	g_autofree char *lib = block(f), *longest = g_strnfill(512, 'k');
	g_autoptr(GByteArray) wanted = scratch_records("k", "w", "m", "3", NULL);

	must_change(f, "k", "v");
	must_change(f, "l", "2");
	must_change(f, "m", "3");
	must_change(f, "k", "w");
	must_change(f, "l", NULL);
	assert_fails(f, "l", NULL, HVIS_ERROR_NOT_FOUND);
	assert_fails(f, "x", NULL, HVIS_ERROR_NOT_FOUND);
	assert_fails(f, longest, "v", HVIS_ERROR_INVALID);
	assert_fails(f, "", "v", HVIS_ERROR_INVALID);
	assert_value(f, "k", "w");
	assert_value(f, "l", NULL);
	assert_value(f, "m", "3");
	assert_pending(f, 2); /* what came and went leaves nothing to do */
	g_assert_cmpuint(troubles.begun, ==, 1);
	g_assert_cmpuint(troubles.ended, ==, 0);
	unblock(lib); /* and nothing else: the directory is watched for */
	told(f, 1);
	told(f, 1);
	assert_pending(f, 0);
	g_assert_cmpuint(troubles.begun, ==, 1);
	g_assert_cmpuint(troubles.ended, ==, 1);
	scratch_assert_file(f->path, wanted);
	assert_value(f, "k", "w");
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
}

/* What others have put there meanwhile stays, but for the keys that were changed. */
static void test_merged(Fixture *f, gconstpointer data)
{
	g_autofree char *lib = block(f);
	g_autoptr(GByteArray) theirs =
		scratch_records("t", "1", "k", "old", "late", "3", "u", "4", NULL);
	g_autoptr(GByteArray) wanted =
		scratch_records("t", "1", "k", "new", "late", "3", "u", "4", "n", "5", NULL);

	must_change(f, "k", "new");
	must_change(f, "late", "1");
	must_change(f, "late", NULL);
	must_change(f, "n", "5");
	unblock(lib);
	g_assert_cmpint(g_mkdir_with_parents(f->dir, 0755), ==, 0);
	scratch_write(f->path, theirs);
	assert_value(f, "t", "1"); /* both are seen, before anything is stored */
	assert_value(f, "k", "new");
	assert_value(f, "late", "3");
	told(f, 1);
	assert_pending(f, 0);
	scratch_assert_file(f->path, wanted);
}

/* Time alone, less and less often; nothing is left of it at the end. */
static void test_retry(Fixture *f, gconstpointer data)
{
	static const gint64 pauses[] = { 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000,
		256000, 300000, 300000 };
	g_autofree char *lib = block(f);

	must_change(f, "k", "v");
	for (guint i = 0; i < G_N_ELEMENTS(pauses); i++) {
		g_assert_cmpint(hvis_fake_clock_next_ms(f->clock), ==, pauses[i]);
		g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 1);
		hvis_fake_clock_advance(f->clock, (guint)pauses[i]);
		assert_pending(f, 1);
	}
	unblock(lib);
	hvis_fake_clock_advance(f->clock, 300000);
	assert_pending(f, 0);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	assert_value(f, "k", "v");
}

/* A host may not fill memory either. */
static void test_kept_limit(Fixture *f, gconstpointer data)
{
	g_autofree char *lib = block(f);

	kvp_store_configure(f->store, KVP_SYNC_ALWAYS, 2);
	must_change(f, "a", "1");
	must_change(f, "b", "2");
	must_change(f, "a", "3");
	assert_fails(f, "c", "4", HVIS_ERROR_NO_SPACE);
	assert_pending(f, 2);
	g_assert_cmpuint(kvp_store_stop(f->store), ==, 2); /* lost, and said so */
	unblock(lib);
	g_assert_cmpuint(kvp_store_stop(f->store), ==, 0); /* the last chance */
	kvp_store_configure(f->store, KVP_SYNC_ALWAYS, 3);
	assert_value(f, "a", "3");
}

/* A change that comes while others are being stored waits behind them. */
static void test_change_while_storing(Fixture *f, gconstpointer data)
{
	g_autofree char *lib = block(f);
	g_autoptr(KvpTask) task = NULL;
	g_autoptr(KvpWorker) worker = kvp_worker_new();
	g_autoptr(KvpStore) store = kvp_store_new(f->pools, worker, hvis_fake_clock_get(f->clock));
	KvpStore *mine = f->store;

	f->store = store;
	must_change(f, "k", "1");
	unblock(lib);
	hvis_fake_clock_advance(f->clock, 1000); /* on its way, and not reported yet */
	must_change(f, "k", "2");
	assert_pending(f, 1);
	assert_value(f, "k", "2");
	for (int i = 0; kvp_store_pending(store, 1, NULL) && i < 5000; i++) {
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(1000);
	}
	assert_pending(f, 0);
	assert_value(f, "k", "2");
	f->store = mine;
	assert_value(f, "k", "2");
	g_clear_pointer(&worker, kvp_worker_free);
}

/* --- several changes as one --- */

typedef struct {
	KvpBatch batch;
	gboolean is_done;
	GError *error;
} Import;

static void on_applied(const GError *error, gpointer data)
{
	Import *import = data;

	g_assert_false(import->is_done);
	import->is_done = TRUE;
	import->error = error ? g_error_copy(error) : NULL;
}

static void start_import(Fixture *f, Import *import, const KvpChange *changes, gsize n)
{
	import->batch.changes = changes;
	import->batch.n = n;
	kvp_store_apply(f->store, 1, &import->batch, on_applied, import);
}

static const KvpChange imported[] = { { .key = "k", .value = "imported" } };

static void must_import(Fixture *f, const KvpChange *changes, gsize n)
{
	Import import = { 0 };

	start_import(f, &import, changes, n);
	g_assert_true(import.is_done);
	g_assert_no_error(import.error);
}

/* What had been waiting to be stored came to the file after what was imported later. */
static void test_older_change_overwrote_an_import(Fixture *f, gconstpointer data)
{
	g_autofree char *lib = block(f);
	g_autoptr(GByteArray) wanted = scratch_records("k", "imported", "l", "kept", NULL);

	must_change(f, "k", "older");
	must_change(f, "l", "kept");
	unblock(lib);
	must_import(f, imported, 1);
	assert_pending(f, 0);
	g_assert_cmpuint(troubles.begun, ==, 1);
	g_assert_cmpuint(troubles.ended, ==, 1);
	assert_value(f, "k", "imported");
	assert_value(f, "l", "kept");
	hvis_fake_clock_advance(f->clock, 300000);
	scratch_assert_file(f->path, wanted);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
}

/* While nothing can be stored nothing is imported, and what waits goes on waiting. */
static void test_import_refused(Fixture *f, gconstpointer data)
{
	g_autofree char *lib = block(f);
	Import import = { 0 };

	must_change(f, "k", "older");
	start_import(f, &import, imported, 1);
	g_assert_true(import.is_done);
	g_assert_nonnull(import.error);
	g_clear_error(&import.error);
	assert_pending(f, 1);
	assert_value(f, "k", "older");
	unblock(lib);
	hvis_fake_clock_advance(f->clock, 300000);
	assert_pending(f, 0);
	assert_value(f, "k", "older");
}

/* A dry run counts on what waits, and stores neither. */
static void test_import_dry_run(Fixture *f, gconstpointer data)
{
	g_autofree char *lib = block(f);
	Import import = { .batch = { .dry_run = TRUE } };

	must_change(f, "k", "older");
	unblock(lib);
	start_import(f, &import, imported, 1);
	g_assert_no_error(import.error);
	g_assert_cmpuint(import.batch.replaced, ==, 1);
	g_assert_cmpuint(import.batch.added, ==, 0);
	assert_pending(f, 1);
	assert_value(f, "k", "older");
}

static void run_main(Import *import, KvpStore *store)
{
	for (int i = 0; (!import->is_done || kvp_store_pending(store, 1, NULL)) && i < 5000; i++) {
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(1000);
	}
	g_assert_true(import->is_done);
	g_assert_no_error(import->error);
}

/*
 * What is being stored comes before an import that is asked for meanwhile, and what is changed while that
 * waits comes after both or before, but never what is older after what is newer.
 */
static void test_import_while_storing(Fixture *f, gconstpointer data)
{
	const KvpChange both[] = { { .key = "k", .value = "imported" },
		{ .key = "l", .value = "imported" } };
	g_autofree char *lib = block(f);
	g_autoptr(KvpWorker) worker = kvp_worker_new();
	g_autoptr(KvpStore) store = kvp_store_new(f->pools, worker, hvis_fake_clock_get(f->clock));
	KvpStore *mine = f->store;
	Import import = { 0 };

	f->store = store;
	must_change(f, "k", "older");
	must_change(f, "l", "older");
	must_change(f, "m", "older");
	unblock(lib);
	hvis_fake_clock_advance(f->clock, 1000); /* on its way, and not reported yet */
	start_import(f, &import, both, G_N_ELEMENTS(both));
	must_change(f, "m", "newer");
	run_main(&import, store);
	assert_value(f, "k", "imported");
	assert_value(f, "l", "imported");
	assert_value(f, "m", "newer");
	f->store = mine;
	assert_value(f, "k", "imported");
	assert_value(f, "m", "newer");
	g_clear_pointer(&worker, kvp_worker_free);
}

/* A change that is on its way when an import comes must not be followed by an older one of its key. */
static void test_import_behind_a_change(Fixture *f, gconstpointer data)
{
	g_autofree char *lib = block(f);
	g_autoptr(KvpTask) task = NULL;
	Import import = { 0 };

	must_change(f, "l", "older");
	unblock(lib);
	task = kvp_store_change(f->store, 1, "l", "newer");
	start_import(f, &import, imported, 1);
	g_assert_false(import.is_done);
	kvp_task_run(task);
	g_assert_true(kvp_task_finish(task, NULL));
	g_clear_pointer(&task, kvp_task_free);
	g_assert_true(import.is_done);
	g_assert_no_error(import.error);
	assert_value(f, "l", "newer");
	assert_value(f, "k", "imported");
	assert_pending(f, 0);
}

/* Its outcome is in memory at once. */
static void test_import_is_known(Fixture *f, gconstpointer data)
{
	must_change(f, "a", "1");
	must_import(f, imported, 1);
	g_assert_true(is_known(f, 1));
	assert_value(f, "a", "1");
	assert_value(f, "k", "imported");
}

static int fail_errno;
static guint syncs;

static ssize_t failing_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	if (!fail_errno)
		return pwrite(fd, buf, len, offset);
	errno = fail_errno;
	return -1;
}

static int counting_fsync(int fd)
{
	syncs++;
	return 0;
}

static const KvpPoolOps ops = { failing_pwrite, ftruncate, counting_fsync };

static void use_ops(Fixture *f)
{
	kvp_store_unref(f->store);
	kvp_pools_unref(f->pools);
	f->pools = kvp_pools_new(f->dir, &ops);
	f->store = kvp_store_new(f->pools, NULL, hvis_fake_clock_get(f->clock));
	f->path = kvp_pool_path(kvp_pools_get(f->pools, 1));
	fail_errno = 0;
	syncs = 0;
}

/* A full or a broken disk is no reason to pretend: the change is refused, and nothing changes. */
static void test_disk(Fixture *f, gconstpointer data)
{
	static const struct {
		int err;
		HvisErrorCode code;
	} cases[] = { { ENOSPC, HVIS_ERROR_NO_SPACE }, { EDQUOT, HVIS_ERROR_NO_SPACE },
		{ EIO, HVIS_ERROR_IO } };

	use_ops(f);
	must_change(f, "k", "v");
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		fail_errno = cases[i].err;
		assert_fails(f, "k", "w", cases[i].code);
		assert_fails(f, "l", "w", cases[i].code);
		assert_pending(f, 0);
		fail_errno = 0;
		assert_value(f, "k", "v");
		assert_value(f, "l", NULL);
	}
	must_change(f, "k", "x");
	assert_value(f, "k", "x");
}

static void test_sync(Fixture *f, gconstpointer data)
{
	use_ops(f);
	must_change(f, "k", "v");
	g_assert_cmpuint(syncs, >=, 1);
	kvp_store_configure(f->store, KVP_SYNC_BATCHED, 100);
	syncs = 0;
	must_change(f, "k", "w");
	must_change(f, "l", "w");
	g_assert_cmpuint(syncs, ==, 0);
	hvis_fake_clock_advance(f->clock, KVP_STORE_SYNC_MS);
	g_assert_cmpuint(syncs, ==, 1);
	must_change(f, "k", "x");
	g_assert_cmpuint(kvp_store_stop(f->store), ==, 0);
	g_assert_cmpuint(syncs, ==, 2);
	kvp_store_configure(f->store, KVP_SYNC_NEVER, 100);
	must_change(f, "k", "y");
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	g_assert_cmpuint(syncs, ==, 2);
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
	ADD("replaced-while-waiting", test_replaced_while_waiting);
	ADD("watch", test_watch);
	ADD("disk", test_disk);
	ADD("sync", test_sync);
#define ADD_MISSING(name, func)                                                                    \
	g_test_add("/kvpd/store/" name, Fixture, "missing", set_up, func, tear_down)
	ADD_MISSING("kept", test_kept);
	ADD_MISSING("merged", test_merged);
	ADD_MISSING("retry", test_retry);
	ADD_MISSING("kept-limit", test_kept_limit);
	ADD_MISSING("change-while-storing", test_change_while_storing);
	ADD_MISSING("older-change-overwrote-an-import", test_older_change_overwrote_an_import);
	ADD_MISSING("import-refused", test_import_refused);
	ADD_MISSING("import-dry-run", test_import_dry_run);
	ADD_MISSING("import-while-storing", test_import_while_storing);
	ADD_MISSING("import-behind-a-change", test_import_behind_a_change);
	ADD("import-is-known", test_import_is_known);
	g_test_add("/kvpd/store/missing", Fixture, "missing", set_up, test_missing, tear_down);
	return g_test_run();
}
