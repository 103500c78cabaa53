/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two hypercalls of a VMBus guest, HvPostMessage and HvSignalEvent: input checks, no effects.
 * Everything in the input is the guest's and hostile. Runs on processor threads.
 */
#pragma once

#include <glib.h>
#include <hvis/vmbus.h>
#include "host/vm/ram.h"

/* Status codes (low 16 bits of the result), hypervisor specification. */
enum {
	HV_STATUS_SUCCESS = 0,
	HV_STATUS_INVALID_HYPERCALL_CODE = 2,
	HV_STATUS_INVALID_HYPERCALL_INPUT = 3,
	HV_STATUS_INVALID_ALIGNMENT = 4,
	HV_STATUS_INVALID_PARAMETER = 5,
	HV_STATUS_INVALID_CONNECTION_ID = 18,
	HV_STATUS_INSUFFICIENT_BUFFERS = 19,
};

enum { HYPERCALL_POST_MESSAGE = 0x5c, HYPERCALL_SIGNAL_EVENT = 0x5d };

/* Bits of the input value. */
#define HYPERCALL_CODE_MASK G_GUINT64_CONSTANT(0xffff)
#define HYPERCALL_FAST (G_GUINT64_CONSTANT(1) << 16)

struct hypercall_post_message {
	hvis_le32 connection;
	hvis_le32 reserved;
	hvis_le32 type;
	hvis_le32 size;
	guint8 payload[HVIS_MESSAGE_MAX];
};
static_assert(sizeof(struct hypercall_post_message) == 256, "hypercall input");

typedef struct {
	guint64 input; /* control word */
	guint64 parameter; /* the address of the input block, or the value of a fast call */
	gboolean resolved; /* parameter is the value whatever the control word says */
} Hypercall;

/* What the calls do; both return a status. */
typedef struct {
	guint16 (*post)(gpointer data, guint32 port, const guint8 *payload, gsize len);
	guint16 (*signal)(gpointer data, guint32 connection_id);
} HypercallOps;

guint16 hypercall_run(
	const Ram *ram, const Hypercall *call, const HypercallOps *ops, gpointer data);
const char *hypercall_name(guint64 input); /* NULL where it is none of ours */
