/* SPDX-License-Identifier: GPL-2.0-only */
/* Two mount tables, side by side. */
#include "config.h"

#include "vssd/view.h"

#include <string.h>

#include <util/error.h>

/* Whether @own has @wanted's superblock at @target, and nothing over it. */
static gboolean is_seen(const VssMounts *own, const VssSuper *wanted, const char *target)
{
	for (guint i = 0; i < own->supers->len; i++) {
		const VssSuper *super = vss_mounts_super(own, i);

		for (guint j = 0; super->dev == wanted->dev && j < super->mounts->len; j++) {
			const VssMount *mount =
				(const VssMount *)g_ptr_array_index(super->mounts, j);

			if (!mount->hidden && strcmp(mount->target, target) == 0)
				return TRUE;
		}
	}
	return FALSE;
}

/* Whether the worker reaches @entry by the view of process 1. */
static gboolean is_meant(const VssPlan *plan, const VssEntry *entry)
{
	const VssSuper *super = vss_mounts_super(plan->mounts, entry->place);

	return entry->verdict == VSS_VERDICT_FREEZE && vss_super_mount(super)->pid == 1;
}

static gboolean check_one(
	const VssPlan *plan, const VssEntry *entry, const VssMounts *own, GError **error)
{
	const VssSuper *super = vss_mounts_super(plan->mounts, entry->place);
	const char *target = vss_super_mount(super)->target;

	if (!is_seen(own, super, target))
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"%s (%s): a sandbox hides it from this daemon", target, super->type);
	return TRUE;
}

gboolean vss_view_check(const VssPlan *plan, const char *proc, GError **error)
{
	g_autoptr(VssMounts) own = NULL;
	gboolean entered = vss_mounts_enter(proc, "1") == 0;

	for (guint i = 0; !entered && i < plan->entries->len; i++) {
		const VssEntry *entry = vss_plan_entry(plan, i);

		if (!is_meant(plan, entry))
			continue;
		if (!own)
			own = vss_mounts_read_view(proc, "self", error);
		if (!own || !check_one(plan, entry, own, error))
			return FALSE;
	}
	return TRUE;
}
