/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes of one pool that are accepted and not stored yet: for each key the last one, in the order
 * in which the keys first came. Only data; when they are stored is the store's.
 */
#pragma once

#include <glib.h>

#include "kvpd/records.h"

typedef struct KvpOverlay KvpOverlay;

typedef struct {
	guint64 serial; /* tells a change from a later one of the same key */
	char *key;
	char *value; /* NULL = the key is to be deleted */
} KvpPending;

KvpOverlay *kvp_overlay_new(void);
KvpOverlay *kvp_overlay_copy(const KvpOverlay *overlay);
void kvp_overlay_free(KvpOverlay *overlay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpOverlay, kvp_overlay_free)

guint kvp_overlay_count(const KvpOverlay *overlay);
const KvpPending *kvp_overlay_at(const KvpOverlay *overlay, guint index);
const KvpPending *kvp_overlay_get(const KvpOverlay *overlay, const char *key); /* or NULL */

/* Takes the place of what there is for @key. */
void kvp_overlay_put(KvpOverlay *overlay, const char *key, const char *value);

/* Forget the change of @key; if @serial is not 0, only if it is that one. */
void kvp_overlay_drop(KvpOverlay *overlay, const char *key, guint64 serial);

/* @base with the changes made to it; takes the caller's reference, returns one. */
KvpRecords *kvp_overlay_merge(const KvpOverlay *overlay, KvpRecords *base);
