/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time synchronisation: samples of the host's clock. Times are 100 ns units since 1601-01-01 UTC;
 * the reference time of version 4 is the guest's own partition counter (TIME_REF_COUNT).
 */
#pragma once

#include <hvis/types.h>

#define HVIS_TIME_EPOCH_DELTA 116444736000000000ull /* 1601 to 1970, 100 ns units */
#define HVIS_TIMESYNC_PERIOD_MS 5000u /* between samples (OpenVMM) */

enum {
	HVIS_TIMESYNC_SYNC = 1, /* step the clock */
	HVIS_TIMESYNC_SAMPLE = 2, /* feed the PTP device */
};

struct hvis_timesync_v3 {
	hvis_le64 parent_time;
	hvis_le64 child_time;
	hvis_le64 round_trip;
	uint8_t flags;
	uint8_t pad[7];
};

struct hvis_timesync_v4 {
	hvis_le64 parent_time;
	hvis_le64 reference_time;
	uint8_t flags;
	uint8_t leap; /* signed; 0 = none */
	uint8_t stratum;
	uint8_t reserved[5];
};

static_assert(sizeof(struct hvis_timesync_v3) == 32, "wire layout");
static_assert(sizeof(struct hvis_timesync_v4) == 24, "wire layout");
