/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bodies of the KVP messages: requests of the host out of values, answers of the guest into them. No
 * state, no IO. Text is UTF-16LE; an answer with a lone surrogate, an odd length or no NUL is
 * HVIS_ERROR_PROTOCOL.
 */
#pragma once

#include <wire/cursor.h>
#include "host/service/kvp.h"

typedef struct {
	guint8 op; /* enum hvis_kvp_op; not an IP operation */
	guint8 pool;
	guint32 index; /* ENUMERATE */
	const char *key; /* GET, SET, DELETE */
	const KvpValue *value; /* SET */
} KvpWireRequest;

/* Append the whole body. HVIS_ERROR_INVALID where a text is not UTF-8, empty (keys) or too long. */
gboolean kvp_wire_encode(const KvpWireRequest *request, GByteArray *body, GError **error);

/* The answer to GET or ENUMERATE. GET's has the key that was asked for, as guests echo it. */
KvpItem *kvp_wire_decode(guint8 op, WireCursor body, GError **error);

/* IP info: in text, or in the binary form of message version 5; @op is one of the two. */
gboolean kvp_ip_wire_put(
	guint8 op, const KvpIpInfo *ip, gboolean binary, GByteArray *body, GError **error);
/* Fills @ret, to be cleared by the caller. Works for requests too. */
gboolean kvp_ip_wire_take(WireCursor body, gboolean binary, KvpIpInfo *ret, GError **error);

/* @text and its NUL as UTF-16LE into a field; HVIS_ERROR_INVALID naming @what. */
gboolean kvp_wire_text(const char *text, const char *what, guint8 *field, gsize size,
	gsize *ret_len, GError **error);

/* For traces: "SET external key=value"; of bodies either way. */
void kvp_wire_print(WireCursor body, gboolean to_guest, gboolean binary, GString *line);
const char *kvp_op_name(guint8 op); /* "?" if unknown */
