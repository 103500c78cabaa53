/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * systemd-networkd: a .network file that sorts before all others, for the adapter alone. networkd
 * takes one file per interface, so what makes other interfaces out of this one (VLAN= and its kind)
 * and its [Link] section are taken over from the file that it had until now.
 */
#include "config.h"

#include "ipd/backend.h"

#include <string.h>

#include <util/error.h>

#define HEAD                                                                                       \
	"# Written by hvis for the Hyper-V host (SET_IP_INFO); \"hvctl ip rollback\" takes it "    \
	"back.\n"

static gboolean is_kept_key(const char *line)
{
	static const char *const keys[] = { "VLAN", "MACVLAN", "MACVTAP", "IPVLAN", "IPVTAP",
		"VXLAN", "Tunnel", "L2TP", "MACsec", "Xfrm", "VRF", NULL };
	g_autofree char *key = g_strndup(line, strcspn(line, "="));

	return strchr(line, '=') && g_strv_contains(keys, g_strchomp(key));
}

/* Sort the lines of the present file that stay: those of [Link], and some of [Network]. */
static void take_over(const char *text, GString *link, GString *network)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	const char *section = "";

	for (char **line = lines; *line; line++) {
		g_strstrip(*line);
		if ((*line)[0] == '[')
			section = *line;
		else if ((*line)[0] == '\0' || (*line)[0] == '#' || (*line)[0] == ';')
			continue;
		else if (strcmp(section, "[Link]") == 0)
			g_string_append_printf(link, "%s\n", *line);
		else if (strcmp(section, "[Network]") == 0 && is_kept_key(*line))
			g_string_append_printf(network, "%s\n", *line);
	}
}

static void take_over_present(
	const char *root, const IpTarget *target, GString *link, GString *network)
{
	g_autofree char *state = g_strdup_printf("/run/systemd/netif/links/%d", target->index);
	g_autofree char *file = ip_system_value(root, state, "NETWORK_FILE");
	g_autofree char *text =
		file && g_path_is_absolute(file) ? ip_system_read(root, file) : NULL;

	if (text)
		take_over(text, link, network);
}

static void add_match(GString *text, const IpTarget *target)
{
	char mac[IP_MAC_TEXT_SIZE];

	ip_mac_text(target->mac, mac);
	g_string_append_printf(text, "[Match]\nMACAddress=%s\n", mac);
	if (target->netvsc) /* not its virtual function */
		g_string_append(text, "Driver=hv_netvsc\n");
	else
		g_string_append_printf(text, "Name=%s\n", target->name);
}

static void add_gateway(GString *text, const IpPlan *plan, guint i)
{
	g_autofree char *gateway = plan->has_gateway[i] ? ip_address_text(&plan->gateway[i]) : NULL;

	if (gateway)
		g_string_append_printf(text, "\n[Route]\nGateway=%s\n%s", gateway,
			plan->off_link[i] ? "GatewayOnLink=yes\n" : "");
}

static void add_network(GString *text, const IpPlan *plan)
{
	g_autofree char *addresses =
		ip_render_list(plan->addresses, AF_UNSPEC, ip_address_cidr, "Address=", "\n");
	g_autofree char *dns = ip_render_list(plan->dns, AF_UNSPEC, ip_address_text, "DNS=", "\n");

	g_string_append_printf(text, "\n[Network]\nDHCP=%s\nIPv6AcceptRA=%s\n%s%s",
		plan->dhcp ? "ipv4" : "no", ip_plan_count(plan, AF_INET6) ? "no" : "yes", addresses,
		dns);
}

gboolean ip_networkd_render(const char *root, const IpTarget *target, const IpPlan *plan,
	IpWork *work, GError **error G_GNUC_UNUSED)
{
	g_autoptr(GString) text = g_string_new(HEAD), link = g_string_new(NULL),
			   network = g_string_new(NULL);
	g_autofree char *path =
		g_strdup_printf("/etc/systemd/network/05-hvis-%s.network", target->name);

	take_over_present(root, target, link, network);
	add_match(text, target);
	if (link->len)
		g_string_append_printf(text, "\n[Link]\n%s", link->str);
	add_network(text, plan);
	g_string_append(text, network->str);
	for (guint i = 0; i < IP_N_FAMILIES; i++)
		add_gateway(text, plan, i);
	ip_work_file(work, path, text->str, 0644);
	ip_command(work->after, "networkctl", "reload", NULL);
	ip_command(work->after, "networkctl", "reconfigure", target->name, NULL);
	ip_command(work->undo_after, "networkctl", "reload", NULL);
	ip_command(work->undo_after, "networkctl", "reconfigure", target->name, NULL);
	return TRUE;
}
