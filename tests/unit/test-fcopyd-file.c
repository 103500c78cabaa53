/* SPDX-License-Identifier: GPL-2.0-only */
/* A file from its first byte to its name, on file systems that have everything and on those that do not. */
#include "tests/unit/fcopyd-scratch.h"
#include "tests/unit/fcopyd-wrap.h"

#include "fcopyd/pieces.h"
#include "fcopyd/sweep.h"

typedef struct {
	const char *name;
	int tmpfile, renameat2, linkat_empty, fallocate;
} Kind;

/* What file systems lack. */
static const Kind kinds[] = {
	{ "all", 0, 0, 0, 0 },
	{ "unprivileged", 0, 0, ENOENT, 0 }, /* linkat(2) asks for CAP_DAC_READ_SEARCH */
	{ "nfs", EOPNOTSUPP, EINVAL, 0, EOPNOTSUPP },
	{ "vfat", EOPNOTSUPP, 0, 0, EOPNOTSUPP },
	{ "old", EISDIR, ENOSYS, 0, ENOSYS },
};

static Scratch s;

static void set_up(const Kind *kind)
{
	memset(&wrapped, 0, sizeof(wrapped));
	if (kind) {
		wrapped.tmpfile = kind->tmpfile;
		wrapped.renameat2 = kind->renameat2;
		wrapped.linkat_empty = kind->linkat_empty;
		wrapped.fallocate = kind->fallocate;
	}
	scratch_init(&s);
	scratch_mkdir(&s, "/in");
}

static void tear_down(void)
{
	g_assert_cmpuint(scratch_count(s.state), ==, 0); /* no note */
	scratch_deinit(&s);
	memset(&wrapped, 0, sizeof(wrapped));
}

static FcopyFile *create_as(const char *lines, const FcopyWanted *wanted, GError **error)
{
	g_autoptr(FcopyPolicy) policy = scratch_policy(&s, lines);

	return fcopy_file_create(s.root, policy, wanted, error);
}

static FcopyFile *create(guint64 size, gboolean overwrite)
{
	const FcopyWanted wanted = {
		.path = "/in/", .name = "new", .size = size, .overwrite = overwrite
	};
	g_autoptr(GError) error = NULL;
	FcopyFile *file = create_as("", &wanted, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(fcopy_file_target(file), ==, "/in/new");
	return file;
}

static void put(FcopyFile *file, guint64 offset, const char *text)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(fcopy_file_write(file, offset, text, strlen(text), &error));
	g_assert_no_error(error);
}

static void check_fails_with(GError *error, HvisErrorCode code, const char *text)
{
	g_assert_nonnull(error);
	if (!hvis_error_is(error, code) || !strstr(error->message, text))
		g_error("\"%d %s\", not \"%d …%s\"", error->code, error->message, (gint)code, text);
	g_error_free(error);
}

static void check_refused_write(
	FcopyFile *file, guint64 offset, gsize len, HvisErrorCode code, const char *text)
{
	static const char bytes[64];
	GError *error = NULL;

	g_assert_false(fcopy_file_write(file, offset, bytes, len, &error));
	check_fails_with(error, code, text);
}

static void check_unfinished(
	FcopyFile *file, const gint *cancelled, HvisErrorCode code, const char *text)
{
	FcopySum sum = { .repeated = 77 };
	GError *error = NULL;

	g_assert_false(fcopy_file_finish(file, cancelled, &sum, &error));
	check_fails_with(error, code, text);
	g_assert_cmpuint(sum.repeated, ==, 77); /* untouched */
}

/* It is there with @text and nothing else is; its sum is right. */
static void check_finished(FcopyFile *file, const char *text, guint64 repeated)
{
	g_autofree char *expected = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	g_autofree char *is = NULL;
	g_autoptr(GError) error = NULL;
	FcopySum sum;

	g_assert_true(fcopy_file_finish(file, NULL, &sum, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(sum.sha256, ==, expected);
	g_assert_cmpuint(sum.repeated, ==, repeated);
	fcopy_file_free(file);
	is = scratch_get(&s, "/in/new");
	g_assert_cmpstr(is, ==, text);
	g_assert_cmpuint(scratch_count_in(&s, "/in"), ==, 1);
}

static void check_nothing(FcopyFile *file)
{
	fcopy_file_free(file);
	g_assert_cmpuint(scratch_count_in(&s, "/in"), ==, 0);
}

/* --- on all kinds --- */

static void test_whole(gconstpointer data)
{
	FcopyFile *file;
	struct stat st;

	set_up(data);
	file = create(10, FALSE);
	put(file, 0, "01234");
	g_assert_false(scratch_has(&s, "/in/new"));
	put(file, 5, "56789");
	g_assert_cmpuint(fcopy_file_received(file), ==, 10);
	g_assert_false(scratch_has(&s, "/in/new"));
	check_finished(file, "0123456789", 0);
	g_assert_cmpint(fstatat(s.root, "in/new", &st, 0), ==, 0);
	g_assert_cmphex(st.st_mode, ==, S_IFREG | 0644);
	g_assert_cmpuint(st.st_nlink, ==, 1);
	tear_down();
}

static void test_empty(gconstpointer data)
{
	set_up(data);
	check_finished(create(0, FALSE), "", 0);
	tear_down();
}

static void test_given_up(gconstpointer data)
{
	FcopyFile *file;

	set_up(data);
	file = create(10, FALSE);
	put(file, 0, "01234");
	check_nothing(file);
	tear_down();
}

static void test_replaced(gconstpointer data)
{
	g_autofree char *old = NULL, *kept = NULL;
	FcopyFile *file;

	set_up(data);
	scratch_put(&s, "/in/new", "the old one");
	g_assert_cmpint(linkat(s.root, "in/new", s.root, "kept", 0), ==, 0);
	file = create(3, TRUE);
	put(file, 0, "new");
	old = scratch_get(&s, "/in/new");
	g_assert_cmpstr(old, ==, "the old one");
	check_finished(file, "new", 0);
	kept = scratch_get(&s, "/kept");
	g_assert_cmpstr(kept, ==, "the old one"); /* not written through */
	tear_down();
}

static void test_not_replaced_by_a_part(gconstpointer data)
{
	g_autofree char *old = NULL;
	FcopyFile *file;

	set_up(data);
	scratch_put(&s, "/in/new", "the old one");
	file = create(3, TRUE);
	put(file, 0, "ne");
	check_unfinished(file, NULL, HVIS_ERROR_INVALID, "/in/new: 1 of 3 bytes have not come");
	fcopy_file_free(file);
	old = scratch_get(&s, "/in/new");
	g_assert_cmpstr(old, ==, "the old one");
	g_assert_cmpuint(scratch_count_in(&s, "/in"), ==, 1);
	tear_down();
}

/* Somebody else makes one of the name, after we have looked. */
static void test_made_meanwhile(gconstpointer data)
{
	g_autofree char *others = NULL;
	FcopyFile *file;

	set_up(data);
	file = create(1, FALSE);
	put(file, 0, "x");
	scratch_put(&s, "/in/new", "somebody else's");
	check_unfinished(file, NULL, HVIS_ERROR_EXISTS, "/in/new");
	fcopy_file_free(file);
	others = scratch_get(&s, "/in/new");
	g_assert_cmpstr(others, ==, "somebody else's");
	file = create(1, TRUE);
	put(file, 0, "x");
	g_assert_cmpint(unlinkat(s.root, "in/new", 0), ==, 0);
	check_finished(file, "x", 0);
	tear_down();
}

/* A link, or a directory, in place of what was to be replaced. */
static void test_swapped_meanwhile(gconstpointer data)
{
	g_autofree char *away = NULL;
	FcopyFile *file;

	set_up(data);
	scratch_put(&s, "/away", "not to be touched");
	scratch_put(&s, "/in/new", "old");
	file = create(1, TRUE);
	put(file, 0, "x");
	g_assert_cmpint(unlinkat(s.root, "in/new", 0), ==, 0);
	scratch_link(&s, "../away", "/in/new");
	check_unfinished(file, NULL, HVIS_ERROR_PERMISSION, "is a symbolic link");
	fcopy_file_free(file);
	away = scratch_get(&s, "/away");
	g_assert_cmpstr(away, ==, "not to be touched");
	g_assert_cmpint(unlinkat(s.root, "in/new", 0), ==, 0);
	file = create(1, TRUE);
	put(file, 0, "x");
	scratch_mkdir(&s, "/in/new");
	check_unfinished(file, NULL, HVIS_ERROR_PERMISSION, "is a directory");
	fcopy_file_free(file);
	g_assert_cmpuint(scratch_count_in(&s, "/in"), ==, 1);
	tear_down();
}

static void test_cancelled(gconstpointer data)
{
	const gint cancelled = 1;
	FcopyFile *file;

	set_up(data);
	file = create(1, FALSE);
	put(file, 0, "x");
	check_unfinished(file, &cancelled, HVIS_ERROR_CLOSED, "cancelled");
	check_nothing(file);
	tear_down();
}

static void test_dressed(gconstpointer data)
{
	const FcopyWanted wanted = { .path = "/in/new", .name = "n", .size = 0 };
	mode_t mask = umask(0777);
	gboolean root = geteuid() == 0;
	g_autoptr(GError) error = NULL;
	FcopyFile *file;
	struct stat st;

	umask(mask);
	set_up(data);
	umask(0777);
	file = create_as(root ? "Mode=0604\nOwner=1234:4321" : "Mode=0604", &wanted, &error);
	g_assert_no_error(error);
	check_finished(file, "", 0);
	umask(mask);
	g_assert_cmpint(fstatat(s.root, "in/new", &st, 0), ==, 0);
	g_assert_cmphex(st.st_mode, ==, S_IFREG | 0604);
	g_assert_cmpuint(st.st_uid, ==, root ? 1234 : geteuid());
	g_assert_cmpuint(st.st_gid, ==, root ? 4321 : getegid());
	tear_down();
}

static void test_sync_fails(gconstpointer data)
{
	FcopyFile *file;

	set_up(data);
	file = create(1, FALSE);
	put(file, 0, "x");
	wrapped.fsync = EIO;
	check_unfinished(file, NULL, HVIS_ERROR_IO, "/in/new: put it on the disk");
	wrapped.fsync = 0;
	check_nothing(file);
	tear_down();
}

static void test_sync_of_directory_fails(gconstpointer data)
{
	g_autofree char *text = NULL;
	FcopyFile *file;

	set_up(data);
	file = create(1, FALSE);
	put(file, 0, "x");
	wrapped.fsync_directory = EIO;
	check_unfinished(file, NULL, HVIS_ERROR_IO, "sync its directory");
	wrapped.fsync_directory = 0;
	check_nothing(file);
	file = create(1, FALSE);
	put(file, 0, "x");
	wrapped.fsync_directory = EINVAL; /* a file system that cannot */
	check_finished(file, "x", 0);
	wrapped.fsync_directory = 0;
	file = create(1, TRUE);
	put(file, 0, "y");
	wrapped.fsync_directory = EIO; /* the old one cannot come back: the new one stays */
	check_unfinished(file, NULL, HVIS_ERROR_IO, "");
	wrapped.fsync_directory = 0;
	fcopy_file_free(file);
	text = scratch_get(&s, "/in/new");
	g_assert_nonnull(text);
	tear_down();
}

static void test_directories_made(gconstpointer data)
{
	const FcopyWanted wanted = {
		.path = "/in/a/b/", .name = "new", .create_path = TRUE, .size = 1
	};
	FcopyFile *file;
	FcopySum sum;

	set_up(data);
	file = create_as("", &wanted, NULL);
	g_assert_true(scratch_has(&s, "/in/a/b"));
	put(file, 0, "x");
	check_nothing(file); /* they go with the file */
	file = create_as("", &wanted, NULL);
	put(file, 0, "x");
	scratch_put(&s, "/in/a/other", "x");
	fcopy_file_free(file);
	g_assert_true(scratch_has(&s, "/in/a/other"));
	g_assert_false(scratch_has(&s, "/in/a/b"));
	file = create_as("", &wanted, NULL);
	put(file, 0, "x");
	g_assert_true(fcopy_file_finish(file, NULL, &sum, NULL));
	fcopy_file_free(file);
	g_assert_true(scratch_has(&s, "/in/a/b/new"));
	tear_down();
}

/* Another one has been put in the place of one that was made: it is not ours to remove, nor to open to others. */
static int make_other(int dir, const char *name)
{
	return renameat(s.root, "secret", dir, name);
}

static void test_other_directory(gconstpointer data)
{
	const FcopyWanted wanted = { .path = "/in/a/", .name = "new", .create_path = TRUE };
	FcopyFile *file;
	struct stat st;

	set_up(data);
	file = create_as("", &wanted, NULL);
	g_assert_cmpint(renameat(s.root, "in/a", s.root, "away"), ==, 0);
	scratch_mkdir(&s, "/in/a");
	fcopy_file_free(file);
	g_assert_true(scratch_has(&s, "/in/a"));
	g_assert_cmpint(unlinkat(s.root, "in/a", AT_REMOVEDIR), ==, 0);
	scratch_mkdir(&s, "/secret/below");
	g_assert_cmpint(fchmodat(s.root, "secret", 0700, 0), ==, 0);
	wrapped.mkdirat = make_other;
	fcopy_file_free(create_as("", &wanted, NULL));
	wrapped.mkdirat = NULL;
	g_assert_cmpint(fstatat(s.root, "in/a", &st, 0), ==, 0);
	g_assert_cmphex(st.st_mode, ==, S_IFDIR | 0700);
	tear_down();
}

/* --- bytes in any order --- */

static void test_order(void)
{
	FcopyFile *file;

	set_up(NULL);
	file = create(10, FALSE);
	put(file, 5, "56789");
	put(file, 0, "01234");
	check_finished(file, "0123456789", 0);
	tear_down();
}

static void test_repeats(void)
{
	FcopyFile *file;

	set_up(NULL);
	file = create(10, FALSE);
	put(file, 0, "01234");
	put(file, 0, "01234");
	put(file, 3, "345");
	put(file, 9, "9");
	put(file, 6, "6789");
	g_assert_cmpuint(fcopy_file_received(file), ==, 10);
	check_finished(file, "0123456789", 8);
	tear_down();
}

/* The sum is that of the file, even where what it was made of has become another. */
static void test_rewritten(void)
{
	FcopyFile *file;

	set_up(NULL);
	file = create(10, FALSE);
	put(file, 0, "01234");
	put(file, 2, "xx");
	put(file, 5, "56789");
	put(file, 0, "y");
	check_finished(file, "y1xx456789", 3);
	tear_down();
}

static void test_random_order(void)
{
	set_up(NULL);
	for (guint round = 0; round < 50; round++) {
		char text[65] = { 0 };
		FcopyFile *file = create(64, TRUE);
		guint64 sent = 0;

		while (fcopy_file_received(file) < 64) {
			guint start = (guint)g_test_rand_int_range(0, 64);
			guint len = (guint)g_test_rand_int_range(1, 65 - (gint)start);
			g_autofree char *part = g_strnfill(len, (char)('a' + sent % 26));

			put(file, start, part);
			memcpy(text + start, part, len);
			sent += len;
		}
		check_finished(file, text, sent - 64);
	}
	tear_down();
}

/* What this process has read; 0 where the kernel does not count. */
static guint64 bytes_read(void)
{
	g_autofree char *text = NULL;

	if (!g_file_get_contents("/proc/self/io", &text, NULL, NULL))
		return 0;
	return g_ascii_strtoull(text + strlen("rchar: "), NULL, 10);
}

/* Nobody waits for the sum of one that was given up, which may be of many GiB. */
static void test_cancelled_sum(void)
{
	enum { HALF = 4 << 20 };
	g_autofree char *half = g_strnfill(HALF, 'x');
	g_autoptr(GError) error = NULL;
	const gint cancelled = 1;
	guint64 before;
	FcopyFile *file;
	FcopySum sum;

	set_up(NULL);
	file = create(2 * HALF, TRUE);
	put(file, HALF, half);
	put(file, 0, half);
	before = bytes_read();
	g_assert_false(fcopy_file_finish(file, &cancelled, &sum, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_CLOSED);
	g_assert_cmpuint(bytes_read() - before, <, HALF / 4);
	fcopy_file_free(file);
	tear_down();
}

static void test_beyond(void)
{
	static const struct {
		guint64 offset;
		gsize len;
	} cases[] = {
		{ 0, 11 },
		{ 10, 1 },
		{ 9, 2 },
		{ 11, 0 },
		{ G_MAXUINT64, 1 },
		{ G_MAXUINT64 - 5, 10 },
		{ G_MAXINT64, 1 },
	};

	set_up(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		FcopyFile *file = create(10, FALSE);

		put(file, 0, "0123456789");
		check_refused_write(
			file, cases[i].offset, cases[i].len, HVIS_ERROR_INVALID, "/in/new: ");
		check_refused_write(file, 0, 1, HVIS_ERROR_FAILED, "has failed before");
		check_unfinished(file, NULL, HVIS_ERROR_FAILED, "has failed before");
		check_nothing(file);
	}
	tear_down();
}

static void test_nothing_at_the_end(void)
{
	FcopyFile *file;

	set_up(NULL);
	file = create(1, FALSE);
	put(file, 1, "");
	put(file, 0, "x");
	put(file, 1, "");
	check_finished(file, "x", 0);
	tear_down();
}

static void test_gaps(void)
{
	FcopyFile *file;

	set_up(NULL);
	file = create(10 * FCOPY_PIECES_MAX, FALSE);
	for (guint i = 1; i <= FCOPY_PIECES_MAX; i++)
		put(file, 10 * i - 5, "x");
	check_refused_write(file, 0, 1, HVIS_ERROR_INVALID, "more than 4096 pieces");
	check_nothing(file);
	tear_down();
}

static void test_once(void)
{
	FcopyFile *file;
	FcopySum sum;

	set_up(NULL);
	file = create(1, FALSE);
	put(file, 0, "x");
	g_assert_true(fcopy_file_finish(file, NULL, &sum, NULL));
	check_refused_write(file, 0, 1, HVIS_ERROR_FAILED, "has failed before");
	check_unfinished(file, NULL, HVIS_ERROR_FAILED, "has failed before");
	fcopy_file_free(file);
	fcopy_file_free(NULL);
	tear_down();
}

static void test_large_offsets(void)
{
	FcopyFile *file;
	const guint64 size = (guint64)6 << 30;

	set_up(NULL);
	wrapped.fallocate = EOPNOTSUPP; /* the space is not needed */
	wrapped.pwrite_only_noted = TRUE;
	file = create(size, FALSE);
	put(file, size - 3, "end");
	g_assert_cmpuint((guint64)wrapped.written_at, ==, size - 3);
	put(file, ((guint64)4 << 30) - 1, "ab");
	g_assert_cmpuint((guint64)wrapped.written_at, ==, ((guint64)4 << 30) - 1);
	g_assert_cmpuint(fcopy_file_received(file), ==, 5);
	check_unfinished(file, NULL, HVIS_ERROR_INVALID, "6442450939 of 6442450944 bytes");
	check_nothing(file);
	tear_down();
}

/* --- to the disk on the way --- */

#define LOT ((gsize)8 << 20)

static void put_lot(FcopyFile *file, guint number)
{
	g_autofree char *lot = g_malloc0(LOT);

	g_assert_true(fcopy_file_write(file, number * LOT, lot, LOT, NULL));
}

static FcopyFile *create_lots(void)
{
	set_up(NULL);
	wrapped.fallocate = EOPNOTSUPP;
	wrapped.pwrite_only_noted = TRUE;
	return create(10 * LOT, FALSE);
}

static void check_refused_lot(FcopyFile *file, guint number)
{
	g_autofree char *lot = g_malloc0(LOT);
	GError *error = NULL;

	g_assert_false(fcopy_file_write(file, number * LOT, lot, LOT, &error));
	check_fails_with(error, HVIS_ERROR_IO, "/in/new: write to the disk: ");
}

/* Never more than two lots behind; what is behind a gap waits. */
static void test_pushed(void)
{
	FcopyFile *file = create_lots();

	put(file, 0, "x");
	g_assert_cmpuint(wrapped.begun, ==, 0);
	put_lot(file, 0);
	g_assert_cmpuint(wrapped.begun, ==, LOT);
	g_assert_cmpuint(wrapped.waited, ==, 0);
	put_lot(file, 1);
	g_assert_cmpuint(wrapped.begun, ==, 2 * LOT);
	g_assert_cmpuint(wrapped.waited, ==, LOT);
	put_lot(file, 3);
	g_assert_cmpuint(wrapped.begun, ==, 2 * LOT);
	put_lot(file, 2);
	g_assert_cmpuint(wrapped.begun, ==, 4 * LOT);
	g_assert_cmpuint(wrapped.waited, ==, 2 * LOT);
	check_nothing(file);
	tear_down();
}

static void test_not_pushed(void)
{
	static const int harmless[] = { EINVAL, ENOSYS, ESPIPE };
	FcopyFile *file;

	for (guint i = 0; i < G_N_ELEMENTS(harmless); i++) {
		file = create_lots();
		wrapped.sync_file_range = harmless[i];
		put_lot(file, 0);
		check_nothing(file);
		tear_down();
	}
	file = create_lots();
	put_lot(file, 0);
	wrapped.sync_file_range = EIO; /* the sync at the end would not say it again */
	put(file, LOT, "x");
	check_refused_lot(file, 1);
	check_unfinished(file, NULL, HVIS_ERROR_FAILED, "has failed before");
	check_nothing(file);
	tear_down();
}

/* --- room --- */

static void check_not_created(const char *lines, guint64 size, HvisErrorCode code, const char *text)
{
	const FcopyWanted wanted = { .path = "/in/", .name = "new", .size = size };
	GError *error = NULL;

	g_assert_null(create_as(lines, &wanted, &error));
	check_fails_with(error, code, text);
	g_assert_cmpuint(scratch_count_in(&s, "/in"), ==, 0);
}

static void test_room(void)
{
	set_up(NULL);
	check_not_created("", (guint64)1 << 60, HVIS_ERROR_NO_SPACE, "1.0 EiB, and ");
	check_not_created("", G_MAXUINT64, HVIS_ERROR_NO_SPACE, "EiB, and ");
	check_not_created("Reserve=1000000G", 1, HVIS_ERROR_NO_SPACE, "Reserve=");
	wrapped.fallocate = ENOSPC;
	check_not_created("", 1, HVIS_ERROR_NO_SPACE, "/in/new: reserve space: No space");
	wrapped.fallocate = EDQUOT;
	check_not_created("", 1, HVIS_ERROR_NO_SPACE, "reserve space: ");
	wrapped.fallocate = EFBIG;
	check_not_created("", 1, HVIS_ERROR_UNSUPPORTED, "has no files as large");
	wrapped.fallocate = EIO;
	check_not_created("", 1, HVIS_ERROR_IO, "reserve space: ");
	tear_down();
}

static void check_room_for(const char *lines, guint64 size)
{
	const FcopyWanted wanted = { .path = "/in/", .name = "new", .size = size };
	g_autoptr(GError) error = NULL;

	fcopy_file_free(create_as(lines, &wanted, &error));
	g_assert_no_error(error);
}

/* To the byte; what a file system keeps for root is not for the host. */
static void test_room_to_the_byte(void)
{
	set_up(NULL);
	wrapped.has_room = TRUE;
	wrapped.blocks = 5000;
	wrapped.available = 1000;
	check_room_for("", 1000);
	check_not_created("", 1001, HVIS_ERROR_NO_SPACE,
		"it needs 1001 bytes, and there is room for 1000 bytes");
	check_room_for("Reserve=100", 900);
	check_not_created("Reserve=100", 901, HVIS_ERROR_NO_SPACE,
		"it needs 901 bytes, and there is room for 900 bytes, since Reserve= keeps 100 "
		"bytes free");
	check_room_for("Reserve=1000", 0);
	check_not_created("Reserve=1001", 0, HVIS_ERROR_NO_SPACE, "Reserve=");
	wrapped.blocks = 0; /* it does not know */
	wrapped.available = 0;
	check_room_for("", 10);
	tear_down();
}

static void test_full(void)
{
	static const struct {
		int err;
		HvisErrorCode code;
	} cases[] = {
		{ ENOSPC, HVIS_ERROR_NO_SPACE },
		{ EDQUOT, HVIS_ERROR_NO_SPACE },
		{ EIO, HVIS_ERROR_IO },
	};

	set_up(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		FcopyFile *file = create(10, FALSE);

		put(file, 0, "01234");
		wrapped.pwrite = cases[i].err;
		check_refused_write(file, 5, 5, cases[i].code, "/in/new: write 5 bytes at 5: ");
		wrapped.pwrite = 0;
		check_refused_write(file, 5, 5, HVIS_ERROR_FAILED, "has failed before");
		check_unfinished(file, NULL, HVIS_ERROR_FAILED, "has failed before");
		check_nothing(file);
	}
	tear_down();
}

/* --- what cannot be --- */

static void test_other_errors(void)
{
	set_up(NULL);
	wrapped.tmpfile = EIO;
	check_not_created("", 1, HVIS_ERROR_IO, "/in/new: make a file: ");
	wrapped.tmpfile = EACCES;
	check_not_created("", 1, HVIS_ERROR_PERMISSION, "/in/new: make a file: ");
	tear_down();
}

static void test_no_way_to_the_name(void)
{
	FcopyFile *file;

	set_up(NULL);
	wrapped.tmpfile = EOPNOTSUPP;
	wrapped.renameat2 = EINVAL;
	wrapped.linkat = EPERM;
	file = create(1, FALSE);
	put(file, 0, "x");
	check_unfinished(file, NULL, HVIS_ERROR_PERMISSION, "/in/new: give it its name");
	check_nothing(file);
	tear_down();
}

static void test_no_state_directory(void)
{
	const FcopyWanted there = { .path = "/in/", .name = "new", .size = 1, .overwrite = TRUE };
	g_autoptr(GError) error = NULL;

	set_up(NULL);
	remove_tree(s.state);
	wrapped.tmpfile = EOPNOTSUPP;
	check_not_created("", 1, HVIS_ERROR_NOT_FOUND, "note a temporary name: ");
	wrapped.tmpfile = 0;
	fcopy_file_free(create(1, TRUE)); /* nothing is replaced */
	scratch_put(&s, "/in/new", "old");
	g_assert_null(create_as("", &there, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NOT_FOUND);
	g_assert_true(g_str_has_prefix(error->message, "note a temporary name: "));
	g_assert_cmpint(g_mkdir(s.state, 0700), ==, 0);
	tear_down();
}

static void test_escaped(void)
{
	const FcopyWanted wanted = { .path = "/in/", .name = "a\nb\033", .size = 1 };
	FcopyFile *file;

	set_up(NULL);
	file = create_as("", &wanted, NULL);
	g_assert_cmpstr(fcopy_file_target(file), ==, "/in/a\nb\033");
	check_refused_write(file, 5, 5, HVIS_ERROR_INVALID, "/in/a\\nb\\x1b: 5 bytes at 5");
	check_nothing(file);
	tear_down();
}

static void test_not_writable(void)
{
	if (geteuid() == 0) {
		g_test_skip("root may write everywhere");
		return;
	}
	set_up(NULL);
	g_assert_cmpint(fchmodat(s.root, "in", 0555, 0), ==, 0);
	check_not_created("", 1, HVIS_ERROR_PERMISSION, "/in/new: make a file: Permission denied");
	check_not_created("Owner=0:0", 0, HVIS_ERROR_PERMISSION, "/in/new: ");
	tear_down();
}

static void add_for_kinds(const char *name, GTestDataFunc func)
{
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autofree char *path = g_strdup_printf("/fcopyd/file/%s/%s", name, kinds[i].name);

		g_test_add_data_func(path, &kinds[i], func);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	umask(022);
	add_for_kinds("whole", test_whole);
	add_for_kinds("empty", test_empty);
	add_for_kinds("given-up", test_given_up);
	add_for_kinds("replaced", test_replaced);
	add_for_kinds("not-replaced-by-a-part", test_not_replaced_by_a_part);
	add_for_kinds("made-meanwhile", test_made_meanwhile);
	add_for_kinds("swapped-meanwhile", test_swapped_meanwhile);
	add_for_kinds("cancelled", test_cancelled);
	add_for_kinds("dressed", test_dressed);
	add_for_kinds("sync-fails", test_sync_fails);
	add_for_kinds("sync-of-directory-fails", test_sync_of_directory_fails);
	add_for_kinds("directories-made", test_directories_made);
	add_for_kinds("other-directory", test_other_directory);
	g_test_add_func("/fcopyd/file/order", test_order);
	g_test_add_func("/fcopyd/file/repeats", test_repeats);
	g_test_add_func("/fcopyd/file/rewritten", test_rewritten);
	g_test_add_func("/fcopyd/file/random-order", test_random_order);
	g_test_add_func("/fcopyd/file/cancelled-sum", test_cancelled_sum);
	g_test_add_func("/fcopyd/file/beyond", test_beyond);
	g_test_add_func("/fcopyd/file/nothing-at-the-end", test_nothing_at_the_end);
	g_test_add_func("/fcopyd/file/gaps", test_gaps);
	g_test_add_func("/fcopyd/file/once", test_once);
	g_test_add_func("/fcopyd/file/large-offsets", test_large_offsets);
	g_test_add_func("/fcopyd/file/pushed", test_pushed);
	g_test_add_func("/fcopyd/file/not-pushed", test_not_pushed);
	g_test_add_func("/fcopyd/file/room", test_room);
	g_test_add_func("/fcopyd/file/room-to-the-byte", test_room_to_the_byte);
	g_test_add_func("/fcopyd/file/full", test_full);
	g_test_add_func("/fcopyd/file/other-errors", test_other_errors);
	g_test_add_func("/fcopyd/file/no-way-to-the-name", test_no_way_to_the_name);
	g_test_add_func("/fcopyd/file/no-state-directory", test_no_state_directory);
	g_test_add_func("/fcopyd/file/escaped", test_escaped);
	g_test_add_func("/fcopyd/file/not-writable", test_not_writable);
	return g_test_run();
}
