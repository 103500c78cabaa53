/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two pages that a virtual processor shares with the hypervisor for its SynIC: a message slot
 * and 2048 event flags per SINT. Bare protocol on the page, no interrupts, no queue.
 *
 * Layout and order from the hypervisor's functional specification: the hypervisor writes the type
 * of a message last; the guest frees the slot by clearing the type, and writes the end-of-message
 * register where the pending flag is set.
 */
#pragma once

#include <glib.h>
#include <hvis/vmbus.h>

#define SLOT_SINTS 16u
#define SLOT_FLAGS 2048u /* per SINT */
#define SLOT_FREE 0u /* message type of an empty slot */
#define SLOT_PENDING 1u /* message flag: another one is waiting */

struct slot_message {
	guint32 type;
	guint8 size;
	guint8 flags;
	guint8 reserved[2];
	guint64 origin; /* port the message came from */
	guint8 payload[HVIS_MESSAGE_MAX];
};

struct slot_message_page {
	struct slot_message slot[SLOT_SINTS];
};

struct slot_flag_page {
	guint32 word[SLOT_SINTS][SLOT_FLAGS / 32];
};

static_assert(sizeof(struct slot_message_page) == HVIS_PAGE_SIZE, "SynIC message page");
static_assert(sizeof(struct slot_flag_page) == HVIS_PAGE_SIZE, "SynIC event flag page");

/*
 * Put a message into the slot of @sint. FALSE where the slot is in use: then the pending flag is
 * set, so that the guest will tell when it is free. @len is rounded up to 8 with zeros.
 */
gboolean slot_post(struct slot_message_page *page, guint sint, guint32 type, guint64 origin,
	const void *payload, gsize len);

/* Set event flag @flag of @sint. TRUE where it was clear: the guest wants an interrupt. */
gboolean slot_set_flag(struct slot_flag_page *page, guint sint, guint flag);
