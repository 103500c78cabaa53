/* SPDX-License-Identifier: GPL-2.0-only */
/* Which guests count as confidential, by the registers that they would see. */
#include <string.h>

#include <util/confidential.h>

/* A guest's CPUID: the leaves that are asked for, any other is an error of the caller. */
typedef struct {
	gboolean hypervisor, trust_domain;
	const char *vendor; /* of the hypervisor, 12 bytes */
	guint32 last; /* basic leaf */
	guint32 hv_last; /* of the hypervisor's */
	guint32 privileges_b, isolation_b;
	guint asked; /* leaves past the last one */
} Guest;

static HvisCpuid put_vendor(guint32 a, const char *vendor)
{
	HvisCpuid r = { .a = a };

	memcpy(&r.b, vendor, 4);
	memcpy(&r.c, vendor + 4, 4);
	memcpy(&r.d, vendor + 8, 4);
	return r;
}

static HvisCpuid ask(guint32 leaf, guint32 sub, gpointer data)
{
	Guest *guest = data;
	HvisCpuid tdx;

	g_assert_cmpuint(sub, ==, 0);
	if ((leaf < 0x40000000 && leaf > guest->last) ||
		(leaf >= 0x40000000 && leaf > guest->hv_last))
		guest->asked++;
	switch (leaf) {
	case 0x0:
		return put_vendor(guest->last, "GenuineIntel");
	case 0x1:
		return (HvisCpuid){ .c = guest->hypervisor ? 1u << 31 : 0 };
	case 0x21:
		tdx = put_vendor(0, "IntelTDX    ");
		return guest->trust_domain ? (HvisCpuid){ 0, tdx.b, tdx.d, tdx.c }
					   : (HvisCpuid){ 0 };
	case 0x40000000:
		return put_vendor(guest->hv_last, guest->vendor);
	case 0x40000003:
		return (HvisCpuid){ .b = guest->privileges_b };
	case 0x4000000c:
		return (HvisCpuid){ .a = 1, .b = guest->isolation_b };
	}
	g_assert_not_reached();
}

#define HYPERV                                                                                     \
	.hypervisor = TRUE, .vendor = "Microsoft Hv", .last = 0x1f, .hv_last = 0x4000000c,         \
	.privileges_b = 0xffffffff

static HvisIsolation detect(Guest guest)
{
	HvisIsolation isolation = hvis_isolation_detect(ask, &guest);

	g_assert_cmpuint(guest.asked, ==, 0);
	return isolation;
}

static void test_types(void)
{
	const HvisIsolation expected[16] = { HVIS_ISOLATION_NONE, HVIS_ISOLATION_VBS,
		HVIS_ISOLATION_SNP, HVIS_ISOLATION_TDX };

	for (guint32 type = 0; type < 16; type++) {
		HvisIsolation want = type < 4 ? expected[type] : HVIS_ISOLATION_OTHER;

		g_assert_cmpint(detect((Guest){ HYPERV, .isolation_b = type }), ==, want);
		/* the bits above it say where the shared memory begins */
		g_assert_cmpint(
			detect((Guest){ HYPERV, .isolation_b = 0xfffffff0 | type }), ==, want);
	}
}

static void test_ordinary(void)
{
	Guest guest = { HYPERV, .isolation_b = 2 };

	guest.privileges_b = ~(1u << 22);
	g_assert_cmpint(detect(guest), ==, HVIS_ISOLATION_NONE);
	guest = (Guest){ HYPERV, .isolation_b = 2 };
	guest.hv_last = 0x4000000b; /* hosts that do not know of it */
	g_assert_cmpint(detect(guest), ==, HVIS_ISOLATION_NONE);
	guest = (Guest){ HYPERV, .isolation_b = 2 };
	guest.vendor = "KVMKVMKVM\0\0";
	g_assert_cmpint(detect(guest), ==, HVIS_ISOLATION_NONE);
}

static void test_no_hypervisor(void)
{
	Guest guest = { HYPERV, .isolation_b = 2, .trust_domain = TRUE };

	guest.hypervisor = FALSE;
	g_assert_cmpint(detect(guest), ==, HVIS_ISOLATION_NONE);
}

/* A trust domain whose hypervisor says nothing, or is not Hyper-V. */
static void test_trust_domain(void)
{
	Guest guest = { HYPERV, .trust_domain = TRUE };

	guest.last = 0x21;
	g_assert_cmpint(detect(guest), ==, HVIS_ISOLATION_TDX);
	guest.vendor = "KVMKVMKVM\0\0";
	g_assert_cmpint(detect(guest), ==, HVIS_ISOLATION_TDX);
	guest.trust_domain = FALSE; /* a processor that has leaf 0x21 for something else */
	g_assert_cmpint(detect(guest), ==, HVIS_ISOLATION_NONE);
	guest = (Guest){ HYPERV, .trust_domain = TRUE };
	guest.last = 0x20;
	g_assert_cmpint(detect(guest), ==, HVIS_ISOLATION_NONE);
}

/* Whatever runs the tests: the answer is one of ours and stays the same. */
static void test_processor(void)
{
	HvisIsolation isolation = hvis_isolation_detect(NULL, NULL);

	g_assert_cmpint(isolation, >=, HVIS_ISOLATION_NONE);
	g_assert_cmpint(isolation, <, HVIS_ISOLATION_N);
	g_assert_cmpint(hvis_isolation_detect(NULL, NULL), ==, isolation);
}

static void test_names(void)
{
	g_assert_cmpstr(hvis_isolation_name(HVIS_ISOLATION_NONE), ==, "none");
	g_assert_cmpstr(hvis_isolation_name(HVIS_ISOLATION_VBS), ==, "VBS");
	g_assert_cmpstr(hvis_isolation_name(HVIS_ISOLATION_SNP), ==, "SEV-SNP");
	g_assert_cmpstr(hvis_isolation_name(HVIS_ISOLATION_TDX), ==, "TDX");
	g_assert_cmpstr(hvis_isolation_name(HVIS_ISOLATION_OTHER), ==, "unknown kind");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/confidential/types", test_types);
	g_test_add_func("/confidential/ordinary", test_ordinary);
	g_test_add_func("/confidential/no-hypervisor", test_no_hypervisor);
	g_test_add_func("/confidential/trust-domain", test_trust_domain);
	g_test_add_func("/confidential/processor", test_processor);
	g_test_add_func("/confidential/names", test_names);
	return g_test_run();
}
