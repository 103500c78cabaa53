/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Method Watch of io.hvis.Kvp: callers who are told what changes. As long as there is one the last
 * seen records of every stored pool are kept; without one nothing is.
 */
#pragma once

#include <varlink/varlink.h>

#include "kvpd/store.h"

typedef struct KvpSubscribe KvpSubscribe;

/* @worker reads files that are not in memory; free it, which waits, before this. */
KvpSubscribe *kvp_subscribe_new(KvpStore *store, KvpWorker *worker);

/* Hangs up on nobody: the server does. */
void kvp_subscribe_free(KvpSubscribe *subscribe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpSubscribe, kvp_subscribe_free)

/* Tell @call about @pool (HVIS_KVP_POOL_N = all stored ones), and of it only about @key unless NULL. */
void kvp_subscribe_add(KvpSubscribe *subscribe, VarlinkCall *call, guint pool, const char *key);

guint kvp_subscribe_count(const KvpSubscribe *subscribe);
