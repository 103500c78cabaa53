// SPDX-License-Identifier: GPL-2.0-only
/*
 * Table of the Hyper-V registers. Only those are there that the CPUID leaves announce; all others
 * fault, as they do on Hyper-V.
 */
#include "config.h"

#include "host/vm/msr.h"

#include <string.h>

#define MSR_PAGE_BITS (MSR_PAGE_MASK | MSR_ENABLE)
#define MSR_READ 1u
#define MSR_WRITE 2u
#define MSR_BELOW_VECTORS 16u /* exceptions: no interrupt may use them */

typedef struct {
	guint32 first, count;
	guint access;
	guint64 writable; /* bits; setting another one faults */
	MsrEffect effect;
	const char *name;
} MsrEntry;

static const MsrEntry msr_table[] = {
	{ MSR_GUEST_OS_ID, 1, MSR_READ | MSR_WRITE, ~0ull, MSR_DID_NOTHING, "GUEST_OS_ID" },
	{ MSR_HYPERCALL, 1, MSR_READ | MSR_WRITE, ~0ull, MSR_DID_HYPERCALL, "HYPERCALL" },
	{ MSR_VP_INDEX, 1, MSR_READ, 0, MSR_DID_NOTHING, "VP_INDEX" },
	{ MSR_RESET, 1, MSR_READ | MSR_WRITE, 1, MSR_DID_RESET, "RESET" },
	{ MSR_TIME_REF_COUNT, 1, MSR_READ, 0, MSR_DID_NOTHING, "TIME_REF_COUNT" },
	{ MSR_TSC_FREQUENCY, 1, MSR_READ, 0, MSR_DID_NOTHING, "TSC_FREQUENCY" },
	{ MSR_APIC_FREQUENCY, 1, MSR_READ, 0, MSR_DID_NOTHING, "APIC_FREQUENCY" },
	{ MSR_VP_ASSIST_PAGE, 1, MSR_READ | MSR_WRITE, MSR_PAGE_BITS, MSR_DID_ASSIST,
		"VP_ASSIST_PAGE" },
	{ MSR_SCONTROL, 1, MSR_READ | MSR_WRITE, ~0ull, MSR_DID_SYNIC, "SCONTROL" },
	{ MSR_SVERSION, 1, MSR_READ, 0, MSR_DID_NOTHING, "SVERSION" },
	{ MSR_SIEFP, 1, MSR_READ | MSR_WRITE, ~0ull, MSR_DID_SYNIC, "SIEFP" },
	{ MSR_SIMP, 1, MSR_READ | MSR_WRITE, ~0ull, MSR_DID_SYNIC, "SIMP" },
	{ MSR_EOM, 1, MSR_READ | MSR_WRITE, ~0ull, MSR_DID_EOM, "EOM" },
	{ MSR_SINT0, 16, MSR_READ | MSR_WRITE, ~0ull, MSR_DID_SYNIC, "SINT" },
	{ MSR_CRASH_P0, 5, MSR_READ | MSR_WRITE, ~0ull, MSR_DID_NOTHING, "CRASH_P" },
	{ MSR_CRASH_CTL, 1, MSR_READ | MSR_WRITE, MSR_CRASH_NOTIFY | MSR_CRASH_NOTIFY_MSG,
		MSR_DID_CRASH, "CRASH_CTL" },
};

static const MsrEntry *msr_find(guint32 index)
{
	for (guint i = 0; i < G_N_ELEMENTS(msr_table); i++)
		if (index >= msr_table[i].first && index - msr_table[i].first < msr_table[i].count)
			return &msr_table[i];
	return NULL;
}

/* Where a register that is plain storage is kept; NULL for the others. */
static guint64 *msr_storage(MsrFile *file, guint vp, guint32 index)
{
	switch (index) {
	case MSR_GUEST_OS_ID:
		return &file->os_id;
	case MSR_HYPERCALL:
		return &file->hypercall;
	case MSR_VP_ASSIST_PAGE:
		return &file->vp[vp].assist;
	case MSR_SCONTROL:
		return &file->vp[vp].scontrol;
	case MSR_SIEFP:
		return &file->vp[vp].siefp;
	case MSR_SIMP:
		return &file->vp[vp].simp;
	}
	if (index >= MSR_SINT0 && index < MSR_SINT0 + G_N_ELEMENTS(file->vp[vp].sint))
		return &file->vp[vp].sint[index - MSR_SINT0];
	if (index >= MSR_CRASH_P0 && index < MSR_CRASH_P0 + G_N_ELEMENTS(file->crash))
		return &file->crash[index - MSR_CRASH_P0];
	return NULL;
}

void msr_init(
	MsrFile *file, guint64 tsc_hz, guint64 (*reference_time)(gpointer data), gpointer data)
{
	*file = (MsrFile){ .tsc_hz = tsc_hz, .reference_time = reference_time, .data = data };
	for (guint vp = 0; vp < MSR_VPS_MAX; vp++)
		for (guint i = 0; i < G_N_ELEMENTS(file->vp[vp].sint); i++)
			file->vp[vp].sint[i] = MSR_SINT_MASKED;
}

gboolean msr_read(MsrFile *file, guint vp, guint32 index, guint64 *ret)
{
	const MsrEntry *entry = msr_find(index);

	g_return_val_if_fail(vp < MSR_VPS_MAX, FALSE);
	if (!entry || !(entry->access & MSR_READ))
		return FALSE;
	switch (index) {
	case MSR_VP_INDEX:
		*ret = vp;
		return TRUE;
	case MSR_TIME_REF_COUNT:
		*ret = file->reference_time(file->data);
		return TRUE;
	case MSR_TSC_FREQUENCY:
		*ret = file->tsc_hz;
		return TRUE;
	case MSR_APIC_FREQUENCY:
		*ret = MSR_APIC_HZ;
		return TRUE;
	case MSR_SVERSION:
		*ret = 1;
		return TRUE;
	case MSR_CRASH_CTL: /* what the guest may use */
		*ret = MSR_CRASH_NOTIFY | MSR_CRASH_NOTIFY_MSG;
		return TRUE;
	case MSR_RESET:
	case MSR_EOM:
		*ret = 0;
		return TRUE;
	}
	*ret = *msr_storage(file, vp, index);
	return TRUE;
}

/* A SINT that is not masked must have a vector that an interrupt can have. */
static gboolean msr_sint_valid(guint64 value)
{
	return value & MSR_SINT_MASKED || (value & MSR_SINT_VECTOR) >= MSR_BELOW_VECTORS;
}

static MsrEffect msr_effect(const MsrEntry *entry, guint64 value)
{
	if (entry->effect == MSR_DID_RESET && !value)
		return MSR_DID_NOTHING;
	if (entry->effect == MSR_DID_CRASH && !(value & MSR_CRASH_NOTIFY))
		return MSR_DID_NOTHING;
	return entry->effect;
}

MsrEffect msr_write(MsrFile *file, guint vp, guint32 index, guint64 value)
{
	const MsrEntry *entry = msr_find(index);
	guint64 *storage;

	g_return_val_if_fail(vp < MSR_VPS_MAX, MSR_DID_FAULT);
	if (!entry || !(entry->access & MSR_WRITE) || value & ~entry->writable)
		return MSR_DID_FAULT;
	if (entry->first == MSR_SINT0 && !msr_sint_valid(value))
		return MSR_DID_FAULT;
	if (index == MSR_HYPERCALL && !file->os_id)
		value &= ~MSR_ENABLE; /* a guest must say who it is first */
	storage = msr_storage(file, vp, index);
	if (storage)
		*storage = value;
	if (index == MSR_GUEST_OS_ID && !value)
		file->hypercall &= ~MSR_ENABLE;
	return msr_effect(entry, value);
}

char *msr_name(guint32 index)
{
	const MsrEntry *entry = msr_find(index);

	if (!entry)
		return g_strdup_printf("%#x", index);
	if (entry->count == 1)
		return g_strdup(entry->name);
	return g_strdup_printf("%s%u", entry->name, index - entry->first);
}
