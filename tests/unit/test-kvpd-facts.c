/* SPDX-License-Identifier: GPL-2.0-only */
/* The ten automatic facts: names, order, contents, and that a snapshot stays as it was taken. */
#include "config.h"

#include "kvpd/facts.h"

#include <sys/socket.h>

#include "tests/unit/kvpd-scratch.h"

static const char *const keys[] = { "FullyQualifiedDomainName", "IntegrationServicesVersion",
	"NetworkAddressIPv4", "NetworkAddressIPv6", "OSBuildNumber", "OSName", "OSMajorVersion",
	"OSMinorVersion", "OSVersion", "ProcessorArchitecture" };

static const struct utsname uts = { .release = "6.1.0-49-amd64", .machine = "x86_64" };

static const char *host = "vm.example.org";

static const char *host_name(gpointer data)
{
	return host;
}

static char *addresses(int family, gpointer data)
{
	return g_strdup(family == AF_INET ? "192.0.2.1;192.0.2.2" : "fe80::1");
}

static void write_os_release(const char *root, const char *text)
{
	g_autofree char *etc = g_build_filename(root, "etc", NULL);
	g_autofree char *path = g_build_filename(etc, "os-release", NULL);

	g_assert_cmpint(g_mkdir_with_parents(etc, 0700), ==, 0);
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void assert_facts(KvpRecords *records, const char *const *values)
{
	g_assert_cmpuint(kvp_records_count(records), ==, KVP_FACTS_N);
	for (guint i = 0; i < KVP_FACTS_N; i++) {
		g_assert_cmpstr(kvp_records_key(records, i), ==, keys[i]);
		g_assert_cmpstr(kvp_records_value(records, i), ==, values[i]);
	}
}

static void test_all(void)
{
	static const char *const before[] = { "vm.example.org", "", "192.0.2.1;192.0.2.2",
		"fe80::1", "6.1.0-49-amd64", "Debian GNU/Linux", "12", "5", "6.1.0", "x86_64" };
	static const char *const after[] = { "renamed", "3.1", "192.0.2.1;192.0.2.2", "fe80::1",
		"6.1.0-49-amd64", "Debian GNU/Linux, next", "13", "0", "6.1.0", "x86_64" };
	g_autoptr(Scratch) root = scratch_new();
	const KvpFactsOps ops = { host_name, addresses, root };
	g_autoptr(KvpFacts) facts = NULL;
	g_autoptr(KvpRecords) first = NULL;
	g_autoptr(KvpRecords) second = NULL;

	write_os_release(root, "NAME=\"Debian GNU/Linux\"\nVERSION_ID=12.5\n");
	facts = kvp_facts_new(&ops, &uts, NULL);
	first = kvp_facts_snapshot(facts);
	assert_facts(first, before);

	kvp_facts_set_version(facts, "3.1");
	host = "renamed";
	write_os_release(root, "NAME=\"Debian GNU/Linux, next\"\nVERSION_ID=13.0\n");
	second = kvp_facts_snapshot(facts);
	assert_facts(second, after);
	assert_facts(first, before);
	host = "vm.example.org";
}

static void test_bare_machine(void)
{
	static const char *const values[] = { "vm.example.org", "", "192.0.2.1;192.0.2.2",
		"fe80::1", "6.1.0-49-amd64", "Linux", "", "", "6.1.0", "x86_64" };
	g_autoptr(Scratch) root = scratch_new();
	const KvpFactsOps ops = { host_name, addresses, root };
	g_autoptr(KvpFacts) facts = kvp_facts_new(&ops, &uts, NULL);
	g_autoptr(KvpRecords) records = kvp_facts_snapshot(facts);

	assert_facts(records, values);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/facts/all", test_all);
	g_test_add_func("/kvpd/facts/bare-machine", test_bare_machine);
	return g_test_run();
}
