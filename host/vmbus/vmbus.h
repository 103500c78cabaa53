/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host end of VMBus: contact, offers, GPADLs, channels. Services and devices sit on top and
 * see devices and channels only; the machine below is machine.h.
 *
 * A device is one offer (type and instance); its primary channel and its sub-channels are opened by
 * the guest. Everything here runs on the main context. Guest memory is hostile: packets are copied
 * out of the ring once and checked before anyone sees them.
 */
#pragma once

#include <glib.h>
#include <hvis/vmbus.h>
#include "host/vmbus/machine.h"

typedef struct VmbusHost VmbusHost;
typedef struct VmbusDevice VmbusDevice;
typedef struct VmbusChannel VmbusChannel;

/* A packet out of the guest's ring. The bytes are a private copy. */
typedef struct {
	guint16 type; /* HVIS_PACKET_… of hvis/ring.h */
	guint16 flags; /* bit 0: completion requested */
	guint64 xid;
	const guint8 *header; /* what lies between the descriptor and the payload; may be empty */
	gsize header_len;
	const guint8 *payload;
	gsize payload_len; /* rounded up to 8 by the wire */
} VmbusPacket;

typedef struct {
	void (*opened)(VmbusChannel *channel, gpointer data);
	void (*packet)(VmbusChannel *channel, const VmbusPacket *packet, gpointer data);
	/* Room in the host-to-guest ring again, after a send that found none. */
	void (*writable)(VmbusChannel *channel, gpointer data);
	/* Closed by the guest, by UNLOAD, reset or rescind. The channel is not usable any more. */
	void (*closed)(VmbusChannel *channel, gpointer data);
} VmbusDeviceOps;

typedef struct {
	const char *name; /* for traces and for the administrator: "kvp" */
	struct hvis_guid type, instance;
	guint16 flags; /* HVIS_OFFER_… */
	guint8 user_data[HVIS_USER_DATA_SIZE];
	/* Offer a bit of the monitor page instead of a hypercall per signal, where the guest gives
	 * such a page. The host looks at it every millisecond while the channel is open. */
	gboolean monitored;
	gboolean no_dedicated; /* offer without the dedicated-interrupt flag */
	const VmbusDeviceOps *ops;
	gpointer data;
} VmbusDeviceInfo;

typedef struct {
	guint32 max_version; /* HVIS_VERSION_…; 0 = 5.3. Contact above it is refused */
	/* The guest misused a channel, which was stopped: one line for the administrator. */
	void (*report)(const char *text, gpointer data);
	gpointer report_data;
} VmbusOptions;

/* "4.1" to HVIS_VERSION_4_1; FALSE where the host knows no such version. */
gboolean vmbus_version_parse(const char *text, guint32 *ret);

/* @machine must outlive the host. Freeing it calls no device. */
VmbusHost *vmbus_host_new(Machine *machine, const VmbusOptions *options);
void vmbus_host_free(VmbusHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmbusHost, vmbus_host_free)

/* The version agreed on, or 0 while there is no contact. */
guint32 vmbus_host_version(const VmbusHost *host);
Machine *vmbus_host_machine(const VmbusHost *host);

/*
 * Register a device. It is offered at once where the guest has already asked for offers, else when
 * it does. @info is copied. The host owns the device.
 */
VmbusDevice *vmbus_device_add(VmbusHost *host, const VmbusDeviceInfo *info);

/* Rescind the offer, closing its channels; or offer again with a new relid. Idempotent. */
void vmbus_device_rescind(VmbusDevice *device);
void vmbus_device_offer(VmbusDevice *device);
gboolean vmbus_device_offered(const VmbusDevice *device);
const char *vmbus_device_name(const VmbusDevice *device);

/* Offer @n sub-channels of an open device, indexes following those there are. */
gboolean vmbus_device_offer_subchannels(VmbusDevice *device, guint n, GError **error);

VmbusDevice *vmbus_channel_device(const VmbusChannel *channel);
guint vmbus_channel_index(const VmbusChannel *channel); /* 0 = primary */
guint32 vmbus_channel_relid(const VmbusChannel *channel);

/*
 * Put one packet into the host-to-guest ring and signal the guest where the ring was empty.
 * HVIS_ERROR_BUSY where there is no room now (writable() will be called), HVIS_ERROR_INVALID where
 * there never can be, HVIS_ERROR_CLOSED where the channel is not open.
 */
gboolean vmbus_channel_send(VmbusChannel *channel, guint16 type, guint16 flags, guint64 xid,
	const void *payload, gsize len, GError **error);

/* The whole state for "ctl info": version, devices, channels, GPADLs, counters. New JSON object. */
struct json_object *vmbus_host_describe(VmbusHost *host);
