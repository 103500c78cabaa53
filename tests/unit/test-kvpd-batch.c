/* SPDX-License-Identifier: GPL-2.0-only */
/* Several changes made to the bytes of a pool, against a model that looks at every record. */
#include "config.h"

#include "kvpd/batch.h"

#include <string.h>

#include <util/error.h>

#include "tests/unit/kvpd-scratch.h"

#define RECORD sizeof(struct hvis_kvp_record)

static const char *key_at(const GByteArray *bytes, guint place)
{
	return (const char *)bytes->data + place * RECORD;
}

/* --- the model: what rewriting did before there was an index --- */

static void model_remove(GByteArray *bytes, const char *key, guint *removed)
{
	for (guint i = (guint)(bytes->len / RECORD); i-- > 0;) {
		if (!g_str_equal(key_at(bytes, i), key))
			continue;
		g_byte_array_remove_range(bytes, i * RECORD, RECORD);
		(*removed)++;
	}
}

static void model_put(GByteArray *bytes, const KvpChange *change, KvpBatch *counts)
{
	g_autoptr(GByteArray) record = scratch_records(change->key, change->value, NULL);

	for (guint i = (guint)(bytes->len / RECORD); i-- > 0 && !change->append;) {
		if (!g_str_equal(key_at(bytes, i), change->key))
			continue;
		memcpy(bytes->data + i * RECORD, record->data, RECORD);
		counts->replaced++;
		return;
	}
	g_byte_array_append(bytes, record->data, record->len);
	counts->added++;
}

static void model_apply(GByteArray *bytes, const KvpBatch *batch, KvpBatch *counts)
{
	if (batch->clear) {
		counts->removed += (guint)(bytes->len / RECORD);
		g_byte_array_set_size(bytes, 0);
	}
	for (gsize i = 0; i < batch->n; i++) {
		if (batch->changes[i].value)
			model_put(bytes, &batch->changes[i], counts);
		else
			model_remove(bytes, batch->changes[i].key, &counts->removed);
	}
}

static const char *const keys[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
static const char *const values[] = { "1", "2", "3", NULL };

#define CHANGES 60

static void fill(KvpChange *changes, KvpBatch *batch)
{
	for (guint i = 0; i < CHANGES; i++)
		changes[i] = (KvpChange){ .key = keys[g_test_rand_int_range(0, 8)],
			.value = values[g_test_rand_int_range(0, 4)],
			.append = g_test_rand_bit() };
	*batch = (KvpBatch){ .changes = changes,
		.n = (gsize)g_test_rand_int_range(0, CHANGES),
		.clear = g_test_rand_int_range(0, 8) == 0 };
}

static void test_agrees(void)
{
	for (int round = 0; round < 2000; round++) {
		g_autoptr(GByteArray) bytes = g_byte_array_new(), wanted = g_byte_array_new();

		for (int n = 0; n < 3; n++) {
			KvpSheet *sheet = kvp_sheet_new(bytes, 10000);

			for (int more = g_test_rand_int_range(0, 3); more >= 0; more--) {
				KvpChange changes[CHANGES];
				KvpBatch batch, counts = { 0 };

				fill(changes, &batch);
				model_apply(wanted, &batch, &counts);
				g_assert_true(kvp_sheet_apply(sheet, &batch, NULL));
				g_assert_cmpuint(batch.added, ==, counts.added);
				g_assert_cmpuint(batch.replaced, ==, counts.replaced);
				g_assert_cmpuint(batch.removed, ==, counts.removed);
			}
			kvp_sheet_free(sheet);
			g_assert_cmpmem(bytes->data, bytes->len, wanted->data, wanted->len);
		}
	}
}

static void apply(GByteArray *bytes, const KvpChange *change)
{
	g_autoptr(KvpSheet) sheet = kvp_sheet_new(bytes, 100);
	KvpBatch batch = { .changes = change, .n = 1 };
	g_autoptr(GError) error = NULL;

	kvp_sheet_apply(sheet, &batch, &error);
	g_assert_no_error(error);
}

/* Less than a record at the end stays as long as nothing comes or goes before it. */
static void test_torn_end(void)
{
	g_autoptr(GByteArray) bytes = scratch_records("a", "1", "b", "2", NULL);
	const KvpChange replace = { .key = "a", .value = "3" }, none = { .key = "z" };
	const KvpChange add = { .key = "c", .value = "4" }, gone = { .key = "a" };

	g_byte_array_append(bytes, (const guint8 *)"torn", 4);
	apply(bytes, &replace);
	apply(bytes, &none);
	g_assert_cmpuint(bytes->len, ==, 2 * RECORD + 4);
	g_assert_cmpstr(key_at(bytes, 0) + HVIS_KVP_KEY_MAX, ==, "3");
	apply(bytes, &add);
	g_assert_cmpuint(bytes->len, ==, 3 * RECORD);
	g_byte_array_append(bytes, (const guint8 *)"torn", 4);
	apply(bytes, &gone);
	g_assert_cmpuint(bytes->len, ==, 2 * RECORD);
	g_assert_cmpstr(key_at(bytes, 1), ==, "c");
}

/* Records that nobody has finished, at the end, give way to the next; others' holes stay. */
static void test_blank_end(void)
{
	g_autoptr(GByteArray) bytes =
		scratch_records("a", "1", "", "hole", "b", "2", "", "", "", "", NULL);
	const KvpChange replace = { .key = "b", .value = "3" }, add = { .key = "c", .value = "4" };

	apply(bytes, &replace);
	g_assert_cmpuint(bytes->len, ==, 5 * RECORD);
	apply(bytes, &add);
	g_assert_cmpuint(bytes->len, ==, 4 * RECORD);
	g_assert_cmpstr(key_at(bytes, 1) + HVIS_KVP_KEY_MAX, ==, "hole");
	g_assert_cmpstr(key_at(bytes, 3), ==, "c");
}

/* A key that is no UTF-8 goes by what is shown of it. */
static void test_shown_key(void)
{
	g_autoptr(GByteArray) bytes = scratch_records("bad\xff", "1", "b", "2", NULL);
	const KvpChange gone = { .key = "bad\xef\xbf\xbd" };

	apply(bytes, &gone);
	g_assert_cmpuint(bytes->len, ==, RECORD);
	g_assert_cmpstr(key_at(bytes, 0), ==, "b");
}

/* An import of 16,000 records took minutes: each was looked for in all others. */
static void test_import_was_quadratic(void)
{
	const guint n = 16000;
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	g_autofree KvpChange *changes = g_new0(KvpChange, n);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	KvpBatch batch = { .changes = changes, .n = n };
	gint64 before = g_get_monotonic_time();

	for (guint i = 0; i < n; i++) {
		g_ptr_array_add(names, g_strdup_printf("Key%u", i));
		changes[i] = (KvpChange){ .key = names->pdata[i], .value = "value" };
	}
	for (int round = 0; round < 2; round++) {
		KvpSheet *sheet = kvp_sheet_new(bytes, n);

		g_assert_true(kvp_sheet_apply(sheet, &batch, NULL));
		kvp_sheet_free(sheet);
		g_assert_cmpuint(batch.added, ==, round == 0 ? n : 0);
		g_assert_cmpuint(batch.replaced, ==, round == 0 ? 0 : n);
	}
	for (guint i = 0; i < n; i++)
		changes[i].value = NULL;
	{
		g_autoptr(KvpSheet) sheet = kvp_sheet_new(bytes, n);

		g_assert_true(kvp_sheet_apply(sheet, &batch, NULL));
		g_assert_cmpuint(batch.removed, ==, n);
	}
	g_assert_cmpuint(bytes->len, ==, 0);
	g_test_message("%u records three times in %" G_GINT64_FORMAT " ms", n,
		(g_get_monotonic_time() - before) / 1000);
	g_assert_cmpint(g_get_monotonic_time() - before, <, 20 * G_USEC_PER_SEC);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/batch/agrees", test_agrees);
	g_test_add_func("/kvpd/batch/torn-end", test_torn_end);
	g_test_add_func("/kvpd/batch/blank-end", test_blank_end);
	g_test_add_func("/kvpd/batch/shown-key", test_shown_key);
	g_test_add_func("/kvpd/batch/import-was-quadratic", test_import_was_quadratic);
	return g_test_run();
}
