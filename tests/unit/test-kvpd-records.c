/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of records: parsing every length of a file, broken text, duplicates, holes. */
#include "config.h"

#include "kvpd/records.h"

#include "tests/unit/kvpd-scratch.h"

static void test_empty(void)
{
	g_autoptr(KvpRecords) records = kvp_records_parse("", 0);

	g_assert_cmpuint(kvp_records_count(records), ==, 0);
	g_assert_null(kvp_records_get(records, "a"));
}

static void test_every_length(void)
{
	g_autoptr(GByteArray) file = scratch_records("a", "1", "b", "2", NULL);

	for (guint len = 0; len <= file->len; len++) {
		g_autofree guint8 *exact = g_memdup2(file->data, len);
		g_autoptr(KvpRecords) records = kvp_records_parse(exact, len);

		g_assert_cmpuint(kvp_records_count(records), ==, len / 2560);
		if (len >= 2560)
			g_assert_cmpstr(kvp_records_value(records, 0), ==, "1");
	}
}

static void test_full_fields(void)
{
	g_autoptr(KvpRecords) records = NULL;
	g_autofree char *key = g_strnfill(512, 'k'), *value = g_strnfill(2048, 'v');
	struct hvis_kvp_record two[2] = { 0 };

	memcpy(two[0].key, key, 512);
	memcpy(two[0].value, value, 2048);
	two[1].key[0] = 'n';
	records = kvp_records_parse(two, sizeof(two));
	g_assert_cmpuint(kvp_records_count(records), ==, 2);
	g_assert_cmpstr(kvp_records_key(records, 0), ==, key);
	g_assert_cmpstr(kvp_records_value(records, 0), ==, value);
	g_assert_cmpstr(kvp_records_key(records, 1), ==, "n");
	g_assert_cmpstr(kvp_records_value(records, 1), ==, "");
}

static void test_garbage_behind_nul(void)
{
	g_autoptr(GByteArray) file = scratch_records("HostName", "server", NULL);
	g_autoptr(KvpRecords) records = NULL;

	memcpy(file->data + 9, "castprefix", 10);
	memcpy(file->data + 512 + 7, "ff02::\xff", 7);
	records = kvp_records_parse(file->data, file->len);
	g_assert_cmpstr(kvp_records_get(records, "HostName"), ==, "server");
}

static void test_broken_text(void)
{
	g_autoptr(GByteArray) file =
		scratch_records("good", "1", "bad\xc3", "\x80\xffz", "end", "2", NULL);
	g_autoptr(KvpRecords) records = kvp_records_parse(file->data, file->len);

	g_assert_cmpuint(kvp_records_count(records), ==, 3);
	g_assert_cmpstr(kvp_records_key(records, 1), ==, "bad\xef\xbf\xbd");
	g_assert_true(g_utf8_validate(kvp_records_value(records, 1), -1, NULL));
	g_assert_true(g_str_has_suffix(kvp_records_value(records, 1), "z"));
	g_assert_cmpstr(kvp_records_value(records, 2), ==, "2");
}

static void test_hole(void)
{
	g_autoptr(GByteArray) file = scratch_records("a", "1", "", "", "", "lost", "b", "2", NULL);
	g_autoptr(KvpRecords) records = kvp_records_parse(file->data, file->len);

	g_assert_cmpuint(kvp_records_count(records), ==, 2);
	g_assert_cmpstr(kvp_records_key(records, 1), ==, "b");
}

static void test_duplicates(void)
{
	g_autoptr(GByteArray) file = scratch_records("k", "first", "K", "other", "k", "last", NULL);
	g_autoptr(KvpRecords) records = kvp_records_parse(file->data, file->len);

	g_assert_cmpuint(kvp_records_count(records), ==, 3);
	g_assert_cmpstr(kvp_records_value(records, 0), ==, "first");
	g_assert_cmpstr(kvp_records_get(records, "k"), ==, "last");
	g_assert_cmpstr(kvp_records_get(records, "K"), ==, "other");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/records/empty", test_empty);
	g_test_add_func("/kvpd/records/every-length", test_every_length);
	g_test_add_func("/kvpd/records/full-fields", test_full_fields);
	g_test_add_func("/kvpd/records/garbage-behind-nul", test_garbage_behind_nul);
	g_test_add_func("/kvpd/records/broken-text", test_broken_text);
	g_test_add_func("/kvpd/records/hole", test_hole);
	g_test_add_func("/kvpd/records/duplicates", test_duplicates);
	return g_test_run();
}
