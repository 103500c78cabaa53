/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether one of a few small files has changed, come or gone, with inotify(7): files that are not
 * there yet, whose directories are not either, and what symbolic links lead to. Reads none of them.
 * Costs nothing while nothing happens. Runs on the default main context; what lies on a disk is
 * looked up there, but only after news.
 */
#pragma once

#include <glib.h>

typedef struct NetWatch NetWatch;

/*
 * Watch @paths (NULL-terminated, borrowed, below @root). A path that is a directory stands for the
 * files in it. @changed is called on the main context, once for all that happened at once. Without
 * inotify nothing is ever seen.
 */
NetWatch *net_watch_new(
	const char *root, const char *const *paths, void (*changed)(gpointer data), gpointer data);
void net_watch_free(NetWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetWatch, net_watch_free)
