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
 * Listen, undo what a former daemon has left frozen, and open the device. HVIS_ERROR_BUSY where another
 * daemon has the socket.
 */
gboolean vssd_start(Vssd *vssd, GError **error);

/* Until SIGTERM or SIGINT, and then until nothing is frozen any more. */
void vssd_run(Vssd *vssd);
