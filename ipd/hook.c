/* SPDX-License-Identifier: GPL-2.0-only */
/* The hook; see the header. */
#include "config.h"

#include "ipd/hook.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/error.h>

#include "ipd/command.h"

#define HOOK_LIMIT_MS 30000u /* ours */

/* May only its owner, root, have written what is at @path? @real has the root in front. */
static gboolean is_safe(const char *real, const char *path, GError **error)
{
	struct stat st;

	if (lstat(real, &st) < 0)
		return hvis_fail_errno(error, errno, "look at %s", path);
	if (S_ISLNK(st.st_mode))
		return hvis_fail(error, HVIS_ERROR_PERMISSION, "%s is a link", path);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return hvis_fail(error, HVIS_ERROR_PERMISSION,
			"%s is not run: others than root may write it", path);
	return TRUE;
}

/* Every folder on the way, below @root: who may write one of them may put another hook there. */
static gboolean is_safe_way(const char *root, const char *real, const char *path, GError **error)
{
	g_autofree char *top = realpath(root[0] ? root : "/", NULL), *dir = NULL;
	g_autofree char *named = g_path_get_dirname(real);

	for (dir = realpath(named, NULL); top && dir;) {
		char *above = g_path_get_dirname(dir);
		gboolean is_top = g_str_equal(dir, top) || g_str_equal(dir, above);

		if (!is_safe(dir, path, error)) {
			g_free(above);
			return FALSE;
		}
		g_free(dir);
		dir = above;
		if (is_top)
			return TRUE;
	}
	return hvis_fail_errno(error, errno, "look at %s", path);
}

gboolean ip_hook_run(const char *root, const char *path, const IpChange *change, GError **error)
{
	g_autofree char *real = g_strconcat(root, path, NULL);
	g_autofree char *interface = NULL, *adapter = NULL, *manager = NULL;
	struct json_object *json;
	char mac[IP_MAC_TEXT_SIZE];
	gboolean done;

	if (access(real, F_OK) < 0 && errno == ENOENT)
		return TRUE;
	if (!is_safe_way(root, real, path, error) || !is_safe(real, path, error))
		return FALSE;
	ip_mac_text(change->target.mac, mac);
	interface = g_strconcat("HVIS_IP_INTERFACE=", change->target.name, NULL);
	adapter = g_strconcat("HVIS_IP_ADAPTER=", mac, NULL);
	manager = g_strconcat("HVIS_IP_MANAGER=", ip_backend_name(change->backend), NULL);
	json = ip_change_to_json(change, FALSE);
	done = ip_command_run(
		&(IpRun){ .root = root,
			.argv = (char *[]){ (char *)path, NULL },
			.env = (const char *[]){ interface, adapter, manager, NULL },
			.input = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
			.limit_ms = HOOK_LIMIT_MS },
		NULL, error);
	json_object_put(json);
	return done;
}
