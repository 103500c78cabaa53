/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces by MAC address; see the header. */
#include "config.h"

#include "ipd/target.h"

#include <string.h>

#include <util/error.h>
#include <util/file.h>
#include <wire/ip-address.h>

#define ATTRIBUTE_MAX 4096u /* of sysfs */

gboolean ip_target_name_ok(const char *name)
{
	gsize len = strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-");

	return len > 0 && len < IF_NAMESIZE && name[len] == '\0' && name[0] != '.' &&
	       name[0] != '-';
}

static char *attribute(const char *root, const char *name, const char *what)
{
	g_autofree char *path = g_strdup_printf("%s/sys/class/net/%s/%s", root, name, what);
	char *text = hvis_file_read(path, ATTRIBUTE_MAX, NULL, NULL);

	return text ? g_strchomp(text) : NULL;
}

/* The last part of where a link of sysfs leads to. */
static char *link_name(const char *root, const char *name, const char *what)
{
	g_autofree char *path = g_strdup_printf("%s/sys/class/net/%s/%s", root, name, what);
	g_autofree char *to = g_file_read_link(path, NULL);

	return to ? g_path_get_basename(to) : NULL;
}

static guint64 number(const char *root, const char *name, const char *what, guint64 fallback)
{
	g_autofree char *text = attribute(root, name, what);
	guint64 value;

	if (text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &value, NULL))
		return value;
	return fallback;
}

static gboolean has_mac(const char *root, const char *name, const guint8 mac[6])
{
	g_autofree char *text = attribute(root, name, "address");
	guint8 its[6];

	return text && ip_mac_parse(text, its, NULL) && memcmp(its, mac, sizeof(its)) == 0;
}

static gboolean is_netvsc(const char *root, const char *name)
{
	g_autofree char *driver = link_name(root, name, "device/driver");

	return g_strcmp0(driver, "hv_netvsc") == 0;
}

/* The lower, the better: what the host calls an adapter comes before what the guest made of it. */
static guint rank(const char *root, const char *name)
{
	g_autofree char *master = link_name(root, name, "master");
	g_autofree char *uevent = attribute(root, name, "uevent");
	gboolean stacked = uevent && strstr(uevent, "DEVTYPE=") != NULL;

	if (is_netvsc(root, name))
		return 0;
	return 1 + 2 * (stacked || master != NULL);
}

static gboolean fill(const char *root, const char *name, IpTarget *ret, GError **error)
{
	g_autofree char *master = link_name(root, name, "master");
	g_autofree char *mac = attribute(root, name, "address");
	IpTarget target = { .index = (int)number(root, name, "ifindex", 0),
		.permanent = number(root, name, "addr_assign_type", 1) == 0,
		.netvsc = is_netvsc(root, name) };

	if (!ip_target_name_ok(name)) {
		g_autofree char *shown = g_strescape(name, NULL);

		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"the interface \"%s\" has a name that is not for files", shown);
	}
	if (!mac || !target.index)
		return hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no interface %s", name);
	if (master)
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "%s is a part of %s", name, master);
	if (!ip_mac_parse(mac, target.mac, error)) {
		g_prefix_error(error, "interface %s: ", name);
		return FALSE;
	}
	g_strlcpy(target.name, name, sizeof(target.name));
	*ret = target;
	return TRUE;
}

gboolean ip_target_named(const char *root, const char *name, IpTarget *ret, GError **error)
{
	if (!ip_target_name_ok(name))
		return hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no interface of that name");
	return fill(root, name, ret, error);
}

gboolean ip_target_find(const char *root, const guint8 mac[6], IpTarget *ret, GError **error)
{
	g_autofree char *path = g_strconcat(root, "/sys/class/net", NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	g_autofree char *best = NULL;
	char text[IP_MAC_TEXT_SIZE];
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		if (!has_mac(root, name, mac))
			continue;
		if (best &&
			(rank(root, best) < rank(root, name) ||
				(rank(root, best) == rank(root, name) && strcmp(best, name) < 0)))
			continue;
		g_free(best);
		best = g_strdup(name);
	}
	ip_mac_text(mac, text);
	if (!best)
		return hvis_fail(
			error, HVIS_ERROR_NOT_FOUND, "no interface has the address %s", text);
	return fill(root, best, ret, error);
}
