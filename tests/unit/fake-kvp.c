/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's KVP service in a few lines; see fake-kvp.h. */
#include "tests/unit/fake-kvp.h"
#include <hvis/hresult.h>

static void pair_free(gpointer data)
{
	FakePair *pair = data;

	g_free(pair->key);
	g_free(pair->value);
	g_free(pair);
}

FakeKvp *fake_kvp_new(void)
{
	FakeKvp *kvp = g_new0(FakeKvp, 1);

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		kvp->pools[i] = g_ptr_array_new_with_free_func(pair_free);
	return kvp;
}

void fake_kvp_free(FakeKvp *kvp)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		g_ptr_array_unref(kvp->pools[i]);
	g_free(kvp);
}

void fake_kvp_add(FakeKvp *kvp, guint pool, const char *key, const char *value)
{
	FakePair *pair = g_new(FakePair, 1);

	*pair = (FakePair){ g_strdup(key), g_strdup(value) };
	g_ptr_array_add(kvp->pools[pool], pair);
}

static FakePair *find(FakeKvp *kvp, guint pool, const char *key)
{
	for (guint i = 0; i < kvp->pools[pool]->len; i++) {
		FakePair *pair = kvp->pools[pool]->pdata[i];

		if (g_str_equal(pair->key, key))
			return pair;
	}
	return NULL;
}

const char *fake_kvp_find(FakeKvp *kvp, guint pool, const char *key)
{
	FakePair *pair = find(kvp, pool, key);

	return pair ? pair->value : NULL;
}

static char *text_at(const guint8 *field, guint32 bytes)
{
	gunichar2 units[1024];
	glong n = (glong)bytes / 2;

	g_assert_cmpuint(bytes, <=, sizeof(units));
	for (glong i = 0; i < n; i++)
		units[i] = (gunichar2)(field[2 * i] | field[2 * i + 1] << 8);
	return g_utf16_to_utf8(units, n, NULL, NULL, NULL);
}

static guint32 put_text(const char *text, guint8 *field)
{
	glong n;
	g_autofree gunichar2 *units = g_utf8_to_utf16(text, -1, NULL, &n, NULL);

	for (glong i = 0; i <= n; i++) {
		field[2 * i] = (guint8)units[i];
		field[2 * i + 1] = (guint8)(units[i] >> 8);
	}
	return 2 * ((guint32)n + 1);
}

static char *value_of(const struct hvis_kvp_pair *pair)
{
	hvis_le32 u32;
	hvis_le64 u64;

	memcpy(&u32, pair->value, sizeof(u32));
	memcpy(&u64, pair->value, sizeof(u64));
	switch (hvis_le32_get(pair->type)) {
	case HVIS_KVP_REG_U32:
		return g_strdup_printf("%u", hvis_le32_get(u32));
	case HVIS_KVP_REG_U64:
	case HVIS_KVP_REG_U64_LINUX:
		return g_strdup_printf("%" G_GUINT64_FORMAT, hvis_le64_get(u64));
	}
	return text_at(pair->value, hvis_le32_get(pair->value_size));
}

static guint32 set(FakeKvp *kvp, guint pool, const struct hvis_kvp_pair *pair)
{
	g_autofree char *key = text_at(pair->key, hvis_le32_get(pair->key_size));
	FakePair *old = find(kvp, pool, key);

	kvp->last_type = hvis_le32_get(pair->type);
	if (old) {
		g_free(old->value);
		old->value = value_of(pair);
	} else {
		g_autofree char *value = value_of(pair);

		fake_kvp_add(kvp, pool, key, value);
	}
	return HVIS_S_OK;
}

static void fill(struct hvis_kvp_pair *to, const FakePair *from)
{
	to->type = hvis_le32_make(HVIS_KVP_REG_SZ);
	to->key_size = hvis_le32_make(put_text(from->key, to->key));
	to->value_size = hvis_le32_make(put_text(from->value, to->value));
}

static guint32 enumerate(FakeKvp *kvp, guint pool, struct hvis_kvp_enumerate *e)
{
	guint32 index = hvis_le32_get(e->index);

	if (kvp->endless)
		index = 0;
	if (index >= kvp->pools[pool]->len)
		return HVIS_E_NO_MORE_ITEMS;
	fill(&e->pair, kvp->pools[pool]->pdata[index]);
	return HVIS_S_OK;
}

static guint32 pair_op(FakeKvp *kvp, guint8 op, guint pool, union hvis_kvp_dev_body *body)
{
	g_autofree char *key = NULL;
	FakePair *pair;

	switch (op) {
	case HVIS_KVP_OP_SET:
		return set(kvp, pool, &body->set);
	case HVIS_KVP_OP_ENUMERATE:
		return enumerate(kvp, pool, &body->enumerate);
	case HVIS_KVP_OP_GET:
		key = text_at(body->get.key, hvis_le32_get(body->get.key_size));
		pair = find(kvp, pool, key);
		if (pair)
			fill(&body->get, pair);
		return pair ? HVIS_S_OK : HVIS_E_NO_MORE_ITEMS;
	case HVIS_KVP_OP_DELETE:
		key = text_at(body->del.key, hvis_le32_get(body->del.key_size));
		pair = find(kvp, pool, key);
		return pair && g_ptr_array_remove(kvp->pools[pool], pair) ? HVIS_S_OK
									  : HVIS_E_NO_MORE_ITEMS;
	}
	return HVIS_E_NOT_SUPPORTED;
}

guint32 fake_kvp_answer(FakeKvp *kvp, guint8 *body, gsize len)
{
	union hvis_kvp_dev_body view = { .raw = { 0 } };
	guint8 op = body[0], pool = body[1];
	guint32 status;

	kvp->requests++;
	kvp->last_op = op;
	kvp->last_pool = pool;
	if (op == HVIS_KVP_OP_SET_IP_INFO) {
		g_assert_cmpuint(len, ==, sizeof(kvp->last_ip));
		memcpy(kvp->last_ip, body, len);
		return HVIS_S_OK;
	}
	if (op == HVIS_KVP_OP_GET_IP_INFO) {
		memcpy(body, kvp->last_ip, len);
		return HVIS_S_OK;
	}
	g_assert_cmpuint(len, ==, HVIS_KVP_WIRE_SIZE);
	if (pool >= HVIS_KVP_POOL_N)
		return HVIS_E_INVALIDARG;
	memcpy(&view, body + 4, len - 4);
	status = pair_op(kvp, op, pool, &view);
	memcpy(body + 4, &view, len - 4);
	return status;
}
