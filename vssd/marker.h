/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The marker: a file that names what may be frozen, from before the first freeze to after the last
 * thaw. Who finds it without a guard that has it in hand undoes what it names. What could not be undone
 * goes into a file of the same form beside it, MARKER.kept, until it is: the next freeze has a marker of
 * its own.
 */
#pragma once

#include "vssd/ipc.h"

#define VSS_MARKER_KEPT ".kept" /* behind the marker's name */
#define VSS_MARKER_DAMAGED ".damaged" /* behind that of one that cannot be read */

/* Make one at @path that names @n @targets. An errno: EEXIST where there is one, which stays as it is. */
int vss_marker_write(const char *path, const struct vss_target *targets, unsigned int n);

/* The same in the place of the one that there is. */
int vss_marker_replace(const char *path, const struct vss_target *targets, unsigned int n);

/*
 * Read @path, at most @max lines, into @ret. An errno: ENOENT where there is none, EBADMSG where it is not
 * one of ours.
 */
int vss_marker_read(
	const char *path, struct vss_target *ret, unsigned int max, unsigned int *ret_n);

/*
 * Lock the marker at @path. Who has the descriptor, or -1 with errno, may still be freezing; and that is so until
 * the last of its threads has ended, for a call into the kernel outlives SIGKILL.
 */
int vss_marker_hold(const char *path);

/* Whether anybody has it locked. */
bool vss_marker_is_held(const char *path);

/* Whether there is anything to undo: a marker at @path, or what was kept of former ones. */
bool vss_marker_is_there(const char *path);

/* Remove what a writer that was killed has left of a marker that is not one yet: nothing is frozen by it. */
void vss_marker_forget_unfinished(const char *path);
