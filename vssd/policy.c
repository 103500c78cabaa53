/* SPDX-License-Identifier: GPL-2.0-only */
/* The administrator's wishes, as they are written. */
#include "config.h"

#include "vssd/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include <util/error.h>

#include "vssd/mount-table.h"

#define WISH_OPTION "x-hvis.freeze"

static void wish_free(gpointer data)
{
	VssWish *wish = data;

	g_free(wish->target);
	g_free(wish->value);
	g_free(wish);
}

void vss_policy_free(VssPolicy *policy)
{
	if (!policy)
		return;
	g_strfreev(policy->exclude);
	g_strfreev(policy->require);
	g_ptr_array_unref(policy->wishes);
	g_free(policy->journal);
	g_free(policy);
}

static void add_wish(VssPolicy *policy, struct libmnt_fs *fs)
{
	const char *options = mnt_fs_get_options(fs), *target = mnt_fs_get_target(fs);
	char *value = NULL;
	size_t len = 0;
	VssWish *wish;

	if (!options || !target || mnt_optstr_get_option(options, WISH_OPTION, &value, &len) != 0)
		return;
	wish = g_new(VssWish, 1);
	wish->target = g_strdup(target);
	wish->value = value ? g_strndup(value, len) : g_strdup("");
	g_ptr_array_add(policy->wishes, wish);
}

static gboolean read_fstab(VssPolicy *policy, const char *root, GError **error)
{
	g_autofree char *path = g_strconcat(root, "/etc/fstab", NULL);
	g_autoptr(MountTable) table = mnt_new_table();
	g_autoptr(MountIter) iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int rc = mnt_table_parse_file(table, path);

	if (rc == -ENOENT)
		return TRUE;
	if (rc != 0)
		return hvis_fail_errno(error, rc < 0 ? -rc : EBADMSG, "read %s", path);
	while (mnt_table_next_fs(table, iter, &fs) == 0)
		add_wish(policy, fs);
	return TRUE;
}

VssPolicy *vss_policy_read(HvisConfig *config, const char *root, GError **error)
{
	g_autoptr(VssPolicy) policy = g_new0(VssPolicy, 1);

	policy->wishes = g_ptr_array_new_with_free_func(wish_free);
	policy->exclude = g_strdupv((char **)hvis_config_list(config, "vss", "Exclude"));
	policy->require = g_strdupv((char **)hvis_config_list(config, "vss", "Require"));
	policy->allow_nothing = hvis_config_bool(config, "vss", "AllowNothing");
	policy->journal = g_strdup("/var/log/journal");
	if (!read_fstab(policy, root, error))
		return NULL;
	return g_steal_pointer(&policy);
}

const char *vss_policy_match(char *const *patterns, const char *path, const char *type)
{
	for (char *const *pattern = patterns; pattern && *pattern; pattern++)
		if (fnmatch(*pattern, **pattern == '/' ? path : type, 0) == 0)
			return *pattern;
	return NULL;
}

const char *vss_policy_wish(const VssPolicy *policy, const char *target)
{
	for (guint i = 0; i < policy->wishes->len; i++) {
		const VssWish *wish = (const VssWish *)g_ptr_array_index(policy->wishes, i);

		if (strcmp(wish->target, target) == 0)
			return wish->value;
	}
	return NULL;
}
