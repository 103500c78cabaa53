/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device of a KVP daemon without anything behind it: a socket as "hvis-host link" makes them
 * (hvis/link.h), one message out, its answer in. For benchmarks, which want the daemon's time alone.
 * It plays neither kernel nor host: messages are the caller's, as the daemon sees them.
 */
#pragma once

#include <glib.h>

#include <hvis/kvp.h>

typedef struct {
	int listener, daemon; /* -1: none */
	char *path;
} DeviceHost;

/* Make the socket at @path, which must fit sun_path and not exist. */
gboolean device_host_init(DeviceHost *host, const char *path, GError **error);
void device_host_deinit(DeviceHost *host);

/* Wait up to @ms for a daemon, greet it, and answer its registration: then it is ready. */
gboolean device_host_accept(DeviceHost *host, int ms, GError **error);
void device_host_hang_up(DeviceHost *host);

/* Send @message and put the answer into it; FALSE where the daemon does not answer within 60 s. */
gboolean device_host_ask(DeviceHost *host, struct hvis_kvp_dev_msg *message, GError **error);
