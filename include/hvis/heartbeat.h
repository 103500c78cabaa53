/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heartbeat: the host sends a sequence number every two seconds, the guest answers it plus one.
 * The application state in the answer is what Windows guests fill and Linux leaves at 0 (OpenVMM).
 */
#pragma once

#include <hvis/types.h>

#define HVIS_HEARTBEAT_PERIOD_MS 2000u

enum hvis_app_state {
	HVIS_APP_UNKNOWN = 0,
	HVIS_APP_HEALTHY = 1,
	HVIS_APP_CRITICAL = 2,
	HVIS_APP_STOPPED = 3,
};

struct hvis_heartbeat {
	hvis_le64 sequence;
	hvis_le32 app_state;
	uint8_t reserved[28];
};

static_assert(sizeof(struct hvis_heartbeat) == 40, "wire layout");
