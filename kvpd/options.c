/* SPDX-License-Identifier: GPL-2.0-only */
/* Options by one table; -n and -d are those of the kernel's own daemon. */
#include "config.h"

#include "kvpd/options.h"

#include <util/error.h>
#include <util/options.h>

#include "kvpd/netpolicy.h"
#include "kvpd/policy.h"
#include "kvpd/pool.h"

static const char *const ip_enable[] = { "auto", "yes", "no", NULL };
static const char *const ip_backends[] = { "auto", "networkd", "NetworkManager", "ifupdown",
	"netplan", NULL };

const HvisConfigKey kvpd_config_keys[] = {
	{ "kvp", "ConfidentialVM", HVIS_CONFIG_CHOICE, "off", 0, 0, kvp_policy_names,
		"What the host of a confidential VM gets: off, strict or on." },
	{ "kvp", "LockTimeout", HVIS_CONFIG_SECONDS, "5s", 100, 20000, NULL,
		"How long a change of a pool waits for another program's lock." },
	{ "kvp", "Writers", HVIS_CONFIG_LIST, "root", 0, 0, NULL,
		"Users, and @groups, that may change pools external and guest through the "
		"socket." },
	{ "kvp", "MaxRecords", HVIS_CONFIG_INT, "16384", 1, KVP_POOL_RECORDS_MAX, NULL,
		"How many records a pool may grow to." },
	{ "kvp", "Sync", HVIS_CONFIG_CHOICE, "always", 0, 0, kvp_sync_names,
		"When a change is on the disk: before it is answered, a second later, or some "
		"time." },
	{ "kvp", "IncludeInterfaces", HVIS_CONFIG_LIST, NET_POLICY_INCLUDE, 0, 0, NULL,
		"Network interfaces that the host is told of: patterns." },
	{ "kvp", "ExcludeInterfaces", HVIS_CONFIG_LIST, NET_POLICY_EXCLUDE, 0, 0, NULL,
		"Network interfaces that it is not told of: patterns, stronger than the above." },
	{ "kvp", "LinkLocal", HVIS_CONFIG_BOOL, "yes", 0, 0, NULL,
		"Whether the host is told of link-local addresses." },
	{ "kvp", "TemporaryAddresses", HVIS_CONFIG_BOOL, "no", 0, 0, NULL,
		"Whether the host is told of temporary IPv6 addresses." },
	{ "vss", NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
	{ "fcopy", NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
	{ "ip", "Enable", HVIS_CONFIG_CHOICE, "auto", 0, 0, ip_enable,
		"Whether the host may set addresses; auto: not in a confidential VM." },
	{ "ip", "Backend", HVIS_CONFIG_CHOICE, "auto", 0, 0, ip_backends,
		"Which network manager is told; auto: the one that has the interface." },
	{ "ip", "ConfirmTimeout", HVIS_CONFIG_SECONDS, "15s", 1000, 600000, NULL,
		"How long carrier, address and gateway may take before a change is taken back." },
	{ "ip", "Hook", HVIS_CONFIG_PATH, HVIS_SYSCONF_DIR "/ip-hook", 0, 0, NULL,
		"Program that is run after a change that stayed, if it is there." },
	{ NULL, NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
};

static void set_defaults(KvpdOptions *options)
{
	g_autofree char *pool_dir = g_steal_pointer(&options->pool_dir);

	if (!options->device)
		options->device = g_strdup("/dev/vmbus/hv_kvp");
	/* hvctl is told the paths, and runs in another directory */
	options->pool_dir = g_canonicalize_filename(pool_dir ? pool_dir : HVIS_POOL_DIR, NULL);
	if (!options->socket)
		options->socket = g_strdup("/run/hvis/kvp");
	if (!options->root)
		options->root = g_strdup("");
	options->isolation = hvis_isolation_detect(NULL, NULL);
}

gboolean kvpd_options_parse(KvpdOptions *options, int argc, char **argv, GError **error)
{
	gboolean foreground; /* we always are */
	const GOptionEntry entries[] = {
		{ "device", 0, 0, G_OPTION_ARG_FILENAME, &options->device,
			"Device, or socket of hvis-host link [/dev/vmbus/hv_kvp]", "PATH" },
		{ "pool-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->pool_dir,
			"Directory of the pools [" HVIS_POOL_DIR "]", "DIR" },
		{ "socket", 0, 0, G_OPTION_ARG_FILENAME, &options->socket,
			"Socket for hvctl [/run/hvis/kvp]", "PATH" },
		{ "root", 0, 0, G_OPTION_ARG_FILENAME, &options->root,
			"Look for configuration and facts below DIR (for tests)", "DIR" },
		{ "debug", 'd', 0, G_OPTION_ARG_NONE, &options->debug, "Log every request", NULL },
		{ "debug-enabled", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options->debug,
			NULL, NULL },
		{ "no-daemon", 'n', 0, G_OPTION_ARG_NONE, &foreground,
			"Accepted for compatibility: it never goes to the background", NULL },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version",
			NULL },
		{ NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
	};

	if (!hvis_options_parse(entries,
		    "Exchanges key-value pairs with the Hyper-V host. See hv_kvp_daemon(8).", argc,
		    argv, error))
		return FALSE;
	if (options->pool_dir && !*options->pool_dir) /* it would be the directory we are in */
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"--pool-dir: a directory is wanted, not an empty word");
	set_defaults(options);
	return TRUE;
}

void kvpd_options_clear(KvpdOptions *options)
{
	g_clear_pointer(&options->device, g_free);
	g_clear_pointer(&options->pool_dir, g_free);
	g_clear_pointer(&options->socket, g_free);
	g_clear_pointer(&options->root, g_free);
}
