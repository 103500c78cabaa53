/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/kvm: what is needed of it, opening it with errors that say what is wrong, and the ioctls
 * that bring a virtual processor into 64-bit mode. No machine; the probe uses it as well.
 */
#pragma once

#include <glib.h>
#include <linux/kvm.h>
#include "host/vm/probe.h"
#include "host/vm/ram.h"

#define KVM_VCPUS_MAX VM_CPUS_MAX

/* Open /dev/kvm and check the interface version. -1 with @error. */
int kvm_open(GError **error);

/* Everything that is needed, and whether @kvm has it; nothing at all where that is -1. Of VmCapability. */
GArray *kvm_capabilities(int kvm);
/* FALSE with @error naming all that is missing for @synic. */
gboolean kvm_check(int kvm, VmSynic synic, GError **error);

/* ioctl() that fails with "WHAT: text of errno". */
gboolean kvm_ioctl(
	int fd, unsigned long request, gpointer argument, const char *what, GError **error);
gboolean kvm_ioctl_value(
	int fd, unsigned long request, unsigned long argument, const char *what, GError **error);

/* A new VM with interrupt controllers and @ram. -1 with @error. */
int kvm_create_vm(int kvm, const Ram *ram, GError **error);
/* A new processor and its shared page of *@run_size bytes. -1 with @error. */
int kvm_create_vcpu(
	int kvm, int vm, guint index, struct kvm_run **run, gsize *run_size, GError **error);
gboolean kvm_set_cpuid(int kvm, int vcpu, VmSynic synic, guint index, guint cpus, GError **error);
/* Enter 64-bit mode with the tables of boot_load_tables(); RSI = @rsi. */
gboolean kvm_set_long_mode(int vcpu, guint64 rip, guint64 rsi, GError **error);
/* LINT0 takes the 8259's interrupts and LINT1 NMIs, as firmware leaves them on processor 0. */
gboolean kvm_set_lints(int vcpu, GError **error);

/* Deny all Hyper-V registers to KVM, so that every access is an exit. */
gboolean kvm_filter_msrs(int vm, GError **error);
/* Give a processor KVM's SynIC. */
gboolean kvm_enable_synic(int vcpu, GError **error);

/* "io", "mmio", "hyperv" …; NULL where it has no name here. */
const char *kvm_exit_name(guint reason);
