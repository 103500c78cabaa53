/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest without a virtual machine: a Machine (host/vmbus/machine.h) on a few megabytes of page
 * array, and the guest's side of VMBus on top of it. For unit tests of the VMBus host and of the
 * services above it.
 *
 * All is synchronous. What the guest posts or signals is with the host before the call returns;
 * what the host posts waits here until the test asks for it. The guest's helpers assert that the
 * host follows the protocol; the raw calls let a test break it from the guest's side.
 */
#pragma once

#include <hvis/ring-reader.h>
#include <hvis/ring-writer.h>
#include <hvis/vmbus.h>
#include "host/vmbus/machine.h"

typedef struct FakeGuest FakeGuest;
typedef struct FakeChannel FakeChannel;

/* A message from the host. */
typedef struct {
	guint32 vp;
	gsize len;
	guint8 bytes[240];
} FakeMessage;

/* A packet from the host's ring. */
typedef struct {
	guint16 type, flags;
	guint64 xid;
	gsize header_len, payload_len;
	guint8 *header, *payload;
} FakePacket;

#define FAKE_GUEST_PAGES 24576 /* 96 MiB, of which only what is touched exists */

FakeGuest *fake_guest_new(guint n_vps);
void fake_guest_free(FakeGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeGuest, fake_guest_free)
Machine *fake_guest_machine(FakeGuest *guest);

/* --- the machine --- */

#define FAKE_INVALID_CONNECTION_ID 18 /* of fake_guest_post(): the host does not take that port */

guint16 fake_guest_post(FakeGuest *guest, guint32 port, const void *message, gsize len);
/* FALSE: nobody listens on that connection. */
gboolean fake_guest_signal(FakeGuest *guest, guint32 connection_id);
void fake_guest_reset(FakeGuest *guest);
void fake_guest_set_time(FakeGuest *guest, guint64 reference_time);
gpointer fake_guest_page(FakeGuest *guest, guint64 pfn);
/* Pages nobody has had yet. @scattered: in descending order, for the host to put right. */
void fake_guest_alloc(FakeGuest *guest, guint64 *pfns, guint n, gboolean scattered);
/* How often the host set the flag of @relid since the last call, on whatever processor. */
guint fake_guest_events(FakeGuest *guest, guint32 relid);
guint32 fake_guest_event_vp(FakeGuest *guest, guint32 relid); /* processor of the last one */
guint fake_guest_mappings(FakeGuest *guest); /* that the host has now */

/* --- messages --- */

gboolean fake_guest_take(FakeGuest *guest, FakeMessage *ret); /* FALSE: none is waiting */
guint32 fake_message_type(const FakeMessage *message);
/* Take the next message; it must be of @type and at least @len long; copy @len bytes to @ret. */
void fake_guest_expect(FakeGuest *guest, guint32 type, void *ret, gsize len);
void fake_guest_expect_nothing(FakeGuest *guest);

/* Post @message on the port that was agreed on; the caller sets all but the header. */
void fake_guest_say(FakeGuest *guest, guint32 type, gpointer message, gsize len);

/* One INITIATE_CONTACT on the port of @version, with monitor pages. 0, or the version agreed on. */
guint32 fake_guest_contact(FakeGuest *guest, guint32 version);
/* REQUEST_OFFERS; takes what comes up to ALL_OFFERS. */
void fake_guest_request_offers(FakeGuest *guest);
/* Contact at 5.3 and offers. */
void fake_guest_connect(FakeGuest *guest);
void fake_guest_unload(FakeGuest *guest);
/* Take an offer that came at run time. */
const struct hvis_msg_offer *fake_guest_expect_offer(FakeGuest *guest);
/* Offers in force, in order of arrival. NULL behind the last. */
const struct hvis_msg_offer *fake_guest_offer(FakeGuest *guest, guint n);
const struct hvis_msg_offer *fake_guest_find(
	FakeGuest *guest, const struct hvis_guid *instance, guint16 subchannel);
/* Take a RESCIND and return its relid; the offer is forgotten. fake_guest_release() answers. */
guint32 fake_guest_expect_rescind(FakeGuest *guest);
void fake_guest_release(FakeGuest *guest, guint32 relid);
gpointer fake_guest_monitor_page(FakeGuest *guest); /* guest to host */

/* --- GPADLs: status of GPADL_CREATED --- */

guint32 fake_guest_gpadl(
	FakeGuest *guest, guint32 relid, guint32 gpadl, const guint64 *pfns, guint n);
void fake_guest_gpadl_teardown(FakeGuest *guest, guint32 relid, guint32 gpadl);

/* --- channels --- */

/* Offer, GPADL of out + in pages, and OPEN, all of which must succeed. @offer is copied. */
FakeChannel *fake_channel_open(
	FakeGuest *guest, const struct hvis_msg_offer *offer, guint out_pages, guint in_pages);
/* OPEN as the caller likes it; the status of OPEN_RESULT, which must come. */
guint32 fake_guest_try_open(FakeGuest *guest, struct hvis_msg_open *open);
/* CLOSE, and teardown of the GPADL. */
void fake_channel_close(FakeChannel *channel);
void fake_channel_free(FakeChannel *channel); /* say nothing to the host */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeChannel, fake_channel_free)
guint32 fake_channel_relid(const FakeChannel *channel);
guint32 fake_channel_gpadl(const FakeChannel *channel);
/* The two rings, to poke in: control page at offset 0, data behind it. Guest to host is "out". */
struct hvis_ring *fake_channel_out(FakeChannel *channel);
struct hvis_ring *fake_channel_in(FakeChannel *channel);

void fake_channel_signal(FakeChannel *channel); /* whether due or not */

/* Put a packet and signal where due. FALSE: no room. */
gboolean fake_channel_send(FakeChannel *channel, guint16 type, guint16 flags, guint64 xid,
	const void *payload, gsize len);
/* The next packet, NULL where there is none; free with fake_packet_free(). Signals where due. */
FakePacket *fake_channel_receive(FakeChannel *channel);
void fake_packet_free(FakePacket *packet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakePacket, fake_packet_free)
