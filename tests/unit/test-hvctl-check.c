/* SPDX-License-Identifier: GPL-2.0-only */
/* What hvctl kvp check finds in bytes, and what mending makes of them. */
#include <string.h>

#include <hvis/kvp.h>

#include "hvctl/check.h"
#include "hvctl/records.h"

#define RECORD sizeof(struct hvis_kvp_record)

static void add(GByteArray *bytes, const char *key, const char *value)
{
	guint8 record[RECORD] = { 0 };

	memcpy(record, key, strlen(key));
	memcpy(record + HVIS_KVP_KEY_MAX, value, strlen(value));
	g_byte_array_append(bytes, record, RECORD);
}

/* "torn hidden": the problems in their order; those that --repair mends in capitals. */
static char *problems(const GByteArray *bytes)
{
	HvctlFindings findings = { .list = json_object_new_array(), .path = "pool" };
	GString *text = g_string_new(NULL);

	hvctl_check_bytes(&findings, bytes->data, bytes->len);
	for (gsize i = 0; i < json_object_array_length(findings.list); i++) {
		struct json_object *finding = json_object_array_get_idx(findings.list, i);
		const char *word = hvctl_record_text(finding, "problem");
		g_autofree char *shown = *hvctl_record_text(finding, "repair")
						 ? g_ascii_strup(word, -1)
						 : g_strdup(word);

		g_string_append_printf(text, "%s%s", i ? " " : "", shown);
	}
	g_assert_cmpuint(findings.remaining, ==, json_object_array_length(findings.list));
	json_object_put(findings.list);
	return g_string_free(text, FALSE);
}

static void expect(const GByteArray *bytes, const char *want)
{
	g_autofree char *got = problems(bytes);

	g_assert_cmpstr(got, ==, want);
}

static void test_good(void)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new(), backup = g_byte_array_new();
	g_autofree char *key = g_strnfill(254, 'k'), *value = g_strnfill(1022, 'v');

	expect(bytes, "");
	add(bytes, "one", "");
	add(bytes, key, value);
	expect(bytes, "");
	g_assert_cmpuint(hvctl_mend_bytes(bytes, backup), ==, 0);
	g_assert_cmpuint(backup->len, ==, 0);
}

static void test_found(void)
{
	g_autofree char *long_key = g_strnfill(255, 'k'), *long_value = g_strnfill(1023, 'v');
	g_autofree char *full = g_strnfill(2048, 'v');
	const struct {
		const char *key, *value, *want;
	} cases[] = { { long_key, "v", "too-long" }, { "k", long_value, "too-long" },
		{ "k", full, "too-long" }, { "\xff", "v", "NOT-UTF8" }, { "k", "\xc3", "NOT-UTF8" },
		{ "", "v", "NO-KEY" }, { "", "", "NO-KEY" } };

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GByteArray) bytes = g_byte_array_new();

		add(bytes, cases[i].key, cases[i].value);
		expect(bytes, cases[i].want);
	}
}

/* Every length of a torn tail. */
static void test_torn(void)
{
	for (guint len = 1; len < RECORD; len += 13) {
		g_autoptr(GByteArray) bytes = g_byte_array_new(), backup = g_byte_array_new();

		add(bytes, "k", "v");
		g_byte_array_set_size(bytes, RECORD + len);
		memset(bytes->data + RECORD, 'x', len);
		expect(bytes, "TORN");
		g_assert_cmpuint(hvctl_mend_bytes(bytes, backup), ==, 1);
		g_assert_cmpuint(bytes->len, ==, RECORD);
		g_assert_cmpmem(backup->data + backup->len - 2, 2, "x\n", 2);
		expect(bytes, "");
	}
}

static void test_hidden(void)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	add(bytes, "Key", "1");
	add(bytes, "other", "2");
	add(bytes, "kEY", "3");
	add(bytes, "\303\211t\303\251", "4");
	add(bytes, "\303\251T\303\211", "5");
	expect(bytes, "hidden hidden");
}

/* The very same key is there twice, whatever else is alike. */
static void test_twice(void)
{
	static const char *const wanted[] = { "other letters", "there twice", "there twice" };
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	HvctlFindings findings = { .list = json_object_new_array(), .path = "pool" };

	add(bytes, "Key", "1");
	add(bytes, "Key", "2");
	add(bytes, "Key", "3");
	add(bytes, "key", "4");
	hvctl_check_bytes(&findings, bytes->data, bytes->len);
	g_assert_cmpuint(json_object_array_length(findings.list), ==, G_N_ELEMENTS(wanted));
	for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
		struct json_object *finding = json_object_array_get_idx(findings.list, i);

		g_assert_nonnull(strstr(hvctl_record_text(finding, "meaning"), wanted[i]));
		g_assert_nonnull(strstr(hvctl_record_text(finding, "by_hand"), "hvctl kvp delete"));
		g_assert_cmpstr(hvctl_record_text(finding, "repair"), ==, "");
	}
	json_object_put(findings.list);
}

/* Whatever the bytes are: what can be mended is, in one go, and no whole record with a key is lost. */
static void test_random(void)
{
	for (guint round = 0; round < 300; round++) {
		g_autoptr(GByteArray) bytes = g_byte_array_new(), backup = g_byte_array_new();
		g_autoptr(GByteArray) once = g_byte_array_new(), none = g_byte_array_new();
		guint n = (guint)g_test_rand_int_range(0, 6), keys = 0;
		g_autofree char *left = NULL;

		for (guint i = 0; i < n; i++)
			add(bytes, g_test_rand_bit() ? "key" : "", "value");
		g_byte_array_set_size(bytes, bytes->len + (guint)g_test_rand_int_range(0, 100));
		for (guint i = n * RECORD; i < bytes->len; i++)
			bytes->data[i] = 't';
		for (guint i = 0; bytes->len > 0 && i < 20; i++)
			bytes->data[g_test_rand_int_range(0, (gint32)bytes->len)] =
				(guint8)g_test_rand_int_range(0, 256);
		for (guint i = 0; i < n; i++)
			keys += bytes->data[i * RECORD] != 0;
		hvctl_mend_bytes(bytes, backup);
		g_assert_cmpuint(bytes->len, ==, keys * RECORD);
		g_byte_array_append(once, bytes->data, bytes->len);
		g_assert_cmpuint(hvctl_mend_bytes(bytes, none), ==, 0);
		g_assert_cmpmem(bytes->data, bytes->len, once->data, once->len);
		left = problems(bytes);
		for (char *c = left; *c; c++)
			g_assert_false(g_ascii_isupper(*c));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hvctl/check/good", test_good);
	g_test_add_func("/hvctl/check/found", test_found);
	g_test_add_func("/hvctl/check/torn", test_torn);
	g_test_add_func("/hvctl/check/hidden", test_hidden);
	g_test_add_func("/hvctl/check/twice", test_twice);
	g_test_add_func("/hvctl/check/random", test_random);
	return g_test_run();
}
