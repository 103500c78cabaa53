// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SynIC by KVM's own Hyper-V support. KVM keeps the registers and answers most hypercalls; the
 * guest's page registers and HvPostMessage come out as exits, HvSignalEvent through eventfds. SINT2
 * of each processor is an interrupt route of its own: raised by ioctl, with an irqfd on it that
 * does nothing but report end of message.
 */
#include "config.h"

#include "host/vm/synic.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include "host/vm/internal.h"
#include "host/vm/kvm.h"
#include "host/vm/msr.h"
#include "util/error.h"
#include "util/fd.h"

#define PIC_PINS 16u
#define PIC_PINS_EACH 8u
#define IOAPIC_PINS 24u
#define GSI_SINT 64u /* of processor 0; the others follow */
#define ROUTES_MAX (PIC_PINS + IOAPIC_PINS + VM_CPUS_MAX)

typedef struct {
	Synic *synic;
	guint vp;
	int trigger_fd; /* an irqfd must have one; nobody writes it */
	int eom_fd;
	guint eom_id;
} SynicLine;

typedef struct {
	Synic synic; /* first */
	SynicLine line[VM_CPUS_MAX];
} SynicKvm;

static gboolean synic_kvm_prepare_vm(Synic *synic, GError **error G_GNUC_UNUSED)
{
	SynicKvm *k = (SynicKvm *)synic;

	for (guint vp = 0; vp < VM_CPUS_MAX; vp++) {
		k->line[vp] = (SynicLine){ synic, vp, -1, -1, 0 };
		/* SCONTROL is on after a reset, the pages are not. */
		synic->registers[vp].scontrol = MSR_ENABLE;
	}
	return TRUE;
}

static gboolean synic_kvm_prepare_vcpu(Synic *synic, guint vp, GError **error)
{
	return kvm_enable_synic(synic->vm->vcpu[vp].fd, error);
}

/* KVM's default wiring, which setting any route replaces: IRQ n to pin n, of the 8259s as well. */
static guint synic_kvm_chip_routes(struct kvm_irq_routing_entry *entry)
{
	guint n = 0;

	for (guint pin = 0; pin < IOAPIC_PINS; pin++) {
		if (pin < PIC_PINS) {
			entry[n].gsi = pin;
			entry[n].type = KVM_IRQ_ROUTING_IRQCHIP;
			entry[n].u.irqchip.irqchip = pin < PIC_PINS_EACH ? KVM_IRQCHIP_PIC_MASTER
									 : KVM_IRQCHIP_PIC_SLAVE;
			entry[n++].u.irqchip.pin = pin % PIC_PINS_EACH;
		}
		entry[n].gsi = pin;
		entry[n].type = KVM_IRQ_ROUTING_IRQCHIP;
		entry[n].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		entry[n++].u.irqchip.pin = pin;
	}
	return n;
}

static gboolean synic_kvm_route(Synic *synic, GError **error)
{
	g_autofree struct kvm_irq_routing *table =
		g_malloc0(sizeof(*table) + ROUTES_MAX * sizeof(table->entries[0]));
	guint n = synic_kvm_chip_routes(table->entries);

	for (guint vp = 0; vp < synic->vm->cpus; vp++) {
		table->entries[n].gsi = GSI_SINT + vp;
		table->entries[n].type = KVM_IRQ_ROUTING_HV_SINT;
		table->entries[n].u.hv_sint.vcpu = vp;
		table->entries[n++].u.hv_sint.sint = HVIS_SINT;
	}
	table->nr = n;
	return kvm_ioctl(
		synic->vm->vm_fd, KVM_SET_GSI_ROUTING, table, "KVM_SET_GSI_ROUTING", error);
}

static gboolean synic_kvm_watch_eom(SynicLine *line, GError **error)
{
	struct kvm_irqfd irqfd = { .gsi = GSI_SINT + line->vp, .flags = KVM_IRQFD_FLAG_RESAMPLE };

	line->trigger_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	line->eom_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (line->trigger_fd < 0 || line->eom_fd < 0)
		return hvis_fail_errno(error, errno, "eventfd of processor %u", line->vp);
	irqfd.fd = (guint32)line->trigger_fd;
	irqfd.resamplefd = (guint32)line->eom_fd;
	return kvm_ioctl(line->synic->vm->vm_fd, KVM_IRQFD, &irqfd, "KVM_IRQFD", error);
}

static gboolean synic_kvm_connect(Synic *synic, guint32 id, int eventfd, GError **error)
{
	struct kvm_hyperv_eventfd event = { .conn_id = id, .fd = eventfd };

	return kvm_ioctl(synic->vm->vm_fd, KVM_HYPERV_EVENTFD, &event, "KVM_HYPERV_EVENTFD", error);
}

static void synic_kvm_disconnect(Synic *synic, guint32 id, int eventfd)
{
	struct kvm_hyperv_eventfd event = {
		.conn_id = id, .fd = eventfd, .flags = KVM_HYPERV_EVENTFD_DEASSIGN
	};

	ioctl(synic->vm->vm_fd, KVM_HYPERV_EVENTFD, &event);
}

static gboolean synic_kvm_reconnect(guint32 id, int eventfd, gpointer data, GError **error)
{
	return synic_kvm_connect(data, id, eventfd, error);
}

static gboolean synic_kvm_ready(Synic *synic, GError **error)
{
	SynicKvm *k = (SynicKvm *)synic;

	if (!synic_kvm_route(synic, error))
		return FALSE;
	for (guint vp = 0; vp < synic->vm->cpus; vp++)
		if (!synic_kvm_watch_eom(&k->line[vp], error))
			return FALSE;
	return signals_foreach(synic->vm->signals, synic_kvm_reconnect, synic, error);
}

static void synic_kvm_cleanup(Synic *synic)
{
	SynicKvm *k = (SynicKvm *)synic;

	for (guint vp = 0; vp < VM_CPUS_MAX; vp++) {
		g_clear_handle_id(&k->line[vp].eom_id, g_source_remove);
		hvis_fd_clear(&k->line[vp].trigger_fd);
		hvis_fd_clear(&k->line[vp].eom_fd);
	}
}

static gboolean synic_kvm_raise(Synic *synic, guint vp)
{
	struct kvm_irq_level level = { .irq = GSI_SINT + vp, .level = 1 };

	return ioctl(synic->vm->vm_fd, KVM_IRQ_LINE_STATUS, &level) == 0 && level.status >= 0;
}

static gboolean on_eom(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	SynicLine *line = data;
	eventfd_t count;

	if (eventfd_read(fd, &count) == 0) {
		vm_count(&line->synic->vm->counters.eoms);
		delivery_pump(line->synic->vm->delivery, line->vp);
	}
	return G_SOURCE_CONTINUE;
}

/*
 * KVM also notifies when the guest ends the interrupt itself. While nobody waits the notifications
 * gather in the eventfd and wake nobody up.
 */
static void synic_kvm_await_eom(Synic *synic, guint vp, gboolean wanted)
{
	SynicLine *line = &((SynicKvm *)synic)->line[vp];

	if (wanted && !line->eom_id)
		line->eom_id = g_unix_fd_add(line->eom_fd, G_IO_IN, on_eom, line);
	else if (!wanted)
		g_clear_handle_id(&line->eom_id, g_source_remove);
}

static guint64 synic_kvm_reference_time(Synic *synic)
{
	struct kvm_clock_data clock = { 0 };

	return ioctl(synic->vm->vm_fd, KVM_GET_CLOCK, &clock) < 0 ? 0 : clock.clock / 100;
}

static void synic_kvm_crash(Vcpu *vcpu)
{
	g_autofree struct kvm_msrs *msrs =
		g_malloc0(sizeof(*msrs) + VM_CRASH_PARAMETERS * sizeof(msrs->entries[0]));
	VmEvent event = { .kind = VM_EVENT_CRASH };
	g_autofree char *text = NULL;

	msrs->nmsrs = VM_CRASH_PARAMETERS;
	for (guint i = 0; i < VM_CRASH_PARAMETERS; i++)
		msrs->entries[i].index = MSR_CRASH_P0 + i;
	if (ioctl(vcpu->fd, KVM_GET_MSRS, msrs) == (int)VM_CRASH_PARAMETERS)
		for (guint i = 0; i < VM_CRASH_PARAMETERS; i++)
			event.crash[i] = msrs->entries[i].data;
	/* The meaning that Linux gives them. */
	text = g_strdup_printf("the guest reports a panic: error %#" G_GINT64_MODIFIER
			       "x, instruction %#" G_GINT64_MODIFIER "x, stack %#" G_GINT64_MODIFIER
			       "x",
		event.crash[0], event.crash[2], event.crash[4]);
	event.text = text;
	mail_event(vcpu->vm->mail, &event);
}

static SynicExit synic_kvm_exit_hyperv(Synic *synic, guint vp)
{
	struct kvm_hyperv_exit *exit = &synic->vm->vcpu[vp].run->hyperv;
	SynicRegisters registers;
	Hypercall call;

	switch (exit->type) {
	case KVM_EXIT_HYPERV_SYNIC:
		registers = (SynicRegisters){ exit->u.synic.control, exit->u.synic.evt_page,
			exit->u.synic.msg_page };
		synic_set_registers(synic, vp, &registers);
		mail_synic(synic->vm->mail, vp);
		return SYNIC_HANDLED;
	case KVM_EXIT_HYPERV_HCALL:
		/* KVM has already fetched the input of HvSignalEvent. */
		call = (Hypercall){ exit->u.hcall.input, exit->u.hcall.params[0], TRUE };
		exit->u.hcall.result = calls_run(&synic->vm->vcpu[vp], &call);
		return SYNIC_HANDLED;
	}
	return SYNIC_NOT_MINE;
}

static SynicExit synic_kvm_exit(Synic *synic, guint vp)
{
	struct kvm_run *run = synic->vm->vcpu[vp].run;

	if (run->exit_reason == KVM_EXIT_HYPERV)
		return synic_kvm_exit_hyperv(synic, vp);
	if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT &&
		run->system_event.type == KVM_SYSTEM_EVENT_CRASH) {
		synic_kvm_crash(&synic->vm->vcpu[vp]);
		return SYNIC_HANDLED;
	}
	return SYNIC_NOT_MINE;
}

const SynicOps synic_kvm_ops = {
	.mode = VM_SYNIC_KVM,
	.size = sizeof(SynicKvm),
	.prepare_vm = synic_kvm_prepare_vm,
	.prepare_vcpu = synic_kvm_prepare_vcpu,
	.ready = synic_kvm_ready,
	.cleanup = synic_kvm_cleanup,
	.raise = synic_kvm_raise,
	.await_eom = synic_kvm_await_eom,
	.connect = synic_kvm_connect,
	.disconnect = synic_kvm_disconnect,
	.reference_time = synic_kvm_reference_time,
	.exit = synic_kvm_exit,
};
