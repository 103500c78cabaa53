/* SPDX-License-Identifier: GPL-2.0-only */
/* Who manages an interface, and the table of those who can. */
#include "config.h"

#include "ipd/backend.h"

#include <string.h>
#include <unistd.h>

#include <util/error.h>
#include <util/file.h>

#define SYSTEM_FILE_MAX (256u * 1024u) /* ours */

static const struct {
	const char *name;
	IpRender render;
} backends[IP_BACKEND_N] = {
	[IP_BACKEND_NETWORKD] = { "networkd", ip_networkd_render },
	[IP_BACKEND_NM] = { "NetworkManager", ip_nm_render },
	[IP_BACKEND_IFUPDOWN] = { "ifupdown", ip_ifupdown_render },
	[IP_BACKEND_NETPLAN] = { "netplan", ip_netplan_render },
};

const char *ip_backend_name(IpBackend backend)
{
	return backends[backend].name;
}

/* --- the system --- */

char *ip_system_read(const char *root, const char *path)
{
	g_autofree char *real = g_strconcat(root, path, NULL);

	return hvis_file_read(real, SYSTEM_FILE_MAX, NULL, NULL);
}

gboolean ip_system_has(const char *root, const char *path)
{
	g_autofree char *real = g_strconcat(root, path, NULL);

	return access(real, F_OK) == 0;
}

char *ip_system_value(const char *root, const char *path, const char *key)
{
	g_autofree char *text = ip_system_read(root, path);
	g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;
	gsize len = strlen(key);

	for (char **line = lines; line && *line; line++) {
		if (strncmp(*line, key, len) == 0 && (*line)[len] == '=')
			return g_strdup(*line + len + 1);
	}
	return NULL;
}

char *ip_render_list(const GArray *list, int family, char *(*text_of)(const IpAddress *),
	const char *before, const char *after)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < list->len; i++) {
		const IpAddress *address = &g_array_index(list, IpAddress, i);
		g_autofree char *one = text_of(address);

		if (family == AF_UNSPEC || address->family == family)
			g_string_append_printf(text, "%s%s%s", before, one, after);
	}
	return g_string_free(text, FALSE);
}

/* --- the choice --- */

static gboolean has_netplan(const char *root)
{
	g_autofree char *path = g_strconcat(root, "/etc/netplan", NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		if (g_str_has_suffix(name, ".yaml"))
			return TRUE;
	}
	return FALSE;
}

static gboolean networkd_manages(const char *root, const IpTarget *target, gboolean *ret_netplan)
{
	g_autofree char *path = g_strdup_printf("/run/systemd/netif/links/%d", target->index);
	g_autofree char *state = ip_system_value(root, path, "ADMIN_STATE");
	g_autofree char *file = ip_system_value(root, path, "NETWORK_FILE");

	if (!state || strcmp(state, "unmanaged") == 0 || strcmp(state, "linger") == 0)
		return FALSE;
	*ret_netplan = file && g_str_has_prefix(file, "/run/systemd/network/") &&
		       strstr(file, "netplan") != NULL;
	return TRUE;
}

/* Nobody has it yet: who is there? */
static gboolean choose_by_presence(const char *root, IpBackend *ret)
{
	if (has_netplan(root))
		*ret = IP_BACKEND_NETPLAN;
	else if (ip_system_has(root, "/run/systemd/netif/state"))
		*ret = IP_BACKEND_NETWORKD;
	else if (ip_system_has(root, "/run/NetworkManager/devices"))
		*ret = IP_BACKEND_NM;
	else if (ip_system_has(root, "/etc/network/interfaces"))
		*ret = IP_BACKEND_IFUPDOWN;
	else
		return FALSE;
	return TRUE;
}

gboolean ip_backend_choose(const char *root, const IpTarget *target, const char *wanted,
	IpBackend *ret, GError **error)
{
	gboolean by_netplan = FALSE;

	for (guint i = 0; i < IP_BACKEND_N; i++) {
		if (strcmp(backends[i].name, wanted) == 0) {
			*ret = (IpBackend)i;
			return TRUE;
		}
	}
	if (ip_nm_manages(root, target))
		*ret = IP_BACKEND_NM;
	else if (networkd_manages(root, target, &by_netplan))
		*ret = by_netplan ? IP_BACKEND_NETPLAN : IP_BACKEND_NETWORKD;
	else if (ip_ifupdown_names(root, target))
		*ret = IP_BACKEND_IFUPDOWN;
	else if (!choose_by_presence(root, ret))
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"%s: managed by none of networkd, NetworkManager, ifupdown and netplan",
			target->name);
	return TRUE;
}

IpWork *ip_backend_render(IpBackend backend, const char *root, const IpTarget *target,
	const IpPlan *plan, GError **error)
{
	g_autoptr(IpWork) work = ip_work_new();

	if (!backends[backend].render(root, target, plan, work, error))
		return NULL;
	return g_steal_pointer(&work);
}
