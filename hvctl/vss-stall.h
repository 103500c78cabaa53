/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long a freeze holds a writer up: a process that writes a few bytes and syncs them, again and again, to
 * a file without a name. It is a process of its own, because nothing ends one that waits for a frozen file
 * system, and it has no descriptor but that of its file.
 */
#pragma once

#include <glib.h>

typedef struct HvctlStall HvctlStall;

typedef struct {
	gint64 longest_us; /* of one write and its sync */
	guint64 writes;
} HvctlStallResult;

/*
 * Begin to write in directory @path, and wait until the first write is done. HVIS_ERROR_TIMEOUT where it is
 * not within 20 s.
 */
HvctlStall *hvctl_stall_new(const char *path, GError **error);

/* Stop it, wait until it has ended, and tell how it was. FALSE where it failed, or does not end in 20 s. */
gboolean hvctl_stall_stop(HvctlStall *stall, HvctlStallResult *ret, GError **error);

/* The process is killed where it was not stopped. */
void hvctl_stall_free(HvctlStall *stall);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HvctlStall, hvctl_stall_free)
