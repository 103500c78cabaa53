/* SPDX-License-Identifier: GPL-2.0-only */
/* The names of the key-value pools, as a user may write them. */
#pragma once

#include <glib.h>

/* @text is a name or a number; *@ret becomes the name, a constant. HVIS_ERROR_INVALID otherwise. */
gboolean hvctl_pool_parse(const char *text, const char **ret, GError **error);
