/* SPDX-License-Identifier: GPL-2.0-only */
/* Three words and what they allow. */
#include "config.h"

#include "kvpd/policy.h"

#include <util/error.h>

const char *const kvp_policy_names[] = { "off", "strict", "on", NULL };

G_STATIC_ASSERT(G_N_ELEMENTS(kvp_policy_names) == KVP_POLICY_N + 1);

KvpPolicy kvp_policy_for(HvisIsolation isolation, const char *configured)
{
	if (isolation == HVIS_ISOLATION_NONE)
		return KVP_POLICY_ON;
	for (guint i = 0; i < KVP_POLICY_N; i++)
		if (g_strcmp0(configured, kvp_policy_names[i]) == 0)
			return (KvpPolicy)i;
	return KVP_POLICY_OFF;
}

gboolean kvp_policy_check(KvpPolicy policy, guint8 op, guint8 pool, GError **error)
{
	switch (policy) {
	case KVP_POLICY_ON:
		return TRUE;
	case KVP_POLICY_STRICT:
		if ((op == HVIS_KVP_OP_GET || op == HVIS_KVP_OP_ENUMERATE) &&
			pool == HVIS_KVP_POOL_GUEST)
			return TRUE;
		break;
	case KVP_POLICY_OFF:
	case KVP_POLICY_N:
		break;
	}
	return hvis_fail(
		error, HVIS_ERROR_UNSUPPORTED, "a confidential VM does not let its host do that");
}
