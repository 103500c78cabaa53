/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Undoing what a daemon that was killed has left frozen, by a process of its own: a thaw may wait in the
 * kernel for as long as it likes, and the daemon has a host to answer meanwhile.
 */
#pragma once

#include "vssd/options.h"
#include "vssd/session.h"

typedef struct VssUndo VssUndo;

/*
 * Begin; @options must outlive it. @done comes from the main loop, once, with what went wrong or NULL, and
 * may free it.
 */
VssUndo *vss_undo_new(const VssSessionOptions *options,
	void (*done)(const char *problem, gpointer data), gpointer data);

/* What runs goes on, and is told to nobody. NULL is fine. */
void vss_undo_free(VssUndo *undo);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssUndo, vss_undo_free)

/* Tell the journal how it went. */
void vss_undo_say(const char *problem);

/*
 * The same as a whole, for who does nothing else and so may wait: FALSE where it could not be done. Neither
 * the device nor the configuration is needed.
 */
gboolean vss_undo_and_wait(const VssdOptions *options);
