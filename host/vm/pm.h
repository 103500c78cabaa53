/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ACPI fixed hardware that the FADT announces: PM1a event and control blocks, the power
 * management timer, and the reset register. A register model; the caller locks and gives the time.
 */
#pragma once

#include <glib.h>

#define PM_BASE 0x600u
#define PM1_EVENT (PM_BASE + 0x0) /* status, then enable, 16 bits each */
#define PM1_CONTROL (PM_BASE + 0x4)
#define PM_TIMER (PM_BASE + 0x8)
#define PM_PORTS 12u
#define PM_TIMER_HZ 3579545u
#define PM_RESET_PORT 0x64u /* also the keyboard controller's command port */
#define PM_RESET_VALUE 0xfeu
#define PM_SLEEP_S4 4u /* values of \_S4_ and \_S5_ in dsdt.asl */
#define PM_SLEEP_S5 5u
#define PM1_SCI_ENABLED 0x1u
#define PM1_SLEEP_TYPE_SHIFT 10
#define PM1_SLEEP_ENABLE (1u << 13)

typedef enum { PM_NOTHING, PM_POWEROFF, PM_HIBERNATE, PM_UNKNOWN_SLEEP, PM_N } PmAction;

typedef struct {
	guint16 status, enable, control;
} Pm;

void pm_init(Pm *pm);
/* Registers by byte, as the ports are; @offset from PM_BASE, @size 1, 2 or 4. */
guint32 pm_read(const Pm *pm, guint offset, guint size, guint64 now_ns);
PmAction pm_write(Pm *pm, guint offset, guint size, guint32 value);
/* The timer's 32 bits at @now_ns. */
guint32 pm_timer(guint64 now_ns);
