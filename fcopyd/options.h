/* SPDX-License-Identifier: GPL-2.0-only */
/* Command line and [fcopy] of the configuration. */
#pragma once

#include <util/confidential.h>
#include <util/config.h>

#define FCOPY_SOCKET "/run/hvis/fcopy"
#define FCOPY_STATE_DIR "/var/lib/hvis/fcopy"

typedef struct {
	char *device; /* NULL: whichever there is */
	char *root, *socket, *state_dir;
	gboolean debug, version;
	HvisIsolation isolation;
} FcopydOptions;

extern const HvisConfigKey fcopy_config_keys[];

/* Whether the host of a guest with @isolation is served at all. */
gboolean fcopy_is_allowed(HvisIsolation isolation, HvisConfig *config);

/* What is not given gets its default. Owned; to be cleared, also after a failure. */
gboolean fcopyd_options_parse(FcopydOptions *options, int argc, char **argv, GError **error);
void fcopyd_options_clear(FcopydOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FcopydOptions, fcopyd_options_clear)
