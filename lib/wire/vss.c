/* SPDX-License-Identifier: GPL-2.0-only */
/* The backup service's messages; see the header. */
#include <wire/vss.h>

#include <string.h>

#include <util/error.h>
#include <wire/cursor.h>

const char *vss_op_name(guint8 op)
{
	switch ((enum hvis_vss_op)op) {
	case HVIS_VSS_OP_CREATE:
		return "CREATE";
	case HVIS_VSS_OP_DELETE:
		return "DELETE";
	case HVIS_VSS_OP_HOT_BACKUP:
		return "HOT_BACKUP";
	case HVIS_VSS_OP_GET_DM_INFO:
		return "GET_DM_INFO";
	case HVIS_VSS_OP_BU_COMPLETE:
		return "BU_COMPLETE";
	case HVIS_VSS_OP_FREEZE:
		return "FREEZE";
	case HVIS_VSS_OP_THAW:
		return "THAW";
	case HVIS_VSS_OP_AUTO_RECOVER:
		return "AUTO_RECOVER";
	case HVIS_VSS_OP_QUERY_CLUSTER:
		return "QUERY_CLUSTER";
	case HVIS_VSS_OP_REGISTER:
		return "REGISTER";
	case HVIS_VSS_OP_REGISTER1:
		return "REGISTER1";
	}
	return "?";
}

/* --- the device --- */

static gboolean check_length(gsize len, GError **error)
{
	if (len != sizeof(struct hvis_vss_dev_msg))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "VSS message of %zu bytes, not %zu",
			len, sizeof(struct hvis_vss_dev_msg));
	return TRUE;
}

void vss_register_encode(struct hvis_vss_dev_msg *msg)
{
	vss_request_encode(HVIS_VSS_OP_REGISTER1, msg);
}

gboolean vss_is_register(const void *buf, gsize len)
{
	hvis_le32 version;

	if (len != sizeof(version))
		return FALSE;
	memcpy(&version, buf, sizeof(version));
	return hvis_le32_get(version) == HVIS_VSS_OP_REGISTER1;
}

gboolean vss_request_decode(const void *buf, gsize len, guint8 *ret_op, GError **error)
{
	struct hvis_vss_dev_hdr hdr;

	if (!check_length(len, error))
		return FALSE;
	memcpy(&hdr, buf, sizeof(hdr));
	*ret_op = hdr.op;
	return TRUE;
}

void vss_request_encode(guint8 op, struct hvis_vss_dev_msg *msg)
{
	*msg = (struct hvis_vss_dev_msg){ .flags = hvis_le32_make(0) };
	msg->hdr.op = op;
}

void vss_answer_encode(guint32 status, struct hvis_vss_dev_msg *msg)
{
	*msg = (struct hvis_vss_dev_msg){ .flags = hvis_le32_make(0) };
	msg->status = hvis_le32_make(status);
}

gboolean vss_answer_decode(const void *buf, gsize len, guint32 *ret_status, GError **error)
{
	hvis_le32 status;

	if (!check_length(len, error))
		return FALSE;
	memcpy(&status, buf, sizeof(status));
	*ret_status = hvis_le32_get(status);
	return TRUE;
}

/* --- the host's wire --- */

static gboolean has_luns(guint8 op)
{
	return op == HVIS_VSS_OP_FREEZE || op == HVIS_VSS_OP_AUTO_RECOVER;
}

static gboolean short_body(const char *op, gsize len, GError **error)
{
	return hvis_fail(error, HVIS_ERROR_PROTOCOL, "VSS %s: a body of %zu bytes", op, len);
}

static gboolean take_luns(WireCursor *c, VssMessage *m, GError **error)
{
	hvis_le32 type, flags, count;

	if (!wire_take(c, &type, sizeof(type)) || !wire_take(c, &flags, sizeof(flags)) ||
		!wire_take(c, &count, sizeof(count)))
		return short_body(vss_op_name(m->op), c->left, error);
	m->backup_type = hvis_le32_get(type);
	m->flags = hvis_le32_get(flags);
	m->n_luns = hvis_le32_get(count);
	if (m->n_luns > HVIS_VSS_LUNS_MAX)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "VSS %s: %u disks, %u can be",
			vss_op_name(m->op), m->n_luns, HVIS_VSS_LUNS_MAX);
	if (!wire_take(c, m->luns, m->n_luns * sizeof(*m->luns)))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL,
			"VSS %s: %u disks declared, %zu bytes follow", vss_op_name(m->op),
			m->n_luns, c->left);
	return TRUE;
}

static gboolean take_flags(WireCursor *c, VssMessage *m, GError **error)
{
	hvis_le32 flags;

	if (!wire_take(c, &flags, sizeof(flags)))
		return short_body(vss_op_name(m->op), c->left, error);
	m->flags = hvis_le32_get(flags);
	return TRUE;
}

gboolean vss_wire_decode(const void *buf, gsize len, VssMessage *ret, GError **error)
{
	WireCursor c = wire_cursor(buf, len);
	struct hvis_vss_dev_hdr hdr;
	VssMessage m = { 0 };

	if (!wire_take(&c, &hdr, sizeof(hdr)))
		return short_body("message", len, error);
	m.op = hdr.op;
	if (!(has_luns(m.op) ? take_luns : take_flags)(&c, &m, error))
		return FALSE;
	*ret = m;
	return TRUE;
}

gsize vss_wire_encode(const VssMessage *message, struct hvis_vss_wire_luns *ret)
{
	struct hvis_vss_wire plain = { .flags = hvis_le32_make(message->flags) };

	memset(ret, 0, sizeof(*ret));
	ret->hdr.op = plain.hdr.op = message->op;
	if (!has_luns(message->op)) {
		memcpy(ret, &plain, sizeof(plain));
		return sizeof(plain);
	}
	g_assert(message->n_luns <= HVIS_VSS_LUNS_MAX);
	ret->backup_type = hvis_le32_make(message->backup_type);
	ret->flags = hvis_le32_make(message->flags);
	ret->n_luns = hvis_le32_make(message->n_luns);
	memcpy(ret->luns, message->luns, message->n_luns * sizeof(*message->luns));
	return sizeof(*ret);
}
