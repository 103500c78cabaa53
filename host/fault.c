/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fault table: which rule meets which message, and what becomes of the message.
 *
 * Owns the rules and every message that is held back. A message that is held back belongs to its
 * receiver's key alone: the rule may be gone by the time it is delivered. The text form of a rule
 * is parsed in fault-rule.c.
 */
#include "config.h"

#include <string.h>

#include <json-c/json.h>

#include "host/fault-rule.h"
#include "host/fault.h"
#include "host/trace.h"
#include "util/error.h"

typedef struct {
	FaultRule rule;
	guint id;
	guint64 matched, fired;
	GRand *rand;
} Entry;

typedef struct {
	FaultPoint point;
	gpointer target;
	FaultDeliver deliver;
	gboolean until_next; /* reorder: goes out right after the next message to the target */
	guint timer;
	gsize len;
	guint8 bytes[];
} Held;

static GList *entries; /* Entry, in the order of fault_add() */
static GList *held; /* Held */
static guint last_id;
static void (*rescind_func)(const char *service, gpointer data);
static gpointer rescind_data;

static void entry_free(gpointer data)
{
	Entry *entry = data;

	fault_rule_clear(&entry->rule);
	g_rand_free(entry->rand);
	g_free(entry);
}

guint fault_add(const char *text, GError **error)
{
	FaultRule rule = { 0 };
	Entry *entry;

	if (!fault_rule_parse(text, &rule, error))
		return 0;
	entry = g_new0(Entry, 1);
	entry->rule = rule;
	entry->id = ++last_id;
	entry->rand = g_rand_new_with_seed(rule.seed);
	entries = g_list_append(entries, entry);
	return entry->id;
}

gboolean fault_remove(guint id)
{
	for (GList *l = entries; l; l = l->next) {
		Entry *entry = l->data;

		if (entry->id != id)
			continue;
		entries = g_list_delete_link(entries, l);
		entry_free(entry);
		return TRUE;
	}
	return FALSE;
}

void fault_clear(void)
{
	g_list_free_full(g_steal_pointer(&entries), entry_free);
}

struct json_object *fault_describe(void)
{
	struct json_object *rules = json_object_new_array();

	for (GList *l = entries; l; l = l->next) {
		const Entry *entry = l->data;
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "id", json_object_new_int64(entry->id));
		json_object_object_add(o, "rule", json_object_new_string(entry->rule.text));
		json_object_object_add(o, "matched", json_object_new_uint64(entry->matched));
		json_object_object_add(o, "fired", json_object_new_uint64(entry->fired));
		json_object_array_add(rules, o);
	}
	return rules;
}

void fault_set_rescind(void (*rescind)(const char *service, gpointer data), gpointer data)
{
	rescind_func = rescind;
	rescind_data = data;
}

static gboolean entry_fires(Entry *entry)
{
	const FaultRule *rule = &entry->rule;

	entry->matched++;
	if (entry->matched <= rule->after)
		return FALSE;
	if (rule->count && entry->fired >= rule->count)
		return FALSE;
	/* Drawn for every message that could be met, so that the n-th decision is always the same. */
	if (rule->probability < 1 && g_rand_double(entry->rand) >= rule->probability)
		return FALSE;
	entry->fired++;
	return TRUE;
}

static Entry *find_firing(FaultPoint point, const char *subject)
{
	for (GList *l = entries; l; l = l->next) {
		Entry *entry = l->data;

		if (fault_rule_matches(&entry->rule, point, subject) && entry_fires(entry))
			return entry;
	}
	return NULL;
}

static void held_free(Held *h)
{
	if (h->timer)
		g_source_remove(h->timer);
	g_free(h);
}

static gboolean on_held_due(gpointer data)
{
	Held *h = data;

	h->timer = 0;
	held = g_list_remove(held, h);
	h->deliver(h->target, h->bytes, h->len);
	held_free(h);
	return G_SOURCE_REMOVE;
}

static void hold(FaultPoint point, gpointer target, const void *bytes, gsize len,
	FaultDeliver deliver, guint time_ms, gboolean until_next)
{
	Held *h = g_malloc0(sizeof(*h) + len);

	h->point = point;
	h->target = target;
	h->deliver = deliver;
	h->until_next = until_next;
	h->len = len;
	if (len)
		memcpy(h->bytes, bytes, len);
	h->timer = g_timeout_add(time_ms, on_held_due, h);
	held = g_list_append(held, h);
}

void fault_forget(gpointer target)
{
	for (GList *l = held, *next; l; l = next) {
		Held *h = l->data;

		next = l->next;
		if (h->target != target)
			continue;
		held = g_list_delete_link(held, l);
		held_free(h);
	}
}

static Held *find_overtaken(FaultPoint point, gpointer target)
{
	for (GList *l = held; l; l = l->next) {
		Held *h = l->data;

		if (h->target == target && h->point == point && h->until_next)
			return h;
	}
	return NULL;
}

/* The message itself, then what a reorder rule held back until it had passed. The list is searched
 * anew each time: @deliver may send, and may forget the target. */
static void deliver_now(
	FaultPoint point, gpointer target, const guint8 *bytes, gsize len, FaultDeliver deliver)
{
	Held *h;

	deliver(target, bytes, len);
	while (held && (h = find_overtaken(point, target))) {
		held = g_list_remove(held, h);
		h->deliver(h->target, h->bytes, h->len);
		held_free(h);
	}
}

static gboolean on_rescind(gpointer service)
{
	if (rescind_func)
		rescind_func(service, rescind_data);
	return G_SOURCE_REMOVE;
}

/* Before an answer that is there already is read: "in the middle". Not a timer of 0 ms: the main
 * loop's idea of now may be older than that, and then the answer is first. */
static void rescind_later(const char *service, guint time_ms)
{
	if (time_ms)
		g_timeout_add_full(G_PRIORITY_HIGH, time_ms, on_rescind, g_strdup(service), g_free);
	else
		g_idle_add_full(G_PRIORITY_HIGH, on_rescind, g_strdup(service), g_free);
}

/* One byte or, with offset= and xor=, the one that was asked for. Past the end: unchanged. */
static void corrupt(Entry *entry, guint8 *bytes, gsize len, gsize keep)
{
	const FaultRule *rule = &entry->rule;
	gsize at;
	guint8 mask;

	if (len <= keep)
		return;
	at = rule->offset >= 0 ? (gsize)rule->offset
			       : (gsize)(g_rand_double(entry->rand) * (double)(len - keep));
	mask = rule->mask ? rule->mask : (guint8)g_rand_int_range(entry->rand, 1, 256);
	if (at < len - keep)
		bytes[keep + at] ^= mask;
}

static gsize truncated_length(const FaultRule *rule, gsize len, gsize keep)
{
	gsize payload = len > keep ? len - keep : 0;
	gsize length = rule->length >= 0 ? (gsize)rule->length : payload / 2;

	return len - payload + MIN(length, payload);
}

static void apply(Entry *entry, FaultPoint point, const char *subject, gpointer target,
	const guint8 *bytes, gsize len, gsize keep, FaultDeliver deliver)
{
	const FaultRule *rule = &entry->rule;
	g_autofree guint8 *copy = NULL;

	switch (rule->action) {
	case FAULT_DROP:
		return;
	case FAULT_DELAY:
		hold(point, target, bytes, len, deliver, rule->time_ms, FALSE);
		return;
	case FAULT_REORDER:
		if (find_overtaken(point, target))
			break; /* this is the one that the held one waits for */
		hold(point, target, bytes, len, deliver, rule->time_ms, TRUE);
		return;
	case FAULT_DUPLICATE:
		/* The second first: @deliver may end with the target gone and this forgotten. */
		hold(point, target, bytes, len, deliver, rule->time_ms, FALSE);
		break;
	case FAULT_TRUNCATE:
		len = truncated_length(rule, len, keep);
		break;
	case FAULT_CORRUPT:
		copy = g_memdup2(bytes, len);
		corrupt(entry, copy, len, keep);
		bytes = copy;
		break;
	case FAULT_RESCIND:
		rescind_later(subject, rule->time_ms);
		break;
	case FAULT_ACTION_N:
		g_assert_not_reached();
	}
	deliver_now(point, target, bytes, len, deliver);
}

void fault_send(FaultPoint point, const char *subject, gpointer target, const void *bytes,
	gsize len, gsize keep, FaultDeliver deliver)
{
	Entry *entry = entries ? find_firing(point, subject) : NULL;

	if (!entry) {
		deliver_now(point, target, bytes, len, deliver);
		return;
	}
	trace_emit(TRACE_FAULT, TRACE_NOTE, subject, bytes, len, "rule %u: %s %s/%s", entry->id,
		fault_action_name(entry->rule.action), fault_point_name(point), subject);
	apply(entry, point, subject, target, bytes, len, keep, deliver);
}
