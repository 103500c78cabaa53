/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this folder share. Nobody outside includes it.
 *
 * host.c owns everything: devices live as long as the host, channels as long as their relid is
 * taken, GPADLs until torn down. channel-state.c is the only writer of a channel's state, contact.c
 * of the contact's.
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
	CHANNEL_BROKEN, /* the guest misused the ring; it believes the channel to be open */
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
	guint32 id, relid;
	guint32 pages, have; /* complete when equal */
	guint32 byte_offset, byte_count;
	gboolean refused;
	GArray *pfns; /* of guint64 */
} Gpadl;

typedef struct {
	guint64 packets, bytes;
	guint64 signals; /* sent, or received */
} ChannelTraffic;

struct VmbusChannel {
	VmbusHost *host;
	VmbusDevice *device;
	ChannelState state;
	guint16 index;
	guint32 relid;
	guint8 monitor_id; /* HVIS_MONITOR_NONE: signals by hypercall */
	guint64 owed_release;

	/* while CHANNEL_OPEN */
	guint32 gpadl, target_vp;
	gpointer memory;
	gsize memory_pages;
	struct hvis_ring in, out; /* guest to host, host to guest */
	guint32 wait_room; /* bytes that a send waits for, or 0 */
	guint resume_source; /* drains the rest of a long batch */
	gboolean draining;
	GByteArray *scratch;

	ChannelTraffic received, sent;
	guint64 opens;
	char *fault; /* why the channel is broken, the last time it was */
};

struct VmbusDevice {
	VmbusHost *host;
	VmbusDeviceInfo info;
	char *name;
	gboolean enabled; /* offered, or to be offered with the next contact */
	VmbusChannel *primary; /* NULL while there is no relid for it */
	GPtrArray *subchannels; /* not owned */
};

struct VmbusHost {
	Machine *machine;
	VmbusOptions options;
	ContactState contact;
	guint32 version, port, message_vp;
	guint8 *monitor[2]; /* mapped monitor pages: host to guest, guest to host */
	guint monitor_source, monitor_channels;
	guint32 monitor_taken[HVIS_MONITOR_GROUPS];

	GPtrArray *devices; /* of VmbusDevice, owned, in order of registration */
	VmbusChannel *channels[VMBUS_RELIDS]; /* owned; every relid that is taken */
	guint32 last_relid;
	GHashTable *gpadls; /* id -> Gpadl */
	guint64 gpadl_pages;
	GArray *owed; /* of guint64: answers that were promised and not yet handed to the machine */

	guint64 messages_in[VMBUS_MESSAGE_TYPES], messages_out[VMBUS_MESSAGE_TYPES];
	guint64 violations;
	char *last_violation;
};
