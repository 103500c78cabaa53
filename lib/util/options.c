/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of a daemon; see the header. */
#include <util/options.h>

#include <util/error.h>

gboolean hvis_options_parse(
	const GOptionEntry *entries, const char *summary, int argc, char **argv, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_summary(context, summary);
	if (!g_option_context_parse(context, &argc, &argv, error))
		return FALSE;
	return argc <= 1 || hvis_fail(error, HVIS_ERROR_INVALID,
				    "unexpected argument \"%s\"; see --help", argv[1]);
}
