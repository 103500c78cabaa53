/* SPDX-License-Identifier: GPL-2.0-only */
/* A daemon that is measured: a process at a device of its own, started and stopped at will. */
#pragma once

#include "bench/lib/device-host.h"

typedef struct {
	const char *name; /* of the side: "ours" or "peer" */
	char **argv, **envp; /* owned */
	DeviceHost host;
	GPid pid; /* 0: not running */
} Daemon;

/* Stopped, and without its device. */
void daemon_deinit(Daemon *daemon);

/* Start it and wait until it is registered; what it writes to standard error is dropped. */
gboolean daemon_start(Daemon *daemon, GError **error);
/* Only the first of that, for a daemon with another kind of device. */
gboolean daemon_spawn(Daemon *daemon, GError **error);
void daemon_stop(Daemon *daemon);
