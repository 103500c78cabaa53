/* SPDX-License-Identifier: GPL-2.0-only */
/* Several changes of a pool file as one. */
#include "config.h"

#include "kvpd/rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>

#include "kvpd/journal.h"
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
	return kvp_pool_batch(pool, NULL, batch, NULL, error);
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
	g_assert_false(kvp_pool_batch(pool, NULL, &batch, NULL, &error));
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
	g_assert_false(kvp_pool_batch(pool, NULL, &batch, NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
	expect(f, "a=1 b=2");
}

/* A link, a folder and too long a file in the place of a pool: refused, and as they were. */
static void test_refused(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(KvpPool) link = kvp_pool_new(f->dir, 2, NULL);
	g_autoptr(KvpPool) folder = kvp_pool_new(f->dir, 3, NULL);
	g_autoptr(KvpPool) pool = kvp_pool_new(f->dir, 1, NULL);
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(symlink(f->path, kvp_pool_path(link)), ==, 0);
	g_assert_false(kvp_pool_rewrite(link, untouched, NULL, NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_IO);
	g_clear_error(&error);
	g_assert_cmpint(g_mkdir(kvp_pool_path(folder), 0755), ==, 0);
	g_assert_false(kvp_pool_rewrite(folder, untouched, NULL, NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_IO);
	g_clear_error(&error);
	g_unlink(kvp_pool_path(link));
	g_rmdir(kvp_pool_path(folder));
	g_assert_cmpint(truncate(f->path, (off_t)(KVP_POOL_RECORDS_MAX + 1) * 2560), ==, 0);
	g_assert_false(kvp_pool_rewrite(pool, untouched, NULL, NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
}

/* --- cut off, or failing, at any of its calls --- */

static struct {
	int step, when; /* 0 = never */
	int err; /* 0 = die */
	int die; /* at this call; 0 = never */
} plan;

static gboolean is_due(void)
{
	if (++plan.step == plan.die)
		raise(SIGKILL);
	if (plan.step != plan.when)
		return FALSE;
	if (plan.err == 0)
		raise(SIGKILL);
	errno = plan.err;
	return TRUE;
}

static ssize_t planned_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	return is_due() ? -1 : pwrite(fd, buf, len, offset);
}

static int planned_ftruncate(int fd, off_t len)
{
	return is_due() ? -1 : ftruncate(fd, len);
}

static int planned_fsync(int fd G_GNUC_UNUSED)
{
	return is_due() ? -1 : 0;
}

static const KvpPoolOps planned_ops = { planned_pwrite, planned_ftruncate, planned_fsync };

/* The records differ from each other in many places, so that they are written one by one. */
static const KvpChange scattered[] = { { .key = "a", .value = "new" },
	{ .key = "c", .value = "new" }, { .key = "e", .value = "new" },
	{ .key = "g", .value = "new" } };
#define BEFORE "a=1 b=2 c=3 d=4 e=5 f=6 g=7"
#define AFTER "a=new b=2 c=new d=4 e=new f=6 g=new"

static gboolean make_scattered(const char *dir, guint number, GError **error)
{
	g_autoptr(KvpPool) pool = kvp_pool_new(dir, number, &planned_ops);
	KvpBatch batch = { .changes = scattered, .n = G_N_ELEMENTS(scattered) };

	return kvp_pool_batch(pool, NULL, &batch, NULL, error);
}

/* In a child that dies before call @when; FALSE where it lived to the end. */
static gboolean dies(const char *dir, guint number, int when)
{
	int status;
	pid_t pid = fork();

	plan.step = 0;
	plan.when = when;
	plan.err = 0;
	if (pid == 0)
		_exit(!make_scattered(dir, number, NULL));
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	if (WIFEXITED(status))
		g_assert_cmpint(WEXITSTATUS(status), ==, 0);
	return WIFSIGNALED(status);
}

static void start_with(Fixture *f, const char *line)
{
	g_assert_true(g_file_set_contents(f->path, "", 0, NULL));
	good(f, line, 7, 0, 0);
}

/* Before the last of four records is written, which come after three calls for the journal. */
#define IN_THE_MIDDLE 7

static void test_import_left_a_mix(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint old = 0, new = 0;

	for (int when = 1;; when++) {
		g_autofree char *is = NULL;

		start_with(f, BEFORE);
		if (!dies(f->dir, 1, when))
			break;
		is = shown(f);
		old += g_str_equal(is, BEFORE);
		new += g_str_equal(is, AFTER);
		if (!g_str_equal(is, BEFORE))
			g_assert_cmpstr(is, ==, AFTER);
	}
	g_assert_cmpuint(old, >=, 3);
	g_assert_cmpuint(new, >=, 3);
}

/* A batch that makes the file longer, one that makes it shorter, and one that does neither. */
static const struct {
	gboolean clear;
	KvpChange changes[4];
	guint n;
	const char *after;
} sizes[] = {
	{ FALSE,
		{ { .key = "a", .value = "new" }, { .key = "h", .value = "8" },
			{ .key = "g", .value = "new" }, { .key = "i", .value = "9" } },
		4, "a=new b=2 c=3 d=4 e=5 f=6 g=new h=8 i=9" },
	{ FALSE, { { .key = "b" }, { .key = "d" }, { .key = "g", .value = "new" } }, 3,
		"a=1 c=3 e=5 f=6 g=new" },
	{ TRUE, { { .key = "x", .value = "24" }, { .key = "y", .value = "25" } }, 2, "x=24 y=25" },
	{ FALSE, { { .key = "c" }, { .key = "z", .value = "26" } }, 2,
		"a=1 b=2 d=4 e=5 f=6 g=7 z=26" },
};

/* Call @fails fails (0 = none does), and the child dies before call @dies_at; FALSE where it lived to the end. */
static gboolean fails_and_dies(const char *dir, guint which, int fails, int dies_at)
{
	KvpBatch batch = {
		.clear = sizes[which].clear, .changes = sizes[which].changes, .n = sizes[which].n
	};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		g_autoptr(KvpPool) pool = kvp_pool_new(dir, 1, &planned_ops);

		plan.step = 0;
		plan.when = fails;
		plan.err = EIO;
		plan.die = dies_at;
		kvp_pool_batch(pool, NULL, &batch, NULL, NULL);
		_exit(0);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	return WIFSIGNALED(status);
}

/* What a failed write had overwritten was written back without a journal, and a kill in that left a mix. */
static void test_killed_while_it_undoes(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint deaths = 0;

	for (guint which = 0; which < G_N_ELEMENTS(sizes); which++)
		for (int failing = 0; failing < 24; failing++)
			for (int dying = failing + 1;; dying++) {
				g_autofree char *is = NULL;

				start_with(f, BEFORE);
				if (!fails_and_dies(f->dir, which, failing, dying))
					break;
				deaths++;
				is = shown(f);
				if (!g_str_equal(is, BEFORE) &&
					!g_str_equal(is, sizes[which].after))
					g_error("batch %u, call %d fails, dies at %d: %s", which,
						failing, dying, is);
			}
	g_assert_cmpuint(deaths, >, 120);
}

/* What a program that does not know the journal sets, or appends, before we come is the later word. */
static void test_others_in_between(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint8 record[2560] = "z";
	hvis_autofd int fd = -1;

	start_with(f, BEFORE);
	g_assert_true(dies(f->dir, 1, IN_THE_MIDDLE));
	fd = open(f->path, O_RDWR | O_CLOEXEC);
	memcpy(record + 512, "theirs", 6);
	g_assert_cmpint(pwrite(fd, record, sizeof(record), lseek(fd, 0, SEEK_END)), ==, 2560);
	g_assert_cmpint(pwrite(fd, "set", 3, 6 * 2560 + 512), ==, 3);
	expect(f, "a=new b=2 c=new d=4 e=new f=6 g=set z=theirs");
}

static goffset size_of(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	struct stat st;

	g_assert_cmpint(stat(path, &st), ==, 0);
	return st.st_size;
}

/* Two pools whose changes were cut off: each image stays until its own pool is mended. */
static void test_two_images(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *other = g_build_filename(f->dir, ".kvp_pool_0", NULL), *bytes = NULL;
	g_autoptr(KvpPool) pool = kvp_pool_new(f->dir, 0, NULL);
	g_autoptr(KvpRecords) records = NULL;
	gsize len;

	start_with(f, BEFORE);
	g_assert_true(g_file_get_contents(f->path, &bytes, &len, NULL));
	g_assert_true(g_file_set_contents(other, bytes, (gssize)len, NULL));
	g_assert_true(dies(f->dir, 1, IN_THE_MIDDLE));
	g_assert_true(dies(f->dir, 0, IN_THE_MIDDLE));
	expect(f, AFTER);
	g_assert_cmpint(size_of(f->dir, ".hvis_journal"), >, (goffset)KVP_JOURNAL_SIZE);
	records = kvp_pool_read(pool, NULL);
	g_assert_cmpstr(kvp_records_get(records, "a"), ==, "new");
	g_assert_cmpstr(kvp_records_get(records, "g"), ==, "new");
	g_assert_true(kvp_pool_was_repaired(pool));
	g_assert_false(kvp_pool_was_repaired(pool));
	g_assert_cmpint(size_of(f->dir, ".hvis_journal"), ==, (goffset)KVP_JOURNAL_SIZE);
	g_unlink(other);
}

#define MANY 4000u

static void write_many(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	for (guint i = 0; i < MANY; i++) {
		struct hvis_kvp_record record = { 0 };

		g_snprintf(record.key, sizeof(record.key), "key%u", i);
		g_strlcpy(record.value, value, sizeof(record.value));
		g_assert_cmpint(write(fd, &record, sizeof(record)), ==, sizeof(record));
	}
	close(fd);
}

static void change_many(const char *dir, const char *value)
{
	g_autoptr(KvpPool) pool = kvp_pool_new(dir, 1, &planned_ops);
	KvpChange *changes = g_new0(KvpChange, MANY);
	KvpBatch batch = { .changes = changes, .n = MANY };

	for (guint i = 0; i < MANY; i++) {
		changes[i].key = g_strdup_printf("key%u", i);
		changes[i].value = value;
	}
	plan.step = 0;
	plan.when = IN_THE_MIDDLE;
	plan.err = 0;
	kvp_pool_batch(pool, NULL, &batch, NULL, NULL);
}

/* The addresses that this process has, and @more bytes. */
static void limit_memory(gsize more)
{
	g_autofree char *text = NULL;
	struct rlimit limit = { 0 };

	if (!g_file_get_contents("/proc/self/statm", &text, NULL, NULL))
		_exit(2);
	limit.rlim_cur = limit.rlim_max =
		g_ascii_strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) + more;
	if (setrlimit(RLIMIT_AS, &limit) < 0)
		_exit(2);
}

static gboolean says_no_memory(const char *dir)
{
	g_autoptr(KvpPool) pool = kvp_pool_new(dir, 1, NULL);
	g_autoptr(GError) error = NULL;

	limit_memory(1024 * 1024);
	return !kvp_pool_finish(pool, &error) && strstr(error->message, g_strerror(ENOMEM));
}

/* An image that did not fit the memory ended the daemon, at each start anew. */
static void test_image_without_memory(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(KvpPool) pool = kvp_pool_new(f->dir, 1, NULL);
	g_autoptr(KvpRecords) records = NULL;
	int status;
	pid_t pid;

#ifdef __SANITIZE_ADDRESS__
	g_test_skip("AddressSanitizer wants memory of its own");
	return;
#endif
	write_many(f->path, "old");
	pid = fork();
	if (pid == 0) {
		change_many(f->dir, "new");
		_exit(0);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(WIFSIGNALED(status));
	pid = fork();
	if (pid == 0)
		_exit(!says_no_memory(f->dir));
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	records = kvp_pool_read(pool, NULL);
	g_assert_cmpuint(kvp_records_count(records), ==, MANY);
	g_assert_cmpstr(kvp_records_get(records, "key0"), ==, "new");
	g_assert_cmpstr(kvp_records_get(records, "key3999"), ==, "new");
}

/* A call that fails leaves the file byte for byte; where all fail from there on, old or new. */
static void test_failing(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint failures = 0;

	for (int when = 1;; when++) {
		g_autofree char *before = NULL, *after = NULL;
		g_autoptr(GError) error = NULL;
		gsize before_len, after_len;

		start_with(f, BEFORE);
		g_assert_true(g_file_get_contents(f->path, &before, &before_len, NULL));
		plan.step = 0;
		plan.when = when;
		plan.err = ENOSPC;
		if (make_scattered(f->dir, 1, &error))
			break;
		g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
		failures++;
		if (!strstr(error->message, "fsync")) {
			g_assert_true(g_file_get_contents(f->path, &after, &after_len, NULL));
			g_assert_cmpmem(before, before_len, after, after_len);
		}
	}
	g_assert_cmpuint(failures, >=, 8);
}

/* What waits to be stored comes first, and is counted with neither. */
static void test_before(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	const KvpChange older[] = { { .key = "a", .value = "old" }, { .key = "n", .value = "old" },
		{ .key = "b" } };
	const KvpChange newer[] = { { .key = "a", .value = "new" },
		{ .key = "m", .value = "new" } };
	KvpBatch before = { .changes = older, .n = G_N_ELEMENTS(older) };
	KvpBatch batch = { .changes = newer, .n = G_N_ELEMENTS(newer) };
	g_autoptr(KvpPool) pool = kvp_pool_new(f->dir, 1, NULL);
	g_auto(KvpView) view = { 0 };
	g_autoptr(GError) error = NULL;

	good(f, "a=1 b=2", 2, 0, 0);
	g_assert_true(kvp_pool_batch(pool, &before, &batch, &view, &error));
	expect(f, "a=new n=old m=new");
	g_assert_cmpuint(batch.added, ==, 1);
	g_assert_cmpuint(batch.replaced, ==, 1);
	g_assert_cmpuint(kvp_records_count(view.records), ==, 3);
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
	ADD("import-left-a-mix", test_import_left_a_mix);
	ADD("others-in-between", test_others_in_between);
	ADD("two-images", test_two_images);
	ADD("image-without-memory", test_image_without_memory);
	ADD("killed-while-it-undoes", test_killed_while_it_undoes);
	ADD("failing", test_failing);
	ADD("before", test_before);
	return g_test_run();
}
