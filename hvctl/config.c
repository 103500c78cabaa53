/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl config check, show: the configuration files as the daemons read them. Which keys there are
 * is each daemon's own table; this only lists the tables. Needs no daemon that runs.
 */
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "fcopyd/options.h"
#include "fcopyd/policy.h"
#include "hvctl/command.h"
#include "hvctl/config-check.h"
#include "hvctl/diagnose.h"
#include "kvpd/options.h"
#include "util/config.h"
#include "util/json.h"
#include "util/output.h"
#include "vssd/options.h"

static const HvisConfigKey *const tables[] = { kvpd_config_keys, vss_config_keys,
	fcopy_config_keys };

/* Where all keys are told: "config show" cannot while the file is wrong. */
static HvisConfig *load(const HvisConfigKey *keys, const char *root, GError **error)
{
	HvisConfig *config = hvis_config_load(keys, root, error);

	if (!config && hvis_error_is(*error, HVIS_ERROR_INVALID))
		hvis_error_append(error, "; see hvis.conf(5)");
	return config;
}

/* --- check --- */

static void add_files(struct json_object *array, HvisConfig *config)
{
	for (const char *const *file = hvis_config_files(config); *file; file++)
		json_object_array_add(array, json_object_new_string(*file));
}

/* What the tables do not know of values. */
static gboolean check_policy(HvisConfig *config, GError **error)
{
	g_autoptr(FcopyPolicy) policy = fcopy_policy_new(config, NULL, error);

	if (!policy)
		hvis_error_append(error, "; see hvis.conf(5)");
	return policy != NULL;
}

/* Every table reads the same files, so the first that is content knows which. */
static gboolean check_all(const char *root, struct json_object *files, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
		g_autoptr(HvisConfig) config = load(tables[i], root, error);

		if (!config)
			return FALSE;
		if (tables[i] == fcopy_config_keys && !check_policy(config, error))
			return FALSE;
		if (i == 0)
			add_files(files, config);
	}
	return TRUE;
}

/* The bits @want of others are the user's own, or the group's, where the file is. Lists are not looked into. */
static gboolean is_open(const char *path, const struct stat *st, mode_t want)
{
	const struct passwd *daemon = getpwnam(HVCTL_KVP_USER);
	guint shift = 0;

	if (daemon && st->st_uid == daemon->pw_uid)
		shift = 6;
	else if (daemon && st->st_gid == daemon->pw_gid)
		shift = 3;
	return (st->st_mode >> shift & want) == want ||
	       getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

/* What root reads and the daemon may not: it ends where it cannot read all. */
static void check_access(GString *text, const char *root, const char *path, mode_t want)
{
	g_autofree char *real = g_strconcat(root, path, NULL);
	struct stat st;

	if (stat(real, &st) == 0 && !is_open(real, &st, want))
		g_string_append_printf(text,
			"%s%s: mode %04o, so hv_kvp_daemon (user " HVCTL_KVP_USER
			") may not read it: \"chmod %s %s\"",
			text->len ? "; " : "", path, (unsigned)(st.st_mode & 07777),
			S_ISDIR(st.st_mode) ? "755" : "644", path);
}

static gboolean check_access_to_all(const char *root, struct json_object *files, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);

	check_access(text, root, HVIS_VENDOR_DIR, 01);
	check_access(text, root, HVIS_SYSCONF_DIR, 01);
	check_access(text, root, HVIS_SYSCONF_DIR "/hvis.conf.d", 05);
	for (gsize i = 0; i < json_object_array_length(files); i++)
		check_access(text, root,
			json_object_get_string(json_object_array_get_idx(files, i)), 04);
	return text->len == 0 || hvis_fail(error, HVIS_ERROR_INVALID, "%s", text->str);
}

gboolean hvctl_config_look(const char *root, struct json_object *files, GError **error)
{
	return check_all(root, files, error) && check_access_to_all(root, files, error);
}

static void print_check(FILE *out, struct json_object *answer)
{
	struct json_object *files = output_member(answer, "files");
	struct json_object *problem = output_member(answer, "problem");
	g_autofree char *text = output_value(problem ? problem : files);

	if (problem)
		fprintf(out, "%s\n", text);
	else if (json_object_array_length(files) > 0)
		fprintf(out, "good: %s\n", text);
	else
		fputs("good: there is no configuration file, every value is built in\n", out);
}

HvisExit hvctl_config_check(const HvctlRequest *request, GError **error)
{
	struct json_object *answer = json_object_new_object();
	struct json_object *files = json_object_new_array();
	g_autoptr(GError) problem = NULL;
	gboolean good = hvctl_config_look(request->root, files, &problem);

	json_object_object_add(answer, "good", json_object_new_boolean(good));
	json_object_object_add(answer, "files", files);
	json_object_object_add(answer, "problem", hvis_json_text(good ? NULL : problem->message));
	if (!good && !hvis_error_is(problem, HVIS_ERROR_INVALID))
		g_propagate_error(error, g_steal_pointer(&problem)); /* unreadable is not wrong */
	else if (request->json)
		output_json(request->out, answer, FALSE);
	else
		print_check(request->out, answer);
	if (!*error)
		output_finish(request->out, error);
	json_object_put(answer);
	return good ? HVIS_EXIT_OK : HVIS_EXIT_FALSE;
}

/* --- show --- */

static char *origin_text(struct json_object *value)
{
	return value ? output_value(value) : g_strdup("built in");
}

static const OutputColumn columns_origin[] = {
	{ .heading = "SECTION", .member = "section" },
	{ .heading = "KEY", .member = "key" },
	{ .heading = "VALUE", .member = "value" },
	{ .heading = "ORIGIN", .member = "origin", .format = origin_text },
	{ .heading = NULL },
};

static const OutputColumn columns[] = {
	{ .heading = "SECTION", .member = "section" },
	{ .heading = "KEY", .member = "key" },
	{ .heading = "VALUE", .member = "value" },
	{ .heading = NULL },
};

static void add_row(const HvisConfigKey *key, const char *text, const char *origin, gpointer data)
{
	struct json_object *row = json_object_new_object();

	json_object_object_add(row, "section", json_object_new_string(key->section));
	json_object_object_add(row, "key", json_object_new_string(key->key));
	json_object_object_add(row, "value", json_object_new_string(text));
	json_object_object_add(row, "origin", hvis_json_text(origin));
	json_object_object_add(row, "default", hvis_json_text(key->fallback));
	json_object_object_add(row, "help", hvis_json_text(key->help));
	json_object_array_add(data, row);
}

HvisExit hvctl_config_show(const HvctlRequest *request, GError **error)
{
	struct json_object *rows = json_object_new_array();

	for (guint i = 0; i < G_N_ELEMENTS(tables) && !*error; i++) {
		g_autoptr(HvisConfig) config = load(tables[i], request->root, error);

		if (config)
			hvis_config_foreach(config, add_row, rows);
	}
	if (!*error && request->json)
		output_json(request->out, rows, FALSE);
	else if (!*error)
		output_table(request->out, rows, request->origin ? columns_origin : columns);
	if (!*error)
		output_finish(request->out, error);
	json_object_put(rows);
	return HVIS_EXIT_OK;
}
