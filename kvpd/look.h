/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pool files are like at the moment, for who asks how the daemon is. A file system may take
 * its time to say so, or never do: a thread looks, one at a time, and an answer without it is due
 * after a while. Runs on the default main context.
 */
#pragma once

#include <glib.h>

#include <util/clock.h>

#include "kvpd/pools.h"

#define KVP_LOOK_LATE "the file system does not answer" /* what is wrong with the pools then */
#define KVP_LOOK_MS 1000u /* ours: who asks waits this long at most */

typedef struct {
	KvpPools *pools;
	KvpPoolInfo info[HVIS_KVP_POOL_N];
	GError *error[HVIS_KVP_POOL_N]; /* why there is none */
} KvpPoolFiles;

/* Fill in all but the pools. For any thread; waits for the disk. */
void kvp_pool_files_look(KvpPoolFiles *files);

typedef struct KvpLook KvpLook;

/* @look: kvp_pool_files_look(), or what a test has in its place. @clock may be NULL. */
KvpLook *kvp_look_new(KvpPools *pools, void (*look)(KvpPoolFiles *files), HvisClock *clock);

/* Waits for a look that is under way; whoever has asked is answered before. */
void kvp_look_free(KvpLook *look);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpLook, kvp_look_free)

/* Once for each question; @files are of a look that began after it, NULL where that takes too long. */
typedef void (*KvpLookAnswer)(const KvpPoolFiles *files, gpointer data);
void kvp_look_ask(KvpLook *look, KvpLookAnswer answer, gpointer data);
