/* SPDX-License-Identifier: GPL-2.0-only */
/* Several changes of a pool file as one. */
#include "config.h"

#include "kvpd/rewrite.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>

#include <util/error.h>
#include <util/fd.h>

#include "kvpd/pool.h"

typedef struct {
	char *dir, *path;
} Fixture;

static void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->dir = g_dir_make_tmp("rewrite-XXXXXX", NULL);
	f->path = g_build_filename(f->dir, ".kvp_pool_1", NULL);
	g_assert_true(g_file_set_contents(f->path, "", 0, NULL));
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *journal = g_build_filename(f->dir, ".hvis_journal", NULL);

	g_unlink(f->path);
	g_unlink(journal);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->path);
	g_free(f->dir);
}

/* "a=1 b=2" */
static char *shown(Fixture *f)
{
	g_autoptr(KvpPool) pool = kvp_pool_new(f->dir, 1, NULL);
	g_autoptr(KvpRecords) records = kvp_pool_read(pool, NULL);
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < kvp_records_count(records); i++)
		g_string_append_printf(text, "%s%s=%s", i ? " " : "", kvp_records_key(records, i),
			kvp_records_value(records, i));
	return g_string_free(text, FALSE);
}

static void expect(Fixture *f, const char *want)
{
	g_autofree char *got = shown(f);

	g_assert_cmpstr(got, ==, want);
}

/* "a=1" sets, "+a=1" appends, "-a" removes. */
static gboolean apply(Fixture *f, KvpBatch *batch, const char *line, GError **error)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	g_autoptr(KvpPool) pool = kvp_pool_new(f->dir, 1, NULL);
	KvpChange changes[16] = { 0 };
	gsize n = 0;

	for (char **word = words; *word && **word; word++, n++) {
		char *equals = strchr(*word, '=');

		if (equals)
			*equals = '\0';
		changes[n].value = equals ? equals + 1 : NULL;
		changes[n].append = **word == '+';
		changes[n].key = *word + (**word == '+' || **word == '-');
	}
	batch->changes = changes;
	batch->n = n;
	return kvp_pool_batch(pool, batch, error);
}

static void good(Fixture *f, const char *line, guint added, guint replaced, guint removed)
{
	g_autoptr(GError) error = NULL;
	KvpBatch batch = { 0 };

	g_assert_true(apply(f, &batch, line, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(batch.added, ==, added);
	g_assert_cmpuint(batch.replaced, ==, replaced);
	g_assert_cmpuint(batch.removed, ==, removed);
}

static void test_batch(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	KvpBatch clear = { .clear = TRUE }, dry = { .dry_run = TRUE };

	good(f, "a=1 b=2 c=3", 3, 0, 0);
	expect(f, "a=1 b=2 c=3");
	good(f, "b=4 +a=5 d=6", 2, 1, 0);
	expect(f, "a=1 b=4 c=3 a=5 d=6");
	good(f, "-a -nothing c=7", 0, 1, 2);
	expect(f, "b=4 c=7 d=6");
	good(f, "b=1 -b b=2", 1, 1, 1);
	expect(f, "c=7 d=6 b=2");
	g_assert_true(apply(f, &dry, "-c x=1 d=2", NULL));
	g_assert_cmpuint(dry.added + dry.replaced + dry.removed, ==, 3);
	expect(f, "c=7 d=6 b=2");
	g_assert_true(apply(f, &clear, "z=1", NULL));
	g_assert_cmpuint(clear.removed, ==, 3);
	expect(f, "z=1");
}

/* What is as it should be is not written: the time of a file tells programs how old it is. */
static void test_untouched(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct stat st;

	good(f, "a=1", 1, 0, 0);
	g_assert_cmpint(utimensat(AT_FDCWD, f->path, old, 0), ==, 0);
	good(f, "a=1 -b", 0, 1, 0);
	g_assert_cmpint(stat(f->path, &st), ==, 0);
	g_assert_cmpint(st.st_mtime, ==, 1000);
}

/* A disk that is full in the middle: everything is as it was, torn tail included. */
static void test_no_space(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *before = NULL, *after = NULL;
	g_autoptr(GError) error = NULL;
	struct rlimit limit, small;
	gsize before_len, after_len;
	KvpBatch batch = { 0 };
	FILE *file;

	good(f, "a=1 b=2 c=3", 3, 0, 0);
	file = fopen(f->path, "a");
	fputs("torn", file);
	fclose(file);
	g_file_get_contents(f->path, &before, &before_len, NULL);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = (struct rlimit){ 4 * 2560 + 100, limit.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	g_assert_false(apply(f, &batch, "-a b=9 d=4 e=5 f=6", &error));
	setrlimit(RLIMIT_FSIZE, &limit);
	g_assert_nonnull(error);
	g_file_get_contents(f->path, &after, &after_len, NULL);
	g_assert_cmpmem(before, before_len, after, after_len);
}

static void test_locked(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_autofd int fd = open(f->path, O_RDWR | O_CLOEXEC);
	g_autoptr(GError) error = NULL;
	KvpBatch batch = { 0 };
	KvpChange change = { .key = "a", .value = "1" };
	g_autoptr(KvpPool) pool = kvp_pool_new(f->dir, 1, NULL);

	kvp_pool_set_lock_timeout(pool, 20);
	g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
	batch.changes = &change;
	batch.n = 1;
	g_assert_false(kvp_pool_batch(pool, &batch, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_BUSY);
	expect(f, "");
}

static gboolean untouched(GByteArray *bytes, gpointer data, GError **error)
{
	g_assert_not_reached();
	return FALSE;
}

/* A pool has its own limit, and a batch that goes over it changes nothing. */
static void test_full(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	const KvpChange changes[] = { { .key = "a", .value = "9" }, { .key = "c", .value = "3" } };
	KvpBatch batch = { .changes = changes, .n = G_N_ELEMENTS(changes) };
	g_autoptr(KvpPool) pool = kvp_pool_new(f->dir, 1, NULL);
	g_autoptr(GError) error = NULL;

	good(f, "a=1 b=2", 2, 0, 0);
	kvp_pool_set_max_records(pool, 2);
	g_assert_false(kvp_pool_batch(pool, &batch, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
	expect(f, "a=1 b=2");
}

static void test_refused(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *link = g_build_filename(f->dir, "link", NULL);
	g_autofree char *missing = g_build_filename(f->dir, "missing", NULL);
	const char *const paths[] = { link, missing, f->dir };
	const int codes[] = { HVIS_ERROR_IO, HVIS_ERROR_NOT_FOUND, HVIS_ERROR_IO };
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(symlink(f->path, link), ==, 0);
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_assert_false(kvp_rewrite(paths[i], 20, untouched, NULL, &error));
		g_assert_error(error, HVIS_ERROR, codes[i]);
		g_clear_error(&error);
	}
	g_unlink(link);
	g_assert_cmpint(truncate(f->path, (off_t)(KVP_POOL_RECORDS_MAX + 1) * 2560), ==, 0);
	g_assert_false(kvp_rewrite(f->path, 20, untouched, NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(NAME, TEST) g_test_add("/kvpd/rewrite/" NAME, Fixture, NULL, set_up, TEST, tear_down)
	ADD("batch", test_batch);
	ADD("untouched", test_untouched);
	ADD("no-space", test_no_space);
	ADD("locked", test_locked);
	ADD("full", test_full);
	ADD("refused", test_refused);
	return g_test_run();
}
