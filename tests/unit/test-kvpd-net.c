/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Following a real kernel's network, in a network namespace of its own. Needs ip(8), the right to
 * make such a namespace (as root, or by a user namespace), and veth; else it is skipped.
 */
#include "config.h"

#include "kvpd/net.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/kvpd-scratch.h"

#define PATIENCE_US (20 * G_USEC_PER_SEC)

static char *why_not; /* NULL: the namespace is there */

static gboolean run(const char *command)
{
	int status;

	return g_spawn_command_line_sync(command, NULL, NULL, &status, NULL) && status == 0;
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
		list = net_state_list(kvp_net_state(net), family);
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
	for (int i = 0; i < 3000; i++)
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

	write_resolv_conf(root, "");
	g_assert_cmpint(unlink(link), ==, 0);
	g_assert_cmpint(symlink("../stub", link), ==, 0);
	net = kvp_net_new(root, on_changed, NULL);
	g_assert_null(kvp_net_state(net)->dns[0]);
	g_assert_true(put_text(target, "nameserver 192.0.2.53\n"));
	g_assert_cmpstr(kvp_net_state(net)->dns[0], ==, "192.0.2.53");
	changes = 0;
	while (g_main_context_iteration(NULL, FALSE)) {
	}
	g_assert_cmpint(changes, >, 0);
}

int main(int argc, char **argv)
{
	int ret;

	why_not = enter_namespace();
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/net/follow", test_follow);
	g_test_add_func("/kvpd/net/flood", test_flood);
	g_test_add_func("/kvpd/net/dns-change", test_dns_change);
	g_test_add_func("/kvpd/net/dns-behind-a-dangling-link", test_dns_behind_a_dangling_link);
	ret = g_test_run();
	g_free(why_not);
	return ret;
}
