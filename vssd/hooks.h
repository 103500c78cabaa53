/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The folder of hooks: which programs there are, in which order, what is said of each in its .conf, and
 * whether they may be run as root at all. It runs nothing (hook-run.h) and decides nothing about a
 * backup (rounds.h).
 */
#pragma once

#include <glib.h>

#define VSS_HOOKS_MAX 64u /* ours: more are a mistake */

typedef struct {
	char *name; /* "10-postgresql": the file's */
	char *path; /* what is run: all links are resolved */
	guint timeout_ms; /* of each call */
	gboolean ignore; /* that it fails does not hinder a backup */
	char *user; /* who runs it; NULL: the daemon's own */
	char *problem; /* why it may not be run; NULL: it may */
} VssHook;

/*
 * The hooks of folder @path below @root ("" for the system's), ascending by name: of VssHook, to be
 * unreferenced. None where the folder does not exist. What is wrong with a single one is its problem;
 * NULL where the folder itself cannot be read, is not to be trusted, or has more than VSS_HOOKS_MAX.
 */
GPtrArray *vss_hooks_read(const char *root, const char *path, GError **error);

/* The one called @name, or NULL. */
VssHook *vss_hooks_find(const GPtrArray *hooks, const char *name);

/* Whether a file called @name is a hook: two digits, "-", then letters, digits, "-", "_", ".". */
gboolean vss_hook_name_is(const char *name);
