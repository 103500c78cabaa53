/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv_vss_daemon, its guard and its worker under a tracer that counts the system calls of each and
 * kills some or all of them at one. While the tracer kills nobody else comes to a further call: they
 * die at once. One daemon at a time; it is the caller's child, and ends with it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/integration/vss-volumes.h"

enum role { DAEMON, GUARD, WORKER, VICTIMS_N, OTHER = VICTIMS_N, ROLE_N };
enum when { BEFORE, AFTER, WITHIN, WHEN_N };

/* What of a backup is under way. */
enum part { CHECKING, PREPARING, FREEZING, HELD, THAWING, ENDING, PART_N };

struct point {
	enum role role;
	long call; /* of that one, from 1; 0: nobody is killed */
	enum when when; /* of the call */
	unsigned int victims; /* bits of 1 << role */
	bool hang; /* they are stopped for good, not killed */
	unsigned int delay_us; /* for WITHIN */
};

#define CALLS_MAX 16384

/* What is seen between two trace_begin(). */
struct seen {
	long calls[ROLE_N];
	int numbers[VICTIMS_N][CALLS_MAX]; /* of the calls */
	unsigned char parts[VICTIMS_N][CALLS_MAX]; /* that they are in */
	enum part part; /* the caller says CHECKING, PREPARING, HELD, THAWING; the rest is seen */
	int64_t freeze_us, thaw_us, died_us; /* first call to freeze, to thaw; the point; 0 */
	enum part died_part;
	int died_call; /* its number */
	bool frozen[VOLUMES_MAX]; /* for certain: by a call that has come back */
	bool cut[VOLUMES_MAX]; /* a victim died while it thawed that */
};

extern const struct seen *const seen;

void trace_init(const struct volume *volumes, unsigned int n);

/* Start @argv; its standard output and error go to @log. */
void trace_start(char *const *argv, int log);

/* Count anew, for @point; only the calls of the roles @traced, and of what they do, are seen, until it. */
void trace_begin(const struct point *point, unsigned int traced);

/* Whether all that were there are traced by now. */
bool trace_has_begun(void);
void trace_part(enum part part);

/* Handle all that has happened; to be called at each SIGCHLD. */
void trace_pump(void);

/* Whether there is a process of that role; whether the daemon waits and the others are gone. */
bool trace_has(enum role role);
bool trace_is_at_rest(void); /* of a traced daemon, before the point */

/* Kill those of @roles, or those that hang. */
void trace_kill(unsigned int roles);
void trace_kill_hung(void);
