// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID editing. Bits are named as in the processor manuals. Everything that needs XSAVE is hidden:
 * nothing here is the better for it, and emulators get its state wrong.
 */
#include "config.h"

#include "host/vm/cpuid.h"

#include "util/error.h"

#define BIT(n) (1u << (n))

/* Leaf 1. */
#define L1C_VMX BIT(5)
#define L1C_FMA BIT(12)
#define L1C_XSAVE BIT(26)
#define L1C_OSXSAVE BIT(27)
#define L1C_AVX BIT(28)
#define L1C_F16C BIT(29)
#define L1C_HYPERVISOR BIT(31)
#define L1C_HIDDEN (L1C_VMX | L1C_FMA | L1C_XSAVE | L1C_OSXSAVE | L1C_AVX | L1C_F16C)
#define L1D_HTT BIT(28)
#define L1B_FIXED 0xffffu /* brand and cache line size */

/* Leaf 7, subleaf 0: AVX2 and all of AVX-512, AMX, the vector forms of AES, PKU, 5-level paging. */
#define L7B_HIDDEN                                                                                 \
	(BIT(5) | BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31))
#define L7C_HIDDEN                                                                                 \
	(BIT(1) | BIT(3) | BIT(4) | BIT(6) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14) |      \
		BIT(16))
#define L7D_HIDDEN (BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25))

/* Leaf 0x80000001: SVM, XOP, FMA4. */
#define X1C_HIDDEN (BIT(2) | BIT(11) | BIT(16))

#define TOPOLOGY_SMT 1u /* level types of leaf 0xb */
#define TOPOLOGY_CORE 2u

typedef struct {
	struct kvm_cpuid_entry2 *entry;
	gsize n, room;
	gboolean full;
} CpuidList;

static void cpuid_add(CpuidList *list, struct kvm_cpuid_entry2 entry)
{
	if (list->n == list->room) {
		list->full = TRUE;
		return;
	}
	list->entry[list->n++] = entry;
}

/* Bits of an APIC id that tell processors apart. */
static guint cpuid_shift(guint cpus)
{
	return cpus > 1 ? g_bit_storage(cpus - 1) : 0;
}

/* Leaves that are replaced as a whole, or must not be seen: hypervisors, XSAVE, topology, AMX, SVM. */
static gboolean cpuid_drop(guint32 function)
{
	switch (function) {
	case 0xb:
	case 0xd:
	case 0x12: /* SGX */
	case 0x14: /* processor trace */
	case 0x1d:
	case 0x1e:
	case 0x1f:
	case 0x8000000a:
		return TRUE;
	}
	return (function & 0xffff0000) == CPUID_HV_FIRST;
}

static void cpuid_edit_one(struct kvm_cpuid_entry2 *e, const CpuidOptions *options)
{
	switch (e->function) {
	case 0x1:
		e->ebx = (e->ebx & L1B_FIXED) | options->cpus << 16 | options->vp << 24;
		e->ecx = (e->ecx & ~L1C_HIDDEN) | L1C_HYPERVISOR;
		e->edx = options->cpus > 1 ? e->edx | L1D_HTT : e->edx & ~L1D_HTT;
		break;
	case 0x4: /* cores in the package, where there is a cache */
		if (e->eax & 0x1f)
			e->eax = (e->eax & ~(0x3fu << 26)) | (options->cpus - 1) << 26;
		break;
	case 0x7:
		if (e->index == 0) {
			e->ebx &= ~L7B_HIDDEN;
			e->ecx &= ~L7C_HIDDEN;
			e->edx &= ~L7D_HIDDEN;
		} else {
			e->eax = e->ebx = e->ecx = e->edx = 0;
		}
		break;
	case 0x80000001:
		e->ecx &= ~X1C_HIDDEN;
		break;
	case 0x80000008: /* AMD: processors in the package, bits of their ids */
		e->ecx = (options->cpus - 1) | cpuid_shift(options->cpus) << 12;
		break;
	case 0x8000001e: /* AMD: APIC id, core, node */
		e->eax = options->vp;
		e->ebx = options->vp;
		e->ecx = 0;
		break;
	}
}

static void cpuid_add_topology(CpuidList *list, const CpuidOptions *options)
{
	struct kvm_cpuid_entry2 e = { .function = 0xb, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX };

	e.edx = options->vp;
	e.ebx = 1;
	e.ecx = TOPOLOGY_SMT << 8;
	cpuid_add(list, e);
	e.index = 1;
	e.eax = cpuid_shift(options->cpus);
	e.ebx = options->cpus;
	e.ecx = TOPOLOGY_CORE << 8 | 1;
	cpuid_add(list, e);
}

static void cpuid_add_hyperv(CpuidList *list, const CpuidOptions *options)
{
	guint32 features = CPUID_HV_TIME_REF_COUNT | CPUID_HV_SYNIC | CPUID_HV_HYPERCALL |
			   CPUID_HV_VP_INDEX | CPUID_HV_FREQUENCY_MSRS;
	guint32 edx = CPUID_HV_EDX_FREQUENCY | CPUID_HV_EDX_CRASH;

	/* KVM fills the reference TSC page; in user space the counter is an exit per read. */
	if (options->synic == VM_SYNIC_KVM)
		features |= CPUID_HV_REFERENCE_TSC;
	const struct kvm_cpuid_entry2 leaves[] = {
		/* "Microsoft Hv", and the number of the last leaf */
		{ .function = 0x40000000,
			.eax = CPUID_HV_LAST,
			.ebx = 0x7263694d,
			.ecx = 0x666f736f,
			.edx = 0x76482074 },
		{ .function = 0x40000001, .eax = 0x31237648 }, /* interface "Hv#1" */
		{ .function = 0x40000002, .eax = 20348, .ebx = 10u << 16 }, /* build, version */
		{ .function = 0x40000003,
			.eax = features,
			.ebx = CPUID_HV_POST_MESSAGES | CPUID_HV_SIGNAL_EVENTS,
			.edx = edx },
		/* EBX: never tell the hypervisor about spinning */
		{ .function = 0x40000004,
			.eax = CPUID_HV_RELAXED_TIMING | CPUID_HV_NO_AUTO_EOI,
			.ebx = 0xffffffff },
		{ .function = 0x40000005, .eax = 64, .ebx = 64 }, /* processors at most */
	};

	for (guint i = 0; i < G_N_ELEMENTS(leaves); i++)
		cpuid_add(list, leaves[i]);
}

gsize cpuid_edit(const struct kvm_cpuid_entry2 *supported, gsize n, const CpuidOptions *options,
	struct kvm_cpuid_entry2 *out, gsize room, GError **error)
{
	CpuidList list = { out, 0, room, FALSE };
	guint32 highest = 0;

	for (gsize i = 0; i < n; i++) {
		struct kvm_cpuid_entry2 e = supported[i];

		if (e.function == 0)
			highest = e.eax;
		if (cpuid_drop(e.function))
			continue;
		cpuid_edit_one(&e, options);
		cpuid_add(&list, e);
	}
	if (highest >= 0xb)
		cpuid_add_topology(&list, options);
	cpuid_add_hyperv(&list, options);
	if (list.full) {
		hvis_fail(error, HVIS_ERROR_NO_SPACE, "more than %zu CPUID leaves", room);
		return 0;
	}
	return list.n;
}
