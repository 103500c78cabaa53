/* SPDX-License-Identifier: GPL-2.0-only */
/* One table each; -n and -d are those of the kernel's own daemons. */
#include "config.h"

#include "fcopyd/options.h"

#include <util/options.h>

#include "fcopyd/policy.h"

static const char *const confidential[] = { "off", "on", NULL };

const HvisConfigKey fcopy_config_keys[] = {
	FCOPY_POLICY_KEYS,
	{ "fcopy", "ConfidentialVM", HVIS_CONFIG_CHOICE, "off", 0, 0, confidential,
		"Whether the host of a confidential VM may copy files into it." },
	{ "fcopy", "Received", HVIS_CONFIG_BOOL, "no", 0, 0, NULL,
		"Whether hvis-fcopy-received@.service is started for each file that was copied." },
	{ "kvp", NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
	{ "vss", NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
	{ "ip", NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
	{ NULL, NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
};

gboolean fcopy_is_allowed(HvisIsolation isolation, HvisConfig *config)
{
	return isolation == HVIS_ISOLATION_NONE ||
	       g_str_equal(hvis_config_string(config, "fcopy", "ConfidentialVM"), "on");
}

static void set_defaults(FcopydOptions *options)
{
	if (g_strcmp0(options->device, "auto") == 0)
		g_clear_pointer(&options->device, g_free);
	if (!options->socket)
		options->socket = g_strdup(FCOPY_SOCKET);
	if (!options->root)
		options->root = g_strdup("");
	if (!options->state_dir)
		options->state_dir = g_strconcat(options->root, FCOPY_STATE_DIR, NULL);
	options->isolation = hvis_isolation_detect(NULL, NULL);
}

gboolean fcopyd_options_parse(FcopydOptions *options, int argc, char **argv, GError **error)
{
	gboolean foreground; /* we always are */
	const GOptionEntry entries[] = {
		{ "device", 0, 0, G_OPTION_ARG_FILENAME, &options->device,
			"Device, or socket of hvis-host link; auto: whichever there is [auto]",
			"PATH" },
		{ "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->state_dir,
			"Where temporary names are noted [" FCOPY_STATE_DIR "]", "DIR" },
		{ "socket", 0, 0, G_OPTION_ARG_FILENAME, &options->socket,
			"Socket for hvctl [" FCOPY_SOCKET "]", "PATH" },
		{ "root", 0, 0, G_OPTION_ARG_FILENAME, &options->root,
			"Look for configuration, and put files, below DIR (for tests)", "DIR" },
		{ "debug", 'd', 0, G_OPTION_ARG_NONE, &options->debug,
			"Log what is of use to developers", NULL },
		{ "no-daemon", 'n', 0, G_OPTION_ARG_NONE, &foreground,
			"Accepted for compatibility: it never goes to the background", NULL },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version",
			NULL },
		{ NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
	};

	if (!hvis_options_parse(entries,
		    "Takes files that the Hyper-V host copies into this guest. See "
		    "hv_fcopy_daemon(8).",
		    argc, argv, error))
		return FALSE;
	set_defaults(options);
	return TRUE;
}

void fcopyd_options_clear(FcopydOptions *options)
{
	g_clear_pointer(&options->device, g_free);
	g_clear_pointer(&options->socket, g_free);
	g_clear_pointer(&options->root, g_free);
	g_clear_pointer(&options->state_dir, g_free);
}
