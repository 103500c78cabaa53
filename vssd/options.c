/* SPDX-License-Identifier: GPL-2.0-only */
/* One table each; -n and -d are those of the kernel's own daemons. */
#include "config.h"

#include "vssd/options.h"

#include <util/options.h>

#include "vssd/ipc.h"

const HvisConfigKey vss_config_keys[] = {
	{ "vss", "Exclude", HVIS_CONFIG_LIST, "", 0, 0, NULL,
		"File systems that are not frozen: patterns of mount points, of sources, of "
		"types." },
	{ "vss", "Require", HVIS_CONFIG_LIST, "", 0, 0, NULL,
		"File systems without which there is no backup: patterns, as above." },
	{ "vss", "AllowNothing", HVIS_CONFIG_BOOL, "no", 0, 0, NULL,
		"Whether a backup is consistent where there was nothing to freeze." },
	{ "vss", "Deadline", HVIS_CONFIG_SECONDS, "60s", 5000, 600000, NULL,
		"How long file systems stay frozen at most." },
	{ "vss", "Hooks", HVIS_CONFIG_BOOL, "yes", 0, 0, NULL,
		"Whether the programs of HooksDirectory= are run around a freeze." },
	{ "vss", "HooksDirectory", HVIS_CONFIG_PATH, HVIS_SYSCONF_DIR "/freeze.d", 0, 0, NULL,
		"Where the programs are that make applications ready for a freeze." },
	{ "kvp", NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
	{ "fcopy", NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
	{ "ip", NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
	{ NULL, NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
};

static void set_default(char **value, const char *fallback)
{
	if (!*value)
		*value = g_strdup(fallback);
}

gboolean vssd_options_parse(VssdOptions *options, int argc, char **argv, GError **error)
{
	gboolean foreground; /* we always are */
	const GOptionEntry entries[] = {
		{ "device", 0, 0, G_OPTION_ARG_FILENAME, &options->device,
			"Device, or socket of hvis-host link [/dev/vmbus/hv_vss]", "PATH" },
		{ "marker", 0, 0, G_OPTION_ARG_FILENAME, &options->marker,
			"File that names what may be frozen [" VSS_MARKER "]", "PATH" },
		{ "programs", 0, 0, G_OPTION_ARG_FILENAME, &options->programs,
			"Directory of worker, guard and hook [" HVIS_LIBEXEC_DIR "]", "DIR" },
		{ "prefix", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &options->prefix,
			"What their names begin with (for tests)", "TEXT" },
		{ "socket", 0, 0, G_OPTION_ARG_FILENAME, &options->socket,
			"Socket for hvctl [" VSS_SOCKET "]", "PATH" },
		{ "root", 0, 0, G_OPTION_ARG_FILENAME, &options->root,
			"Look for configuration and mounts below DIR (for tests)", "DIR" },
		{ "thaw-left-over", 0, 0, G_OPTION_ARG_NONE, &options->thaw_left_over,
			"Thaw what a daemon that was killed has left frozen, and end", NULL },
		{ "debug", 'd', 0, G_OPTION_ARG_NONE, &options->debug,
			"Log what is of use to developers", NULL },
		{ "no-daemon", 'n', 0, G_OPTION_ARG_NONE, &foreground,
			"Accepted for compatibility: it never goes to the background", NULL },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version",
			NULL },
		{ NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
	};

	if (!hvis_options_parse(entries,
		    "Freezes file systems while the Hyper-V host takes a backup.", argc, argv,
		    error))
		return FALSE;
	set_default(&options->device, "/dev/vmbus/hv_vss");
	set_default(&options->socket, VSS_SOCKET);
	set_default(&options->root, "");
	set_default(&options->programs, HVIS_LIBEXEC_DIR);
	set_default(&options->prefix, "hv_vss_");
	set_default(&options->marker, VSS_MARKER);
	return TRUE;
}

void vssd_options_clear(VssdOptions *options)
{
	g_clear_pointer(&options->device, g_free);
	g_clear_pointer(&options->socket, g_free);
	g_clear_pointer(&options->root, g_free);
	g_clear_pointer(&options->programs, g_free);
	g_clear_pointer(&options->prefix, g_free);
	g_clear_pointer(&options->marker, g_free);
}
