/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several changes made to the bytes of a pool file in memory, each record found by its key in one step. Only
 * data: how the bytes come to the file is rewrite.h's.
 */
#pragma once

#include <glib.h>

/* One of several changes. */
typedef struct {
	const char *key;
	const char *value; /* NULL: remove all records with this key */
	gboolean append; /* add a record, whether there is one or not */
} KvpChange;

typedef struct {
	gboolean clear; /* first remove all records */
	gboolean dry_run; /* only count */
	const KvpChange *changes;
	gsize n;
	guint added, replaced, removed; /* filled in: records */
} KvpBatch;

typedef struct KvpSheet KvpSheet;

/*
 * The bytes of a file, to be changed in place by one batch or several in their order. Until
 * kvp_sheet_free() they are nobody else's, and what is removed is still in them. @max: records that a batch
 * may add up to.
 */
KvpSheet *kvp_sheet_new(GByteArray *bytes, guint max);

/*
 * Make the changes of @batch, and count them. A key that is to be removed and is not there is no failure.
 * HVIS_ERROR_INVALID for text that does not fit a record, _NO_SPACE for too many: some are made then.
 */
gboolean kvp_sheet_apply(KvpSheet *sheet, KvpBatch *batch, GError **error);

/* The bytes are whole again: records in their order, without those that were removed. */
void kvp_sheet_free(KvpSheet *sheet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpSheet, kvp_sheet_free)

/*
 * Remove every record of which @unwanted says so from @bytes, keeping the order; returns how many. A torn
 * tail stays as long as nothing moves.
 */
guint kvp_bytes_remove(
	GByteArray *bytes, gboolean (*unwanted)(guint place, gpointer data), gpointer data);
