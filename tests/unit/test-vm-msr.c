// SPDX-License-Identifier: GPL-2.0-only
/* The Hyper-V registers of the user-space SynIC: what is there, what faults, what happens. */
#include "config.h"

#include <glib.h>
#include <string.h>
#include "host/vm/msr.h"

#define TSC_HZ 2400000000u
#define NOW 123456789u

typedef struct {
	MsrFile file;
} File;

static guint64 reference_time(gpointer data)
{
	File *f = data;

	g_assert_nonnull(f);
	return NOW;
}

static void set_up(File *f, gconstpointer data G_GNUC_UNUSED)
{
	msr_init(&f->file, TSC_HZ, reference_time, f);
}

static void tear_down(File *f G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
}

static guint64 read_msr(File *f, guint vp, guint32 index)
{
	guint64 value = 0xbad;

	g_assert_true(msr_read(&f->file, vp, index, &value));
	return value;
}

static void test_read_only(File *f, gconstpointer data G_GNUC_UNUSED)
{
	static const guint32 indexes[] = { MSR_VP_INDEX, MSR_TIME_REF_COUNT, MSR_TSC_FREQUENCY,
		MSR_APIC_FREQUENCY, MSR_SVERSION };

	g_assert_cmpuint(read_msr(f, 3, MSR_VP_INDEX), ==, 3);
	g_assert_cmpuint(read_msr(f, 0, MSR_TIME_REF_COUNT), ==, NOW);
	g_assert_cmpuint(read_msr(f, 0, MSR_TSC_FREQUENCY), ==, TSC_HZ);
	g_assert_cmpuint(read_msr(f, 0, MSR_APIC_FREQUENCY), ==, 1000000000);
	g_assert_cmpuint(read_msr(f, 0, MSR_SVERSION), ==, 1);
	for (guint i = 0; i < G_N_ELEMENTS(indexes); i++)
		g_assert_cmpint(msr_write(&f->file, 0, indexes[i], 0), ==, MSR_DID_FAULT);
}

static void test_hypercall(File *f, gconstpointer data G_GNUC_UNUSED)
{
	/* Nobody who has not said who it is gets a page. */
	g_assert_cmpint(msr_write(&f->file, 0, MSR_HYPERCALL, 0x5001), ==, MSR_DID_HYPERCALL);
	g_assert_cmphex(read_msr(f, 0, MSR_HYPERCALL), ==, 0x5000);
	g_assert_cmpint(msr_write(&f->file, 0, MSR_GUEST_OS_ID, 0x8100), ==, MSR_DID_NOTHING);
	g_assert_cmpint(msr_write(&f->file, 1, MSR_HYPERCALL, 0x5001), ==, MSR_DID_HYPERCALL);
	g_assert_cmphex(read_msr(f, 2, MSR_HYPERCALL), ==, 0x5001); /* one for all processors */
	msr_write(&f->file, 0, MSR_GUEST_OS_ID, 0);
	g_assert_cmphex(read_msr(f, 0, MSR_HYPERCALL), ==, 0x5000);
}

static void test_synic(File *f, gconstpointer data G_GNUC_UNUSED)
{
	static const guint32 indexes[] = { MSR_SCONTROL, MSR_SIEFP, MSR_SIMP };

	for (guint i = 0; i < G_N_ELEMENTS(indexes); i++) {
		g_assert_cmphex(read_msr(f, 1, indexes[i]), ==, 0);
		g_assert_cmpint(msr_write(&f->file, 1, indexes[i], 0x7001 + i), ==, MSR_DID_SYNIC);
		g_assert_cmphex(read_msr(f, 1, indexes[i]), ==, 0x7001 + i);
		g_assert_cmphex(read_msr(f, 0, indexes[i]), ==, 0); /* each processor has its own */
	}
	g_assert_cmphex(f->file.vp[1].scontrol, ==, 0x7001);
	g_assert_cmphex(f->file.vp[1].siefp, ==, 0x7002);
	g_assert_cmphex(f->file.vp[1].simp, ==, 0x7003);
	g_assert_cmpint(msr_write(&f->file, 0, MSR_EOM, 0), ==, MSR_DID_EOM);
	g_assert_cmphex(read_msr(f, 0, MSR_EOM), ==, 0);
}

static void test_sints(File *f, gconstpointer data G_GNUC_UNUSED)
{
	for (guint sint = 0; sint < 16; sint++) {
		g_assert_cmphex(read_msr(f, 0, MSR_SINT0 + sint), ==, MSR_SINT_MASKED);
		g_assert_cmpint(msr_write(&f->file, 0, MSR_SINT0 + sint, 0xf3), ==, MSR_DID_SYNIC);
		g_assert_cmphex(f->file.vp[0].sint[sint], ==, 0xf3);
	}
	for (guint vector = 0; vector < 256; vector++) {
		MsrEffect want = vector < 16 ? MSR_DID_FAULT : MSR_DID_SYNIC;

		g_assert_cmpint(msr_write(&f->file, 0, MSR_SINT0 + 2, vector), ==, want);
		g_assert_cmpint(msr_write(&f->file, 0, MSR_SINT0 + 2, MSR_SINT_MASKED | vector), ==,
			MSR_DID_SYNIC);
	}
	g_assert_cmpint(msr_write(&f->file, 0, MSR_SINT0 + 16, 0xf3), ==, MSR_DID_FAULT);
}

static void test_crash(File *f, gconstpointer data G_GNUC_UNUSED)
{
	for (guint i = 0; i < 5; i++) {
		g_assert_cmpint(msr_write(&f->file, i % 4, MSR_CRASH_P0 + i, ~0ull - i), ==,
			MSR_DID_NOTHING);
		g_assert_cmphex(f->file.crash[i], ==, ~0ull - i);
		g_assert_cmphex(read_msr(f, 0, MSR_CRASH_P0 + i), ==, ~0ull - i);
	}
	/* Reading tells what the guest may do: notify, with a text. */
	g_assert_cmphex(read_msr(f, 0, MSR_CRASH_CTL), ==, 3ull << 62);
	g_assert_cmpint(msr_write(&f->file, 0, MSR_CRASH_CTL, MSR_CRASH_NOTIFY), ==, MSR_DID_CRASH);
	g_assert_cmpint(msr_write(&f->file, 0, MSR_CRASH_CTL, 3ull << 62), ==, MSR_DID_CRASH);
	g_assert_cmpint(msr_write(&f->file, 0, MSR_CRASH_CTL, 0), ==, MSR_DID_NOTHING);
	g_assert_cmpint(msr_write(&f->file, 0, MSR_CRASH_CTL, 1), ==, MSR_DID_FAULT);
}

static void test_reset(File *f, gconstpointer data G_GNUC_UNUSED)
{
	g_assert_cmpint(msr_write(&f->file, 0, MSR_RESET, 0), ==, MSR_DID_NOTHING);
	g_assert_cmpint(msr_write(&f->file, 0, MSR_RESET, 1), ==, MSR_DID_RESET);
	g_assert_cmpint(msr_write(&f->file, 0, MSR_RESET, 2), ==, MSR_DID_FAULT);
	g_assert_cmphex(read_msr(f, 0, MSR_RESET), ==, 0);
}

static void test_assist(File *f, gconstpointer data G_GNUC_UNUSED)
{
	g_assert_cmpint(msr_write(&f->file, 2, MSR_VP_ASSIST_PAGE, 0x9001), ==, MSR_DID_ASSIST);
	g_assert_cmphex(read_msr(f, 2, MSR_VP_ASSIST_PAGE), ==, 0x9001);
	g_assert_cmpint(msr_write(&f->file, 2, MSR_VP_ASSIST_PAGE, 0x9002), ==, MSR_DID_FAULT);
	g_assert_cmphex(read_msr(f, 2, MSR_VP_ASSIST_PAGE), ==, 0x9001);
}

/* The whole range that the filter catches: what has no name faults both ways, and changes nothing. */
static void test_every_register(File *f, gconstpointer data G_GNUC_UNUSED)
{
	guint there = 0;

	for (guint32 index = MSR_BASE; index < MSR_BASE + MSR_COUNT; index++) {
		g_autofree char *name = msr_name(index);
		MsrFile before = f->file;
		guint64 value = 0xbad;

		if (!g_str_has_prefix(name, "0x")) {
			there++;
			continue;
		}
		g_assert_false(msr_read(&f->file, 0, index, &value));
		g_assert_cmphex(value, ==, 0xbad);
		g_assert_cmpint(msr_write(&f->file, 0, index, 0), ==, MSR_DID_FAULT);
		g_assert_cmpmem(&before, sizeof(before), &f->file, sizeof(before));
	}
	g_assert_cmpuint(there, ==, 13 + 16 + 5 + 1);
}

static void test_names(void)
{
	static const struct {
		guint32 index;
		const char *name;
	} want[] = { { MSR_SIMP, "SIMP" }, { MSR_SINT0 + 2, "SINT2" }, { MSR_SINT0 + 15, "SINT15" },
		{ MSR_CRASH_P0 + 4, "CRASH_P4" }, { 0x40000118, "0x40000118" } };

	for (guint i = 0; i < G_N_ELEMENTS(want); i++) {
		g_autofree char *name = msr_name(want[i].index);

		g_assert_cmpstr(name, ==, want[i].name);
	}
}

#define ADD(path, func) g_test_add(path, File, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/vm/msr/read-only", test_read_only);
	ADD("/vm/msr/hypercall", test_hypercall);
	ADD("/vm/msr/synic", test_synic);
	ADD("/vm/msr/sints", test_sints);
	ADD("/vm/msr/crash", test_crash);
	ADD("/vm/msr/reset", test_reset);
	ADD("/vm/msr/assist", test_assist);
	ADD("/vm/msr/every-register", test_every_register);
	g_test_add_func("/vm/msr/names", test_names);
	return g_test_run();
}
