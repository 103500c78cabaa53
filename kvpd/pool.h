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
 *    by the next record that is added or deleted;
 *  - what is no regular file is neither read nor changed, and one with another name (a hard link) not changed.
 *
 * Killed at any system call, or cut off by a loss of power, a change leaves every other record as it
 * was, and its own as before or after. What takes more than one write of 512 bytes, which is whole or
 * not done, is in the journal first (journal.h), and finished by the next who has the locks. Where
 * there can be no journal a change is made without: a kill may leave a record twice then, and the loss of
 * power half of one.
 *
 * Nothing is kept in memory: the file is the truth. Every call opens it anew, may sleep for its
 * locks and for the disk, and may be made from any thread. Who remembers what a file held (a KvpView)
 * may hand that in, and is spared reading it where the watch says that nobody has touched it since.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include <util/file.h>

#include "kvpd/records.h"
#include "kvpd/watch.h"

#define KVP_POOL_RECORDS_MAX 16384u /* ours: what is read of a file (40 MiB) */

typedef struct KvpPool KvpPool;

/* When a change is on the disk. Whole against a kill it is in any case. */
typedef enum {
	KVP_SYNC_ALWAYS, /* before it is reported as done, and whole against a loss of power */
	KVP_SYNC_BATCHED, /* soon after: who asked for it is to call kvp_pool_sync() */
	KVP_SYNC_NEVER, /* when the kernel likes */
	KVP_SYNC_N,
} KvpSync;

extern const char *const kvp_sync_names[]; /* "always" …, NULL at the end */

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

/* What a file held at one moment, and what it looked like then. */
typedef struct {
	KvpRecords *records;
	HvisFileStamp stamp;
	guint64 generation; /* of the watch; 0 = only the stamp tells */
	gboolean is_settled; /* old enough for its stamp to tell one state from another */
} KvpView;

void kvp_view_clear(KvpView *view);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KvpView, kvp_view_clear)

/* A change that was made: what the file held before, and what it looks like since. */
typedef struct {
	KvpView view; /* its records are those of before, until kvp_outcome_apply() */
	gboolean replaced; /* of a SET: else it was added */
	guint index; /* of a SET that replaced: which of the records */
	guint place; /* of a SET that added */
} KvpOutcome;

/* Names DIR/.kvp_pool_NUMBER; does not touch the disk. @ops is NULL for the real calls. */
KvpPool *kvp_pool_new(const char *dir, guint number, const KvpPoolOps *ops);
void kvp_pool_free(KvpPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpPool, kvp_pool_free)

const char *kvp_pool_path(const KvpPool *pool);

/* Tell @watch (NULL = nobody) about changes of ours, and ask it about others'. Before the first call. */
void kvp_pool_set_watch(KvpPool *pool, KvpWatch *watch);

/* How long a call waits for the locks of others; 5 s unless set. */
void kvp_pool_set_lock_timeout(KvpPool *pool, guint ms);

/* How many records a pool may grow to; KVP_POOL_RECORDS_MAX unless set, and at most. */
void kvp_pool_set_max_records(KvpPool *pool, guint max);

/* KVP_SYNC_ALWAYS unless set. */
void kvp_pool_set_sync(KvpPool *pool, KvpSync sync);

/* Make all changes last that were made without. A missing file needs nothing. */
gboolean kvp_pool_sync(KvpPool *pool, GError **error);

/*
 * Create the directory (0755) and the file (0644) where they are missing; else do nothing.
 * HVIS_ERROR_IO, as from everything below, where a thing of another kind has that name.
 */
gboolean kvp_pool_create(KvpPool *pool, GError **error);

gboolean kvp_pool_info(const KvpPool *pool, KvpPoolInfo *ret, GError **error);

/*
 * Finish what the journal says that a writer has begun, who is dead now; waits for locks only if there is
 * something. Every other call that has the locks does so too.
 */
gboolean kvp_pool_finish(KvpPool *pool, GError **error);

/* TRUE where a dead writer has left something in the slot of @pool, or may have: there is no descriptor to see. */
gboolean kvp_pool_is_unfinished(const KvpPool *pool);

/* Whether what a dead writer had begun was dealt with since this was last asked; from any thread. */
gboolean kvp_pool_was_repaired(KvpPool *pool);

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

/* HVIS_ERROR_INVALID where @key or @value (may be NULL) do not fit a record. */
gboolean kvp_pool_check(const char *key, const char *value, GError **error);

/* Remove every record with @key; HVIS_ERROR_NOT_FOUND where there is none. */
gboolean kvp_pool_delete(KvpPool *pool, const char *key, GError **error);

/*
 * As kvp_pool_read() with what is needed to know this state again. Where @known (NULL = nothing) is
 * still what the file holds, it is not read. Owned by the caller: kvp_view_clear().
 */
gboolean kvp_pool_look(KvpPool *pool, const KvpView *known, KvpView *ret, GError **error);

/* kvp_pool_set(), or kvp_pool_delete() where @value is NULL, with the same relief. */
gboolean kvp_pool_change(KvpPool *pool, const char *key, const char *value, const KvpView *known,
	KvpOutcome *ret, GError **error);

/* Make the records of the outcome's view those of after the change; rules of kvp_records_replaced(). */
void kvp_outcome_apply(KvpOutcome *outcome, const char *key, const char *value);
