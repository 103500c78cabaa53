/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is to be told of a backup if the daemon is killed now: an entry of the history in a file beside the marker,
 * from before the hooks are called until the host's key has its end. Who finds it tells it.
 */
#pragma once

#include <json-c/json.h>

#include <glib.h>

/* Write @entry, in the place of the one that there is. Nothing is frozen. */
gboolean vss_ahead_write(const char *path, struct json_object *entry, GError **error);

/*
 * That at @path; new. NULL where there is none, and with HVIS_ERROR_INVALID where it is no entry, which is
 * removed.
 */
struct json_object *vss_ahead_read(const char *path, GError **error);

void vss_ahead_forget(const char *path);
