// SPDX-License-Identifier: GPL-2.0-only
/*
 * What both ways of the SynIC share.
 */
#include "config.h"

#include "host/vm/synic.h"

#include "host/vm/internal.h"
#include "host/vm/msr.h"
#include "host/vm/slot.h"

Synic *synic_new(Vm *vm, VmSynic mode)
{
	const SynicOps *ops = mode == VM_SYNIC_KVM ? &synic_kvm_ops : &synic_user_ops;
	Synic *synic = g_malloc0(ops->size);

	synic->ops = ops;
	synic->vm = vm;
	g_mutex_init(&synic->lock);
	return synic;
}

void synic_free(Synic *synic)
{
	if (!synic)
		return;
	synic->ops->cleanup(synic);
	g_mutex_clear(&synic->lock);
	g_free(synic);
}

SynicRegisters synic_registers(Synic *synic, guint vp)
{
	SynicRegisters registers;

	g_mutex_lock(&synic->lock);
	registers = synic->registers[vp];
	g_mutex_unlock(&synic->lock);
	return registers;
}

void synic_set_registers(Synic *synic, guint vp, const SynicRegisters *registers)
{
	g_mutex_lock(&synic->lock);
	synic->registers[vp] = *registers;
	g_mutex_unlock(&synic->lock);
}

static gpointer synic_page(Synic *synic, const SynicRegisters *registers, guint64 page)
{
	if (!(registers->scontrol & MSR_ENABLE) || !(page & MSR_ENABLE))
		return NULL;
	return ram_at(synic->vm->ram, page & MSR_PAGE_MASK, RAM_PAGE_SIZE);
}

struct slot_message_page *synic_message_page(Synic *synic, guint vp)
{
	SynicRegisters registers = synic_registers(synic, vp);

	return synic_page(synic, &registers, registers.simp);
}

struct slot_flag_page *synic_flag_page(Synic *synic, guint vp)
{
	SynicRegisters registers = synic_registers(synic, vp);

	return synic_page(synic, &registers, registers.siefp);
}
