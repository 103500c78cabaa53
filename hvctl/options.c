/* SPDX-License-Identifier: GPL-2.0-only */
/* Every option of hvctl, in the order in which help shows them. */
#include "hvctl/command.h"

#include <string.h>

#include "kvpd/pool.h"
#include "vssd/ipc.h"
#include "vssd/options.h"

const HvctlOption hvctl_options[] = {
	{ HVCTL_OPT_POOL, 'p', "pool", "POOL", "external guest auto auto-external auto-internal",
		"external (0), guest (1), auto (2), auto-external (3), auto-internal (4)" },
	{ HVCTL_OPT_FIELD, 0, "field", "NAME", NULL, "the value of NAME alone" },
	{ HVCTL_OPT_EXPLAIN, 0, "explain", NULL, NULL, "what is not reported, too, and why" },
	{ HVCTL_OPT_ALL, 0, "all", NULL, NULL, "all records of the pool" },
	{ HVCTL_OPT_IF_STALE, 0, "if-stale", NULL, NULL,
		"only where the pool was written before this boot" },
	{ HVCTL_OPT_APPEND, 0, "append", NULL, NULL,
		"add records, also where the key is there already" },
	{ HVCTL_OPT_REPLACE, 0, "replace", NULL, NULL, "make the pools what the file has" },
	{ HVCTL_OPT_SPLIT, 0, "split", NULL, NULL,
		"store a value that is too long as KEY0, KEY1, …" },
	{ HVCTL_OPT_RAW, 0, "raw", NULL, NULL,
		"records as they are stored, not parts as one value" },
	{ HVCTL_OPT_VALUE, 0, "value", "VALUE", NULL, "wait until the key has this value" },
	{ HVCTL_OPT_DRY_RUN, 0, "dry-run", NULL, NULL, "say what would be done, and do nothing" },
	{ HVCTL_OPT_REPAIR, 0, "repair", NULL, NULL, "mend what can be mended" },
	{ HVCTL_OPT_FOLLOW, 'f', "follow", NULL, NULL, "go on with what is logged from now on" },
	{ HVCTL_OPT_LINES, 'n', "lines", "COUNT", NULL, "the last COUNT lines" },
	{ HVCTL_OPT_DURATION, 0, "duration", "TIME", NULL, "stay frozen this long [2s]" },
	{ HVCTL_OPT_YES, 0, "yes", NULL, NULL, "do it" },
	{ HVCTL_OPT_MARKER, 0, "marker", "PATH", NULL,
		"the file that names what is frozen [" VSS_MARKER "]" },
	{ HVCTL_OPT_LIST, 0, "list", NULL, NULL, "show which checks there are" },
	{ HVCTL_OPT_ROOT, 0, "root", "DIR", NULL,
		"look at the tree below DIR, not at this machine (for tests)" },
	{ HVCTL_OPT_ORIGIN, 0, "origin", NULL, NULL,
		"the file and line that every value comes from" },
	{ HVCTL_OPT_JSON, 'j', "json", NULL, NULL, "print JSON" },
	{ HVCTL_OPT_FORMAT, 0, "format", "FORMAT", "plain env json-lines",
		"plain, env (KEY='value' for a shell) or json-lines" },
	{ HVCTL_OPT_OFFLINE, 0, "offline", NULL, NULL, "use the files, not the daemon" },
	{ HVCTL_OPT_POOL_DIR, 0, "pool-dir", "DIR", NULL,
		"the directory of the files [" HVIS_POOL_DIR "]" },
	{ HVCTL_OPT_SOCKET, 0, "socket", "PATH", NULL, "the daemon's socket [" HVCTL_SOCKET "]" },
	{ HVCTL_OPT_TIMEOUT, 0, "timeout", "TIME", NULL,
		"wait this long [10s, where the command names no other]" },
	{ HVCTL_OPT_COLOR, 0, "color", "WHEN", "auto always never",
		"colours: auto (on a terminal), always, never" },
	{ HVCTL_OPT_HELP, 'h', "help", NULL, NULL, "show this text" },
	{ HVCTL_OPT_VERSION, 0, "version", NULL, NULL, "show the version" },
	{ 0, 0, NULL, NULL, NULL, NULL },
};

const char *hvctl_option_help(const HvctlCommand *command, const HvctlOption *option)
{
	if (command && option->bit == HVCTL_OPT_SOCKET && g_str_has_prefix(command->path, "ip "))
		return "the helper's socket [" HVCTL_IP_SOCKET "]";
	if (command && option->bit == HVCTL_OPT_SOCKET && g_str_has_prefix(command->path, "vss "))
		return "the daemon's socket [" VSS_SOCKET "]";
	if (command && option->bit == HVCTL_OPT_SOCKET && g_str_has_prefix(command->path, "fcopy "))
		return "the daemon's socket [" HVCTL_FCOPY_SOCKET "]";
	if (command && option->bit == HVCTL_OPT_TIMEOUT && command->is_long)
		return "end after this long [never]";
	return option->help;
}

gboolean hvctl_takes(const HvctlCommand *command, guint bit)
{
	return ((command->options | HVCTL_OPT_COMMON) & bit) != 0;
}

const HvctlOption *hvctl_find_option(const char *word, gsize len)
{
	for (const HvctlOption *o = hvctl_options; o->bit; o++) {
		if (len == 2 && word[1] != '-' && o->letter == word[1])
			return o;
		if (len > 2 && word[1] == '-' && strlen(o->name) == len - 2 &&
			memcmp(o->name, word + 2, len - 2) == 0)
			return o;
	}
	return NULL;
}
