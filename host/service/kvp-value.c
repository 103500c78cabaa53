/* SPDX-License-Identifier: GPL-2.0-only */
/* Values, their types and the pools, as an administrator writes and reads them. */
#include <util/error.h>
#include <util/utf16.h>
#include "host/service/kvp.h"

static const struct {
	const char *name;
	guint32 type;
} types[] = {
	{ "string", HVIS_KVP_REG_SZ },
	{ "expand", HVIS_KVP_REG_EXPAND_SZ },
	{ "u32", HVIS_KVP_REG_U32 },
	{ "u64", HVIS_KVP_REG_U64 },
	{ "u64-linux", HVIS_KVP_REG_U64_LINUX },
};

static const char *const pools[HVIS_KVP_POOL_N] = {
	"external",
	"guest",
	"auto",
	"auto-external",
	"auto-internal",
};

const char *kvp_type_name(guint32 type)
{
	for (guint i = 0; i < G_N_ELEMENTS(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

const char *kvp_pool_name(guint8 pool)
{
	return pool < HVIS_KVP_POOL_N ? pools[pool] : NULL;
}

gboolean kvp_pool_parse(const char *text, guint8 *ret, GError **error)
{
	guint64 n;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		if (g_str_equal(text, pools[i])) {
			*ret = (guint8)i;
			return TRUE;
		}
	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT8, &n, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"no pool \"%s\"; there are external, guest, auto, auto-external, "
			"auto-internal, or a number up to 255",
			text);
	*ret = (guint8)n;
	return TRUE;
}

static gboolean parse_type(const char *text, guint32 *ret, GError **error)
{
	guint64 n;

	for (guint i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_str_equal(text, types[i].name)) {
			*ret = types[i].type;
			return TRUE;
		}
	if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &n, NULL) &&
		kvp_type_name((guint32)n)) {
		*ret = (guint32)n;
		return TRUE;
	}
	return hvis_fail(error, HVIS_ERROR_INVALID,
		"no type \"%s\"; there are string, expand, u32, u64, u64-linux", text);
}

static gboolean is_text(guint32 type)
{
	return type == HVIS_KVP_REG_SZ || type == HVIS_KVP_REG_EXPAND_SZ;
}

gboolean kvp_value_parse(const char *type, const char *text, KvpValue *ret, GError **error)
{
	KvpValue value = { .type = HVIS_KVP_REG_SZ };
	gssize units;

	if (type && !parse_type(type, &value.type, error))
		return FALSE;
	if (is_text(value.type)) {
		units = hvis_utf16_units(text);
		if (units < 0)
			return hvis_fail(error, HVIS_ERROR_INVALID, "the value is not UTF-8");
		if ((gsize)units >= HVIS_KVP_VALUE_MAX / 2)
			return hvis_fail(error, HVIS_ERROR_INVALID,
				"the value has %zd UTF-16 units, %u fit", units,
				HVIS_KVP_VALUE_MAX / 2 - 1);
		value.text = g_strdup(text);
	} else if (!g_ascii_string_to_unsigned(text, 10, 0,
			   value.type == HVIS_KVP_REG_U32 ? G_MAXUINT32 : G_MAXUINT64,
			   &value.number, NULL)) {
		return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" is no %s", text,
			kvp_type_name(value.type));
	}
	*ret = value;
	return TRUE;
}

char *kvp_value_text(const KvpValue *value)
{
	if (value->text)
		return g_strdup(value->text);
	return g_strdup_printf("%" G_GUINT64_FORMAT, value->number);
}

void kvp_value_clear(KvpValue *value)
{
	g_clear_pointer(&value->text, g_free);
}

void kvp_item_free(KvpItem *item)
{
	if (!item)
		return;
	kvp_value_clear(&item->value);
	g_free(item->key);
	g_free(item);
}
