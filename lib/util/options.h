/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of a daemon: options, and nothing else. hvctl and hvis-host have commands, and parsers for them; the
 * latter's take the one check from here that GLib does not make.
 */
#pragma once

#include <glib.h>

/*
 * Parse @argv by @entries, GLib's; "--help" prints @summary and exits. Any other argument is an error, and so is a value for an
 * option that has none. The strings are for the caller to free.
 */
gboolean hvis_options_parse(
	const GOptionEntry *entries, const char *summary, int argc, char **argv, GError **error);

/*
 * FALSE where a word of @argv, whose first is passed over, gives a value to an option of @entries, or to --help, that has
 * none: GLib drops it, and "--debug=no" would be "--debug".
 */
gboolean hvis_options_check(const GOptionEntry *entries, int argc, char **argv, GError **error);
