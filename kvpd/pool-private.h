/* SPDX-License-Identifier: GPL-2.0-only */
/* What reading and changing a pool file share; for nobody else. */
#pragma once

#include "kvpd/journal.h"
#include "kvpd/pool.h"

#include <sys/stat.h>

#include <hvis/kvp.h>

#define RECORD sizeof(struct hvis_kvp_record)

struct KvpPool {
	char *dir;
	char *path;
	guint number;
	KvpWatch *watch;
	const KvpPoolOps *ops;
	char *journal_path;
	gint lock_timeout_ms; /* these three: read by any thread */
	gint max_records;
	gint sync; /* KvpSync */
	gint is_repaired; /* since kvp_pool_was_repaired(); by any thread */
};

#define KVP_POOL_REOPEN_MAX 5 /* times that a file may be replaced under us before we give up */

/*
 * Open the file for a change, making it where it is missing, and take its locks. By then another may have taken its
 * place: that is for kvp_pool_is_at_path() to say.
 */
int kvp_pool_open_locked(KvpPool *pool, GError **error);

/* The error after KVP_POOL_REOPEN_MAX tries; returns -1. */
int kvp_pool_fail_replaced(const KvpPool *pool, GError **error);

/* What @fd is, which has to be a regular file. */
gboolean kvp_pool_stat(const KvpPool *pool, int fd, struct stat *ret, GError **error);

/*
 * The same of a file that is to be changed: HVIS_ERROR_IO where it has another name, too. Who may make links could
 * have us change any file of the file system.
 */
gboolean kvp_pool_stat_own(const KvpPool *pool, int fd, struct stat *ret, GError **error);

/* FALSE where another file has taken the place of the one with @st, or nothing. */
gboolean kvp_pool_is_at_path(const KvpPool *pool, const struct stat *st);

/*
 * The file's bytes, @max of them at most. One that grows meanwhile, which only a file that is not
 * locked can do, is seen as long as it was.
 */
guint8 *kvp_pool_read_all(int fd, gsize max, gsize *ret_len, GError **error);

/* Whether a file that looks like @stamp, at @generation of the watch, still holds what @known says. */
gboolean kvp_view_is_known(const KvpView *known, const HvisFileStamp *stamp, guint64 generation);

/* All of @data, and its way to the disk; @path is for the error. */
gboolean kvp_pool_pwrite(const KvpPool *pool, int fd, const char *path, guint64 at,
	const void *data, gsize len, GError **error);
gboolean kvp_pool_fsync(const KvpPool *pool, int fd, const char *path, GError **error);

/* --- changes --- */

#define BLOCK KVP_BLOCK

/* A file while it is locked for a change. */
typedef struct {
	KvpPool *pool;
	int fd;
	int journal; /* -1 = none */
	guint64 number; /* of the next entry */
	const KvpView *known; /* what the file holds; NULL = it has to be read */
	KvpRecords *records; /* as they were */
	guint count; /* whole records in the file … */
	gsize size; /* … and its bytes */
	guint8 *bytes; /* of a deletion, a recovery: the whole file as it was */
	gboolean is_begun;
	gboolean is_unlogged; /* goes without the journal */
	gboolean has_image; /* in the journal, until that is done with */
} KvpEdit;

/*
 * Open and lock the file of @pool, making it where it is missing, and finish what a dead writer has begun. @known
 * (may be NULL) is what it held when it was last looked at; @edit says whether it still does.
 */
gboolean kvp_edit_begin(KvpPool *pool, const KvpView *known, KvpEdit *edit, GError **error);

/* Note in @ret how the file looks, give the locks back, then make the change last. */
gboolean kvp_edit_commit(KvpEdit *edit, KvpView *ret, GError **error);

void kvp_edit_clear(KvpEdit *edit);
#define KVP_EDIT_INIT                                                                              \
	{                                                                                          \
		.fd = -1, .journal = -1                                                            \
	}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KvpEdit, kvp_edit_clear)

gboolean kvp_edit_read(KvpEdit *edit, GError **error); /* bytes, count and size, anew */
gboolean kvp_edit_write(const KvpEdit *edit, gsize at, const void *data, gsize len, GError **error);
gboolean kvp_edit_truncate(const KvpEdit *edit, gsize size, GError **error);
gboolean kvp_edit_sync(const KvpEdit *edit, GError **error); /* if it is to be durable */

/* Put back what a failed write overwrote; FALSE where that fails too. */
gboolean kvp_edit_undo(const KvpEdit *edit, gsize at, const void *old, gsize len);

gboolean kvp_edit_delete(KvpEdit *edit, const char *key, GError **error);

/*
 * Make of the file, of which kvp_edit_read() has the bytes, @to: all of it, or where that fails nothing. A torn
 * tail is in both or in neither, or @to has other records.
 */
gboolean kvp_edit_become(KvpEdit *edit, GByteArray *to, GError **error);

/* Finish what @entry tells of, after another program or a machine died in it. */
gboolean kvp_edit_finish(KvpEdit *edit, const KvpJournalEntry *entry, GError **error);
gboolean kvp_edit_finish_batch(KvpEdit *edit, const KvpJournalEntry *entry, GError **error);

/* --- the journal of an edit --- */

/* Open it, if there is one. FALSE where there is no descriptor for it. */
gboolean kvp_edit_open_journal(KvpEdit *edit, GError **error);

/* Finish what is in the pool's slot. FALSE where that cannot be written. */
gboolean kvp_edit_recover(KvpEdit *edit, GError **error);

/*
 * Say what will be written. Without a journal that is nowhere, and no failure; nor is it one where there is no
 * room in it, but for BATCH.
 */
gboolean kvp_edit_log(KvpEdit *edit, KvpJournalEntry *entry, GError **error);

/* It is done, or undone. */
gboolean kvp_edit_log_done(KvpEdit *edit, GError **error);
