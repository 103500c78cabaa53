// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SynIC in this program, for a KVM without Hyper-V support and for whoever wants to see every
 * access: all registers exit, the hypercall page makes an IO port exit, interrupts are MSIs.
 */
#include "config.h"

#include "host/vm/synic.h"

#include <string.h>
#include <sys/ioctl.h>
#include "host/trace.h"
#include "host/vm/acpi.h"
#include "host/vm/internal.h"
#include "host/vm/kvm.h"
#include "host/vm/msr.h"
#include "util/error.h"

#define CALL_PORT 0x9eu
#define MSI_DESTINATION_SHIFT 12
#define PANIC_TEXT_MAX 4096u

/* out CALL_PORT, eax; ret. Changes no register of the guest but the result, which we write. */
static const guint8 hypercall_page[] = { 0xe7, CALL_PORT, 0xc3 };

typedef struct {
	Synic synic; /* first */
	GMutex msr_lock;
	MsrFile msrs; /* under it */
} SynicUser;

static guint64 synic_user_reference_time(Synic *synic)
{
	return (guint64)(vm_now_ns() - synic->vm->booted_at) / 100;
}

static guint64 synic_user_time_register(gpointer data)
{
	return synic_user_reference_time(data);
}

static gboolean synic_user_prepare_vm(Synic *synic, GError **error)
{
	g_mutex_init(&((SynicUser *)synic)->msr_lock);
	return kvm_filter_msrs(synic->vm->vm_fd, error);
}

static gboolean synic_user_prepare_vcpu(
	Synic *synic G_GNUC_UNUSED, guint vp G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
	return TRUE;
}

static gboolean synic_user_ready(Synic *synic, GError **error)
{
	int khz = ioctl(synic->vm->vcpu[0].fd, KVM_GET_TSC_KHZ, 0);

	if (khz <= 0)
		return hvis_fail(
			error, HVIS_ERROR_UNSUPPORTED, "KVM does not tell the TSC frequency");
	msr_init(&((SynicUser *)synic)->msrs, (guint64)khz * 1000, synic_user_time_register, synic);
	return TRUE;
}

static void synic_user_cleanup(Synic *synic)
{
	g_mutex_clear(&((SynicUser *)synic)->msr_lock);
}

static gboolean synic_user_raise(Synic *synic, guint vp)
{
	SynicUser *u = (SynicUser *)synic;
	struct kvm_msi msi = { .address_lo = ACPI_LAPIC_GPA | vp << MSI_DESTINATION_SHIFT };
	guint64 sint;

	g_mutex_lock(&u->msr_lock);
	sint = u->msrs.vp[vp].sint[HVIS_SINT];
	g_mutex_unlock(&u->msr_lock);
	if (sint & (MSR_SINT_MASKED | MSR_SINT_POLLING))
		return FALSE;
	msi.data = sint & MSR_SINT_VECTOR;
	return ioctl(synic->vm->vm_fd, KVM_SIGNAL_MSI, &msi) >= 0;
}

static void synic_user_await_eom(
	Synic *synic G_GNUC_UNUSED, guint vp G_GNUC_UNUSED, gboolean wanted G_GNUC_UNUSED)
{
	/* Every EOM write is an exit and is reported: guests write it only where they are asked to. */
}

static gboolean synic_user_connect(Synic *synic G_GNUC_UNUSED, guint32 id G_GNUC_UNUSED,
	int eventfd G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
	return TRUE; /* the hypercall finds it in the table */
}

static void synic_user_disconnect(
	Synic *synic G_GNUC_UNUSED, guint32 id G_GNUC_UNUSED, int eventfd G_GNUC_UNUSED)
{
}

/* A page that the guest has enabled by writing @value to a register; NULL if it has not. */
static guint8 *synic_user_page(Synic *synic, guint64 value)
{
	return value & MSR_ENABLE ? ram_at(synic->vm->ram, value & MSR_PAGE_MASK, RAM_PAGE_SIZE)
				  : NULL;
}

/* What the guest says in its panic, if it has left a text, else the bare fact. */
static char *synic_user_panic_text(
	Synic *synic, const guint64 crash[VM_CRASH_PARAMETERS], guint64 control)
{
	char raw[PANIC_TEXT_MAX];
	gsize len = MIN(crash[4], sizeof(raw));

	if (!(control & MSR_CRASH_NOTIFY_MSG) || !len ||
		!ram_read(synic->vm->ram, crash[3], raw, len))
		return g_strdup("the guest reports a panic");
	for (gsize i = 0; i < len; i++)
		if (g_ascii_iscntrl(raw[i]) && raw[i] != '\n' && raw[i] != '\t')
			raw[i] = raw[i] ? '?' : ' ';
	return g_strchomp(g_utf8_make_valid(raw, (gssize)len));
}

static void synic_user_crash(Synic *synic, guint64 control)
{
	SynicUser *u = (SynicUser *)synic;
	VmEvent event = { .kind = VM_EVENT_CRASH };
	g_autofree char *text = NULL;

	g_mutex_lock(&u->msr_lock);
	memcpy(event.crash, u->msrs.crash, sizeof(event.crash));
	g_mutex_unlock(&u->msr_lock);
	text = synic_user_panic_text(synic, event.crash, control);
	event.text = text;
	mail_event(synic->vm->mail, &event);
}

static void synic_user_update_registers(Synic *synic, guint vp)
{
	SynicUser *u = (SynicUser *)synic;
	SynicRegisters registers;

	g_mutex_lock(&u->msr_lock);
	registers = (SynicRegisters){ u->msrs.vp[vp].scontrol, u->msrs.vp[vp].siefp,
		u->msrs.vp[vp].simp };
	g_mutex_unlock(&u->msr_lock);
	synic_set_registers(synic, vp, &registers);
	mail_synic(synic->vm->mail, vp);
}

static SynicExit synic_user_effect(Synic *synic, guint vp, MsrEffect effect, guint64 value)
{
	struct kvm_run *run = synic->vm->vcpu[vp].run;
	guint8 *page;

	switch (effect) {
	case MSR_DID_FAULT:
		run->msr.error = 1;
		vm_count(&synic->vm->counters.unknown_msrs);
		break;
	case MSR_DID_HYPERCALL:
		page = synic_user_page(synic, value);
		if (page)
			memcpy(page, hypercall_page, sizeof(hypercall_page));
		break;
	case MSR_DID_ASSIST:
		page = synic_user_page(synic, value);
		if (page)
			memset(page, 0, RAM_PAGE_SIZE);
		break;
	case MSR_DID_SYNIC:
		synic_user_update_registers(synic, vp);
		break;
	case MSR_DID_EOM:
		vm_count(&synic->vm->counters.eoms);
		mail_synic(synic->vm->mail, vp);
		break;
	case MSR_DID_CRASH:
		synic_user_crash(synic, value);
		break;
	case MSR_DID_RESET:
		vcpu_report(&synic->vm->vcpu[vp], VM_EVENT_RESET, "the guest asked for a reset");
		return SYNIC_STOPS;
	case MSR_DID_NOTHING:
	case MSR_DID_N:
		break;
	}
	return SYNIC_HANDLED;
}

static void synic_user_trace(guint vp, const struct kvm_run *run)
{
	gboolean write = run->exit_reason == KVM_EXIT_X86_WRMSR;
	g_autofree char *name = NULL;
	char subject[16];

	if (!trace_wanted(TRACE_MSR))
		return;
	name = msr_name(run->msr.index);
	g_snprintf(subject, sizeof(subject), "vcpu%u", vp);
	if (run->msr.error)
		trace_emit(TRACE_MSR, TRACE_TO_HOST, subject, NULL, 0, "%s %s: fault",
			write ? "write" : "read", name);
	else
		trace_emit(TRACE_MSR, write ? TRACE_TO_HOST : TRACE_TO_GUEST, subject, NULL, 0,
			"%s %s %#llx", write ? "write" : "read", name,
			(unsigned long long)run->msr.data);
}

static SynicExit synic_user_rdmsr(Synic *synic, guint vp)
{
	SynicUser *u = (SynicUser *)synic;
	struct kvm_run *run = synic->vm->vcpu[vp].run;
	guint64 value = 0;
	gboolean known;

	g_mutex_lock(&u->msr_lock);
	known = msr_read(&u->msrs, vp, run->msr.index, &value);
	g_mutex_unlock(&u->msr_lock);
	run->msr.data = value;
	run->msr.error = !known;
	if (!known)
		vm_count(&synic->vm->counters.unknown_msrs);
	synic_user_trace(vp, run);
	return SYNIC_HANDLED;
}

static SynicExit synic_user_wrmsr(Synic *synic, guint vp)
{
	SynicUser *u = (SynicUser *)synic;
	struct kvm_run *run = synic->vm->vcpu[vp].run;
	guint64 value = run->msr.data;
	MsrEffect effect;
	SynicExit next;

	run->msr.error = 0;
	g_mutex_lock(&u->msr_lock);
	effect = msr_write(&u->msrs, vp, run->msr.index, value);
	if (effect == MSR_DID_HYPERCALL)
		value = u->msrs.hypercall; /* it may not have become enabled */
	g_mutex_unlock(&u->msr_lock);
	next = synic_user_effect(synic, vp, effect, value);
	synic_user_trace(vp, run);
	return next;
}

static SynicExit synic_user_hypercall(Synic *synic, guint vp)
{
	Vcpu *vcpu = &synic->vm->vcpu[vp];
	struct kvm_regs regs;
	Hypercall call;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) < 0)
		return SYNIC_NOT_MINE;
	call = (Hypercall){ regs.rcx, regs.rdx, FALSE };
	regs.rax = calls_run(vcpu, &call);
	return ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0 ? SYNIC_NOT_MINE : SYNIC_HANDLED;
}

static SynicExit synic_user_exit(Synic *synic, guint vp)
{
	const struct kvm_run *run = synic->vm->vcpu[vp].run;

	switch (run->exit_reason) {
	case KVM_EXIT_X86_RDMSR:
		return synic_user_rdmsr(synic, vp);
	case KVM_EXIT_X86_WRMSR:
		return synic_user_wrmsr(synic, vp);
	case KVM_EXIT_IO:
		if (run->io.port == CALL_PORT && run->io.direction == KVM_EXIT_IO_OUT &&
			run->io.size == sizeof(guint32) && run->io.count == 1)
			return synic_user_hypercall(synic, vp);
		return SYNIC_NOT_MINE;
	}
	return SYNIC_NOT_MINE;
}

const SynicOps synic_user_ops = {
	.mode = VM_SYNIC_USER,
	.size = sizeof(SynicUser),
	.prepare_vm = synic_user_prepare_vm,
	.prepare_vcpu = synic_user_prepare_vcpu,
	.ready = synic_user_ready,
	.cleanup = synic_user_cleanup,
	.raise = synic_user_raise,
	.await_eom = synic_user_await_eom,
	.connect = synic_user_connect,
	.disconnect = synic_user_disconnect,
	.reference_time = synic_user_reference_time,
	.exit = synic_user_exit,
};
