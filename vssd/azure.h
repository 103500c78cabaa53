/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Azure's backup extension (VMSnapshotLinux) freezes file systems, too, on the word of another part of the
 * same cloud. It holds a file locked meanwhile, which is there for others to do the same: so two never freeze at
 * once, where one would thaw early what the other needs frozen, or take its freeze for that of a stranger.
 */
#pragma once

#include <glib.h>

/*
 * Lock it for this process, below @root. TRUE with *@ret_fd, whose closing unlocks it (as does that of every
 * other descriptor of the file); it is -1 where there is no such extension, or its file cannot be used.
 * HVIS_ERROR_BUSY, with its process number, where it is freezing.
 */
gboolean vss_azure_lock(const char *root, int *ret_fd, GError **error);
