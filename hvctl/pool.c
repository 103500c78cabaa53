/* SPDX-License-Identifier: GPL-2.0-only */
#include "hvctl/pool.h"

#include <hvis/kvp.h>
#include "util/error.h"

static const char *const names[HVIS_KVP_POOL_N] = {
	[HVIS_KVP_POOL_EXTERNAL] = "external",
	[HVIS_KVP_POOL_GUEST] = "guest",
	[HVIS_KVP_POOL_AUTO] = "auto",
	[HVIS_KVP_POOL_AUTO_EXTERNAL] = "auto-external",
	[HVIS_KVP_POOL_AUTO_INTERNAL] = "auto-internal",
};

gboolean hvctl_pool_parse(const char *text, const char **ret, GError **error)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		const char digit[] = { (char)('0' + i), '\0' };

		if (g_str_equal(text, names[i]) || g_str_equal(text, digit)) {
			*ret = names[i];
			return TRUE;
		}
	}
	return hvis_fail(error, HVIS_ERROR_INVALID,
		"no pool \"%s\": external (0), guest (1), auto (2), auto-external (3), "
		"auto-internal (4)",
		text);
}
