// SPDX-License-Identifier: GPL-2.0-only
/*
 * Input checks of the hypercalls. The input block is copied out of guest memory once, before the
 * first look at it.
 */
#include "config.h"

#include "host/vm/hypercall.h"

/* Variable header size, nested bit, repeat count and start: all zero for the two simple calls. */
#define HYPERCALL_MUST_BE_ZERO (~(HYPERCALL_CODE_MASK | HYPERCALL_FAST))

/* HvSignalEvent: connection id, its reserved bits, flag number, reserved. */
#define SIGNAL_CONNECTION_MASK G_GUINT64_CONSTANT(0xffffff)
#define SIGNAL_FLAG_MASK (G_GUINT64_CONSTANT(0xffff) << 32)

static guint16 hypercall_fetch(const Ram *ram, guint64 gpa, void *to, gsize len)
{
	if (gpa % 8 || gpa % RAM_PAGE_SIZE + len > RAM_PAGE_SIZE)
		return HV_STATUS_INVALID_ALIGNMENT;
	if (!ram_read(ram, gpa, to, len))
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}

static guint16 hypercall_post(
	const Ram *ram, const Hypercall *call, const HypercallOps *ops, gpointer data)
{
	struct hypercall_post_message in;
	guint16 status;

	if (call->input & HYPERCALL_FAST)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	status = hypercall_fetch(ram, call->parameter, &in, sizeof(in));
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (hvis_le32_get(in.size) > sizeof(in.payload) ||
		hvis_le32_get(in.type) != HVIS_MESSAGE_TYPE)
		return HV_STATUS_INVALID_PARAMETER;
	return ops->post(data, hvis_le32_get(in.connection), in.payload, hvis_le32_get(in.size));
}

static guint16 hypercall_signal(
	const Ram *ram, const Hypercall *call, const HypercallOps *ops, gpointer data)
{
	guint64 value = call->parameter;

	if (!(call->input & HYPERCALL_FAST) && !call->resolved) {
		hvis_le64 in;
		guint16 status = hypercall_fetch(ram, call->parameter, &in, sizeof(in));

		if (status != HV_STATUS_SUCCESS)
			return status;
		value = hvis_le64_get(in);
	}
	if (value & ~(SIGNAL_CONNECTION_MASK | SIGNAL_FLAG_MASK))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (value & SIGNAL_FLAG_MASK) /* every connection has one flag */
		return HV_STATUS_INVALID_PARAMETER;
	return ops->signal(data, (guint32)value);
}

guint16 hypercall_run(const Ram *ram, const Hypercall *call, const HypercallOps *ops, gpointer data)
{
	guint64 code = call->input & HYPERCALL_CODE_MASK;

	if (code != HYPERCALL_POST_MESSAGE && code != HYPERCALL_SIGNAL_EVENT)
		return HV_STATUS_INVALID_HYPERCALL_CODE;
	if (call->input & HYPERCALL_MUST_BE_ZERO)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (code == HYPERCALL_POST_MESSAGE)
		return hypercall_post(ram, call, ops, data);
	return hypercall_signal(ram, call, ops, data);
}

const char *hypercall_name(guint64 input)
{
	switch (input & HYPERCALL_CODE_MASK) {
	case HYPERCALL_POST_MESSAGE:
		return "HvPostMessage";
	case HYPERCALL_SIGNAL_EVENT:
		return "HvSignalEvent";
	}
	return NULL;
}
