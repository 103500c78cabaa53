/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a file of the host's goes: its name and path become an open directory and one name in it. The directory of
 * Allow= may be reached through symbolic links, for the configuration is trusted; from there on each component is
 * opened by itself, as a directory and not through a link, so that nobody who owns one on the way leads us elsewhere.
 * Not openat2(2): a unit with RestrictSUIDSGID= has none (systemd 252), and a walk knows what it has passed.
 */
#pragma once

#include <glib.h>

#include "fcopyd/policy.h"

typedef struct {
	const char *path, *name; /* as the host says it, UTF-8 */
	gboolean overwrite, create_path;
	guint64 size;
} FcopyWanted;

typedef struct {
	int dir; /* O_PATH: of the file; -1 = none */
	char *name; /* of the file in it */
	char *target; /* the whole path: base, below, name */
	char *base; /* the directory of Allow= */
	char *below; /* from there to dir: "a/b", or "" */
	GPtrArray *made; /* directories made on the way */
} FcopyPlace;

#define FCOPY_PLACE_INIT                                                                           \
	{                                                                                          \
		.dir = -1                                                                          \
	}

/* What was made on the way stays. */
void fcopy_place_clear(FcopyPlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FcopyPlace, fcopy_place_clear)

/*
 * The place for @wanted, in *@ret. A path that ends in "/" or is a directory gets the name; any other one is that of
 * the file. Directories are made where @wanted says so; they are gone again after a failure. Nothing is at the place,
 * or with overwrite a regular file that can be replaced. Errors as of fcopy_file_create() (fcopyd/file.h).
 */
gboolean fcopy_place_find(int root, const FcopyPolicy *policy, const FcopyWanted *wanted,
	FcopyPlace *ret, GError **error);

/* Is the name still free, or with @overwrite something that may be replaced? */
gboolean fcopy_place_check(const FcopyPlace *place, gboolean overwrite, GError **error);

/* Put the directory and all that were made on the way on the disk. */
gboolean fcopy_place_sync(const FcopyPlace *place, GError **error);

/* Remove those that were made on the way and have stayed empty. */
void fcopy_place_undo(FcopyPlace *place);

/* The directory @base + @below of an earlier place, O_PATH; -1 and @error. */
int fcopy_place_open(int root, const char *base, const char *below, GError **error);

/*
 * As hvis_fail_errno(), "PLACE: WHAT: …" with control characters escaped. Where the unit is what forbids to write in
 * directory @dir, that is said, and how to change it.
 */
gboolean fcopy_place_fail(int dir, const char *place, int err, const char *what, GError **error);
