// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI fixed hardware. Registers are kept as one byte array image per access, so that a guest may
 * read and write them in any width.
 */
#include "config.h"

#include "host/vm/pm.h"

#include <string.h>
#include <hvis/types.h>

#define PM_IMAGE 16u /* PM_PORTS and what a read at the end takes with it */
#define NS_PER_S G_GUINT64_CONSTANT(1000000000)

void pm_init(Pm *pm)
{
	/* SMI_CMD is 0 in the FADT: the machine is in ACPI mode from the start. */
	*pm = (Pm){ .control = PM1_SCI_ENABLED };
}

guint32 pm_timer(guint64 now_ns)
{
	guint64 s = now_ns / NS_PER_S, ns = now_ns % NS_PER_S;

	return (guint32)(s * PM_TIMER_HZ + ns * PM_TIMER_HZ / NS_PER_S);
}

static void pm_put16(guint8 *image, guint offset, guint16 value)
{
	hvis_le16 le = hvis_le16_make(value);

	memcpy(image + offset, &le, sizeof(le));
}

guint32 pm_read(const Pm *pm, guint offset, guint size, guint64 now_ns)
{
	guint8 image[PM_IMAGE] = { 0 };
	hvis_le32 timer = hvis_le32_make(pm_timer(now_ns));
	hvis_le32 out = { { 0 } };

	g_return_val_if_fail(offset < PM_PORTS && size <= 4, 0);
	pm_put16(image, PM1_EVENT - PM_BASE, pm->status);
	pm_put16(image, PM1_EVENT - PM_BASE + 2, pm->enable);
	pm_put16(image, PM1_CONTROL - PM_BASE, pm->control);
	memcpy(image + PM_TIMER - PM_BASE, &timer, sizeof(timer));
	memcpy(&out, image + offset, size);
	return hvis_le32_get(out);
}

static PmAction pm_sleep(guint16 control)
{
	switch (control >> PM1_SLEEP_TYPE_SHIFT & 7) {
	case PM_SLEEP_S5:
		return PM_POWEROFF;
	case PM_SLEEP_S4:
		return PM_HIBERNATE;
	}
	return PM_UNKNOWN_SLEEP;
}

/* @value over @old where the access covers the register at @reg; @mask gets the bits it covers. */
static guint16 pm_merge(
	guint16 old, guint reg, guint offset, guint size, guint32 value, guint16 *mask)
{
	guint16 merged = old;

	*mask = 0;
	for (guint i = 0; i < size; i++) {
		guint at = offset + i;

		if (at < reg || at >= reg + 2)
			continue;
		*mask |= (guint16)(0xffu << 8 * (at - reg));
		merged &= (guint16) ~(0xffu << 8 * (at - reg));
		merged |= (guint16)((value >> 8 * i & 0xff) << 8 * (at - reg));
	}
	return merged;
}

PmAction pm_write(Pm *pm, guint offset, guint size, guint32 value)
{
	guint16 mask, merged;

	g_return_val_if_fail(offset < PM_PORTS && size <= 4, PM_NOTHING);
	merged = pm_merge(0, PM1_EVENT - PM_BASE, offset, size, value, &mask);
	pm->status &= (guint16)~merged; /* write one to clear */
	pm->enable = pm_merge(pm->enable, PM1_EVENT - PM_BASE + 2, offset, size, value, &mask);
	merged = pm_merge(pm->control, PM1_CONTROL - PM_BASE, offset, size, value, &mask);
	if (!mask)
		return PM_NOTHING;
	/* SLP_EN is write-only and SCI_EN is not the guest's to clear. */
	pm->control = (guint16)((merged & ~PM1_SLEEP_ENABLE) | PM1_SCI_ENABLED);
	return merged & PM1_SLEEP_ENABLE ? pm_sleep(merged) : PM_NOTHING;
}
