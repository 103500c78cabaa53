/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Hyper-V model-specific registers, for the way in which KVM knows nothing of them: which there
 * are, what they hold, which bits the guest may set, and what a write sets off. No KVM, no memory.
 * One writer per processor; the caller locks.
 */
#pragma once

#include <glib.h>

#define MSR_BASE 0x40000000u
#define MSR_COUNT 0x200u /* what the filter catches, from MSR_BASE on */
#define MSR_VPS_MAX 4u

enum {
	MSR_GUEST_OS_ID = 0x40000000,
	MSR_HYPERCALL = 0x40000001,
	MSR_VP_INDEX = 0x40000002,
	MSR_RESET = 0x40000003,
	MSR_TIME_REF_COUNT = 0x40000020,
	MSR_TSC_FREQUENCY = 0x40000022,
	MSR_APIC_FREQUENCY = 0x40000023,
	MSR_VP_ASSIST_PAGE = 0x40000073,
	MSR_SCONTROL = 0x40000080,
	MSR_SVERSION = 0x40000081,
	MSR_SIEFP = 0x40000082,
	MSR_SIMP = 0x40000083,
	MSR_EOM = 0x40000084,
	MSR_SINT0 = 0x40000090,
	MSR_CRASH_P0 = 0x40000100,
	MSR_CRASH_CTL = 0x40000105,
};

#define MSR_ENABLE G_GUINT64_CONSTANT(1) /* of HYPERCALL, VP_ASSIST_PAGE, SCONTROL, SIEFP, SIMP */
#define MSR_PAGE_MASK (~G_GUINT64_CONSTANT(0xfff))
#define MSR_SINT_MASKED (G_GUINT64_CONSTANT(1) << 16)
#define MSR_SINT_POLLING (G_GUINT64_CONSTANT(1) << 18)
#define MSR_SINT_VECTOR 0xffu
#define MSR_CRASH_NOTIFY_MSG (G_GUINT64_CONSTANT(1) << 62)
#define MSR_CRASH_NOTIFY (G_GUINT64_CONSTANT(1) << 63)
#define MSR_APIC_HZ G_GUINT64_CONSTANT(1000000000) /* KVM's local APIC timer */

/* What the caller must do after a write. */
typedef enum {
	MSR_DID_NOTHING,
	MSR_DID_FAULT, /* #GP for the guest */
	MSR_DID_HYPERCALL, /* write the hypercall page, where it is enabled */
	MSR_DID_ASSIST, /* clear the VP assist page, where it is enabled */
	MSR_DID_SYNIC, /* look at SCONTROL, SIEFP, SIMP and the SINTs again */
	MSR_DID_EOM,
	MSR_DID_CRASH,
	MSR_DID_RESET,
	MSR_DID_N,
} MsrEffect;

typedef struct {
	guint64 tsc_hz;
	guint64 (*reference_time)(gpointer data);
	gpointer data;
	guint64 os_id, hypercall, crash[5];
	struct {
		guint64 assist, scontrol, siefp, simp, sint[16];
	} vp[MSR_VPS_MAX];
} MsrFile;

/* As after a reset. */
void msr_init(
	MsrFile *file, guint64 tsc_hz, guint64 (*reference_time)(gpointer data), gpointer data);
/* FALSE: #GP. */
gboolean msr_read(MsrFile *file, guint vp, guint32 index, guint64 *ret);
MsrEffect msr_write(MsrFile *file, guint vp, guint32 index, guint64 value);
/* "SIMP", "SINT2", or the number where there is none such. New string. */
char *msr_name(guint32 index);
