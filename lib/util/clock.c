/* SPDX-License-Identifier: GPL-2.0-only */
/* The real clock over GLib's timeouts, and the fake one for tests. */
#include <util/clock.h>

#include <string.h>

#include <util/error.h>

typedef struct {
	guint id;
	gint64 due;
	void (*func)(gpointer data);
	gpointer data;
} Timer;

/* --- the real clock: a table from our ids to GLib's keeps "expired ids are ignored" true --- */

static GHashTable *real_sources; /* id -> GSource id */
static guint real_next = 1;

static gint64 real_now(HvisClock *clock G_GNUC_UNUSED)
{
	return g_get_monotonic_time();
}

static gboolean on_real_timer(gpointer data)
{
	Timer *timer = data;

	g_hash_table_remove(real_sources, GUINT_TO_POINTER(timer->id));
	timer->func(timer->data);
	return G_SOURCE_REMOVE;
}

static guint real_add(
	HvisClock *clock G_GNUC_UNUSED, guint ms, void (*func)(gpointer data), gpointer data)
{
	Timer *timer = g_new(Timer, 1);
	guint source;

	*timer = (Timer){ .id = real_next++, .func = func, .data = data };
	if (real_next == 0)
		real_next = 1;
	if (!real_sources)
		real_sources = g_hash_table_new(NULL, NULL);
	source = g_timeout_add_full(G_PRIORITY_DEFAULT, ms, on_real_timer, timer, g_free);
	g_hash_table_insert(real_sources, GUINT_TO_POINTER(timer->id), GUINT_TO_POINTER(source));
	return timer->id;
}

static void real_remove(HvisClock *clock G_GNUC_UNUSED, guint id)
{
	gpointer source;

	if (!id || !real_sources ||
		!g_hash_table_steal_extended(real_sources, GUINT_TO_POINTER(id), NULL, &source))
		return;
	g_source_remove(GPOINTER_TO_UINT(source));
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
	guint next_id;
	GPtrArray *timers; /* Timer, in order of due time, then of setting */
};

static gint64 fake_now(HvisClock *clock)
{
	return ((HvisFakeClock *)clock)->now;
}

static guint fake_add(HvisClock *clock, guint ms, void (*func)(gpointer data), gpointer data)
{
	HvisFakeClock *fake = (HvisFakeClock *)clock;
	Timer *timer = g_new(Timer, 1);
	guint at = 0;

	*timer = (Timer){ ++fake->next_id, fake->now + (gint64)ms * 1000, func, data };
	while (at < fake->timers->len && ((Timer *)fake->timers->pdata[at])->due <= timer->due)
		at++;
	g_ptr_array_insert(fake->timers, (gint)at, timer);
	return timer->id;
}

static void fake_remove(HvisClock *clock, guint id)
{
	HvisFakeClock *fake = (HvisFakeClock *)clock;

	for (guint i = 0; i < fake->timers->len; i++) {
		if (((Timer *)fake->timers->pdata[i])->id == id) {
			g_ptr_array_remove_index(fake->timers, i);
			return;
		}
	}
}

HvisFakeClock *hvis_fake_clock_new(void)
{
	HvisFakeClock *fake = g_new0(HvisFakeClock, 1);

	fake->clock = (HvisClock){ fake_now, fake_add, fake_remove };
	fake->now = G_USEC_PER_SEC; /* zero would hide a forgotten initialisation */
	fake->timers = g_ptr_array_new_with_free_func(g_free);
	return fake;
}

void hvis_fake_clock_free(HvisFakeClock *fake)
{
	if (!fake)
		return;
	g_ptr_array_unref(fake->timers);
	g_free(fake);
}

HvisClock *hvis_fake_clock_get(HvisFakeClock *fake)
{
	return &fake->clock;
}

void hvis_fake_clock_advance(HvisFakeClock *fake, guint ms)
{
	gint64 until = fake->now + (gint64)ms * 1000;

	while (fake->timers->len && ((Timer *)fake->timers->pdata[0])->due <= until) {
		g_autofree Timer *timer = g_ptr_array_steal_index(fake->timers, 0);

		fake->now = timer->due;
		timer->func(timer->data);
	}
	fake->now = until;
}

guint hvis_fake_clock_pending(HvisFakeClock *fake)
{
	return fake->timers->len;
}

gint64 hvis_fake_clock_next_ms(HvisFakeClock *fake)
{
	if (!fake->timers->len)
		return -1;
	return (((Timer *)fake->timers->pdata[0])->due - fake->now) / 1000;
}

gboolean hvis_parse_seconds(const char *what, const char *text, guint *ret_ms, GError **error)
{
	char *end;
	double seconds = g_ascii_strtod(text, &end);
	gboolean number = end != text && (*end == '\0' || !strcmp(end, "s"));

	if (!number || !(seconds > 0 && seconds <= HVIS_SECONDS_MAX))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"%s %s: a number of seconds above 0 is wanted, %d at most", what, text,
			HVIS_SECONDS_MAX);
	*ret_ms = (guint)(seconds * 1000 + 0.999);
	return TRUE;
}
