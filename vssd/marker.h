/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The marker: a file that names what may be frozen, from before the first freeze to after the last
 * thaw. Who finds it without a guard that has it in hand undoes what it names.
 */
#pragma once

#include "vssd/ipc.h"

/* Replace @path by one that names @n @targets. An errno. */
int vss_marker_write(const char *path, const struct vss_target *targets, unsigned int n);

/*
 * Read @path, at most VSS_TARGETS_MAX lines, into @ret. An errno: ENOENT where there is none, EBADMSG
 * where it is not one of ours.
 */
int vss_marker_read(const char *path, struct vss_target *ret, unsigned int *ret_n);
