/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands on what: a file system in a loop file, on device-mapper, md, several disks of a btrfs,
 * or one that shows another's files. Read from sysfs and from the mount table, never from a device.
 */
#pragma once

#include "vssd/mounts.h"

/*
 * Fill in VssSuper.below from @sys ("/sys"): of those of @mounts that may be frozen or that the system has
 * mounted, and of what these stand on. What sysfs does not tell is taken as standing on nothing.
 */
void vss_stack_read(VssMounts *mounts, const char *sys);
