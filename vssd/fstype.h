/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a file system is by its type alone: whether it is of this machine's disks, and whether the
 * kernel can freeze it. A table, no IO.
 */
#pragma once

#include <glib.h>

typedef enum {
	VSS_TYPE_LOCAL, /* on a disk of ours: what a freeze is for */
	VSS_TYPE_UNSUPPORTED, /* on a disk, but the kernel has no freeze for it */
	VSS_TYPE_LAYERED, /* its files are those of other file systems, which are frozen */
	VSS_TYPE_NETWORK, /* elsewhere; a look at it may hang */
	VSS_TYPE_FUSE, /* a program's; a look at it may hang */
	VSS_TYPE_AUTOFS, /* a look at it mounts something, and may hang */
	VSS_TYPE_PSEUDO, /* on no disk */
	VSS_TYPE_N,
} VssType;

/* @type as in mountinfo; @has_device: the superblock's device number is that of a block device. */
VssType vss_type_of(const char *type, gboolean has_device);

/* Whether the kernel makes a file system of @type read-only by itself after an error; others it stops, or nothing. */
gboolean vss_type_gives_up(const char *type);

/* Whether a path that leads through it may hang although what is mounted below it is local. */
gboolean vss_type_may_hang(VssType type);
