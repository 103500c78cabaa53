/* SPDX-License-Identifier: GPL-2.0-only */
/* A pool file and its contract: modes, order, padding, the same inode, torn tails, limits. */
#include "config.h"

#include "kvpd/journal.h"
#include "kvpd/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>

#include "tests/unit/kvpd-scratch.h"

typedef struct {
	char *dir;
	KvpPool *pool;
	const char *path;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
	f->dir = scratch_new();
	f->pool = kvp_pool_new(f->dir, 1, NULL);
	f->path = kvp_pool_path(f->pool);
}

static void tear_down(Fixture *f, gconstpointer data)
{
	kvp_pool_free(f->pool);
	scratch_free(f->dir);
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	g_assert_cmpint(stat(path, &st), ==, 0);
	return st;
}

static void set(KvpPool *pool, const char *key, const char *value, gboolean replaces)
{
	g_autoptr(GError) error = NULL;
	gboolean replaced = !replaces;

	kvp_pool_set(pool, key, value, &replaced, &error);
	g_assert_no_error(error);
	g_assert_true(replaced == replaces);
}

static void remove_key(KvpPool *pool, const char *key)
{
	g_autoptr(GError) error = NULL;

	kvp_pool_delete(pool, key, &error);
	g_assert_no_error(error);
}

static void test_create(Fixture *f, gconstpointer data)
{
	g_autofree char *deep = g_build_filename(f->dir, "lib", "hyperv", NULL);
	g_autofree char *lib = g_path_get_dirname(deep);
	g_autoptr(KvpPool) pool = kvp_pool_new(deep, 0, NULL);
	g_autoptr(GError) error = NULL;
	mode_t mask = umask(077);

	kvp_pool_create(pool, &error);
	umask(mask);
	g_assert_no_error(error);
	g_assert_true(g_str_has_suffix(kvp_pool_path(pool), "/.kvp_pool_0"));
	g_assert_cmpuint(stat_of(deep).st_mode & 07777, ==, 0755);
	g_assert_cmpuint(stat_of(kvp_pool_path(pool)).st_mode, ==, S_IFREG | 0644);
	g_assert_cmpint(stat_of(kvp_pool_path(pool)).st_size, ==, 0);
	g_remove(kvp_pool_path(pool));
	g_rmdir(deep);
	g_rmdir(lib);
}

/* hvctl, as root, makes a file that is missing: the daemon could not write it. */
static void test_create_for_the_daemon(Fixture *f, gconstpointer data)
{
	g_autoptr(KvpPool) first = kvp_pool_new(f->dir, 3, NULL);
	g_autoptr(KvpPool) second = kvp_pool_new(f->dir, 4, NULL);
	g_autoptr(GError) error = NULL;

	if (geteuid() != 0) {
		g_test_skip("only root gives files away");
		return;
	}
	g_assert_true(kvp_pool_create(first, &error));
	g_assert_cmpint(chown(kvp_pool_path(first), 65534, 65533), ==, 0);
	g_assert_true(kvp_pool_create(second, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(stat_of(kvp_pool_path(second)).st_uid, ==, 65534);
	g_assert_cmpuint(stat_of(kvp_pool_path(second)).st_gid, ==, 65533);
}

/* cloud-init tells stale telemetry by the modification time of pool 1. */
static void test_start_leaves_mtime(Fixture *f, gconstpointer data)
{
	const struct timespec past[2] = { { 1000, 1 }, { 1000, 2 } };
	g_autoptr(GByteArray) file = scratch_records("a", "1", NULL);
	g_autoptr(KvpRecords) records = NULL;
	g_autoptr(GError) error = NULL;

	scratch_write(f->path, file);
	g_assert_cmpint(chmod(f->path, 0600), ==, 0);
	g_assert_cmpint(utimensat(AT_FDCWD, f->path, past, 0), ==, 0);
	kvp_pool_create(f->pool, &error);
	g_assert_no_error(error);
	records = kvp_pool_read(f->pool, &error);
	g_assert_no_error(error);
	g_assert_false(kvp_pool_delete(f->pool, "b", NULL));
	g_assert_cmpint(stat_of(f->path).st_mtim.tv_sec, ==, 1000);
	g_assert_cmpint(stat_of(f->path).st_mtim.tv_nsec, ==, 2);
	g_assert_cmpuint(stat_of(f->path).st_mode & 07777, ==, 0600);
	scratch_assert_file(f->path, file);
}

static void test_set_and_order(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) wanted = scratch_records("z", "1", "a", "3", "m", "", NULL);
	g_autoptr(KvpRecords) records = NULL;
	ino_t inode;

	set(f->pool, "z", "1", FALSE);
	inode = stat_of(f->path).st_ino;
	set(f->pool, "a", "a much longer value that must leave nothing behind", FALSE);
	set(f->pool, "m", "", FALSE);
	set(f->pool, "a", "3", TRUE);
	scratch_assert_file(f->path, wanted);
	g_assert_cmpuint(stat_of(f->path).st_ino, ==, inode);
	g_assert_cmpuint(stat_of(f->path).st_mode & 07777, ==, 0644);
	records = kvp_pool_read(f->pool, NULL);
	g_assert_cmpuint(kvp_records_count(records), ==, 3);
	g_assert_cmpstr(kvp_records_key(records, 0), ==, "z");
	g_assert_cmpstr(kvp_records_value(records, 1), ==, "3");
}

/* A record of another program keeps its bytes, garbage included, unless it is the one we write. */
static void test_others_bytes(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) file = scratch_records("theirs", "1", "ours", "2", NULL);
	g_autoptr(GByteArray) wanted = NULL;

	memset(file->data + 100, 0xaa, 300);
	memset(file->data + 2560 + 100, 0xbb, 300);
	scratch_write(f->path, file);
	set(f->pool, "ours", "3", TRUE);
	wanted = scratch_records("theirs", "1", "ours", "3", NULL);
	memset(wanted->data + 100, 0xaa, 300);
	scratch_assert_file(f->path, wanted);
}

static void test_delete(Fixture *f, gconstpointer data)
{
	const char *keys[] = { "a", "b", "c", "d" };
	g_autoptr(GByteArray) all = scratch_records("a", "1", "b", "2", "c", "3", "d", "4", NULL);

	for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autoptr(GByteArray) wanted = g_byte_array_new();
		ino_t inode;

		scratch_write(f->path, all);
		inode = stat_of(f->path).st_ino;
		g_byte_array_append(wanted, all->data, all->len);
		g_byte_array_remove_range(wanted, i * 2560, 2560);
		remove_key(f->pool, keys[i]);
		scratch_assert_file(f->path, wanted);
		g_assert_cmpuint(stat_of(f->path).st_ino, ==, inode);
	}
}

static void test_delete_unknown(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) file = scratch_records("ab", "1", NULL);
	const char *unknown[] = { "a", "abc", "AB", "1" };

	scratch_write(f->path, file);
	for (guint i = 0; i < G_N_ELEMENTS(unknown); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(kvp_pool_delete(f->pool, unknown[i], &error));
		g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NOT_FOUND);
	}
	scratch_assert_file(f->path, file);
}

static void test_duplicates(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) file =
		scratch_records("k", "1", "x", "2", "k", "3", "y", "4", "k", "5", "z", "6", NULL);
	g_autoptr(GByteArray) set_last =
		scratch_records("k", "1", "x", "2", "k", "3", "y", "4", "k", "9", "z", "6", NULL);
	g_autoptr(GByteArray) deleted = scratch_records("x", "2", "y", "4", "z", "6", NULL);

	scratch_write(f->path, file);
	set(f->pool, "k", "9", TRUE);
	scratch_assert_file(f->path, set_last);
	remove_key(f->pool, "k");
	scratch_assert_file(f->path, deleted);
}

/* At every length that a torn file can have, the whole records survive each kind of change. */
static void test_torn_tail(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) whole = scratch_records("a", "1", "b", "2", "torn", "x", NULL);
	g_autoptr(GByteArray) added = scratch_records("a", "1", "b", "2", "c", "3", NULL);
	g_autoptr(GByteArray) removed = scratch_records("b", "2", NULL);

	for (guint tail = 1; tail < 2560; tail += 73) {
		g_autoptr(GByteArray) torn = g_byte_array_new();
		g_autoptr(GByteArray) replaced = scratch_records("a", "9", "b", "2", NULL);
		g_autoptr(KvpRecords) records = NULL;

		g_byte_array_append(torn, whole->data, 2 * 2560 + tail);
		scratch_write(f->path, torn);
		records = kvp_pool_read(f->pool, NULL);
		g_assert_cmpuint(kvp_records_count(records), ==, 2);

		set(f->pool, "c", "3", FALSE);
		scratch_assert_file(f->path, added);

		scratch_write(f->path, torn);
		remove_key(f->pool, "a");
		scratch_assert_file(f->path, removed);

		scratch_write(f->path, torn);
		set(f->pool, "a", "9", TRUE);
		g_byte_array_append(replaced, torn->data + 2 * 2560, tail);
		scratch_assert_file(f->path, replaced);
	}
}

/* A record that nobody finished has no key: the next one takes its place. Other holes stay. */
static void test_blank_tail(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) file = scratch_records("a", "1", "", "", "b", "2", "", "left", NULL);
	g_autoptr(GByteArray) wanted = scratch_records("a", "1", "", "", "b", "2", "c", "3", NULL);

	scratch_write(f->path, file);
	set(f->pool, "c", "3", FALSE);
	scratch_assert_file(f->path, wanted);
	wanted->data[3 * 2560] = '\0'; /* a key that was wiped out is somebody's hole */
	wanted->data[3 * 2560 + 1] = 'x';
	scratch_write(f->path, wanted);
	set(f->pool, "d", "4", FALSE);
	g_assert_cmpint(stat_of(f->path).st_size, ==, 5 * 2560);
}

static void assert_invalid(Fixture *f, const char *key, const char *value, const char *says)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(kvp_pool_set(f->pool, key, value, NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_INVALID);
	g_assert_nonnull(strstr(error->message, says));
	g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
}

static void test_limits(Fixture *f, gconstpointer data)
{
	g_autofree char *key511 = g_strnfill(511, 'k'), *key512 = g_strnfill(512, 'k');
	g_autofree char *value2047 = g_strnfill(2047, 'v'), *value2048 = g_strnfill(2048, 'v');
	g_autoptr(KvpRecords) records = NULL;

	assert_invalid(f, "", "v", "empty");
	assert_invalid(f, key512, "v", "512 bytes");
	assert_invalid(f, "k", value2048, "2048 bytes");
	set(f->pool, key511, value2047, FALSE);
	records = kvp_pool_read(f->pool, NULL);
	g_assert_cmpstr(kvp_records_get(records, key511), ==, value2047);
}

static void append_by_hand(const char *path, const char *key, const char *value)
{
	g_autoptr(GByteArray) record = scratch_records(key, value, NULL);
	FILE *file = fopen(path, "ab");

	g_assert_cmpuint(fwrite(record->data, 1, record->len, file), ==, record->len);
	g_assert_cmpint(fclose(file), ==, 0);
}

/* A cap of the administrator's is for what is added, not for what is there. */
static void test_max_records(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) wanted = scratch_records("a", "4", "b", "2", "c", "3", NULL);
	g_autoptr(GError) error = NULL;

	kvp_pool_set_max_records(f->pool, 2);
	set(f->pool, "a", "1", FALSE);
	set(f->pool, "b", "2", FALSE);
	g_assert_false(kvp_pool_set(f->pool, "c", "3", NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
	append_by_hand(f->path, "c", "3");
	set(f->pool, "a", "4", TRUE);
	scratch_assert_file(f->path, wanted);
	remove_key(f->pool, "c");
	remove_key(f->pool, "b");
	set(f->pool, "d", "5", FALSE);
}

static void test_full(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(KvpRecords) records = NULL;
	KvpPoolInfo info;

	set(f->pool, "first", "1", FALSE);
	g_assert_cmpint(truncate(f->path, 2560 * (off_t)(KVP_POOL_RECORDS_MAX - 1)), ==, 0);
	append_by_hand(f->path, "last", "1");
	set(f->pool, "first", "2", TRUE);
	g_assert_false(kvp_pool_set(f->pool, "more", "1", NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
	g_clear_error(&error);

	/* Others may have gone further: the first of them are read, nothing is changed. */
	g_assert_cmpint(truncate(f->path, 2560 * (off_t)KVP_POOL_RECORDS_MAX + 2561), ==, 0);
	g_assert_false(kvp_pool_set(f->pool, "first", "3", NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
	g_clear_error(&error);
	records = kvp_pool_read(f->pool, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(kvp_records_get(records, "first"), ==, "2");
	g_assert_true(kvp_pool_info(f->pool, &info, NULL));
	g_assert_cmpuint(info.records, ==, KVP_POOL_RECORDS_MAX + 1);
	g_assert_cmpuint(info.bytes, ==, 2560 * (guint64)(KVP_POOL_RECORDS_MAX + 1) + 1);
}

static void test_missing(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(KvpRecords) records = kvp_pool_read(f->pool, &error);
	KvpPoolInfo info;

	g_assert_no_error(error);
	g_assert_cmpuint(kvp_records_count(records), ==, 0);
	g_assert_false(kvp_pool_info(f->pool, &info, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NOT_FOUND);
	set(f->pool, "a", "1", FALSE);
	g_assert_cmpuint(stat_of(f->path).st_mode & 07777, ==, 0644);
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	hvis_autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
}

static void assert_not_a_file(GError **error)
{
	g_assert_error(*error, HVIS_ERROR, HVIS_ERROR_IO);
	g_assert_nonnull(strstr((*error)->message, "is not a regular file"));
	g_clear_error(error);
}

/*
 * What is not a regular file is neither waited for nor written to, and every call says so: the host
 * was told that its request was invalid, and the administrator nothing.
 */
static void test_not_a_file(Fixture *f, gconstpointer data)
{
	g_autofree char *elsewhere = g_build_filename(f->dir, "elsewhere", NULL);
	g_autoptr(GByteArray) file = scratch_records("a", "1", NULL);

	scratch_write(elsewhere, file);
	for (int i = 0; i < 4; i++) {
		g_autoptr(GError) error = NULL;
		KvpPoolInfo info;

		if (i == 0)
			g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
		else if (i == 1)
			g_assert_cmpint(symlink("elsewhere", f->path), ==, 0);
		else if (i == 2)
			g_assert_cmpint(mkdir(f->path, 0700), ==, 0);
		else
			make_socket(f->path);
		g_assert_false(kvp_pool_create(f->pool, &error));
		assert_not_a_file(&error);
		g_assert_false(kvp_pool_info(f->pool, &info, &error));
		assert_not_a_file(&error);
		g_assert_null(kvp_pool_read(f->pool, &error));
		assert_not_a_file(&error);
		g_assert_false(kvp_pool_set(f->pool, "b", "2", NULL, &error));
		assert_not_a_file(&error);
		g_assert_false(kvp_pool_delete(f->pool, "a", &error));
		assert_not_a_file(&error);
		scratch_assert_file(elsewhere, file);
		g_assert_cmpint(g_remove(f->path), ==, 0);
	}
}

/* A hard link in the place of a pool: another's file was written to. It is read, and stays as it is. */
static void test_hard_link(Fixture *f, gconstpointer data)
{
	g_autofree char *elsewhere = g_build_filename(f->dir, "elsewhere", NULL);
	g_autoptr(GByteArray) file = scratch_records("a", "1", "b", "2", NULL);
	g_autoptr(KvpRecords) records = NULL;
	g_autoptr(GError) error = NULL;

	scratch_write(elsewhere, file);
	g_assert_cmpint(link(elsewhere, f->path), ==, 0);
	g_assert_false(kvp_pool_set(f->pool, "a", "other", NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_IO);
	g_assert_nonnull(strstr(error->message, "hard link"));
	g_clear_error(&error);
	g_assert_false(kvp_pool_delete(f->pool, "a", &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_IO);
	scratch_assert_file(elsewhere, file);
	records = kvp_pool_read(f->pool, NULL);
	g_assert_cmpstr(kvp_records_get(records, "b"), ==, "2");
	g_assert_cmpint(g_remove(elsewhere), ==, 0);
	set(f->pool, "a", "other", TRUE);
}

/* A hard link in the place of the journal: it was written over, and given to the owner of the pools. */
static void test_hard_link_as_journal(Fixture *f, gconstpointer data)
{
	g_autofree char *elsewhere = g_build_filename(f->dir, "elsewhere", NULL);
	g_autofree char *journal = g_build_filename(f->dir, KVP_JOURNAL_NAME, NULL);
	g_autofree char *value = g_strnfill(1000, 'v'), *longer = g_strnfill(1000, 'w');
	g_autoptr(GByteArray) file = scratch_records("a", "1", NULL);
	g_autoptr(GByteArray) wanted = scratch_records("a", longer, NULL);

	scratch_write(elsewhere, file);
	g_assert_cmpint(link(elsewhere, journal), ==, 0);
	set(f->pool, "a", value, FALSE);
	set(f->pool, "a", longer, TRUE);
	scratch_assert_file(f->path, wanted);
	scratch_assert_file(elsewhere, file);
}

/* A key that is no UTF-8 was listed, and could be read, but neither replaced nor deleted. */
static void test_delete_what_is_shown(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) file = scratch_records("a\xff", "1", "b\xfe", "2", "c", "3", NULL);
	g_autoptr(GByteArray) wanted = scratch_records("b\xef\xbf\xbd", "4", "c", "3", NULL);
	g_autoptr(KvpRecords) records = NULL;

	scratch_write(f->path, file);
	records = kvp_pool_read(f->pool, NULL);
	remove_key(f->pool, kvp_records_key(records, 0));
	set(f->pool, kvp_records_key(records, 1), "4", TRUE);
	scratch_assert_file(f->path, wanted);
}

/* A writer that never lets go is outlasted, named, and blinds nobody. */
static void test_stuck_writer(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) file = scratch_records("a", "1", NULL);
	g_autoptr(KvpRecords) records = NULL;
	g_autoptr(GError) error = NULL;
	hvis_autofd int theirs = -1;

	scratch_write(f->path, file);
	theirs = hvis_open(f->path, O_RDWR, NULL);
	g_assert_cmpint(flock(theirs, LOCK_EX), ==, 0);
	kvp_pool_set_lock_timeout(f->pool, 30);
	g_assert_false(kvp_pool_set(f->pool, "a", "2", NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_BUSY);
	g_assert_nonnull(strstr(error->message, f->path));
	g_assert_nonnull(strstr(error->message, "locked by process"));
	g_clear_error(&error);
	records = kvp_pool_read(f->pool, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(kvp_records_get(records, "a"), ==, "1");
	scratch_assert_file(f->path, file);
}

typedef struct {
	const char *path;
	int fd;
} Replacer;

static gpointer replace_file(gpointer data)
{
	Replacer *r = data;
	g_autofree char *other = g_strconcat(r->path, ".new", NULL);
	g_autoptr(GByteArray) file = scratch_records("new", "1", NULL);

	g_usleep(30000);
	scratch_write(other, file);
	g_assert_cmpint(rename(other, r->path), ==, 0);
	flock(r->fd, LOCK_UN);
	return NULL;
}

/* An editor saves by renaming while we wait for the lock: the write must reach the new file. */
static void test_replaced_while_waiting(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) old = scratch_records("old", "1", NULL);
	g_autoptr(GByteArray) wanted = scratch_records("new", "1", "k", "v", NULL);
	hvis_autofd int theirs = -1;
	Replacer replacer = { .path = f->path };
	GThread *thread;

	scratch_write(f->path, old);
	theirs = hvis_open(f->path, O_RDWR, NULL);
	g_assert_cmpint(flock(theirs, LOCK_EX), ==, 0);
	replacer.fd = theirs;
	thread = g_thread_new("replace", replace_file, &replacer);
	set(f->pool, "k", "v", FALSE);
	g_thread_join(thread);
	scratch_assert_file(f->path, wanted);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/kvpd/pool/" name, Fixture, NULL, set_up, func, tear_down)
	ADD("create", test_create);
	ADD("create-for-the-daemon", test_create_for_the_daemon);
	ADD("start-leaves-mtime", test_start_leaves_mtime);
	ADD("set-and-order", test_set_and_order);
	ADD("others-bytes", test_others_bytes);
	ADD("delete", test_delete);
	ADD("delete-unknown", test_delete_unknown);
	ADD("duplicates", test_duplicates);
	ADD("torn-tail", test_torn_tail);
	ADD("blank-tail", test_blank_tail);
	ADD("limits", test_limits);
	ADD("full", test_full);
	ADD("max-records", test_max_records);
	ADD("missing", test_missing);
	ADD("not-a-file", test_not_a_file);
	ADD("hard-link", test_hard_link);
	ADD("hard-link-as-journal", test_hard_link_as_journal);
	ADD("delete-what-is-shown", test_delete_what_is_shown);
	ADD("stuck-writer", test_stuck_writer);
	ADD("replaced-while-waiting", test_replaced_while_waiting);
	return g_test_run();
}
