/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several changes of a pool file as one: under both locks from reading to the last write, in place,
 * record by record and only those that differ. Where a write fails, what was written before it is
 * written back. Killed in the middle it leaves records as they were and as they should be, and may
 * leave one of both, as it keeps no journal: one change alone is for kvp_pool_change(). A change that
 * only adds, replaces or removes records loses no other.
 */
#pragma once

#include <glib.h>

#include "kvpd/batch.h"
#include "kvpd/pool.h"

/* Make of the file's @bytes what they should be; FALSE and @error to leave the file as it is. */
typedef gboolean (*KvpRewriteEdit)(GByteArray *bytes, gpointer data, GError **error);

/*
 * May sleep for locks, @lock_timeout_ms at most, and for the disk. HVIS_ERROR_NOT_FOUND without a
 * file, _IO where it is no regular one, _BUSY without the locks, _NO_SPACE on a full disk or where it
 * holds more than KVP_POOL_RECORDS_MAX records. A file that @edit leaves alone is not written to.
 */
gboolean kvp_rewrite(const char *path, guint lock_timeout_ms, KvpRewriteEdit edit, gpointer data,
	GError **error);

/*
 * All of @batch or nothing of it; it has only text that kvp_socket_check() lets pass. A key that is
 * to be removed and is not there is no failure. A missing file is made; the pool's own limits hold.
 */
gboolean kvp_pool_batch(KvpPool *pool, KvpBatch *batch, GError **error);
