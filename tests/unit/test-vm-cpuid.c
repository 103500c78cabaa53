// SPDX-License-Identifier: GPL-2.0-only
/* CPUID editing on a made-up list of what KVM supports. */
#include "config.h"

#include <glib.h>
#include "host/vm/cpuid.h"
#include "util/error.h"

#define ALL 0xffffffffu

static const struct kvm_cpuid_entry2 supported[] = {
	{ .function = 0, .eax = 0x10, .ebx = 0x68747541, .ecx = 0x444d4163, .edx = 0x69746e65 },
	{ .function = 1, .eax = 0x800f12, .ebx = 0x3f405678, .ecx = ALL, .edx = ALL },
	{ .function = 4, .index = 0, .eax = 0xfc004121, .flags = 1 },
	{ .function = 4, .index = 4, .eax = 0, .flags = 1 },
	{ .function = 7, .index = 0, .eax = 1, .ebx = ALL, .ecx = ALL, .edx = ALL, .flags = 1 },
	{ .function = 7, .index = 1, .eax = ALL, .flags = 1 },
	{ .function = 0xb, .index = 0, .eax = 1, .ebx = 2, .ecx = 0x100, .edx = 17, .flags = 1 },
	{ .function = 0xb, .index = 1, .eax = 7, .ebx = 64, .ecx = 0x201, .edx = 17, .flags = 1 },
	{ .function = 0xd, .index = 0, .eax = 7, .flags = 1 },
	{ .function = 0x1f, .index = 0, .eax = 7, .flags = 1 },
	{ .function = 0x40000000, .eax = 0x40000001, .ebx = 0x4b4d564b },
	{ .function = 0x40000001, .eax = ALL },
	{ .function = 0x40000100, .eax = 0x40000101, .ebx = 0x4b4d564b },
	{ .function = 0x80000001, .ecx = ALL, .edx = ALL },
	{ .function = 0x80000008, .eax = 0x3030, .ecx = 0x703f },
	{ .function = 0x8000000a, .eax = 1 },
	{ .function = 0x8000001e, .eax = 17, .ebx = 0x108, .ecx = 0x203 },
};

static gsize edit(VmSynic synic, guint cpus, guint vp, struct kvm_cpuid_entry2 *out)
{
	CpuidOptions options = { synic, cpus, vp };
	g_autoptr(GError) error = NULL;
	gsize n = cpuid_edit(
		supported, G_N_ELEMENTS(supported), &options, out, CPUID_LEAVES_MAX, &error);

	g_assert_no_error(error);
	return n;
}

static const struct kvm_cpuid_entry2 *find(
	const struct kvm_cpuid_entry2 *list, gsize n, guint32 function, guint32 index)
{
	for (gsize i = 0; i < n; i++)
		if (list[i].function == function && list[i].index == index)
			return &list[i];
	return NULL;
}

static void test_hyperv(void)
{
	struct kvm_cpuid_entry2 out[CPUID_LEAVES_MAX];
	gsize n = edit(VM_SYNIC_KVM, 1, 0, out);
	const struct kvm_cpuid_entry2 *e = find(out, n, 0x40000000, 0);

	g_assert_cmphex(e->eax, ==, 0x40000005);
	g_assert_cmphex(e->ebx, ==, 0x7263694d);
	g_assert_cmphex(e->ecx, ==, 0x666f736f);
	g_assert_cmphex(e->edx, ==, 0x76482074);
	g_assert_cmphex(find(out, n, 0x40000001, 0)->eax, ==, 0x31237648);
	e = find(out, n, 0x40000003, 0);
	g_assert_cmphex(e->eax, ==, 0xa66);
	g_assert_cmphex(e->ebx, ==, 0x30);
	g_assert_cmphex(e->edx, ==, 0x500);
	g_assert_cmphex(find(out, n, 0x40000004, 0)->eax & 1 << 9, ==, 1 << 9);
	g_assert_null(find(out, n, 0x40000100, 0));
	/* In user space nobody fills the reference TSC page. */
	n = edit(VM_SYNIC_USER, 1, 0, out);
	g_assert_cmphex(find(out, n, 0x40000003, 0)->eax, ==, 0x866);
}

static void test_features(void)
{
	struct kvm_cpuid_entry2 out[CPUID_LEAVES_MAX];
	gsize n = edit(VM_SYNIC_KVM, 1, 0, out);
	guint32 ecx = find(out, n, 1, 0)->ecx;
	static const guint hidden[] = { 5, 12, 26, 27, 28, 29 };

	for (guint i = 0; i < G_N_ELEMENTS(hidden); i++)
		g_assert_cmphex(ecx & 1u << hidden[i], ==, 0);
	g_assert_cmphex(ecx & 1u << 31, !=, 0); /* a hypervisor is there */
	g_assert_cmphex(ecx & 1u << 21, !=, 0); /* x2APIC stays */
	g_assert_cmphex(find(out, n, 7, 0)->ebx & (1u << 5 | 1u << 16), ==, 0);
	g_assert_cmphex(find(out, n, 7, 1)->eax, ==, 0);
	g_assert_cmphex(find(out, n, 0x80000001, 0)->ecx & 1u << 2, ==, 0); /* SVM */
	g_assert_null(find(out, n, 0xd, 0));
	g_assert_null(find(out, n, 0x1f, 0));
	g_assert_null(find(out, n, 0x8000000a, 0));
}

static void test_topology(void)
{
	struct kvm_cpuid_entry2 out[CPUID_LEAVES_MAX];

	for (guint cpus = 1; cpus <= 4; cpus++) {
		for (guint vp = 0; vp < cpus; vp++) {
			gsize n = edit(VM_SYNIC_KVM, cpus, vp, out);
			const struct kvm_cpuid_entry2 *e = find(out, n, 1, 0);

			g_assert_cmphex(e->ebx, ==, vp << 24 | cpus << 16 | 0x5678);
			g_assert_cmpint(!!(e->edx & 1u << 28), ==, cpus > 1);
			g_assert_cmpuint(find(out, n, 4, 0)->eax >> 26, ==, cpus - 1);
			g_assert_cmpuint(find(out, n, 4, 4)->eax, ==, 0);
			g_assert_cmpuint(find(out, n, 0xb, 0)->edx, ==, vp);
			g_assert_cmpuint(find(out, n, 0xb, 1)->edx, ==, vp);
			g_assert_cmpuint(find(out, n, 0xb, 1)->ebx, ==, cpus);
			g_assert_cmpuint(1u << find(out, n, 0xb, 1)->eax, >=, cpus);
			g_assert_cmpuint(find(out, n, 0x8000001e, 0)->eax, ==, vp);
			g_assert_cmpuint(find(out, n, 0x80000008, 0)->ecx & 0xff, ==, cpus - 1);
		}
	}
}

/* No leaf twice, whatever came in. */
static void test_unique(void)
{
	struct kvm_cpuid_entry2 out[CPUID_LEAVES_MAX];
	gsize n = edit(VM_SYNIC_USER, 4, 3, out);

	for (gsize i = 0; i < n; i++)
		g_assert_true(find(out, n, out[i].function, out[i].index) == &out[i]);
}

static void test_full(void)
{
	struct kvm_cpuid_entry2 out[CPUID_LEAVES_MAX + 1];
	gsize need = edit(VM_SYNIC_KVM, 1, 0, out);
	CpuidOptions options = { VM_SYNIC_KVM, 1, 0 };

	for (gsize room = 0; room < need; room++) {
		g_autoptr(GError) error = NULL;

		out[room].function = 0xdead;
		g_assert_cmpuint(
			cpuid_edit(supported, G_N_ELEMENTS(supported), &options, out, room, &error),
			==, 0);
		g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
		g_assert_cmphex(out[room].function, ==, 0xdead);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vm/cpuid/hyperv", test_hyperv);
	g_test_add_func("/vm/cpuid/features", test_features);
	g_test_add_func("/vm/cpuid/topology", test_topology);
	g_test_add_func("/vm/cpuid/unique", test_unique);
	g_test_add_func("/vm/cpuid/full", test_full);
	return g_test_run();
}
