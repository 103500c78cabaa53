/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host is told of and why not: every reason, the defaults, and configurations. */
#include "config.h"

#include "kvpd/netpolicy.h"

#include <arpa/inet.h>
#include <string.h>

#include "kvpd/netstate.h"
#include "kvpd/options.h"

static NetPolicy *policy_of(const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(HvisConfig) config =
		hvis_config_parse(kvpd_config_keys, "x.conf", text, strlen(text), &error);

	g_assert_no_error(error);
	return net_policy_new(config);
}

/* "" where it is reported. */
static char *why_interface(const NetPolicy *policy, const NetInterface *interface)
{
	char *why = NULL;

	if (net_policy_interface(policy, interface, "eth9", &why)) {
		g_assert_null(why);
		return g_strdup("");
	}
	g_assert_false(net_policy_interface(policy, interface, "eth9", NULL));
	return why;
}

static void assert_name(const NetPolicy *policy, const char *name, const char *wanted)
{
	const NetInterface interface = { .name = (char *)(guintptr)name, .up = TRUE };
	g_autofree char *why = why_interface(policy, &interface);

	g_assert_cmpstr(why, ==, wanted);
}

static void test_defaults(void)
{
	static const char *const in[] = { "eth0", "ens3", "enP1p0s2", "br0", "br-lan", "bond0",
		"wg0", "tun0", "tap0", "team0", "vlan10", "eth0.10", "lan0", "ib0", NULL };
	static const struct {
		const char *name, *pattern;
	} out[] = { { "docker0", "docker*" }, { "br-0123456789ab", "br-????????????" },
		{ "veth1a2b3c4", "veth*" }, { "virbr0", "virbr*" }, { "virbr0-nic", "virbr*" },
		{ "vnet3", "vnet*" }, { "cali12345", "cali*" }, { "cni0", "cni*" },
		{ "flannel.1", "flannel*" }, { "lxcbr0", "lxc*" }, { "lxdbr0", "lxdbr*" },
		{ "podman0", "podman*" }, { "antrea-gw0", "antrea-*" },
		{ "cilium_host", "cilium_*" }, { "kube-ipvs0", "kube-*" } };
	g_autoptr(NetPolicy) policy = policy_of("");

	for (const char *const *name = in; *name; name++) {
		assert_name(policy, *name, "");
		assert_name(NULL, *name, "");
	}
	for (guint i = 0; i < G_N_ELEMENTS(out); i++) {
		g_autofree char *why = g_strdup_printf("excluded by %s (built in)", out[i].pattern);

		assert_name(policy, out[i].name, why);
		assert_name(NULL, out[i].name, why);
	}
}

static void test_globs(void)
{
	g_autoptr(NetPolicy) policy = policy_of(
		"[kvp]\nIncludeInterfaces=eth* docker0\nExcludeInterfaces=eth1 eth[2-4]\n");
	g_autoptr(NetPolicy) open = policy_of("[kvp]\nIncludeInterfaces=\nExcludeInterfaces=\n");

	assert_name(policy, "eth0", "");
	assert_name(policy, "docker0", "");
	assert_name(policy, "eth1", "excluded by eth1 (x.conf:3)");
	assert_name(policy, "eth10", ""); /* upstream compared as far as the shorter name goes */
	assert_name(policy, "eth3", "excluded by eth[2-4] (x.conf:3)");
	assert_name(policy, "ens3", "no pattern of IncludeInterfaces (x.conf:2) has it");
	assert_name(open, "docker0", "");
	assert_name(open, "veth0", "");
}

static void test_reasons(void)
{
	char name[] = "eth0";
	const struct {
		NetInterface interface;
		const char *why;
	} cases[] = { { { .name = name, .up = TRUE }, "" }, { { .name = name }, "down" },
		{ { .name = name, .up = TRUE, .loopback = TRUE }, "loopback" },
		{ { .name = name, .up = TRUE, .function_of = 3 }, "SR-IOV function of eth9" },
		{ { .up = TRUE }, "no such link" } };

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *why = why_interface(NULL, &cases[i].interface);

		g_assert_cmpstr(why, ==, cases[i].why);
	}
	/* The host's question knows what is down. */
	g_assert_true(net_policy_adapter(NULL, &cases[1].interface, NULL, NULL));
	g_assert_false(net_policy_adapter(NULL, &cases[2].interface, NULL, NULL));
	g_assert_false(net_policy_adapter(NULL, &cases[3].interface, NULL, NULL));
}

static NetAddress address(const char *text)
{
	NetAddress a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	g_assert_cmpint(inet_pton(a.family, text, a.bytes), ==, 1);
	return a;
}

static void assert_address(const NetPolicy *policy, NetAddress a, const char *wanted)
{
	g_autofree char *why = NULL;
	gboolean reported = net_policy_address(policy, &a, &why);

	g_assert_true(reported == (wanted == NULL));
	g_assert_true(net_policy_address(policy, &a, NULL) == reported);
	g_assert_cmpstr(why, ==, wanted);
}

static void test_addresses(void)
{
	g_autoptr(NetPolicy) other = policy_of("[kvp]\nLinkLocal=no\nTemporaryAddresses=yes\n");
	NetAddress a = address("2001:db8::1");

	assert_address(NULL, a, NULL);
	assert_address(NULL, address("192.0.2.1"), NULL);
	assert_address(NULL, address("127.0.0.2"), "loopback");
	assert_address(NULL, address("::1"), "loopback");
	for (const char *const *ll =
			(const char *const[]){ "fe80::1", "febf::1", "169.254.7.7", NULL };
		*ll; ll++) {
		assert_address(NULL, address(*ll), NULL);
		assert_address(other, address(*ll), "link-local, by LinkLocal=no (x.conf:2)");
	}
	assert_address(other, address("fec0::1"), NULL);
	assert_address(other, address("169.253.0.1"), NULL);

	a.temporary = TRUE;
	assert_address(NULL, a, "temporary, by TemporaryAddresses=no (built in)");
	assert_address(other, a, NULL);
	a.temporary = FALSE;
	a.deprecated = TRUE;
	assert_address(NULL, a, NULL); /* preferred_lft 0 by hand */
	a.dynamic = TRUE;
	assert_address(NULL, a, "deprecated: its preferred lifetime is over");
	a = address("2001:db8::1");
	a.unusable = TRUE;
	assert_address(NULL, a, "not known to be the only one: tentative, or a duplicate");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/netpolicy/defaults", test_defaults);
	g_test_add_func("/kvpd/netpolicy/globs", test_globs);
	g_test_add_func("/kvpd/netpolicy/reasons", test_reasons);
	g_test_add_func("/kvpd/netpolicy/addresses", test_addresses);
	return g_test_run();
}
