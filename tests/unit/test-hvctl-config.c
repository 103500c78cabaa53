/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl config check and show, on configuration files made for each case. */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "fcopyd/options.h"
#include "hvctl/command.h"
#include <json-c/json.h>
#include "kvpd/options.h"
#include "vssd/options.h"

typedef struct {
	char *root, *file;
} Tree;

static void tree_up(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *dir = NULL;

	tree->root = g_dir_make_tmp("hvctl-XXXXXX", NULL);
	tree->file = g_build_filename(tree->root, HVIS_SYSCONF_DIR, "hvis.conf", NULL);
	dir = g_path_get_dirname(tree->file);
	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
}

static void tree_down(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *dir = g_path_get_dirname(tree->file);

	g_remove(tree->file);
	while (g_str_has_prefix(dir, tree->root)) {
		g_autofree char *child = dir;

		g_assert_cmpint(g_rmdir(child), ==, 0);
		dir = g_path_get_dirname(child);
	}
	g_free(tree->root);
	g_free(tree->file);
}

/* Run "hvctl config @line"; returns the exit status. */
static int run(Tree *tree, const char *line, char **ret_out, char **ret_message)
{
	g_autofree char *full = g_strdup_printf("hvctl config %s", line);
	g_auto(GStrv) argv = g_strsplit(full, " ", -1);
	g_auto(HvctlRequest) request = { 0 };
	g_autoptr(GError) error = NULL;
	HvisExit status;
	size_t len;

	hvctl_parse((const char *const *)argv, &request, &error);
	g_assert_no_error(error);
	request.root = tree->root;
	request.out = open_memstream(ret_out, &len);
	status = request.command->run(&request, &error);
	fclose(request.out);
	*ret_message = error ? g_strdup(error->message) : NULL;
	return (int)(error ? hvis_exit_status(error) : status);
}

static void check(Tree *tree, const char *line, int status, const char *says)
{
	g_autofree char *message = NULL;
	char *out = NULL;

	g_assert_cmpint(run(tree, line, &out, &message), ==, status);
	g_assert_null(message);
	if (!strstr(out, says))
		g_error("\"%s\" does not say \"%s\"", out, says);
	free(out);
}

/* There is a row of these words, however wide the columns are. */
static void check_row(
	Tree *tree, const char *line, const char *section, const char *key, const char *value)
{
	g_autofree char *pattern = g_strdup_printf("(?m)^%s +%s +%s$", section, key, value);
	g_autofree char *message = NULL;
	char *out = NULL;

	g_assert_cmpint(run(tree, line, &out, &message), ==, 0);
	if (!g_regex_match_simple(pattern, out, 0, 0))
		g_error("\"%s\" has no row %s %s %s", out, section, key, value);
	free(out);
}

static void write_file(Tree *tree, const char *text)
{
	g_assert_true(g_file_set_contents(tree->file, text, -1, NULL));
}

static void test_nothing(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	check(tree, "check", 0, "good: there is no configuration file");
	check(tree, "show", 0, "SECTION  KEY ");
	check_row(tree, "show", "kvp", "LockTimeout", "5s");
	check(tree, "show --origin", 0, "  built in\n");
}

static void test_good(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *origin = g_strdup_printf("hvis.conf:2\n");

	write_file(tree, "[kvp]\nLockTimeout=2s\n");
	check(tree, "check", 0, "good: ");
	check(tree, "check", 0, "hvis.conf");
	check(tree, "check --json", 0, "\"good\": true");
	check_row(tree, "show", "kvp", "LockTimeout", "2s");
	check(tree, "show --origin", 0, origin);
	write_file(tree, "[vss]\nDeadline=90s\n");
	check(tree, "check", 0, "good: ");
	check_row(tree, "show", "vss", "Deadline", "90s");
}

static void test_wrong(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "[kvp]\nLockTimeot=2s\n", "hvis.conf:2" },
		{ "[kvp]\n\nLockTimeout=soon\n", "hvis.conf:3" },
		{ "[kpv]\n", "hvis.conf:1" },
		{ "[vss]\nDeadline=2s\n", "hvis.conf:2" },
		{ "[vss]\nExcludes=ext4\n", "hvis.conf:2" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *message = NULL;
		char *out = NULL;

		write_file(tree, cases[i].text);
		check(tree, "check", 1, cases[i].says);
		check(tree, "check", 1, "; see hvis.conf(5)");
		check(tree, "check --json", 1, "\"good\": false");
		g_assert_cmpint(run(tree, "show", &out, &message), ==, 2);
		g_assert_cmpstr(out, ==, "");
		g_assert_nonnull(strstr(message, cases[i].says));
		free(out);
	}
}

/* Values that hv_fcopy_daemon refuses, although their keys take any text. */
static void test_wrong_policy(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const lines[] = { "Mode=4755", "DirectoryMode=drwx", "Allow=srv",
		"Deny=etc", "Owner=no such user" };

	for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autofree char *text = g_strdup_printf("[fcopy]\n%s\n", lines[i]);
		g_autofree char *says = g_strdup_printf("hvis.conf:2: %s: must be ", lines[i]);

		write_file(tree, text);
		check(tree, "check", 1, says);
		check(tree, "check", 1, "; see hvis.conf(5)");
	}
	write_file(tree, "[fcopy]\nMode=600\nAllow=/srv\nDeny=*/.ssh /etc\nOwner=root\n");
	check(tree, "check", 0, "good: ");
}

/* Root may read it, the daemon's user not. */
static void test_closed(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *dir = g_strconcat(tree->file, ".d", NULL);
	g_autofree char *parent = g_path_get_dirname(tree->file);

	write_file(tree, "[kvp]\n");
	g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
	g_assert_cmpint(g_chmod(dir, 0755), ==, 0);
	g_assert_cmpint(g_chmod(tree->file, 0644), ==, 0);
	check(tree, "check", 0, "good: ");
	g_assert_cmpint(g_chmod(tree->file, 0600), ==, 0);
	check(tree, "check", 1, "\"chmod 644 " HVIS_SYSCONF_DIR "/hvis.conf\"");
	check(tree, "check --json", 1, "\"good\": false");
	g_assert_cmpint(g_chmod(dir, 0700), ==, 0);
	check(tree, "check", 1, "\"chmod 644 " HVIS_SYSCONF_DIR "/hvis.conf\"");
	check(tree, "check", 1, "\"chmod 755 " HVIS_SYSCONF_DIR "/hvis.conf.d\"");
	g_assert_cmpint(g_chmod(tree->file, 0644), ==, 0);
	check(tree, "check", 1, "hvis.conf.d: mode 0700, so hv_kvp_daemon (user hvis-kvp)");
	g_assert_cmpint(g_rmdir(dir), ==, 0);
	g_assert_cmpint(g_chmod(parent, 0700), ==, 0);
	check(tree, "check", 1, "\"chmod 755 " HVIS_SYSCONF_DIR "\"");
}

/* The next of @rows is about each key of @keys, with all there is to know of it. */
static void check_keys(struct json_object *rows, gsize *n, const HvisConfigKey *keys)
{
	struct json_object *value;

	for (const HvisConfigKey *key = keys; key->section; key++) {
		struct json_object *row = json_object_array_get_idx(rows, *n);

		if (!key->key)
			continue;
		(*n)++;
		g_assert_true(json_object_object_get_ex(row, "key", &value));
		g_assert_cmpstr(json_object_get_string(value), ==, key->key);
		g_assert_true(json_object_object_get_ex(row, "default", &value));
		g_assert_cmpstr(json_object_get_string(value), ==, key->fallback);
		g_assert_true(json_object_object_get_ex(row, "help", &value));
		g_assert_cmpstr(json_object_get_string(value), ==, key->help);
	}
}

/* The JSON has all there is to know of each key of the daemons' tables, in their order. */
static void test_json(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *message = NULL;
	struct json_object *rows;
	char *out = NULL;
	gsize n = 0;

	write_file(tree, "[kvp]\nLockTimeout=2s\n");
	g_assert_cmpint(run(tree, "show --json", &out, &message), ==, 0);
	rows = json_tokener_parse(out);
	check_keys(rows, &n, kvpd_config_keys);
	check_keys(rows, &n, vss_config_keys);
	check_keys(rows, &n, fcopy_config_keys);
	g_assert_cmpuint(json_object_array_length(rows), ==, n);
	json_object_put(rows);
	free(out);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	umask(022); /* modes are looked at */
#define CASE(PATH, TEST) g_test_add(PATH, Tree, NULL, tree_up, TEST, tree_down)
	CASE("/hvctl/config/nothing", test_nothing);
	CASE("/hvctl/config/good", test_good);
	CASE("/hvctl/config/wrong", test_wrong);
	CASE("/hvctl/config/wrong-policy", test_wrong_policy);
	CASE("/hvctl/config/closed", test_closed);
	CASE("/hvctl/config/json", test_json);
	return g_test_run();
}
