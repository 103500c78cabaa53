// SPDX-License-Identifier: GPL-2.0-only
/*
 * SynIC message slots and event flags. The guest reads and writes the same pages at the same time,
 * on other processors: every access that decides something is one atomic operation.
 */
#include "config.h"

#include "host/vm/slot.h"

static gboolean slot_is_free(struct slot_message *slot)
{
	return __atomic_load_n(&slot->type, __ATOMIC_SEQ_CST) == SLOT_FREE;
}

gboolean slot_post(struct slot_message_page *page, guint sint, guint32 type, guint64 origin,
	const void *payload, gsize len)
{
	struct slot_message *slot = &page->slot[sint];
	guint8 padded[HVIS_MESSAGE_MAX] = { 0 };

	g_return_val_if_fail(
		sint < SLOT_SINTS && type != SLOT_FREE && len <= sizeof(padded), FALSE);
	if (!slot_is_free(slot)) {
		__atomic_fetch_or(&slot->flags, SLOT_PENDING, __ATOMIC_SEQ_CST);
		/* The guest may have freed the slot before it could see the flag. */
		if (!slot_is_free(slot))
			return FALSE;
	}
	memcpy(padded, payload, len);
	len = (len + 7) & ~(gsize)7;
	slot->size = (guint8)len;
	slot->flags = 0;
	memset(slot->reserved, 0, sizeof(slot->reserved));
	slot->origin = origin;
	memcpy(slot->payload, padded, len);
	__atomic_store_n(&slot->type, type, __ATOMIC_SEQ_CST);
	return TRUE;
}

gboolean slot_set_flag(struct slot_flag_page *page, guint sint, guint flag)
{
	guint32 bit = 1u << flag % 32;

	g_return_val_if_fail(sint < SLOT_SINTS && flag < SLOT_FLAGS, FALSE);
	return !(__atomic_fetch_or(&page->word[sint][flag / 32], bit, __ATOMIC_SEQ_CST) & bit);
}
