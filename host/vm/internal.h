/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's inside, for the files of this folder only. The objects that a reset replaces (the
 * KVM descriptors, the processors) are in here; the rest has modules of its own.
 *
 * Who touches what: everything is the main context's, except what is marked. Processor threads run
 * vcpu.c, ports.c and the exit functions of the SynIC; they hand over through mail.h.
 */
#pragma once

#include <linux/kvm.h>
#include <pthread.h>
#include "host/vm/boot.h"
#include "host/vm/delivery.h"
#include "host/vm/hypercall.h"
#include "host/vm/mail.h"
#include "host/vm/pm.h"
#include "host/vm/ram.h"
#include "host/vm/serial.h"
#include "host/vm/signals.h"
#include "host/vm/synic.h"
#include "host/vm/vm.h"

#define VCPU_EXIT_REASONS 48u
#define VM_SERIAL_PORTS 2u

/* Where a processor is: for people who wonder why a guest does not go on. */
typedef struct {
	guint64 rip;
	gboolean interrupts; /* RFLAGS.IF */
	int mp_state; /* KVM_MP_STATE_… */
} VcpuState;

typedef struct {
	Vm *vm;
	guint index;
	int fd;
	struct kvm_run *run;
	gsize run_size;
	pthread_t thread;
	gboolean started;
	guint8 cmos_index; /* this processor's own, so that nothing has to be locked */
	int state_wanted; /* atomic */
	GMutex state_lock;
	GCond state_cond;
	VcpuState state; /* under the lock */
	guint64 exits[VCPU_EXIT_REASONS]; /* atomic; the last one counts all beyond */
} Vcpu;

typedef enum { VCPU_GOES_ON, VCPU_STOPS } VcpuNext;

/* Counters of things that processor threads see; atomic. */
typedef struct {
	guint64 messages_in, messages_refused, signals_in, eoms, unknown_ports, unknown_msrs;
} VmCounters;

struct Vm {
	Machine machine; /* first: a Machine pointer is a Vm pointer */
	VmEventFunc func;
	gpointer func_data;
	const MachineClient *client;
	gpointer client_data;
	VmSynic mode;
	gboolean no_reset, running;
	guint cpus, boots;
	gint64 booted_at; /* CLOCK_MONOTONIC, ns; fixed while processors run */
	guint32 port_mask; /* atomic */
	int stopping; /* atomic */

	int kvm_fd, vm_fd;
	Vcpu vcpu[VM_CPUS_MAX];
	Ram *ram;
	Boot *boot;
	Mail *mail;
	Signals *signals;
	Delivery *delivery;
	Synic *synic;
	Serial *serial[VM_SERIAL_PORTS];
	GMutex pm_lock;
	Pm pm; /* under it */
	VmCounters counters;
};

static inline void vm_count(guint64 *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static inline guint64 vm_counter(const guint64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

gint64 vm_now_ns(void); /* CLOCK_MONOTONIC */

/* vcpu.c. Main context. */
gboolean vcpu_create(Vcpu *vcpu, GError **error);
gboolean vcpu_start(Vcpu *vcpu, GError **error);
void vcpu_stop(Vcpu *vcpu); /* kicks and joins */
void vcpu_destroy(Vcpu *vcpu);
/* Takes the processor out of the guest for a moment. FALSE: it does not come out. */
gboolean vcpu_get_state(Vcpu *vcpu, VcpuState *ret);
/* From any thread: tell the main context, with a text made from @format. */
void vcpu_report(Vcpu *vcpu, VmEventKind kind, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* ports.c. On a processor's thread, for a KVM_EXIT_IO. */
VcpuNext ports_exit(Vcpu *vcpu);

/* calls.c. On a processor's thread: one hypercall, whichever way it came in. */
guint64 calls_run(Vcpu *vcpu, const Hypercall *call);

/* machine.c */
extern const MachineOps vm_machine_ops;
