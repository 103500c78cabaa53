/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the first byte to the name. A file is unnamed until it is whole and on the disk; where that cannot be,
 * because the file system has no unnamed files or a file is to be replaced, it has a temporary name for as long as
 * needed, which is noted first (fcopyd/sweep.h).
 */
#include "config.h"

#include "fcopyd/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <nettle/sha2.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <util/error.h>
#include <util/fd.h>
#include <util/output.h>

#include "fcopyd/pieces.h"
#include "fcopyd/sweep.h"

/* Ours: how much is gathered before the kernel is told to write it, so that the sync at the end is short. */
#define PUSH_BYTES (8u << 20)
#define TURN_BYTES ((gsize)12288) /* ours: summed up before others may run */
#define PART_BYTES ((gsize)49152) /* ours: written before others may run */
#define READ_BYTES (256u << 10)

struct FcopyFile {
	int fd;
	FcopyPlace place;
	FcopyNote *note; /* NULL: it has no temporary name */
	gboolean overwrite;
	gboolean replaced; /* there was one of that name */
	guint64 size;
	guint64 pushed; /* writing to the disk has been begun up to here */
	guint64 waited; /* and has ended up to here */
	FcopyPieces pieces;
	struct sha256_ctx sum;
	guint64 summed; /* bytes from the beginning that are in it */
	gboolean failed; /* or finished: nothing more can be done with it */
	gboolean finished;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char *state_dir;
};

/* As hvis_fail_errno() with the target before it. */
static gboolean fail(const FcopyFile *file, int err, const char *what, GError **error)
{
	return fcopy_place_fail(file->place.dir, file->place.target, err, what, error);
}

static void end_note(FcopyFile *file)
{
	gboolean gone =
		unlinkat(file->place.dir, fcopy_note_name(file->note), 0) == 0 || errno == ENOENT;

	if (!gone)
		g_debug("%s: not removed: %s", fcopy_note_name(file->note), g_strerror(errno));
	fcopy_note_free(file->note, gone);
}

void fcopy_file_free(FcopyFile *file)
{
	if (!file)
		return;
	if (file->note)
		end_note(file);
	hvis_fd_clear(&file->fd);
	if (!file->finished)
		fcopy_place_undo(&file->place);
	fcopy_place_clear(&file->place);
	fcopy_pieces_clear(&file->pieces);
	g_free(file->state_dir);
	g_free(file);
}

const char *fcopy_file_target(const FcopyFile *file)
{
	return file->place.target;
}

guint64 fcopy_file_received(const FcopyFile *file)
{
	return file->pieces.total;
}

/* --- made --- */

static gboolean note(FcopyFile *file, GError **error)
{
	file->note = fcopy_note_new(file->state_dir, &file->place, error);
	if (!file->note)
		g_prefix_error(error, "note a temporary name: ");
	return file->note != NULL;
}

/* The file systems that have no unnamed files do not agree on how to say so. */
static gboolean has_no_unnamed(int err)
{
	return err == EOPNOTSUPP || err == EISDIR || err == EINVAL || err == ENOSYS;
}

static gboolean open_named(FcopyFile *file, GError **error)
{
	if (!note(file, error))
		return FALSE;
	file->fd = openat(file->place.dir, fcopy_note_name(file->note),
		O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file->fd >= 0)
		return TRUE;
	return fail(file, errno, "make a temporary file", error);
}

static gboolean open_unnamed(FcopyFile *file, GError **error)
{
	file->fd = openat(file->place.dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (file->fd >= 0)
		return TRUE;
	if (has_no_unnamed(errno))
		return open_named(file, error);
	return fail(file, errno, "make a file", error);
}

/* One that is to be replaced takes a note at the end: where none can be had the host learns so before it sends all. */
static gboolean check_note(FcopyFile *file, GError **error)
{
	struct stat st;

	if (file->note || !file->overwrite ||
		fstatat(file->place.dir, file->place.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return TRUE;
	if (!note(file, error))
		return FALSE;
	fcopy_note_free(g_steal_pointer(&file->note), TRUE);
	return TRUE;
}

/* --- room for all of it --- */

/* "1.5 GiB", with a blank that a terminal without UTF-8 has, too. */
static char *size_text(guint64 size)
{
	g_autofree char *text = g_format_size_full(size, G_FORMAT_SIZE_IEC_UNITS);
	g_auto(GStrv) parts = g_strsplit(text, "\302\240", -1);

	return g_strjoinv(" ", parts);
}

static gboolean check_room(const FcopyFile *file, guint64 reserve, GError **error)
{
	g_autofree char *shown = NULL, *wanted = NULL, *room = NULL, *kept = NULL;
	struct statvfs fs;
	guint64 available;

	if (fstatvfs(file->fd, &fs) < 0)
		return fail(file, errno, "ask for free space", error);
	available = (guint64)fs.f_bavail * fs.f_frsize;
	/* some file systems do not know their size, and say 0 */
	if (fs.f_blocks == 0 || (available >= reserve && available - reserve >= file->size))
		return TRUE;
	shown = output_escape(file->place.target);
	wanted = size_text(file->size);
	room = size_text(available > reserve ? available - reserve : 0);
	kept = reserve ? size_text(reserve) : NULL;
	return hvis_fail(error, HVIS_ERROR_NO_SPACE,
		"%s: it needs %s, and there is room for %s%s%s%s", shown, wanted, room,
		kept ? ", since Reserve= keeps " : "", kept ? kept : "", kept ? " free" : "");
}

static gboolean fail_too_large(const FcopyFile *file, GError **error)
{
	g_autofree char *shown = output_escape(file->place.target);
	g_autofree char *wanted = size_text(file->size);
	struct rlimit limit = { 0 };

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < file->size)
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"%s: %s: the service may not write files as large (LimitFSIZE= of its "
			"unit)",
			shown, wanted);
	return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
		"%s: %s: the file system has no files as large", shown, wanted);
}

/* Where the file system can, the room is taken now; elsewhere this was all that can be known. */
static gboolean reserve_room(FcopyFile *file, GError **error)
{
	int rc;

	if (file->size > G_MAXINT64 || lseek(file->fd, (off_t)file->size, SEEK_SET) < 0)
		return fail_too_large(file, error);
	if (file->size == 0)
		return TRUE;
	do
		rc = fallocate(file->fd, 0, 0, (off_t)file->size);
	while (rc < 0 && errno == EINTR);
	if (rc == 0 || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
		return TRUE;
	if (errno == EFBIG)
		return fail_too_large(file, error);
	return fail(file, errno, "reserve space", error);
}

FcopyFile *fcopy_file_create(
	int root, const FcopyPolicy *policy, const FcopyWanted *wanted, GError **error)
{
	g_autoptr(FcopyFile) file = g_new0(FcopyFile, 1);

	file->fd = -1;
	file->place = (FcopyPlace)FCOPY_PLACE_INIT;
	file->overwrite = wanted->overwrite;
	file->size = wanted->size;
	file->mode = policy->mode;
	file->uid = policy->uid;
	file->gid = policy->gid;
	file->state_dir = g_strdup(policy->state_dir);
	sha256_init(&file->sum);
	if (!fcopy_place_find(root, policy, wanted, &file->place, error) ||
		!open_unnamed(file, error) || !check_note(file, error) ||
		!check_room(file, policy->reserve, error) || !reserve_room(file, error))
		return NULL;
	return g_steal_pointer(&file);
}

/* --- filled --- */

/*
 * In turns: where the main context has the same processor, and Linux 6.6 or later lets who wakes up wait for who runs, the
 * host would wait for all of it, for as long as the answers to several fragments take.
 */
static void sum_in_turns(FcopyFile *file, const guint8 *data, gsize len)
{
	for (gsize at = 0; at < len; at += TURN_BYTES) {
		g_thread_yield();
		sha256_update(&file->sum, MIN(TURN_BYTES, len - at), data + at);
	}
}

static void add_to_sum(FcopyFile *file, guint64 offset, const void *data, gsize len)
{
	if (offset == file->summed) {
		sum_in_turns(file, data, len);
		file->summed += len;
	} else if (offset < file->summed) {
		/* what is in the sum already may be another now: all over again, at the end */
		sha256_init(&file->sum);
		file->summed = 0;
	}
}

/* A file system that does not know of it is no failure; a broken disk is told of once, here or in the last sync. */
static gboolean push_range(
	const FcopyFile *file, guint64 from, guint64 to, unsigned int how, GError **error)
{
	if (from == to || sync_file_range(file->fd, (off_t)from, (off_t)(to - from), how) == 0 ||
		(errno != EIO && errno != ENOSPC && errno != EDQUOT))
		return TRUE;
	return hvis_fail_errno(error, errno, "write to the disk");
}

/*
 * Writing to the disk goes on while more comes, at most two lots behind: what is left for the end takes no longer than
 * the host waits for an answer, whatever the size of the file.
 */
static gboolean push(FcopyFile *file, GError **error)
{
	const unsigned int wait =
		SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
	guint64 front = fcopy_pieces_front(&file->pieces);

	if (front < file->pushed + PUSH_BYTES)
		return TRUE;
	if (!push_range(file, file->waited, file->pushed, wait, error) ||
		!push_range(file, file->pushed, front, SYNC_FILE_RANGE_WRITE, error))
		return FALSE;
	file->waited = file->pushed;
	file->pushed = front;
	return TRUE;
}

static gboolean put(FcopyFile *file, guint64 offset, const guint8 *data, gsize len, GError **error)
{
	for (gsize at = 0; at < len; at += PART_BYTES) {
		gsize n = MIN(PART_BYTES, len - at);

		if (!hvis_pwrite_all(file->fd, data + at, n, (off_t)(offset + at), error))
			return FALSE;
		add_to_sum(file, offset + at, data + at, n);
	}
	return TRUE;
}

static gboolean take(FcopyFile *file, guint64 offset, const void *data, gsize len, GError **error)
{
	if (offset > file->size || len > file->size - offset)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"%zu bytes at %" G_GUINT64_FORMAT " of a file of %" G_GUINT64_FORMAT, len,
			offset, file->size);
	if (!fcopy_pieces_add(&file->pieces, offset, offset + len))
		return hvis_fail(error, HVIS_ERROR_INVALID, "more than %u pieces with gaps between",
			FCOPY_PIECES_MAX);
	return put(file, offset, data, len, error);
}

gboolean fcopy_file_write(
	FcopyFile *file, guint64 offset, const void *data, gsize len, GError **error)
{
	g_autofree char *shown = NULL;

	if (!file->failed && take(file, offset, data, len, error) && push(file, error))
		return TRUE;
	shown = output_escape(file->place.target);
	if (file->failed)
		return hvis_fail(error, HVIS_ERROR_FAILED, "%s: has failed before", shown);
	file->failed = TRUE;
	g_prefix_error(error, "%s: ", shown);
	return FALSE;
}

/* --- finished --- */

static gboolean is_cancelled(const gint *cancelled)
{
	return cancelled && g_atomic_int_get(cancelled);
}

static gboolean fail_cancelled(GError **error)
{
	return hvis_fail(error, HVIS_ERROR_CLOSED, "cancelled before it got its name");
}

/* What did not come in order is read again, most of it from memory. */
static gboolean sum_up(FcopyFile *file, const gint *cancelled, FcopySum *ret, GError **error)
{
	g_autofree guint8 *bytes = g_malloc(READ_BYTES);
	guint8 digest[SHA256_DIGEST_SIZE];

	while (file->summed < file->size) {
		gsize len = (gsize)MIN(READ_BYTES, file->size - file->summed);

		if (is_cancelled(cancelled))
			return fail_cancelled(error);
		if (!hvis_pread_all(file->fd, bytes, len, (off_t)file->summed, error))
			return FALSE;
		sha256_update(&file->sum, len, bytes);
		file->summed += len;
	}
	sha256_digest(&file->sum, sizeof(digest), digest);
	for (guint i = 0; i < sizeof(digest); i++)
		g_snprintf(ret->sha256 + 2 * i, 3, "%02x", digest[i]);
	ret->repeated = file->pieces.repeated;
	return TRUE;
}

/* Those that come from elsewhere and cannot store an owner or a mode: what they show is all that there is. */
static gboolean has_owners(int fd)
{
	static const long without[] = { MSDOS_SUPER_MAGIC, EXFAT_SUPER_MAGIC, SMB_SUPER_MAGIC,
		CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, V9FS_MAGIC, FUSE_SUPER_MAGIC, 0x5346544e,
		0x7366746e /* both of NTFS */, 0x786f4256 /* vboxsf */ };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(without); i++)
		if (without[i] == (long)fs.f_type)
			return FALSE;
	return TRUE;
}

static gboolean dress(const FcopyFile *file, GError **error)
{
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return fail(file, errno, "look at it", error);
	/* its mode first: that of another user's file is not everybody's to change */
	if (fchmod(file->fd, file->mode) < 0 && has_owners(file->fd))
		return fail(file, errno, "change its mode", error);
	if ((st.st_uid != file->uid || st.st_gid != file->gid) &&
		fchown(file->fd, file->uid, file->gid) < 0 && has_owners(file->fd))
		return fail(file, errno, "give it to the user that Owner= names", error);
	return TRUE;
}

/* A name for what has none; 0 or an errno. Needs /proc only where the kernel is old and we are not root. */
static int link_unnamed(const FcopyFile *file, const char *name)
{
	g_autofree char *path = NULL;

	if (linkat(file->fd, "", file->place.dir, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT && errno != EPERM && errno != EINVAL)
		return errno;
	path = g_strdup_printf("/proc/self/fd/%d", file->fd);
	return linkat(AT_FDCWD, path, file->place.dir, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

/* From the temporary name to the file's own, which is free. Not all file systems have each of the two ways. */
static int move_new(const FcopyFile *file)
{
	const char *from = fcopy_note_name(file->note);
	int dir = file->place.dir;

	if (renameat2(dir, from, dir, file->place.name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	return linkat(dir, from, dir, file->place.name, 0) == 0 ? 0 : errno;
}

/* What is there keeps its name until the new one is whole, and its content for whoever has it open. */
static gboolean replace(FcopyFile *file, GError **error)
{
	int dir = file->place.dir, err;

	if (!fcopy_place_check(&file->place, TRUE, error))
		return FALSE;
	if (!file->note) {
		if (!note(file, error))
			return FALSE;
		err = link_unnamed(file, fcopy_note_name(file->note));
		if (err)
			return fail(file, err, "make a temporary name", error);
	}
	if (renameat(dir, fcopy_note_name(file->note), dir, file->place.name) < 0)
		return fail(file, errno, "put it in its place", error);
	file->replaced = TRUE;
	return TRUE;
}

/* With overwrite, too, where nothing is there: no temporary name is needed then. */
static gboolean give_name(FcopyFile *file, GError **error)
{
	int err = file->note ? move_new(file) : link_unnamed(file, file->place.name);

	if (err == 0)
		return TRUE;
	if (err == EEXIST && file->overwrite)
		return replace(file, error);
	return fail(file, err, "give it its name", error);
}

static gboolean check_whole(const FcopyFile *file, GError **error)
{
	g_autofree char *shown = output_escape(file->place.target);

	if (file->failed)
		return hvis_fail(error, HVIS_ERROR_FAILED, "%s: has failed before", shown);
	return file->pieces.total == file->size ||
	       hvis_fail(error, HVIS_ERROR_INVALID,
		       "%s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes have not come",
		       shown, file->size - file->pieces.total, file->size);
}

/* The name is not sure to be on the disk, and the host is told so: then it goes, unless another file had it before. */
static void take_back(const FcopyFile *file)
{
	struct stat own, there;

	if (!file->replaced && fstat(file->fd, &own) == 0 &&
		fstatat(file->place.dir, file->place.name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		own.st_dev == there.st_dev && own.st_ino == there.st_ino)
		unlinkat(file->place.dir, file->place.name, 0);
}

gboolean fcopy_file_finish(FcopyFile *file, const gint *cancelled, FcopySum *ret, GError **error)
{
	FcopySum sum;

	if (!check_whole(file, error))
		return FALSE;
	file->failed = TRUE; /* once only */
	if (!dress(file, error) || !sum_up(file, cancelled, &sum, error))
		return FALSE;
	if (fsync(file->fd) < 0)
		return fail(file, errno, "put it on the disk", error);
	if (is_cancelled(cancelled))
		return fail_cancelled(error);
	if (!give_name(file, error))
		return FALSE;
	file->finished = fcopy_place_sync(&file->place, error);
	if (!file->finished) {
		take_back(file);
		return FALSE;
	}
	*ret = sum;
	return TRUE;
}
