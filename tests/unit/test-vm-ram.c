// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory: bounds, the hole below 4 GiB, pages in any order as one piece. */
#include "config.h"

#include <glib.h>
#include <string.h>
#include "host/vm/ram.h"
#include "util/error.h"

#define MIB (1024 * 1024ull)
#define PAGE RAM_PAGE_SIZE

static void test_bounds(void)
{
	g_autoptr(Ram) ram = ram_new(1 * MIB, NULL);
	RamSlot slot[RAM_SLOTS_MAX];

	g_assert_cmpuint(ram_slots(ram, slot), ==, 1);
	g_assert_cmphex(slot[0].gpa, ==, 0);
	g_assert_cmpuint(slot[0].size, ==, MIB);
	g_assert_nonnull(ram_at(ram, 0, MIB));
	g_assert_nonnull(ram_at(ram, MIB - 1, 1));
	g_assert_nonnull(ram_at(ram, MIB - 1, 0));
	g_assert_null(ram_at(ram, 0, MIB + 1));
	g_assert_null(ram_at(ram, 1, MIB));
	g_assert_null(ram_at(ram, MIB - 1, 2));
	g_assert_null(ram_at(ram, MIB, 1));
	g_assert_null(ram_at(ram, MIB, 0));
	g_assert_null(ram_at(ram, G_MAXUINT64, 1));
	g_assert_null(ram_at(ram, G_MAXUINT64, G_MAXSIZE));
	g_assert_null(ram_at(ram, 8, G_MAXSIZE));
}

static void test_high(void)
{
	/* Costs no memory: nothing of it is touched but a few bytes. */
	g_autoptr(Ram) ram = ram_new(4096 * MIB, NULL);
	RamSlot slot[RAM_SLOTS_MAX];
	guint8 byte = 0;

	g_assert_cmpuint(ram_slots(ram, slot), ==, 2);
	g_assert_cmphex(slot[0].size, ==, 3072 * MIB);
	g_assert_cmphex(slot[1].gpa, ==, 4096 * MIB);
	g_assert_cmphex(slot[1].size, ==, 1024 * MIB);
	g_assert_null(ram_at(ram, 3072 * MIB, 1));
	g_assert_null(ram_at(ram, 3072 * MIB - 1, 2)); /* the guest sees a gap there */
	g_assert_null(ram_at(ram, 4096 * MIB - 1, 2));
	g_assert_null(ram_at(ram, 5120 * MIB, 1));
	g_assert_true(ram_write(ram, 4096 * MIB, "x", 1));
	g_assert_true(ram_read(ram, 4096 * MIB, &byte, 1));
	g_assert_cmpint(byte, ==, 'x');
	g_assert_cmpint(*(char *)slot[1].address, ==, 'x');
}

static void test_clear(void)
{
	g_autoptr(Ram) ram = ram_new(MIB, NULL);
	const guint64 pfn = 3;
	guint8 *view = ram_map(ram, &pfn, 1, NULL);
	guint8 byte = 1;

	g_assert_true(ram_write(ram, 3 * PAGE, "x", 1));
	g_assert_cmpint(view[0], ==, 'x');
	g_assert_true(ram_clear(ram, NULL));
	g_assert_true(ram_read(ram, 3 * PAGE, &byte, 1));
	g_assert_cmpint(byte, ==, 0);
	g_assert_cmpint(view[0], ==, 0);
	ram_unmap(ram, view, 1);
}

static void test_map_order(void)
{
	g_autoptr(Ram) ram = ram_new(MIB, NULL);
	static const guint64 pfns[] = { 7, 5, 6, 255, 0, 1, 5 };
	g_autoptr(GError) error = NULL;
	volatile guint8 *view =
		ram_map(ram, pfns, G_N_ELEMENTS(pfns), &error); /* pages in it alias */
	guint8 byte;

	g_assert_no_error(error);
	for (guint i = 0; i < G_N_ELEMENTS(pfns); i++)
		g_assert_true(ram_write(ram, pfns[i] * PAGE + 9, &(guint8){ (guint8)pfns[i] }, 1));
	for (guint i = 0; i < G_N_ELEMENTS(pfns); i++)
		g_assert_cmpuint(view[i * PAGE + 9], ==, pfns[i]);
	view[1 * PAGE] = 0x55; /* page 5, which is there twice */
	g_assert_cmpuint(view[6 * PAGE], ==, 0x55);
	g_assert_true(ram_read(ram, 5 * PAGE, &byte, 1));
	g_assert_cmpuint(byte, ==, 0x55);
	g_assert_cmpuint(ram_mapped(ram), ==, G_N_ELEMENTS(pfns));
	ram_unmap(ram, (gpointer)view, G_N_ELEMENTS(pfns));
	g_assert_cmpuint(ram_mapped(ram), ==, 0);
	ram_unmap(ram, NULL, 5);
}

static void refuse(Ram *ram, const guint64 *pfns, gsize n, HvisErrorCode code)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(ram_map(ram, pfns, n, &error));
	g_assert_error(error, HVIS_ERROR, (gint)code);
	g_assert_cmpuint(ram_mapped(ram), ==, 0);
}

static void test_map_hostile(void)
{
	g_autoptr(Ram) ram = ram_new(MIB, NULL);
	static const guint64 bad[] = { 256, 257, 0xc0000, 0xfee00, 0x100000, 1ull << 52,
		G_MAXUINT64 / PAGE, G_MAXUINT64 / PAGE + 1, G_MAXUINT64 };
	guint64 pfns[257] = { 0 };

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		for (guint at = 0; at < 3; at++) {
			guint64 three[3] = { 1, 2, 3 };

			three[at] = bad[i];
			refuse(ram, three, 3, HVIS_ERROR_PROTOCOL);
		}
	}
	refuse(ram, pfns, 0, HVIS_ERROR_PROTOCOL);
	refuse(ram, pfns, 257, HVIS_ERROR_PROTOCOL); /* more than there is */
	refuse(ram, pfns, G_MAXSIZE, HVIS_ERROR_PROTOCOL);
}

/* Scattered pages cost a mapping each, of which a process has a limited number. */
static void test_map_budget(void)
{
	g_autoptr(Ram) ram = ram_new(64 * MIB, NULL);
	gsize n = 64 * MIB / PAGE;
	g_autofree guint64 *pfns = g_new(guint64, n);
	gpointer view[3] = { NULL };
	g_autoptr(GError) error = NULL;

	for (gsize i = 0; i < n; i++)
		pfns[i] = i % 2 ? i / 2 : n / 2 + i / 2;
	view[0] = ram_map(ram, pfns, n, &error);
	view[1] = ram_map(ram, pfns, n, &error);
	g_assert_no_error(error);
	view[2] = ram_map(ram, pfns, n, &error);
	g_assert_null(view[2]);
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NO_SPACE);
	ram_unmap(ram, view[0], n);
	view[2] = ram_map(ram, pfns, n, NULL);
	g_assert_nonnull(view[2]);
	ram_unmap(ram, view[1], n);
	ram_unmap(ram, view[2], n);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vm/ram/bounds", test_bounds);
	g_test_add_func("/vm/ram/high", test_high);
	g_test_add_func("/vm/ram/clear", test_clear);
	g_test_add_func("/vm/ram/map-order", test_map_order);
	g_test_add_func("/vm/ram/map-hostile", test_map_hostile);
	g_test_add_func("/vm/ram/map-budget", test_map_budget);
	return g_test_run();
}
