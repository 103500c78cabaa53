/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses and plans: what the host may say, and everything that it may not. */
#include <string.h>

#include <util/error.h>
#include <wire/ip-plan.h>

static const guint8 mac[6] = { 0x00, 0x15, 0x5d, 0, 0, 7 };

static KvpIp *ip_new(const char *address, const char *subnet, const char *gateway, const char *dns)
{
	KvpIp *ip = g_new0(KvpIp, 1);

	g_strlcpy(ip->address, address, sizeof(ip->address));
	g_strlcpy(ip->subnet, subnet, sizeof(ip->subnet));
	g_strlcpy(ip->gateway, gateway, sizeof(ip->gateway));
	g_strlcpy(ip->dns, dns, sizeof(ip->dns));
	return ip;
}

static char *plan_text(const IpPlan *plan)
{
	struct json_object *json = ip_plan_to_json(plan);
	char *text = g_strdup(json_object_to_json_string_ext(
		json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(json);
	return text;
}

static void expect(const char *address, const char *subnet, const char *gateway, const char *dns,
	const char *wanted)
{
	g_autofree KvpIp *ip = ip_new(address, subnet, gateway, dns);
	g_autoptr(GError) error = NULL;
	g_autoptr(IpPlan) plan = ip_plan_from_host(ip, mac, &error);
	g_autofree char *text = NULL;

	g_assert_no_error(error);
	text = plan_text(plan);
	g_assert_cmpstr(text, ==, wanted);
}

#define HEAD "{\"adapter\":\"00:15:5d:00:00:07\",\"dhcp\":false,\"addresses\":["

static void test_good(void)
{
	expect("192.0.2.7", "255.255.255.0", "192.0.2.1", "192.0.2.53;198.51.100.53",
		HEAD "\"192.0.2.7/24\"],\"gateways\":[\"192.0.2.1\"],"
		     "\"dns\":[\"192.0.2.53\",\"198.51.100.53\"]}");
	expect("192.0.2.7;192.0.2.8;2001:db8::7;", "255.255.255.0;255.255.255.255;64;",
		"192.0.2.1;fe80::1", "::1;127.0.0.53",
		HEAD "\"192.0.2.7/24\",\"192.0.2.8/32\",\"2001:db8::7/64\"],"
		     "\"gateways\":[\"192.0.2.1\",\"fe80::1\"],\"dns\":[\"::1\",\"127.0.0.53\"]}");
	expect(" 192.0.2.7 ", "/24", "", "", HEAD "\"192.0.2.7/24\"],\"gateways\":[],\"dns\":[]}");
	expect("2001:DB8::0:7", "ffff:ffff:ffff:ffff::", "", "",
		HEAD "\"2001:db8::7/64\"],\"gateways\":[],\"dns\":[]}");
	expect("192.0.2.0;192.0.2.255;192.0.2.9", "255.255.255.254;31;32", "", "",
		HEAD "\"192.0.2.0/31\",\"192.0.2.255/31\",\"192.0.2.9/32\"],"
		     "\"gateways\":[],\"dns\":[]}");
}

typedef struct {
	const char *name, *address, *subnet, *gateway, *dns;
} Bad;

static const Bad bad[] = {
	{ "nothing", "", "", "", "" },
	{ "name", "localhost", "24", "", "" },
	{ "short-form", "10.1", "24", "", "" },
	{ "octal-form", "010.0.0.1", "24", "", "" },
	{ "zone", "fe80::1%eth0", "64", "", "" },
	{ "shell", "192.0.2.7$(reboot)", "24", "", "" },
	{ "newline", "192.0.2.7\nDNS=1.2.3.4", "24", "", "" },
	{ "prefix-in-address", "192.0.2.7/24", "24", "", "" },
	{ "hole", "192.0.2.7", "255.0.255.0", "", "" },
	{ "hole-v6", "2001:db8::7", "ffff::ffff", "", "" },
	{ "prefix-33", "192.0.2.7", "33", "", "" },
	{ "prefix-129", "2001:db8::7", "129", "", "" },
	{ "prefix-negative", "192.0.2.7", "-1", "", "" },
	{ "prefix-0", "192.0.2.7", "0.0.0.0", "", "" },
	{ "prefix-plus", "192.0.2.7", "+24", "", "" },
	{ "prefix-huge", "192.0.2.7", "4294967320", "", "" },
	{ "family-of-mask", "192.0.2.7", "ffff::", "", "" },
	{ "family-of-mask-v6", "2001:db8::7", "255.255.255.0", "", "" },
	{ "fewer-subnets", "192.0.2.7;192.0.2.8", "24", "", "" },
	{ "more-subnets", "192.0.2.7", "24;24", "", "" },
	{ "empty-entry", "192.0.2.7;;192.0.2.8", "24;;24", "", "" },
	{ "empty-first", ";192.0.2.7", ";24", "", "" },
	{ "unspecified", "0.0.0.0", "24", "", "" },
	{ "loopback", "127.0.0.1", "8", "", "" },
	{ "multicast", "224.0.0.1", "24", "", "" },
	{ "broadcast", "255.255.255.255", "32", "", "" },
	{ "network-address", "192.0.2.0", "24", "", "" },
	{ "broadcast-address", "192.0.2.255", "24", "", "" },
	{ "v6-unspecified", "::", "64", "", "" },
	{ "v6-loopback", "::1", "128", "", "" },
	{ "v6-multicast", "ff02::1", "64", "", "" },
	{ "v6-mapped", "::ffff:192.0.2.7", "128", "", "" },
	{ "v6-network-address", "2001:db8::", "64", "", "" },
	{ "two-prefixes", "192.0.2.7;192.0.2.7", "24;25", "", "" },
	{ "two-gateways", "192.0.2.7", "24", "192.0.2.1;192.0.2.2", "" },
	{ "gateway-of-other-family", "192.0.2.7", "24", "fe80::1", "" },
	{ "gateway-is-self", "192.0.2.7", "24", "192.0.2.7", "" },
	{ "gateway-multicast", "192.0.2.7", "24", "224.0.0.1", "" },
	{ "gateway-text", "192.0.2.7", "24", "gw;reboot", "" },
	{ "dns-text", "192.0.2.7", "24", "", "dns.example" },
	{ "dns-multicast", "192.0.2.7", "24", "", "224.0.0.251" },
	{ "only-gateway", "", "", "192.0.2.1", "" },
};

static void test_bad(gconstpointer data)
{
	const Bad *b = data;
	g_autofree KvpIp *ip = ip_new(b->address, b->subnet, b->gateway, b->dns);
	g_autoptr(GError) error = NULL;

	g_assert_null(ip_plan_from_host(ip, mac, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
}

/* upstream copied an entry of any length to 46 bytes of its stack */
static void test_long_entry(void)
{
	g_autofree KvpIp *ip = ip_new("", "24", "", "");
	g_autoptr(GError) error = NULL;

	memset(ip->address, '1', sizeof(ip->address) - 1);
	g_assert_null(ip_plan_from_host(ip, mac, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
}

static void test_too_many(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree KvpIp *ip = NULL;
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i <= IP_PLAN_LIST_MAX; i++)
		g_string_append(text, "1;");
	ip = ip_new("192.0.2.7", "24", "", text->str);
	g_assert_null(ip_plan_from_host(ip, mac, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_assert_nonnull(strstr(error->message, "more than 128"));
}

static void test_warnings(void)
{
	g_autofree KvpIp *ip = ip_new(
		"192.0.2.7;192.0.2.7", "24;24", "198.51.100.1;198.51.100.1", "1.1.1.1;1.1.1.1");
	g_autoptr(GError) error = NULL;
	g_autoptr(IpPlan) plan = ip_plan_from_host(ip, mac, &error);

	g_assert_no_error(error);
	g_assert_cmpuint(plan->addresses->len, ==, 1);
	g_assert_cmpuint(plan->dns->len, ==, 1);
	g_assert_true(plan->off_link[IP_V4]);
	g_assert_cmpuint(plan->warnings->len, ==, 4);
}

/* A host that turns DHCP on sends the addresses that it has just read along. */
static void test_dhcp(void)
{
	g_autofree KvpIp *ip = ip_new("192.0.2.7", "24", "192.0.2.1", "not even an address");
	g_autoptr(GError) error = NULL;
	g_autoptr(IpPlan) plan = NULL;

	ip->dhcp = TRUE;
	plan = ip_plan_from_host(ip, mac, &error);
	g_assert_no_error(error);
	g_assert_true(plan->dhcp);
	g_assert_cmpuint(plan->addresses->len + plan->dns->len, ==, 0);
	g_assert_false(plan->has_gateway[IP_V4]);
	g_assert_cmpuint(plan->warnings->len, ==, 1);
}

static IpPlan *from_text(const char *text, GError **error)
{
	struct json_object *json = json_tokener_parse(text);
	IpPlan *plan = ip_plan_from_json(json, error);

	json_object_put(json);
	return plan;
}

static void test_json_round_trip(void)
{
	static const char *const texts[] = {
		HEAD
		"\"192.0.2.7/24\",\"2001:db8::7/64\"],\"gateways\":[\"192.0.2.1\",\"fe80::1\"],"
		"\"dns\":[\"192.0.2.53\"]}",
		"{\"adapter\":\"00:15:5d:00:00:07\",\"dhcp\":true,\"addresses\":[],\"gateways\":[],"
		"\"dns\":[]}",
	};

	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(IpPlan) plan = from_text(texts[i], &error);
		g_autofree char *text = NULL;

		g_assert_no_error(error);
		text = plan_text(plan);
		g_assert_cmpstr(text, ==, texts[i]);
	}
}

static void test_json_bad(void)
{
	static const char *const texts[] = {
		"{}",
		"{\"adapter\":7,\"dhcp\":true}",
		"{\"adapter\":\"\",\"dhcp\":true}",
		"{\"adapter\":\"00:15:5d:00:00:07\"}",
		"{\"adapter\":\"00:15:5d:00:00:07\",\"dhcp\":\"yes\"}",
		"{\"adapter\":\"00:15:5d:00:00:07\",\"dhcp\":true,\"dns\":[\"1.1.1.1\"]}",
		"{\"adapter\":\"00:15:5d:00:00:07\",\"addresses\":\"192.0.2.7/24\"}",
		"{\"adapter\":\"00:15:5d:00:00:07\",\"addresses\":[\"192.0.2.7\"]}",
		"{\"adapter\":\"00:15:5d:00:00:07\",\"addresses\":[7]}",
		"{\"adapter\":\"00:15:5d:00:00:07\",\"addresses\":[null]}",
		"{\"adapter\":\"00:15:5d:00:00:07\",\"addresses\":[\"192.0.2.7/24\\u0000x\"]}",
	};

	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(from_text(texts[i], &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	}
}

static void test_mac(void)
{
	static const char *const good[] = { "00:15:5D:00:00:07", "00-15-5d-00-00-07",
		"00155d000007" };
	static const char *const wrong[] = { "", "00:15:5d:00:00", "00:15:5d:00:00:07:08",
		"00:15:5d:00:00:0", "00:15:5d:00:00:0g", "00:00:00:00:00:00", "01:15:5d:00:00:07",
		"00:15:5d:00:00:07\n", ":00:15:5d:00:00:07" };

	for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autoptr(GError) error = NULL;
		char text[IP_MAC_TEXT_SIZE];
		guint8 got[6];

		g_assert_true(ip_mac_parse(good[i], got, &error));
		g_assert_cmpmem(got, sizeof(got), mac, sizeof(mac));
		ip_mac_text(got, text);
		g_assert_cmpstr(text, ==, "00:15:5d:00:00:07");
	}
	for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GError) error = NULL;
		guint8 got[6] = { 1 };

		g_assert_false(ip_mac_parse(wrong[i], got, &error));
		g_assert_cmpuint(got[0], ==, 1);
	}
}

static void test_masks(void)
{
	for (guint prefix = 0; prefix <= 32; prefix++) {
		IpAddress address = { AF_INET, { 192, 0, 2, 7 }, (guint8)prefix };
		g_autofree char *mask = ip_prefix_mask(&address);
		guint8 back;

		g_assert_true(ip_prefix_parse(mask, AF_INET, &back, NULL));
		g_assert_cmpuint(back, ==, prefix);
	}
}

static void test_in_network(void)
{
	IpAddress net, in, out;

	g_assert_true(ip_address_parse_cidr("192.0.2.130/25", &net, NULL));
	g_assert_true(ip_address_parse("192.0.2.254", &in, NULL));
	g_assert_true(ip_address_parse("192.0.2.127", &out, NULL));
	g_assert_true(ip_address_in(&in, &net));
	g_assert_false(ip_address_in(&out, &net));
	g_assert_true(ip_address_parse("2001:db8::1", &out, NULL));
	g_assert_false(ip_address_in(&out, &net));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wire/ip-plan/good", test_good);
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *path = g_strdup_printf("/wire/ip-plan/bad/%s", bad[i].name);

		g_test_add_data_func(path, &bad[i], test_bad);
	}
	g_test_add_func("/wire/ip-plan/long-entry-upstream-overflow", test_long_entry);
	g_test_add_func("/wire/ip-plan/too-many", test_too_many);
	g_test_add_func("/wire/ip-plan/warnings", test_warnings);
	g_test_add_func("/wire/ip-plan/dhcp-beside-addresses", test_dhcp);
	g_test_add_func("/wire/ip-plan/json/round-trip", test_json_round_trip);
	g_test_add_func("/wire/ip-plan/json/bad", test_json_bad);
	g_test_add_func("/wire/ip-address/mac", test_mac);
	g_test_add_func("/wire/ip-address/masks", test_masks);
	g_test_add_func("/wire/ip-address/in-network", test_in_network);
	return g_test_run();
}
