/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in guest memory when the first processor starts: kernel, initramfs, command line,
 * boot_params, memory map, ACPI tables, page tables and descriptors for 64-bit mode. The files stay
 * open, so that the same guest can be loaded again after a reset.
 */
#pragma once

#include <glib.h>
#include "host/vm/ram.h"

#define BOOT_GDT_GPA 0x500u
#define BOOT_PARAMS_GPA 0x7000u
#define BOOT_PAGE_TABLES_GPA 0x9000u /* 6 pages */
#define BOOT_COMMAND_LINE_GPA 0x20000u
#define BOOT_COMMAND_LINE_MAX 0x10000u
#define BOOT_LOW_END 0x9fc00u /* of conventional memory */
#define BOOT_HIGH_START 0x100000u
#define BOOT_CODE_SELECTOR 0x10u
#define BOOT_DATA_SELECTOR 0x18u
#define BOOT_E820_MAX 4u

#define BOOT_E820_RAM 1u
#define BOOT_E820_RESERVED 2u

typedef struct Boot Boot;

typedef struct {
	guint64 start, size;
	guint32 type;
} BootRange;

/* Open and check the files against @memory bytes of guest memory. */
Boot *boot_new(const char *kernel, const char *const *initrds, const char *append, guint64 memory,
	GError **error);
void boot_free(Boot *boot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Boot, boot_free)

/* Load into @ram, which is zeroed. The entry point of the kernel is in @entry. */
gboolean boot_load(const Boot *boot, Ram *ram, guint cpus, guint64 *entry, GError **error);

/* Identity map of 4 GiB, and a GDT with the selectors above. */
gboolean boot_load_tables(Ram *ram, GError **error);

/* The memory map of a machine with @memory bytes; returns how many ranges. */
guint boot_memory_map(guint64 memory, BootRange ret[BOOT_E820_MAX]);

/*
 * Where an initramfs of @size bytes goes: as high as possible below @limit, above @above, whole
 * pages. 0 where there is no room.
 */
guint64 boot_place_initrd(guint64 size, guint64 above, guint64 limit);
