/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is mounted in a container alone can be opened by its processes, and by who may trace them. That is the
 * right to everything, so the daemon's unit has it not: for each such file system a process that
 * has it is started by systemd-run(1), opens that one mount, gives the descriptor, and ends.
 */
#pragma once

#include "vssd/ipc.h"

/*
 * The mount of @target, opened by a process that is started by the systemd-run at @systemd_run; it is this
 * program with the argument VSS_ENTER_OPTION. It takes VSS_ENTER_MS at most. An errno: EACCES where that
 * process could not be had, ETIMEDOUT, or what stood in its way.
 */
int vss_enter_open(const char *systemd_run, const struct vss_target *target, int *ret_fd);

#define VSS_ENTER_OPTION "--open"
#define VSS_ENTER_MS 8000

/* That process: the mount that is asked for at the socket @sock is opened and sent. Its exit status. */
int vss_enter_serve(int sock);
