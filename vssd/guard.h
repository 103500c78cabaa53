/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard: it has the same descriptors as the worker, and thaws what is frozen when the deadline
 * passes, or the daemon or the worker dies, by whatever it may be. It does nothing else.
 */
#pragma once

#include "vssd/fs.h"

/* How long it gives the worker, which has the same deadline, to be first. */
#define VSS_GUARD_GRACE_US 400000

/*
 * Guard what socket @worker tells of, for the process of pidfd @daemon, with the marker at @marker.
 * Returns when nothing is frozen any more: 0 where the worker saw to it, 1 where the guard had to, 2
 * where something could not be thawed; then the marker stays.
 */
int vss_guard_run(
	const struct vss_fs_ops *ops, void *data, int worker, int daemon, const char *marker);

/*
 * Undo what the marker at @marker names, and what is kept of former ones; what may be frozen after that is
 * kept. 2 then, and where a file is damaged, which is set aside; 1 where something was thawed; else 0. Says
 * on standard error what it does.
 */
int vss_guard_thaw_left_over(const char *marker);
