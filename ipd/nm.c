/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NetworkManager: a profile as a key file, readable by root alone as NetworkManager demands, with a
 * UUID that is always the same for an adapter and a priority above that of other profiles.
 */
#include "config.h"

#include "ipd/backend.h"

#include <string.h>

#include <util/error.h>

#define WAIT_SECONDS "20" /* ours: for a profile to be up; the host is answered in less than 25 s */

/* Version 5 of RFC 4122 (SHA-1 of a name space and a name) of the MAC address. */
static char *profile_uuid(const guint8 mac[6])
{
	static const guint8 space[16] = { 0x5b, 0x0e, 0x3a, 0x5c, 0x9d, 0x1f, 0x4c, 0x47, 0x8f,
		0x52, 0x61, 0xc8, 0x3f, 0x0a, 0x77, 0xd4 }; /* ours, by chance */
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
	guint8 u[20];
	gsize len = sizeof(u);

	g_checksum_update(sum, space, sizeof(space));
	g_checksum_update(sum, mac, 6);
	g_checksum_get_digest(sum, u, &len);
	u[6] = (guint8)((u[6] & 0x0f) | 0x50);
	u[8] = (guint8)((u[8] & 0x3f) | 0x80);
	return g_strdup_printf(
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
		u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
		u[15]);
}

gboolean ip_nm_manages(const char *root, const IpTarget *target)
{
	g_autofree char *path = g_strdup_printf("/run/NetworkManager/devices/%d", target->index);
	g_autofree char *managed = ip_system_value(root, path, "managed");

	return g_strcmp0(managed, "true") == 0;
}

static const char *method_of(const IpPlan *plan, int family)
{
	if (ip_plan_count(plan, family))
		return "manual";
	return plan->dhcp || family == AF_INET6 ? "auto" : "disabled";
}

static void add_family(GString *text, const IpPlan *plan, int family)
{
	guint index = ip_plan_index(family), n = 0;
	g_autofree char *dns = ip_render_list(plan->dns, family, ip_address_text, "", ";");
	const char *method = method_of(plan, family);

	g_string_append_printf(
		text, "\n[ipv%c]\nmethod=%s\n", family == AF_INET ? '4' : '6', method);
	for (guint i = 0; i < plan->addresses->len; i++) {
		const IpAddress *address = &g_array_index(plan->addresses, IpAddress, i);
		g_autofree char *cidr = ip_address_cidr(address);

		if (address->family == family)
			g_string_append_printf(text, "address%u=%s\n", ++n, cidr);
	}
	if (plan->has_gateway[index]) {
		g_autofree char *gateway = ip_address_text(&plan->gateway[index]);

		g_string_append_printf(text, "gateway=%s\n", gateway);
	}
	if (dns[0] && strcmp(method, "disabled") != 0) /* which it does not take DNS with */
		g_string_append_printf(text, "dns=%s\n", dns);
}

static char *profile(const IpTarget *target, const IpPlan *plan, const char *uuid)
{
	GString *text = g_string_new(NULL);
	char mac[IP_MAC_TEXT_SIZE];

	ip_mac_text(target->mac, mac);
	g_string_append_printf(text,
		"# Written by hvis for the Hyper-V host (SET_IP_INFO); \"hvctl ip rollback\" takes "
		"it "
		"back.\n"
		"[connection]\nid=hvis-%s\nuuid=%s\ntype=ethernet\nautoconnect-priority=100\n",
		target->name, uuid);
	if (!target->permanent) /* which it would compare a MAC address with */
		g_string_append_printf(text, "interface-name=%s\n", target->name);
	g_string_append(text, "\n[ethernet]\n");
	if (target->permanent)
		g_string_append_printf(text, "mac-address=%s\n", mac);
	add_family(text, plan, AF_INET);
	add_family(text, plan, AF_INET6);
	return g_string_free(text, FALSE);
}

static gboolean is_uuid(const char *text)
{
	return text && g_uuid_string_is_valid(text);
}

/* Name servers of a family that is off would be lost. */
static void warn_dns(const IpPlan *plan, IpWork *work)
{
	g_autofree char *dns = ip_render_list(plan->dns, AF_INET, ip_address_text, " ", "");

	if (dns[0] && strcmp(method_of(plan, AF_INET), "disabled") == 0)
		ip_work_warn(work, "name servers without an IPv4 address to ask them from:%s", dns);
}

gboolean ip_nm_render(const char *root, const IpTarget *target, const IpPlan *plan, IpWork *work,
	GError **error G_GNUC_UNUSED)
{
	g_autofree char *state = g_strdup_printf("/run/NetworkManager/devices/%d", target->index);
	g_autofree char *before = ip_system_value(root, state, "connection-uuid");
	g_autofree char *uuid = profile_uuid(target->mac);
	g_autofree char *text = profile(target, plan, uuid);
	g_autofree char *path = g_strdup_printf(
		"/etc/NetworkManager/system-connections/hvis-%s.nmconnection", target->name);

	warn_dns(plan, work);
	ip_work_file(work, path, text, 0600);
	ip_command(work->after, "nmcli", "connection", "load", path, NULL);
	ip_command(work->after, "nmcli", "--wait", WAIT_SECONDS, "connection", "up", "uuid", uuid,
		"ifname", target->name, NULL);
	ip_command(work->undo_after, "nmcli", "connection", "reload", NULL);
	if (is_uuid(before))
		ip_command(work->undo_after, "nmcli", "--wait", WAIT_SECONDS, "connection", "up",
			"uuid", before, "ifname", target->name, NULL);
	else
		ip_command_optional(work->undo_after, "nmcli", "--wait", WAIT_SECONDS, "device",
			"disconnect", target->name, NULL);
	return TRUE;
}
