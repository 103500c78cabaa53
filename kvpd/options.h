/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of hv_kvp_daemon, and its part of the configuration files.
 */
#pragma once

#include <glib.h>

#include <util/confidential.h>
#include <util/config.h>

typedef struct {
	char *device; /* or the socket of "hvis-host link" */
	char *pool_dir;
	char *socket;
	char *root; /* "" but in tests: where configuration and facts are looked for */
	HvisIsolation isolation; /* of the machine; no option sets it */
	gboolean debug;
	gboolean version; /* print it, do nothing else */
} KvpdOptions;

/* HVIS_ERROR_INVALID (or GLib's own domain) on wrong usage. --help prints and exits. */
gboolean kvpd_options_parse(KvpdOptions *options, int argc, char **argv, GError **error);
void kvpd_options_clear(KvpdOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KvpdOptions, kvpd_options_clear)

/* The keys of section [kvp]; other sections belong to others. */
extern const HvisConfigKey kvpd_config_keys[];
