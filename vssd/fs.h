/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The system calls of a freeze, behind one set of operations so that tests stand in for the kernel.
 * Each gives an errno, 0 for success.
 */
#pragma once

#include "vssd/ipc.h"

struct vss_fs_ops {
	/* The mount of @target, opened and seen to be it; ESTALE where it is another one by now. */
	int (*open)(void *data, const struct vss_target *target, int *ret_fd);
	unsigned int open_ms; /* how long that may take; a path may hang for ever */
	int (*sync)(void *data, int fd);
	int (*freeze)(void *data, int fd);
	int (*thaw)(void *data, int fd); /* EINVAL where it is not frozen */
	/* Between first freeze and last thaw only a few system calls are made, from here on. */
	int (*lock_down)(void *data);
	const char *hurry; /* the switch of hurry.h, or NULL: of the guard */
};

extern const struct vss_fs_ops vss_fs_system;

/* As the operation thaw of the system: what may be thawed without an engine. */
int vss_fs_thaw(int fd);

/* As the operation open of the system: where this process may not enter the view of the mounts, by enter.h. */
int vss_fs_open(const struct vss_target *target, int *ret_fd);

/* The same by this process alone: EACCES where it may not enter. */
int vss_fs_open_here(const struct vss_target *target, int *ret_fd);
