/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event queue behind trace.h: any thread appends, the main context takes off and hands out.
 *
 * The queue is bounded: a main loop that is stuck must not eat the memory of the machine that
 * shall find out why. What did not fit is counted and shown as one note. How an event looks as
 * text, as JSON and in a file is in trace-format.c.
 */
#include "config.h"

#include <string.h>

#include "host/trace.h"
#include "util/error.h"

#define TRACE_QUEUE_MAX 65536u /* events not yet handed out */

typedef struct {
	TraceEvent event;
	char *subject, *text;
	guint8 bytes[];
} Stored;

typedef struct {
	guint id, layers;
	guint64 from; /* first sequence number that it sees */
	TraceFunc func;
	gpointer data;
} Subscriber;

/* Under lock: whatever emitters on other threads touch. */
static GMutex lock;
static GQueue queue = G_QUEUE_INIT;
static guint64 next_sequence = 1, lost;
static GSource *wakeup; /* pending hand-out */

static guint wanted; /* atomic: union of the layers of all subscribers and of the keeper */

/* Main context only. */
static GList *subscribers;
static guint last_id, handing_out;
static GQueue kept = G_QUEUE_INIT;
static guint keep_max, keep_layers;

static const char *const layer_names[] = {
	[TRACE_MSR] = "msr",
	[TRACE_HYPERCALL] = "hypercall",
	[TRACE_MESSAGE] = "message",
	[TRACE_PACKET] = "packet",
	[TRACE_SERVICE] = "service",
	[TRACE_FAULT] = "fault",
};
G_STATIC_ASSERT(G_N_ELEMENTS(layer_names) == TRACE_LAYER_N);

static const char *const dir_names[] = {
	[TRACE_TO_GUEST] = "to-guest",
	[TRACE_TO_HOST] = "to-host",
	[TRACE_NOTE] = "note",
};
G_STATIC_ASSERT(G_N_ELEMENTS(dir_names) == TRACE_DIR_N);

const char *trace_layer_name(TraceLayer layer)
{
	return (guint)layer < TRACE_LAYER_N ? layer_names[layer] : "?";
}

const char *trace_dir_name(TraceDir dir)
{
	return (guint)dir < TRACE_DIR_N ? dir_names[dir] : "?";
}

gboolean trace_layers_parse(const char *text, guint *ret, GError **error)
{
	g_auto(GStrv) names = g_strsplit(text, ",", -1);
	guint layers = 0;

	if (!*text || !strcmp(text, "all")) {
		*ret = TRACE_ALL;
		return TRUE;
	}
	for (char **name = names; *name; name++) {
		guint layer = 0;

		while (layer < TRACE_LAYER_N && strcmp(*name, layer_names[layer]))
			layer++;
		if (layer == TRACE_LAYER_N)
			return hvis_fail(error, HVIS_ERROR_INVALID,
				"\"%s\" is no trace layer (msr, hypercall, message, packet, "
				"service, fault, all)",
				*name);
		layers |= 1u << layer;
	}
	*ret = layers;
	return TRUE;
}

gboolean trace_wanted(TraceLayer layer)
{
	return __atomic_load_n(&wanted, __ATOMIC_RELAXED) >> layer & 1;
}

static void update_wanted(void)
{
	guint layers = keep_max ? keep_layers : 0;

	for (GList *l = subscribers; l; l = l->next)
		layers |= ((Subscriber *)l->data)->layers;
	__atomic_store_n(&wanted, layers, __ATOMIC_RELAXED);
}

static void stored_free(gpointer data)
{
	Stored *stored = data;

	g_free(stored->subject);
	g_free(stored->text);
	g_free(stored);
}

static Stored *stored_new(TraceLayer layer, TraceDir dir, const char *subject, const void *bytes,
	gsize len, char *text)
{
	Stored *stored = g_malloc(sizeof(*stored) + len);

	stored->subject = g_strdup(subject);
	stored->text = text;
	if (len)
		memcpy(stored->bytes, bytes, len);
	stored->event = (TraceEvent){
		.time_us = g_get_real_time(),
		.layer = layer,
		.dir = dir,
		.subject = stored->subject,
		.text = stored->text,
		.bytes = stored->bytes,
		.len = len,
	};
	return stored;
}

static gboolean on_wakeup(gpointer data G_GNUC_UNUSED)
{
	trace_flush();
	return G_SOURCE_CONTINUE; /* removed with the last event */
}

/* With the lock held. */
static void queue_push(Stored *stored)
{
	stored->event.sequence = next_sequence++;
	g_queue_push_tail(&queue, stored);
	if (wakeup)
		return;
	wakeup = g_idle_source_new();
	g_source_set_priority(wakeup, G_PRIORITY_DEFAULT);
	g_source_set_callback(wakeup, on_wakeup, NULL, NULL);
	g_source_attach(wakeup, NULL);
}

void trace_emit(TraceLayer layer, TraceDir dir, const char *subject, const void *bytes, gsize len,
	const char *format, ...)
{
	Stored *stored;
	va_list args;

	if (!trace_wanted(layer))
		return;
	va_start(args, format);
	stored = stored_new(layer, dir, subject, bytes, len, g_strdup_vprintf(format, args));
	va_end(args);

	g_mutex_lock(&lock);
	if (queue.length < TRACE_QUEUE_MAX) {
		queue_push(g_steal_pointer(&stored));
	} else {
		next_sequence++;
		lost++;
	}
	g_mutex_unlock(&lock);
	g_clear_pointer(&stored, stored_free);
}

/* With the lock held. */
static Stored *lost_note(void)
{
	Stored *note = stored_new(TRACE_FAULT, TRACE_NOTE, "trace", NULL, 0,
		g_strdup_printf("%" G_GUINT64_FORMAT
				" events lost: the host was too busy to write them down",
			lost));

	note->event.sequence = next_sequence++;
	lost = 0;
	return note;
}

/* The next event below number @end, NULL where that is all. */
static Stored *queue_pop(guint64 end)
{
	Stored *stored;

	g_mutex_lock(&lock);
	stored = g_queue_peek_head(&queue);
	if (stored && stored->event.sequence >= end)
		stored = NULL;
	else if (stored)
		g_queue_pop_head(&queue);
	else if (lost)
		stored = lost_note();
	if (g_queue_is_empty(&queue) && !stored && wakeup) {
		g_source_destroy(wakeup);
		g_clear_pointer(&wakeup, g_source_unref);
	}
	g_mutex_unlock(&lock);
	return stored;
}

/* A subscriber may subscribe and unsubscribe, itself as well as others, while it is called: the
 * dead are only marked (func = NULL) until the outermost round is over. */
static void bury_the_dead(void)
{
	for (GList *l = subscribers, *next; l; l = next) {
		Subscriber *s = l->data;

		next = l->next;
		if (s->func)
			continue;
		subscribers = g_list_delete_link(subscribers, l);
		g_free(s);
	}
}

static void hand_out(const TraceEvent *event)
{
	handing_out++;
	for (GList *l = subscribers; l; l = l->next) {
		Subscriber *s = l->data;

		if (s->func && event->sequence >= s->from && s->layers >> event->layer & 1)
			s->func(event, s->data);
	}
	if (--handing_out == 0)
		bury_the_dead();
}

static void keep(Stored *stored)
{
	if (!keep_max || !(keep_layers >> stored->event.layer & 1)) {
		stored_free(stored);
		return;
	}
	g_queue_push_tail(&kept, stored);
	while (kept.length > keep_max)
		stored_free(g_queue_pop_head(&kept));
}

/* What comes in meanwhile is for the next turn: a guest that never rests must not keep us here. */
void trace_flush(void)
{
	Stored *stored;
	guint64 end;

	g_mutex_lock(&lock);
	end = next_sequence;
	g_mutex_unlock(&lock);
	while ((stored = queue_pop(end))) {
		hand_out(&stored->event);
		keep(stored);
	}
}

guint trace_subscribe(guint layers, TraceFunc func, gpointer data)
{
	Subscriber *s = g_new0(Subscriber, 1);

	s->id = ++last_id;
	s->layers = layers;
	s->func = func;
	s->data = data;
	g_mutex_lock(&lock);
	s->from = next_sequence;
	g_mutex_unlock(&lock);
	subscribers = g_list_append(subscribers, s);
	update_wanted();
	return s->id;
}

void trace_unsubscribe(guint id)
{
	for (GList *l = subscribers; l; l = l->next) {
		Subscriber *s = l->data;

		if (s->id == id) {
			s->func = NULL;
			s->layers = 0;
		}
	}
	if (!handing_out)
		bury_the_dead();
	update_wanted();
}

void trace_keep(guint n, guint layers)
{
	keep_max = n;
	keep_layers = layers;
	while (kept.length > keep_max)
		stored_free(g_queue_pop_head(&kept));
	update_wanted();
}

void trace_recent(guint layers, TraceFunc func, gpointer data)
{
	trace_flush();
	for (GList *l = kept.head; l; l = l->next) {
		const Stored *stored = l->data;

		if (layers >> stored->event.layer & 1)
			func(&stored->event, data);
	}
}
