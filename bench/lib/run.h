/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every benchmark's program needs of its own process: a clock, a wish to end that is seen between two
 * measurements, and the processors that it and its daemons run on.
 */
#pragma once

#include <glib.h>

/* CLOCK_MONOTONIC. */
gint64 run_now_ns(void);

/* From now on SIGINT, SIGTERM and SIGHUP end nothing by themselves: run_is_stopped() is true after one. */
void run_catch_signals(void);
gboolean run_is_stopped(void);

/*
 * One processor for this process and all that it starts: a round trip between two costs ten times as much, and as
 * much for everyone.
 */
void run_on_one_processor(void);

/*
 * What is started between the two has all processors but one, which this process gets then: a host is not on those of
 * its guest. With one processor nothing is changed.
 */
void run_on_the_others(void);
void run_apart(void);
