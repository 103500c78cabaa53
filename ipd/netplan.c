/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netplan: a file with a definition of its own. Adding to the definition that the adapter may have
 * would join the lists of addresses; one whose name sorts first is taken by networkd in its place.
 * Not "netplan apply", which touches every interface: what is generated is loaded as the renderer
 * does it for one.
 */
#include "config.h"

#include "ipd/backend.h"

static void add_match(GString *text, const IpTarget *target)
{
	char mac[IP_MAC_TEXT_SIZE];

	ip_mac_text(target->mac, mac);
	g_string_append(text, "      match:\n");
	if (target->permanent)
		g_string_append_printf(text, "        macaddress: \"%s\"\n", mac);
	else /* netplan compares with the permanent address */
		g_string_append_printf(text, "        name: \"%s\"\n", target->name);
	if (target->netvsc) /* not its virtual function */
		g_string_append(text, "        driver: \"hv_netvsc\"\n");
}

static void add_routes(GString *text, const IpPlan *plan)
{
	static const char *const to[] = { "0.0.0.0/0", "::/0" };

	if (plan->has_gateway[IP_V4] || plan->has_gateway[IP_V6])
		g_string_append(text, "      routes:\n");
	for (guint i = 0; i < IP_N_FAMILIES; i++) {
		g_autofree char *gateway =
			plan->has_gateway[i] ? ip_address_text(&plan->gateway[i]) : NULL;

		if (gateway)
			g_string_append_printf(text,
				"        - to: \"%s\"\n          via: \"%s\"\n%s", to[i], gateway,
				plan->off_link[i] ? "          on-link: true\n" : "");
	}
}

static void add_list(GString *text, const char *head, const GArray *list,
	char *(*text_of)(const IpAddress *), const char *indent)
{
	g_autofree char *before = g_strconcat(indent, "- \"", NULL);
	g_autofree char *items = ip_render_list(list, AF_UNSPEC, text_of, before, "\"\n");

	if (items[0])
		g_string_append_printf(text, "%s%s", head, items);
}

static char *render(const IpTarget *target, const IpPlan *plan, const char *id)
{
	GString *text = g_string_new(NULL);

	g_string_append_printf(text,
		"# Written by hvis for the Hyper-V host (SET_IP_INFO); \"hvctl ip rollback\" takes "
		"it "
		"back.\n"
		"network:\n  version: 2\n  ethernets:\n    \"%s\":\n",
		id);
	add_match(text, target);
	g_string_append_printf(text, "      dhcp4: %s\n      accept-ra: %s\n",
		plan->dhcp ? "true" : "false", ip_plan_count(plan, AF_INET6) ? "false" : "true");
	add_list(text, "      addresses:\n", plan->addresses, ip_address_cidr, "        ");
	add_routes(text, plan);
	add_list(text, "      nameservers:\n        addresses:\n", plan->dns, ip_address_text,
		"          ");
	return g_string_free(text, FALSE);
}

/* As the renderer does it for one interface. @profile: NetworkManager's name of it, NULL = any. */
static void add_reload(GPtrArray *list, gboolean nm, const IpTarget *target, const char *profile)
{
	ip_command(list, "netplan", "generate", NULL);
	if (!nm) {
		ip_command(list, "networkctl", "reload", NULL);
		ip_command(list, "networkctl", "reconfigure", target->name, NULL);
		return;
	}
	ip_command(list, "nmcli", "connection", "reload", NULL);
	if (profile)
		ip_command(list, "nmcli", "--wait", "20", "connection", "up", "id", profile,
			"ifname", target->name, NULL);
	else
		ip_command(list, "nmcli", "--wait", "20", "device", "connect", target->name, NULL);
}

gboolean ip_netplan_render(const char *root, const IpTarget *target, const IpPlan *plan,
	IpWork *work, GError **error G_GNUC_UNUSED)
{
	g_autofree char *path = g_strdup_printf("/etc/netplan/90-hvis-%s.yaml", target->name);
	g_autofree char *id = g_strdup_printf("00hvis-%s", target->name);
	g_autofree char *profile = g_strconcat("netplan-", id, NULL);
	g_autofree char *text = render(target, plan, id);
	gboolean nm = ip_nm_manages(root, target);

	ip_work_file(work, path, text, 0600);
	add_reload(work->after, nm, target, profile);
	add_reload(work->undo_after, nm, target, NULL);
	return TRUE;
}
