/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole files. A write replaces the file as one step that survives a crash: the old content or the
 * new one, never a part. Not for the pool files, which others append to and lock in place.
 */
#pragma once

#include <glib.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Replace @path by @data with @mode, through a temporary file in the same directory, synced before
 * and after the rename. On failure the old file is as it was and nothing is left behind.
 */
gboolean hvis_file_write(
	const char *path, const void *data, gsize len, mode_t mode, GError **error);

/*
 * All of @path, NUL-terminated, its length in *@ret_len (may be NULL). HVIS_ERROR_NO_SPACE where it
 * has more than @max bytes; HVIS_ERROR_INVALID where it is no regular file. Works on /proc and /sys.
 */
char *hvis_file_read(const char *path, gsize max, gsize *ret_len, GError **error);

/* What tells one state of a file from another without reading it. All zero where there is none. */
typedef struct {
	dev_t dev;
	ino_t ino;
	off_t size;
	gint64 mtime_ns;
} HvisFileStamp;

/* Of what @path leads to; of what fstat(2) said. */
HvisFileStamp hvis_file_stamp(const char *path);
HvisFileStamp hvis_file_stamp_of(const struct stat *st);
gboolean hvis_file_stamp_equal(const HvisFileStamp *a, const HvisFileStamp *b);
