/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of the backup service: those of /dev/vmbus/hv_vss, both directions, and the bodies on the
 * host's wire. The daemon decodes requests and encodes answers; whoever plays the kernel (link mode,
 * tests) does the opposite. Nothing allocates.
 */
#pragma once

#include <glib.h>

#include <hvis/vss.h>

/* The name of @op as traces and errors show it: "FREEZE"; "?" for what is none. */
const char *vss_op_name(guint8 op);

/* --- the daemon's side --- */

/* The daemon's registration. */
void vss_register_encode(struct hvis_vss_dev_msg *msg);

/* TRUE where the message is the kernel's answer to a registration: the first that it sends. */
gboolean vss_is_register(const void *buf, gsize len);

/* What the kernel asks, any number. HVIS_ERROR_PROTOCOL where @len is wrong. */
gboolean vss_request_decode(const void *buf, gsize len, guint8 *ret_op, GError **error);

void vss_answer_encode(guint32 status, struct hvis_vss_dev_msg *msg);

/* --- the kernel's side --- */

void vss_request_encode(guint8 op, struct hvis_vss_dev_msg *msg);

/* The status of a daemon's answer. HVIS_ERROR_PROTOCOL where @len is wrong. */
gboolean vss_answer_decode(const void *buf, gsize len, guint32 *ret_status, GError **error);

/* --- the host's wire --- */

/* Disks only where the operation has them: FREEZE, AUTO_RECOVER. */
typedef struct {
	guint8 op;
	guint32 flags;
	guint32 backup_type;
	guint32 n_luns;
	struct hvis_vss_lun luns[HVIS_VSS_LUNS_MAX]; /* bytes: the wire's form is the host's */
} VssMessage;

/*
 * A body, request or answer: it may be longer than what is read of it. HVIS_ERROR_PROTOCOL where it
 * is shorter, or has more disks than can be.
 */
gboolean vss_wire_decode(const void *buf, gsize len, VssMessage *ret, GError **error);

/* Returns how much of @ret the body is: 12 bytes or all. @message->n_luns is in range. */
gsize vss_wire_encode(const VssMessage *message, struct hvis_vss_wire_luns *ret);
