/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual machine on KVM that looks like a Hyper-V guest partition to Linux: bzImage and
 * initramfs by the 64-bit boot protocol, 1 to 4 processors, two serial ports, ACPI, power-off and
 * reset, the SynIC. No PCI, no disks; what VMBus carries is host/vmbus.
 *
 * Everything here is called on the thread of the default main context, and calls back there.
 * Processors run on threads of their own and never run anybody's code but this folder's.
 */
#pragma once

#include <glib.h>
#include "host/vmbus/machine.h"

#define VM_CPUS_MAX 4u
#define VM_MEMORY_MB_MIN 96u
#define VM_MEMORY_MB_MAX 65536u
#define VM_CRASH_PARAMETERS 5u

typedef struct Vm Vm;

/* Who implements the synthetic interrupt controller: KVM itself, or this program by MSR filtering. */
typedef enum { VM_SYNIC_AUTO, VM_SYNIC_KVM, VM_SYNIC_USER, VM_SYNIC_N } VmSynic;

const char *vm_synic_name(VmSynic synic); /* "auto", "kvm", "user" */
gboolean vm_synic_parse(const char *name, VmSynic *ret, GError **error);

/*
 * Where a serial port leads. Bytes pass unchanged both ways. At most one of the three:
 * descriptors, which stay the caller's and must stay open until vm_free(); a file that is created
 * or truncated; a unix stream socket that is created and listened on, one peer at a time (what the
 * guest writes while nobody is connected waits, up to 64 KiB, then the oldest is lost). A terminal
 * as in_fd is put into raw mode while the machine exists; Ctrl-] there is VM_EVENT_ESCAPE. What is
 * sent to the guest waits until it has opened its port. The program must ignore SIGPIPE.
 */
typedef struct {
	int in_fd, out_fd; /* -1 = none */
	const char *file;
	const char *socket;
} VmSerial;

#define VM_SERIAL_NONE                                                                             \
	{                                                                                          \
		-1, -1, NULL, NULL                                                                 \
	}

typedef struct {
	const char *kernel; /* bzImage */
	const char *const *initrds; /* NULL-terminated, joined in order; NULL = none */
	const char *append; /* kernel command line; NULL = VM_APPEND_DEFAULT */
	guint cpus;
	guint memory_mb;
	VmSynic synic;
	VmSerial console; /* COM1, ttyS0 */
	VmSerial agent; /* COM2, ttyS1 */
	gboolean no_reset; /* a reset asked for by the guest stops the machine instead */
} VmOptions;

#define VM_APPEND_DEFAULT "console=ttyS0 panic=-1"
#define VM_OPTIONS_INIT                                                                            \
	{                                                                                          \
		.cpus = 1, .memory_mb = 512, .console = VM_SERIAL_NONE, .agent = VM_SERIAL_NONE    \
	}

typedef enum {
	VM_EVENT_POWEROFF, /* the guest switched itself off; the machine has stopped */
	VM_EVENT_RESET, /* the guest asked for a reset; "running" tells whether it got one */
	VM_EVENT_CRASH, /* the guest reports a panic, and goes on as it likes */
	VM_EVENT_TRIPLE_FAULT, /* the machine has stopped */
	VM_EVENT_ERROR, /* the host cannot run it any more; the machine has stopped */
	VM_EVENT_ESCAPE, /* the user at the terminal asked to leave; the machine runs on */
	VM_EVENT_LOST, /* a serial port's far end takes nothing any more; the machine runs on */
	VM_EVENT_N,
} VmEventKind;

typedef struct {
	VmEventKind kind;
	gboolean running; /* whether the machine runs on after the event */
	gboolean hibernate; /* POWEROFF: into S4 */
	const char
		*text; /* one line for the administrator; CRASH: the guest's own message, lines */
	guint64 crash[VM_CRASH_PARAMETERS]; /* CRASH: P0 to P4 */
} VmEvent;

const char *vm_event_name(VmEventKind kind);

/* May call anything here but vm_free(). */
typedef void (*VmEventFunc)(Vm *vm, const VmEvent *event, gpointer data);

/*
 * Check everything that can be checked, create the machine, load the guest. Nothing runs yet.
 * @options is not needed afterwards. Errors name the file, the value or the KVM capability.
 */
Vm *vm_new(const VmOptions *options, VmEventFunc func, gpointer data, GError **error);

/* Stops it first. Serial sockets are removed, the terminal is restored. */
void vm_free(Vm *vm);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Vm, vm_free)

/* The door for the VMBus host; lives as long as @vm. */
Machine *vm_machine(Vm *vm);

/* The way in use, never VM_SYNIC_AUTO. */
VmSynic vm_synic(const Vm *vm);

gboolean vm_start(Vm *vm, GError **error);
/* Take all processors out of the guest. Idempotent; the state stays readable. No event. */
void vm_stop(Vm *vm);
gboolean vm_running(const Vm *vm);
/* As if the reset button was pressed: the client's reset(), then the same guest booted afresh. */
gboolean vm_reset(Vm *vm, GError **error);

/*
 * Mode, uptime, boots, where each processor is, exits per reason, messages, interrupts. New JSON
 * object.
 */
struct json_object *vm_describe(Vm *vm);
