/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The synthetic interrupt controller of the machine in its two ways. What both share are the
 * registers that matter to the host: where the pages are, and whether they are on.
 *
 * One Synic per boot of the guest: a reset makes a new one.
 */
#pragma once

#include <glib.h>
#include "host/vm/vm.h"

typedef struct Synic Synic;

/* Registers of one processor as the guest last wrote them. */
typedef struct {
	guint64 scontrol, siefp, simp;
} SynicRegisters;

typedef enum { SYNIC_NOT_MINE, SYNIC_HANDLED, SYNIC_STOPS } SynicExit;

typedef struct {
	VmSynic mode;
	gsize size; /* of the implementation's structure, which begins with a Synic */
	/* In this order, all on the main context before the first processor runs. */
	gboolean (*prepare_vm)(Synic *synic, GError **error);
	gboolean (*prepare_vcpu)(Synic *synic, guint vp, GError **error);
	gboolean (*ready)(Synic *synic, GError **error);
	void (*cleanup)(Synic *synic); /* of a half-built one, too */
	/* Raise SINT2 of @vp. FALSE where the guest has it masked. */
	gboolean (*raise)(Synic *synic, guint vp);
	/* From now on (or no more) call delivery_pump() when @vp says that a slot is free. */
	void (*await_eom)(Synic *synic, guint vp, gboolean wanted);
	/* Lead HvSignalEvent on @id to @eventfd, or no more. */
	gboolean (*connect)(Synic *synic, guint32 id, int eventfd, GError **error);
	void (*disconnect)(Synic *synic, guint32 id, int eventfd);
	guint64 (*reference_time)(Synic *synic);
	/* On the thread of @vp: look at its exit. */
	SynicExit (*exit)(Synic *synic, guint vp);
} SynicOps;

struct Synic {
	const SynicOps *ops;
	Vm *vm;
	GMutex lock;
	SynicRegisters registers[VM_CPUS_MAX]; /* under the lock */
};

extern const SynicOps synic_kvm_ops, synic_user_ops;

Synic *synic_new(Vm *vm, VmSynic mode);
void synic_free(Synic *synic);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Synic, synic_free)

/* Any thread. */
SynicRegisters synic_registers(Synic *synic, guint vp);
void synic_set_registers(Synic *synic, guint vp, const SynicRegisters *registers);

/* The page of @vp in guest memory, NULL where it is off, or is no RAM. Main context. */
struct slot_message_page *synic_message_page(Synic *synic, guint vp);
struct slot_flag_page *synic_flag_page(Synic *synic, guint vp);
