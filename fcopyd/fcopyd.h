/* SPDX-License-Identifier: GPL-2.0-only */
/* hv_fcopy_daemon as a whole: the device, the file that is under way, and who asks about it. */
#pragma once

#include "fcopyd/options.h"

typedef struct Fcopyd Fcopyd;

/* @options must outlive it. HVIS_ERROR_INVALID where the configuration is wrong. */
Fcopyd *fcopyd_new(const FcopydOptions *options, GError **error);

/* Waits for nobody: what is under way is not finished any more. NULL is fine. */
void fcopyd_free(Fcopyd *fcopyd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fcopyd, fcopyd_free)

/*
 * Listen, have what is left over removed, and open the device. HVIS_ERROR_BUSY where another daemon has the socket.
 * In a confidential VM whose configuration does not say on nothing of that is done, and it is no failure.
 */
gboolean fcopyd_start(Fcopyd *fcopyd, GError **error);

/* From now on SIGTERM, SIGINT and SIGHUP are for fcopyd_run(), also those that come before it. */
void fcopyd_catch_signals(Fcopyd *fcopyd);

/*
 * Until SIGTERM or SIGINT, and then until nothing is left of what was under way, but not for long: a file server that
 * is dead is not waited for. SIGHUP has the configuration read again. After fcopyd_catch_signals(). Tells the service
 * manager that it stops. Returns at once where the daemon is off.
 */
void fcopyd_run(Fcopyd *fcopyd);
