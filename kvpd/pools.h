/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The five pools of a directory, and what they are called. Shared between threads by reference; the
 * pools themselves may be used from any thread.
 */
#pragma once

#include <glib.h>

#include <hvis/kvp.h>

#include "kvpd/pool.h"

typedef struct KvpPools KvpPools;

/* Does not touch the disk. @ops is NULL for the real system calls. */
KvpPools *kvp_pools_new(const char *dir, const KvpPoolOps *ops);
KvpPools *kvp_pools_ref(KvpPools *pools);
void kvp_pools_unref(KvpPools *pools);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpPools, kvp_pools_unref)

/* The watch of the directory, made when first asked for, before any thread has a pool; borrowed. */
KvpWatch *kvp_pools_watch(KvpPools *pools);

/*
 * Create what is missing of the directory and the files, and finish what a dead writer has begun in
 * them. On failure that of the others is done still.
 */
gboolean kvp_pools_create(KvpPools *pools, GError **error);

/* @number is below HVIS_KVP_POOL_N. */
KvpPool *kvp_pools_get(KvpPools *pools, guint number);

const char *kvp_pools_name(guint number); /* "external"; NULL if there is no such pool */

/* The number of the pool that @text names, "external" or "0"; HVIS_ERROR_INVALID if none. */
gboolean kvp_pools_parse(const char *text, guint *ret, GError **error);
