/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting until a pool may have changed, without asking again and again: by the daemon's Watch, or by
 * inotify on the directory of the files.
 */
#pragma once

#include "hvctl/records.h"
#include "varlink/varlink.h"

typedef struct {
	const HvctlSource *source;
	VarlinkClient *client; /* NULL: inotify */
	int inotify; /* -1: the daemon */
} HvctlTrigger;

/* What changes after this is seen. HVIS_ERROR_NOT_FOUND without a directory. */
gboolean hvctl_trigger_open(HvctlTrigger *ret, const HvctlSource *source, GError **error);
void hvctl_trigger_close(HvctlTrigger *trigger);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HvctlTrigger, hvctl_trigger_close)

/*
 * Sleep until something may have changed, or HVIS_ERROR_TIMEOUT at @deadline (monotonic microseconds,
 * -1 = never). HVIS_ERROR_IO where the daemon has ended.
 */
gboolean hvctl_trigger_wait(HvctlTrigger *trigger, gint64 deadline, GError **error);
