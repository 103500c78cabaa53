/* SPDX-License-Identifier: GPL-2.0-only */
/* What a directory's mount tells: where it is, whether it has files at all, and why nothing can be written. */
#pragma once

#include <glib.h>

/* The path of @dir as the kernel has it; NULL where /proc is not there. */
char *fcopy_mount_path(int dir);

/*
 * Where @dir is in its file system, "8:1 /srv/files", whatever is mounted where and by which name it was reached. NULL
 * where nothing tells.
 */
char *fcopy_mount_inside(int dir);

/* The same for @path in mount @id, told by the text of a mount table. */
char *fcopy_mount_locate(const char *table, guint64 id, const char *path);

/* Whether @path is @directory or below it. Both as of the above, or absolute. */
gboolean fcopy_mount_is_in(const char *directory, const char *path);

/*
 * The type of the file system of @dir where there are only the kernel's own files in it: "proc"; NULL for all others.
 * @root: an open directory that stands for "/".
 */
const char *fcopy_mount_pseudo(int root, int dir);

/* For a write in @dir that was refused: who keeps it read-only, and what to do. NULL where it is not read-only. */
char *fcopy_mount_explain(int dir);

/* What to do where the unit keeps @path read-only (NULL: which is not known), newly allocated. */
char *fcopy_mount_advice(const char *path);

typedef enum {
	FCOPY_MOUNT_WRITABLE, /* or nothing tells */
	FCOPY_MOUNT_FILE_SYSTEM, /* is read-only itself */
	FCOPY_MOUNT_READ_ONLY, /* here as well as outside of the unit */
	FCOPY_MOUNT_PROTECTED, /* by the unit */
	FCOPY_MOUNT_N,
} FcopyMountState;

/*
 * What mount @id is, told by the texts of /proc/self/mountinfo and of process 1's (NULL: unknown) for @path, which is
 * in it.
 */
FcopyMountState fcopy_mount_judge(
	const char *own, const char *outside, guint64 id, const char *path);
