/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File systems of a test with a writer each, in a process of their own, which nothing of the test's
 * stops: how long a program has to wait is what a freeze is measured by. A writer puts a
 * number after the other into the slots of FOLDER/written, and what is in the slots is known.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VOLUMES_MAX 8
#define VOLUME_SLOTS 4096u

struct volume {
	const char *dir, *type, *image; /* mounted at dir, with -o loop */
};

/* Take @text, "DIR:TYPE:IMAGE"; it is changed and kept. False where it is no such thing. */
bool volume_parse(char *text, struct volume *ret);

/* Start the writers of @n volumes, and one more that writes to @control, which nobody freezes. */
void volumes_start(const struct volume *volumes, unsigned int n, const char *control);

/* End them, and leave what has to be in each volume's file in FOLDER/expected-I. */
void volumes_stop(const char *folder);

/* From here on the longest wait is looked for. */
void volumes_reset(void);

/* A freeze begins: what has been written so far must survive everything. */
void volumes_note_freeze(void);

/* Whether volume @i has taken a write that began after @since, or has refused one. */
bool volume_is_past(unsigned int i, int64_t since);

/* Whether volume @i has kept a write waiting for @us by now. */
bool volume_is_stuck(unsigned int i, int64_t us);

/* In microseconds: the longest wait since the reset, one that goes on counted; that of the control. */
int64_t volume_longest(unsigned int i);
int64_t volumes_stall(void);

/* The errno of a write that volume @i refused, or 0. */
int volume_error(unsigned int i);

/* Mount volume @i anew, which refuses writes; false where it cannot be, or what was written is not there. */
bool volume_mend(unsigned int i);

/* By hand. An errno. */
int volume_thaw(unsigned int i);

/* CLOCK_MONOTONIC in microseconds. */
int64_t now_us(void);
