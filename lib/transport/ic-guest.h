/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's end of an integration service, packet by packet: framing, negotiation of versions, and what a
 * packet is answered with where the service itself is not asked. The part of hv_utils that a service without
 * a character device has in user space. No IO and no ring; bodies belong to the service.
 */
#pragma once

#include <glib.h>

#include <hvis/icmsg.h>
#include <wire/icmsg.h>

typedef struct {
	guint16 type; /* enum hvis_ic_type */
	gsize body_min; /* what is shorter is no request */
	IcVersions ours;
} IcGuestService;

extern const IcGuestService
	ic_guest_fcopy; /* framework 3.0, messages 1.1, as any guest of Linux has them */

/* What the answer to a packet has of it. */
typedef struct {
	guint64 xid;
	gsize len; /* of the packet, padding too: hosts expect as much back */
	guint32 pipe_size;
	guint16 size; /* of its body */
	IcMessage msg; /* without its body */
} IcGuestTransaction;

typedef struct {
	guint64 negotiated; /* versions agreed on, … */
	guint64 refused; /* … or not */
	guint64 malformed; /* packets that are no message at all; dropped */
	guint64 strays; /* answers, where we ask nothing; dropped */
	guint64 unknown; /* messages of another service */
	guint64 cut; /* requests too short to be any */
	guint64 early; /* requests before versions were agreed on */
	guint64 stale; /* transactions that a negotiation ended */
} IcGuestCounters;

typedef struct {
	const IcGuestService *service;
	gboolean agreed;
	IcVersion framework, message;
	gboolean asked; /* a request is with the service */
	IcGuestTransaction txn; /* that one */
	IcGuestCounters counters;
} IcGuest;

typedef enum {
	IC_GUEST_DROP, /* nothing can be answered, or is to be */
	IC_GUEST_ANSWER, /* there is an answer to be sent */
	IC_GUEST_AGREED, /* so there is, and what was asked before is over: the service is to hear of it */
	IC_GUEST_REQUEST, /* for the service */
	IC_GUEST_LATER, /* too, but it has one; the same packet is to be handed in again */
} IcGuestVerdict;

/* A packet to be sent. */
typedef struct {
	guint8 bytes[HVIS_IC_MAX_MESSAGE];
	gsize len;
	guint64 xid;
} IcGuestAnswer;

void ic_guest_init(IcGuest *guest, const IcGuestService *service);

/*
 * A packet of @len bytes with its padding, at most HVIS_IC_MAX_MESSAGE, transaction @xid. *@answer is written for
 * IC_GUEST_ANSWER and IC_GUEST_AGREED; *@body, which points into @packet, for IC_GUEST_REQUEST.
 */
IcGuestVerdict ic_guest_take(IcGuest *guest, const void *packet, gsize len, guint64 xid,
	IcGuestAnswer *answer, WireCursor *body);

/* The answer of the service. FALSE where it is not asked, or is not any more. */
gboolean ic_guest_reply(IcGuest *guest, guint32 status, IcGuestAnswer *answer);
