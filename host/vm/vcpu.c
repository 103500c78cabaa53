// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtual processor: its descriptor, its thread, its exits. Ioctls on the descriptor are made on
 * the thread while it runs: from elsewhere they would wait until the guest leaves by itself.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include "host/vm/internal.h"
#include "host/vm/kick.h"
#include "host/vm/kvm.h"
#include "util/error.h"
#include "util/fd.h"

#define RFLAGS_IF 0x200u
#define STATE_TIME_US (200 * G_TIME_SPAN_MILLISECOND)

void vcpu_report(Vcpu *vcpu, VmEventKind kind, const char *format, ...)
{
	g_autofree char *text = NULL;
	VmEvent event = { .kind = kind };
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	event.text = text;
	mail_event(vcpu->vm->mail, &event);
}

static void vcpu_read_state(Vcpu *vcpu)
{
	struct kvm_mp_state mp = { 0 };
	struct kvm_regs regs = { 0 };

	ioctl(vcpu->fd, KVM_GET_MP_STATE, &mp);
	ioctl(vcpu->fd, KVM_GET_REGS, &regs);
	vcpu->state = (VcpuState){ regs.rip, (regs.rflags & RFLAGS_IF) != 0, (int)mp.mp_state };
}

/* The main context waits for this. Kicks that come from now on are for KVM_RUN again. */
static void vcpu_answer_state(Vcpu *vcpu)
{
	g_mutex_lock(&vcpu->state_lock);
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	vcpu_read_state(vcpu);
	__atomic_store_n(&vcpu->state_wanted, 0, __ATOMIC_SEQ_CST);
	g_cond_signal(&vcpu->state_cond);
	g_mutex_unlock(&vcpu->state_lock);
}

gboolean vcpu_get_state(Vcpu *vcpu, VcpuState *ret)
{
	gint64 deadline = g_get_monotonic_time() + STATE_TIME_US;
	gboolean answered = TRUE;

	g_mutex_lock(&vcpu->state_lock);
	if (vcpu->started) {
		__atomic_store_n(&vcpu->state_wanted, 1, __ATOMIC_SEQ_CST);
		kick_out(vcpu->thread, vcpu->run);
		while (__atomic_load_n(&vcpu->state_wanted, __ATOMIC_SEQ_CST) && answered)
			answered =
				g_cond_wait_until(&vcpu->state_cond, &vcpu->state_lock, deadline);
	} else {
		vcpu_read_state(vcpu);
	}
	if (answered)
		*ret = vcpu->state;
	g_mutex_unlock(&vcpu->state_lock);
	return answered;
}

static guint64 vcpu_rip(Vcpu *vcpu)
{
	struct kvm_regs regs = { 0 };

	return ioctl(vcpu->fd, KVM_GET_REGS, &regs) < 0 ? 0 : regs.rip;
}

static void vcpu_count_exit(Vcpu *vcpu)
{
	vm_count(&vcpu->exits[MIN(vcpu->run->exit_reason, VCPU_EXIT_REASONS - 1)]);
}

static VcpuNext vcpu_mmio(Vcpu *vcpu)
{
	if (!vcpu->run->mmio.is_write)
		memset(vcpu->run->mmio.data, 0xff, sizeof(vcpu->run->mmio.data));
	return VCPU_GOES_ON;
}

static VcpuNext vcpu_system_event(Vcpu *vcpu)
{
	if (vcpu->run->system_event.type == KVM_SYSTEM_EVENT_RESET)
		vcpu_report(vcpu, VM_EVENT_RESET, "the guest asked for a reset");
	else
		vcpu_report(vcpu, VM_EVENT_POWEROFF, "the guest switched itself off");
	return VCPU_STOPS;
}

static VcpuNext vcpu_exit(Vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	Synic *synic = vcpu->vm->synic;

	switch (synic->ops->exit(synic, vcpu->index)) {
	case SYNIC_HANDLED:
		return VCPU_GOES_ON;
	case SYNIC_STOPS:
		return VCPU_STOPS;
	case SYNIC_NOT_MINE:
		break;
	}
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		return ports_exit(vcpu);
	case KVM_EXIT_MMIO:
		return vcpu_mmio(vcpu);
	case KVM_EXIT_INTR:
	case KVM_EXIT_HLT:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return VCPU_GOES_ON;
	case KVM_EXIT_SYSTEM_EVENT:
		return vcpu_system_event(vcpu);
	case KVM_EXIT_SHUTDOWN:
		vcpu_report(vcpu, VM_EVENT_TRIPLE_FAULT,
			"triple fault of processor %u at %#" G_GINT64_MODIFIER "x", vcpu->index,
			vcpu_rip(vcpu));
		return VCPU_STOPS;
	case KVM_EXIT_FAIL_ENTRY:
		vcpu_report(vcpu, VM_EVENT_ERROR,
			"KVM cannot enter processor %u: hardware reason %#llx", vcpu->index,
			(unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		return VCPU_STOPS;
	}
	vcpu_report(vcpu, VM_EVENT_ERROR,
		"processor %u at %#" G_GINT64_MODIFIER "x left KVM with %s (%u)", vcpu->index,
		vcpu_rip(vcpu),
		kvm_exit_name(run->exit_reason) ? kvm_exit_name(run->exit_reason) : "exit",
		run->exit_reason);
	return VCPU_STOPS;
}

static void *vcpu_thread(void *data)
{
	Vcpu *vcpu = data;
	VcpuNext next = VCPU_GOES_ON;

	while (next == VCPU_GOES_ON) {
		if (__atomic_load_n(&vcpu->state_wanted, __ATOMIC_SEQ_CST))
			vcpu_answer_state(vcpu);
		if (__atomic_load_n(&vcpu->vm->stopping, __ATOMIC_SEQ_CST))
			break;
		if (ioctl(vcpu->fd, KVM_RUN, 0) == 0) {
			vcpu_count_exit(vcpu);
			next = vcpu_exit(vcpu);
		} else if (errno != EINTR && errno != EAGAIN) {
			vcpu_report(vcpu, VM_EVENT_ERROR, "KVM_RUN of processor %u: %s",
				vcpu->index, g_strerror(errno));
			next = VCPU_STOPS;
		}
	}
	return NULL;
}

gboolean vcpu_create(Vcpu *vcpu, GError **error)
{
	Vm *vm = vcpu->vm;

	vcpu->fd = kvm_create_vcpu(
		vm->kvm_fd, vm->vm_fd, vcpu->index, &vcpu->run, &vcpu->run_size, error);
	return vcpu->fd >= 0 && vm->synic->ops->prepare_vcpu(vm->synic, vcpu->index, error) &&
	       kvm_set_cpuid(vm->kvm_fd, vcpu->fd, vm->mode, vcpu->index, vm->cpus, error);
}

gboolean vcpu_start(Vcpu *vcpu, GError **error)
{
	char name[16];

	g_snprintf(name, sizeof(name), "vcpu%u", vcpu->index);
	vcpu->started = kick_start(&vcpu->thread, vcpu->run, name, vcpu_thread, vcpu, error);
	return vcpu->started;
}

void vcpu_stop(Vcpu *vcpu)
{
	if (!vcpu->started)
		return;
	kick_out(vcpu->thread, vcpu->run);
	pthread_join(vcpu->thread, NULL);
	vcpu->started = FALSE;
}

void vcpu_destroy(Vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_size);
	vcpu->run = NULL;
	hvis_fd_clear(&vcpu->fd);
}
