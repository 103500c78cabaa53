/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A daemon that does nothing: it registers, then answers every message with the beginning of it. What a request to
 * it takes is the way there and back, which no daemon can save.
 */
#pragma once

#include "bench/lib/daemon.h"
#include "bench/lib/uio-host.h"

typedef struct {
	double best, median; /* microseconds of a request */
} EchoTimes;

/* A process of this program, at a socket that is made at @path; to be freed as any daemon. */
gboolean echo_start(Daemon *echo, const DeviceKind *kind, const char *path, GError **error);

/* The same at the far end of rings; the daemon's own host is not used. */
gboolean echo_start_uio(Daemon *echo, UioHost *host, GError **error);

/* What the longest message to one takes, for as long as it takes to find out. */
gboolean echo_measure(const DeviceKind *kind, const char *path, EchoTimes *ret, GError **error);
