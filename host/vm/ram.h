/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's memory: one memfd, seen whole through one mapping and in pieces through ram_map().
 *
 * All of it may change under the reader at any time. Below 3 GiB guest-physical addresses are
 * offsets; what is larger continues at 4 GiB, so that the APICs have their usual place.
 */
#pragma once

#include <glib.h>

#define RAM_PAGE_SIZE 4096u
#define RAM_LOW_MAX (G_GUINT64_CONSTANT(3) << 30)
#define RAM_HIGH_BASE (G_GUINT64_CONSTANT(4) << 30)

typedef struct Ram Ram;

/* One piece that the guest sees without a gap, for KVM and for the memory map. */
typedef struct {
	guint64 gpa;
	guint64 size;
	gpointer address;
} RamSlot;

#define RAM_SLOTS_MAX 2

Ram *ram_new(guint64 size, GError **error);
void ram_free(Ram *ram);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ram, ram_free)

guint64 ram_size(const Ram *ram);
/* How many slots there are; they are written to @ret. */
guint ram_slots(const Ram *ram, RamSlot ret[RAM_SLOTS_MAX]);

/* @len bytes at @gpa, NULL where any of them is not RAM. */
gpointer ram_at(const Ram *ram, guint64 gpa, gsize len);
gboolean ram_read(const Ram *ram, guint64 gpa, void *to, gsize len);
gboolean ram_write(Ram *ram, guint64 gpa, const void *from, gsize len);

/* Zero everything and give the pages back. Mappings by ram_map() see the zeros. */
gboolean ram_clear(Ram *ram, GError **error);

/* As Machine's map() and unmap(). */
gpointer ram_map(Ram *ram, const guint64 *pfns, gsize n_pages, GError **error);
void ram_unmap(Ram *ram, gpointer address, gsize n_pages);
/* Pages that ram_map() holds now. */
gsize ram_mapped(const Ram *ram);
