/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of a PC's CMOS, to be read only. The FADT says that there is none, so no driver binds;
 * but Linux asks it for the time before it knows that, and where bit 7 of register A never clears it
 * asks ten thousand times. That costs seconds where every access is dear.
 */
#pragma once

#include <glib.h>

#define CMOS_INDEX_PORT 0x70u
#define CMOS_DATA_PORT 0x71u

/* Register @index at @unix_seconds: binary-coded decimal, 24 hours. Unknown registers are 0. */
guint8 cmos_read(guint8 index, gint64 unix_seconds);
