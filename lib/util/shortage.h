/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process without file descriptors: it has none left, the machine has none, or its limit was set below what it
 * has open. Whatever needs a descriptor fails then, by an error of its own; that this is so is told here, once
 * when it begins and once when it is over, however often it fails in between.
 *
 * While it is watched for the main loop goes on, too: poll(2) refuses to look at more descriptors than the limit
 * allows, and GLib would try again at once, for ever, with a line in the journal each time.
 */
#pragma once

#include <glib.h>

#define HVIS_SHORTAGE_PROBE_MS                                                                     \
	1000u /* ours: how often it is tried whether there are some again … */
#define HVIS_SHORTAGE_PROBES                                                                       \
	3u /* … and how often that must be so, one after the other, to be believed */

typedef void (*HvisShortageChanged)(gboolean is_short, gpointer data);

/*
 * Call @changed on the default main context, which is the caller's, when it begins and when it is over. NULL ends
 * that. One watcher in a process.
 */
void hvis_shortage_watch(HvisShortageChanged changed, gpointer data);

/* A call has failed with errno value @err: is it for want of descriptors? From any thread. */
void hvis_shortage_note(int err);

/* Between the two calls of who watches. From any thread. */
gboolean hvis_shortage_is_on(void);

/* As g_poll(), by select(2), to which the limit means nothing. It does not tell of who hung up by itself. */
gint hvis_shortage_select(GPollFD *fds, guint n, gint timeout_ms);
