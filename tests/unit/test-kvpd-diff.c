/* SPDX-License-Identifier: GPL-2.0-only */
/* What happened between two lists of records. */
#include "config.h"

#include "kvpd/diff.h"

/* "a=1 b=2" */
static KvpRecords *records_of(const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	KvpRecords *records = kvp_records_new();

	for (char **word = words; *word && **word; word++) {
		g_auto(GStrv) pair = g_strsplit(*word, "=", 2);

		kvp_records_add(records, pair[0], -1, pair[1], -1);
	}
	return records;
}

static void note(const char *key, const char *old, const char *value, gpointer data)
{
	g_string_append_printf(data, " %s:%s>%s", key, old ? old : "none", value ? value : "gone");
}

static void check(const char *before, const char *after, const char *want)
{
	g_autoptr(KvpRecords) from = records_of(before), to = records_of(after);
	g_autoptr(GString) got = g_string_new(NULL);

	kvp_records_diff(from, to, note, got);
	g_assert_cmpstr(got->str, ==, want);
}

static void test_simple(void)
{
	check("", "", "");
	check("a=1 b=2", "a=1 b=2", "");
	check("", "a=1 b=2", " a:none>1 b:none>2");
	check("a=1 b=2", "", " a:1>gone b:2>gone");
	check("a=1 b=2", "b=3 c=4", " b:2>3 c:none>4 a:1>gone");
	check("a=1 b=2", "b=2 a=1", "");
}

static void test_duplicates(void)
{
	check("a=1", "a=1 a=2 a=2", " a:1>2 a:2>2");
	check("", "a=1 a=1", " a:none>1 a:1>1");
	check("a=1 a=2", "a=2", "");
	check("a=1 a=2", "a=1", " a:2>1");
	check("a=1 a=2", "a=3 a=2", "");
	check("a=1 a=2", "", " a:2>gone");
	check("a=1 b=1 a=2", "b=1", " a:2>gone");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/diff/simple", test_simple);
	g_test_add_func("/kvpd/diff/duplicates", test_duplicates);
	return g_test_run();
}
