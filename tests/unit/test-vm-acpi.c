// SPDX-License-Identifier: GPL-2.0-only
/* The ACPI tables as a guest walks them, and as iasl reads them where it is installed. */
#include "config.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <hvis/types.h>
#include <string.h>
#include "host/vm/acpi.h"
#include "host/vm/pm.h"
#include "util/error.h"

#define GPA 0xe0000u

static guint64 get(const guint8 *at, guint bytes)
{
	guint64 value = 0;

	for (guint i = bytes; i-- > 0;)
		value = value << 8 | at[i];
	return value;
}

/* A table at @gpa: in the area whole, with the signature, its sum zero. */
static const guint8 *table(const guint8 *area, guint64 gpa, const char *signature, guint32 *len)
{
	const guint8 *t;

	g_assert_cmpuint(gpa, >=, GPA);
	g_assert_cmpuint(gpa + 36, <=, GPA + ACPI_AREA_SIZE);
	t = area + (gpa - GPA);
	*len = (guint32)get(t + 4, 4);
	g_assert_cmpuint(gpa + *len, <=, GPA + ACPI_AREA_SIZE);
	g_assert_cmpmem(t, 4, signature, 4);
	if (strcmp(signature, "FACS") != 0)
		g_assert_cmpuint(acpi_checksum(t, *len), ==, 0);
	return t;
}

static const guint8 *xsdt_entry(const guint8 *area, guint i, const char *signature, guint32 *len)
{
	guint32 xsdt_len;
	const guint8 *xsdt = table(area, get(area + 24, 8), "XSDT", &xsdt_len);

	g_assert_cmpuint(xsdt_len, ==, 36 + 2 * 8);
	return table(area, get(xsdt + 36 + 8 * i, 8), signature, len);
}

static guint8 *build(guint cpus)
{
	guint8 *area = g_malloc0(ACPI_AREA_SIZE);
	g_autoptr(GError) error = NULL;

	g_assert_true(acpi_build(area, ACPI_AREA_SIZE, GPA, cpus, &error));
	g_assert_no_error(error);
	return area;
}

static void test_checksum(void)
{
	g_assert_cmpuint(acpi_checksum("", 0), ==, 0);
	g_assert_cmpuint(acpi_checksum("\x01\x02", 2), ==, 0xfd);
	g_assert_cmpuint(acpi_checksum("\xff\x01", 2), ==, 0);
}

static void test_rsdp(void)
{
	g_autofree guint8 *area = build(1);

	g_assert_cmpmem(area, 8, "RSD PTR ", 8);
	g_assert_cmpuint(area[15], ==, 2);
	g_assert_cmpuint(get(area + 20, 4), ==, 36);
	g_assert_cmpuint(acpi_checksum(area, 20), ==, 0);
	g_assert_cmpuint(acpi_checksum(area, 36), ==, 0);
}

static void test_fadt(void)
{
	g_autofree guint8 *area = build(2);
	guint32 len;
	const guint8 *fadt = xsdt_entry(area, 0, "FACP", &len);
	guint64 facs = get(fadt + 36, 4), dsdt = get(fadt + 40, 4);

	g_assert_cmpuint(len, ==, 244);
	g_assert_cmpuint(fadt[8], ==, 3);
	g_assert_cmpuint(facs % 64, ==, 0);
	g_assert_cmphex(get(fadt + 140, 8), ==, dsdt); /* X_DSDT */
	g_assert_cmpuint(get(fadt + 46, 2), ==, ACPI_SCI);
	g_assert_cmpuint(get(fadt + 48, 4), ==, 0); /* SMI_CMD: ACPI mode from the start */
	g_assert_cmphex(get(fadt + 56, 4), ==, PM1_EVENT);
	g_assert_cmphex(get(fadt + 64, 4), ==, PM1_CONTROL);
	g_assert_cmphex(get(fadt + 76, 4), ==, PM_TIMER);
	g_assert_cmphex(get(fadt + 109, 2), ==, 1 << 2 | 1 << 5);
	g_assert_cmphex(get(fadt + 112, 4) & 1 << 20, ==, 0); /* not hardware-reduced */
	g_assert_cmphex(get(fadt + 112, 4) & 1 << 10, ==, 1 << 10);
	g_assert_cmphex(get(fadt + 120, 8), ==, PM_RESET_PORT);
	g_assert_cmphex(fadt[128], ==, PM_RESET_VALUE);
	table(area, facs, "FACS", &len);
	g_assert_cmpuint(len, ==, 64);
	table(area, dsdt, "DSDT", &len);
	g_assert_cmpuint(len, >, 36);
}

static void test_madt(void)
{
	for (guint cpus = 1; cpus <= 4; cpus++) {
		g_autofree guint8 *area = build(cpus);
		guint32 len;
		const guint8 *madt = xsdt_entry(area, 1, "APIC", &len);

		g_assert_cmpuint(len, ==, 44 + 8 * cpus + 12);
		g_assert_cmphex(get(madt + 36, 4), ==, ACPI_LAPIC_GPA);
		for (guint i = 0; i < cpus; i++) {
			const guint8 *e = madt + 44 + 8 * i;
			const guint8 want[] = { 0, 8, (guint8)i, (guint8)i, 1, 0, 0, 0 };

			g_assert_cmpmem(e, 8, want, 8);
		}
		g_assert_cmpuint(madt[44 + 8 * cpus], ==, 1); /* IOAPIC */
		g_assert_cmpuint(madt[44 + 8 * cpus + 2], ==, cpus);
		g_assert_cmphex(get(madt + 44 + 8 * cpus + 4, 4), ==, ACPI_IOAPIC_GPA);
	}
}

static void test_too_small(void)
{
	g_autofree guint8 *whole = build(4);
	gsize used = ACPI_AREA_SIZE;

	while (!whole[used - 1])
		used--;
	for (gsize size = 0; size < used; size++) {
		g_autofree guint8 *area = g_malloc0(size + 1);
		g_autoptr(GError) error = NULL;

		g_assert_false(acpi_build(area, size, GPA, 4, &error));
		g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
		g_assert_cmpuint(area[size], ==, 0);
	}
}

static void disassemble(const char *iasl, const char *dir, const guint8 *t, guint32 len)
{
	g_autofree char *name = g_strndup((const char *)t, 4);
	g_autofree char *file = g_strconcat(dir, "/", name, ".aml", NULL);
	g_autofree char *dsl = g_strconcat(dir, "/", name, ".dsl", NULL);
	const char *argv[] = { iasl, "-d", file, NULL };
	g_autofree char *out = NULL, *err = NULL, *text = NULL;
	g_autoptr(GError) error = NULL;
	int status;

	g_assert_true(g_file_set_contents(file, (const char *)t, len, NULL));
	g_spawn_sync(
		dir, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, &error);
	g_assert_no_error(error);
	g_assert_true(g_spawn_check_wait_status(status, NULL));
	g_assert_null(strstr(err, "Error"));
	g_assert_null(strstr(err, "ncorrect checksum"));
	g_assert_true(g_file_get_contents(dsl, &text, NULL, NULL));
	if (strcmp(name, "DSDT") == 0) {
		g_assert_nonnull(strstr(text, "\"VMBus\""));
		g_assert_nonnull(strstr(text, "_S4"));
		g_assert_nonnull(strstr(text, "_S5"));
	}
	g_unlink(file);
	g_unlink(dsl);
}

static void test_iasl(void)
{
	g_autofree char *iasl = g_find_program_in_path("iasl"), *dir = NULL;
	g_autofree guint8 *area = build(2);
	const guint8 *t;
	guint32 len;

	if (!iasl) {
		g_test_skip("iasl is not installed");
		return;
	}
	dir = g_dir_make_tmp("hvis-acpi-XXXXXX", NULL);
	g_assert_nonnull(dir);
	t = xsdt_entry(area, 0, "FACP", &len);
	disassemble(iasl, dir, t, len);
	t = table(area, get(t + 40, 4), "DSDT", &len);
	disassemble(iasl, dir, t, len);
	t = xsdt_entry(area, 1, "APIC", &len);
	disassemble(iasl, dir, t, len);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vm/acpi/checksum", test_checksum);
	g_test_add_func("/vm/acpi/rsdp", test_rsdp);
	g_test_add_func("/vm/acpi/fadt", test_fadt);
	g_test_add_func("/vm/acpi/madt", test_madt);
	g_test_add_func("/vm/acpi/too-small", test_too_small);
	g_test_add_func("/vm/acpi/iasl", test_iasl);
	return g_test_run();
}
