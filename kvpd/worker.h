/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work that may wait for a lock or a disk, done by threads; its end is reported on the default main
 * context. Threads exist only while there is work.
 */
#pragma once

#include <glib.h>

#define KVP_WORKER_THREADS                                                                         \
	4 /* ours: a pool that somebody keeps locked must not hold up the others */

typedef struct KvpWorker KvpWorker;

KvpWorker *kvp_worker_new(void);

/*
 * Waits for all work that was pushed, and reports its end before it returns. What is pushed by such a
 * report is run at once, in the caller's thread.
 */
void kvp_worker_free(KvpWorker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpWorker, kvp_worker_free)

/* Call @run in a thread, then @done on the main context. @done is always called. */
void kvp_worker_push(
	KvpWorker *worker, void (*run)(gpointer data), void (*done)(gpointer data), gpointer data);
