/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this folder call in each other; their tests may as well. Handlers of messages
 * get a message that is at least as long as dispatch.c's table says.
 */
#pragma once

#include "host/vmbus/model.h"

/* --- text.c --- */

const char *vmbus_message_name(guint32 type); /* "OPEN_RESULT"; NULL if unknown */
char *vmbus_message_text(const void *message, gsize len); /* one line; any bytes */
char *vmbus_guid_text(const struct hvis_guid *guid);
char *vmbus_version_text(guint32 version); /* "5.3" */
const char *vmbus_packet_name(guint16 type);
const char *channel_state_name(ChannelState state);
const char *contact_state_name(ContactState state);

/* --- message.c --- */

/* An answer the guest waits for is due from now on. Give the id to vmbus_send(). */
guint64 vmbus_promise(VmbusHost *host, const char *what, ...) G_GNUC_PRINTF(2, 3);
void vmbus_forget_promises(VmbusHost *host);

/* Complete the header and send. @relid: of the channel that it concerns, or 0. @owed may be 0. */
void vmbus_send(
	VmbusHost *host, guint32 type, guint32 relid, guint64 owed, gpointer message, gsize len);

/* The guest did what it must not: count it, trace it, go on. */
void vmbus_violation(VmbusHost *host, const char *what, ...) G_GNUC_PRINTF(2, 3);

/* --- dispatch.c --- */

typedef void (*VmbusHandler)(VmbusHost *host, const guint8 *message, gsize len);
void vmbus_dispatch(VmbusHost *host, guint32 port, const guint8 *message, gsize len);

/* --- contact.c --- */

guint32 contact_ports(const VmbusHost *host); /* mask for MachineOps.set_ports() */
void contact_initiate(VmbusHost *host, guint32 port, const guint8 *message, gsize len);
void contact_request_offers(VmbusHost *host, const guint8 *message, gsize len);
void contact_unload(VmbusHost *host, const guint8 *message, gsize len);
void contact_tl_connect(VmbusHost *host, const guint8 *message, gsize len);
/* The guest is gone or starts anew: all that it was told and gave is forgotten. */
void contact_drop(VmbusHost *host);

/* --- gpadl.c --- */

GHashTable *gpadl_table_new(void);
void gpadl_header(VmbusHost *host, const guint8 *message, gsize len);
void gpadl_body(VmbusHost *host, const guint8 *message, gsize len);
void gpadl_teardown(VmbusHost *host, const guint8 *message, gsize len);
gboolean gpadl_complete(const Gpadl *gpadl);
void gpadl_drop_all(VmbusHost *host, guint32 relid); /* those of @relid; 0: all */

/* --- channel-state.c --- */

/* FALSE: the event has no place in the state, and nothing happened. May free the channel. */
gboolean channel_post(VmbusChannel *channel, ChannelEvent event);

/* --- channel.c --- */

VmbusChannel *channel_new(VmbusDevice *device, guint16 index); /* NULL: no relid is free */
void channel_unref(VmbusChannel *channel);
VmbusChannel *channel_find(VmbusHost *host, guint32 relid); /* of any state, or NULL */
void channel_send_offer(VmbusChannel *channel);
void channel_send_rescind(VmbusChannel *channel);
/* Off the device and its relid, rescinded or forgotten; the relid may be taken again. */
void channel_detach(VmbusChannel *channel);
void channel_remove(VmbusChannel *channel);
void channel_open(VmbusHost *host, const guint8 *message, gsize len);
void channel_close(VmbusHost *host, const guint8 *message, gsize len);
void channel_modify(VmbusHost *host, const guint8 *message, gsize len);
void channel_released(VmbusHost *host, const guint8 *message, gsize len);
void channel_stop(VmbusChannel *channel); /* let go of the guest's memory, then tell the device */
/* Stop an open channel because the guest misused it. */
void channel_break(VmbusChannel *channel, const char *why, ...) G_GNUC_PRINTF(2, 3);

/* --- offer.c --- */

void offer_all(VmbusHost *host); /* every enabled device, in order */
void offer_waiting(VmbusHost *host); /* those that found no relid */
void offer_rescind_subchannels(VmbusDevice *device);

/* --- traffic.c --- */

void traffic_signalled(VmbusHost *host, guint32 connection_id);
/* Read what is there, and see whether there is room for who waits for it. */
void traffic_run(VmbusChannel *channel);
const char *traffic_fault_text(enum hvis_ring_fault fault);

/* --- monitor.c --- */

gboolean monitor_map(VmbusHost *host, guint64 address, GError **error);
void monitor_unmap(VmbusHost *host);
void monitor_assign(VmbusChannel *channel); /* a trigger bit, where the device asks for one */
void monitor_release(VmbusChannel *channel);
void monitor_start(VmbusChannel *channel); /* open */
void monitor_stop(VmbusChannel *channel);
void monitor_look(VmbusHost *host); /* once, at all triggers */
