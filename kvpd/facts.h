/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pool "auto": the ten facts about the guest that every host knows by name and order. What each
 * holds, and where that differs from the kernel's own daemon, is in hv_kvp_daemon(8):
 *
 *   FullyQualifiedDomainName    resolved name; the host name until it is known
 *   IntegrationServicesVersion  as the kernel says at registration
 *   NetworkAddressIPv4, …IPv6   those that netpolicy.c reports, joined by ';'
 *   OSBuildNumber               release of the kernel
 *   OSName                      NAME of os-release
 *   OSMajorVersion, OSMinor…    VERSION_ID of os-release, before and behind its first dot; Debian has
 *                               the latter in etc/debian_version
 *   OSVersion                   release of the kernel up to the first '-'
 *   ProcessorArchitecture       machine of uname
 */
#pragma once

#include <glib.h>
#include <sys/utsname.h>

#include "kvpd/records.h"

#define KVP_FACTS_N 10u

typedef struct KvpFacts KvpFacts;

/* What the facts are made from, each asked when a snapshot is taken. */
typedef struct {
	const char *(*host_name)(gpointer data);
	char *(*addresses)(int family, gpointer data); /* newly allocated */
	const char *root; /* "/" but in tests */
} KvpFactsOps;

/* @ops must outlive the facts; @uts is copied. */
KvpFacts *kvp_facts_new(const KvpFactsOps *ops, const struct utsname *uts, gpointer data);
void kvp_facts_free(KvpFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpFacts, kvp_facts_free)

/* Read os-release again. */
void kvp_facts_reload(KvpFacts *facts);

void kvp_facts_set_version(KvpFacts *facts, const char *version);

/* All facts as they are now. */
KvpRecords *kvp_facts_snapshot(KvpFacts *facts);
