/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One of the two daemons that are compared: its own device, its own pools.
 * Owns the process and the folder.
 */
#pragma once

#include <hvis/kvp.h>

#include "bench/lib/daemon.h"

typedef struct {
	Daemon daemon;
	gboolean ours;
	char *dir; /* of this side: device, pools/, control socket */
} Side;

/* @program is the daemon; for the peer @root is the unpacked package and @shim peer-shim.so, else NULL. */
gboolean side_init(Side *side, const char *name, const char *program, const char *root,
	const char *shim, GError **error);
void side_deinit(Side *side);

/* New pools in a folder below @where, with @count records "Key0"… in pools 0 and 1. Not while it runs. */
gboolean side_fill(Side *side, const char *where, guint count, GError **error);

/* Path of its pool file; to be freed. */
char *side_pool(const Side *side, guint pool);
