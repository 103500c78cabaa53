// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages wait for the end-of-message notification. A guest that polls its slot with interrupts
 * off, as Linux does while it panics, may never send one: while a slot is in use a slow timer looks
 * again. It does not run otherwise.
 */
#include "config.h"

#include "host/vm/delivery.h"

#include <string.h>
#include "host/vm/slot.h"
#include "host/vm/vm.h"

#define DELIVERY_RETRY_MS 50
#define DELIVERY_ORIGIN 1u /* port that messages seem to come from; Linux ignores it */
#define DELIVERY_WAITING_MAX 8192u /* offers of 2047 channels and more */

typedef struct {
	gsize len;
	guint8 payload[HVIS_MESSAGE_MAX];
} DeliveryMessage;

struct Delivery {
	const DeliveryOps *ops;
	gpointer data;
	guint vps;
	GQueue waiting[VM_CPUS_MAX]; /* of DeliveryMessage */
	gboolean busy[VM_CPUS_MAX];
	guint retry_id;
	DeliveryCounters counters;
};

Delivery *delivery_new(guint vps, const DeliveryOps *ops, gpointer data)
{
	Delivery *delivery = g_new0(Delivery, 1);

	delivery->ops = ops;
	delivery->data = data;
	delivery->vps = MIN(vps, VM_CPUS_MAX);
	for (guint vp = 0; vp < VM_CPUS_MAX; vp++)
		g_queue_init(&delivery->waiting[vp]);
	return delivery;
}

void delivery_free(Delivery *delivery)
{
	if (!delivery)
		return;
	for (guint vp = 0; vp < VM_CPUS_MAX; vp++)
		g_queue_clear_full(&delivery->waiting[vp], g_free);
	g_clear_handle_id(&delivery->retry_id, g_source_remove);
	g_free(delivery);
}

static gboolean on_retry(gpointer data)
{
	Delivery *delivery = data;
	gboolean any = FALSE;

	for (guint vp = 0; vp < delivery->vps; vp++) {
		if (!delivery->busy[vp])
			continue;
		delivery->counters.retries++;
		delivery_pump(delivery, vp);
		any |= delivery->busy[vp];
	}
	if (any)
		return G_SOURCE_CONTINUE;
	delivery->retry_id = 0;
	return G_SOURCE_REMOVE;
}

static void delivery_set_busy(Delivery *delivery, guint vp, gboolean busy)
{
	if (delivery->busy[vp] == busy)
		return;
	delivery->busy[vp] = busy;
	delivery->ops->await(delivery->data, vp, busy);
	if (busy && !delivery->retry_id)
		delivery->retry_id = g_timeout_add(DELIVERY_RETRY_MS, on_retry, delivery);
}

static void delivery_raise(Delivery *delivery, guint vp)
{
	if (delivery->ops->raise(delivery->data, vp))
		delivery->counters.interrupts++;
	else
		delivery->counters.interrupts_masked++;
}

/* FALSE: the slot is in use. */
static gboolean delivery_put(Delivery *delivery, guint vp, SlotMessagePage *page)
{
	DeliveryMessage *message = g_queue_peek_head(&delivery->waiting[vp]);

	if (!slot_post(page, HVIS_SINT, HVIS_MESSAGE_TYPE, DELIVERY_ORIGIN, message->payload,
		    message->len)) {
		delivery->counters.slot_busy++;
		return FALSE;
	}
	g_free(g_queue_pop_head(&delivery->waiting[vp]));
	delivery->counters.messages++;
	delivery_raise(delivery, vp);
	return TRUE;
}

void delivery_pump(Delivery *delivery, guint vp)
{
	gboolean busy = FALSE;

	g_return_if_fail(vp < delivery->vps);
	while (!busy && !g_queue_is_empty(&delivery->waiting[vp])) {
		SlotMessagePage *page = delivery->ops->message_page(delivery->data, vp);

		if (!page) /* the guest will write the register, and that ends up here */
			break;
		busy = !delivery_put(delivery, vp, page);
	}
	delivery_set_busy(delivery, vp, busy);
}

void delivery_post(Delivery *delivery, guint vp, const void *payload, gsize len)
{
	DeliveryMessage *message;

	if (vp >= delivery->vps || len > HVIS_MESSAGE_MAX ||
		delivery->waiting[vp].length >= DELIVERY_WAITING_MAX) {
		delivery->counters.messages_dropped++;
		return;
	}
	message = g_new0(DeliveryMessage, 1);
	message->len = len;
	memcpy(message->payload, payload, len);
	g_queue_push_tail(&delivery->waiting[vp], message);
	if (!delivery->busy[vp])
		delivery_pump(delivery, vp);
}

void delivery_set_flag(Delivery *delivery, guint vp, guint flag)
{
	SlotFlagPage *page = NULL;

	if (vp < delivery->vps && flag < SLOT_FLAGS)
		page = delivery->ops->flag_page(delivery->data, vp);
	if (!page) {
		delivery->counters.flags_dropped++;
		return;
	}
	delivery->counters.flags++;
	if (slot_set_flag(page, HVIS_SINT, flag))
		delivery_raise(delivery, vp);
}

void delivery_flush(Delivery *delivery)
{
	for (guint vp = 0; vp < delivery->vps; vp++) {
		g_queue_clear_full(&delivery->waiting[vp], g_free);
		delivery_set_busy(delivery, vp, FALSE);
	}
}

guint delivery_waiting(const Delivery *delivery, guint vp)
{
	return delivery->waiting[vp].length;
}

const DeliveryCounters *delivery_counters(const Delivery *delivery)
{
	return &delivery->counters;
}
