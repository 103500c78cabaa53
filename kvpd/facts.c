/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of names and of functions that give the values. Taking a snapshot touches no file but
 * for one stat(2), which tells whether os-release was replaced by an upgrade.
 */
#include "config.h"

#include "kvpd/facts.h"

#include <string.h>
#include <sys/socket.h>

#include <util/file.h>

#include "kvpd/osrelease.h"

struct KvpFacts {
	const KvpFactsOps *ops;
	gpointer data;
	struct utsname uts;
	char *version;
	OsRelease os;
	char *os_path; /* where it is from … */
	HvisFileStamp os_stamp; /* … and which state of it @os is */
};

static char *fact_name(KvpFacts *facts)
{
	return g_strdup(facts->ops->host_name(facts->data));
}

static char *fact_services(KvpFacts *facts)
{
	return g_strdup(facts->version);
}

static char *fact_ipv4(KvpFacts *facts)
{
	return facts->ops->addresses(AF_INET, facts->data);
}

static char *fact_ipv6(KvpFacts *facts)
{
	return facts->ops->addresses(AF_INET6, facts->data);
}

static char *fact_build(KvpFacts *facts)
{
	return g_strdup(facts->uts.release);
}

static char *fact_os_name(KvpFacts *facts)
{
	return g_strdup(facts->os.name);
}

static char *fact_os_major(KvpFacts *facts)
{
	return g_strdup(facts->os.major);
}

static char *fact_os_minor(KvpFacts *facts)
{
	return g_strdup(facts->os.minor);
}

static char *fact_os_version(KvpFacts *facts)
{
	return g_strndup(facts->uts.release, strcspn(facts->uts.release, "-"));
}

static char *fact_machine(KvpFacts *facts)
{
	return g_strdup(facts->uts.machine);
}

static const struct {
	const char *key;
	char *(*value)(KvpFacts *facts);
} table[KVP_FACTS_N] = {
	{ "FullyQualifiedDomainName", fact_name },
	{ "IntegrationServicesVersion", fact_services },
	{ "NetworkAddressIPv4", fact_ipv4 },
	{ "NetworkAddressIPv6", fact_ipv6 },
	{ "OSBuildNumber", fact_build },
	{ "OSName", fact_os_name },
	{ "OSMajorVersion", fact_os_major },
	{ "OSMinorVersion", fact_os_minor },
	{ "OSVersion", fact_os_version },
	{ "ProcessorArchitecture", fact_machine },
};

KvpFacts *kvp_facts_new(const KvpFactsOps *ops, const struct utsname *uts, gpointer data)
{
	KvpFacts *facts = g_new0(KvpFacts, 1);

	facts->ops = ops;
	facts->data = data;
	facts->uts = *uts;
	facts->version = g_strdup("");
	facts->os_path = g_build_filename(ops->root, "etc/os-release", NULL);
	kvp_facts_reload(facts);
	return facts;
}

void kvp_facts_free(KvpFacts *facts)
{
	if (!facts)
		return;
	os_release_clear(&facts->os);
	g_free(facts->version);
	g_free(facts->os_path);
	g_free(facts);
}

void kvp_facts_reload(KvpFacts *facts)
{
	facts->os_stamp = hvis_file_stamp(facts->os_path);
	os_release_clear(&facts->os);
	os_release_read(facts->ops->root, &facts->os);
}

void kvp_facts_set_version(KvpFacts *facts, const char *version)
{
	g_free(facts->version);
	facts->version = g_strdup(version);
}

KvpRecords *kvp_facts_snapshot(KvpFacts *facts)
{
	KvpRecords *records = kvp_records_new();
	HvisFileStamp now = hvis_file_stamp(facts->os_path);

	if (!hvis_file_stamp_equal(&facts->os_stamp, &now))
		kvp_facts_reload(facts);
	for (guint i = 0; i < KVP_FACTS_N; i++) {
		g_autofree char *value = table[i].value(facts);

		kvp_records_add(records, table[i].key, -1, value, -1);
	}
	return records;
}
