// SPDX-License-Identifier: GPL-2.0-only
/*
 * The door for the VMBus host: MachineOps on this machine's parts.
 */
#include "config.h"

#include "host/vm/internal.h"

static Vm *machine_vm(Machine *machine)
{
	return (Vm *)machine;
}

static void machine_set_client(Machine *machine, const MachineClient *client, gpointer data)
{
	Vm *vm = machine_vm(machine);

	vm->client = client;
	vm->client_data = data;
}

static void machine_set_ports(Machine *machine, guint32 mask)
{
	__atomic_store_n(&machine_vm(machine)->port_mask, mask, __ATOMIC_RELAXED);
}

static void machine_post(Machine *machine, guint32 vp, const void *payload, gsize len)
{
	delivery_post(machine_vm(machine)->delivery, vp, payload, len);
}

static void machine_flush(Machine *machine)
{
	delivery_flush(machine_vm(machine)->delivery);
}

static void machine_set_event(Machine *machine, guint32 vp, guint32 flag)
{
	delivery_set_flag(machine_vm(machine)->delivery, vp, flag);
}

static gboolean machine_connect_event(Machine *machine, guint32 connection_id, GError **error)
{
	Vm *vm = machine_vm(machine);
	int fd = signals_add(vm->signals, connection_id, error);

	if (fd < 0)
		return FALSE;
	if (!vm->synic->ops->connect(vm->synic, connection_id, fd, error)) {
		signals_remove(vm->signals, connection_id);
		return FALSE;
	}
	return TRUE;
}

static void machine_disconnect_event(Machine *machine, guint32 connection_id)
{
	Vm *vm = machine_vm(machine);
	int fd = signals_find(vm->signals, connection_id);

	if (fd < 0)
		return;
	vm->synic->ops->disconnect(vm->synic, connection_id, fd);
	signals_remove(vm->signals, connection_id);
}

static gpointer machine_map(Machine *machine, const guint64 *pfns, gsize n_pages, GError **error)
{
	return ram_map(machine_vm(machine)->ram, pfns, n_pages, error);
}

static void machine_unmap(Machine *machine, gpointer address, gsize n_pages)
{
	ram_unmap(machine_vm(machine)->ram, address, n_pages);
}

static guint64 machine_reference_time(Machine *machine)
{
	Vm *vm = machine_vm(machine);

	return vm->synic->ops->reference_time(vm->synic);
}

static guint machine_n_vps(Machine *machine)
{
	return machine_vm(machine)->cpus;
}

const MachineOps vm_machine_ops = {
	.set_client = machine_set_client,
	.set_ports = machine_set_ports,
	.post = machine_post,
	.flush = machine_flush,
	.set_event = machine_set_event,
	.connect_event = machine_connect_event,
	.disconnect_event = machine_disconnect_event,
	.map = machine_map,
	.unmap = machine_unmap,
	.reference_time = machine_reference_time,
	.n_vps = machine_n_vps,
};
