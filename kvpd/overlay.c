/* SPDX-License-Identifier: GPL-2.0-only */
/* An array in order, and an index of it by key. */
#include "config.h"

#include "kvpd/overlay.h"

struct KvpOverlay {
	GPtrArray *changes; /* of KvpPending */
	GHashTable *by_key; /* the same */
	guint64 last;
};

static void pending_free(gpointer data)
{
	KvpPending *pending = data;

	g_free(pending->key);
	g_free(pending->value);
	g_free(pending);
}

KvpOverlay *kvp_overlay_new(void)
{
	KvpOverlay *overlay = g_new0(KvpOverlay, 1);

	overlay->changes = g_ptr_array_new_with_free_func(pending_free);
	overlay->by_key = g_hash_table_new(g_str_hash, g_str_equal);
	return overlay;
}

void kvp_overlay_free(KvpOverlay *overlay)
{
	if (!overlay)
		return;
	g_hash_table_unref(overlay->by_key);
	g_ptr_array_unref(overlay->changes);
	g_free(overlay);
}

static void add(KvpOverlay *overlay, guint64 serial, const char *key, const char *value)
{
	KvpPending *pending = g_new(KvpPending, 1);

	*pending = (KvpPending){ serial, g_strdup(key), g_strdup(value) };
	g_ptr_array_add(overlay->changes, pending);
	g_hash_table_insert(overlay->by_key, pending->key, pending);
}

KvpOverlay *kvp_overlay_copy(const KvpOverlay *overlay)
{
	KvpOverlay *copy = kvp_overlay_new();

	for (guint i = 0; i < overlay->changes->len; i++) {
		const KvpPending *pending = kvp_overlay_at(overlay, i);

		add(copy, pending->serial, pending->key, pending->value);
	}
	copy->last = overlay->last;
	return copy;
}

guint kvp_overlay_count(const KvpOverlay *overlay)
{
	return overlay->changes->len;
}

const KvpPending *kvp_overlay_at(const KvpOverlay *overlay, guint index)
{
	return overlay->changes->pdata[index];
}

const KvpPending *kvp_overlay_get(const KvpOverlay *overlay, const char *key)
{
	return g_hash_table_lookup(overlay->by_key, key);
}

void kvp_overlay_put(KvpOverlay *overlay, const char *key, const char *value)
{
	KvpPending *pending = g_hash_table_lookup(overlay->by_key, key);

	if (!pending) {
		add(overlay, ++overlay->last, key, value);
		return;
	}
	pending->serial = ++overlay->last;
	g_free(pending->value);
	pending->value = g_strdup(value);
}

void kvp_overlay_drop(KvpOverlay *overlay, const char *key, guint64 serial)
{
	KvpPending *pending = g_hash_table_lookup(overlay->by_key, key);

	if (!pending || (serial && pending->serial != serial))
		return;
	g_hash_table_remove(overlay->by_key, key);
	g_ptr_array_remove(overlay->changes, pending);
}

KvpRecords *kvp_overlay_merge(const KvpOverlay *overlay, KvpRecords *base)
{
	for (guint i = 0; i < overlay->changes->len; i++) {
		const KvpPending *pending = kvp_overlay_at(overlay, i);
		guint index;

		if (!kvp_records_find(base, pending->key, &index)) {
			if (pending->value)
				base = kvp_records_appended(
					base, G_MAXUINT, pending->key, pending->value);
		} else if (pending->value) {
			base = kvp_records_replaced(base, index, pending->value);
		} else {
			base = kvp_records_removed(base, pending->key);
		}
	}
	return base;
}
