/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device of a daemon without anything behind it: a socket as "hvis-host link" makes them
 * (hvis/link.h), one message out, its answer in. For benchmarks, which want the daemon's time alone.
 * It plays neither kernel nor host: messages are the caller's, as the daemon sees them.
 */
#pragma once

#include <glib.h>

/* What a service's device is like. */
typedef struct {
	gsize len; /* bytes of the longest message to a daemon */
	gsize reply_len; /* of whatever it sends */
	const void *registration; /* what it sends first; of that the first byte is looked at */
	const void *answer; /* of the kernel to the registration */
	gsize answer_len;
} DeviceKind;

extern const DeviceKind device_kvp, device_vss, device_fcopy;

typedef struct {
	const DeviceKind *kind;
	int listener, daemon; /* -1: none */
	char *path;
} DeviceHost;

/* Make the socket at @path, which must fit sun_path and not exist. */
gboolean device_host_init(
	DeviceHost *host, const DeviceKind *kind, const char *path, GError **error);
void device_host_deinit(
	DeviceHost *host); /* of all zeros, too, as of a daemon with another device */

/* Wait up to @ms for a daemon, greet it, and answer its registration: then it is ready. */
gboolean device_host_accept(DeviceHost *host, int ms, GError **error);
void device_host_hang_up(DeviceHost *host);

/*
 * Send @message, of the kind's size, or its first @len bytes, and put the answer into it, which has room for that;
 * FALSE where the daemon does not answer within 60 s.
 */
gboolean device_host_ask(DeviceHost *host, void *message, GError **error);
gboolean device_host_ask_part(DeviceHost *host, void *message, gsize len, GError **error);
