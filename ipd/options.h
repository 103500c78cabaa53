/* SPDX-License-Identifier: GPL-2.0-only */
/* Command line of hvis_ip_helper. */
#pragma once

#include <glib.h>

typedef struct {
	char *socket; /* NULL: what the service manager hands over */
	char *state_dir;
	char *root; /* "" or a directory in front of every path */
	gboolean debug, version;
} IpOptions;

/* HVIS_ERROR_INVALID or a G_OPTION_ERROR. ip_options_clear() frees what it filled in. */
gboolean ip_options_parse(IpOptions *options, int argc, char **argv, GError **error);
void ip_options_clear(IpOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(IpOptions, ip_options_clear)
