/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of /dev/vmbus/hv_kvp, both directions: the daemon decodes requests and encodes answers,
 * whoever plays the kernel (link mode, tests) does the opposite. Text on the device is UTF-8, for
 * IP info too; the UTF-16 form of the host's wire is converted at the end of this header.
 *
 * All is host byte order, NUL-terminated, checked UTF-8 after decoding. Nothing allocates, but for
 * kvp_request_new().
 */
#pragma once

#include <glib.h>

#include <hvis/kvp.h>

/* Lists are joined by ';'. Sizes are those of the device's fields, NUL included. */
typedef struct {
	char adapter[256]; /* MAC address or {GUID} */
	guint8 family; /* HVIS_KVP_FAMILY_… bits */
	gboolean dhcp;
	char address[2048];
	char subnet[2048];
	char gateway[1024];
	char dns[2048];
} KvpIp;

/* What the kernel asks. Fields that the operation does not have are zero or "". */
typedef struct {
	guint8 op; /* enum hvis_kvp_op, or any other number */
	guint8 pool; /* not checked here: policy is the daemon's */
	guint32 index; /* ENUMERATE */
	guint32 type; /* SET: as handed over; Linux leaves 0 after making text of it */
	gboolean has_value; /* SET: FALSE where the kernel could not convert the host's type */
	char key[HVIS_KVP_KEY_MAX]; /* SET, GET, DELETE */
	char value[HVIS_KVP_VALUE_MAX]; /* SET */
	char version[HVIS_KVP_KEY_MAX]; /* REGISTER1 */
	KvpIp ip; /* GET_IP_INFO: adapter and family; SET_IP_INFO: all */
} KvpRequest;

/*
 * The answer. @op is that of the request and decides which view is filled; the value of GET goes
 * where the kernel looks for it, in ENUMERATE's. A status other than OK goes alone.
 */
typedef struct {
	guint8 op;
	guint32 status; /* enum hvis_status */
	const char *key, *value; /* GET, ENUMERATE; NULL is "" */
	const KvpIp *ip; /* GET_IP_INFO; else NULL */
} KvpAnswer;

/* An answer as the kernel reads it. */
typedef struct {
	guint32 status;
	char key[HVIS_KVP_KEY_MAX]; /* ENUMERATE */
	char value[HVIS_KVP_VALUE_MAX]; /* GET, ENUMERATE: both from ENUMERATE's view, as Linux */
	KvpIp ip; /* GET_IP_INFO */
} KvpReply;

/* --- the daemon's side --- */

/* HVIS_ERROR_PROTOCOL where @len, a size, or a text is wrong. Unknown operations decode. */
gboolean kvp_request_decode(const void *buf, gsize len, KvpRequest *ret, GError **error);

/* The same on the heap, for g_free(): it is ten kilobytes, which are better not copied. NULL: an error. */
KvpRequest *kvp_request_new(const void *buf, gsize len, GError **error);

/* TRUE where the message is the kernel's answer to a registration, and not a host that plays one. */
gboolean kvp_is_register(const void *buf, gsize len);

/*
 * HVIS_ERROR_NO_SPACE where a text does not fit its field, HVIS_ERROR_INVALID where it is not
 * UTF-8; @msg is untouched then. What the kernel cuts off beyond HVIS_KVP_…_UNITS_MAX is the
 * daemon's to decide.
 */
gboolean kvp_answer_encode(const KvpAnswer *answer, struct hvis_kvp_dev_msg *msg, GError **error);

/* The daemon's registration. */
void kvp_register_encode(struct hvis_kvp_dev_msg *msg);

/* --- the kernel's side --- */

/* Any op, REGISTER1 (with @request->version) too. Errors as kvp_answer_encode(). */
gboolean kvp_request_encode(
	const KvpRequest *request, struct hvis_kvp_dev_msg *msg, GError **error);

/* @op is that of the request. Takes text up to its NUL or the end of the field, as Linux does. */
gboolean kvp_reply_decode(const void *buf, gsize len, guint8 op, KvpReply *ret, GError **error);

/* --- IP info on the host's wire: the same fields in UTF-16LE --- */

gboolean kvp_ip_wire_decode(const struct hvis_kvp_ip *wire, KvpIp *ret, GError **error);
gboolean kvp_ip_wire_encode(const KvpIp *ip, struct hvis_kvp_ip *wire, GError **error);
