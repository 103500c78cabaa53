/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contact as a whole: version, ports, offers on request, unload. Alone writes host->contact.
 *
 * A guest waits for the answer to INITIATE_CONTACT without a time-out, so each gets one: by a
 * VERSION_RESPONSE, or by the machine refusing the port before the message gets here. Versions
 * from 5.0 on use port 4, older ones port 1; Linux goes on to the next lower version either way.
 */
#include "config.h"

#include "host/fault.h"
#include "host/vmbus/parts.h"
#include "util/error.h"

static const guint32 versions[] = {
	HVIS_VERSION_3_0,
	HVIS_VERSION_4_0,
	HVIS_VERSION_4_1,
	HVIS_VERSION_5_0,
	HVIS_VERSION_5_1,
	HVIS_VERSION_5_2,
	HVIS_VERSION_5_3,
};

gboolean vmbus_version_parse(const char *text, guint32 *ret)
{
	for (gsize i = 0; i < G_N_ELEMENTS(versions); i++) {
		g_autofree char *name = vmbus_version_text(versions[i]);

		if (!g_str_equal(name, text))
			continue;
		*ret = versions[i];
		return TRUE;
	}
	return FALSE;
}

static guint32 max_version(const VmbusHost *host)
{
	return host->options.max_version ? host->options.max_version : HVIS_VERSION_5_3;
}

guint32 contact_ports(const VmbusHost *host)
{
	guint32 old = 1u << HVIS_PORT_PRE_5_0;

	return max_version(host) < HVIS_VERSION_5_0 ? old : old | 1u << HVIS_PORT_5_0;
}

static gboolean supported(const VmbusHost *host, guint32 version, guint32 port)
{
	guint32 wanted = version >= HVIS_VERSION_5_0 ? HVIS_PORT_5_0 : HVIS_PORT_PRE_5_0;

	if (port != wanted || version > max_version(host))
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(versions); i++)
		if (versions[i] == version)
			return TRUE;
	return FALSE;
}

void contact_drop(VmbusHost *host)
{
	host->contact = CONTACT_NONE; /* first: devices that are told must not offer anew */
	host->version = 0;
	fault_forget(host);
	for (guint32 relid = 1; relid < VMBUS_RELIDS; relid++)
		if (host->channels[relid])
			channel_post(host->channels[relid], CHANNEL_EVENT_FORGET);
	gpadl_drop_all(host, 0);
	monitor_unmap(host);
	vmbus_forget_promises(host);
	host->machine->ops->flush(host->machine);
}

/* Both monitor pages or neither; the host looks at the guest's triggers only. */
static gboolean take_monitor_pages(
	VmbusHost *host, const struct hvis_msg_initiate_contact *contact, GError **error)
{
	guint64 to_guest = hvis_le64_get(contact->monitor_page[0]);
	guint64 to_host = hvis_le64_get(contact->monitor_page[1]);

	if (!to_guest && !to_host)
		return TRUE;
	if (!to_guest || !to_host)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "one monitor page without the other");
	return monitor_map(host, to_host, error);
}

static gboolean accept(
	VmbusHost *host, const struct hvis_msg_initiate_contact *contact, GError **error)
{
	guint32 vp = hvis_le32_get(contact->target_vcpu);

	if (vp >= host->machine->ops->n_vps(host->machine))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "messages wanted on processor %u", vp);
	if (!take_monitor_pages(host, contact, error))
		return FALSE;
	host->message_vp = vp;
	return TRUE;
}

static void answer(VmbusHost *host, gboolean known, guint8 state, guint32 version, guint64 owed)
{
	struct hvis_msg_version_response response = {
		.supported = (guint8)known,
		.connection_state = state,
		.message_port = hvis_le32_make(
			version >= HVIS_VERSION_5_0 && known ? HVIS_PORT_5_0 : version),
	};

	vmbus_send(host, HVIS_MSG_VERSION_RESPONSE, 0, owed, &response, sizeof(response));
}

void contact_initiate(VmbusHost *host, guint32 port, const guint8 *message, gsize len)
{
	struct hvis_msg_initiate_contact contact = { 0 };
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	guint32 version;
	guint64 owed;

	contact_drop(host);
	host->message_vp = 0;
	memcpy(&contact, message, MIN(len, sizeof(contact)));
	version = hvis_le32_get(contact.version);
	text = vmbus_version_text(version);
	owed = vmbus_promise(host, "VERSION_RESPONSE to %s", text);
	if (len < sizeof(contact)) {
		vmbus_violation(host, "INITIATE_CONTACT of %" G_GSIZE_FORMAT " bytes", len);
		answer(host, FALSE, HVIS_CONTACT_OK, version, owed);
	} else if (!supported(host, version, port)) {
		answer(host, FALSE, HVIS_CONTACT_OK, version, owed);
	} else if (!accept(host, &contact, &error)) {
		vmbus_violation(host, "INITIATE_CONTACT: %s", error->message);
		answer(host, TRUE, HVIS_CONTACT_FAILED, version, owed);
	} else {
		host->contact = CONTACT_MADE;
		host->version = version;
		host->port = port;
		answer(host, TRUE, HVIS_CONTACT_OK, version, owed);
	}
}

void contact_request_offers(VmbusHost *host, const guint8 *message, gsize len)
{
	struct hvis_msg_hdr all = { 0 };
	guint64 owed = vmbus_promise(host, "ALL_OFFERS");

	host->contact = CONTACT_OFFERED;
	offer_all(host);
	vmbus_send(host, HVIS_MSG_ALL_OFFERS, 0, owed, &all, sizeof(all));
}

/* Answered without a contact too: a guest that asks waits, maybe in a panic. */
void contact_unload(VmbusHost *host, const guint8 *message, gsize len)
{
	struct hvis_msg_hdr response = { 0 };
	guint64 owed;

	contact_drop(host);
	owed = vmbus_promise(host, "UNLOAD_RESPONSE");
	vmbus_send(host, HVIS_MSG_UNLOAD_RESPONSE, 0, owed, &response, sizeof(response));
}

/* There are no sockets to the host here; the guest's connect() fails at once. */
void contact_tl_connect(VmbusHost *host, const guint8 *message, gsize len)
{
	struct hvis_msg_tl_connect request;
	struct hvis_msg_tl_connect_result result = { 0 };
	guint64 owed = vmbus_promise(host, "TL_CONNECT_RESULT");

	memcpy(&request, message, sizeof(request));
	result.endpoint = request.endpoint;
	result.service = request.service;
	result.status = hvis_le32_make(HVIS_NT_REFUSED);
	vmbus_send(host, HVIS_MSG_TL_CONNECT_RESULT, 0, owed, &result, sizeof(result));
}
