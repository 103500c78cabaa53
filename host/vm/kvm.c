// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/kvm. What is asked of it is one table; both ways of the SynIC, the probe and every error
 * message read it from there.
 */
#include "config.h"

#include "host/vm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <hvis/types.h>
#include "host/vm/boot.h"
#include "host/vm/cpuid.h"
#include "host/vm/msr.h"
#include "util/error.h"
#include "util/fd.h"

#define KVM_DEVICE "/dev/kvm"
#define KVM_TSS_GPA 0xfffbd000ul /* three pages that Intel needs, below the firmware's place */
#define LAPIC_LVT0 0x350u
#define LAPIC_LVT1 0x360u
#define LVT_EXTINT 0x700u
#define LVT_NMI 0x400u

#define NEED_BOTH                                                                                  \
	{                                                                                          \
		TRUE, TRUE, TRUE                                                                   \
	}
#define NEED_KVM                                                                                   \
	{                                                                                          \
		[VM_SYNIC_KVM] = TRUE                                                              \
	}
#define NEED_USER                                                                                  \
	{                                                                                          \
		[VM_SYNIC_USER] = TRUE                                                             \
	}

static const struct {
	int capability;
	VmCapability info;
} kvm_table[] = {
#define CAP(name, purpose, need)                                                                   \
	{                                                                                          \
		name,                                                                              \
		{                                                                                  \
#name, purpose, need, FALSE                                                \
		}                                                                                  \
	}
	CAP(KVM_CAP_USER_MEMORY, "guest memory", NEED_BOTH),
	CAP(KVM_CAP_IRQCHIP, "interrupt controllers in the kernel", NEED_BOTH),
	CAP(KVM_CAP_EXT_CPUID, "CPUID leaves", NEED_BOTH),
	CAP(KVM_CAP_IMMEDIATE_EXIT, "stopping processors", NEED_BOTH),
	CAP(KVM_CAP_HYPERV, "Hyper-V registers", NEED_KVM),
	CAP(KVM_CAP_HYPERV_SYNIC2, "SynIC pages and hypercall exits", NEED_KVM),
	CAP(KVM_CAP_HYPERV_EVENTFD, "HvSignalEvent by eventfd", NEED_KVM),
	CAP(KVM_CAP_HYPERV_VP_INDEX, "virtual processor indexes", NEED_KVM),
	CAP(KVM_CAP_IRQ_ROUTING, "interrupts of the SynIC", NEED_KVM),
	CAP(KVM_CAP_IRQFD_RESAMPLE, "end-of-message notification", NEED_KVM),
	CAP(KVM_CAP_ADJUST_CLOCK, "reference time", NEED_KVM),
	CAP(KVM_CAP_X86_USER_SPACE_MSR, "register accesses in user space", NEED_USER),
	CAP(KVM_CAP_X86_MSR_FILTER, "choosing those registers", NEED_USER),
	CAP(KVM_CAP_SIGNAL_MSI, "interrupts of the SynIC", NEED_USER),
	CAP(KVM_CAP_GET_TSC_KHZ, "TSC frequency", NEED_USER),
#undef CAP
};

static const char *const exit_names[] = {
	[KVM_EXIT_UNKNOWN] = "unknown",
	[KVM_EXIT_IO] = "io",
	[KVM_EXIT_HLT] = "hlt",
	[KVM_EXIT_MMIO] = "mmio",
	[KVM_EXIT_IRQ_WINDOW_OPEN] = "irq-window",
	[KVM_EXIT_SHUTDOWN] = "shutdown",
	[KVM_EXIT_FAIL_ENTRY] = "fail-entry",
	[KVM_EXIT_INTR] = "intr",
	[KVM_EXIT_INTERNAL_ERROR] = "internal-error",
	[KVM_EXIT_SYSTEM_EVENT] = "system-event",
	[KVM_EXIT_HYPERV] = "hyperv",
	[KVM_EXIT_X86_RDMSR] = "rdmsr",
	[KVM_EXIT_X86_WRMSR] = "wrmsr",
};

const char *kvm_exit_name(guint reason)
{
	return reason < G_N_ELEMENTS(exit_names) ? exit_names[reason] : NULL;
}

int kvm_open(GError **error)
{
	hvis_autofd int fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
	int version;

	if (fd < 0) {
		if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
			hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
				"there is no " KVM_DEVICE ": this kernel or computer has no KVM");
		else if (errno == EACCES || errno == EPERM)
			hvis_fail(error, HVIS_ERROR_PERMISSION,
				"no permission for " KVM_DEVICE ": be root or in the group kvm");
		else
			hvis_fail_errno(error, errno, "open " KVM_DEVICE);
		return -1;
	}
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION) {
		hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			KVM_DEVICE " speaks version %d, %d is needed", version, KVM_API_VERSION);
		return -1;
	}
	return hvis_fd_steal(&fd);
}

GArray *kvm_capabilities(int kvm)
{
	GArray *list = g_array_new(FALSE, TRUE, sizeof(VmCapability));

	for (guint i = 0; kvm >= 0 && i < G_N_ELEMENTS(kvm_table); i++) {
		VmCapability info = kvm_table[i].info;

		info.present = ioctl(kvm, KVM_CHECK_EXTENSION, kvm_table[i].capability) > 0;
		g_array_append_val(list, info);
	}
	return list;
}

gboolean kvm_check(int kvm, VmSynic synic, GError **error)
{
	g_autoptr(GArray) list = kvm_capabilities(kvm);
	g_autoptr(GString) missing = g_string_new(NULL);

	for (guint i = 0; i < list->len; i++) {
		const VmCapability *c = &g_array_index(list, VmCapability, i);

		if (c->needed[synic] && !c->present)
			g_string_append_printf(missing, "%s%s (%s)", missing->len ? ", " : "",
				c->name, c->purpose);
	}
	if (missing->len)
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "KVM lacks %s", missing->str);
	return TRUE;
}

gboolean kvm_ioctl(
	int fd, unsigned long request, gpointer argument, const char *what, GError **error)
{
	return ioctl(fd, request, argument) >= 0 || hvis_fail_errno(error, errno, "%s", what);
}

gboolean kvm_ioctl_value(
	int fd, unsigned long request, unsigned long argument, const char *what, GError **error)
{
	return ioctl(fd, request, argument) >= 0 || hvis_fail_errno(error, errno, "%s", what);
}

static gboolean kvm_add_memory(int vm, const Ram *ram, GError **error)
{
	RamSlot slot[RAM_SLOTS_MAX];
	guint n = ram_slots(ram, slot);

	for (guint i = 0; i < n; i++) {
		struct kvm_userspace_memory_region region = { .slot = i,
			.guest_phys_addr = slot[i].gpa,
			.memory_size = slot[i].size,
			.userspace_addr = (guintptr)slot[i].address };

		if (!kvm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region,
			    "KVM_SET_USER_MEMORY_REGION", error))
			return FALSE;
	}
	return TRUE;
}

int kvm_create_vm(int kvm, const Ram *ram, GError **error)
{
	hvis_autofd int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	if (vm < 0) {
		hvis_fail_errno(error, errno, "KVM_CREATE_VM");
		return -1;
	}
	/* Only Intel needs it, and not all variants of KVM know it. */
	ioctl(vm, KVM_SET_TSS_ADDR, KVM_TSS_GPA);
	if (!kvm_ioctl(vm, KVM_CREATE_IRQCHIP, NULL, "KVM_CREATE_IRQCHIP", error) ||
		!kvm_add_memory(vm, ram, error))
		return -1;
	return hvis_fd_steal(&vm);
}

int kvm_create_vcpu(
	int kvm, int vm, guint index, struct kvm_run **run, gsize *run_size, GError **error)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	hvis_autofd int vcpu = ioctl(vm, KVM_CREATE_VCPU, (unsigned long)index);
	gpointer page;

	if (vcpu < 0 || size < (int)sizeof(struct kvm_run)) {
		hvis_fail_errno(error, errno, "KVM_CREATE_VCPU %u", index);
		return -1;
	}
	page = mmap(NULL, (gsize)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (page == MAP_FAILED) {
		hvis_fail_errno(error, errno, "map processor %u", index);
		return -1;
	}
	*run = page;
	*run_size = (gsize)size;
	return hvis_fd_steal(&vcpu);
}

gboolean kvm_set_cpuid(int kvm, int vcpu, VmSynic synic, guint index, guint cpus, GError **error)
{
	CpuidOptions options = { synic, cpus, index };
	gsize size = sizeof(struct kvm_cpuid2) + CPUID_LEAVES_MAX * sizeof(struct kvm_cpuid_entry2);
	g_autofree struct kvm_cpuid2 *supported = g_malloc0(size);
	g_autofree struct kvm_cpuid2 *edited = g_malloc0(size);
	gsize n;

	supported->nent = CPUID_LEAVES_MAX;
	if (!kvm_ioctl(kvm, KVM_GET_SUPPORTED_CPUID, supported, "KVM_GET_SUPPORTED_CPUID", error))
		return FALSE;
	n = cpuid_edit(supported->entries, supported->nent, &options, edited->entries,
		CPUID_LEAVES_MAX, error);
	if (!n)
		return FALSE;
	edited->nent = (guint32)n;
	return kvm_ioctl(vcpu, KVM_SET_CPUID2, edited, "KVM_SET_CPUID2", error);
}

gboolean kvm_set_long_mode(int vcpu, guint64 rip, guint64 rsi, GError **error)
{
	const struct kvm_segment code = { .limit = 0xffffffff,
		.selector = BOOT_CODE_SELECTOR,
		.type = 11, /* execute, read, accessed */
		.present = 1,
		.s = 1,
		.l = 1,
		.g = 1 };
	const struct kvm_segment data = { .limit = 0xffffffff,
		.selector = BOOT_DATA_SELECTOR,
		.type = 3, /* read, write, accessed */
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1 };
	struct kvm_regs regs = { .rip = rip, .rsi = rsi, .rsp = BOOT_PARAMS_GPA, .rflags = 2 };
	struct kvm_sregs sregs;

	if (!kvm_ioctl(vcpu, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS", error))
		return FALSE;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.gdt.base = BOOT_GDT_GPA;
	sregs.gdt.limit = 4 * 8 - 1;
	sregs.idt.base = sregs.idt.limit = 0;
	sregs.cr0 = 0x80000011; /* PG, ET, PE */
	sregs.cr3 = BOOT_PAGE_TABLES_GPA;
	sregs.cr4 = 0x20; /* PAE */
	sregs.efer = 0x500; /* LMA, LME */
	return kvm_ioctl(vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS", error) &&
	       kvm_ioctl(vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS", error);
}

gboolean kvm_set_lints(int vcpu, GError **error)
{
	struct kvm_lapic_state lapic;
	hvis_le32 lvt0 = hvis_le32_make(LVT_EXTINT), lvt1 = hvis_le32_make(LVT_NMI);

	if (!kvm_ioctl(vcpu, KVM_GET_LAPIC, &lapic, "KVM_GET_LAPIC", error))
		return FALSE;
	memcpy(lapic.regs + LAPIC_LVT0, &lvt0, sizeof(lvt0));
	memcpy(lapic.regs + LAPIC_LVT1, &lvt1, sizeof(lvt1));
	return kvm_ioctl(vcpu, KVM_SET_LAPIC, &lapic, "KVM_SET_LAPIC", error);
}

gboolean kvm_filter_msrs(int vm, GError **error)
{
	guint8 deny_all[MSR_COUNT / 8] = { 0 };
	struct kvm_enable_cap enable = { .cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args = { KVM_MSR_EXIT_REASON_FILTER } };
	struct kvm_msr_filter filter = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };

	filter.ranges[0] =
		(struct kvm_msr_filter_range){ .flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.nmsrs = MSR_COUNT,
			.base = MSR_BASE,
			.bitmap = deny_all };
	return kvm_ioctl(vm, KVM_ENABLE_CAP, &enable, "KVM_CAP_X86_USER_SPACE_MSR", error) &&
	       kvm_ioctl(vm, KVM_X86_SET_MSR_FILTER, &filter, "KVM_X86_SET_MSR_FILTER", error);
}

gboolean kvm_enable_synic(int vcpu, GError **error)
{
	struct kvm_enable_cap enable = { .cap = KVM_CAP_HYPERV_SYNIC2 };

	return kvm_ioctl(vcpu, KVM_ENABLE_CAP, &enable, "KVM_CAP_HYPERV_SYNIC2", error);
}
