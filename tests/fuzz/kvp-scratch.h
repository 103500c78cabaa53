/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A folder for the fuzz targets that need pool files: one for all inputs of a process, in memory where
 * that can be had, and gone at its end. Who fills files by thousands a second keeps them open and writes
 * over them; nothing here uses the code under test.
 */
#pragma once

#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvpd/pool.h"

#define SCRATCH_ROOM (1024u * 1024u) /* of a file that is read back */

/* What has been read of a file; the bytes are there until the same is read again. */
typedef struct {
	guint8 data[SCRATCH_ROOM];
	gsize len;
} ScratchFile;

static inline void check(gboolean good)
{
	if (!good)
		abort();
}

static inline int scratch_no_sync(int fd G_GNUC_UNUSED)
{
	return 0;
}

/* Changes by the real calls, but nothing waits for a disk. */
static const KvpPoolOps scratch_ops G_GNUC_UNUSED = { pwrite, ftruncate, scratch_no_sync };

/* Remove all that is in @dir, whatever it is; a folder that is not there is empty, too. */
static inline void scratch_empty(const char *dir)
{
	g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
	const char *name;

	while (open && (name = g_dir_read_name(open))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		if (unlink(path) == 0)
			continue;
		scratch_empty(path);
		check(rmdir(path) == 0);
	}
}

static char *scratch_made;

static inline void scratch_remove(void)
{
	scratch_empty(scratch_made);
	rmdir(scratch_made);
	g_free(scratch_made);
}

/* The folder. Borrowed. */
static inline const char *scratch_dir(void)
{
	if (scratch_made)
		return scratch_made;
	scratch_made = g_strdup("/dev/shm/hvis-fuzz-XXXXXX");
	if (!g_mkdtemp(scratch_made)) {
		g_free(scratch_made);
		scratch_made = g_dir_make_tmp("hvis-fuzz-XXXXXX", NULL);
	}
	check(scratch_made != NULL);
	atexit(scratch_remove);
	return scratch_made;
}

/* A file that stays open to the end, made where it is missing. */
static inline int scratch_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	check(fd >= 0);
	return fd;
}

/* @bytes, and nothing else, into a file. */
static inline void scratch_put(int fd, const guint8 *bytes, gsize len)
{
	check(pwrite(fd, bytes, len, 0) == (ssize_t)len && ftruncate(fd, (off_t)len) == 0);
}

static inline void scratch_get(int fd, ScratchFile *ret)
{
	ssize_t n = pread(fd, ret->data, sizeof(ret->data), 0);

	check(n >= 0 && (gsize)n < sizeof(ret->data));
	ret->len = (gsize)n;
}
