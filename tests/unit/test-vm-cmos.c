// SPDX-License-Identifier: GPL-2.0-only
/* The CMOS clock's registers at a known time. */
#include "config.h"

#include "host/vm/cmos.h"

#define TIME 1924991999 /* 2030-12-31 23:59:59, a Tuesday */

static void test_registers(void)
{
	static const struct {
		guint8 index, value;
	} want[] = {
		{ 0x00, 0x59 },
		{ 0x02, 0x59 },
		{ 0x04, 0x23 },
		{ 0x06, 0x03 },
		{ 0x07, 0x31 },
		{ 0x08, 0x12 },
		{ 0x09, 0x30 },
		{ 0x32, 0x20 },
		{ 0x0d, 0x80 },
		{ 0x0b, 0x02 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(want); i++) {
		g_assert_cmphex(cmos_read(want[i].index, TIME), ==, want[i].value);
		/* with the bit that masks the NMI */
		g_assert_cmphex(cmos_read(want[i].index | 0x80, TIME), ==, want[i].value);
	}
}

static void test_never_updating(void)
{
	for (gint64 t = TIME; t < TIME + 100; t++)
		g_assert_cmphex(cmos_read(0x0a, t) & 0x80, ==, 0);
}

static void test_any_index(void)
{
	for (guint i = 0; i < 256; i++) {
		cmos_read((guint8)i, G_MAXINT64);
		cmos_read((guint8)i, G_MININT64);
	}
	g_assert_cmphex(cmos_read(0x40, TIME), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vm/cmos/registers", test_registers);
	g_test_add_func("/vm/cmos/never-updating", test_never_updating);
	g_test_add_func("/vm/cmos/any-index", test_any_index);
	return g_test_run();
}
