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
 * Listen, say where a sandbox hides file systems, have what is left over undone, and open the device: once
 * that is over, or after a moment all the same. HVIS_ERROR_BUSY where another daemon has the socket.
 */
gboolean vssd_start(Vssd *vssd, GError **error);

/* From now on SIGTERM, SIGINT and SIGHUP are for vssd_run(), also those that come before it. */
void vssd_catch_signals(Vssd *vssd);

/*
 * Until SIGTERM or SIGINT, and then until nothing is frozen any more. SIGHUP has the configuration read again,
 * where there is a session after it. After vssd_catch_signals(). Tells the service manager that it stops.
 */
void vssd_run(Vssd *vssd);
