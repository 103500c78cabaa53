/* SPDX-License-Identifier: GPL-2.0-only */
/* hv_vss_daemon as a whole: the device, the states of a backup, and its sessions. */
#pragma once

#include "vssd/options.h"

typedef struct Vssd Vssd;

/* @options must outlive it. */
Vssd *vssd_new(const VssdOptions *options, GError **error);
void vssd_free(Vssd *vssd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Vssd, vssd_free)

/*
 * Undo what a former daemon has left frozen, say so, and say where that cannot be done: then FALSE.
 * Neither the device nor the configuration is needed.
 */
gboolean vssd_thaw_left_over(const VssdOptions *options);

/*
 * Listen, say where a sandbox hides file systems, have what is left over undone, and open the device: once
 * that is over, or after a moment all the same. HVIS_ERROR_BUSY where another daemon has the socket.
 */
gboolean vssd_start(Vssd *vssd, GError **error);

/* Until SIGTERM or SIGINT, and then until nothing is frozen any more. */
void vssd_run(Vssd *vssd);
