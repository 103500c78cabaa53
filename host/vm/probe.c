// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probe: capabilities from kvm.c's table, then a guest of a few instructions. Some variants of
 * KVM say that they have everything and yet cannot run an ordinary 64-bit kernel, or interpret it
 * one instruction at a time; the guest finds both out.
 */
#include "config.h"

#include "host/vm/probe.h"

#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include "host/vm/boot.h"
#include "host/vm/cpuid.h"
#include "host/vm/kick.h"
#include "host/vm/kvm.h"
#include "host/vm/msr.h"
#include "util/error.h"
#include "util/fd.h"

#define PROBE_MEMORY (2u << 20)
#define PROBE_CODE_GPA 0x10000u
#define PROBE_PORT 0x9eu
/*
 * The loop takes a processor 5 ms, a whole emulator of one 100 ms, an interpreter 9 s (measured). Who
 * asks what this computer can do wants to hear of an interpreter; who runs a guest is not turned
 * away because the computer is busy: an emulator with a load of 15 beside it took over 2 s.
 */
#define PROBE_TIME_US (2 * G_USEC_PER_SEC)
#define PROBE_PATIENT_US (60 * G_USEC_PER_SEC)
#define PROBE_OUTPUTS 4u
#define PROBE_MSR_VALUE 0x5a /* what this program answers for a register in user space */

/*
 * CPUID 0x40000000 -> port; CPUID 0x40000003 -> port; VP_INDEX -> port; six million turns of a loop
 * with interrupts off and a reload of CR3 first; "done" -> port; halt.
 */
static const guint8 probe_code[] = {
	0xb8, 0x00, 0x00, 0x00, 0x40, /* mov eax, 0x40000000 */
	0x0f, 0xa2, /* cpuid */
	0x89, 0xd8, /* mov eax, ebx */
	0xe7, PROBE_PORT, /* out PORT, eax */
	0xb8, 0x03, 0x00, 0x00, 0x40, /* mov eax, 0x40000003 */
	0x0f, 0xa2, /* cpuid */
	0xe7, PROBE_PORT, /* out PORT, eax */
	0xb9, 0x02, 0x00, 0x00, 0x40, /* mov ecx, VP_INDEX */
	0x0f, 0x32, /* rdmsr */
	0xe7, PROBE_PORT, /* out PORT, eax */
	0x0f, 0x20, 0xd8, /* mov rax, cr3 */
	0x0f, 0x22, 0xd8, /* mov cr3, rax */
	0xb9, 0x80, 0x8d, 0x5b, 0x00, /* mov ecx, 6000000 */
	0xff, 0xc9, /* dec ecx */
	0x75, 0xfc, /* jnz back */
	0xb8, 'd', 'o', 'n', 'e', /* mov eax, "done" */
	0xe7, PROBE_PORT, /* out PORT, eax */
	0xf4, /* hlt */
};

/* One run of the code, on a thread of its own. */
typedef struct {
	VmSynic synic;
	int kvm;
	Ram *ram;
	int vm, vcpu;
	struct kvm_run *run;
	gsize run_size;
	GMutex lock;
	GCond cond;
	gboolean finished; /* under the lock */
	guint32 output[PROBE_OUTPUTS];
	guint n_outputs;
	char *problem;
} ProbeGuest;

static gboolean probe_set_up(ProbeGuest *g, GError **error)
{
	g->ram = ram_new(PROBE_MEMORY, error);
	if (!g->ram || !boot_load_tables(g->ram, error) ||
		!ram_write(g->ram, PROBE_CODE_GPA, probe_code, sizeof(probe_code)))
		return FALSE;
	g->vm = kvm_create_vm(g->kvm, g->ram, error);
	if (g->vm < 0 || (g->synic == VM_SYNIC_USER && !kvm_filter_msrs(g->vm, error)))
		return FALSE;
	g->vcpu = kvm_create_vcpu(g->kvm, g->vm, 0, &g->run, &g->run_size, error);
	return g->vcpu >= 0 && (g->synic == VM_SYNIC_USER || kvm_enable_synic(g->vcpu, error)) &&
	       kvm_set_cpuid(g->kvm, g->vcpu, g->synic, 0, 1, error) &&
	       kvm_set_long_mode(g->vcpu, PROBE_CODE_GPA, 0, error);
}

static void probe_tear_down(ProbeGuest *g)
{
	if (g->run)
		munmap(g->run, g->run_size);
	hvis_fd_clear(&g->vcpu);
	hvis_fd_clear(&g->vm);
	ram_free(g->ram);
	g_mutex_clear(&g->lock);
	g_cond_clear(&g->cond);
}

/* FALSE: the guest is through, well or not. */
static gboolean probe_exit(ProbeGuest *g)
{
	struct kvm_run *run = g->run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		if (run->io.port != PROBE_PORT || run->io.size != sizeof(guint32))
			break;
		memcpy(&g->output[g->n_outputs++], (guint8 *)run + run->io.data_offset,
			sizeof(guint32));
		return g->n_outputs < PROBE_OUTPUTS;
	case KVM_EXIT_X86_RDMSR:
		run->msr.data = PROBE_MSR_VALUE;
		run->msr.error = 0;
		return TRUE;
	}
	g->problem = g_strdup_printf("a 64-bit guest ended with exit %u (%s)", run->exit_reason,
		kvm_exit_name(run->exit_reason) ? kvm_exit_name(run->exit_reason) : "?");
	return FALSE;
}

static void *probe_thread(void *data)
{
	ProbeGuest *g = data;
	gboolean goes_on = TRUE;

	while (goes_on) {
		if (ioctl(g->vcpu, KVM_RUN, 0) == 0) {
			goes_on = probe_exit(g);
		} else if (errno != EAGAIN && errno != EINTR) {
			g->problem = g_strdup_printf("KVM_RUN: %s", g_strerror(errno));
			goes_on = FALSE;
		} else if (g->run->immediate_exit) {
			g->problem = g_strdup("a 64-bit guest does not get through twelve million "
					      "instructions in time (is it interpreted?)");
			goes_on = FALSE;
		}
	}
	g_mutex_lock(&g->lock);
	g->finished = TRUE;
	g_cond_signal(&g->cond);
	g_mutex_unlock(&g->lock);
	return NULL;
}

static char *probe_judge(const ProbeGuest *g)
{
	static const guint8 done[] = "done";
	guint32 vp_index = g->synic == VM_SYNIC_USER ? PROBE_MSR_VALUE : 0;

	if (g->output[0] != 0x7263694d || !(g->output[1] & CPUID_HV_SYNIC))
		return g_strdup("the guest does not see the Hyper-V CPUID leaves");
	if (g->output[2] != vp_index)
		return g_strdup_printf("the guest read VP_INDEX as %#x", g->output[2]);
	if (memcmp(&g->output[3], done, sizeof(g->output[3])) != 0)
		return g_strdup("the guest ran astray");
	return NULL;
}

/* What is wrong with running a guest in this way, NULL if nothing. */
static char *probe_run(int kvm, VmSynic synic, gint64 limit_us)
{
	ProbeGuest g = { .synic = synic, .kvm = kvm, .vm = -1, .vcpu = -1 };
	gint64 deadline = g_get_monotonic_time() + limit_us;
	g_autoptr(GError) error = NULL;
	pthread_t thread;

	g_mutex_init(&g.lock);
	g_cond_init(&g.cond);
	if (!probe_set_up(&g, &error) ||
		!kick_start(&thread, g.run, "vm-probe", probe_thread, &g, &error)) {
		g.problem = g_strdup(error ? error->message : "no memory for the probe");
	} else {
		g_mutex_lock(&g.lock);
		while (!g.finished && g_cond_wait_until(&g.cond, &g.lock, deadline))
			;
		g_mutex_unlock(&g.lock);
		kick_out(thread, g.run);
		pthread_join(thread, NULL);
		if (!g.problem)
			g.problem = probe_judge(&g);
	}
	probe_tear_down(&g);
	return g.problem;
}

static char *probe_way(int kvm, VmSynic synic, gint64 limit_us)
{
	g_autoptr(GError) error = NULL;

	if (!kvm_check(kvm, synic, &error))
		return g_strdup(error->message);
	return probe_run(kvm, synic, limit_us);
}

char *vm_probe_way(int kvm, VmSynic synic)
{
	return probe_way(kvm, synic, PROBE_PATIENT_US);
}

VmProbe *vm_probe(void)
{
	VmProbe *probe = g_new0(VmProbe, 1);
	hvis_autofd int kvm = kvm_open(&probe->unopened);
	const GError *error = probe->unopened;

	probe->capabilities = kvm_capabilities(kvm);
	for (VmSynic way = VM_SYNIC_KVM; way < VM_SYNIC_N; way++)
		probe->problem[way] =
			error ? g_strdup(error->message) : probe_way(kvm, way, PROBE_TIME_US);
	if (error)
		probe->problem[VM_SYNIC_AUTO] = g_strdup(error->message);
	else if (probe->problem[VM_SYNIC_KVM] && probe->problem[VM_SYNIC_USER])
		probe->problem[VM_SYNIC_AUTO] =
			g_strdup_printf("SynIC by KVM: %s; in user space: %s",
				probe->problem[VM_SYNIC_KVM], probe->problem[VM_SYNIC_USER]);
	return probe;
}

void vm_probe_free(VmProbe *probe)
{
	if (!probe)
		return;
	g_clear_error(&probe->unopened);
	g_array_unref(probe->capabilities);
	for (VmSynic way = VM_SYNIC_AUTO; way < VM_SYNIC_N; way++)
		g_free(probe->problem[way]);
	g_free(probe);
}

static struct json_object *probe_describe_way(const VmProbe *probe, VmSynic way)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "usable", json_object_new_boolean(!probe->problem[way]));
	if (probe->problem[way])
		json_object_object_add(o, "problem", json_object_new_string(probe->problem[way]));
	return o;
}

struct json_object *vm_probe_describe(const VmProbe *probe)
{
	struct json_object *o = json_object_new_object();
	struct json_object *ways = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (VmSynic way = VM_SYNIC_AUTO; way < VM_SYNIC_N; way++)
		json_object_object_add(ways, vm_synic_name(way), probe_describe_way(probe, way));
	for (guint i = 0; i < probe->capabilities->len; i++) {
		const VmCapability *c = &g_array_index(probe->capabilities, VmCapability, i);
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "name", json_object_new_string(c->name));
		json_object_object_add(entry, "purpose", json_object_new_string(c->purpose));
		json_object_object_add(entry, "present", json_object_new_boolean(c->present));
		for (VmSynic way = VM_SYNIC_KVM; way < VM_SYNIC_N; way++)
			json_object_object_add(entry,
				way == VM_SYNIC_KVM ? "needed_kvm" : "needed_user",
				json_object_new_boolean(c->needed[way]));
		json_object_array_add(list, entry);
	}
	json_object_object_add(o, "synic", ways);
	json_object_object_add(o, "capabilities", list);
	return o;
}
