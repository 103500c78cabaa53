/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets of an integration service at the guest's end; see the header. */
#include <transport/ic-guest.h>

#include <string.h>

#include <hvis/fcopy.h>
#include <hvis/hresult.h>

const IcGuestService ic_guest_fcopy = {
	.type = HVIS_IC_FCOPY,
	.body_min = sizeof(struct hvis_fcopy_hdr),
	.ours = { 1, 1, { { 3, 0 } }, { { 1, 1 } } },
};

void ic_guest_init(IcGuest *guest, const IcGuestService *service)
{
	*guest = (IcGuest){ .service = service };
}

/* --- answers --- */

/*
 * The header of an answer to @txn and @body behind it, all else zero. The pipe's size stays the request's, as
 * Linux's hv_utils leaves it, whatever the body's is.
 */
static void put_answer(const IcGuestTransaction *txn, guint32 status, WireCursor body,
	guint16 declared, IcGuestAnswer *answer)
{
	IcMessage msg = txn->msg;
	struct hvis_pipe_hdr pipe;
	struct hvis_ic_hdr hdr;
	gsize used = HVIS_IC_BODY_OFFSET + body.left;

	answer->len = MAX(used, txn->len);
	answer->xid = txn->xid;
	memset(answer->bytes, 0, answer->len);
	msg.status = status;
	msg.flags = HVIS_IC_TRANSACTION | HVIS_IC_RESPONSE;
	msg.body = body;
	icmsg_encode(&msg, answer->bytes, sizeof(answer->bytes), &used, NULL);

	memcpy(&pipe, answer->bytes, sizeof(pipe));
	pipe.size = hvis_le32_make((uint32_t)MAX(used - sizeof(pipe), txn->pipe_size));
	memcpy(answer->bytes, &pipe, sizeof(pipe));
	memcpy(&hdr, answer->bytes + sizeof(pipe), sizeof(hdr));
	hdr.size = hvis_le16_make(declared);
	memcpy(answer->bytes + sizeof(pipe), &hdr, sizeof(hdr));
}

/* A status, with as much body as the request had. */
static void put_status(const IcGuestTransaction *txn, guint32 status, IcGuestAnswer *answer)
{
	put_answer(txn, status, wire_cursor(NULL, 0), txn->size, answer);
}

/* The versions chosen, or none; always with the room of two. */
static void put_versions(
	const IcGuestTransaction *txn, const IcVersions *chosen, IcGuestAnswer *answer)
{
	guint8 body[sizeof(struct hvis_ic_negotiate) + 2 * sizeof(struct hvis_ic_version)] = { 0 };
	gsize len = 0;

	icmsg_negotiate_encode(chosen, body, sizeof(body), &len, NULL);
	put_answer(txn, HVIS_S_OK, wire_cursor(body, sizeof(body)), sizeof(body), answer);
}

/* --- packets --- */

/* At any time: a host that was moved or restored begins anew, and waits for no answer of before. */
static IcGuestVerdict negotiate(
	IcGuest *guest, const IcGuestTransaction *txn, WireCursor body, IcGuestAnswer *answer)
{
	IcVersions theirs = { 0 }, chosen = { 0 };

	if (guest->asked)
		guest->counters.stale++;
	guest->asked = FALSE;
	guest->agreed = icmsg_negotiate_decode(body, &theirs, NULL) &&
			icmsg_negotiate_choose(&theirs, &guest->service->ours, &chosen);
	put_versions(txn, &chosen, answer);
	if (!guest->agreed) {
		guest->counters.refused++;
		return IC_GUEST_ANSWER;
	}
	guest->counters.negotiated++;
	guest->framework = chosen.framework[0];
	guest->message = chosen.message[0];
	return IC_GUEST_AGREED;
}

static IcGuestVerdict drop(guint64 *counter)
{
	++*counter;
	return IC_GUEST_DROP;
}

static IcGuestVerdict refuse(
	const IcGuestTransaction *txn, guint64 *counter, guint32 status, IcGuestAnswer *answer)
{
	++*counter;
	put_status(txn, status, answer);
	return IC_GUEST_ANSWER;
}

IcGuestVerdict ic_guest_take(IcGuest *guest, const void *packet, gsize len, guint64 xid,
	IcGuestAnswer *answer, WireCursor *body)
{
	IcGuestTransaction txn = { .xid = xid, .len = len };
	struct hvis_pipe_hdr pipe;

	if (len > HVIS_IC_MAX_MESSAGE || !icmsg_decode(packet, len, &txn.msg, NULL))
		return drop(&guest->counters.malformed);
	if (txn.msg.flags & HVIS_IC_RESPONSE)
		return drop(&guest->counters.strays);
	memcpy(&pipe, packet, sizeof(pipe));
	txn.pipe_size = hvis_le32_get(pipe.size);
	txn.size = (guint16)txn.msg.body.left;
	if (txn.msg.type == HVIS_IC_NEGOTIATE)
		return negotiate(guest, &txn, txn.msg.body, answer);
	if (txn.msg.type != guest->service->type)
		return refuse(&txn, &guest->counters.unknown, HVIS_E_NOT_SUPPORTED, answer);
	if (txn.size < guest->service->body_min) /* it might pass for an answer to a registration */
		return refuse(&txn, &guest->counters.cut, HVIS_E_INVALIDARG, answer);
	if (!guest->agreed)
		return refuse(&txn, &guest->counters.early, HVIS_E_FAIL, answer);
	if (guest->asked)
		return IC_GUEST_LATER;
	*body = txn.msg.body;
	txn.msg.body = wire_cursor(NULL, 0); /* the packet's bytes go */
	guest->txn = txn;
	guest->asked = TRUE;
	return IC_GUEST_REQUEST;
}

gboolean ic_guest_reply(IcGuest *guest, guint32 status, IcGuestAnswer *answer)
{
	if (!guest->asked)
		return FALSE;
	guest->asked = FALSE;
	put_status(&guest->txn, status, answer);
	return TRUE;
}
