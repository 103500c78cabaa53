/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the builds for tests add to worker and guard (HVIS_VSS_PROVE): they touch no file system but
 * the test's own, the kernel kills them for a system call that must not happen while something is
 * frozen, and they can be killed at every step. In what is installed all of this is nothing.
 */
#pragma once

#include "vssd/ipc.h"

#ifdef HVIS_VSS_PROVE
/* What the test wants, from the environment; first in main(). */
void vss_prove_init(void);

/* EPERM unless the test named the superblock, and @fd is not on what the machine runs from. */
int vss_prove_target(int fd, const struct vss_target *target);

/* From here on, for all threads: ioctl, poll, read, write, clocks and exit, and death for others. */
int vss_prove_quiet(void);

/* The switch of hurry.h: the test's own file, or NULL; never the machine's. */
const char *vss_prove_hurry(const char *path);

/* A step by name; whoever the test wants dead at it dies. */
void vss_prove_step(const char *name);
#else
static inline void vss_prove_init(void)
{
}

static inline int vss_prove_target(int fd, const struct vss_target *target)
{
	return 0;
}

static inline int vss_prove_quiet(void)
{
	return 0;
}

static inline const char *vss_prove_hurry(const char *path)
{
	return path;
}

static inline void vss_prove_step(const char *name)
{
}
#endif
