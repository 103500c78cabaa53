/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One pool file: an array of 2560-byte records that other programs read, lock and append to at any
 * time. The rules of that format are public, and these are kept:
 *
 *  - the file is changed in place, never replaced, under both locks from reading to writing;
 *  - records keep their order and are zeroed behind their text;
 *  - a file that exists is left alone until somebody changes a record of it;
 *  - duplicate keys are others' business: reading shows the last, setting replaces the last,
 *    deleting removes all of them, or the one before would come to light;
 *  - what is left of a torn record at the end is passed over by readers, and overwritten or cut off
 *    by the next record that is added or deleted.
 *
 * Killed at any system call, a change leaves every other record as it was, and its own as before or
 * after; a deletion may leave one record twice. A record lies in whole 512-byte steps, so a page
 * boundary never cuts a key, nor a value of less than 512 bytes.
 *
 * Nothing is kept in memory: the file is the truth. Every call opens it anew, may sleep for its
 * locks and for the disk, and may be made from any thread.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "kvpd/records.h"

#define KVP_POOL_RECORDS_MAX 16384u /* ours: a host may not fill the disk (40 MiB) */

typedef struct KvpPool KvpPool;

/* The system calls that change a file. Tests make them fail, or die in them. */
typedef struct {
	ssize_t (*pwrite)(int fd, const void *buf, size_t len, off_t offset);
	int (*ftruncate)(int fd, off_t len);
	int (*fsync)(int fd);
} KvpPoolOps;

typedef struct {
	guint64 bytes;
	guint64 records; /* whole ones */
} KvpPoolInfo;

/* Names DIR/.kvp_pool_NUMBER; does not touch the disk. @ops is NULL for the real calls. */
KvpPool *kvp_pool_new(const char *dir, guint number, const KvpPoolOps *ops);
void kvp_pool_free(KvpPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpPool, kvp_pool_free)

const char *kvp_pool_path(const KvpPool *pool);

/* How long a call waits for the locks of others; 5 s unless set. */
void kvp_pool_set_lock_timeout(KvpPool *pool, guint ms);

/*
 * Create the directory (0755) and the file (0644) where they are missing; else do nothing.
 * HVIS_ERROR_IO, as from everything below, where a thing of another kind has that name.
 */
gboolean kvp_pool_create(KvpPool *pool, GError **error);

gboolean kvp_pool_info(const KvpPool *pool, KvpPoolInfo *ret, GError **error);

/*
 * All records, the first KVP_POOL_RECORDS_MAX of them. A missing file is an empty pool. Where the
 * locks are not to be had the file is read without them, as most readers do: a stuck writer must
 * not blind the host.
 */
KvpRecords *kvp_pool_read(KvpPool *pool, GError **error);

/*
 * Replace the value of the last record with @key, or append one; creates a missing file.
 * HVIS_ERROR_INVALID for text that does not fit a record, _NO_SPACE on a full disk or pool, _BUSY
 * where the locks are not to be had; the file is as before then.
 */
gboolean kvp_pool_set(
	KvpPool *pool, const char *key, const char *value, gboolean *ret_replaced, GError **error);

/* Remove every record with @key; HVIS_ERROR_NOT_FOUND where there is none. */
gboolean kvp_pool_delete(KvpPool *pool, const char *key, GError **error);
