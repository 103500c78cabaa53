/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The structures behind vmbus.h. Nobody outside this folder includes this.
 *
 * The host owns everything: devices live as long as it does, channels as long as their relid is
 * taken, GPADLs until torn down. channel-state.c alone writes a channel's state, contact.c that of
 * the contact.
 */
#pragma once

#include <hvis/gpadl.h>
#include <hvis/ring-reader.h>
#include <hvis/ring-writer.h>
#include "host/vmbus/vmbus.h"

#define VMBUS_RELIDS (HVIS_RELID_MAX + 1)
#define VMBUS_CONNECTION_BASE 0x2000u /* connection id of a channel: this plus the relid */
#define VMBUS_MESSAGE_TYPES 32u

typedef enum {
	CONTACT_NONE,
	CONTACT_MADE, /* version agreed, offers not asked for */
	CONTACT_OFFERED, /* offers delivered; new ones go out at once */
	CONTACT_N,
} ContactState;

typedef enum {
	CHANNEL_IDLE, /* the guest does not know it */
	CHANNEL_OFFERED,
	CHANNEL_OPEN,
	CHANNEL_BROKEN, /* stopped for the guest's misuse; the guest believes it to be open */
	CHANNEL_RESCINDED, /* until the guest releases the relid */
	CHANNEL_GONE,
	CHANNEL_N,
} ChannelState;

typedef enum {
	CHANNEL_EVENT_OFFER,
	CHANNEL_EVENT_OPEN,
	CHANNEL_EVENT_CLOSE,
	CHANNEL_EVENT_BREAK,
	CHANNEL_EVENT_RESCIND,
	CHANNEL_EVENT_RELEASE,
	CHANNEL_EVENT_FORGET, /* unload, new contact, reset */
	CHANNEL_EVENT_N,
} ChannelEvent;

typedef struct {
	struct hvis_gpadl_shape shape;
	GArray *pfns; /* of guint64; complete when there are shape.pages */
} Gpadl;

typedef struct {
	guint64 packets, bytes, signals;
} ChannelTraffic;

struct VmbusChannel { /* g_rc_box */
	VmbusHost *host;
	VmbusDevice *device;
	ChannelState state;
	guint16 index;
	guint32 relid;
	guint8 monitor_id; /* HVIS_MONITOR_NONE: the guest signals by hypercall */
	guint64 owed_release;

	/* while CHANNEL_OPEN */
	guint32 gpadl, target_vp;
	gpointer memory;
	gsize memory_pages;
	struct hvis_ring in, out; /* guest to host, host to guest */
	guint32 wait_room; /* bytes that a send waits for, or 0 */
	guint resume_source; /* goes on with what came while a batch was read */
	gboolean draining;
	GByteArray *scratch; /* the packet being looked at */

	ChannelTraffic received, sent;
	guint64 opens;
	char *fault; /* why the channel was broken, the last time it was */
};

struct VmbusDevice {
	VmbusHost *host;
	VmbusDeviceInfo info;
	char *name;
	gboolean enabled; /* offered, or to be offered with the next contact */
	VmbusChannel *primary; /* NULL while not enabled, or no relid was free */
	GPtrArray *subchannels; /* not owned; those not rescinded, by index */
};

struct VmbusHost {
	Machine *machine;
	VmbusOptions options;
	ContactState contact;
	guint32 version, port, message_vp;

	gpointer monitor; /* the guest's trigger page, mapped; NULL without monitoring */
	VmbusChannel *monitored[HVIS_MONITOR_N]; /* not owned */
	guint monitor_open, monitor_source;

	GPtrArray *devices; /* owned, in order of registration */
	VmbusChannel *channels[VMBUS_RELIDS]; /* owned; every relid that is taken */
	guint32 last_relid;
	GHashTable *gpadls; /* id -> Gpadl */
	guint64 gpadl_pages;
	GArray *owed; /* of guint64: answers promised and not yet handed to the machine */

	guint64 messages_in[VMBUS_MESSAGE_TYPES], messages_out[VMBUS_MESSAGE_TYPES];
	guint64 violations;
	char *last_violation;
};
