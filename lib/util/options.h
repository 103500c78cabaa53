/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of a daemon: options, and nothing else. hvctl and hvis-host have commands, and parsers for them. */
#pragma once

#include <glib.h>

/*
 * Parse @argv by @entries, GLib's; "--help" prints @summary and exits. Any other argument is an error.
 * The strings are for the caller to free.
 */
gboolean hvis_options_parse(
	const GOptionEntry *entries, const char *summary, int argc, char **argv, GError **error);
