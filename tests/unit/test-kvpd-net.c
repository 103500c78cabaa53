/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Following a real kernel's network, in a network namespace of its own. Needs ip(8), the right to
 * make such a namespace (as root, or by a user namespace), and veth; else it is skipped.
 */
#include "config.h"

#include "kvpd/net.h"

#include <errno.h>
#include <sched.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kvpd/options.h"
#include "tests/unit/kvpd-scratch.h"

#define PATIENCE_US (20 * G_USEC_PER_SEC)

static char *why_not; /* NULL: the namespace is there */

static gboolean run(const char *command)
{
	int status;

	g_autofree char *complaint = NULL;

	return g_spawn_command_line_sync(command, NULL, &complaint, &status, NULL) && status == 0;
}

static gboolean put_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	gboolean done = file && fputs(text, file) >= 0;

	return file && fclose(file) == 0 && done;
}

/* Before any thread is started. */
static char *enter_namespace(void)
{
	g_autofree char *map = g_strdup_printf("0 %u 1\n", getuid());

	if (unshare(CLONE_NEWNET) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
			return g_strdup_printf("no network namespace: %s", g_strerror(errno));
		put_text("/proc/self/setgroups", "deny");
		if (!put_text("/proc/self/uid_map", map))
			return g_strdup("no user mapping");
	}
	if (!run("ip link add hvt0 address 00:15:5d:00:00:01 type veth peer name hvt1"))
		return g_strdup("no ip(8) or no veth");
	return NULL;
}

static int changes;

static void on_changed(gpointer data)
{
	changes++;
}

/* Run the main loop until the addresses of @family are @wanted. */
static void wait_for(KvpNet *net, int family, const char *wanted)
{
	gint64 end = g_get_monotonic_time() + PATIENCE_US;
	g_autofree char *list = NULL;

	do {
		g_free(list);
		list = g_strdup(kvp_net_addresses(net, family));
		if (g_str_equal(list, wanted))
			return;
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(1000);
	} while (g_get_monotonic_time() < end);
	g_assert_cmpstr(list, ==, wanted);
}

static KvpIp adapter(KvpNet *net)
{
	const NetState *state = kvp_net_state(net);
	const NetInterface *interface = net_state_find(state, "00:15:5D:00:00:01");
	KvpIp ip = { 0 };

	g_assert_nonnull(interface);
	net_state_fill(state, interface, &ip);
	return ip;
}

static void write_resolv_conf(const char *root, const char *text)
{
	g_autofree char *etc = g_build_filename(root, "etc", NULL);
	g_autofree char *path = g_build_filename(etc, "resolv.conf", NULL);

	g_assert_cmpint(g_mkdir_with_parents(etc, 0700), ==, 0);
	g_assert_true(put_text(path, text));
}

/* Linux 5.18 and later say where an address is from. */
static gboolean kernel_tells_origin(void)
{
	struct utsname uts;
	int major = 0, minor = 0;

	uname(&uts);
	return sscanf(uts.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 5 || (major == 5 && minor >= 18));
}

static const char *origin_of(KvpNet *net, const char *interface, const char *address)
{
	const NetState *state = kvp_net_state(net);

	for (guint i = 0; i < state->interfaces->len; i++) {
		const NetInterface *in = state->interfaces->pdata[i];

		for (guint k = 0; g_str_equal(in->name, interface) && k < in->addresses->len; k++) {
			const NetAddress *a = &g_array_index(in->addresses, NetAddress, k);
			char text[INET6_ADDRSTRLEN];

			if (g_str_has_prefix(net_address_text(a, text), address))
				return net_address_origin(a) ? net_address_origin(a) : "nobody";
		}
	}
	return "nowhere";
}

static void test_origin(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(KvpNet) net = NULL;
	gint64 end = g_get_monotonic_time() + PATIENCE_US;

	if (why_not || !kernel_tells_origin()) {
		g_test_skip(why_not ? why_not : "the kernel does not tell");
		return;
	}
	g_assert_true(run("ip link set lo up"));
	g_assert_true(run("ip link add hvt2 up type veth peer name hvt3"));
	g_assert_true(run("ip link set hvt3 up"));
	g_assert_true(run("ip addr add 192.0.2.20/24 dev hvt2"));
	net = kvp_net_new(root, on_changed, NULL);
	while (g_str_equal(origin_of(net, "hvt2", "fe80:"), "nowhere")) { /* it takes a carrier */
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(1000);
	}
	g_assert_cmpstr(origin_of(net, "lo", "::1"), ==, "loopback");
	g_assert_cmpstr(origin_of(net, "hvt2", "192.0.2.20"), ==, "nobody");
	g_assert_cmpstr(origin_of(net, "hvt2", "fe80:"), ==, "link-local, of the kernel's own");
	g_assert_true(run("ip link del hvt2"));
}

static void test_follow(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(KvpNet) net = NULL;
	gint64 end;
	KvpIp ip;

	if (why_not) {
		g_test_skip(why_not);
		return;
	}
	write_resolv_conf(root, "nameserver 192.0.2.53\n");
	g_assert_true(run("ip link set lo up"));
	g_assert_true(run("ip addr add 203.0.113.1/24 dev lo"));
	g_assert_true(run("ip addr add 192.0.2.10/24 dev hvt0"));
	net = kvp_net_new(root, on_changed, NULL);
	wait_for(net, AF_INET, "");

	g_assert_true(run("ip link set hvt1 up"));
	g_assert_true(run("ip link set hvt0 up"));
	wait_for(net, AF_INET, "192.0.2.10");
	g_assert_cmpint(changes, >, 0);

	g_assert_true(run("ip addr add 192.0.2.11/24 dev hvt0"));
	g_assert_true(run("ip -6 addr add 2001:db8::10/64 dev hvt1 nodad"));
	wait_for(net, AF_INET, "192.0.2.10;192.0.2.11");
	g_assert_true(run("ip addr del 192.0.2.11/24 dev hvt0"));
	wait_for(net, AF_INET, "192.0.2.10");
	ip = adapter(net);
	g_assert_true(g_str_has_prefix(ip.address, "192.0.2.10"));
	g_assert_true(g_str_has_prefix(ip.subnet, "255.255.255.0"));
	g_assert_cmpstr(ip.gateway, ==, "");
	g_assert_cmpstr(ip.dns, ==, "192.0.2.53");
	g_assert_false(ip.dhcp);

	g_assert_true(run("ip route add 198.51.100.0/24 via 192.0.2.2"));
	g_assert_true(run("ip route add default via 192.0.2.3 metric 200"));
	g_assert_true(run("ip route add default via 192.0.2.1 metric 100 proto dhcp"));
	g_assert_true(run("ip addr add 192.0.2.12/24 dev hvt0"));
	wait_for(net, AF_INET, "192.0.2.10;192.0.2.12");
	for (end = g_get_monotonic_time() + PATIENCE_US; g_get_monotonic_time() < end;) {
		ip = adapter(net);
		if (strchr(ip.gateway, ';'))
			break;
		g_main_context_iteration(NULL, FALSE);
	}
	g_assert_cmpstr(ip.gateway, ==, "192.0.2.1;192.0.2.3");
	g_assert_true(ip.dhcp);

	g_assert_true(run("ip link del hvt0"));
	wait_for(net, AF_INET, "");
	g_assert_null(net_state_find(kvp_net_state(net), "00:15:5D:00:00:01"));
}

/* More events than the socket holds: they are lost, and the state is right all the same. */
static void test_flood(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autofree char *path = g_build_filename(root, "batch", NULL);
	g_autofree char *command = g_strdup_printf("ip -batch %s", path);
	g_autoptr(GString) batch = g_string_new(NULL);
	g_autoptr(KvpNet) net = NULL;

	if (why_not) {
		g_test_skip(why_not);
		return;
	}
	g_assert_true(run("ip link add hvf0 type veth peer name hvf1"));
	g_assert_true(run("ip link set hvf0 up"));
	net = kvp_net_new(root, on_changed, NULL);
	for (int i = 0; i < 2000; i++)
		g_string_append_printf(
			batch, "addr add 10.%d.%d.1/24 dev hvf0\n", i / 250, i % 250);
	g_string_append(batch, "addr flush dev hvf0\naddr add 192.0.2.99/24 dev hvf0\n");
	g_assert_true(put_text(path, batch->str));
	g_assert_true(run(command));
	wait_for(net, AF_INET, "192.0.2.99");
	g_assert_true(run("ip addr add 192.0.2.98/24 dev hvf0"));
	wait_for(net, AF_INET, "192.0.2.99;192.0.2.98");
	g_assert_true(run("ip link del hvf0"));
	wait_for(net, AF_INET, "");
}

/* The same, at leisure: what is waited for takes long. */
static void wait_for_slowly(KvpNet *net, const char *wanted)
{
	gint64 end = g_get_monotonic_time() + 6 * PATIENCE_US;

	while (!g_str_equal(kvp_net_addresses(net, AF_INET), wanted) &&
		g_get_monotonic_time() < end) {
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(1000);
	}
	g_assert_cmpstr(kvp_net_addresses(net, AF_INET), ==, wanted);
}

/* TRUE while waiting makes sense; runs the main loop. */
static gboolean turn(gint64 end)
{
	if (!g_main_context_iteration(NULL, FALSE))
		g_usleep(1000);
	return g_get_monotonic_time() < end;
}

static void run_for(guint ms)
{
	gint64 end = g_get_monotonic_time() + ms * 1000;

	while (turn(end)) {
	}
}

static void wait_gateway(KvpNet *net, const char *wanted)
{
	gint64 end = g_get_monotonic_time() + PATIENCE_US;
	KvpIp ip;

	do {
		ip = adapter(net);
		if (g_str_equal(ip.gateway, wanted))
			return;
	} while (turn(end));
	g_assert_cmpstr(ip.gateway, ==, wanted);
}

/* The kernel says nothing of the IPv4 routes that go with a link or an address. */
static void test_gateway_goes_with_its_link(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(KvpNet) net = NULL;

	if (why_not) {
		g_test_skip(why_not);
		return;
	}
	g_assert_true(run("ip link add hvt0 address 00:15:5d:00:00:01 type veth peer name hvt1"));
	g_assert_true(run("ip link set hvt1 up"));
	g_assert_true(run("ip link set hvt0 up"));
	g_assert_true(run("ip addr add 192.0.2.10/24 dev hvt0"));
	g_assert_true(run("ip route add default via 192.0.2.1"));
	net = kvp_net_new(root, on_changed, NULL);
	wait_gateway(net, "192.0.2.1");
	g_assert_true(run("ip link set hvt0 down"));
	wait_gateway(net, "");
	g_assert_true(run("ip link set hvt0 up"));
	g_assert_true(run("ip route add default via 192.0.2.2"));
	wait_gateway(net, "192.0.2.2");
	g_assert_true(run("ip addr del 192.0.2.10/24 dev hvt0"));
	wait_gateway(net, "");
	g_assert_true(run("ip addr add 192.0.2.10/24 dev hvt0"));
	g_assert_true(run("ip -6 addr add 2001:db8::10/64 dev hvt0 nodad"));
	g_assert_true(run("ip -4 route add default via inet6 2001:db8::1 dev hvt0"));
	g_assert_true(run("ip -6 route add default via 2001:db8::2 metric 20"));
	g_assert_true(run("ip route add default via 192.0.2.7 table 77"));
	wait_gateway(net, "2001:db8::1;2001:db8::2");
	g_assert_true(run("ip link del hvt0"));
}

static const NetInterface *find_name(KvpNet *net, const char *name)
{
	const NetState *state = kvp_net_state(net);

	for (guint i = 0; i < state->interfaces->len; i++) {
		const NetInterface *interface = g_ptr_array_index(state->interfaces, i);

		if (g_strcmp0(interface->name, name) == 0)
			return interface;
	}
	return NULL;
}

static void wait_found(KvpNet *net, const char *mac, const char *name)
{
	gint64 end = g_get_monotonic_time() + PATIENCE_US;
	const NetInterface *found;

	do {
		found = net_state_find(kvp_net_state(net), mac);
		if (found && g_str_equal(found->name, name))
			return;
	} while (turn(end));
	g_assert_cmpstr(found ? found->name : NULL, ==, name);
}

static void make_driver(const char *root, const char *name, const char *driver)
{
	g_autofree char *dir = g_build_filename(root, "sys/class/net", name, "device", NULL);
	g_autofree char *link = g_build_filename(dir, "driver", NULL);
	g_autofree char *target = g_strconcat("../../../drivers/", driver, NULL);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
	g_assert_cmpint(symlink(target, link), ==, 0);
}

#define SHARED "00:15:5d:00:00:03"

/* A synthetic interface that is up, and what follows it. */
static KvpNet *start_stacked(const char *root)
{
	KvpNet *net;

	make_driver(root, "hvs1", "hv_netvsc");
	make_driver(root, "hvs10", "mlx5_core");
	g_assert_true(run("ip link add hvs1 address " SHARED " type veth peer name hvs2"));
	g_assert_true(run("ip link set hvs1 up"));
	net = kvp_net_new(root, on_changed, NULL);
	wait_found(net, SHARED, "hvs1");
	return net;
}

static gboolean cannot(const char *command)
{
	if (!why_not && run(command))
		return FALSE;
	g_test_skip(why_not ? why_not : "this kernel has no such interfaces");
	return TRUE;
}

/* A function appears beside its synthetic master, and even gets an address. */
static void test_sriov(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(KvpNet) net = NULL;

	if (cannot("true"))
		return;
	net = start_stacked(root);
	g_assert_true(run("ip link add hvs10 address " SHARED " type veth peer name hvs20"));
	g_assert_true(run("ip link set hvs10 up"));
	g_assert_true(run("ip addr add 198.51.100.3/24 dev hvs10"));
	g_assert_true(run("ip addr add 192.0.2.3/24 dev hvs1"));
	wait_for(net, AF_INET, "192.0.2.3");
	run_for(300);
	wait_for(net, AF_INET, "192.0.2.3");
	wait_found(net, SHARED, "hvs1");
	g_assert_cmpint(find_name(net, "hvs10")->function_of, ==, find_name(net, "hvs1")->index);
	g_assert_true(run("ip link del hvs10"));
	g_assert_true(run("ip link del hvs1"));
}

/* A VLAN is another interface with the same address. */
static void test_vlan(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(KvpNet) net = NULL;

	if (cannot("true"))
		return;
	net = start_stacked(root);
	g_assert_true(run("ip addr add 192.0.2.3/24 dev hvs1"));
	if (!cannot("ip link add link hvs1 name hvs1.7 type vlan id 7")) {
		g_assert_true(run("ip link set hvs1.7 up"));
		g_assert_true(run("ip addr add 192.0.2.77/24 dev hvs1.7"));
		wait_for(net, AF_INET, "192.0.2.3;192.0.2.77");
		wait_found(net, SHARED, "hvs1");
	}
	g_assert_true(run("ip link del hvs1"));
}

/* The port of a bridge, or of a bond, has no address of its own any more. */
static void follow_port(const char *type)
{
	g_autofree char *add = g_strdup_printf("ip link add hvb0 type %s", type);
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(KvpNet) net = NULL;

	if (cannot(add))
		return;
	net = start_stacked(root);
	g_assert_true(run("ip link set hvs1 down"));
	g_assert_true(run("ip link set hvs1 master hvb0"));
	g_assert_true(run("ip link set hvb0 address " SHARED));
	g_assert_true(run("ip link set hvb0 up"));
	g_assert_true(run("ip link set hvs1 up"));
	g_assert_true(run("ip addr add 192.0.2.4/24 dev hvb0"));
	wait_for(net, AF_INET, "192.0.2.4");
	wait_found(net, SHARED, "hvb0");
	g_assert_true(run("ip link del hvb0"));
	wait_found(net, SHARED, "hvs1");
	g_assert_true(run("ip link del hvs1"));
	wait_for(net, AF_INET, "");
}

static void test_bridge(void)
{
	follow_port("bridge");
}

static void test_bond(void)
{
	follow_port("bond");
}

/* eth1 and eth10 are two: upstream compared as far as the shorter name goes (strncmp). */
static void test_rename(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(KvpNet) net = NULL;
	g_autoptr(GError) error = NULL;
	const char *text = "[kvp]\nExcludeInterfaces=hvr1\n";
	g_autoptr(HvisConfig) config =
		hvis_config_parse(kvpd_config_keys, "x.conf", text, strlen(text), &error);

	g_assert_no_error(error);
	if (why_not) {
		g_test_skip(why_not);
		return;
	}
	g_assert_true(run("ip link add hvr1 address 00:15:5d:00:00:11 type veth peer name hvr10 "
			  "address 00:15:5d:00:00:12"));
	g_assert_true(run("ip link set hvr1 up"));
	g_assert_true(run("ip link set hvr10 up"));
	g_assert_true(run("ip addr add 192.0.2.1/24 dev hvr1"));
	g_assert_true(run("ip addr add 192.0.2.10/24 dev hvr10"));
	net = kvp_net_new(root, on_changed, NULL);
	wait_for(net, AF_INET, "192.0.2.10;192.0.2.1"); /* the peer is made first */
	kvp_net_set_policy(net, net_policy_new(config));
	g_assert_cmpstr(kvp_net_addresses(net, AF_INET), ==, "192.0.2.10");
	g_assert_null(net_state_find(kvp_net_state(net), "00:15:5d:00:00:11"));
	g_assert_true(run("ip link set hvr1 down"));
	g_assert_true(run("ip link set hvr1 name hvr100"));
	g_assert_true(run("ip link set hvr100 up"));
	wait_found(net, "00:15:5d:00:00:11", "hvr100");
	wait_for(net, AF_INET, "192.0.2.10;192.0.2.1");
	g_assert_true(run("ip link del hvr10"));
}

static void test_thousand_addresses(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autofree char *path = g_build_filename(root, "batch", NULL);
	g_autofree char *command = g_strdup_printf("ip -batch %s", path);
	g_autoptr(GString) batch = g_string_new(NULL);
	g_autoptr(KvpNet) net = NULL;
	gint64 end = g_get_monotonic_time() + PATIENCE_US, start;
	KvpIp ip = { 0 };

	if (why_not) {
		g_test_skip(why_not);
		return;
	}
	g_assert_true(run("ip link add hvm0 address 00:15:5d:00:00:21 type veth peer name hvm1"));
	g_assert_true(run("ip link set hvm0 up"));
	net = kvp_net_new(root, on_changed, NULL);
	for (int i = 0; i < 1000; i++)
		g_string_append_printf(
			batch, "addr add 10.1.%d.%d/24 dev hvm0\n", i / 250, 1 + i % 250);
	g_assert_true(put_text(path, batch->str));
	g_assert_true(run(command));
	while (find_name(net, "hvm0")->addresses->len < 1000 && turn(end)) {
	}
	g_assert_cmpuint(find_name(net, "hvm0")->addresses->len, ==, 1000);
	g_assert_cmpuint(strlen(kvp_net_addresses(net, AF_INET)), <=, HVIS_KVP_VALUE_UNITS_MAX);
	g_assert_cmpuint(strlen(kvp_net_addresses(net, AF_INET)), >, HVIS_KVP_VALUE_UNITS_MAX - 16);
	start = g_get_monotonic_time();
	for (int i = 0; i < 100; i++)
		net_state_fill(kvp_net_state(net),
			net_state_find(kvp_net_state(net), "00155D000021"), &ip);
	g_test_message("an answer takes %.1f us", (double)(g_get_monotonic_time() - start) / 100);
	g_assert_true(g_str_has_prefix(ip.address, "10.1.0.1;"));
	g_assert_true(run("ip link del hvm0"));
}

/* Interfaces that come and go as fast as they can: looks are bounded, and in the end all is right. */
static void test_storm(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autofree char *path = g_build_filename(root, "batch", NULL);
	g_autofree char *command = g_strdup_printf("ip -force -batch %s", path);
	g_auto(GStrv) argv = NULL;
	g_autoptr(GString) batch = g_string_new(NULL);
	g_autoptr(KvpNet) net = NULL;
	gint64 start;
	guint looks, ms;
	GPid pid;

	if (why_not) {
		g_test_skip(why_not);
		return;
	}
	for (int i = 0; i < 40; i++)
		g_string_append_printf(batch,
			"link add hvx%d type veth peer name hvy%d\nlink set hvx%d up\n"
			"addr add 10.2.%d.%d/24 dev hvx%d\nlink del hvx%d\n",
			i, i, i, i / 250, i % 250, i, i);
	g_string_append(batch, "link add hvx0 type veth peer name hvy0\nlink set hvx0 up\n"
			       "addr add 192.0.2.66/24 dev hvx0\n");
	g_assert_true(put_text(path, batch->str));
	net = kvp_net_new(root, on_changed, NULL);
	run_for(2 * KVP_NET_SETTLE_MS);
	looks = kvp_net_looks(net);
	start = g_get_monotonic_time();
	g_assert_true(g_shell_parse_argv(command, NULL, &argv, NULL));
	g_assert_true(g_spawn_async(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &pid, NULL));
	wait_for_slowly(net, "192.0.2.66");
	ms = (guint)((g_get_monotonic_time() - start) / 1000);
	g_test_message("%u looks in %u ms", kvp_net_looks(net) - looks, ms);
	g_assert_cmpuint(kvp_net_looks(net) - looks, <=, ms / KVP_NET_PAUSE_MS + 2);
	g_assert_cmpuint(kvp_net_state(net)->interfaces->len, <=, 8);

	/* Then quiet: one look more, and no other. */
	run_for(2 * KVP_NET_SETTLE_MS);
	looks = kvp_net_looks(net);
	run_for(2 * KVP_NET_SETTLE_MS);
	g_assert_cmpuint(kvp_net_looks(net), ==, looks);
	g_assert_true(run("ip link del hvx0"));
	g_spawn_close_pid(pid);
}

static void test_dns_change(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(KvpNet) net = NULL;
	gint64 end = g_get_monotonic_time() + PATIENCE_US;

	write_resolv_conf(root, "nameserver 192.0.2.53\n");
	net = kvp_net_new(root, on_changed, NULL);
	g_assert_cmpstr(kvp_net_state(net)->dns[0], ==, "192.0.2.53");
	write_resolv_conf(root, "nameserver 192.0.2.54\n");
	while (g_strcmp0(kvp_net_state(net)->dns[0], "192.0.2.54") != 0 &&
		g_get_monotonic_time() < end) {
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(1000);
	}
	g_assert_cmpstr(kvp_net_state(net)->dns[0], ==, "192.0.2.54");
}

/* Early in boot resolv.conf leads to nothing; what was put there later was never seen. */
static void test_dns_behind_a_dangling_link(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autofree char *target = g_build_filename(root, "stub", NULL);
	g_autofree char *link = g_build_filename(root, "etc/resolv.conf", NULL);
	g_autoptr(KvpNet) net = NULL;
	gint64 end = g_get_monotonic_time() + PATIENCE_US;

	write_resolv_conf(root, "");
	g_assert_cmpint(unlink(link), ==, 0);
	g_assert_cmpint(symlink("../stub", link), ==, 0);
	net = kvp_net_new(root, on_changed, NULL);
	g_assert_null(kvp_net_state(net)->dns[0]);
	changes = 0;
	g_assert_true(put_text(target, "nameserver 192.0.2.53\n"));
	while (changes == 0 && g_get_monotonic_time() < end)
		g_main_context_iteration(NULL, FALSE);
	g_assert_cmpstr(kvp_net_state(net)->dns[0], ==, "192.0.2.53");
}

int main(int argc, char **argv)
{
	int ret;

	why_not = enter_namespace();
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/net/origin", test_origin);
	g_test_add_func("/kvpd/net/follow", test_follow);
	g_test_add_func("/kvpd/net/flood", test_flood);
	g_test_add_func("/kvpd/net/gateway-goes-with-its-link", test_gateway_goes_with_its_link);
	g_test_add_func("/kvpd/net/sriov", test_sriov);
	g_test_add_func("/kvpd/net/vlan", test_vlan);
	g_test_add_func("/kvpd/net/bridge", test_bridge);
	g_test_add_func("/kvpd/net/bond", test_bond);
	g_test_add_func("/kvpd/net/rename", test_rename);
	g_test_add_func("/kvpd/net/thousand-addresses", test_thousand_addresses);
	g_test_add_func("/kvpd/net/storm", test_storm);
	g_test_add_func("/kvpd/net/dns-change", test_dns_change);
	g_test_add_func("/kvpd/net/dns-behind-a-dangling-link", test_dns_behind_a_dangling_link);
	ret = g_test_run();
	g_free(why_not);
	return ret;
}
