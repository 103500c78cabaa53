/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables, fields and escapes of lib/util/output.c against golden text. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include "util/error.h"
#include "util/output.h"

static void check_escape(const char *in, const char *out)
{
	g_autofree char *text = output_escape(in);

	g_assert_cmpstr(text, ==, out);
}

static void test_escape(void)
{
	check_escape("", "");
	check_escape("plain \\ text \"'", "plain \\ text \"'");
	check_escape("J\xc3\xb6rg \xe2\x82\xac", "J\xc3\xb6rg \xe2\x82\xac");
	check_escape("a\nb\tc\rd", "a\\nb\\tc\\rd");
	check_escape("\x1b[2J\x7f", "\\x1b[2J\\x7f");
	check_escape("\xc2\x9b", "\\u009b"); /* C1: another way to say ESC [ */
	check_escape("x\xe2\x80\xaey", "x\\u202ey"); /* right-to-left override */
	check_escape("\xff\xc3", "\\xff\\xc3"); /* no UTF-8, and a cut character */
	check_escape("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
}

/* What @print writes. */
typedef void (*Print)(FILE *stream, struct json_object *value, const OutputColumn *columns);

static void check_print(
	Print print, const char *json, const OutputColumn *columns, const char *expected)
{
	struct json_object *value = json_tokener_parse(json);
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	print(stream, value, columns);
	fclose(stream);
	g_assert_cmpstr(text, ==, expected);
	free(text);
	json_object_put(value);
}

static char *format_ms(struct json_object *value)
{
	return value ? g_strdup_printf("%d ms", json_object_get_int(value)) : NULL;
}

static const OutputColumn columns[] = {
	{ "Name", "name", FALSE, NULL, NULL },
	{ "Count", "counters.n", TRUE, NULL, NULL },
	{ "Time", "time", TRUE, format_ms, NULL },
	{ "Text", "text", FALSE, NULL, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

static void test_table(void)
{
	check_print(output_table,
		"[{\"name\":\"kvp\",\"counters\":{\"n\":5},\"time\":12,\"text\":\"a\\u001bb\"},"
		"{\"name\":\"heartbeat\",\"counters\":{\"n\":12345},\"text\":null},"
		"{\"name\":\"\\u6f22\\u5b57\",\"counters\":7,\"text\":[\"x\",true,1.5]}]",
		columns,
		"Name       Count   Time  Text\n"
		"kvp            5  12 ms  a\\x1bb\n"
		"heartbeat  12345         -\n"
		"\xe6\xbc\xa2\xe5\xad\x97           -         x, yes, 1.5\n");
}

static void test_table_empty(void)
{
	check_print(output_table, "[]", columns, "");
	check_print(output_table, "{}", columns, "");
}

static void test_fields(void)
{
	check_print(output_fields, "{\"name\":[]}", columns, "Name:   -\nCount:  -\nText:   -\n");
	check_print(output_fields, "{\"name\":\"kvp\",\"counters\":{\"n\":5},\"text\":{\"a\":1}}",
		columns,
		"Name:   kvp\n"
		"Count:  5\n"
		"Text:   {\"a\":1}\n");
}

static void print_compact(FILE *stream, struct json_object *value, const OutputColumn *unused)
{
	output_json(stream, value, TRUE);
}

static void print_pretty(FILE *stream, struct json_object *value, const OutputColumn *unused)
{
	output_json(stream, value, FALSE);
}

static void test_json(void)
{
	check_print(print_compact, "{\"path\": \"/a/b\", \"n\": 1}", NULL,
		"{\"path\":\"/a/b\",\"n\":1}\n");
	check_print(print_pretty, "{\"n\":1}", NULL, "{\n  \"n\": 1\n}\n");
}

static void test_full_disk(void)
{
	g_autoptr(GError) error = NULL;
	FILE *stream = fopen("/dev/full", "w");

	g_assert_nonnull(stream);
	g_assert_true(output_finish(stream, &error));
	g_assert_no_error(error);
	fputs("text\n", stream);
	g_assert_false(output_finish(stream, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
	g_assert_true(g_str_has_prefix(error->message, "the output could not be written: "));
	fclose(stream);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/output/escape", test_escape);
	g_test_add_func("/output/table", test_table);
	g_test_add_func("/output/table/empty", test_table_empty);
	g_test_add_func("/output/fields", test_fields);
	g_test_add_func("/output/json", test_json);
	g_test_add_func("/output/full-disk", test_full_disk);
	return g_test_run();
}
