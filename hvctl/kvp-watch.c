/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl kvp watch and wait. Both look at the records when something may have changed, so that parts
 * are joined as everywhere, and what the daemon and the files give is the same.
 */
#include <string.h>

#include "hvctl/fold.h"
#include "hvctl/records.h"
#include "hvctl/trigger.h"
#include "kvpd/diff.h"
#include "util/output.h"

/* --- watch --- */

typedef struct {
	const HvctlRequest *request;
	KvpRecords *seen[HVIS_KVP_POOL_N];
	guint pool; /* of the events that are being printed */
} Watching;

static void watching_clear(Watching *w)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		kvp_records_unref(w->seen[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Watching, watching_clear)

static void print_event(const char *key, const char *old, const char *value, gpointer data)
{
	Watching *w = data;
	g_autofree char *key_text = output_escape(key);
	g_autofree char *text = output_escape(value ? value : "");
	struct json_object *event;

	if (!w->request->json && w->request->format != HVCTL_FORMAT_JSON_LINES) {
		fprintf(w->request->out, "%s %s %s%s%s\n", value ? "set" : "delete",
			kvp_pools_name(w->pool), key_text, value ? "=" : "", text);
		return;
	}
	event = json_object_new_object();
	json_object_object_add(event, "event", json_object_new_string(value ? "set" : "delete"));
	json_object_object_add(event, "pool", json_object_new_string(kvp_pools_name(w->pool)));
	json_object_object_add(event, "key", json_object_new_string(key));
	json_object_object_add(event, "old", old ? json_object_new_string(old) : NULL);
	json_object_object_add(event, "value", value ? json_object_new_string(value) : NULL);
	output_json(w->request->out, event, TRUE);
	json_object_put(event);
}

/* The records of every stored pool as they are now; FALSE and @error where they cannot be read. */
static gboolean look(const HvctlSource *source, KvpRecords **now, GError **error)
{
	struct json_object *all = hvctl_source_list(source, source->request->pool, error), *list;

	if (!all)
		return FALSE;
	list = source->request->raw ? json_object_get(all) : hvctl_fold(all);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		now[i] = kvp_records_new();
	for (gsize i = 0; i < json_object_array_length(list); i++) {
		struct json_object *record = json_object_array_get_idx(list, i);
		guint pool;

		if (kvp_pools_parse(hvctl_record_text(record, "pool"), &pool, NULL) &&
			pool != HVIS_KVP_POOL_AUTO)
			kvp_records_add(now[pool], hvctl_record_text(record, "key"), -1,
				hvctl_record_text(record, "value"), -1);
	}
	json_object_put(list);
	json_object_put(all);
	return TRUE;
}

static gboolean tell_changes(const HvctlSource *source, Watching *w, GError **error)
{
	KvpRecords *now[HVIS_KVP_POOL_N];

	if (!look(source, now, error))
		return FALSE;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		w->pool = i;
		if (w->seen[i])
			kvp_records_diff(w->seen[i], now[i], print_event, w);
		kvp_records_unref(w->seen[i]);
		w->seen[i] = now[i];
	}
	return output_finish(source->request->out, error);
}

static gboolean refuse_auto(const HvctlRequest *request, GError **error)
{
	return g_strcmp0(request->pool, "auto") != 0 ||
	       hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
		       "pool auto is computed when it is asked for; it cannot be watched");
}

/* --timeout is for all of it; each call has the usual patience. *@deadline is -1 where there is none. */
static HvctlRequest calls_of(const HvctlRequest *request, gint64 *deadline)
{
	HvctlRequest calls = *request;

	*deadline = request->timeout_ms < 0
			    ? -1
			    : g_get_monotonic_time() + (gint64)request->timeout_ms * 1000;
	calls.timeout_ms = HVCTL_TIMEOUT_MS;
	return calls;
}

HvisExit hvctl_kvp_watch(const HvctlRequest *request, GError **error)
{
	gint64 deadline;
	const HvctlRequest calls = calls_of(request, &deadline);
	g_auto(HvctlSource) source = { 0 };
	g_auto(HvctlTrigger) trigger = { 0 };
	g_auto(Watching) w = { .request = request };
	g_autoptr(GError) ended = NULL;

	if (!refuse_auto(request, error) || !hvctl_source_open(&source, &calls, error) ||
		!hvctl_trigger_open(&trigger, &source, error))
		return HVIS_EXIT_IO;
	while (tell_changes(&source, &w, error) && hvctl_trigger_wait(&trigger, deadline, &ended))
		;
	if (ended && !hvis_error_is(ended, HVIS_ERROR_TIMEOUT)) /* which was asked for */
		g_propagate_error(error, g_steal_pointer(&ended));
	return HVIS_EXIT_OK;
}

/* --- wait --- */

/* TRUE where the wait is over: the key has the value, which is printed; or @error. */
static gboolean is_there(const HvctlSource *source, GError **error)
{
	const HvctlRequest *request = source->request;
	g_autoptr(GError) failed = NULL;
	struct json_object *record =
		hvctl_get(source, request->args[0], request->pool, request->raw, &failed);
	g_autofree char *text = NULL;
	gboolean there;

	if (!record) {
		if (hvis_error_is(failed, HVIS_ERROR_NOT_FOUND))
			return FALSE;
		g_propagate_error(error, g_steal_pointer(&failed));
		return TRUE;
	}
	there = !request->value || g_str_equal(hvctl_record_text(record, "value"), request->value);
	if (there && request->json) {
		output_json(request->out, record, FALSE);
	} else if (there) {
		text = output_escape(hvctl_record_text(record, "value"));
		fprintf(request->out, "%s\n", text);
	}
	json_object_put(record);
	return there;
}

static void say_timeout(const HvctlRequest *request, GError **error)
{
	if (!hvis_error_is(*error, HVIS_ERROR_TIMEOUT))
		return;
	g_clear_error(error);
	hvis_fail(error, HVIS_ERROR_TIMEOUT, "no key \"%s\"%s within %g s", request->args[0],
		request->value ? " with that value" : "", request->timeout_ms / 1000.0);
}

HvisExit hvctl_kvp_wait(const HvctlRequest *request, GError **error)
{
	gint64 deadline;
	const HvctlRequest calls = calls_of(request, &deadline);
	g_auto(HvctlSource) source = { 0 };
	g_auto(HvctlTrigger) trigger = { 0 };

	if (!refuse_auto(request, error) || !hvctl_source_open(&source, &calls, error) ||
		!hvctl_trigger_open(&trigger, &source, error))
		return HVIS_EXIT_IO;
	while (!is_there(&source, error) && hvctl_trigger_wait(&trigger, deadline, error))
		;
	if (*error)
		say_timeout(request, error);
	else
		output_finish(request->out, error);
	return HVIS_EXIT_OK;
}
