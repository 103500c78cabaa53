/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way from the host to the guest: a queue of messages per processor in front of its one slot,
 * and event flags. Main context only.
 */
#pragma once

#include <glib.h>

typedef struct Delivery Delivery;
typedef struct slot_message_page SlotMessagePage;
typedef struct slot_flag_page SlotFlagPage;

/* What it needs of the machine; a SynIC, or a test. */
typedef struct {
	SlotMessagePage *(*message_page)(gpointer data, guint vp); /* NULL: off */
	SlotFlagPage *(*flag_page)(gpointer data, guint vp);
	gboolean (*raise)(gpointer data, guint vp); /* FALSE: masked */
	/* The slot of @vp is in use; delivery_pump() is wanted when it may be free, or no more. */
	void (*await)(gpointer data, guint vp, gboolean wanted);
} DeliveryOps;

typedef struct {
	guint64 messages, messages_dropped, slot_busy, retries;
	guint64 flags, flags_dropped, interrupts, interrupts_masked;
} DeliveryCounters;

Delivery *delivery_new(guint vps, const DeliveryOps *ops, gpointer data);
void delivery_free(Delivery *delivery);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Delivery, delivery_free)

void delivery_post(Delivery *delivery, guint vp, const void *payload, gsize len);
void delivery_set_flag(Delivery *delivery, guint vp, guint flag);
/* Put what is waiting into the slot of @vp, if it is free now. */
void delivery_pump(Delivery *delivery, guint vp);
/* Forget what is waiting. */
void delivery_flush(Delivery *delivery);

guint delivery_waiting(const Delivery *delivery, guint vp);
const DeliveryCounters *delivery_counters(const Delivery *delivery);
