/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of the integration services, as bytes of a VMBus packet: framing and version
 * negotiation, both directions. No IO, no state; bodies belong to the services.
 */
#pragma once

#include <glib.h>

#include <hvis/icmsg.h>
#include <wire/cursor.h>

typedef struct {
	guint16 major, minor;
} IcVersion;

/* A message in host byte order. @body is exactly what the IC header declares. */
typedef struct {
	guint16 type; /* enum hvis_ic_type, or a value unknown to us */
	IcVersion framework, message;
	guint32 status;
	guint8 txn;
	guint8 flags;
	WireCursor body;
} IcMessage;

/* @len may be longer than the message: VMBus pads packets. @ret points into @buf. */
gboolean icmsg_decode(const void *buf, gsize len, IcMessage *ret, GError **error);

/*
 * Write header and body of @msg to @buf and the bytes used to *@ret_len. HVIS_ERROR_NO_SPACE where
 * @size is too small; nothing is written then. @msg->body may lie anywhere but in @buf.
 */
gboolean icmsg_encode(const IcMessage *msg, void *buf, gsize size, gsize *ret_len, GError **error);

/* The versions of a negotiation: of a request all that the host has, of an answer one each or none. */
typedef struct {
	guint n_framework, n_message;
	IcVersion framework[HVIS_IC_MAX_VERSIONS];
	IcVersion message[HVIS_IC_MAX_VERSIONS];
} IcVersions;

/* Decode @body of a NEGOTIATE message, request or answer. */
gboolean icmsg_negotiate_decode(WireCursor body, IcVersions *ret, GError **error);

/* The same for an answer: *@agreed is FALSE where the guest refused, @framework and @message are
 * set where it agreed. Anything but 1/1 or 0/0 versions is HVIS_ERROR_PROTOCOL. */
gboolean icmsg_negotiate_decode_answer(WireCursor body, gboolean *agreed, IcVersion *framework,
	IcVersion *message, GError **error);

/* The body of a NEGOTIATE message, either direction. */
gboolean icmsg_negotiate_encode(
	const IcVersions *versions, void *buf, gsize size, gsize *ret_len, GError **error);

/* -1, 0, 1 as @a is older than, the same as, newer than @b. */
int icmsg_version_cmp(IcVersion a, IcVersion b);

/*
 * Answer for the guest: the newest framework and message version that both sides list, in *@ret
 * with counts 1/1; counts 0/0 and FALSE where there is no common pair.
 */
gboolean icmsg_negotiate_choose(const IcVersions *theirs, const IcVersions *ours, IcVersions *ret);

/* Parse "3.0"; FALSE where @text is nothing of the kind. Print into @buf of 12 bytes. */
gboolean icmsg_version_parse(const char *text, IcVersion *ret);
const char *icmsg_version_print(IcVersion version, char buf[12]);
