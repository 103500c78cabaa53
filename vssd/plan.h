/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a freeze does with each file system, why, and in which order: a decision from what was read
 * (mounts.h, stack.h) and what is wanted (policy.h), without IO. The plan refers to both.
 */
#pragma once

#include "vssd/mounts.h"
#include "vssd/policy.h"

typedef enum {
	VSS_VERDICT_FREEZE,
	VSS_VERDICT_SKIP,
	VSS_VERDICT_DENY, /* this one makes the whole freeze impossible */
	VSS_VERDICT_N,
} VssVerdict;

typedef enum {
	VSS_REASON_LOCAL, /* freeze */
	VSS_REASON_NETWORK, /* skip, from here */
	VSS_REASON_PSEUDO,
	VSS_REASON_READ_ONLY,
	VSS_REASON_ERROR,
	VSS_REASON_FUSE,
	VSS_REASON_UNSUPPORTED,
	VSS_REASON_LAYERED,
	VSS_REASON_EXCLUDED,
	VSS_REASON_FSTAB,
	VSS_REASON_BARRED,
	VSS_REASON_REQUIRED, /* deny, from here: it would be skipped, but is required */
	VSS_REASON_HIDDEN,
	VSS_REASON_CIRCLE,
	VSS_REASON_BAD_WISH,
	VSS_REASON_N,
} VssReason;

typedef struct {
	guint place; /* in VssMounts.supers */
	VssVerdict verdict;
	VssReason reason;
	VssReason skipped; /* with VSS_REASON_REQUIRED: why it would be skipped */
	gboolean required;
	guint level; /* with VSS_VERDICT_FREEZE: 0 is frozen first; a level is frozen at once */
	const char *detail; /* the pattern or the value that decided, or NULL */
} VssEntry;

typedef struct {
	const VssMounts *mounts;
	GArray *entries; /* of VssEntry, one per superblock in their order */
	GPtrArray *missing; /* of char: what is required and not mounted */
	guint n_freeze, n_levels;
	gboolean allow_nothing;
} VssPlan;

/* Both must outlive the plan. */
VssPlan *vss_plan_new(const VssMounts *mounts, const VssPolicy *policy);
void vss_plan_free(VssPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssPlan, vss_plan_free)

static inline VssEntry *vss_plan_entry(const VssPlan *plan, guint place)
{
	return &g_array_index(plan->entries, VssEntry, place);
}

/* The mount points of what is skipped for @reason alone, with blanks between; or NULL. */
char *vss_plan_skipped(const VssPlan *plan, VssReason reason);

/* Whether the plan can be met; else FALSE with the first thing that is in its way. */
gboolean vss_plan_check(const VssPlan *plan, GError **error);

/* "freeze"; "read-only"; one line of why, for people. */
const char *vss_verdict_name(VssVerdict verdict);
const char *vss_reason_name(VssReason reason);
const char *vss_reason_text(VssReason reason);
