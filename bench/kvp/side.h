/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One of the two daemons that are compared: its own device, its own pools, started and stopped at will.
 * Owns the process and the folder.
 */
#pragma once

#include "bench/kvp/device-host.h"

typedef struct {
	const char *name; /* "ours" or "peer" */
	gboolean ours;
	char **argv, **envp;
	char *dir; /* of this side: device, pools/, control socket */
	DeviceHost host;
	GPid pid; /* 0: not running */
} Side;

/* @program is the daemon; for the peer @root is the unpacked package and @shim peer-shim.so, else NULL. */
gboolean side_init(Side *side, const char *name, const char *program, const char *root,
	const char *shim, GError **error);
void side_deinit(Side *side);

/* New pools in a folder below @where, with @count records "Key0"… in pools 0 and 1. Not while it runs. */
gboolean side_fill(Side *side, const char *where, guint count, GError **error);

/* Start it and wait until it is registered; what it writes to standard error is dropped. */
gboolean side_start(Side *side, GError **error);
void side_stop(Side *side);

/* Path of its pool file; to be freed. */
char *side_pool(const Side *side, guint pool);
