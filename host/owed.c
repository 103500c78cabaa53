/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list behind owed.h. One timer stands at the earliest deadline that is not reported yet; it
 * is not moved when an answer comes in time, it then finds nothing to say and looks for the next.
 */
#include "config.h"

#include <json-c/json.h>

#include "host/owed.h"

typedef struct {
	guint64 id;
	char *who, *what;
	gint64 since_us, deadline_us; /* deadline 0 = none, or reported */
	gboolean reported;
} Debt;

static GList *debts; /* the oldest first */
static guint64 last_id;
static guint timer, limit_for_all_ms;
static gint64 timer_due_us;
static OwedReport report_func;
static gpointer report_data;
static gint64 (*clock_func)(void);

static gint64 now_us(void)
{
	return clock_func ? clock_func() : g_get_monotonic_time();
}

static void debt_free(gpointer data)
{
	Debt *debt = data;

	g_free(debt->who);
	g_free(debt->what);
	g_free(debt);
}

static void disarm(void)
{
	if (timer)
		g_source_remove(timer);
	timer = 0;
}

static gboolean on_timer(gpointer data G_GNUC_UNUSED)
{
	timer = 0;
	owed_check();
	return G_SOURCE_REMOVE;
}

static void arm(gint64 due_us)
{
	gint64 left_us = due_us - now_us();

	if (clock_func || (timer && timer_due_us <= due_us))
		return;
	disarm();
	timer_due_us = due_us;
	timer = g_timeout_add(left_us > 0 ? (guint)(left_us / 1000 + 1) : 0, on_timer, NULL);
}

guint64 owed_add(const char *who, guint limit_ms, const char *what, ...)
{
	Debt *debt = g_new0(Debt, 1);
	va_list args;

	va_start(args, what);
	debt->what = g_strdup_vprintf(what, args);
	va_end(args);
	debt->id = ++last_id;
	debt->who = g_strdup(who);
	debt->since_us = now_us();
	debts = g_list_append(debts, debt);
	if (limit_ms && limit_for_all_ms)
		limit_ms = limit_for_all_ms;
	if (limit_ms) {
		debt->deadline_us = debt->since_us + (gint64)limit_ms * 1000;
		arm(debt->deadline_us);
	}
	return debt->id;
}

void owed_done(guint64 id)
{
	for (GList *l = debts; l; l = l->next) {
		Debt *debt = l->data;

		if (debt->id != id)
			continue;
		debts = g_list_delete_link(debts, l);
		debt_free(debt);
		return;
	}
}

void owed_clear(void)
{
	disarm();
	g_list_free_full(g_steal_pointer(&debts), debt_free);
}

void owed_set_limit(guint limit_ms)
{
	limit_for_all_ms = limit_ms;
}

void owed_set_report(OwedReport report, gpointer data)
{
	report_func = report;
	report_data = data;
}

void owed_set_clock(gint64 (*clock)(void))
{
	clock_func = clock;
	disarm();
	if (!clock)
		owed_check();
}

/* The one with the earliest deadline that is not reported, or NULL. */
static Debt *find_next(void)
{
	Debt *next = NULL;

	for (GList *l = debts; l; l = l->next) {
		Debt *debt = l->data;

		if (debt->deadline_us && (!next || debt->deadline_us < next->deadline_us))
			next = debt;
	}
	return next;
}

void owed_check(void)
{
	gint64 now = now_us();
	Debt *debt;

	/* The list is searched anew each time: a report may add and settle debts. */
	while ((debt = find_next()) && debt->deadline_us <= now) {
		g_autofree char *who = g_strdup(debt->who), *what = g_strdup(debt->what);

		debt->deadline_us = 0;
		debt->reported = TRUE;
		if (report_func)
			report_func(who, what, (now - debt->since_us) / 1000, report_data);
	}
	if (debt)
		arm(debt->deadline_us);
}

struct json_object *owed_describe(void)
{
	struct json_object *list = json_object_new_array();
	gint64 now = now_us();

	for (GList *l = debts; l; l = l->next) {
		const Debt *debt = l->data;
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "who", json_object_new_string(debt->who));
		json_object_object_add(o, "what", json_object_new_string(debt->what));
		json_object_object_add(
			o, "waited_ms", json_object_new_int64((now - debt->since_us) / 1000));
		json_object_object_add(o, "reported", json_object_new_boolean(debt->reported));
		json_object_array_add(list, o);
	}
	return list;
}
