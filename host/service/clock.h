/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time as the services see it, so that tests own it: a monotonic clock for time-outs, the host's
 * wall clock for timesync, and one-shot timers on the main context.
 */
#pragma once

#include <glib.h>

typedef struct ServiceClock ServiceClock;

struct ServiceClock {
	gint64 (*now_us)(const ServiceClock *clock); /* monotonic */
	gint64 (*wall_us)(const ServiceClock *clock); /* since 1970, UTC */
	/* Call @func once in @ms. The id is never 0 and is gone once @func is called. */
	guint (*after)(const ServiceClock *clock, guint ms, GSourceOnceFunc func, gpointer data);
	void (*cancel)(const ServiceClock *clock, guint id);
};

/* The machine's own clocks and the default main context. */
extern const ServiceClock service_clock_real;
