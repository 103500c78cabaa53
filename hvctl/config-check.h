/* SPDX-License-Identifier: GPL-2.0-only */
/* What "hvctl config check" looks at, for others who want to know. */
#pragma once

#include <glib.h>
#include <json-c/json.h>

/*
 * Whether the configuration below @root ("" = the running system) is right and every daemon may read it; the files' names
 * go into the array @files. HVIS_ERROR_INVALID where it is wrong, something else where it cannot be looked at.
 */
gboolean hvctl_config_look(const char *root, struct json_object *files, GError **error);
