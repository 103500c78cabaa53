/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many records of a pool file changed as one: under both locks from reading to the last write, in place, and
 * only those that differ. Where a write fails, what was written before it is written back. What is to be
 * written, and what was there, is in the journal first: killed, or cut off by a loss of power, it leaves the
 * file as it was or as it was to be, once the next of us has had the locks. Another program that knows
 * nothing of the journal and comes before sees some of both, each record whole; what it adds or sets stays.
 *
 * Where there can be no journal at all, a kill leaves some of both.
 */
#pragma once

#include <glib.h>

#include "kvpd/batch.h"
#include "kvpd/pool.h"

/* Make of the file's @bytes what they should be; FALSE and @error to leave the file as it is. */
typedef gboolean (*KvpRewriteEdit)(GByteArray *bytes, gpointer data, GError **error);

/*
 * May sleep for locks and for the disk; a missing file is made. HVIS_ERROR_IO where it is no regular one,
 * _BUSY without the locks, _NO_SPACE on a full disk or where it holds more than KVP_POOL_RECORDS_MAX records.
 * A file that @edit leaves alone is not written to. @ret (may be NULL) gets what the file holds then.
 */
gboolean kvp_pool_rewrite(
	KvpPool *pool, KvpRewriteEdit edit, gpointer data, KvpView *ret, GError **error);

/*
 * All of @batch or nothing of it; it has only text that kvp_socket_check() lets pass. The pool's own limits
 * hold. What is in @before (NULL = nothing) comes before it, and with it or not at all; with dry_run it is
 * only counted on, too, and @ret (may be NULL) is left alone.
 */
gboolean kvp_pool_batch(
	KvpPool *pool, KvpBatch *before, KvpBatch *batch, KvpView *ret, GError **error);
