/* SPDX-License-Identifier: GPL-2.0-only */
/* Framing and version negotiation of the integration services; see the header. */
#include <wire/icmsg.h>

#include <stdio.h>

#include <util/error.h>

static IcVersion version_get(struct hvis_ic_version v)
{
	return (IcVersion){ hvis_le16_get(v.major), hvis_le16_get(v.minor) };
}

static struct hvis_ic_version version_make(IcVersion v)
{
	return (struct hvis_ic_version){ hvis_le16_make(v.major), hvis_le16_make(v.minor) };
}

/* The pipe header, and the cursor cut to what it declares. */
static gboolean take_pipe(WireCursor *c, GError **error)
{
	struct hvis_pipe_hdr pipe;

	if (!wire_take(c, &pipe, sizeof(pipe)))
		return hvis_fail(
			error, HVIS_ERROR_PROTOCOL, "pipe header: only %zu bytes", c->left);
	if (!wire_narrow(c, hvis_le32_get(pipe.size)))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL,
			"pipe header declares %u bytes, %zu follow", hvis_le32_get(pipe.size),
			c->left);
	return TRUE;
}

gboolean icmsg_decode(const void *buf, gsize len, IcMessage *ret, GError **error)
{
	WireCursor c = wire_cursor(buf, len);
	struct hvis_ic_hdr hdr;

	if (!take_pipe(&c, error))
		return FALSE;
	if (!wire_take(&c, &hdr, sizeof(hdr)))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "IC header: only %zu bytes", c.left);
	if (!wire_narrow(&c, hvis_le16_get(hdr.size)))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL,
			"IC header declares %u bytes, %zu follow", hvis_le16_get(hdr.size), c.left);
	*ret = (IcMessage){
		.type = hvis_le16_get(hdr.type),
		.framework = version_get(hdr.framework),
		.message = version_get(hdr.message),
		.status = hvis_le32_get(hdr.status),
		.txn = hdr.txn,
		.flags = hdr.flags,
		.body = c,
	};
	return TRUE;
}

gboolean icmsg_encode(const IcMessage *msg, void *buf, gsize size, gsize *ret_len, GError **error)
{
	gsize len = HVIS_IC_BODY_OFFSET + msg->body.left;
	struct hvis_pipe_hdr pipe = { hvis_le32_make(1),
		hvis_le32_make((uint32_t)(len - sizeof(pipe))) };
	struct hvis_ic_hdr hdr = {
		.framework = version_make(msg->framework),
		.type = hvis_le16_make(msg->type),
		.message = version_make(msg->message),
		.size = hvis_le16_make((uint16_t)msg->body.left),
		.status = hvis_le32_make(msg->status),
		.txn = msg->txn,
		.flags = msg->flags,
	};
	guint8 *out = buf;

	if (msg->body.left > G_MAXUINT16)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "an IC body cannot have %zu bytes",
			msg->body.left);
	if (len > size)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "an IC message of %zu bytes, %zu fit",
			len, size);
	memcpy(out, &pipe, sizeof(pipe));
	memcpy(out + sizeof(pipe), &hdr, sizeof(hdr));
	if (msg->body.left)
		memcpy(out + HVIS_IC_BODY_OFFSET, msg->body.pos, msg->body.left);
	*ret_len = len;
	return TRUE;
}

static gboolean take_versions(
	WireCursor *c, guint n, IcVersion *ret, const char *what, GError **error)
{
	for (guint i = 0; i < n; i++) {
		struct hvis_ic_version v;

		if (!wire_take(c, &v, sizeof(v)))
			return hvis_fail(error, HVIS_ERROR_PROTOCOL,
				"negotiation declares %u %s versions, %u follow", n, what, i);
		ret[i] = version_get(v);
	}
	return TRUE;
}

gboolean icmsg_negotiate_decode(WireCursor body, IcVersions *ret, GError **error)
{
	struct hvis_ic_negotiate head;
	IcVersions v = { 0 };

	if (!wire_take(&body, &head, sizeof(head)))
		return hvis_fail(
			error, HVIS_ERROR_PROTOCOL, "negotiation: only %zu bytes", body.left);
	v.n_framework = hvis_le16_get(head.n_framework);
	v.n_message = hvis_le16_get(head.n_message);
	if (v.n_framework > HVIS_IC_MAX_VERSIONS || v.n_message > HVIS_IC_MAX_VERSIONS)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL,
			"negotiation lists %u framework and %u message versions", v.n_framework,
			v.n_message);
	if (!take_versions(&body, v.n_framework, v.framework, "framework", error) ||
		!take_versions(&body, v.n_message, v.message, "message", error))
		return FALSE;
	*ret = v;
	return TRUE;
}

gboolean icmsg_negotiate_decode_answer(
	WireCursor body, gboolean *agreed, IcVersion *framework, IcVersion *message, GError **error)
{
	IcVersions v;

	if (!icmsg_negotiate_decode(body, &v, error))
		return FALSE;
	if (v.n_framework == 0 && v.n_message == 0) {
		*agreed = FALSE;
		return TRUE;
	}
	if (v.n_framework != 1 || v.n_message != 1)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL,
			"negotiation answer has %u framework and %u message versions",
			v.n_framework, v.n_message);
	*agreed = TRUE;
	*framework = v.framework[0];
	*message = v.message[0];
	return TRUE;
}

gboolean icmsg_negotiate_encode(
	const IcVersions *versions, void *buf, gsize size, gsize *ret_len, GError **error)
{
	guint n = versions->n_framework + versions->n_message;
	gsize len = sizeof(struct hvis_ic_negotiate) + n * sizeof(struct hvis_ic_version);
	struct hvis_ic_negotiate head = {
		.n_framework = hvis_le16_make((uint16_t)versions->n_framework),
		.n_message = hvis_le16_make((uint16_t)versions->n_message),
	};
	guint8 *out = buf;

	if (versions->n_framework > HVIS_IC_MAX_VERSIONS ||
		versions->n_message > HVIS_IC_MAX_VERSIONS)
		return hvis_fail(error, HVIS_ERROR_INVALID, "a negotiation of %u versions", n);
	if (len > size)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "a negotiation of %zu bytes, %zu fit",
			len, size);
	memcpy(out, &head, sizeof(head));
	out += sizeof(head);
	for (guint i = 0; i < n; i++) {
		struct hvis_ic_version v = version_make(
			i < versions->n_framework ? versions->framework[i]
						  : versions->message[i - versions->n_framework]);

		memcpy(out + i * sizeof(v), &v, sizeof(v));
	}
	*ret_len = len;
	return TRUE;
}

int icmsg_version_cmp(IcVersion a, IcVersion b)
{
	if (a.major != b.major)
		return a.major < b.major ? -1 : 1;
	if (a.minor != b.minor)
		return a.minor < b.minor ? -1 : 1;
	return 0;
}

static gboolean newest_common(
	const IcVersion *a, guint n_a, const IcVersion *b, guint n_b, IcVersion *ret)
{
	gboolean found = FALSE;

	for (guint i = 0; i < n_a; i++) {
		for (guint k = 0; k < n_b; k++) {
			if (icmsg_version_cmp(a[i], b[k]) != 0)
				continue;
			if (!found || icmsg_version_cmp(a[i], *ret) > 0)
				*ret = a[i];
			found = TRUE;
		}
	}
	return found;
}

gboolean icmsg_negotiate_choose(const IcVersions *theirs, const IcVersions *ours, IcVersions *ret)
{
	IcVersions chosen = { .n_framework = 1, .n_message = 1 };

	if (!newest_common(theirs->framework, theirs->n_framework, ours->framework,
		    ours->n_framework, &chosen.framework[0]) ||
		!newest_common(theirs->message, theirs->n_message, ours->message, ours->n_message,
			&chosen.message[0])) {
		*ret = (IcVersions){ 0 };
		return FALSE;
	}
	*ret = chosen;
	return TRUE;
}

gboolean icmsg_version_parse(const char *text, IcVersion *ret)
{
	g_auto(GStrv) parts = g_strsplit(text, ".", 3);
	guint64 major, minor;

	if (g_strv_length(parts) != 2 ||
		!g_ascii_string_to_unsigned(parts[0], 10, 0, G_MAXUINT16, &major, NULL) ||
		!g_ascii_string_to_unsigned(parts[1], 10, 0, G_MAXUINT16, &minor, NULL))
		return FALSE;
	*ret = (IcVersion){ (guint16)major, (guint16)minor };
	return TRUE;
}

const char *icmsg_version_print(IcVersion version, char buf[12])
{
	g_snprintf(buf, 12, "%u.%u", version.major, version.minor);
	return buf;
}
