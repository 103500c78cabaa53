/* SPDX-License-Identifier: GPL-2.0-only */
/* What reading and changing a pool file share; for nobody else. */
#pragma once

#include "kvpd/pool.h"

#include <hvis/kvp.h>

#define RECORD sizeof(struct hvis_kvp_record)

struct KvpPool {
	char *dir;
	char *path;
	guint number;
	KvpWatch *watch;
	const KvpPoolOps *ops;
	gint lock_timeout_ms; /* read by any thread */
};

/* The file at the path, opened and locked; another may take its place before we have the lock. */
int kvp_pool_open_locked(KvpPool *pool, GError **error);

/*
 * The file's bytes, @max of them at most. One that grows meanwhile, which only a file that is not
 * locked can do, is seen as long as it was.
 */
guint8 *kvp_pool_read_all(int fd, gsize max, gsize *ret_len, GError **error);

/* Whether a file that looks like @stamp, at @generation of the watch, still holds what @known says. */
gboolean kvp_view_is_known(const KvpView *known, const HvisFileStamp *stamp, guint64 generation);
