/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "ipd/options.h"

#include <util/options.h>

gboolean ip_options_parse(IpOptions *options, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "socket", 0, 0, G_OPTION_ARG_FILENAME, &options->socket,
			"Listen here, not on the service manager's socket", "PATH" },
		{ "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->state_dir,
			"Where changes are written down [/var/lib/hvis/ip]", "DIR" },
		{ "root", 0, 0, G_OPTION_ARG_FILENAME, &options->root,
			"Work on the system below DIR (for tests)", "DIR" },
		{ "debug", 'd', 0, G_OPTION_ARG_NONE, &options->debug, "Log every program", NULL },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version",
			NULL },
		{ NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
	};

	if (!hvis_options_parse(entries,
		    "Gives adapters the addresses that the Hyper-V host wants. Started by "
		    "hvis-ip.socket. See hvis_ip_helper(8).",
		    argc, argv, error))
		return FALSE;
	if (!options->root)
		options->root = g_strdup("");
	if (!options->state_dir)
		options->state_dir = g_strconcat(options->root, "/var/lib/hvis/ip", NULL);
	return TRUE;
}

void ip_options_clear(IpOptions *options)
{
	g_clear_pointer(&options->socket, g_free);
	g_clear_pointer(&options->state_dir, g_free);
	g_clear_pointer(&options->root, g_free);
}
