/* SPDX-License-Identifier: GPL-2.0-only */
/* [vss]: one table. */
#include "config.h"

#include "vssd/options.h"

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
	{ "kvp", NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
	{ "fcopy", NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
	{ "ip", NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
	{ NULL, NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
};
