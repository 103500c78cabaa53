/* SPDX-License-Identifier: GPL-2.0-only */
/* Five pools and the table of their names. */
#include "config.h"

#include "kvpd/pools.h"

#include <util/error.h>

struct KvpPools {
	gatomicrefcount refs;
	char *dir;
	KvpWatch *watch; /* NULL until somebody wants one */
	KvpPool *pool[HVIS_KVP_POOL_N];
};

static const char *const names[HVIS_KVP_POOL_N] = {
	[HVIS_KVP_POOL_EXTERNAL] = "external",
	[HVIS_KVP_POOL_GUEST] = "guest",
	[HVIS_KVP_POOL_AUTO] = "auto",
	[HVIS_KVP_POOL_AUTO_EXTERNAL] = "auto-external",
	[HVIS_KVP_POOL_AUTO_INTERNAL] = "auto-internal",
};

KvpPools *kvp_pools_new(const char *dir, const KvpPoolOps *ops)
{
	KvpPools *pools = g_new0(KvpPools, 1);

	g_atomic_ref_count_init(&pools->refs);
	pools->dir = g_strdup(dir);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		pools->pool[i] = kvp_pool_new(dir, i, ops);
	return pools;
}

KvpPools *kvp_pools_ref(KvpPools *pools)
{
	g_atomic_ref_count_inc(&pools->refs);
	return pools;
}

void kvp_pools_unref(KvpPools *pools)
{
	if (!pools || !g_atomic_ref_count_dec(&pools->refs))
		return;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		kvp_pool_free(pools->pool[i]);
	kvp_watch_unref(pools->watch);
	g_free(pools->dir);
	g_free(pools);
}

KvpWatch *kvp_pools_watch(KvpPools *pools)
{
	if (!pools->watch) {
		pools->watch = kvp_watch_new(pools->dir);
		for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
			kvp_pool_set_watch(pools->pool[i], pools->watch);
	}
	return pools->watch;
}

gboolean kvp_pools_create(KvpPools *pools, GError **error)
{
	gboolean done = TRUE;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		KvpPool *pool = pools->pool[i];

		done &= kvp_pool_create(pool, done ? error : NULL) &&
			kvp_pool_finish(pool, done ? error : NULL);
	}
	return done;
}

KvpPool *kvp_pools_get(KvpPools *pools, guint number)
{
	g_return_val_if_fail(number < HVIS_KVP_POOL_N, NULL);
	return pools->pool[number];
}

const char *kvp_pools_name(guint number)
{
	return number < HVIS_KVP_POOL_N ? names[number] : NULL;
}

gboolean kvp_pools_parse(const char *text, guint *ret, GError **error)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		if (g_str_equal(text, names[i]) ||
			(text[0] == (char)('0' + i) && text[1] == '\0')) {
			*ret = i;
			return TRUE;
		}
	}
	return hvis_fail(error, HVIS_ERROR_INVALID,
		"there is no pool \"%s\"; it is external, guest, auto, auto-external, "
		"auto-internal, or 0 to 4",
		text);
}
