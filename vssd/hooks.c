/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may write a hook, its .conf, or a folder on the way to either, can do what root can: so each of
 * them has to belong to root (or to whom we are) and to be nobody else's to write.
 */
#include "config.h"

#include "vssd/hooks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/config.h>
#include <util/error.h>
#include <util/file.h>

#define CONF_MAX 4096u /* bytes; ours */

static const char *const on_failure[] = { "abort", "ignore", NULL };

static const HvisConfigKey conf_keys[] = {
	{ "", "Timeout", HVIS_CONFIG_SECONDS, "30s", 1000, 600000, NULL,
		"How long one call may take." },
	{ "", "OnFailure", HVIS_CONFIG_CHOICE, "abort", 0, 0, on_failure,
		"Whether there is a backup where it fails." },
	{ "", "User", HVIS_CONFIG_STRING, "", 0, 0, NULL, "Who runs it." },
	{ NULL, NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
};

static void hook_free(gpointer data)
{
	VssHook *hook = data;

	g_free(hook->name);
	g_free(hook->path);
	g_free(hook->user);
	g_free(hook->problem);
	g_free(hook);
}

/* --- names --- */

/* What editors and package managers leave behind: as qemu-ga's fsfreeze-hook, and a few more. */
static gboolean is_leftover(const char *name)
{
	static const char *const ends[] = { "~", ".bak", ".orig", ".old", ".sample", ".swp", ".swo",
		".swx", ".tmp", ".save", ".rej" };
	static const char *const parts[] = { ".dpkg-", ".rpm", ".ucf-", ".pacnew", ".pacsave" };

	for (guint i = 0; i < G_N_ELEMENTS(ends); i++)
		if (g_str_has_suffix(name, ends[i]))
			return TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
		if (strstr(name, parts[i]))
			return TRUE;
	return FALSE;
}

gboolean vss_hook_name_is(const char *name)
{
	gsize len = strlen(name);

	return len >= 4 && len <= 64 && g_ascii_isdigit(name[0]) && g_ascii_isdigit(name[1]) &&
	       name[2] == '-' &&
	       strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.") == len &&
	       !g_str_has_suffix(name, ".conf") && !g_str_has_suffix(name, ".settings") &&
	       !is_leftover(name);
}

/* --- trust --- */

static gboolean check_owner(
	const char *path, const struct stat *st, gboolean may_stick, GError **error)
{
	gboolean shared = st->st_mode & (S_IWGRP | S_IWOTH);

	if (may_stick && (st->st_mode & S_ISVTX))
		shared = FALSE; /* nobody replaces what is another one's */
	if ((st->st_uid == 0 || st->st_uid == geteuid()) && !shared)
		return TRUE;
	return hvis_fail(error, HVIS_ERROR_PERMISSION, "%s: others than root may write it", path);
}

/* All folders above @real, up to @top where it is below that. */
static gboolean check_above(const char *real, const char *top, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(real);
	struct stat st;

	if (g_str_equal(real, top) || g_str_equal(real, dir))
		return TRUE;
	if (lstat(dir, &st) < 0)
		return hvis_fail_errno(error, errno, "look at %s", dir);
	return check_owner(dir, &st, TRUE, error) && check_above(dir, top, error);
}

/*
 * What @path leads to, once it, what it leads to, and all above both are found to be root's alone;
 * *@ret_st tells of it. NULL with HVIS_ERROR_NOT_FOUND where there is none.
 */
static char *trusted(const char *top, const char *path, struct stat *ret_st, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *real_dir = realpath(dir, NULL);
	g_autofree char *real = realpath(path, NULL);
	g_autofree char *named = NULL;

	if (!real || !real_dir || stat(real, ret_st) < 0) {
		hvis_fail_errno(error, errno, "look at %s", path);
		return NULL;
	}
	named = g_build_filename(real_dir, "-", NULL);
	if (!check_above(named, top, error) || !check_above(real, top, error) ||
		!check_owner(real, ret_st, FALSE, error))
		return NULL;
	return g_steal_pointer(&real);
}

/* --- a hook --- */

static gboolean read_conf(VssHook *hook, const char *top, const char *path, GError **error)
{
	g_autofree char *conf = g_strconcat(path, ".conf", NULL), *real = NULL, *text = NULL;
	g_autoptr(HvisConfig) config = NULL;
	const char *user;
	struct stat st;
	gsize len = 0;

	if (access(conf, F_OK) == 0 || errno != ENOENT) {
		real = trusted(top, conf, &st, error);
		text = real ? hvis_file_read(real, CONF_MAX, &len, error) : NULL;
		if (!text)
			return FALSE;
	}
	config = hvis_config_parse(conf_keys, conf, text ? text : "", len, error);
	if (!config)
		return FALSE;
	user = hvis_config_string(config, "", "User");
	hook->timeout_ms = (guint)hvis_config_int(config, "", "Timeout");
	hook->ignore = g_str_equal(hvis_config_string(config, "", "OnFailure"), "ignore");
	hook->user = user[0] ? g_strdup(user) : NULL;
	return TRUE;
}

static gboolean fill(VssHook *hook, const char *top, const char *path, GError **error)
{
	struct stat st;

	if (!read_conf(hook, top, path, error))
		return FALSE;
	hook->path = trusted(top, path, &st, error);
	if (!hook->path)
		return FALSE;
	if (!S_ISREG(st.st_mode))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s: not a regular file", path);
	return TRUE;
}

/* Nobody may execute it: that is how one is switched off. A link that leads nowhere is not. */
static gboolean is_off(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH));
}

static VssHook *hook_new(const char *top, const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	g_autoptr(GError) error = NULL;
	VssHook *hook;

	if (is_off(path))
		return NULL;
	hook = g_new0(VssHook, 1);
	hook->name = g_strdup(name);
	if (!fill(hook, top, path, &error))
		hook->problem = g_strdup(error->message);
	return hook;
}

/* --- the folder --- */

static gint by_name(gconstpointer a, gconstpointer b)
{
	const VssHook *const *first = a, *const *second = b;

	return strcmp((*first)->name, (*second)->name);
}

static GPtrArray *read_folder(const char *top, const char *path, GError **error)
{
	g_autoptr(GPtrArray) hooks = g_ptr_array_new_with_free_func(hook_free);
	g_autoptr(GDir) dir = g_dir_open(path, 0, error);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		VssHook *hook = vss_hook_name_is(name) ? hook_new(top, path, name) : NULL;

		if (hook)
			g_ptr_array_add(hooks, hook);
		if (hooks->len > VSS_HOOKS_MAX) {
			hvis_fail(error, HVIS_ERROR_INVALID, "%s: more than %u hooks", path,
				VSS_HOOKS_MAX);
			return NULL;
		}
	}
	g_ptr_array_sort(hooks, by_name);
	return dir ? g_steal_pointer(&hooks) : NULL;
}

GPtrArray *vss_hooks_read(const char *root, const char *path, GError **error)
{
	g_autofree char *folder = g_strconcat(root, path, NULL);
	g_autofree char *top = realpath(root[0] ? root : "/", NULL), *real = NULL;
	struct stat st;

	if (access(folder, F_OK) < 0 && errno == ENOENT)
		return g_ptr_array_new_with_free_func(hook_free);
	real = trusted(top ? top : "/", folder, &st, error);
	return real ? read_folder(top, real, error) : NULL;
}

VssHook *vss_hooks_find(const GPtrArray *hooks, const char *name)
{
	for (guint i = 0; i < hooks->len; i++) {
		VssHook *hook = (VssHook *)g_ptr_array_index(hooks, i);

		if (g_str_equal(hook->name, name))
			return hook;
	}
	return NULL;
}
