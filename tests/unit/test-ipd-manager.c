/* SPDX-License-Identifier: GPL-2.0-only */
/* Which interface the host means, and who manages it: trees of files for every answer. */
#include "ipd/backend.h"
#include "tests/unit/ipd-scratch.h"

static const guint8 mac[6] = { 0x00, 0x15, 0x5d, 0, 0, 7 };
#define MAC "00:15:5d:00:00:07"

static void setup(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	scratch_init(s);
}

static void teardown(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	scratch_deinit(s);
}

/* --- the interface --- */

static void expect_target(Scratch *s, const char *name)
{
	g_autoptr(GError) error = NULL;
	IpTarget target;

	g_assert_true(ip_target_find(s->root, mac, &target, &error));
	g_assert_cmpstr(target.name, ==, name);
}

static void expect_no_target(Scratch *s, HvisErrorCode code)
{
	g_autoptr(GError) error = NULL;
	IpTarget target;

	g_assert_false(ip_target_find(s->root, mac, &target, &error));
	g_assert_cmpint(error->code, ==, code);
}

static void test_find(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	IpTarget target;

	expect_no_target(s, HVIS_ERROR_NOT_FOUND);
	scratch_interface(s, "lo", 1, "00:00:00:00:00:00", 0);
	scratch_interface(s, "eth1", 2, "00:15:5d:00:00:08", 0);
	expect_no_target(s, HVIS_ERROR_NOT_FOUND);
	scratch_interface(s, "eth0", 3, "00:15:5D:00:00:07", 0);
	g_assert_true(ip_target_find(s->root, mac, &target, &error));
	g_assert_cmpint(target.index, ==, 3);
	g_assert_true(target.permanent);
	g_assert_false(target.netvsc);
	g_assert_true(ip_target_named(s->root, "eth1", &target, &error));
	g_assert_cmpint(target.index, ==, 2);
	g_assert_false(ip_target_named(s->root, "../../x", &target, NULL));
	g_assert_false(ip_target_named(s->root, "eth7", &target, NULL));
}

/* An SR-IOV function has the MAC address of its synthetic adapter. */
static void test_virtual_function(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	scratch_interface(s, "aaa", 2, MAC, 0);
	scratch_link(s, "/sys/class/net/aaa/master", "../eth0");
	scratch_link(s, "/sys/class/net/aaa/device/driver", "../drivers/mlx5_core");
	scratch_interface(s, "eth0", 3, MAC, 0);
	scratch_link(s, "/sys/class/net/eth0/device/driver", "../drivers/hv_netvsc");
	expect_target(s, "eth0");
}

static void test_vlan(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	scratch_interface(s, "a.5", 2, MAC, 2);
	scratch_write(s, "/sys/class/net/a.5/uevent", "DEVTYPE=vlan\nINTERFACE=a.5\n");
	scratch_interface(s, "eth0", 3, MAC, 0);
	expect_target(s, "eth0");
}

static void test_part_of_bridge(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	scratch_interface(s, "eth0", 3, MAC, 0);
	scratch_link(s, "/sys/class/net/eth0/master", "../br0");
	expect_no_target(s, HVIS_ERROR_UNSUPPORTED);
}

static void test_hostile_names(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const names[] = { "e\n[Route]", "$(reboot)", "a;b", "a b", "-x", ".x",
		"a\"b", "é", "a:1" };

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *dir = g_strconcat(s->root, "/sys", NULL);

		g_assert_false(ip_target_name_ok(names[i]));
		scratch_interface(s, names[i], 3, MAC, 0);
		expect_no_target(s, HVIS_ERROR_UNSUPPORTED);
		remove_tree(dir);
	}
	g_assert_false(ip_target_name_ok(""));
	g_assert_false(ip_target_name_ok("sixteen-chars-xx"));
	g_assert_true(ip_target_name_ok("fifteen-chars.x"));
}

/* --- its manager --- */

static IpTarget target = { "eth0", 3, { 0x00, 0x15, 0x5d, 0, 0, 7 }, TRUE, FALSE };

static void expect(Scratch *s, const char *wanted, const char *name)
{
	g_autoptr(GError) error = NULL;
	IpBackend backend;

	g_assert_true(ip_backend_choose(s->root, &target, wanted, &backend, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(ip_backend_name(backend), ==, name);
}

static void test_nobody(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	IpBackend backend;

	g_assert_false(ip_backend_choose(s->root, &target, "auto", &backend, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_UNSUPPORTED));
	expect(s, "netplan", "netplan");
	expect(s, "NetworkManager", "NetworkManager");
}

static void test_by_presence(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	scratch_write(s, "/etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	expect(s, "auto", "ifupdown");
	scratch_write(s, "/run/NetworkManager/devices/2", "");
	expect(s, "auto", "NetworkManager");
	scratch_write(s, "/run/systemd/netif/state", "");
	expect(s, "auto", "networkd");
	scratch_write(s, "/etc/netplan/README", "");
	expect(s, "auto", "networkd");
	scratch_write(s, "/etc/netplan/50-cloud-init.yaml", "");
	expect(s, "auto", "netplan");
}

/* What manages the interface counts, not what else is there. */
static void test_by_manager(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	scratch_write(s, "/etc/netplan/50-cloud-init.yaml", "");
	scratch_write(s, "/run/systemd/netif/state", "");
	scratch_write(s, "/run/systemd/netif/links/3", "ADMIN_STATE=unmanaged\n");
	scratch_write(s, "/run/NetworkManager/devices/3", "[device]\nmanaged=false\n");
	scratch_write(s, "/etc/network/interfaces", "iface eth0 inet dhcp\n");
	expect(s, "auto", "ifupdown");
	scratch_write(s, "/run/systemd/netif/links/3",
		"ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/eth.network\n");
	expect(s, "auto", "networkd");
	scratch_write(s, "/run/systemd/netif/links/3",
		"ADMIN_STATE=configured\nNETWORK_FILE=/run/systemd/network/"
		"10-netplan-eth0.network\n");
	expect(s, "auto", "netplan");
	scratch_write(s, "/run/NetworkManager/devices/3", "[device]\nmanaged=true\n");
	expect(s, "auto", "NetworkManager");
	expect(s, "ifupdown", "ifupdown");
}

static void test_ifupdown(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	scratch_write(s, "/run/systemd/netif/state", "");
	scratch_write(
		s, "/etc/network/interfaces", "iface eth0:1 inet dhcp\niface eth00 inet dhcp\n");
	expect(s, "auto", "networkd");
	scratch_write(s, "/etc/network/interfaces.d/eth", "iface  eth0\tinet dhcp\n");
	expect(s, "auto", "ifupdown");
	scratch_write(s, "/etc/network/interfaces.d/eth", "# iface eth0 inet dhcp\n");
	expect(s, "auto", "networkd");
	scratch_write(s, "/run/network/ifstate", "lo=lo\neth0=eth0\n");
	expect(s, "auto", "ifupdown");
}

#define TEST(path, func) g_test_add("/ipd/" path, Scratch, NULL, setup, func, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("target/find", test_find);
	TEST("target/virtual-function", test_virtual_function);
	TEST("target/vlan", test_vlan);
	TEST("target/part-of-bridge", test_part_of_bridge);
	TEST("target/hostile-names", test_hostile_names);
	TEST("manager/nobody", test_nobody);
	TEST("manager/by-presence", test_by_presence);
	TEST("manager/by-manager", test_by_manager);
	TEST("manager/ifupdown", test_ifupdown);
	return g_test_run();
}
