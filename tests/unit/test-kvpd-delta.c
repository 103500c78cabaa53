/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between two states of a pool: as items, as bytes, and held against a record. */
#include "config.h"

#include "kvpd/delta.h"

#include "tests/unit/kvpd-scratch.h"

#define RECORD sizeof(struct hvis_kvp_record)

static void add(GByteArray *file, const char *key, char c, gsize n)
{
	g_autofree char *value = g_strnfill(n, c);

	scratch_record(file, key, value);
}

typedef struct {
	GByteArray *from, *to;
	GArray *delta;
} Fixture;

/* Same, short and long values, one record that goes, one that comes. */
static void set_up(Fixture *f, gconstpointer data)
{
	f->from = g_byte_array_new();
	f->to = g_byte_array_new();
	add(f->from, "same", 's', 2000);
	add(f->to, "same", 's', 2000);
	add(f->from, "short", 'o', 10);
	add(f->to, "short", 'n', 10);
	add(f->from, "long", 'o', 2000);
	add(f->to, "long", 'n', 1500);
	add(f->from, "gone", 'o', 600);
	if (data)
		g_byte_array_set_size(f->from, (guint)(f->from->len - RECORD));
	else
		g_byte_array_set_size(f->to, 3 * RECORD);
	if (data)
		add(f->to, "new", 'n', 600);
	f->delta = kvp_delta_new(f->from->data, (guint)(f->from->len / RECORD), f->to->data,
		(guint)(f->to->len / RECORD));
}

static void tear_down(Fixture *f, gconstpointer data)
{
	g_array_unref(f->delta);
	g_byte_array_unref(f->from);
	g_byte_array_unref(f->to);
}

static const guint8 *record_of(const GByteArray *file, guint place)
{
	static const guint8 none[RECORD];

	return (place + 1) * RECORD <= file->len ? file->data + place * RECORD : none;
}

static void check(const GArray *delta, const Fixture *f)
{
	g_assert_cmpuint(delta->len, ==, 3);
	for (guint i = 0; i < delta->len; i++) {
		const KvpDeltaItem *item = &g_array_index(delta, KvpDeltaItem, i);
		struct hvis_kvp_record record;

		g_assert_cmpuint(item->place, ==, i + 1);
		kvp_delta_fill(item, &record);
		g_assert_cmpmem(&record, RECORD, record_of(f->to, i + 1), RECORD);
		g_assert_cmpint(
			kvp_delta_compare(item, record_of(f->from, i + 1)), ==, KVP_DELTA_OLD);
		g_assert_cmpint(
			kvp_delta_compare(item, record_of(f->to, i + 1)), ==, KVP_DELTA_NEW);
	}
}

static void test_round_trip(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) bytes = kvp_delta_encode(f->delta);
	g_autoptr(GArray) again = kvp_delta_decode(bytes->data, bytes->len, 4);

	check(f->delta, f);
	g_assert_nonnull(again);
	check(again, f);
	g_assert_cmpuint(bytes->len, <=, KVP_DELTA_BYTES_MAX(3));
	g_assert_cmpuint(bytes->len, <, 3 * (8 + 6 * KVP_BLOCK)); /* what is zeros is left out */
}

/* Whatever is missing at the end; and a place that is out of the file, or comes twice. */
static void test_broken(Fixture *f, gconstpointer data)
{
	g_autoptr(GByteArray) bytes = kvp_delta_encode(f->delta);
	g_autoptr(GByteArray) twice = g_byte_array_new();
	guint whole = 0;

	g_assert_null(kvp_delta_decode(bytes->data, bytes->len, 3));
	for (gsize len = 0; len < bytes->len; len++) {
		g_autofree guint8 *exact = g_memdup2(bytes->data, MAX(len, 1));
		g_autoptr(GArray) delta = kvp_delta_decode(exact, len, 4);

		whole += delta != NULL;
		g_assert_true(!delta || delta->len < 3);
	}
	g_assert_cmpuint(whole, ==, 3); /* it ends between two items */
	g_byte_array_append(twice, bytes->data, bytes->len);
	g_byte_array_append(twice, bytes->data, bytes->len);
	g_assert_null(kvp_delta_decode(twice->data, twice->len, 4));
}

/* Each mix of old and new blocks is told from either, and from a record of somebody else. */
static void test_compare(Fixture *f, gconstpointer data)
{
	const KvpDeltaItem *item = &g_array_index(f->delta, KvpDeltaItem, 1);
	guint mixed = 0;

	for (guint which = 0; which < 1u << KVP_BLOCKS; which++) {
		guint8 record[RECORD];
		KvpDeltaFound found;

		for (guint i = 0; i < KVP_BLOCKS; i++)
			memcpy(record + i * KVP_BLOCK,
				record_of(which >> i & 1 ? f->to : f->from, 2) + i * KVP_BLOCK,
				KVP_BLOCK);
		found = kvp_delta_compare(item, record);
		mixed += found == KVP_DELTA_MIXED;
		g_assert_cmpint(found, !=, KVP_DELTA_FOREIGN);
		record[3 * KVP_BLOCK + 5] ^= 1;
		g_assert_cmpint(kvp_delta_compare(item, record), ==, KVP_DELTA_FOREIGN);
	}
	g_assert_cmpuint(mixed, ==, 28); /* the key is the same: 2 of 32 are old, 2 are new */
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(NAME, DATA, TEST)                                                                      \
	g_test_add("/kvpd/delta/" NAME, Fixture, DATA, set_up, TEST, tear_down)
	ADD("round-trip-shorter", NULL, test_round_trip);
	ADD("round-trip-longer", "new", test_round_trip);
	ADD("broken", NULL, test_broken);
	ADD("compare", NULL, test_compare);
	return g_test_run();
}
