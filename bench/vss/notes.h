/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What note-shim.so, preloaded into whoever freezes, writes of each FIFREEZE and FITHAW into a file that all of
 * them map: $HVIS_BENCH_NOTES, a struct notes.
 */
#pragma once

#include <stdint.h>

#define NOTES_MAX 256

struct note {
	uint64_t request; /* FIFREEZE, FITHAW */
	int64_t from_ns, to_ns; /* CLOCK_MONOTONIC */
	int32_t err; /* an errno, 0 */
	uint32_t done; /* written last */
};

struct notes {
	uint32_t n; /* more than NOTES_MAX where there was no room */
	struct note notes[NOTES_MAX];
};
