// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads a Linux kernel by the 64-bit boot protocol (Documentation/x86/boot.rst of the kernel).
 */
#include "config.h"

#include "host/vm/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <hvis/types.h>
#include "host/vm/acpi.h"
#include "host/vm/bzimage.h"
#include "util/error.h"
#include "util/fd.h"

#define INITRD_ALIGN 4u /* an archive may begin there, after zeros */
#define PAGE_PRESENT_RW 0x3u
#define PAGE_LARGE_RW 0x83u
#define PAGE_ENTRIES 512u
#define LARGE_PAGE_SHIFT 21
#define GDT_CODE64 G_GUINT64_CONSTANT(0x00af9b000000ffff)
#define GDT_DATA G_GUINT64_CONSTANT(0x00cf93000000ffff)

/* Fields of boot_params outside the setup header, and those within it that a loader fills. */
enum {
	PARAMS_ACPI_RSDP = 0x070,
	PARAMS_E820_COUNT = 0x1e8,
	PARAMS_LOADER = 0x210,
	PARAMS_LOADFLAGS = 0x211,
	PARAMS_CODE32_START = 0x214,
	PARAMS_INITRD = 0x218,
	PARAMS_INITRD_SIZE = 0x21c,
	PARAMS_COMMAND_LINE = 0x228,
	PARAMS_E820 = 0x2d0,
	PARAMS_SIZE = 4096,
};
#define LOADER_UNDEFINED 0xffu
#define LOADED_HIGH 0x01u

struct boot_e820 {
	hvis_le64 start, size;
	hvis_le32 type;
};
static_assert(sizeof(struct boot_e820) == 20, "boot_params");

typedef struct {
	char *path;
	int fd;
	guint64 size;
} BootFile;

struct Boot {
	BootFile kernel;
	BzImage image;
	GArray *initrds; /* of BootFile */
	guint64 initrd_gpa, initrd_size;
	char *append;
};

static void boot_file_clear(gpointer data)
{
	BootFile *file = data;

	hvis_fd_clear(&file->fd);
	g_clear_pointer(&file->path, g_free);
}

static gboolean boot_file_open(BootFile *file, const char *what, const char *path, GError **error)
{
	struct stat st;

	file->path = g_strdup(path);
	file->fd = hvis_open(path, O_RDONLY, error);
	if (file->fd < 0) {
		g_prefix_error(error, "%s: ", what);
		return FALSE;
	}
	if (fstat(file->fd, &st) < 0)
		return hvis_fail_errno(error, errno, "%s %s", what, path);
	if (!S_ISREG(st.st_mode))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s %s is not a file", what, path);
	file->size = (guint64)st.st_size;
	return TRUE;
}

static gboolean boot_open_kernel(Boot *boot, const char *path, GError **error)
{
	guint8 head[BZIMAGE_PARSE_SIZE];
	gsize len;

	if (!boot_file_open(&boot->kernel, "kernel", path, error))
		return FALSE;
	len = MIN(boot->kernel.size, sizeof(head));
	if (!hvis_pread_all(boot->kernel.fd, head, len, 0, error) ||
		!bzimage_parse(head, len, boot->kernel.size, &boot->image, error)) {
		g_prefix_error(error, "kernel %s ", path);
		return FALSE;
	}
	return TRUE;
}

static guint64 boot_align(guint64 n, guint64 to)
{
	return (n + to - 1) / to * to;
}

static gboolean boot_open_initrds(Boot *boot, const char *const *paths, GError **error)
{
	for (; paths && *paths; paths++) {
		BootFile file = { .fd = -1 };

		if (!boot_file_open(&file, "initramfs", *paths, error)) {
			boot_file_clear(&file);
			return FALSE;
		}
		boot->initrd_size = boot_align(boot->initrd_size, INITRD_ALIGN) + file.size;
		g_array_append_val(boot->initrds, file);
	}
	return TRUE;
}

guint64 boot_place_initrd(guint64 size, guint64 above, guint64 limit)
{
	guint64 pages = boot_align(size, RAM_PAGE_SIZE), gpa;

	above = boot_align(above, RAM_PAGE_SIZE);
	limit -= limit % RAM_PAGE_SIZE;
	if (size > limit || pages > limit)
		return 0;
	gpa = limit - pages;
	return gpa < above ? 0 : gpa;
}

static gboolean boot_check_memory(Boot *boot, guint64 memory, GError **error)
{
	guint64 low = MIN(memory, RAM_LOW_MAX);
	guint64 kernel_end = boot->image.load_address + boot->image.init_size;

	if (kernel_end > low)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE,
			"memory of %" G_GUINT64_FORMAT
			" MiB is too small: kernel %s needs %" G_GUINT64_FORMAT,
			memory >> 20, boot->kernel.path, (kernel_end >> 20) + 1);
	if (!boot->initrd_size)
		return TRUE;
	boot->initrd_gpa =
		boot_place_initrd(boot->initrd_size, kernel_end, MIN(low, boot->image.initrd_max));
	if (!boot->initrd_gpa)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE,
			"initramfs of %" G_GUINT64_FORMAT " MiB is too large for %" G_GUINT64_FORMAT
			" MiB of memory (the kernel takes the first %" G_GUINT64_FORMAT ")",
			(boot->initrd_size >> 20) + 1, memory >> 20, (kernel_end >> 20) + 1);
	return TRUE;
}

Boot *boot_new(const char *kernel, const char *const *initrds, const char *append, guint64 memory,
	GError **error)
{
	g_autoptr(Boot) boot = g_new0(Boot, 1);
	gsize room;

	boot->kernel.fd = -1;
	boot->initrds = g_array_new(FALSE, TRUE, sizeof(BootFile));
	g_array_set_clear_func(boot->initrds, boot_file_clear);
	boot->append = g_strdup(append);
	if (!boot_open_kernel(boot, kernel, error) || !boot_open_initrds(boot, initrds, error) ||
		!boot_check_memory(boot, memory, error))
		return NULL;
	room = MIN(boot->image.command_line_max, BOOT_COMMAND_LINE_MAX - 1);
	if (strlen(append) > room) {
		hvis_fail(error, HVIS_ERROR_INVALID, "kernel command line of %zu bytes, %zu fit",
			strlen(append), room);
		return NULL;
	}
	return g_steal_pointer(&boot);
}

void boot_free(Boot *boot)
{
	if (!boot)
		return;
	boot_file_clear(&boot->kernel);
	g_array_unref(boot->initrds);
	g_free(boot->append);
	g_free(boot);
}

/* Read @len bytes at @offset of the file to @gpa. */
static gboolean boot_read(
	const BootFile *file, guint64 offset, guint64 len, Ram *ram, guint64 gpa, GError **error)
{
	gpointer to = ram_at(ram, gpa, len);

	if (!to)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "no guest memory for %s", file->path);
	if (!hvis_pread_all(file->fd, to, len, (off_t)offset, error)) {
		g_prefix_error(error, "%s: ", file->path);
		return FALSE;
	}
	return TRUE;
}

static gboolean boot_load_initrds(const Boot *boot, Ram *ram, GError **error)
{
	guint64 at = 0;

	for (guint i = 0; i < boot->initrds->len; i++) {
		const BootFile *file = &g_array_index(boot->initrds, BootFile, i);

		at = boot_align(at, INITRD_ALIGN);
		if (!boot_read(file, 0, file->size, ram, boot->initrd_gpa + at, error))
			return FALSE;
		at += file->size;
	}
	return TRUE;
}

guint boot_memory_map(guint64 memory, BootRange ret[BOOT_E820_MAX])
{
	guint64 low = MIN(memory, RAM_LOW_MAX);

	ret[0] = (BootRange){ 0, BOOT_LOW_END, BOOT_E820_RAM };
	ret[1] = (BootRange){ BOOT_LOW_END, BOOT_HIGH_START - BOOT_LOW_END, BOOT_E820_RESERVED };
	ret[2] = (BootRange){ BOOT_HIGH_START, low - BOOT_HIGH_START, BOOT_E820_RAM };
	if (memory == low)
		return 3;
	ret[3] = (BootRange){ RAM_HIGH_BASE, memory - low, BOOT_E820_RAM };
	return 4;
}

static void boot_put32(guint8 *params, guint at, guint64 value)
{
	hvis_le32 le = hvis_le32_make((guint32)value);

	memcpy(params + at, &le, sizeof(le));
}

static void boot_put64(guint8 *params, guint at, guint64 value)
{
	hvis_le64 le = hvis_le64_make(value);

	memcpy(params + at, &le, sizeof(le));
}

static gboolean boot_load_params(const Boot *boot, Ram *ram, GError **error)
{
	guint8 params[PARAMS_SIZE] = { 0 };
	BootRange map[BOOT_E820_MAX];
	guint ranges = boot_memory_map(ram_size(ram), map);

	memcpy(params + BZIMAGE_HEADER, boot->image.header, boot->image.header_len);
	params[PARAMS_LOADER] = LOADER_UNDEFINED;
	params[PARAMS_LOADFLAGS] |= LOADED_HIGH;
	boot_put32(params, PARAMS_CODE32_START, boot->image.load_address);
	boot_put32(params, PARAMS_INITRD, boot->initrd_gpa);
	boot_put32(params, PARAMS_INITRD_SIZE, boot->initrd_size);
	boot_put32(params, PARAMS_COMMAND_LINE, BOOT_COMMAND_LINE_GPA);
	boot_put64(params, PARAMS_ACPI_RSDP, ACPI_AREA_GPA);
	params[PARAMS_E820_COUNT] = (guint8)ranges;
	for (guint i = 0; i < ranges; i++) {
		struct boot_e820 e = { hvis_le64_make(map[i].start), hvis_le64_make(map[i].size),
			hvis_le32_make(map[i].type) };

		memcpy(params + PARAMS_E820 + i * sizeof(e), &e, sizeof(e));
	}
	if (!ram_write(ram, BOOT_PARAMS_GPA, params, sizeof(params)) ||
		!ram_write(ram, BOOT_COMMAND_LINE_GPA, boot->append, strlen(boot->append) + 1))
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "no guest memory for boot parameters");
	return TRUE;
}

gboolean boot_load_tables(Ram *ram, GError **error)
{
	guint64 gdt[4] = { 0, 0, GDT_CODE64, GDT_DATA };
	guint64 top[PAGE_ENTRIES] = { 0 }, middle[PAGE_ENTRIES] = { 0 }, pages[PAGE_ENTRIES];
	guint64 gpa = BOOT_PAGE_TABLES_GPA;
	gboolean ok;

	top[0] = (gpa + RAM_PAGE_SIZE) | PAGE_PRESENT_RW;
	ok = ram_write(ram, BOOT_GDT_GPA, gdt, sizeof(gdt)) &&
	     ram_write(ram, gpa, top, sizeof(top));
	for (guint64 g = 0; g < 4; g++) {
		guint64 table = gpa + (2 + g) * RAM_PAGE_SIZE;

		middle[g] = table | PAGE_PRESENT_RW;
		for (guint64 i = 0; i < PAGE_ENTRIES; i++)
			pages[i] = (g * PAGE_ENTRIES + i) << LARGE_PAGE_SHIFT | PAGE_LARGE_RW;
		ok = ok && ram_write(ram, table, pages, sizeof(pages));
	}
	if (!ok || !ram_write(ram, gpa + RAM_PAGE_SIZE, middle, sizeof(middle)))
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "no guest memory for page tables");
	return TRUE;
}

gboolean boot_load(const Boot *boot, Ram *ram, guint cpus, guint64 *entry, GError **error)
{
	guint8 *acpi = ram_at(ram, ACPI_AREA_GPA, ACPI_AREA_SIZE);

	if (!acpi)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "no guest memory for ACPI tables");
	if (!boot_read(&boot->kernel, boot->image.file_offset, boot->image.file_len, ram,
		    boot->image.load_address, error) ||
		!boot_load_initrds(boot, ram, error) || !boot_load_params(boot, ram, error) ||
		!boot_load_tables(ram, error) ||
		!acpi_build(acpi, ACPI_AREA_SIZE, ACPI_AREA_GPA, cpus, error))
		return FALSE;
	*entry = boot->image.load_address + BZIMAGE_ENTRY64;
	return TRUE;
}
