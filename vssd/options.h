/* SPDX-License-Identifier: GPL-2.0-only */
/* Command line and [vss] of the configuration. */
#pragma once

#include <util/config.h>

#define VSS_SOCKET "/run/hvis/vss"

typedef struct {
	char *device, *root, *programs, *prefix, *marker, *socket;
	gboolean debug, version, thaw_left_over;
} VssdOptions;

extern const HvisConfigKey vss_config_keys[];

/* What is not given gets its default. Owned; to be cleared, also after a failure. */
gboolean vssd_options_parse(VssdOptions *options, int argc, char **argv, GError **error);
void vssd_options_clear(VssdOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VssdOptions, vssd_options_clear)
