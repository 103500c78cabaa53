/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether anybody has touched a pool file since it was last looked at. The kernel queues an event in
 * the writer's own system call, so who drains the queue knows, without touching the file: the
 * generation of a pool is a number that grows with everything that happens to it.
 *
 * Seen are writes, truncation, attributes, creation, removal and replacement of a file or of the
 * directory, a mount that covers them, and a queue that ran over. Not seen is what is written through
 * a shared mapping of the file, or by another machine on a network file system: directories on those
 * are not watched at all. Reads nothing from the files. May be used from any thread.
 */
#pragma once

#include <glib.h>

typedef struct KvpWatch KvpWatch;

/* Does not touch the disk before something is armed. */
KvpWatch *kvp_watch_new(const char *dir);
KvpWatch *kvp_watch_ref(KvpWatch *watch);
void kvp_watch_unref(KvpWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpWatch, kvp_watch_unref)

/*
 * Before a file is read: whatever happens to it from now on will be seen. Returns its generation, 0
 * where it cannot be watched. Resolves paths, so it may sleep: not for the main thread.
 */
guint64 kvp_watch_arm(KvpWatch *watch, guint pool);

/*
 * Before a file is opened for a change: arm it, unless it was when last asked. What came in between is for
 * kvp_watch_begin() to see. May sleep, too.
 */
void kvp_watch_prepare(KvpWatch *watch, guint pool);

/* The generation now; 0 = nothing is known. Does not sleep. */
guint64 kvp_watch_generation(KvpWatch *watch, guint pool);

/* A number that grows whenever kvp_watch_generation() may have, whether anything is known or not. */
guint64 kvp_watch_count(KvpWatch *watch, guint pool);

/*
 * Whether there is a journal beside the files, without a look: a number, to be had before one, that grows when any
 * name in the directory may have come or gone (0 = nothing is known); that the look found none; and whether that
 * still is so. As of the last of the calls around these: they ask for no news.
 */
guint64 kvp_watch_names(KvpWatch *watch);
void kvp_watch_no_journal(KvpWatch *watch, guint64 names);
gboolean kvp_watch_lacks_journal(KvpWatch *watch);

/*
 * Around a change of ours, while the file is locked: what is written to it meanwhile is ours. Begin
 * returns the generation before, end the one after the change: both are new to everybody else.
 */
guint64 kvp_watch_begin(KvpWatch *watch, guint pool);
guint64 kvp_watch_end(KvpWatch *watch, guint pool);

/*
 * For a main loop: call @changed on the default main context soon after something may have happened
 * to any of the pools or their directory, until it is called with NULL.
 */
void kvp_watch_notify(KvpWatch *watch, void (*changed)(gpointer data), gpointer data);
