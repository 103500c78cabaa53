/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "kvpd/access.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

struct KvpAccess {
	GArray *uids, *gids;
};

static gboolean find_user(const char *path, const char *name, uid_t *ret)
{
	FILE *file = fopen(path, "re");
	struct passwd *entry = NULL;

	while (file && (entry = fgetpwent(file)) && !g_str_equal(entry->pw_name, name))
		;
	if (entry)
		*ret = entry->pw_uid;
	if (file)
		fclose(file);
	return entry != NULL;
}

static gboolean find_group(const char *path, const char *name, gid_t *ret)
{
	FILE *file = fopen(path, "re");
	struct group *entry = NULL;

	while (file && (entry = fgetgrent(file)) && !g_str_equal(entry->gr_name, name))
		;
	if (entry)
		*ret = entry->gr_gid;
	if (file)
		fclose(file);
	return entry != NULL;
}

/* The largest number stands for "none" in system calls, and for nobody here. */
static gboolean parse_number(const char *text, guint32 *ret)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32 - 1, &number, NULL))
		return FALSE;
	*ret = (guint32)number;
	return TRUE;
}

static gboolean add(KvpAccess *access, const char *word, const char *root)
{
	g_autofree char *passwd = g_build_filename(root, "/etc/passwd", NULL);
	g_autofree char *group = g_build_filename(root, "/etc/group", NULL);
	guint32 id;

	if (word[0] == '@') {
		if (!parse_number(word + 1, &id) && !find_group(group, word + 1, &id))
			return FALSE;
		g_array_append_val(access->gids, id);
		return TRUE;
	}
	id = 0;
	if (!g_str_equal(word, "root") && !parse_number(word, &id) && !find_user(passwd, word, &id))
		return FALSE;
	g_array_append_val(access->uids, id);
	return TRUE;
}

KvpAccess *kvp_access_new(const char *const *words, const char *root, char **ret_unknown)
{
	KvpAccess *access = g_new0(KvpAccess, 1);
	g_autoptr(GString) unknown = g_string_new(NULL);

	access->uids = g_array_new(FALSE, FALSE, sizeof(guint32));
	access->gids = g_array_new(FALSE, FALSE, sizeof(guint32));
	for (; *words; words++)
		if (!add(access, *words, root))
			g_string_append_printf(unknown, "%s%s", unknown->len ? ", " : "", *words);
	*ret_unknown = unknown->len ? g_strdup(unknown->str) : NULL;
	return access;
}

void kvp_access_free(KvpAccess *access)
{
	if (!access)
		return;
	g_array_unref(access->uids);
	g_array_unref(access->gids);
	g_free(access);
}

static gboolean has(const GArray *ids, guint32 id)
{
	for (guint i = 0; i < ids->len; i++)
		if (g_array_index(ids, guint32, i) == id)
			return TRUE;
	return FALSE;
}

gboolean kvp_access_allows(const KvpAccess *access, uid_t uid, const gid_t *groups, gsize n_groups)
{
	gboolean allowed = has(access->uids, uid);

	for (gsize i = 0; i < n_groups && !allowed; i++)
		allowed = has(access->gids, groups[i]);
	return allowed;
}
