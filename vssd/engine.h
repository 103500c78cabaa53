/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The freeze itself: open all, sync all, freeze level by level, wait, thaw in reverse. It is the whole
 * of hv_vss_worker, and talks to the daemon and to the guard; it never freezes without a guard that
 * has answered. A thread per file system, so that a level takes as long as its slowest; all of them,
 * and all memory, are there before the first freeze.
 */
#pragma once

#include "vssd/fs.h"

struct vss_engine;

/*
 * An engine that takes its targets from socket @daemon and tells socket @guard; it owns neither. NULL
 * with errno.
 */
struct vss_engine *vss_engine_new(const struct vss_fs_ops *ops, void *data, int daemon, int guard);

/*
 * One freeze from the first target to the end: nothing is frozen by us any more when it returns, or
 * the guard has been left to see to it. An errno: that of VSS_MSG_ENDED.
 */
int vss_engine_run(struct vss_engine *engine);

/* End the threads. For tests: a worker leaves by _exit(2), with no further system call. */
void vss_engine_free(struct vss_engine *engine);
