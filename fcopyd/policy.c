/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of [fcopy] that the configuration's own types do not check. */
#include "config.h"

#include "fcopyd/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include <util/error.h>

static gboolean fail_key(
	HvisConfig *config, const char *key, const char *value, const char *must, GError **error)
{
	const char *origin = hvis_config_origin(config, "fcopy", key);

	return hvis_fail(error, HVIS_ERROR_INVALID, "%s: %s=%s: must be %s",
		origin ? origin : "built in", key, value, must);
}

void fcopy_policy_free(FcopyPolicy *policy)
{
	if (!policy)
		return;
	g_strfreev(policy->allow);
	g_strfreev(policy->deny);
	g_free(policy->state_dir);
	g_free(policy);
}

/* --- lists of paths --- */

/* @path without doubled and trailing slashes; NULL where it has "." or "..", or is neither absolute nor begins with *. */
static char *clean(const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	g_autoptr(GString) text = g_string_new("");

	if (path[0] != '/' && path[0] != '*')
		return NULL;
	for (char **part = parts; *part; part++) {
		if (strcmp(*part, ".") == 0 || strcmp(*part, "..") == 0)
			return NULL;
		if (**part)
			g_string_append_printf(text, "/%s", *part);
	}
	if (text->len == 0)
		g_string_append_c(text, '/');
	if (path[0] == '*')
		g_string_erase(text, 0, 1);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static char **read_paths(HvisConfig *config, const char *key, gboolean are_patterns, GError **error)
{
	const char *const *words = hvis_config_list(config, "fcopy", key);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

	for (; *words; words++) {
		char *path = are_patterns || (*words)[0] == '/' ? clean(*words) : NULL;

		if (!path) {
			fail_key(config, key, *words,
				are_patterns ? "absolute or begin with *, without . and .."
					     : "absolute, without . and ..",
				error);
			return NULL;
		}
		g_ptr_array_add(paths, path);
	}
	g_ptr_array_add(paths, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&paths), FALSE);
}

/* --- modes and owners --- */

/* Never setuid, setgid or sticky: what the host sends is not to run as somebody else. */
static gboolean read_mode(HvisConfig *config, const char *key, mode_t *ret, GError **error)
{
	const char *text = hvis_config_string(config, "fcopy", key);
	mode_t mode = 0;

	for (const char *digit = text; *digit; digit++) {
		if (*digit < '0' || *digit > '7')
			return fail_key(config, key, text, "octal", error);
		mode = mode * 8 + (mode_t)(*digit - '0');
		if (mode > 0777)
			return fail_key(config, key, text, "from 0 to 0777", error);
	}
	if (!*text)
		return fail_key(config, key, text, "octal", error);
	*ret = mode;
	return TRUE;
}

/* A number as it is written in place of a name; not the one that chown(2) takes for "leave it". */
static gboolean read_id(const char *text, guint32 *ret)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32 - 1, &number, NULL))
		return FALSE;
	*ret = (guint32)number;
	return TRUE;
}

/* @ret_group is that of the user, where there is such a one. */
static gboolean find_user(const char *name, uid_t *ret, gid_t *ret_group, gboolean *ret_grouped)
{
	const struct passwd *entry;

	*ret_grouped = TRUE;
	if (strcmp(name, "root") == 0) { /* needs no data base */
		*ret = 0;
		*ret_group = 0;
		return TRUE;
	}
	entry = getpwnam(name);
	if (!entry && read_id(name, ret)) {
		entry = getpwuid(*ret);
		*ret_grouped = entry != NULL;
		if (entry)
			*ret_group = entry->pw_gid;
		return TRUE;
	}
	if (!entry)
		return FALSE;
	*ret = entry->pw_uid;
	*ret_group = entry->pw_gid;
	return TRUE;
}

static gboolean find_group(const char *name, gid_t *ret)
{
	const struct group *entry;

	if (strcmp(name, "root") == 0) {
		*ret = 0;
		return TRUE;
	}
	entry = getgrnam(name);
	if (entry)
		*ret = entry->gr_gid;
	return entry || read_id(name, ret);
}

static gboolean read_owner(FcopyPolicy *policy, HvisConfig *config, GError **error)
{
	const char *text = hvis_config_string(config, "fcopy", "Owner");
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);
	gboolean grouped = FALSE;

	if (!parts[0] || !parts[0][0] || (parts[1] && !parts[1][0]))
		return fail_key(config, "Owner", text, "a user, or user:group", error);
	if (!find_user(parts[0], &policy->uid, &policy->gid, &grouped))
		return fail_key(config, "Owner", text, "a user of this system", error);
	if (parts[1] && !find_group(parts[1], &policy->gid))
		return fail_key(config, "Owner", text, "of a group of this system", error);
	if (!parts[1] && !grouped)
		return fail_key(config, "Owner", text, "with a group: the user has none", error);
	return TRUE;
}

/* --- the door --- */

FcopyPolicy *fcopy_policy_new(HvisConfig *config, const char *state_dir, GError **error)
{
	g_autoptr(FcopyPolicy) policy = g_new0(FcopyPolicy, 1);

	policy->state_dir = g_strdup(state_dir);
	policy->reserve = (guint64)hvis_config_int(config, "fcopy", "Reserve");
	policy->allow = read_paths(config, "Allow", FALSE, error);
	if (!policy->allow)
		return NULL;
	policy->deny = read_paths(config, "Deny", TRUE, error);
	if (!policy->deny || !read_mode(config, "Mode", &policy->mode, error) ||
		!read_mode(config, "DirectoryMode", &policy->directory_mode, error) ||
		!read_owner(policy, config, error))
		return NULL;
	return g_steal_pointer(&policy);
}

/* Bytes of @directory where it is @path or a directory above it, at the end of a component. */
static gsize prefix_len(const char *directory, const char *path)
{
	gsize len = strlen(directory);

	if (len == 1)
		return 1;
	return strncmp(directory, path, len) == 0 && (path[len] == '/' || !path[len]) ? len : 0;
}

const char *fcopy_policy_allowed(const FcopyPolicy *policy, const char *path)
{
	const char *best = NULL;
	gsize best_len = 0;

	for (char **directory = policy->allow; *directory; directory++) {
		gsize len = prefix_len(*directory, path);

		if (len > best_len) {
			best = *directory;
			best_len = len;
		}
	}
	return best;
}

const char *fcopy_policy_denied(const FcopyPolicy *policy, const char *path)
{
	g_autofree char *above = g_strdup(path);
	char *end = above + strlen(above);

	for (;;) {
		for (char **pattern = policy->deny; *pattern; pattern++)
			if (fnmatch(*pattern, end > above ? above : "/", FNM_CASEFOLD) == 0)
				return *pattern;
		if (end == above)
			return NULL;
		end = strrchr(above, '/');
		*end = '\0';
	}
}
