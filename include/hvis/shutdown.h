/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shutdown: the host asks the guest to power off, restart or hibernate. The guest answers first and
 * acts afterwards. Linux drops a body shorter than the whole structure.
 */
#pragma once

#include <hvis/types.h>

#define HVIS_SHUTDOWN_REASON_PLANNED 0x80000000u

enum {
	HVIS_SHUTDOWN_FORCE = 1,
	HVIS_SHUTDOWN_RESTART = 2,
	HVIS_SHUTDOWN_HIBERNATE = 4,
};

struct hvis_shutdown {
	hvis_le32 reason;
	hvis_le32 timeout_s;
	hvis_le32 flags;
	uint8_t message[2048]; /* UTF-8, NUL-terminated */
};

static_assert(sizeof(struct hvis_shutdown) == 2060, "wire layout");
