/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID leaves. The numbers of the hypervisor's are in Microsoft's Hypervisor Top-Level Functional
 * Specification (feature discovery); the kernel decides by the same ones. Intel's is in the TDX
 * module's specification: it exists in a trust domain only.
 */
#include <util/confidential.h>

#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#define LEAF_FEATURES 0x1u
#define FEATURES_C_HYPERVISOR (1u << 31)
#define LEAF_TDX 0x21u
#define LEAF_HV_VENDOR 0x40000000u /* EAX: the last leaf of the hypervisor's */
#define LEAF_HV_PRIVILEGES 0x40000003u
#define PRIVILEGES_B_ISOLATION (1u << 22)
#define LEAF_HV_ISOLATION 0x4000000cu
#define ISOLATION_B_TYPE 0xfu

HvisCpuid hvis_cpuid(guint32 leaf G_GNUC_UNUSED, guint32 sub G_GNUC_UNUSED)
{
	HvisCpuid r = { 0 };

#if defined(__x86_64__) || defined(__i386__)
	__cpuid_count(leaf, sub, r.a, r.b, r.c, r.d);
#endif
	return r;
}

static HvisCpuid ask_processor(guint32 leaf, guint32 sub, gpointer data G_GNUC_UNUSED)
{
	return hvis_cpuid(leaf, sub);
}

static gboolean has_vendor(guint32 x, guint32 y, guint32 z, const char *vendor)
{
	const guint32 words[3] = { x, y, z };

	return memcmp(words, vendor, sizeof(words)) == 0;
}

/* A processor answers a leaf past its last one with another leaf's registers: ask for the last first. */
static gboolean is_trust_domain(HvisCpuidFunc cpuid, gpointer data)
{
	HvisCpuid r;

	if (cpuid(0, 0, data).a < LEAF_TDX)
		return FALSE;
	r = cpuid(LEAF_TDX, 0, data);
	return has_vendor(r.b, r.d, r.c, "IntelTDX    ");
}

static HvisIsolation ask_hypervisor(HvisCpuidFunc cpuid, gpointer data)
{
	static const HvisIsolation types[] = { HVIS_ISOLATION_NONE, HVIS_ISOLATION_VBS,
		HVIS_ISOLATION_SNP, HVIS_ISOLATION_TDX };
	HvisCpuid r = cpuid(LEAF_HV_VENDOR, 0, data);
	guint32 type;

	if (!has_vendor(r.b, r.c, r.d, "Microsoft Hv") || r.a < LEAF_HV_ISOLATION)
		return HVIS_ISOLATION_NONE;
	if (!(cpuid(LEAF_HV_PRIVILEGES, 0, data).b & PRIVILEGES_B_ISOLATION))
		return HVIS_ISOLATION_NONE;
	type = cpuid(LEAF_HV_ISOLATION, 0, data).b & ISOLATION_B_TYPE;
	return type < G_N_ELEMENTS(types) ? types[type] : HVIS_ISOLATION_OTHER;
}

HvisIsolation hvis_isolation_detect(HvisCpuidFunc cpuid, gpointer data)
{
	if (!cpuid)
		cpuid = ask_processor;
	if (!(cpuid(LEAF_FEATURES, 0, data).c & FEATURES_C_HYPERVISOR))
		return HVIS_ISOLATION_NONE;
	return is_trust_domain(cpuid, data) ? HVIS_ISOLATION_TDX : ask_hypervisor(cpuid, data);
}

const char *hvis_isolation_name(HvisIsolation isolation)
{
	switch (isolation) {
	case HVIS_ISOLATION_NONE:
		return "none";
	case HVIS_ISOLATION_VBS:
		return "VBS";
	case HVIS_ISOLATION_SNP:
		return "SEV-SNP";
	case HVIS_ISOLATION_TDX:
		return "TDX";
	case HVIS_ISOLATION_OTHER:
	case HVIS_ISOLATION_N:
		break;
	}
	return "unknown kind";
}
