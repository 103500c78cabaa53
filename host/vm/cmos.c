// SPDX-License-Identifier: GPL-2.0-only
/* The CMOS clock as a function of the time; see cmos.h. */
#include "config.h"

#include <time.h>
#include "host/vm/cmos.h"

#define INDEX_MASK 0x7f /* bit 7 masks the NMI */

enum {
	CMOS_SECONDS = 0x00,
	CMOS_MINUTES = 0x02,
	CMOS_HOURS = 0x04,
	CMOS_WEEKDAY = 0x06,
	CMOS_DAY = 0x07,
	CMOS_MONTH = 0x08,
	CMOS_YEAR = 0x09,
	CMOS_A = 0x0a,
	CMOS_B = 0x0b,
	CMOS_D = 0x0d,
	CMOS_CENTURY = 0x32,
};

#define A_DIVIDER_RATE 0x26 /* 32768 Hz, 1024 Hz; no update in progress */
#define B_24_HOURS 0x02
#define D_VALID 0x80

static guint8 bcd(int n)
{
	return (guint8)(n / 10 % 10 << 4 | n % 10);
}

guint8 cmos_read(guint8 index, gint64 unix_seconds)
{
	time_t seconds = (time_t)unix_seconds;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm))
		return 0;
	switch (index & INDEX_MASK) {
	case CMOS_SECONDS:
		return bcd(tm.tm_sec);
	case CMOS_MINUTES:
		return bcd(tm.tm_min);
	case CMOS_HOURS:
		return bcd(tm.tm_hour);
	case CMOS_WEEKDAY:
		return bcd(tm.tm_wday + 1);
	case CMOS_DAY:
		return bcd(tm.tm_mday);
	case CMOS_MONTH:
		return bcd(tm.tm_mon + 1);
	case CMOS_YEAR:
		return bcd(tm.tm_year % 100);
	case CMOS_CENTURY:
		return bcd((tm.tm_year + 1900) / 100);
	case CMOS_A:
		return A_DIVIDER_RATE;
	case CMOS_B:
		return B_24_HOURS;
	case CMOS_D:
		return D_VALID;
	}
	return 0;
}
