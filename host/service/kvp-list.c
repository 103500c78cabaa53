/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVP requests built of several transactions: a host learns what a pool holds by enumerating it, so
 * get, add and modify all begin with a list.
 */
#include <hvis/hresult.h>
#include <util/error.h>
#include "host/service/kvp.h"

typedef struct {
	HostService *kvp;
	guint8 pool;
	guint from, most;
	GPtrArray *items;
	KvpListDone done;
	gpointer data;
} List;

static void list_end(List *list, guint32 status, const GError *error)
{
	list->done(status, !error && status == HVIS_S_OK ? list->items : NULL, error, list->data);
	g_ptr_array_unref(list->items);
	g_free(list);
}

static void list_step(guint32 status, const KvpItem *item, const GError *error, gpointer data)
{
	List *list = data;
	g_autoptr(GError) local = NULL;
	KvpItem *copy;

	if (error || status != HVIS_S_OK) {
		list_end(list, status == HVIS_E_NO_MORE_ITEMS ? HVIS_S_OK : status, error);
		return;
	}
	if (list->from + list->items->len >= KVP_LIST_MAX) {
		hvis_fail(&local, HVIS_ERROR_PROTOCOL, "pool %u has no end: more than %u records",
			list->pool, KVP_LIST_MAX);
		list_end(list, HVIS_E_FAIL, local);
		return;
	}
	copy = g_new(KvpItem, 1);
	*copy = *item;
	copy->key = g_strdup(item->key);
	copy->value.text = g_strdup(item->value.text);
	g_ptr_array_add(list->items, copy);
	if (list->items->len == list->most)
		list_end(list, HVIS_S_OK, NULL);
	else
		kvp_enumerate(
			list->kvp, list->pool, list->from + list->items->len, list_step, list);
}

void kvp_list_part(
	HostService *kvp, guint8 pool, guint from, guint most, KvpListDone done, gpointer data)
{
	List *list = g_new(List, 1);

	*list = (List){ kvp, pool, from, most,
		g_ptr_array_new_with_free_func((GDestroyNotify)kvp_item_free), done, data };
	kvp_enumerate(kvp, pool, from, list_step, list);
}

void kvp_list(HostService *kvp, guint8 pool, KvpListDone done, gpointer data)
{
	kvp_list_part(kvp, pool, 0, G_MAXUINT, done, data);
}

/* --- by key --- */

typedef struct {
	HostService *kvp;
	guint8 pool;
	char *key;
	gboolean want; /* SET only where the key is there; or only where it is not */
	KvpValue value;
	KvpItemDone item_done; /* get; else done */
	ServiceDone done;
	gpointer data;
} Lookup;

static void lookup_free(Lookup *l)
{
	kvp_value_clear(&l->value);
	g_free(l->key);
	g_free(l);
}

static const KvpItem *find(GPtrArray *items, const char *key)
{
	for (guint i = 0; i < items->len; i++) {
		const KvpItem *item = items->pdata[i];

		if (g_str_equal(item->key, key))
			return item;
	}
	return NULL;
}

static const char *pool_name(const Lookup *l)
{
	const char *name = kvp_pool_name(l->pool);

	return name ? name : "?";
}

static void no_such_key(const Lookup *l, GError **error)
{
	hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no key \"%s\" in pool %s", l->key, pool_name(l));
}

static void get_listed(guint32 status, GPtrArray *items, const GError *error, gpointer data)
{
	Lookup *l = data;
	const KvpItem *item = items ? find(items, l->key) : NULL;
	g_autoptr(GError) local = NULL;

	if (items && !item)
		no_such_key(l, &local);
	l->item_done(status, item, local ? local : error, l->data);
	lookup_free(l);
}

static void set_listed(guint32 status, GPtrArray *items, const GError *error, gpointer data)
{
	Lookup *l = data;
	g_autoptr(GError) local = NULL;
	gboolean have = items && find(items, l->key);

	if (items && l->want && !have)
		no_such_key(l, &local);
	else if (have && !l->want)
		hvis_fail(&local, HVIS_ERROR_EXISTS, "key \"%s\" is in pool %s already", l->key,
			pool_name(l));
	if (items && !local)
		kvp_set(l->kvp, l->pool, l->key, &l->value, l->done, l->data);
	else
		l->done(status, local ? local : error, l->data);
	lookup_free(l);
}

static Lookup *lookup_new(HostService *kvp, guint8 pool, const char *key, gpointer data)
{
	Lookup *l = g_new0(Lookup, 1);

	l->kvp = kvp;
	l->pool = pool;
	l->key = g_strdup(key);
	l->data = data;
	return l;
}

void kvp_get(HostService *kvp, guint8 pool, const char *key, KvpItemDone done, gpointer data)
{
	Lookup *l = lookup_new(kvp, pool, key, data);

	l->item_done = done;
	kvp_list(kvp, pool, get_listed, l);
}

static void set_where(HostService *kvp, guint8 pool, const char *key, const KvpValue *value,
	gboolean want, ServiceDone done, gpointer data)
{
	Lookup *l = lookup_new(kvp, pool, key, data);

	l->want = want;
	l->value = *value;
	l->value.text = g_strdup(value->text);
	l->done = done;
	kvp_list(kvp, pool, set_listed, l);
}

void kvp_add(HostService *kvp, guint8 pool, const char *key, const KvpValue *value,
	ServiceDone done, gpointer data)
{
	set_where(kvp, pool, key, value, FALSE, done, data);
}

void kvp_modify(HostService *kvp, guint8 pool, const char *key, const KvpValue *value,
	ServiceDone done, gpointer data)
{
	set_where(kvp, pool, key, value, TRUE, done, data);
}
