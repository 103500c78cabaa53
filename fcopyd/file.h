/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One file on its way into the guest. Synchronous and blocking: whoever calls is a thread that may wait for a disk
 * or for a dead file server. Nothing here knows of messages.
 *
 * It is whole under its name or not there at all: the bytes go to an unnamed file (or a temporary one, where the file
 * system has no unnamed ones) in the directory of its destination, and get the name when they are on the disk.
 */
#pragma once

#include <glib.h>

#include "fcopyd/place.h" /* FcopyWanted */
#include "fcopyd/policy.h"

typedef struct FcopyFile FcopyFile;

typedef struct {
	char sha256[65]; /* hexadecimal */
	guint64 repeated; /* bytes that came more than once */
} FcopySum;

/*
 * Find the place and make the file there, with room for all of it. @root: an open directory that stands for "/".
 * @policy is not needed afterwards. Errors, each told in words an administrator can act on: INVALID (name or path is
 * none, or is not absolute), EXISTS, NOT_FOUND (no such directory, and create_path is not set), PERMISSION (not
 * allowed, a symbolic link or something else is in the way, read-only: protected by the unit), NO_SPACE, UNSUPPORTED (too large for the
 * file system, or one that has only the kernel's own files), IO. Control characters in the text are escaped.
 */
FcopyFile *fcopy_file_create(
	int root, const FcopyPolicy *policy, const FcopyWanted *wanted, GError **error);

/* The destination, absolute; owned by @file. As the host has spelled it: control characters and all. */
const char *fcopy_file_target(const FcopyFile *file);

/* Any order, repeats allowed. INVALID beyond the size; NO_SPACE; IO. After a failure it cannot be finished. */
gboolean fcopy_file_write(
	FcopyFile *file, guint64 offset, const void *data, gsize len, GError **error);

/* Bytes of the file that are there. */
guint64 fcopy_file_received(const FcopyFile *file);

/*
 * Is it whole? Then sync it, give it its name, sync the directory, and tell its sum in *@ret. INVALID where bytes are
 * missing; EXISTS where somebody else has made one of that name meanwhile and overwrite is not set. @cancelled (may be
 * NULL) is looked at, atomically, between the sync and the naming: once set, by another thread, the file does not get
 * its name (HVIS_ERROR_CLOSED). Once only: whatever comes of it, the file is to be freed next.
 */
gboolean fcopy_file_finish(FcopyFile *file, const gint *cancelled, FcopySum *ret, GError **error);

/* Whatever has not been finished is gone. NULL is fine. */
void fcopy_file_free(FcopyFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FcopyFile, fcopy_file_free)
