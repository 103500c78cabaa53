/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What passed between host and guest, as events: MSR accesses, hypercalls, SynIC messages, ring
 * packets and decoded service messages. Whoever sees traffic emits; whoever wants to watch
 * subscribes. Emitting costs one load while nobody does. Thread-safe to emit; subscribers are
 * called on the main context, in order.
 */
#pragma once

#include <glib.h>

typedef enum {
	TRACE_MSR,
	TRACE_HYPERCALL,
	TRACE_MESSAGE, /* SynIC message of VMBus */
	TRACE_PACKET,  /* ring packet */
	TRACE_SERVICE, /* decoded message of an integration service, or of the character device */
	TRACE_FAULT,   /* a fault was injected */
	TRACE_LAYER_N,
} TraceLayer;

typedef enum { TRACE_TO_GUEST, TRACE_TO_HOST, TRACE_NOTE, TRACE_DIR_N } TraceDir;

typedef struct {
	guint64 sequence;
	gint64 time_us; /* CLOCK_REALTIME */
	TraceLayer layer;
	TraceDir dir;
	const char *subject; /* "kvp", "vmbus", "vcpu0" */
	const char *text;    /* one decoded line */
	const guint8 *bytes; /* the raw message, may be empty */
	gsize len;
} TraceEvent;

const char *trace_layer_name(TraceLayer layer);
const char *trace_dir_name(TraceDir dir);

gboolean trace_wanted(TraceLayer layer);
void trace_emit(TraceLayer layer, TraceDir dir, const char *subject, const void *bytes, gsize len,
	const char *format, ...) G_GNUC_PRINTF(6, 7);

typedef void (*TraceFunc)(const TraceEvent *event, gpointer data);
/* @layers: bit n = layer n. Returns an id for trace_unsubscribe(). */
guint trace_subscribe(guint layers, TraceFunc func, gpointer data);
void trace_unsubscribe(guint id);
