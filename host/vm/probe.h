/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KVM of this computer offers, and whether a Hyper-V guest can run on it. Needs no Vm.
 */
#pragma once

#include <glib.h>
#include "host/vm/vm.h"

typedef struct {
	const char *name; /* "KVM_CAP_HYPERV_SYNIC2" */
	const char *purpose; /* "SynIC pages and exits" */
	gboolean needed[VM_SYNIC_N];
	gboolean present;
} VmCapability;

typedef struct {
	GError *unopened; /* why KVM could not even be asked; NULL where it was */
	GArray *capabilities; /* of VmCapability; empty where it was not */
	/* Why the way cannot be used, NULL where it can. [VM_SYNIC_AUTO] is NULL if any way can. */
	char *problem[VM_SYNIC_N];
} VmProbe;

/*
 * Ask KVM for every capability, and run a few instructions of 64-bit kernel code in each way whose
 * capabilities are there: the answer of some KVM variants is only seen then. Takes milliseconds;
 * never fails, the problem is in the result.
 */
VmProbe *vm_probe(void);
void vm_probe_free(VmProbe *probe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmProbe, vm_probe_free)
struct json_object *vm_probe_describe(const VmProbe *probe);

/*
 * One way, on an open /dev/kvm, for somebody about to run a guest: what is wrong with it, NULL if
 * nothing. New string. As vm_probe(), but a slow computer is given a minute.
 */
char *vm_probe_way(int kvm, VmSynic synic);
