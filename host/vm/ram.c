// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory as a memfd. It owns the descriptor, the whole view and the books of the piecewise
 * views, which it keeps within the number of mappings that a process may have.
 */
#include "config.h"

#include "host/vm/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include "util/error.h"
#include "util/fd.h"

/* Linux allows 65530 mappings per process by default; a guest must not use them up. */
#define RAM_RUNS_MAX 32768u
#define RAM_LARGE_PAGE ((gsize)2 << 20)

struct Ram {
	int fd;
	guint64 size;
	guint8 *base;
	GHashTable *views; /* address -> number of mappings behind it */
	gsize runs, pages;
};

static guint64 ram_low(const Ram *ram)
{
	return MIN(ram->size, RAM_LOW_MAX);
}

/*
 * The whole view, at an address that is aligned as the guest's pages are, so that large pages can
 * be used on both sides where the system gives them to shared memory.
 */
static gboolean ram_map_whole(Ram *ram)
{
	gsize room = ram->size + RAM_LARGE_PAGE;
	guint8 *start =
		mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	guint8 *base;
	gsize before;

	if (start == MAP_FAILED)
		return FALSE;
	before = (RAM_LARGE_PAGE - (guintptr)start % RAM_LARGE_PAGE) % RAM_LARGE_PAGE;
	base = mmap(start + before, ram->size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_NORESERVE | MAP_FIXED, ram->fd, 0);
	if (base == MAP_FAILED) {
		munmap(start, room);
		return FALSE;
	}
	if (before)
		munmap(start, before);
	munmap(base + ram->size, RAM_LARGE_PAGE - before);
	madvise(base, ram->size, MADV_HUGEPAGE); /* only advice */
	ram->base = base;
	return TRUE;
}

Ram *ram_new(guint64 size, GError **error)
{
	g_autoptr(Ram) ram = g_new0(Ram, 1);

	g_return_val_if_fail(size > 0 && size % RAM_PAGE_SIZE == 0, NULL);
	ram->size = size;
	ram->views = g_hash_table_new(NULL, NULL);
	ram->fd = memfd_create("guest-memory", MFD_CLOEXEC);
	if (ram->fd < 0 || ftruncate(ram->fd, (off_t)size) < 0) {
		hvis_fail_errno(
			error, errno, "guest memory of %" G_GUINT64_FORMAT " MiB", size >> 20);
		return NULL;
	}
	if (!ram_map_whole(ram)) {
		hvis_fail_errno(
			error, errno, "map guest memory of %" G_GUINT64_FORMAT " MiB", size >> 20);
		return NULL;
	}
	return g_steal_pointer(&ram);
}

void ram_free(Ram *ram)
{
	if (!ram)
		return;
	if (ram->base)
		munmap(ram->base, ram->size);
	hvis_fd_clear(&ram->fd);
	g_hash_table_unref(ram->views);
	g_free(ram);
}

guint64 ram_size(const Ram *ram)
{
	return ram->size;
}

gsize ram_mapped(const Ram *ram)
{
	return ram->pages;
}

guint ram_slots(const Ram *ram, RamSlot ret[RAM_SLOTS_MAX])
{
	guint64 low = ram_low(ram);

	ret[0] = (RamSlot){ 0, low, ram->base };
	if (ram->size == low)
		return 1;
	ret[1] = (RamSlot){ RAM_HIGH_BASE, ram->size - low, ram->base + low };
	return 2;
}

/* Where @gpa lies in the memfd; FALSE where @len bytes from there are not all RAM. */
static gboolean ram_offset(const Ram *ram, guint64 gpa, gsize len, guint64 *ret)
{
	guint64 low = ram_low(ram), high = ram->size - low;

	if (gpa < low && len <= low - gpa) {
		*ret = gpa;
		return TRUE;
	}
	if (gpa >= RAM_HIGH_BASE && gpa - RAM_HIGH_BASE < high &&
		len <= high - (gpa - RAM_HIGH_BASE)) {
		*ret = gpa - RAM_HIGH_BASE + low;
		return TRUE;
	}
	return FALSE;
}

gpointer ram_at(const Ram *ram, guint64 gpa, gsize len)
{
	guint64 offset;

	return ram_offset(ram, gpa, len, &offset) ? ram->base + offset : NULL;
}

gboolean ram_read(const Ram *ram, guint64 gpa, void *to, gsize len)
{
	gconstpointer from = ram_at(ram, gpa, len);

	if (!from)
		return FALSE;
	memcpy(to, from, len);
	return TRUE;
}

gboolean ram_write(Ram *ram, guint64 gpa, const void *from, gsize len)
{
	gpointer to = ram_at(ram, gpa, len);

	if (!to)
		return FALSE;
	memcpy(to, from, len);
	return TRUE;
}

gboolean ram_clear(Ram *ram, GError **error)
{
	if (fallocate(ram->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)ram->size) < 0)
		return hvis_fail_errno(error, errno, "clear guest memory");
	return TRUE;
}

/* Pages from @pfns on that are adjacent in the memfd, with their offset; 0: the first is not RAM. */
static gsize ram_run(const Ram *ram, const guint64 *pfns, gsize n_pages, guint64 *ret)
{
	guint64 offset;
	gsize n;

	for (n = 0; n < n_pages; n++) {
		if (pfns[n] > G_MAXUINT64 / RAM_PAGE_SIZE ||
			!ram_offset(ram, pfns[n] * RAM_PAGE_SIZE, RAM_PAGE_SIZE, &offset))
			break;
		if (n == 0)
			*ret = offset;
		else if (offset != *ret + n * RAM_PAGE_SIZE)
			break;
	}
	return n;
}

/* How many mappings @pfns take; FALSE with @error where they cannot be mapped. */
static gboolean ram_count_runs(
	const Ram *ram, const guint64 *pfns, gsize n_pages, gsize *ret, GError **error)
{
	gsize runs = 0;

	for (gsize i = 0, n; i < n_pages; i += n, runs++) {
		guint64 offset;

		n = ram_run(ram, pfns + i, n_pages - i, &offset);
		if (n == 0)
			return hvis_fail(error, HVIS_ERROR_PROTOCOL,
				"guest page %#" G_GINT64_MODIFIER "x is not RAM", pfns[i]);
	}
	if (ram->runs + runs > RAM_RUNS_MAX)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE,
			"%zu more pieces of guest memory, %zu are mapped", runs, ram->runs);
	*ret = runs;
	return TRUE;
}

gpointer ram_map(Ram *ram, const guint64 *pfns, gsize n_pages, GError **error)
{
	gsize runs = 0, len;
	guint8 *view;

	if (n_pages == 0 || n_pages > ram->size / RAM_PAGE_SIZE) {
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "%zu guest pages in one piece", n_pages);
		return NULL;
	}
	if (!ram_count_runs(ram, pfns, n_pages, &runs, error))
		return NULL;
	len = n_pages * RAM_PAGE_SIZE;
	view = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (view == MAP_FAILED) {
		hvis_fail_errno(error, errno, "room for %zu guest pages", n_pages);
		return NULL;
	}
	for (gsize i = 0, n; i < n_pages; i += n) {
		guint64 offset = 0;

		n = ram_run(ram, pfns + i, n_pages - i, &offset);
		if (n == 0 ||
			mmap(view + i * RAM_PAGE_SIZE, n * RAM_PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_FIXED, ram->fd, (off_t)offset) == MAP_FAILED) {
			hvis_fail_errno(error, errno, "map %zu guest pages", n);
			munmap(view, len);
			return NULL;
		}
	}
	g_hash_table_insert(ram->views, view, GSIZE_TO_POINTER(runs));
	ram->runs += runs;
	ram->pages += n_pages;
	return view;
}

void ram_unmap(Ram *ram, gpointer address, gsize n_pages)
{
	gpointer runs;

	if (!address)
		return;
	g_return_if_fail(g_hash_table_lookup_extended(ram->views, address, NULL, &runs));
	g_hash_table_remove(ram->views, address);
	munmap(address, n_pages * RAM_PAGE_SIZE);
	ram->runs -= GPOINTER_TO_SIZE(runs);
	ram->pages -= n_pages;
}
