// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a machine: checks, creation, start, stop, reset, end. A reset makes all KVM objects anew,
 * so that no state of processors, interrupt controllers or clock survives it; memory is emptied and
 * the files are loaded again.
 */
#include "config.h"

#include "host/vm/vm.h"

#include <string.h>
#include <time.h>
#include "host/vm/internal.h"
#include "host/vm/kvm.h"
#include "util/error.h"
#include "util/fd.h"

#define NS_PER_S G_GINT64_CONSTANT(1000000000)

static const guint serial_irq[VM_SERIAL_PORTS] = { 4, 3 };
static const char *const serial_name[VM_SERIAL_PORTS] = { "console", "agent port" };

static const char *const event_names[] = {
	[VM_EVENT_POWEROFF] = "power-off",
	[VM_EVENT_RESET] = "reset",
	[VM_EVENT_CRASH] = "crash",
	[VM_EVENT_TRIPLE_FAULT] = "triple-fault",
	[VM_EVENT_ERROR] = "error",
	[VM_EVENT_ESCAPE] = "escape",
	[VM_EVENT_LOST] = "lost",
};
G_STATIC_ASSERT(G_N_ELEMENTS(event_names) == VM_EVENT_N);

static const char *const synic_names[] = {
	[VM_SYNIC_AUTO] = "auto",
	[VM_SYNIC_KVM] = "kvm",
	[VM_SYNIC_USER] = "user",
};
G_STATIC_ASSERT(G_N_ELEMENTS(synic_names) == VM_SYNIC_N);

const char *vm_event_name(VmEventKind kind)
{
	return kind < VM_EVENT_N ? event_names[kind] : "?";
}

const char *vm_synic_name(VmSynic synic)
{
	return synic < VM_SYNIC_N ? synic_names[synic] : "?";
}

gboolean vm_synic_parse(const char *name, VmSynic *ret, GError **error)
{
	for (VmSynic synic = VM_SYNIC_AUTO; synic < VM_SYNIC_N; synic++) {
		if (g_strcmp0(name, synic_names[synic]) != 0)
			continue;
		*ret = synic;
		return TRUE;
	}
	return hvis_fail(error, HVIS_ERROR_INVALID, "SynIC \"%s\": auto, kvm or user", name);
}

gint64 vm_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* The KVM objects go; memory, files and everything of the host stays. */
static void vm_dismantle(Vm *vm)
{
	for (guint i = 0; i < VM_CPUS_MAX; i++)
		vcpu_destroy(&vm->vcpu[i]);
	g_clear_pointer(&vm->synic, synic_free);
	hvis_fd_clear(&vm->vm_fd);
}

static gboolean vm_assemble(Vm *vm, guint64 entry, GError **error)
{
	vm->vm_fd = kvm_create_vm(vm->kvm_fd, vm->ram, error);
	if (vm->vm_fd < 0)
		return FALSE;
	vm->synic = synic_new(vm, vm->mode);
	if (!vm->synic->ops->prepare_vm(vm->synic, error))
		return FALSE;
	/* In ascending order: KVM finds processors by their index then. */
	for (guint i = 0; i < vm->cpus; i++)
		if (!vcpu_create(&vm->vcpu[i], error))
			return FALSE;
	return vm->synic->ops->ready(vm->synic, error) && kvm_set_lints(vm->vcpu[0].fd, error) &&
	       kvm_set_long_mode(vm->vcpu[0].fd, entry, BOOT_PARAMS_GPA, error);
}

/* A machine as after power-on, with the guest loaded. */
static gboolean vm_boot(Vm *vm, GError **error)
{
	guint64 entry;

	vm_dismantle(vm);
	if (!ram_clear(vm->ram, error) || !boot_load(vm->boot, vm->ram, vm->cpus, &entry, error) ||
		!vm_assemble(vm, entry, error))
		return FALSE;
	pm_init(&vm->pm);
	for (guint i = 0; i < VM_SERIAL_PORTS; i++)
		serial_reset(vm->serial[i]);
	vm->booted_at = vm_now_ns();
	vm->boots++;
	return TRUE;
}

gboolean vm_start(Vm *vm, GError **error)
{
	if (vm->running)
		return TRUE;
	__atomic_store_n(&vm->stopping, 0, __ATOMIC_SEQ_CST);
	vm->running = TRUE;
	for (guint i = 0; i < vm->cpus; i++) {
		if (!vcpu_start(&vm->vcpu[i], error)) {
			vm_stop(vm);
			return FALSE;
		}
	}
	return TRUE;
}

void vm_stop(Vm *vm)
{
	if (!vm->running)
		return;
	__atomic_store_n(&vm->stopping, 1, __ATOMIC_SEQ_CST);
	for (guint i = 0; i < vm->cpus; i++)
		vcpu_stop(&vm->vcpu[i]);
	vm->running = FALSE;
	for (guint i = 0; i < VM_SERIAL_PORTS; i++)
		serial_flush(vm->serial[i]);
}

gboolean vm_running(const Vm *vm)
{
	return vm->running;
}

gboolean vm_reset(Vm *vm, GError **error)
{
	vm_stop(vm);
	mail_clear(vm->mail);
	delivery_flush(vm->delivery);
	if (vm->client && vm->client->reset)
		vm->client->reset(vm->client_data);
	if (!vm_boot(vm, error)) {
		g_prefix_error(error, "reset: ");
		return FALSE;
	}
	return vm_start(vm, error);
}

static void vm_tell(Vm *vm, const VmEvent *event)
{
	if (vm->func)
		vm->func(vm, event, vm->func_data);
}

static void vm_on_reset(Vm *vm, const VmEvent *event)
{
	g_autoptr(GError) error = NULL;
	VmEvent told = *event;

	if (vm->no_reset) {
		vm_stop(vm);
	} else if (!vm_reset(vm, &error)) {
		told.kind = VM_EVENT_ERROR;
		told.text = error->message;
	}
	told.running = vm->running;
	vm_tell(vm, &told);
}

static void vm_on_event(gpointer data, const VmEvent *event)
{
	Vm *vm = data;
	VmEvent told = *event;

	if (!vm->running) /* of a processor that saw its end a moment after another one */
		return;
	switch (event->kind) {
	case VM_EVENT_RESET:
		vm_on_reset(vm, event);
		return;
	case VM_EVENT_POWEROFF:
	case VM_EVENT_TRIPLE_FAULT:
	case VM_EVENT_ERROR:
		vm_stop(vm);
		break;
	case VM_EVENT_CRASH:
	case VM_EVENT_ESCAPE:
	case VM_EVENT_LOST:
	case VM_EVENT_N:
		break;
	}
	told.running = vm->running;
	vm_tell(vm, &told);
}

static void vm_on_message(gpointer data, guint32 port, const guint8 *payload, gsize len)
{
	Vm *vm = data;

	if (vm->client)
		vm->client->message(vm->client_data, port, payload, len);
}

static void vm_on_synic(gpointer data, guint vp)
{
	Vm *vm = data;

	if (vp < vm->cpus)
		delivery_pump(vm->delivery, vp);
}

static const MailOps mail_ops = { vm_on_synic, vm_on_message, vm_on_event };

static void vm_on_signal(gpointer data, guint32 id)
{
	Vm *vm = data;

	if (vm->client)
		vm->client->signalled(vm->client_data, id);
}

static SlotMessagePage *vm_message_page(gpointer data, guint vp)
{
	Vm *vm = data;

	return synic_message_page(vm->synic, vp);
}

static SlotFlagPage *vm_flag_page(gpointer data, guint vp)
{
	Vm *vm = data;

	return synic_flag_page(vm->synic, vp);
}

static gboolean vm_raise(gpointer data, guint vp)
{
	Vm *vm = data;

	return vm->synic->ops->raise(vm->synic, vp);
}

static void vm_await(gpointer data, guint vp, gboolean wanted)
{
	Vm *vm = data;

	vm->synic->ops->await_eom(vm->synic, vp, wanted);
}

static const DeliveryOps delivery_ops = { vm_message_page, vm_flag_page, vm_raise, vm_await };

static void vm_set_irq(Vm *vm, guint irq, gboolean level)
{
	struct kvm_irq_level line = { .irq = irq, .level = (guint32)level };
	g_autoptr(GError) error = NULL;

	/* A port without a machine around it yet, or any more, is wired to nothing. */
	if (vm->vm_fd >= 0 && !kvm_ioctl(vm->vm_fd, KVM_IRQ_LINE, &line, "KVM_IRQ_LINE", &error))
		g_debug("interrupt %u: %s", irq, error->message);
}

static void vm_console_line(gpointer data, gboolean level)
{
	vm_set_irq(data, serial_irq[0], level);
}

static void vm_agent_line(gpointer data, gboolean level)
{
	vm_set_irq(data, serial_irq[1], level);
}

static void vm_on_escape(gpointer data)
{
	const VmEvent event = { .kind = VM_EVENT_ESCAPE, .text = "the user asked to leave" };
	Vm *vm = data;

	mail_event(vm->mail, &event);
}

static void vm_on_lost(gpointer data, const char *text)
{
	Vm *vm = data;
	const VmEvent event = { .kind = VM_EVENT_LOST, .running = vm->running, .text = text };

	vm_tell(vm, &event);
}

static const SerialOps serial_ops[VM_SERIAL_PORTS] = {
	{ vm_console_line, vm_on_escape, vm_on_lost },
	{ vm_agent_line, vm_on_escape, vm_on_lost },
};

static gboolean vm_check_options(const VmOptions *options, GError **error)
{
	if (!options->kernel)
		return hvis_fail(error, HVIS_ERROR_INVALID, "no kernel given");
	if (options->cpus < 1 || options->cpus > VM_CPUS_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID, "%u processors: 1 to %u", options->cpus,
			VM_CPUS_MAX);
	if (options->memory_mb < VM_MEMORY_MB_MIN || options->memory_mb > VM_MEMORY_MB_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID, "%u MiB of memory: %u to %u",
			options->memory_mb, VM_MEMORY_MB_MIN, VM_MEMORY_MB_MAX);
	return TRUE;
}

/* Decide on the way, by trying. */
static gboolean vm_choose_synic(Vm *vm, VmSynic wanted, GError **error)
{
	g_autofree char *by_kvm = NULL, *by_user = NULL;

	if (wanted != VM_SYNIC_USER) {
		by_kvm = vm_probe_way(vm->kvm_fd, VM_SYNIC_KVM);
		vm->mode = VM_SYNIC_KVM;
		if (!by_kvm)
			return TRUE;
		if (wanted == VM_SYNIC_KVM)
			return hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "SynIC by KVM: %s", by_kvm);
	}
	by_user = vm_probe_way(vm->kvm_fd, VM_SYNIC_USER);
	vm->mode = VM_SYNIC_USER;
	if (!by_user)
		return TRUE;
	if (wanted == VM_SYNIC_USER)
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "SynIC in user space: %s", by_user);
	return hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "SynIC by KVM: %s; in user space: %s",
		by_kvm, by_user);
}

static gboolean vm_set_up(Vm *vm, const VmOptions *options, GError **error)
{
	const VmSerial *where[VM_SERIAL_PORTS] = { &options->console, &options->agent };
	guint64 memory = (guint64)options->memory_mb << 20;

	vm->boot = boot_new(options->kernel, options->initrds,
		options->append ? options->append : VM_APPEND_DEFAULT, memory, error);
	if (!vm->boot)
		return FALSE;
	vm->kvm_fd = kvm_open(error);
	if (vm->kvm_fd < 0 || !vm_choose_synic(vm, options->synic, error))
		return FALSE;
	vm->ram = ram_new(memory, error);
	if (!vm->ram)
		return FALSE;
	for (guint i = 0; i < VM_SERIAL_PORTS; i++) {
		vm->serial[i] = serial_new(serial_name[i], where[i], &serial_ops[i], vm, error);
		if (!vm->serial[i])
			return FALSE;
	}
	return vm_boot(vm, error);
}

Vm *vm_new(const VmOptions *options, VmEventFunc func, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = NULL;

	if (!vm_check_options(options, error))
		return NULL;
	vm = g_new0(Vm, 1);
	vm->machine.ops = &vm_machine_ops;
	vm->func = func;
	vm->func_data = data;
	vm->cpus = options->cpus;
	vm->no_reset = options->no_reset;
	vm->kvm_fd = vm->vm_fd = -1;
	for (guint i = 0; i < VM_CPUS_MAX; i++) {
		vm->vcpu[i] = (Vcpu){ .vm = vm, .index = i, .fd = -1 };
		g_mutex_init(&vm->vcpu[i].state_lock);
		g_cond_init(&vm->vcpu[i].state_cond);
	}
	g_mutex_init(&vm->pm_lock);
	vm->mail = mail_new(&mail_ops, vm);
	vm->signals = signals_new(vm_on_signal, vm);
	vm->delivery = delivery_new(vm->cpus, &delivery_ops, vm);
	if (!vm_set_up(vm, options, error))
		return NULL;
	return g_steal_pointer(&vm);
}

void vm_free(Vm *vm)
{
	if (!vm)
		return;
	vm_stop(vm);
	for (guint i = 0; i < VM_SERIAL_PORTS; i++)
		serial_free(vm->serial[i]);
	delivery_free(vm->delivery);
	vm_dismantle(vm);
	for (guint i = 0; i < VM_CPUS_MAX; i++) {
		g_mutex_clear(&vm->vcpu[i].state_lock);
		g_cond_clear(&vm->vcpu[i].state_cond);
	}
	signals_free(vm->signals);
	mail_free(vm->mail);
	boot_free(vm->boot);
	ram_free(vm->ram);
	hvis_fd_clear(&vm->kvm_fd);
	g_mutex_clear(&vm->pm_lock);
	g_free(vm);
}

Machine *vm_machine(Vm *vm)
{
	return &vm->machine;
}

VmSynic vm_synic(const Vm *vm)
{
	return vm->mode;
}
