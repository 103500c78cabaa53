// SPDX-License-Identifier: GPL-2.0-only
/*
 * IO ports: two UARTs, the ACPI fixed hardware, the reset port, the CMOS clock. All others read as
 * ones and take writes in silence, as an empty bus does.
 */
#include "config.h"

#include <string.h>
#include "host/vm/cmos.h"
#include "host/vm/internal.h"
#include "host/vm/uart.h"

static const guint16 serial_base[VM_SERIAL_PORTS] = { 0x3f8, 0x2f8 };

static Serial *ports_serial(Vm *vm, guint port, guint *reg)
{
	for (guint i = 0; i < VM_SERIAL_PORTS; i++) {
		if (port < serial_base[i] || port >= serial_base[i] + UART_PORTS)
			continue;
		*reg = port - serial_base[i];
		return vm->serial[i];
	}
	return NULL;
}

static gboolean ports_is_pm(guint port)
{
	return port >= PM_BASE && port < PM_BASE + PM_PORTS;
}

static guint32 ports_read(Vcpu *vcpu, guint port, guint size)
{
	Vm *vm = vcpu->vm;
	guint32 value = 0xffffffff;
	guint reg;
	Serial *serial = ports_serial(vm, port, &reg);

	if (serial && size == 1) {
		value = serial_read(serial, reg);
	} else if (ports_is_pm(port)) {
		g_mutex_lock(&vm->pm_lock);
		value = pm_read(
			&vm->pm, port - PM_BASE, size, (guint64)(vm_now_ns() - vm->booted_at));
		g_mutex_unlock(&vm->pm_lock);
	} else if (port == CMOS_DATA_PORT) {
		value = cmos_read(vcpu->cmos_index, g_get_real_time() / G_USEC_PER_SEC);
	} else {
		vm_count(&vm->counters.unknown_ports);
	}
	return value;
}

static VcpuNext ports_sleep(Vcpu *vcpu, PmAction action)
{
	VmEvent event = { .kind = VM_EVENT_POWEROFF, .text = "the guest switched itself off" };

	switch (action) {
	case PM_NOTHING:
	case PM_UNKNOWN_SLEEP:
		return VCPU_GOES_ON;
	case PM_HIBERNATE:
		event.hibernate = TRUE;
		event.text = "the guest switched itself off, into hibernation";
		break;
	case PM_POWEROFF:
	case PM_N:
		break;
	}
	mail_event(vcpu->vm->mail, &event);
	return VCPU_STOPS;
}

static VcpuNext ports_write(Vcpu *vcpu, guint port, guint size, guint32 value)
{
	Vm *vm = vcpu->vm;
	PmAction action;
	guint reg;
	Serial *serial = ports_serial(vm, port, &reg);

	if (serial && size == 1) {
		serial_write(serial, reg, (guint8)value);
		return VCPU_GOES_ON;
	}
	if (port == PM_RESET_PORT && (value & 0xff) == PM_RESET_VALUE) {
		vcpu_report(vcpu, VM_EVENT_RESET, "the guest asked for a reset");
		return VCPU_STOPS;
	}
	if (port == CMOS_INDEX_PORT) {
		vcpu->cmos_index = (guint8)value;
		return VCPU_GOES_ON;
	}
	if (!ports_is_pm(port)) {
		vm_count(&vm->counters.unknown_ports);
		return VCPU_GOES_ON;
	}
	g_mutex_lock(&vm->pm_lock);
	action = pm_write(&vm->pm, port - PM_BASE, size, value);
	g_mutex_unlock(&vm->pm_lock);
	return ports_sleep(vcpu, action);
}

VcpuNext ports_exit(Vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	guint8 *bytes = (guint8 *)run + run->io.data_offset;
	guint size = MIN(run->io.size, sizeof(guint32));

	for (guint i = 0; i < run->io.count; i++, bytes += run->io.size) {
		hvis_le32 le = { { 0 } };

		if (run->io.direction == KVM_EXIT_IO_IN) {
			le = hvis_le32_make(ports_read(vcpu, run->io.port, size));
			memcpy(bytes, &le, size);
			continue;
		}
		memcpy(&le, bytes, size);
		if (ports_write(vcpu, run->io.port, size, hvis_le32_get(le)) == VCPU_STOPS)
			return VCPU_STOPS;
	}
	return VCPU_GOES_ON;
}
