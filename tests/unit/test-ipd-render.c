/* SPDX-License-Identifier: GPL-2.0-only */
/* What each network manager is told, to the letter. */
#include "ipd/backend.h"
#include "tests/unit/ipd-scratch.h"

#define HEAD                                                                                       \
	"# Written by hvis for the Hyper-V host (SET_IP_INFO); \"hvctl ip rollback\" takes it "    \
	"back.\n"

typedef struct {
	Scratch s;
	IpTarget target;
} Fixture;

static void setup(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	scratch_init(&f->s);
	f->target = (IpTarget){ "eth0", 3, { 0x00, 0x15, 0x5d, 0, 0, 7 }, TRUE, TRUE };
}

static void teardown(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	scratch_deinit(&f->s);
}

static IpPlan *static_plan(void)
{
	return plan_make("192.0.2.7;192.0.2.8;2001:db8::7", "24;32;64", "192.0.2.1;fe80::1",
		"192.0.2.53;2001:db8::53");
}

static IpPlan *dhcp_plan(void)
{
	return plan_make("", "", "", "");
}

static IpPlan *off_link_plan(void)
{
	return plan_make("192.0.2.7", "255.255.255.255", "198.51.100.1", "");
}

static IpPlan *v6_plan(void)
{
	return plan_make("2001:db8::7", "/64", "2001:db8::1", "2001:db8::53");
}

static char *command_line(const IpCommand *command)
{
	g_autofree char *joined = g_strjoinv(" ", command->argv);

	return g_strconcat(command->optional ? "-" : "", joined, "\n", NULL);
}

static char *command_lines(const GPtrArray *list)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < list->len; i++) {
		g_autofree char *line = command_line(list->pdata[i]);

		g_string_append(text, line);
	}
	return g_string_free(text, FALSE);
}

/* Render, and compare the first file. The plan is taken. */
static IpWork *expect(Fixture *f, IpBackend backend, IpPlan *plan, const char *path, mode_t mode,
	const char *content)
{
	g_autoptr(IpPlan) own = plan;
	g_autoptr(GError) error = NULL;
	IpWork *work = ip_backend_render(backend, f->s.root, &f->target, own, &error);
	const IpFile *file;

	g_assert_no_error(error);
	g_assert_cmpuint(work->files->len, >=, 1);
	file = work->files->pdata[0];
	g_assert_cmpstr(file->path, ==, path);
	g_assert_cmpstr(file->content, ==, content);
	g_assert_cmpuint(file->mode, ==, mode);
	return work;
}

static void expect_commands(const GPtrArray *list, const char *wanted)
{
	g_autofree char *lines = command_lines(list);

	g_assert_cmpstr(lines, ==, wanted);
}

/* --- networkd --- */

#define NETWORKD_FILE "/etc/systemd/network/05-hvis-eth0.network"
#define NETWORKD_HEAD HEAD "[Match]\nMACAddress=00:15:5d:00:00:07\nDriver=hv_netvsc\n\n"

static void test_networkd_static(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpWork) work = expect(f, IP_BACKEND_NETWORKD, static_plan(), NETWORKD_FILE, 0644,
		NETWORKD_HEAD "[Network]\nDHCP=no\nIPv6AcceptRA=no\nAddress=192.0.2.7/24\n"
			      "Address=192.0.2.8/32\nAddress=2001:db8::7/64\nDNS=192.0.2.53\n"
			      "DNS=2001:db8::53\n\n[Route]\nGateway=192.0.2.1\n\n[Route]\n"
			      "Gateway=fe80::1\n");

	expect_commands(work->before, "");
	expect_commands(work->after, "networkctl reload\nnetworkctl reconfigure eth0\n");
	expect_commands(work->undo_after, "networkctl reload\nnetworkctl reconfigure eth0\n");
}

static void test_networkd_dhcp(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpWork) work = expect(f, IP_BACKEND_NETWORKD, dhcp_plan(), NETWORKD_FILE, 0644,
		NETWORKD_HEAD "[Network]\nDHCP=ipv4\nIPv6AcceptRA=yes\n");
}

static void test_networkd_off_link(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpWork) work = NULL;

	f->target.netvsc = FALSE;
	work = expect(f, IP_BACKEND_NETWORKD, off_link_plan(), NETWORKD_FILE, 0644,
		HEAD "[Match]\nMACAddress=00:15:5d:00:00:07\nName=eth0\n\n"
		     "[Network]\nDHCP=no\nIPv6AcceptRA=yes\nAddress=192.0.2.7/32\n\n"
		     "[Route]\nGateway=198.51.100.1\nGatewayOnLink=yes\n");
}

/* A VLAN on the adapter would be lost with the file that makes it. */
static void test_networkd_keeps_vlans(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpWork) work = NULL;

	scratch_write(&f->s, "/run/systemd/netif/links/3",
		"ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/eth.network\n");
	scratch_write(&f->s, "/etc/systemd/network/eth.network",
		"[Match]\nName=eth0\n[Link]\n# wide\nMTUBytes=9000\n[Network]\nDHCP=yes\n"
		"VLAN=eth0.5\nAddress=10.0.0.1/8\n VLAN = eth0.6 "
		"\nVLAN=eth0.7\n[Route]\nGateway=10.0.0.9\n");
	work = expect(f, IP_BACKEND_NETWORKD, dhcp_plan(), NETWORKD_FILE, 0644,
		NETWORKD_HEAD "[Link]\nMTUBytes=9000\n\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=yes\n"
			      "VLAN=eth0.5\nVLAN = eth0.6\nVLAN=eth0.7\n");
}

/* --- NetworkManager --- */

#define NM_FILE "/etc/NetworkManager/system-connections/hvis-eth0.nmconnection"
#define NM_UUID "5dc9c6d6-9d75-5b1c-b7a6-6a5d6d0a2b5e"

static void test_nm_static(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpPlan) plan = static_plan();
	g_autoptr(GError) error = NULL;
	g_autoptr(IpWork) work =
		ip_backend_render(IP_BACKEND_NM, f->s.root, &f->target, plan, &error);
	const IpFile *file = work->files->pdata[0];
	const IpCommand *up = work->after->pdata[1];
	const char *uuid = up->argv[6];
	g_autofree char *wanted = g_strdup_printf(HEAD
		"[connection]\nid=hvis-eth0\nuuid=%s\ntype=ethernet\nautoconnect-priority=100\n\n"
		"[ethernet]\nmac-address=00:15:5d:00:00:07\n\n"
		"[ipv4]\nmethod=manual\naddress1=192.0.2.7/24\naddress2=192.0.2.8/32\n"
		"gateway=192.0.2.1\ndns=192.0.2.53;\n\n"
		"[ipv6]\nmethod=manual\naddress1=2001:db8::7/64\ngateway=fe80::1\n"
		"dns=2001:db8::53;\n",
		uuid);
	g_autofree char *commands =
		g_strdup_printf("nmcli connection load " NM_FILE "\n"
				"nmcli --wait 20 connection up uuid %s ifname eth0\n",
			uuid);

	g_assert_true(g_uuid_string_is_valid(uuid));
	g_assert_cmpstr(file->path, ==, NM_FILE);
	g_assert_cmpuint(file->mode, ==, 0600);
	g_assert_cmpstr(file->content, ==, wanted);
	expect_commands(work->after, commands);
	expect_commands(work->undo_after,
		"nmcli connection reload\n-nmcli --wait 20 device disconnect eth0\n");
}

static char *nm_file(Fixture *f, IpPlan *plan)
{
	g_autoptr(IpPlan) own = plan;
	g_autoptr(GError) error = NULL;
	g_autoptr(IpWork) work =
		ip_backend_render(IP_BACKEND_NM, f->s.root, &f->target, own, &error);

	g_assert_no_error(error);
	return g_strdup(((IpFile *)work->files->pdata[0])->content);
}

static void test_nm_others(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *dhcp = nm_file(f, dhcp_plan());
	g_autofree char *v6 = nm_file(f, v6_plan());
	g_autofree char *by_name = NULL;

	g_assert_true(g_str_has_suffix(dhcp, "[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n"));
	g_assert_true(g_str_has_suffix(v6,
		"[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=manual\naddress1=2001:db8::7/64\n"
		"gateway=2001:db8::1\ndns=2001:db8::53;\n"));
	f->target.permanent = FALSE;
	by_name = nm_file(f, dhcp_plan());
	g_assert_nonnull(strstr(by_name, "\ninterface-name=eth0\n"));
	g_assert_null(strstr(by_name, "mac-address"));
}

/* The profile is the same one each time: a second change must not leave two. */
static void test_nm_stable(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *once = nm_file(f, dhcp_plan());
	g_autofree char *twice = nm_file(f, dhcp_plan());
	g_autofree char *other = NULL;

	g_assert_cmpstr(once, ==, twice);
	f->target.mac[5]++;
	other = nm_file(f, dhcp_plan());
	g_assert_cmpstr(once, !=, other);
}

static void test_nm_undo(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpPlan) plan = dhcp_plan();
	g_autoptr(IpWork) work = NULL;

	scratch_write(&f->s, "/run/NetworkManager/devices/3",
		"[device]\nmanaged=true\nconnection-uuid=" NM_UUID "\n");
	work = ip_backend_render(IP_BACKEND_NM, f->s.root, &f->target, plan, NULL);
	expect_commands(work->undo_after,
		"nmcli connection reload\n"
		"nmcli --wait 20 connection up uuid " NM_UUID " ifname eth0\n");
}

static void test_nm_undo_hostile(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpPlan) plan = dhcp_plan();
	g_autoptr(IpWork) work = NULL;

	scratch_write(&f->s, "/run/NetworkManager/devices/3",
		"[device]\nmanaged=true\nconnection-uuid=--help\n");
	work = ip_backend_render(IP_BACKEND_NM, f->s.root, &f->target, plan, NULL);
	expect_commands(work->undo_after,
		"nmcli connection reload\n-nmcli --wait 20 device disconnect eth0\n");
}

/* --- netplan --- */

#define NETPLAN_FILE "/etc/netplan/90-hvis-eth0.yaml"
#define NETPLAN_HEAD                                                                               \
	HEAD "network:\n  version: 2\n  ethernets:\n    \"00hvis-eth0\":\n      match:\n"

static void test_netplan_static(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpWork) work = expect(f, IP_BACKEND_NETPLAN, static_plan(), NETPLAN_FILE, 0600,
		NETPLAN_HEAD
		"        macaddress: \"00:15:5d:00:00:07\"\n"
		"        driver: \"hv_netvsc\"\n"
		"      dhcp4: false\n      accept-ra: false\n"
		"      addresses:\n        - \"192.0.2.7/24\"\n        - \"192.0.2.8/32\"\n"
		"        - \"2001:db8::7/64\"\n"
		"      routes:\n        - to: \"0.0.0.0/0\"\n          via: \"192.0.2.1\"\n"
		"        - to: \"::/0\"\n          via: \"fe80::1\"\n"
		"      nameservers:\n        addresses:\n          - \"192.0.2.53\"\n"
		"          - \"2001:db8::53\"\n");

	expect_commands(
		work->after, "netplan generate\nnetworkctl reload\nnetworkctl reconfigure eth0\n");
}

static void test_netplan_others(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpWork) dhcp = NULL, off_link = NULL;

	f->target.permanent = f->target.netvsc = FALSE;
	dhcp = expect(f, IP_BACKEND_NETPLAN, dhcp_plan(), NETPLAN_FILE, 0600,
		NETPLAN_HEAD "        name: \"eth0\"\n      dhcp4: true\n      accept-ra: true\n");
	off_link = expect(f, IP_BACKEND_NETPLAN, off_link_plan(), NETPLAN_FILE, 0600,
		NETPLAN_HEAD "        name: \"eth0\"\n      dhcp4: false\n      accept-ra: true\n"
			     "      addresses:\n        - \"192.0.2.7/32\"\n"
			     "      routes:\n        - to: \"0.0.0.0/0\"\n"
			     "          via: \"198.51.100.1\"\n          on-link: true\n");
}

static void test_netplan_nm(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpPlan) plan = dhcp_plan();
	g_autoptr(IpWork) work = NULL;

	scratch_write(&f->s, "/run/NetworkManager/devices/3", "[device]\nmanaged=true\n");
	work = ip_backend_render(IP_BACKEND_NETPLAN, f->s.root, &f->target, plan, NULL);
	expect_commands(work->after,
		"netplan generate\nnmcli connection reload\n"
		"nmcli --wait 20 connection up id netplan-00hvis-eth0 ifname eth0\n");
}

/* --- ifupdown --- */

#define IFUPDOWN_FILE "/etc/network/interfaces.d/hvis-eth0"

static void test_ifupdown_static(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpWork) work = NULL;

	scratch_write(&f->s, "/etc/network/interfaces", "source /etc/network/interfaces.d/*\n");
	work = expect(f, IP_BACKEND_IFUPDOWN, static_plan(), IFUPDOWN_FILE, 0644,
		HEAD "auto eth0\n"
		     "\niface eth0 inet static\n\taddress 192.0.2.7/24\n\tgateway 192.0.2.1\n"
		     "\tdns-nameservers 192.0.2.53 2001:db8::53\n"
		     "\niface eth0 inet static\n\taddress 192.0.2.8/32\n"
		     "\niface eth0 inet6 static\n\taddress 2001:db8::7/64\n\taccept_ra 0\n"
		     "\tdad-attempts 0\n\tgateway fe80::1\n");
	g_assert_cmpuint(work->files->len, ==, 1);
	g_assert_cmpuint(work->warnings->len, ==, 1); /* nobody sets the name servers */
	expect_commands(work->before, "-ifdown --force eth0\n");
	expect_commands(work->after, "ifup --force eth0\n");
	expect_commands(work->undo_before, "-ifdown --force eth0\n");
	expect_commands(work->undo_after, "ifup --force eth0\n");
}

static void test_ifupdown_others(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpWork) dhcp = NULL, off_link = NULL, v6 = NULL;

	scratch_write(&f->s, "/etc/network/interfaces", "source interfaces.d/*\n");
	dhcp = expect(f, IP_BACKEND_IFUPDOWN, dhcp_plan(), IFUPDOWN_FILE, 0644,
		HEAD "auto eth0\n\niface eth0 inet dhcp\n");
	off_link = expect(f, IP_BACKEND_IFUPDOWN, off_link_plan(), IFUPDOWN_FILE, 0644,
		HEAD "auto eth0\n\niface eth0 inet static\n\taddress 192.0.2.7/32\n"
		     "\tup ip -4 route add default via 198.51.100.1 dev eth0 onlink\n");
	v6 = expect(f, IP_BACKEND_IFUPDOWN, v6_plan(), IFUPDOWN_FILE, 0644,
		HEAD "auto eth0\n\niface eth0 inet6 static\n\taddress 2001:db8::7/64\n"
		     "\taccept_ra 0\n\tdad-attempts 0\n\tgateway 2001:db8::1\n\tdns-nameservers "
		     "2001:db8::53\n");
}

static void test_ifupdown_systemd(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpPlan) plan = dhcp_plan();
	g_autoptr(IpWork) work = NULL;

	scratch_write(&f->s, "/run/systemd/system/x", "");
	work = ip_backend_render(IP_BACKEND_IFUPDOWN, f->s.root, &f->target, plan, NULL);
	expect_commands(work->after, "systemctl start hvis-ifup@eth0.service\n");
}

/* The stanzas elsewhere become comments, nothing else changes, and the new file is read. */
static void test_ifupdown_edit(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpPlan) plan = dhcp_plan();
	g_autoptr(IpWork) work = NULL;
	const IpFile *other, *main_file;

	scratch_write(&f->s, "/etc/network/interfaces",
		"auto lo eth0\niface lo inet loopback\n\n"
		"iface eth0 inet static\n\t# home\n\taddress 10.0.0.2/8\n\tup echo \\\n"
		"\tiface eth1 inet dhcp\n\n"
		"iface eth1 inet dhcp\n\thostname eth0\niface eth0:1 inet dhcp\n"
		"allow-hotplug eth0");
	scratch_write(&f->s, "/etc/network/interfaces.d/50-cloud",
		"iface eth0 inet6 auto\n  dad-attempts 0\nauto eth2\n");
	scratch_write(&f->s, "/etc/network/interfaces.d/60-other", "iface eth2 inet dhcp\n");
	work = ip_backend_render(IP_BACKEND_IFUPDOWN, f->s.root, &f->target, plan, NULL);
	g_assert_cmpuint(work->files->len, ==, 3);
	other = work->files->pdata[1];
	g_assert_cmpstr(other->path, ==, "/etc/network/interfaces.d/50-cloud");
	g_assert_cmpstr(other->content, ==,
		"#hvis# iface eth0 inet6 auto\n#hvis#   dad-attempts 0\nauto eth2\n");
	main_file = work->files->pdata[2];
	g_assert_cmpstr(main_file->path, ==, "/etc/network/interfaces");
	g_assert_cmpstr(main_file->content, ==,
		"auto lo eth0\niface lo inet loopback\n\n"
		"#hvis# iface eth0 inet static\n\t# home\n#hvis# \taddress 10.0.0.2/8\n"
		"#hvis# \tup echo \\\n#hvis# \tiface eth1 inet dhcp\n\n"
		"iface eth1 inet dhcp\n\thostname eth0\niface eth0:1 inet dhcp\n"
		"allow-hotplug eth0\nsource /etc/network/interfaces.d/hvis-eth0\n");
}

/* A line may be cut anywhere, in "iface" and in "source", too; only at its very end, and no comment. */
static void test_ifupdown_line_goes_on(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpPlan) plan = dhcp_plan();
	g_autoptr(IpWork) work = NULL;
	const IpFile *main_file;

	scratch_write(&f->s, "/etc/network/interfaces",
		"iface \\\n  eth0 inet static\n\taddress 10.0.0.2/8\n"
		"iface eth1 inet dhcp \\\niface eth0 inet dhcp\n"
		"# iface eth1 inet dhcp \\\nifa\\\nce et\\\nh0 inet6 auto\n"
		"iface eth1 inet dhcp\n\tup echo \\ \niface eth0 inet manual\n"
		"source \\\n\tinterfaces.d/*\n"
		"iface eth0 inet manual\n\tup echo \\");
	g_assert_true(ip_ifupdown_names(f->s.root, &f->target));
	work = ip_backend_render(IP_BACKEND_IFUPDOWN, f->s.root, &f->target, plan, NULL);
	g_assert_cmpuint(work->files->len, ==, 2);
	main_file = work->files->pdata[1];
	g_assert_cmpstr(main_file->content, ==,
		"#hvis# iface \\\n#hvis#   eth0 inet static\n#hvis# \taddress 10.0.0.2/8\n"
		"iface eth1 inet dhcp \\\niface eth0 inet dhcp\n"
		"# iface eth1 inet dhcp \\\n#hvis# ifa\\\n#hvis# ce et\\\n#hvis# h0 inet6 auto\n"
		"iface eth1 inet dhcp\n\tup echo \\ \n#hvis# iface eth0 inet manual\n"
		"source \\\n\tinterfaces.d/*\n"
		"#hvis# iface eth0 inet manual\n#hvis# \tup echo \\");
}

/* source-directory takes no names with a dot, so a VLAN's file must be named. */
static void test_ifupdown_source_directory(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpPlan) plan = dhcp_plan();
	g_autoptr(IpWork) read = NULL, unread = NULL;
	const IpFile *main_file;

	scratch_write(
		&f->s, "/etc/network/interfaces", "source-directory /etc/network/interfaces.d\n");
	read = ip_backend_render(IP_BACKEND_IFUPDOWN, f->s.root, &f->target, plan, NULL);
	g_assert_cmpuint(read->files->len, ==, 1);
	g_strlcpy(f->target.name, "eth0.5", sizeof(f->target.name));
	unread = ip_backend_render(IP_BACKEND_IFUPDOWN, f->s.root, &f->target, plan, NULL);
	g_assert_cmpuint(unread->files->len, ==, 2);
	main_file = unread->files->pdata[1];
	g_assert_cmpstr(main_file->content, ==,
		"source-directory /etc/network/interfaces.d\n"
		"source /etc/network/interfaces.d/hvis-eth0.5\n");
}

/* --- work as data --- */

static void test_work_json(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpWork) work = ip_work_new(), back = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *before = NULL;
	struct json_object *json;

	ip_work_file(work, "/a", "text\n", 0600);
	ip_work_file(work, "/b", NULL, 0644);
	ip_work_file(work, "/c", "\xff\xfe", 0644); /* somebody's file need not be UTF-8 */
	ip_command_optional(work->before, "ifdown", "eth0", NULL);
	ip_command(work->after, "ifup", "eth0", NULL);
	json = ip_work_to_json(work);
	back = ip_work_from_json(json, &error);
	json_object_put(json);
	g_assert_no_error(error);
	g_assert_cmpuint(back->files->len, ==, 3);
	g_assert_cmpstr(((IpFile *)back->files->pdata[0])->content, ==, "text\n");
	g_assert_cmpuint(((IpFile *)back->files->pdata[0])->mode, ==, 0600);
	g_assert_null(((IpFile *)back->files->pdata[1])->content);
	g_assert_cmpstr(((IpFile *)back->files->pdata[2])->content, ==, "\xff\xfe");
	before = command_lines(back->before);
	g_assert_cmpstr(before, ==, "-ifdown eth0\n");
}

#define TEST(path, func) g_test_add("/ipd/render/" path, Fixture, NULL, setup, func, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("networkd/static", test_networkd_static);
	TEST("networkd/dhcp", test_networkd_dhcp);
	TEST("networkd/off-link", test_networkd_off_link);
	TEST("networkd/keeps-vlans", test_networkd_keeps_vlans);
	TEST("nm/static", test_nm_static);
	TEST("nm/others", test_nm_others);
	TEST("nm/stable", test_nm_stable);
	TEST("nm/undo", test_nm_undo);
	TEST("nm/undo-hostile", test_nm_undo_hostile);
	TEST("netplan/static", test_netplan_static);
	TEST("netplan/others", test_netplan_others);
	TEST("netplan/nm", test_netplan_nm);
	TEST("ifupdown/static", test_ifupdown_static);
	TEST("ifupdown/others", test_ifupdown_others);
	TEST("ifupdown/systemd", test_ifupdown_systemd);
	TEST("ifupdown/edit", test_ifupdown_edit);
	TEST("ifupdown/line-goes-on", test_ifupdown_line_goes_on);
	TEST("ifupdown/source-directory", test_ifupdown_source_directory);
	TEST("work/json", test_work_json);
	return g_test_run();
}
