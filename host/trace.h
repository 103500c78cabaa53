/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What passed between host and guest, as events: MSR accesses, hypercalls, SynIC messages, ring
 * packets and decoded service messages. Whoever sees traffic emits; whoever wants to watch
 * subscribes. Emitting costs one load while nobody does. Thread-safe to emit; all else, and the
 * calls of subscribers, belong to the thread of the default main context.
 */
#pragma once

#include <glib.h>

typedef enum {
	TRACE_MSR,
	TRACE_HYPERCALL,
	TRACE_MESSAGE, /* SynIC message of VMBus */
	TRACE_PACKET, /* ring packet */
	TRACE_SERVICE, /* decoded message of an integration service, or of the character device */
	TRACE_FAULT, /* a fault was injected */
	TRACE_LAYER_N,
} TraceLayer;

#define TRACE_ALL ((1u << TRACE_LAYER_N) - 1)

typedef enum { TRACE_TO_GUEST, TRACE_TO_HOST, TRACE_NOTE, TRACE_DIR_N } TraceDir;

typedef struct {
	guint64 sequence;
	gint64 time_us; /* CLOCK_REALTIME */
	TraceLayer layer;
	TraceDir dir;
	const char *subject; /* "kvp", "vmbus", "vcpu0" */
	const char *text; /* one decoded line */
	const guint8 *bytes; /* the raw message, may be empty */
	gsize len;
} TraceEvent;

const char *trace_layer_name(TraceLayer layer);
const char *trace_dir_name(TraceDir dir);

/* "message,packet", "all" or "" (all too) to the bits that trace_subscribe() takes. */
gboolean trace_layers_parse(const char *text, guint *ret, GError **error);

gboolean trace_wanted(TraceLayer layer);
void trace_emit(TraceLayer layer, TraceDir dir, const char *subject, const void *bytes, gsize len,
	const char *format, ...) G_GNUC_PRINTF(6, 7);

typedef void (*TraceFunc)(const TraceEvent *event, gpointer data);
/* @layers: bit n = layer n. Returns an id for trace_unsubscribe(). Only events emitted from now on
 * are seen; those still queued when the subscription ends are not. */
guint trace_subscribe(guint layers, TraceFunc func, gpointer data);
void trace_unsubscribe(guint id);

/* Deliver what is queued now, instead of in the next turn of the main loop. */
void trace_flush(void);

/* Remember the last @n events of @layers from now on (0 = stop, forget), and walk them. */
void trace_keep(guint n, guint layers);
void trace_recent(guint layers, TraceFunc func, gpointer data);

/* The event as a JSON object (@bytes: with "bytes", in hexadecimal), and as one line of text without a newline
 * in which control characters are escaped. */
struct json_object *trace_event_json(const TraceEvent *event, gboolean bytes);
char *trace_event_line(const TraceEvent *event);

/* The same line from the members of the JSON form; @text is escaped already. */
char *trace_line(const char *time, const char *layer, const char *direction, const char *subject,
	const char *text);

/*
 * Write every event of @layers to @path, one per line: JSON where the name ends in ".json", else
 * text. The file is replaced. One at a time; closing reports what could not be written.
 */
gboolean trace_file_open(const char *path, guint layers, GError **error);
gboolean trace_file_close(GError **error);
/* What could not be written so far. */
gboolean trace_file_check(GError **error);
