/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real clock and the fake one for tests, over the same list. All timers of the real one are one source of the
 * main loop: to set one and to take it back, as is done for each request, is a place in a list, no source of GLib's.
 */
#include <util/clock.h>
#include <util/error.h>

typedef struct {
	guint id;
	gint64 due;
	void (*func)(gpointer data);
	gpointer data;
} Timer;

/* --- a list of timers, in order of due time, then of setting --- */

typedef struct {
	GPtrArray *list;
	guint last_id;
} Timers;

static const Timer *timers_first(const Timers *timers)
{
	return timers->list->len ? timers->list->pdata[0] : NULL;
}

static guint timers_add(Timers *timers, gint64 due, void (*func)(gpointer data), gpointer data)
{
	Timer *timer = g_new(Timer, 1);
	guint at = timers->list->len;

	if (++timers->last_id == 0)
		timers->last_id = 1;
	*timer = (Timer){ timers->last_id, due, func, data };
	while (at > 0 && ((Timer *)timers->list->pdata[at - 1])->due > due)
		at--;
	g_ptr_array_insert(timers->list, (gint)at, timer);
	return timer->id;
}

static void timers_remove(Timers *timers, guint id)
{
	for (guint i = 0; id && i < timers->list->len; i++) {
		if (((Timer *)timers->list->pdata[i])->id == id) {
			g_ptr_array_remove_index(timers->list, i);
			return;
		}
	}
}

/* The first that is due at @now; the caller's. */
static Timer *timers_take(Timers *timers, gint64 now)
{
	const Timer *first = timers_first(timers);

	return first && first->due <= now ? g_ptr_array_steal_index(timers->list, 0) : NULL;
}

static void timers_init(Timers *timers)
{
	timers->list = g_ptr_array_new_with_free_func(g_free);
}

/* --- the real clock --- */

static Timers real_timers;

static gboolean prepare_real(GSource *source, gint *timeout)
{
	const Timer *first = timers_first(&real_timers);
	gint64 left = first ? first->due - g_source_get_time(source) : 0;

	*timeout = first ? (gint)CLAMP((left + 999) / 1000, 0, G_MAXINT) : -1;
	return first && left <= 0;
}

static gboolean check_real(GSource *source)
{
	const Timer *first = timers_first(&real_timers);

	return first && first->due <= g_source_get_time(source);
}

static gboolean dispatch_real(
	GSource *source, GSourceFunc func G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	gint64 now = g_source_get_time(source); /* what is set meanwhile is for the next turn */
	Timer *timer;

	while ((timer = timers_take(&real_timers, now))) {
		timer->func(timer->data);
		g_free(timer);
	}
	return G_SOURCE_CONTINUE;
}

static void start_real(void)
{
	static GSourceFuncs funcs = { prepare_real, check_real, dispatch_real, NULL, NULL, NULL };
	g_autoptr(GSource) source = g_source_new(&funcs, sizeof(GSource));

	timers_init(&real_timers);
	g_source_attach(source, NULL);
}

static gint64 real_now(HvisClock *clock G_GNUC_UNUSED)
{
	return g_get_monotonic_time();
}

static guint real_add(
	HvisClock *clock G_GNUC_UNUSED, guint ms, void (*func)(gpointer data), gpointer data)
{
	if (!real_timers.list)
		start_real();
	return timers_add(&real_timers, g_get_monotonic_time() + (gint64)ms * 1000, func, data);
}

static void real_remove(HvisClock *clock G_GNUC_UNUSED, guint id)
{
	if (real_timers.list)
		timers_remove(&real_timers, id);
}

HvisClock *hvis_clock_default(void)
{
	static HvisClock clock = { real_now, real_add, real_remove };

	return &clock;
}

/* --- the fake clock --- */

struct HvisFakeClock {
	HvisClock clock; /* first: the ops get back to us by it */
	gint64 now;
	Timers timers;
};

static gint64 fake_now(HvisClock *clock)
{
	return ((HvisFakeClock *)clock)->now;
}

static guint fake_add(HvisClock *clock, guint ms, void (*func)(gpointer data), gpointer data)
{
	HvisFakeClock *fake = (HvisFakeClock *)clock;

	return timers_add(&fake->timers, fake->now + (gint64)ms * 1000, func, data);
}

static void fake_remove(HvisClock *clock, guint id)
{
	timers_remove(&((HvisFakeClock *)clock)->timers, id);
}

HvisFakeClock *hvis_fake_clock_new(void)
{
	HvisFakeClock *fake = g_new0(HvisFakeClock, 1);

	fake->clock = (HvisClock){ fake_now, fake_add, fake_remove };
	fake->now = G_USEC_PER_SEC; /* zero would hide a forgotten initialisation */
	timers_init(&fake->timers);
	return fake;
}

void hvis_fake_clock_free(HvisFakeClock *fake)
{
	if (!fake)
		return;
	g_ptr_array_unref(fake->timers.list);
	g_free(fake);
}

HvisClock *hvis_fake_clock_get(HvisFakeClock *fake)
{
	return &fake->clock;
}

void hvis_fake_clock_advance(HvisFakeClock *fake, guint ms)
{
	gint64 until = fake->now + (gint64)ms * 1000;
	Timer *timer;

	while ((timer = timers_take(&fake->timers, until))) {
		fake->now = timer->due;
		timer->func(timer->data);
		g_free(timer);
	}
	fake->now = until;
}

guint hvis_fake_clock_pending(HvisFakeClock *fake)
{
	return fake->timers.list->len;
}

gint64 hvis_fake_clock_next_ms(HvisFakeClock *fake)
{
	const Timer *first = timers_first(&fake->timers);

	return first ? (first->due - fake->now) / 1000 : -1;
}
