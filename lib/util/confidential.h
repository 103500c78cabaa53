/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is this a confidential VM, one whose host is not to be trusted? Asked of the processor's CPUID, in
 * user space and without privilege. What to do about it is the caller's policy.
 *
 * A guest can only see what it is shown: a host that hides the isolation from a guest that its owner
 * believes to be confidential is found by attestation, not here. The host can at most switch
 * protection off that way, and the guest's encrypted memory with it.
 */
#pragma once

#include <glib.h>

typedef enum {
	HVIS_ISOLATION_NONE, /* an ordinary VM, or no VM at all */
	HVIS_ISOLATION_VBS, /* kept apart by the hypervisor */
	HVIS_ISOLATION_SNP, /* AMD SEV-SNP */
	HVIS_ISOLATION_TDX, /* Intel TDX */
	HVIS_ISOLATION_OTHER, /* a kind that is younger than this program */
	HVIS_ISOLATION_N,
} HvisIsolation;

/* Registers after CPUID: EAX, EBX, ECX, EDX. */
typedef struct {
	guint32 a, b, c, d;
} HvisCpuid;

/* What this processor says; all zero where it is not an x86. */
HvisCpuid hvis_cpuid(guint32 leaf, guint32 sub);

/* Ask for @leaf, @sub; for tests. */
typedef HvisCpuid (*HvisCpuidFunc)(guint32 leaf, guint32 sub, gpointer data);

/* What @cpuid says; NULL asks the processor. Always NONE where the processor is not an x86. */
HvisIsolation hvis_isolation_detect(HvisCpuidFunc cpuid, gpointer data);

/* "none", "VBS", "SEV-SNP", "TDX", "unknown kind". */
const char *hvis_isolation_name(HvisIsolation isolation);
