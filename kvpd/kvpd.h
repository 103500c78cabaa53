/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv_kvp_daemon as an object: made from its options, runs on the default main context, stops when
 * it is freed.
 */
#pragma once

#include <glib.h>

#include "kvpd/options.h"

typedef struct Kvpd Kvpd;

/* @options must outlive the daemon. Fails on a wrong configuration (HVIS_ERROR_INVALID). */
Kvpd *kvpd_new(const KvpdOptions *options, GError **error);

/* Finishes what is being written, so it may take as long as LockTimeout=. */
void kvpd_free(Kvpd *kvpd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Kvpd, kvpd_free)

/*
 * Listen and open the device; the service manager is told as soon as it is known whether the device
 * can be had. HVIS_ERROR_BUSY where another daemon runs; a socket that cannot be had for another
 * reason is logged, and the host is served without it. In a confidential VM whose configuration says
 * off nothing of that is done, and it is no failure.
 */
gboolean kvpd_start(Kvpd *kvpd, GError **error);

/*
 * From now on until kvpd_free() has written what was in memory only SIGTERM, SIGINT and SIGHUP are for kvpd_run(),
 * also those that come before it; those that come after it are ignored.
 */
void kvpd_catch_signals(Kvpd *kvpd);

/*
 * Until SIGTERM or SIGINT; SIGHUP reloads. After kvpd_catch_signals(). Tells the service manager that it stops. Returns at once
 * where the daemon is off.
 */
void kvpd_run(Kvpd *kvpd);

/* Read configuration and facts again; a configuration that is wrong is logged and not used. */
void kvpd_reload(Kvpd *kvpd);
