/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time as something that is handed in, so that tests move it by hand. The default clock is
 * CLOCK_MONOTONIC and the default main context. HvisFakeClock is for tests.
 */
#pragma once

#include <glib.h>

typedef struct HvisClock HvisClock;
struct HvisClock {
	gint64 (*now)(HvisClock *clock); /* microseconds, never goes back */
	/* Call @func once after @ms; returns an id, never 0. */
	guint (*add)(HvisClock *clock, guint ms, void (*func)(gpointer data), gpointer data);
	void (*remove)(HvisClock *clock, guint id); /* 0 and expired ids are ignored */
};

/* The real one; belongs to nobody. For the main thread: what another sets does not wake the loop. */
HvisClock *hvis_clock_default(void);

/* A clock that stands still until it is moved. */
typedef struct HvisFakeClock HvisFakeClock;
HvisFakeClock *hvis_fake_clock_new(void);
void hvis_fake_clock_free(HvisFakeClock *fake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HvisFakeClock, hvis_fake_clock_free)
HvisClock *hvis_fake_clock_get(HvisFakeClock *fake);

/* Move by @ms, calling what falls due in between, in order of its time. */
void hvis_fake_clock_advance(HvisFakeClock *fake, guint ms);

/* How many timers are set; how long until the next one, -1 where there is none. */
guint hvis_fake_clock_pending(HvisFakeClock *fake);
gint64 hvis_fake_clock_next_ms(HvisFakeClock *fake);
