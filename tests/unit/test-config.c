/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration: order of files, every type, every error with its line, origins. */
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <util/config.h>
#include <util/error.h>

#include "tests/unit/remove-tree.h"

static const char *const colours[] = { "red", "green", NULL };

static const HvisConfigKey keys[] = {
	{ .section = "kvp", .key = "name", .type = HVIS_CONFIG_STRING, .fallback = "x" },
	{ .section = "kvp", .key = "flag", .type = HVIS_CONFIG_BOOL, .fallback = "no" },
	{ .section = "kvp",
		.key = "count",
		.type = HVIS_CONFIG_INT,
		.fallback = "3",
		.min = -5,
		.max = 10 },
	{ .section = "vss",
		.key = "time",
		.type = HVIS_CONFIG_SECONDS,
		.fallback = "10s",
		.min = 100,
		.max = 7200000 },
	{ .section = "vss",
		.key = "size",
		.type = HVIS_CONFIG_SIZE,
		.fallback = "1K",
		.min = 1,
		.max = (gint64)4 << 30 },
	{ .section = "vss",
		.key = "colour",
		.type = HVIS_CONFIG_CHOICE,
		.fallback = "red",
		.choices = colours },
	{ .section = "vss", .key = "dir", .type = HVIS_CONFIG_PATH, .fallback = "/" },
	{ .section = "vss", .key = "words", .type = HVIS_CONFIG_LIST, .fallback = "" },
	{ .section = "ip" },
	{ 0 },
};

typedef struct {
	char *root;
} Fixture;

static void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->root = g_dir_make_tmp("hvis-config-XXXXXX", NULL);
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	remove_tree(f->root);
	g_free(f->root);
}

static void put(Fixture *f, const char *path, const char *text)
{
	g_autofree char *real = g_strconcat(f->root, path, NULL);
	g_autofree char *dir = g_path_get_dirname(real);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_true(g_file_set_contents(real, text, -1, NULL));
}

#define VENDOR HVIS_VENDOR_DIR "/hvis.conf"
#define ADMIN HVIS_SYSCONF_DIR "/hvis.conf"
#define DROP_INS HVIS_SYSCONF_DIR "/hvis.conf.d/"

static void expect_error(Fixture *f, const char *message)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(hvis_config_load(keys, f->root, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_assert_cmpstr(error->message, ==, message);
}

static void test_defaults(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(HvisConfig) c = hvis_config_load(keys, f->root, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(hvis_config_string(c, "kvp", "name"), ==, "x");
	g_assert_false(hvis_config_bool(c, "kvp", "flag"));
	g_assert_cmpint(hvis_config_int(c, "kvp", "count"), ==, 3);
	g_assert_cmpint(hvis_config_int(c, "vss", "time"), ==, 10000);
	g_assert_cmpint(hvis_config_int(c, "vss", "size"), ==, 1024);
	g_assert_null(hvis_config_list(c, "vss", "words")[0]);
	g_assert_null(hvis_config_origin(c, "kvp", "name"));
	g_assert_null(hvis_config_files(c)[0]);
}

static void test_order(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(HvisConfig) c = NULL;

	put(f, VENDOR, "[kvp]\nname=vendor\ncount=1\nflag=yes\n");
	put(f, ADMIN, "# ours\n\n[kvp]\n  name = admin  \n count=2\n");
	put(f, DROP_INS "20-b.conf", "[kvp]\nname=second\n[vss]\nwords=a  b\tc\n");
	put(f, DROP_INS "10-a.conf", "[kvp]\nname=first\n");
	put(f, DROP_INS "30-c.conf.bak", "[kvp]\nname=not read\n");
	put(f, DROP_INS ".hidden.conf", "[kvp]\nname=not read\n");
	c = hvis_config_load(keys, f->root, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(hvis_config_string(c, "kvp", "name"), ==, "second");
	g_assert_cmpstr(hvis_config_origin(c, "kvp", "name"), ==, DROP_INS "20-b.conf:2");
	g_assert_cmpint(hvis_config_int(c, "kvp", "count"), ==, 2);
	g_assert_cmpstr(hvis_config_origin(c, "kvp", "count"), ==, ADMIN ":5");
	g_assert_true(hvis_config_bool(c, "kvp", "flag"));
	g_assert_cmpstr(hvis_config_origin(c, "kvp", "flag"), ==, VENDOR ":4");
	g_assert_cmpstr(hvis_config_list(c, "vss", "words")[0], ==, "a");
	g_assert_cmpstr(hvis_config_list(c, "vss", "words")[2], ==, "c");
	g_assert_null(hvis_config_list(c, "vss", "words")[3]);
	g_assert_cmpstr(hvis_config_files(c)[0], ==, VENDOR);
	g_assert_cmpstr(hvis_config_files(c)[1], ==, ADMIN);
	g_assert_cmpstr(hvis_config_files(c)[2], ==, DROP_INS "10-a.conf");
	g_assert_cmpstr(hvis_config_files(c)[3], ==, DROP_INS "20-b.conf");
	g_assert_null(hvis_config_files(c)[4]);
}

static void test_values(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const struct {
		const char *section, *key, *text;
		gint64 value;
	} cases[] = {
		{ "kvp", "flag", "yes", 1 },
		{ "kvp", "flag", "true", 1 },
		{ "kvp", "flag", "on", 1 },
		{ "kvp", "flag", "1", 1 },
		{ "kvp", "flag", "no", 0 },
		{ "kvp", "flag", "false", 0 },
		{ "kvp", "flag", "off", 0 },
		{ "kvp", "flag", "0", 0 },
		{ "kvp", "count", "-5", -5 },
		{ "kvp", "count", "10", 10 },
		{ "vss", "time", "90", 90000 },
		{ "vss", "time", "90s", 90000 },
		{ "vss", "time", "2min", 120000 },
		{ "vss", "time", "1h", 3600000 },
		{ "vss", "time", "500ms", 500 },
		{ "vss", "size", "7", 7 },
		{ "vss", "size", "64K", 65536 },
		{ "vss", "size", "2M", 2097152 },
		{ "vss", "size", "4G", (gint64)4 << 30 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(HvisConfig) c = NULL;
		g_autofree char *text = g_strdup_printf(
			"[%s]\n%s=%s", cases[i].section, cases[i].key, cases[i].text);

		put(f, ADMIN, text);
		c = hvis_config_load(keys, f->root, &error);
		g_assert_no_error(error);
		g_assert_cmpint(
			hvis_config_int(c, cases[i].section, cases[i].key), ==, cases[i].value);
	}
}

static void test_errors(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const cases[][2] = {
		{ "[none]\n", ADMIN ":1: there is no section [none]" },
		{ "[kvp\n", ADMIN ":1: a section looks like [kvp]" },
		{ "[]\n", ADMIN ":1: a section looks like [kvp]" },
		{ "name=x\n", ADMIN ":1: a key before the first section" },
		{ "[kvp]\n\nnme=x\n", ADMIN ":3: there is no key nme in [kvp]" },
		{ "[kvp]\nname\n", ADMIN ":2: neither a section nor key=value" },
		{ "[kvp]\nflag=maybe\n", ADMIN ":2: flag=maybe: must be yes or no" },
		{ "[kvp]\nflag=\n", ADMIN ":2: flag=: must be yes or no" },
		{ "[kvp]\ncount=11\n", ADMIN ":2: count=11: must be from -5 to 10" },
		{ "[kvp]\ncount=-6\n", ADMIN ":2: count=-6: must be from -5 to 10" },
		{ "[kvp]\ncount=1x\n", ADMIN ":2: count=1x: must be a number" },
		{ "[kvp]\ncount=99999999999999999999\n",
			ADMIN ":2: count=99999999999999999999: must be a number" },
		{ "[vss]\ntime=1day\n",
			ADMIN ":2: time=1day: must be a time such as 90s, 15min or 500ms" },
		{ "[vss]\ntime=-1\n",
			ADMIN ":2: time=-1: must be a time such as 90s, 15min or 500ms" },
		{ "[vss]\ntime=9223372036854775807h\n",
			ADMIN ":2: time=9223372036854775807h: "
			      "must be a time such as 90s, 15min or 500ms" },
		{ "[vss]\ntime=5ms\n", ADMIN ":2: time=5ms: must be from 100 ms to 2 h" },
		{ "[vss]\nsize=1T\n", ADMIN ":2: size=1T: must be a size such as 4096, 64K or 1M" },
		{ "[vss]\ncolour=blue\n", ADMIN ":2: colour=blue: must be one of: red, green" },
		{ "[vss]\ndir=here\n", ADMIN ":2: dir=here: must be an absolute path" },
		{ "[kvp]\nname=\xff\n", ADMIN ": not a text in UTF-8" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		put(f, ADMIN, cases[i][0]);
		expect_error(f, cases[i][1]);
	}
}

/* A section that another daemon checks is left alone, and ends where the next begins. */
static void test_foreign_section(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(HvisConfig) c = NULL;

	put(f, ADMIN, "[ip]\nanything=goes\n[kvp]\nname=y\n");
	c = hvis_config_load(keys, f->root, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(hvis_config_string(c, "kvp", "name"), ==, "y");
}

static void test_too_long(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *big = g_strnfill(300 * 1024, '#');

	put(f, ADMIN, big);
	g_assert_null(hvis_config_load(keys, f->root, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
}

static void test_bad_fallback(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const HvisConfigKey bad[] = {
		{ .section = "kvp", .key = "flag", .type = HVIS_CONFIG_BOOL, .fallback = "?" },
		{ 0 },
	};
	g_autoptr(GError) error = NULL;

	g_assert_null(hvis_config_load(bad, f->root, &error));
	g_assert_cmpstr(error->message, ==, "built-in [kvp] flag=?: must be yes or no");
}

static void test_parse(void)
{
	static const char text[] = "[kvp]\ncount=4\n[nope]";
	g_autoptr(GError) error = NULL;
	g_autoptr(HvisConfig) c = hvis_config_parse(keys, "some.conf", text, 14, &error);

	g_assert_no_error(error);
	g_assert_cmpint(hvis_config_int(c, "kvp", "count"), ==, 4);
	g_assert_cmpstr(hvis_config_origin(c, "kvp", "count"), ==, "some.conf:2");
	g_assert_null(hvis_config_parse(keys, "some.conf", text, sizeof(text) - 1, &error));
	g_assert_cmpstr(error->message, ==, "some.conf:3: there is no section [nope]");
}

static void collect(const HvisConfigKey *key, const char *text, const char *origin, gpointer data)
{
	g_string_append_printf(
		data, "%s.%s=%s@%s\n", key->section, key->key, text, origin ? origin : "-");
}

static void test_foreach(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GString) all = g_string_new(NULL);
	g_autoptr(HvisConfig) c = NULL;

	put(f, ADMIN, "[vss]\nsize=2K\n");
	c = hvis_config_load(keys, f->root, NULL);
	hvis_config_foreach(c, collect, all);
	g_assert_cmpstr(all->str, ==,
		"kvp.name=x@-\nkvp.flag=no@-\nkvp.count=3@-\nvss.time=10s@-\n"
		"vss.size=2K@" ADMIN ":2\nvss.colour=red@-\nvss.dir=/@-\nvss.words=@-\n");
}

#define ADD(path, func) g_test_add("/config/" path, Fixture, NULL, set_up, func, tear_down)

static void test_without_sections(void)
{
	static const HvisConfigKey flat[] = {
		{ .section = "",
			.key = "count",
			.type = HVIS_CONFIG_INT,
			.fallback = "3",
			.max = 9 },
		{ .section = NULL },
	};
	static const char *const wrong[] = { "\ncolour=red\n", "\n[kvp]\n", "\n[]\n", "\n[ ]\n",
		"\ncount=10\n" };
	g_autoptr(HvisConfig) c = hvis_config_parse(flat, "flat.conf", "# a\ncount=4\n", 12, NULL);

	g_assert_cmpint(hvis_config_int(c, "", "count"), ==, 4);
	for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(
			hvis_config_parse(flat, "flat.conf", wrong[i], strlen(wrong[i]), &error));
		g_assert_true(g_str_has_prefix(error->message, "flat.conf:2: "));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("defaults", test_defaults);
	ADD("order", test_order);
	ADD("values", test_values);
	ADD("errors", test_errors);
	ADD("foreign-section", test_foreign_section);
	ADD("too-long", test_too_long);
	ADD("bad-fallback", test_bad_fallback);
	ADD("foreach", test_foreach);
	g_test_add_func("/config/parse", test_parse);
	g_test_add_func("/config/without-sections", test_without_sections);
	return g_test_run();
}
