// SPDX-License-Identifier: GPL-2.0-only
/* ACPI fixed hardware: power-off in every width, the timer, status bits. */
#include "config.h"

#include <glib.h>
#include "host/vm/pm.h"

#define CONTROL (PM1_CONTROL - PM_BASE)
#define SLEEP(type) ((type) << PM1_SLEEP_TYPE_SHIFT | PM1_SLEEP_ENABLE)

static void test_sleep(void)
{
	static const PmAction want[8] = { PM_UNKNOWN_SLEEP, PM_UNKNOWN_SLEEP, PM_UNKNOWN_SLEEP,
		PM_UNKNOWN_SLEEP, PM_HIBERNATE, PM_POWEROFF, PM_UNKNOWN_SLEEP, PM_UNKNOWN_SLEEP };

	for (guint type = 0; type < 8; type++) {
		Pm pm;

		pm_init(&pm);
		/* As ACPICA does it: the type first, then the type with the enable bit. */
		g_assert_cmpint(
			pm_write(&pm, CONTROL, 2, type << PM1_SLEEP_TYPE_SHIFT), ==, PM_NOTHING);
		g_assert_cmpint(pm_write(&pm, CONTROL, 2, SLEEP(type)), ==, want[type]);
		/* The enable bit does not stay. */
		g_assert_cmphex(pm_read(&pm, CONTROL, 2, 0), ==,
			type << PM1_SLEEP_TYPE_SHIFT | PM1_SCI_ENABLED);
	}
}

static void test_widths(void)
{
	Pm pm;

	pm_init(&pm);
	g_assert_cmpint(pm_write(&pm, CONTROL, 4, SLEEP(5)), ==, PM_POWEROFF);
	pm_init(&pm);
	g_assert_cmpint(pm_write(&pm, CONTROL + 1, 1, SLEEP(5) >> 8), ==, PM_POWEROFF);
	pm_init(&pm);
	g_assert_cmpint(pm_write(&pm, CONTROL, 1, 0xff), ==, PM_NOTHING);
	/* From the register below, two bytes into this one. */
	g_assert_cmpint(pm_write(&pm, CONTROL - 2, 4, SLEEP(5) << 16), ==, PM_POWEROFF);
}

static void test_sci_enable(void)
{
	Pm pm;

	pm_init(&pm);
	g_assert_cmphex(pm_read(&pm, CONTROL, 2, 0) & PM1_SCI_ENABLED, ==, PM1_SCI_ENABLED);
	pm_write(&pm, CONTROL, 2, 0);
	g_assert_cmphex(pm_read(&pm, CONTROL, 2, 0) & PM1_SCI_ENABLED, ==, PM1_SCI_ENABLED);
}

static void test_events(void)
{
	Pm pm;

	pm_init(&pm);
	pm.status = 0x0121;
	g_assert_cmpint(pm_write(&pm, 0, 2, 0x0101), ==, PM_NOTHING);
	g_assert_cmphex(pm_read(&pm, 0, 2, 0), ==, 0x0020); /* one clears, zero does not */
	pm_write(&pm, 2, 2, 0x0320);
	g_assert_cmphex(pm_read(&pm, 2, 2, 0), ==, 0x0320);
	g_assert_cmphex(pm_read(&pm, 0, 4, 0), ==, 0x03200020);
	pm_write(&pm, 3, 1, 0x01);
	g_assert_cmphex(pm_read(&pm, 2, 2, 0), ==, 0x0120);
}

static void test_timer(void)
{
	Pm pm;

	pm_init(&pm);
	g_assert_cmpuint(pm_timer(0), ==, 0);
	g_assert_cmpuint(pm_timer(1000000000), ==, PM_TIMER_HZ);
	g_assert_cmpuint(pm_timer(500000000), ==, PM_TIMER_HZ / 2);
	g_assert_cmpuint(
		pm_timer(1000000ull * 1000000000), ==, (guint32)(1000000ull * PM_TIMER_HZ));
	g_assert_cmpuint(pm_read(&pm, PM_TIMER - PM_BASE, 4, 1000000000), ==, PM_TIMER_HZ);
	g_assert_cmpuint(pm_read(&pm, PM_TIMER - PM_BASE, 1, 1000000000), ==, PM_TIMER_HZ & 0xff);
	/* A centisecond of steps: it never goes back. */
	for (guint64 ns = 0, last = 0; ns < 10000000; ns += 997) {
		g_assert_cmpuint(pm_timer(ns), >=, last);
		last = pm_timer(ns);
	}
}

static void test_every_access(void)
{
	static const guint sizes[] = { 1, 2, 4 };

	for (guint at = 0; at < PM_PORTS; at++) {
		for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
			Pm pm;
			guint32 value;

			pm_init(&pm);
			pm_write(&pm, at, sizes[i], 0xffffffff);
			value = pm_read(&pm, at, sizes[i], G_MAXUINT64);
			if (sizes[i] < 4)
				g_assert_cmphex(value >> 8 * sizes[i], ==, 0);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vm/pm/sleep", test_sleep);
	g_test_add_func("/vm/pm/widths", test_widths);
	g_test_add_func("/vm/pm/sci-enable", test_sci_enable);
	g_test_add_func("/vm/pm/events", test_events);
	g_test_add_func("/vm/pm/timer", test_timer);
	g_test_add_func("/vm/pm/every-access", test_every_access);
	return g_test_run();
}
