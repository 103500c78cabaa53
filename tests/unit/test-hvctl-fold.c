/* SPDX-License-Identifier: GPL-2.0-only */
/* Values in parts: what is joined, what is not, and how a value is cut. */
#include <string.h>

#include "hvctl/fold.h"
#include "hvctl/records.h"
#include "util/utf16.h"

typedef struct {
	const char *pool, *key, *value; /* a value of 'x' and a number is that many x */
} Row;

static char *expand(const char *value)
{
	return value[0] == 'x' && value[1] ? g_strnfill(strtoul(value + 1, NULL, 10), 'x')
					   : g_strdup(value);
}

static struct json_object *list_of(const Row *rows)
{
	struct json_object *list = json_object_new_array();

	for (; rows->pool; rows++) {
		g_autofree char *value = expand(rows->value);

		json_object_array_add(list, hvctl_record_new(rows->pool, rows->key, value));
	}
	return list;
}

/* What the rows become: "key key", each with the length of its value. */
static void check(const Row *rows, const char *want)
{
	struct json_object *list = list_of(rows), *joined = hvctl_fold(list);
	g_autoptr(GString) got = g_string_new(NULL);

	for (gsize i = 0; i < json_object_array_length(joined); i++) {
		struct json_object *record = json_object_array_get_idx(joined, i);

		g_string_append_printf(got, "%s%s:%zu", i ? " " : "",
			hvctl_record_text(record, "key"),
			strlen(hvctl_record_text(record, "value")));
	}
	g_assert_cmpstr(got->str, ==, want);
	json_object_put(joined);
	json_object_put(list);
}

#define ROWS(...) ((const Row[]){ __VA_ARGS__, { NULL, NULL, NULL } })
#define G "guest"

static void test_join(void)
{
	check(ROWS({ G, "a", "1" }, { G, "k0", "x1022" }, { G, "k1", "x1022" }, { G, "k2", "x5" },
		      { G, "z", "2" }),
		"a:1 k:2049 z:1");
	/* another's way of cutting, and parts out of order */
	check(ROWS({ G, "ign_1", "x900" }, { G, "ign_0", "x900" }, { G, "ign_2", "x1" }),
		"ign_:1801");
	check(ROWS({ G, "k0", "x1022" }, { G, "k1", "y" }, { "external", "k0", "x1022" },
		      { "external", "k1", "y" }),
		"k:1023 k:1023");
}

/* In doubt nothing is joined. */
static void test_doubt(void)
{
	check(ROWS({ G, "eth0", "up" }, { G, "eth1", "down" }), "eth0:2 eth1:4");
	check(ROWS({ G, "k0", "x1022" }), "k0:1022");
	check(ROWS({ G, "k0", "x1022" }, { G, "k2", "y" }), "k0:1022 k2:1");
	check(ROWS({ G, "k1", "x1022" }, { G, "k2", "y" }), "k1:1022 k2:1");
	check(ROWS({ G, "k", "1" }, { G, "k0", "x1022" }, { G, "k1", "y" }), "k:1 k0:1022 k1:1");
	check(ROWS({ G, "k0", "x1022" }, { G, "k1", "y" }, { G, "k1", "z" }), "k0:1022 k1:1 k1:1");
	check(ROWS({ G, "k0", "x1022" }, { "external", "k1", "y" }), "k0:1022 k1:1");
	check(ROWS({ G, "k0", "x511" }, { G, "k1", "x511" }), "k0:511 k1:511");
	check(ROWS({ G, "k0", "x900" }, { G, "k1", "x901" }), "k0:900 k1:901");
	check(ROWS({ G, "k10", "x1022" }, { G, "k11", "y" }), "k10:1022 k11:1");
	check(ROWS({ G, "0", "x1022" }, { G, "1", "y" }), "0:1022 1:1");
}

#define KEY "CLOUD_INIT|1|finish|init|vm|uuid"

static void test_events(void)
{
	const Row rows[] = { { G, KEY "|0", "{\"name\":\"n\",\"msg_i\":0,\"msg\":\"a\\\"b\"}" },
		{ G, KEY "|1", "{\"name\":\"n\",\"msg_i\":1,\"msg\":\"\\u00\"}" },
		{ G, KEY "|2", "{\"name\":\"n\",\"msg_i\":2,\"msg\":\"e9 c\"}" },
		{ NULL, NULL, NULL } };
	struct json_object *list = list_of(rows), *joined, *record;

	joined = hvctl_fold(list);
	g_assert_cmpuint(json_object_array_length(joined), ==, 1);
	record = json_object_array_get_idx(joined, 0);
	g_assert_cmpstr(hvctl_record_text(record, "key"), ==, KEY);
	g_assert_cmpstr(hvctl_record_text(record, "value"), ==,
		"{\"name\":\"n\",\"msg\":\"a\\\"b\303\251 c\"}");
	json_object_put(joined);
	/* what is joined must be JSON again: here an escape has lost its end */
	json_object_object_add(json_object_array_get_idx(list, 2), "value",
		json_object_new_string("{\"name\":\"n\",\"msg_i\":2,\"msg\":\"g\"}"));
	joined = hvctl_fold(list);
	g_assert_cmpuint(json_object_array_length(joined), ==, 3);
	json_object_put(joined);
	json_object_put(list);
	check(ROWS({ G, KEY "|0", "{}" }, { G, KEY "|1", "x" }), KEY "|0:2 " KEY "|1:1");
	check(ROWS({ G, KEY "|0", "\"msg\":\"\"}" }, { G, KEY "|1", "\"msg\":\"}" }),
		KEY "|0:9 " KEY "|1:8");
}

/* Whatever is cut comes back, and every part fits a record. */
static void test_cut(void)
{
	static const char *const letters[] = { "a", "\303\251", "\342\202\254", "\360\237\230\200",
		"a\342\202\254\360\237\230\200" };

	for (guint i = 0; i < G_N_ELEMENTS(letters); i++) {
		g_autoptr(GString) value = g_string_new(NULL);
		g_autoptr(GPtrArray) parts = NULL;
		struct json_object *list = json_object_new_array(), *joined;

		for (guint n = 0; n < 3000; n++)
			g_string_append(value, letters[i]);
		g_assert_true(hvctl_cut(value->str, &parts, NULL));
		for (guint n = 0; n < parts->len; n++) {
			g_autofree char *key = g_strdup_printf("key%u", n);

			g_assert_cmpint(hvis_utf16_units(parts->pdata[n]), <=, 1022);
			g_assert_cmpuint(strlen(parts->pdata[n]), <=, 2047);
			json_object_array_add(list, hvctl_record_new(G, key, parts->pdata[n]));
		}
		joined = hvctl_fold(list);
		g_assert_cmpuint(json_object_array_length(joined), ==, 1);
		g_assert_cmpstr(hvctl_record_text(json_object_array_get_idx(joined, 0), "value"),
			==, value->str);
		json_object_put(joined);
		json_object_put(list);
	}
}

static void test_cut_edges(void)
{
	g_autoptr(GPtrArray) empty = NULL, exact = NULL, more = NULL, none = NULL;
	g_autofree char *x1022 = g_strnfill(1022, 'x'), *x1023 = g_strnfill(1023, 'x');
	g_autofree char *huge = g_strnfill(1022 * FOLD_PARTS_MAX + 1, 'x');
	g_autoptr(GError) error = NULL;

	g_assert_true(hvctl_cut("", &empty, NULL));
	g_assert_cmpuint(empty->len, ==, 1);
	g_assert_true(hvctl_cut(x1022, &exact, NULL));
	g_assert_cmpuint(exact->len, ==, 1);
	g_assert_true(hvctl_cut(x1023, &more, NULL));
	g_assert_cmpuint(more->len, ==, 2);
	g_assert_false(hvctl_cut(huge, &none, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
	g_clear_error(&error);
	g_assert_false(hvctl_cut("\xff", &none, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_INVALID);
	g_assert_null(none);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hvctl/fold/join", test_join);
	g_test_add_func("/hvctl/fold/doubt", test_doubt);
	g_test_add_func("/hvctl/fold/events", test_events);
	g_test_add_func("/hvctl/fold/cut", test_cut);
	g_test_add_func("/hvctl/fold/cut-edges", test_cut_edges);
	return g_test_run();
}
