// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls of the machine's processors: checked by hypercall.c, handed over by mail and eventfd.
 * Nothing of the protocol is looked at here, on a processor's thread.
 */
#include "config.h"

#include "host/trace.h"
#include "host/vm/internal.h"

static guint16 calls_post(gpointer data, guint32 port, const guint8 *payload, gsize len)
{
	Vcpu *vcpu = data;
	Vm *vm = vcpu->vm;
	guint32 mask = __atomic_load_n(&vm->port_mask, __ATOMIC_RELAXED);

	if (port >= 32 || !(mask & 1u << port)) {
		vm_count(&vm->counters.messages_refused);
		return HV_STATUS_INVALID_CONNECTION_ID;
	}
	if (!mail_message(vm->mail, port, payload, len))
		return HV_STATUS_INSUFFICIENT_BUFFERS;
	vm_count(&vm->counters.messages_in);
	return HV_STATUS_SUCCESS;
}

static guint16 calls_signal(gpointer data, guint32 connection_id)
{
	Vcpu *vcpu = data;

	if (!signals_raise(vcpu->vm->signals, connection_id))
		return HV_STATUS_INVALID_CONNECTION_ID;
	vm_count(&vcpu->vm->counters.signals_in);
	return HV_STATUS_SUCCESS;
}

static const HypercallOps calls_ops = { calls_post, calls_signal };

guint64 calls_run(Vcpu *vcpu, const Hypercall *call)
{
	guint16 status = hypercall_run(vcpu->vm->ram, call, &calls_ops, vcpu);

	if (trace_wanted(TRACE_HYPERCALL)) {
		const char *name = hypercall_name(call->input);
		char subject[16];

		g_snprintf(subject, sizeof(subject), "vcpu%u", vcpu->index);
		trace_emit(TRACE_HYPERCALL, TRACE_TO_HOST, subject, NULL, 0,
			"%s input %#" G_GINT64_MODIFIER "x parameter %#" G_GINT64_MODIFIER
			"x status %u",
			name ? name : "unknown hypercall", call->input, call->parameter, status);
	}
	return status;
}
