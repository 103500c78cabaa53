// SPDX-License-Identifier: GPL-2.0-only
/* What a guest finds in memory at its first instruction, and what is refused before. */
#include "config.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <hvis/types.h>
#include <string.h>
#include <unistd.h>
#include "host/vm/acpi.h"
#include "host/vm/boot.h"
#include "util/error.h"

#define MIB (1024 * 1024ull)
#define MEMORY (64 * MIB)
#define KERNEL_AT 0x1000000ull
#define KERNEL_LEN 0x2000u
#define INIT_SIZE (8 * MIB)
#define COMMAND_LINE_MAX 100u

typedef struct {
	char *dir, *kernel, *first, *second;
} Files;

static void put(guint8 *at, guint64 value, guint bytes)
{
	for (guint i = 0; i < bytes; i++)
		at[i] = (guint8)(value >> 8 * i);
}

static guint64 get(const guint8 *at, guint bytes)
{
	guint64 value = 0;

	for (guint i = bytes; i-- > 0;)
		value = value << 8 | at[i];
	return value;
}

/* A bzImage of one sector of setup and @KERNEL_LEN bytes 'K'. */
static void make_kernel(const char *path)
{
	gsize len = 1024 + KERNEL_LEN;
	g_autofree guint8 *file = g_malloc0(len);
	g_autoptr(GError) error = NULL;

	memset(file + 1024, 'K', KERNEL_LEN);
	file[0x1f1] = 1;
	put(file + 0x1f4, KERNEL_LEN / 16, 4);
	put(file + 0x1fe, 0xaa55, 2);
	file[0x201] = 0x6a;
	memcpy(file + 0x202, "HdrS", 4);
	put(file + 0x206, 0x020f, 2);
	file[0x211] = 1;
	put(file + 0x22c, 0x7fffffff, 4);
	put(file + 0x236, 0x7f, 2);
	put(file + 0x238, COMMAND_LINE_MAX, 4);
	put(file + 0x258, KERNEL_AT, 8);
	put(file + 0x260, INIT_SIZE, 4);
	g_file_set_contents(path, (const char *)file, (gssize)len, &error);
	g_assert_no_error(error);
}

static void set_up(Files *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	f->dir = g_dir_make_tmp("hvis-boot-XXXXXX", &error);
	g_assert_no_error(error);
	f->kernel = g_build_filename(f->dir, "kernel", NULL);
	f->first = g_build_filename(f->dir, "first", NULL);
	f->second = g_build_filename(f->dir, "second", NULL);
	make_kernel(f->kernel);
	g_assert_true(g_file_set_contents(f->first, "12345", 5, NULL));
	g_assert_true(g_file_set_contents(f->second, "abc", 3, NULL));
}

static void tear_down(Files *f, gconstpointer data G_GNUC_UNUSED)
{
	g_unlink(f->kernel);
	g_unlink(f->first);
	g_unlink(f->second);
	g_rmdir(f->dir);
	g_free(f->kernel);
	g_free(f->first);
	g_free(f->second);
	g_free(f->dir);
}

static Ram *load(Files *f, guint64 memory, const char *append)
{
	const char *const initrds[] = { f->first, f->second, NULL };
	g_autoptr(GError) error = NULL;
	g_autoptr(Boot) boot = boot_new(f->kernel, initrds, append, memory, &error);
	Ram *ram = ram_new(memory, NULL);
	guint64 entry = 0;

	g_assert_no_error(error);
	g_assert_true(boot_load(boot, ram, 2, &entry, &error));
	g_assert_no_error(error);
	g_assert_cmphex(entry, ==, KERNEL_AT + 0x200);
	return ram;
}

static void test_memory(Files *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Ram) ram = load(f, MEMORY, "console=ttyS0");
	const guint8 *params = ram_at(ram, BOOT_PARAMS_GPA, 4096);
	const guint8 *kernel = ram_at(ram, KERNEL_AT, KERNEL_LEN);
	guint64 initrd = get(params + 0x218, 4);

	g_assert_cmpint(kernel[0], ==, 'K');
	g_assert_cmpint(kernel[KERNEL_LEN - 1], ==, 'K');
	g_assert_cmpmem(params + 0x202, 4, "HdrS", 4);
	g_assert_cmphex(params[0x210], ==, 0xff);
	g_assert_cmphex(get(params + 0x70, 8), ==, ACPI_AREA_GPA);
	g_assert_cmpmem(ram_at(ram, ACPI_AREA_GPA, 8), 8, "RSD PTR ", 8);
	g_assert_cmpstr(ram_at(ram, get(params + 0x228, 4), 14), ==, "console=ttyS0");
	/* Two archives: the second one begins at a multiple of four, after zeros. */
	g_assert_cmpuint(get(params + 0x21c, 4), ==, 8 + 3);
	g_assert_cmpuint(initrd % 4096, ==, 0);
	g_assert_cmpuint(initrd, ==, MEMORY - 4096);
	g_assert_cmpmem(ram_at(ram, initrd, 11), 11, "12345\0\0\0abc", 11);
}

static void test_params_map(Files *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Ram) ram = load(f, MEMORY, "");
	const guint8 *params = ram_at(ram, BOOT_PARAMS_GPA, 4096);
	guint64 end = 0;

	g_assert_cmpuint(params[0x1e8], ==, 3);
	for (guint i = 0; i < 3; i++) {
		const guint8 *e = params + 0x2d0 + 20 * i;

		g_assert_cmphex(get(e, 8), ==, end);
		end += get(e + 8, 8);
		g_assert_cmpuint(get(e + 16, 4), ==, i == 1 ? BOOT_E820_RESERVED : BOOT_E820_RAM);
	}
	g_assert_cmphex(end, ==, MEMORY);
}

/* Walk the page tables for @address as the processor does. */
static guint64 walk(Ram *ram, guint64 address)
{
	guint64 entry = BOOT_PAGE_TABLES_GPA;

	for (int shift = 39; shift >= 21; shift -= 9) {
		const guint8 *table = ram_at(ram, entry & ~0xfffull, 4096);

		entry = get(table + 8 * (address >> shift & 511), 8);
		g_assert_cmphex(entry & 3, ==, 3);
		g_assert_cmpint(!!(entry & 0x80), ==, shift == 21);
	}
	return (entry & ~0x1fffffull) | (address & 0x1fffff);
}

static void test_tables(Files *f G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Ram) ram = ram_new(MEMORY, NULL);
	const guint8 *gdt;

	g_assert_true(boot_load_tables(ram, NULL));
	for (guint64 address = 0x1234; address < 4096 * MIB; address += 2 * MIB)
		g_assert_cmphex(walk(ram, address), ==, address);
	gdt = ram_at(ram, BOOT_GDT_GPA, 32);
	g_assert_cmphex(get(gdt + BOOT_CODE_SELECTOR, 8) >> 53 & 1, ==, 1); /* L: 64-bit code */
	g_assert_cmphex(get(gdt + BOOT_DATA_SELECTOR, 8) >> 40 & 0xff, ==, 0x93);
}

static void test_map_ranges(Files *f G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
	BootRange map[BOOT_E820_MAX];

	g_assert_cmpuint(boot_memory_map(3072 * MIB, map), ==, 3);
	g_assert_cmphex(map[2].start + map[2].size, ==, 3072 * MIB);
	g_assert_cmpuint(boot_memory_map(5000 * MIB, map), ==, 4);
	g_assert_cmphex(map[2].start + map[2].size, ==, 3072 * MIB);
	g_assert_cmphex(map[3].start, ==, 4096 * MIB);
	g_assert_cmphex(map[3].size, ==, (5000 - 3072) * MIB);
	for (guint i = 1; i < 4; i++)
		g_assert_cmpuint(map[i].start, >=, map[i - 1].start + map[i - 1].size);
}

static void test_place(Files *f G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
	g_assert_cmphex(boot_place_initrd(1, 0x1000, 0x10000), ==, 0xf000);
	g_assert_cmphex(boot_place_initrd(4096, 0x1000, 0x10000), ==, 0xf000);
	g_assert_cmphex(boot_place_initrd(4097, 0x1000, 0x10000), ==, 0xe000);
	g_assert_cmphex(boot_place_initrd(4096, 0x1000, 0x10fff), ==, 0xf000);
	g_assert_cmphex(boot_place_initrd(0xf000, 0x1000, 0x10000), ==, 0x1000);
	g_assert_cmphex(boot_place_initrd(0xf000, 0x1001, 0x10000), ==, 0);
	g_assert_cmphex(boot_place_initrd(0xf001, 0x1000, 0x10000), ==, 0);
	g_assert_cmphex(boot_place_initrd(G_MAXUINT64, 0x1000, 0x10000), ==, 0);
	g_assert_cmphex(boot_place_initrd(1, G_MAXUINT32, 0x10000), ==, 0);
}

static void fails(const char *kernel, const char *initrd, const char *append, guint64 memory,
	HvisErrorCode code, const char *says)
{
	const char *const initrds[] = { initrd, NULL };
	g_autoptr(GError) error = NULL;
	g_autoptr(Boot) boot = boot_new(kernel, initrds, append, memory, &error);

	g_assert_null(boot);
	g_assert_error(error, HVIS_ERROR, (gint)code);
	if (!strstr(error->message, says))
		g_error("\"%s\" does not say \"%s\"", error->message, says);
}

static void test_errors(Files *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *none = g_build_filename(f->dir, "none", NULL);
	g_autofree char *large = g_build_filename(f->dir, "large", NULL);
	g_autofree char *bytes = g_malloc0(1024 * 1024);
	char line[COMMAND_LINE_MAX + 2];

	memset(line, 'x', sizeof(line));
	line[COMMAND_LINE_MAX + 1] = '\0';
	fails(none, NULL, "", MEMORY, HVIS_ERROR_NOT_FOUND, none);
	fails(f->dir, NULL, "", MEMORY, HVIS_ERROR_INVALID, "is not a file");
	fails(f->first, NULL, "", MEMORY, HVIS_ERROR_INVALID, "too short");
	fails(f->kernel, none, "", MEMORY, HVIS_ERROR_NOT_FOUND, "initramfs");
	fails(f->kernel, f->first, line, MEMORY, HVIS_ERROR_INVALID, "101 bytes, 100 fit");
	fails(f->kernel, NULL, "", 16 * MIB, HVIS_ERROR_NO_SPACE, "is too small");
	/* Kernel and its room end at 24 MiB; one more is not enough for more than one. */
	g_assert_true(g_file_set_contents(large, bytes, 1024 * 1024, NULL));
	{
		const char *const two[] = { large, f->first, NULL };
		g_autoptr(GError) error = NULL;

		g_assert_null(boot_new(f->kernel, two, "", 25 * MIB, &error));
		g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
		g_assert_nonnull(strstr(error->message, "too large"));
	}
	g_unlink(large);
}

static void test_shrunk_between(Files *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Boot) boot = boot_new(f->kernel, NULL, "", MEMORY, &error);
	g_autoptr(Ram) ram = ram_new(MEMORY, NULL);
	guint64 entry = 77;

	g_assert_no_error(error);
	g_assert_cmpint(truncate(f->kernel, 2000), ==, 0);
	g_assert_false(boot_load(boot, ram, 1, &entry, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_IO);
	g_assert_cmpuint(entry, ==, 77);
}

#define ADD(path, func) g_test_add(path, Files, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/vm/boot/memory", test_memory);
	ADD("/vm/boot/params-map", test_params_map);
	ADD("/vm/boot/tables", test_tables);
	ADD("/vm/boot/map-ranges", test_map_ranges);
	ADD("/vm/boot/place-initrd", test_place);
	ADD("/vm/boot/errors", test_errors);
	ADD("/vm/boot/shrunk-between", test_shrunk_between);
	return g_test_run();
}
