/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connection ids that HvSignalEvent may name: an eventfd each, which KVM or a processor thread
 * writes and the main context watches.
 */
#pragma once

#include <glib.h>

#define SIGNALS_ID_MAX 0xffffffu

typedef struct Signals Signals;

/* @signalled: main context. */
Signals *signals_new(void (*signalled)(gpointer data, guint32 id), gpointer data);
void signals_free(Signals *signals);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Signals, signals_free)

/* The eventfd for @id, which stays this table's; -1 with @error. */
int signals_add(Signals *signals, guint32 id, GError **error);
void signals_remove(Signals *signals, guint32 id);
/* -1: there is none. */
int signals_find(Signals *signals, guint32 id);
guint signals_count(Signals *signals);
/* Call @func for all; @func must not change the table. FALSE as soon as @func says so. */
gboolean signals_foreach(Signals *signals,
	gboolean (*func)(guint32 id, int eventfd, gpointer data, GError **error), gpointer data,
	GError **error);

/* From any thread: signal @id. FALSE: there is no such connection. */
gboolean signals_raise(Signals *signals, guint32 id);
