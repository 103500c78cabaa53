/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waits until a path exists, by inotify on the nearest directory that does; a slow timer stands in
 * where inotify cannot be had. Silent and idle until then.
 */
#pragma once

#include <glib.h>

#include <util/clock.h>

typedef struct HvisAppear HvisAppear;

#define HVIS_APPEAR_FALLBACK_MS 10000u /* ours: looks this often without inotify */

/*
 * Call @func from the main loop each time something changed and @path exists. Never calls back from
 * within hvis_appear_new(); a path that exists by then is reported in the next turn of the loop.
 */
HvisAppear *hvis_appear_new(
	const char *path, HvisClock *clock, void (*func)(gpointer data), gpointer data);

/*
 * The same for what has no path that is known before: @there says whether it has come, and is asked whenever
 * something changes beside @path, whether or not that itself exists.
 */
HvisAppear *hvis_appear_new_near(const char *path, HvisClock *clock,
	gboolean (*there)(gpointer data), void (*func)(gpointer data), gpointer data);
void hvis_appear_free(HvisAppear *appear);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HvisAppear, hvis_appear_free)
