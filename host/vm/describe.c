// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of the machine for people and scripts.
 */
#include "config.h"

#include <json-c/json.h>
#include "host/vm/internal.h"
#include "host/vm/kvm.h"

static void describe_add(struct json_object *o, const char *key, guint64 value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

static struct json_object *describe_exits(const Vm *vm)
{
	struct json_object *o = json_object_new_object();

	for (guint reason = 0; reason < VCPU_EXIT_REASONS; reason++) {
		const char *name = kvm_exit_name(reason);
		guint64 sum = 0;
		char number[16];

		for (guint i = 0; i < vm->cpus; i++)
			sum += vm_counter(&vm->vcpu[i].exits[reason]);
		g_snprintf(number, sizeof(number), "%u", reason);
		if (sum)
			describe_add(o, name ? name : number, sum);
	}
	return o;
}

static const char *describe_mp_state(const VcpuState *state)
{
	switch (state->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		return "runs";
	case KVM_MP_STATE_HALTED: /* with interrupts off only a reset gets it out of that */
		return state->interrupts ? "idle" : "halted";
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_SIPI_RECEIVED:
		return "not-started";
	}
	return "other";
}

static struct json_object *describe_processors(Vm *vm)
{
	struct json_object *list = json_object_new_array();

	for (guint i = 0; i < vm->cpus; i++) {
		struct json_object *o = json_object_new_object();
		VcpuState state = { 0 };
		char rip[24];

		if (vm->vm_fd >= 0 && vcpu_get_state(&vm->vcpu[i], &state)) {
			g_snprintf(rip, sizeof(rip), "%#" G_GINT64_MODIFIER "x", state.rip);
			json_object_object_add(
				o, "state", json_object_new_string(describe_mp_state(&state)));
			json_object_object_add(o, "at", json_object_new_string(rip));
		} else {
			json_object_object_add(o, "state", json_object_new_string("stuck"));
		}
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *describe_delivery(const Vm *vm)
{
	const DeliveryCounters *c = delivery_counters(vm->delivery);
	struct json_object *o = json_object_new_object();
	guint64 waiting = 0;

	for (guint vp = 0; vp < vm->cpus; vp++)
		waiting += delivery_waiting(vm->delivery, vp);
	describe_add(o, "messages", c->messages);
	describe_add(o, "messages_waiting", waiting);
	describe_add(o, "messages_dropped", c->messages_dropped);
	describe_add(o, "slot_busy", c->slot_busy);
	describe_add(o, "end_of_message", vm_counter(&vm->counters.eoms));
	describe_add(o, "retries", c->retries);
	describe_add(o, "events", c->flags);
	describe_add(o, "events_dropped", c->flags_dropped);
	describe_add(o, "interrupts", c->interrupts);
	describe_add(o, "interrupts_masked", c->interrupts_masked);
	return o;
}

static struct json_object *describe_received(Vm *vm)
{
	struct json_object *o = json_object_new_object();
	guint64 refused;
	guint longest;

	mail_counters(vm->mail, &refused, &longest);
	describe_add(o, "messages", vm_counter(&vm->counters.messages_in));
	describe_add(o, "messages_refused", vm_counter(&vm->counters.messages_refused));
	describe_add(o, "queue_full", refused);
	describe_add(o, "queue_longest", longest);
	describe_add(o, "signals_by_exit", vm_counter(&vm->counters.signals_in));
	describe_add(o, "connections", signals_count(vm->signals));
	return o;
}

struct json_object *vm_describe(Vm *vm)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "synic", json_object_new_string(vm_synic_name(vm->mode)));
	json_object_object_add(o, "running", json_object_new_boolean(vm->running));
	json_object_object_add(o, "processors", describe_processors(vm));
	describe_add(o, "memory_mib", ram_size(vm->ram) >> 20);
	describe_add(o, "mapped_pages", ram_mapped(vm->ram));
	describe_add(o, "boots", vm->boots);
	describe_add(o, "uptime_ms", (guint64)(vm_now_ns() - vm->booted_at) / 1000000);
	json_object_object_add(o, "exits", describe_exits(vm));
	json_object_object_add(o, "to_guest", describe_delivery(vm));
	json_object_object_add(o, "from_guest", describe_received(vm));
	describe_add(o, "unknown_ports", vm_counter(&vm->counters.unknown_ports));
	describe_add(o, "unknown_registers", vm_counter(&vm->counters.unknown_msrs));
	json_object_object_add(o, "console", serial_describe(vm->serial[0]));
	json_object_object_add(o, "agent", serial_describe(vm->serial[1]));
	return o;
}
