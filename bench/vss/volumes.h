/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file systems that are frozen: made on devices that the caller gives, mounted here, written to. Nothing else
 * that has a block device may be mounted where this runs, for the distribution's daemon freezes all of those.
 */
#pragma once

#include <glib.h>

#include "bench/vss/writer.h"

#define VOLUMES_MAX 16
#define VOLUMES_DIR "/volumes" /* mount points: 0, 1, … */

typedef struct {
	guint n; /* mounted */
	char *dirs[VOLUMES_MAX];
	Writer *writers[VOLUMES_MAX]; /* one on each */
	guint dirty_mib; /* how much volumes_dirty() writes to each */
} Volumes;

/* Nothing else that could be frozen is to be seen from here; else why. */
gboolean volumes_check_alone(char **devices, GError **error);

/* Mount the first @n of @devices, file systems of @type, and begin to write to each. */
gboolean volumes_mount(Volumes *volumes, const char *type, char **devices, guint n, GError **error);

/* Nothing may be frozen. */
void volumes_unmount(Volumes *volumes);

/* All that was written is on its disk, but for what the writers write; the kernel has forgotten the last freeze. */
gboolean volumes_settle(Volumes *volumes, GError **error);

/* As much as dirty_mib says is in each one's cache and on none's disk. */
gboolean volumes_dirty(Volumes *volumes, GError **error);

/* Thaw whatever is frozen below VOLUMES_DIR; needs no Volumes, for another process may have made them. */
void volumes_thaw_all(void);
