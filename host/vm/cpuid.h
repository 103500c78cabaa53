/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest's CPUID says: what KVM supports, less what this machine does not want, with the
 * guest's own topology and the Hyper-V leaves. A pure function on leaf lists.
 */
#pragma once

#include <glib.h>
#include <linux/kvm.h>
#include "host/vm/vm.h"

#define CPUID_LEAVES_MAX 256u
#define CPUID_HV_FIRST 0x40000000u
#define CPUID_HV_LAST 0x40000005u

/* Feature bits of leaf 0x40000003, EAX and EDX. */
#define CPUID_HV_TIME_REF_COUNT (1u << 1)
#define CPUID_HV_SYNIC (1u << 2)
#define CPUID_HV_HYPERCALL (1u << 5)
#define CPUID_HV_VP_INDEX (1u << 6)
#define CPUID_HV_RESET (1u << 7)
#define CPUID_HV_REFERENCE_TSC (1u << 9)
#define CPUID_HV_FREQUENCY_MSRS (1u << 11)
#define CPUID_HV_EDX_FREQUENCY (1u << 8)
#define CPUID_HV_EDX_CRASH (1u << 10)
/* Privileges in its EBX. */
#define CPUID_HV_POST_MESSAGES (1u << 4)
#define CPUID_HV_SIGNAL_EVENTS (1u << 5)
/* Recommendations in EAX of leaf 0x40000004. */
#define CPUID_HV_RELAXED_TIMING (1u << 5)
#define CPUID_HV_NO_AUTO_EOI (1u << 9)

typedef struct {
	VmSynic synic; /* KVM or USER */
	guint cpus;
	guint vp; /* whose leaves: index, and APIC id */
} CpuidOptions;

/* Write the leaves for one processor to @out of @room entries. 0 with @error if they do not fit. */
gsize cpuid_edit(const struct kvm_cpuid_entry2 *supported, gsize n, const CpuidOptions *options,
	struct kvm_cpuid_entry2 *out, gsize room, GError **error);
