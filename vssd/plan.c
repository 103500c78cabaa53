/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two decisions: the verdict, each file system for itself, and the order among those that are frozen.
 * The order is that of a graph: what stands on another one is frozen before it, whether or not those
 * in between are frozen; the journal's file system comes after all that it does not stand on, and
 * the root after that.
 */
#include "config.h"

#include "vssd/plan.h"

#include <string.h>
#include <sys/sysmacros.h>

#include <util/error.h>

#include "vssd/ipc.h"

static const struct {
	const char *name, *text;
} reasons[VSS_REASON_N] = {
	[VSS_REASON_LOCAL] = { "local", "a file system on this machine's disks" },
	[VSS_REASON_NETWORK] = { "network", "is elsewhere, or stands on what is" },
	[VSS_REASON_PSEUDO] = { "pseudo", "is on no disk" },
	[VSS_REASON_READ_ONLY] = { "read-only", "nothing can write to it" },
	[VSS_REASON_ERROR] = { "error", "the kernel has made it read-only, as after an error" },
	[VSS_REASON_FUSE] = { "fuse", "is a program's; the kernel cannot freeze it" },
	[VSS_REASON_UNSUPPORTED] = { "unsupported", "the kernel cannot freeze this type" },
	[VSS_REASON_LAYERED] = { "layered", "shows the files of others, which are frozen" },
	[VSS_REASON_EXCLUDED] = { "excluded", "Exclude= of the configuration has it" },
	[VSS_REASON_FSTAB] = { "fstab", "x-hvis.freeze=no of fstab" },
	[VSS_REASON_BARRED] = { "barred",
		"is only in a mount namespace that this daemon may not enter" },
	[VSS_REASON_REQUIRED] = { "required", "is required, but cannot be frozen" },
	[VSS_REASON_HIDDEN] = { "hidden", "another mount is over it: it cannot be reached" },
	[VSS_REASON_CIRCLE] = { "circle", "seems to stand on itself" },
	[VSS_REASON_BAD_WISH] = { "bad-option",
		"x-hvis.freeze= of fstab is neither no nor require" },
};

const char *vss_reason_name(VssReason reason)
{
	return reasons[reason].name;
}

const char *vss_reason_text(VssReason reason)
{
	return reasons[reason].text;
}

const char *vss_verdict_name(VssVerdict verdict)
{
	static const char *const names[VSS_VERDICT_N] = { "freeze", "skip", "deny" };

	return names[verdict];
}

/*
 * Whoever mounts it read-only, or makes it so, has the mount and the superblock read-only. The kernel, after an error
 * or at SysRq-U, has the superblock alone.
 */
static gboolean is_given_up(const VssSuper *super)
{
	return vss_type_gives_up(super->type) && !vss_super_mount(super)->read_only;
}

/* Why the file system cannot, or need not, be frozen; VSS_REASON_LOCAL where it can. */
static VssReason nature(const VssMounts *mounts, guint place)
{
	static const VssReason of_type[VSS_TYPE_N] = {
		[VSS_TYPE_LOCAL] = VSS_REASON_LOCAL,
		[VSS_TYPE_UNSUPPORTED] = VSS_REASON_UNSUPPORTED,
		[VSS_TYPE_LAYERED] = VSS_REASON_LAYERED,
		[VSS_TYPE_NETWORK] = VSS_REASON_NETWORK,
		[VSS_TYPE_FUSE] = VSS_REASON_FUSE,
		[VSS_TYPE_AUTOFS] = VSS_REASON_PSEUDO,
		[VSS_TYPE_PSEUDO] = VSS_REASON_PSEUDO,
	};
	const VssSuper *super = vss_mounts_super(mounts, place);

	if (super->kind == VSS_TYPE_LOCAL && super->read_only)
		return is_given_up(super) ? VSS_REASON_ERROR : VSS_REASON_READ_ONLY;
	return of_type[super->kind];
}

/* Whether @place is @wanted or stands on it, through any number of others. @seen has a byte each. */
static gboolean stands_on(const VssMounts *mounts, guint place, guint wanted, guint8 *seen)
{
	GArray *below = vss_mounts_super(mounts, place)->below;

	if (place == wanted)
		return TRUE;
	if (seen[place])
		return FALSE;
	seen[place] = 1;
	for (guint i = 0; i < below->len; i++)
		if (stands_on(mounts, g_array_index(below, guint, i), wanted, seen))
			return TRUE;
	return FALSE;
}

static gboolean is_above(const VssMounts *mounts, guint place, guint wanted)
{
	g_autofree guint8 *seen = g_new0(guint8, mounts->supers->len);

	return stands_on(mounts, place, wanted, seen);
}

static gboolean is_circle(const VssMounts *mounts, guint place)
{
	GArray *below = vss_mounts_super(mounts, place)->below;

	for (guint i = 0; i < below->len; i++)
		if (is_above(mounts, g_array_index(below, guint, i), place))
			return TRUE;
	return FALSE;
}

static gboolean is_remote(const VssMounts *mounts, guint place)
{
	for (guint i = 0; i < mounts->supers->len; i++)
		if (vss_mounts_super(mounts, i)->kind == VSS_TYPE_NETWORK &&
			is_above(mounts, place, i))
			return TRUE;
	return FALSE;
}

/* Any user can mount one, under any name, in a mount namespace of his own: no word of it counts. */
static gboolean is_anybodys(const VssSuper *super)
{
	return !vss_super_in_view(super) &&
	       (super->kind == VSS_TYPE_PSEUDO || super->kind == VSS_TYPE_LAYERED ||
		       super->kind == VSS_TYPE_FUSE);
}

/* Who serves a file system calls its source what he likes, but for a disk. */
static const char *source_of(const VssSuper *super)
{
	return super->kind == VSS_TYPE_FUSE && major(super->dev) == 0 ? "" : super->source;
}

/*
 * The pattern that has @super by its source, its type, or one of its mount points. Those that the system has
 * count alone where it has one: any user can have more of them, in a mount namespace of his own.
 */
static const char *match(char *const *patterns, const VssSuper *super)
{
	gboolean in_view = vss_super_in_view(super);
	const char *found;

	if (is_anybodys(super))
		return NULL;
	found = vss_policy_match(patterns, source_of(super), super->type);
	for (guint i = 0; !found && i < super->mounts->len; i++) {
		const VssMount *mount = (const VssMount *)g_ptr_array_index(super->mounts, i);

		if (mount->pid == 1 || !in_view)
			found = vss_policy_match(patterns, mount->target, super->type);
	}
	return found;
}

/* What fstab wants of @super, by any of its mount points in the system's own view. */
static const char *wish_of(const VssPolicy *policy, const VssSuper *super)
{
	for (guint i = 0; i < super->mounts->len; i++) {
		const VssMount *mount = (const VssMount *)g_ptr_array_index(super->mounts, i);
		const char *wish = mount->pid == 1 ? vss_policy_wish(policy, mount->target) : NULL;

		if (wish)
			return wish;
	}
	return NULL;
}

static void decide(VssEntry *entry, VssVerdict verdict, VssReason reason, const char *detail)
{
	entry->verdict = verdict;
	entry->reason = reason;
	entry->detail = detail;
}

/* Whom the administrator named is as he said, first of all; FALSE where he said nothing. */
static gboolean decide_by_wish(VssEntry *entry, const VssPolicy *policy, const VssSuper *super)
{
	const char *wish = wish_of(policy, super);
	const char *pattern = match(policy->exclude, super);

	if (wish && strcmp(wish, "no") != 0 && strcmp(wish, "require") != 0)
		decide(entry, VSS_VERDICT_DENY, VSS_REASON_BAD_WISH, wish);
	else if (pattern)
		decide(entry, VSS_VERDICT_SKIP, VSS_REASON_EXCLUDED, pattern);
	else if (wish && strcmp(wish, "no") == 0)
		decide(entry, VSS_VERDICT_SKIP, VSS_REASON_FSTAB, wish);
	else
		return FALSE;
	return TRUE;
}

/*
 * Hidden or not: who has it in a view that we may not enter may mount over it, and hinders no backup by that.
 * With help everything is reached that is not hidden.
 */
static gboolean is_barred(const VssMounts *mounts, const VssSuper *super)
{
	gboolean hidden = vss_super_mount(super)->hidden;

	for (guint i = 0; hidden && i < super->mounts->len; i++)
		if (!((const VssMount *)g_ptr_array_index(super->mounts, i))->barred)
			return FALSE;
	return vss_super_mount(super)->barred && (hidden || !mounts->helped);
}

static void decide_by_nature(VssEntry *entry, const VssMounts *mounts)
{
	const VssSuper *super = vss_mounts_super(mounts, entry->place);
	VssReason reason = nature(mounts, entry->place);

	if (reason != VSS_REASON_LOCAL)
		decide(entry, VSS_VERDICT_SKIP, reason, NULL);
	else if (is_remote(mounts, entry->place))
		decide(entry, VSS_VERDICT_SKIP, VSS_REASON_NETWORK, NULL);
	else if (is_circle(mounts, entry->place))
		decide(entry, VSS_VERDICT_DENY, VSS_REASON_CIRCLE, NULL);
	else if (is_barred(mounts, super))
		decide(entry, VSS_VERDICT_SKIP, VSS_REASON_BARRED, NULL);
	else if (vss_super_mount(super)->hidden)
		decide(entry, VSS_VERDICT_DENY, VSS_REASON_HIDDEN, NULL);
	else
		decide(entry, VSS_VERDICT_FREEZE, VSS_REASON_LOCAL, NULL);
}

static void judge(VssEntry *entry, const VssMounts *mounts, const VssPolicy *policy)
{
	const VssSuper *super = vss_mounts_super(mounts, entry->place);
	const char *wish = wish_of(policy, super);
	const char *pattern = match(policy->require, super);

	entry->required = pattern || g_strcmp0(wish, "require") == 0;
	if (!decide_by_wish(entry, policy, super))
		decide_by_nature(entry, mounts);
	if (entry->required && entry->verdict == VSS_VERDICT_SKIP) {
		entry->skipped = entry->reason;
		decide(entry, VSS_VERDICT_DENY, VSS_REASON_REQUIRED, pattern ? pattern : wish);
	}
}

static gboolean is_mounted(const VssMounts *mounts, const char *target)
{
	for (guint i = 0; i < mounts->supers->len; i++) {
		GPtrArray *places = vss_mounts_super(mounts, i)->mounts;

		for (guint j = 0; j < places->len; j++) {
			const VssMount *mount = (const VssMount *)g_ptr_array_index(places, j);

			if (mount->pid == 1 && strcmp(mount->target, target) == 0)
				return TRUE;
		}
	}
	return FALSE;
}

/* A pattern of a type, or of whatever may be there, is met by nothing; a path without * is not. */
static void find_missing(VssPlan *plan, const VssPolicy *policy)
{
	for (char **path = policy->require; path && *path; path++) {
		char *one[] = { *path, NULL };
		gboolean found = **path != '/' || strpbrk(*path, "*?[");

		for (guint i = 0; !found && i < plan->entries->len; i++)
			found = match(one, vss_mounts_super(plan->mounts, i)) != NULL;
		if (!found)
			g_ptr_array_add(plan->missing, g_strdup(*path));
	}
	for (guint i = 0; i < policy->wishes->len; i++) {
		const VssWish *wish = (const VssWish *)g_ptr_array_index(policy->wishes, i);

		if (strcmp(wish->value, "require") == 0 && !is_mounted(plan->mounts, wish->target))
			g_ptr_array_add(plan->missing, g_strdup(wish->target));
	}
}

/* Which are frozen after all others: places, -1 where there is none. */
typedef struct {
	int journal, root;
} Last;

/* Whether @first must be frozen before @then. */
static gboolean precedes(const VssPlan *plan, const Last *last, guint first, guint then)
{
	if (first == then)
		return FALSE;
	if (is_above(plan->mounts, first, then))
		return TRUE;
	if (is_above(plan->mounts, then, first))
		return FALSE;
	if (last->root >= 0 && is_above(plan->mounts, (guint)last->root, then))
		return !is_above(plan->mounts, (guint)last->root, first);
	if (last->root >= 0 && is_above(plan->mounts, (guint)last->root, first))
		return FALSE;
	return last->journal >= 0 && is_above(plan->mounts, (guint)last->journal, then) &&
	       !is_above(plan->mounts, (guint)last->journal, first);
}

/* TRUE where that moved @then, which @first precedes. */
static gboolean put_behind(VssPlan *plan, const Last *last, guint first, guint then)
{
	guint level = vss_plan_entry(plan, first)->level;

	if (vss_plan_entry(plan, then)->level > level || !precedes(plan, last, first, then))
		return FALSE;
	vss_plan_entry(plan, then)->level = level + 1;
	return TRUE;
}

/* Each is one level after the last of those that precede it: round by round until nothing moves. */
static void put_in_order(VssPlan *plan, const Last *last)
{
	g_autoptr(GArray) frozen = g_array_new(FALSE, FALSE, sizeof(guint));
	gboolean moved = TRUE;

	for (guint i = 0; i < plan->entries->len; i++)
		if (vss_plan_entry(plan, i)->verdict == VSS_VERDICT_FREEZE)
			g_array_append_val(frozen, i);
	for (guint round = 0; moved && round <= frozen->len; round++) {
		moved = FALSE;
		for (guint i = 0; i < frozen->len; i++)
			for (guint j = 0; j < frozen->len; j++)
				moved = put_behind(plan, last, g_array_index(frozen, guint, i),
						g_array_index(frozen, guint, j)) ||
					moved;
	}
}

static void count(VssPlan *plan)
{
	for (guint i = 0; i < plan->entries->len; i++) {
		if (vss_plan_entry(plan, i)->verdict != VSS_VERDICT_FREEZE)
			continue;
		plan->n_freeze++;
		plan->n_levels = MAX(plan->n_levels, vss_plan_entry(plan, i)->level + 1);
	}
}

VssPlan *vss_plan_new(const VssMounts *mounts, const VssPolicy *policy)
{
	VssPlan *plan = g_new0(VssPlan, 1);
	Last last = {
		.journal = vss_mounts_find(mounts, 1, policy->journal, -1),
		.root = vss_mounts_find(mounts, 1, "/", -1),
	};

	plan->mounts = mounts;
	plan->allow_nothing = policy->allow_nothing;
	plan->missing = g_ptr_array_new_with_free_func(g_free);
	plan->entries = g_array_new(FALSE, TRUE, sizeof(VssEntry));
	g_array_set_size(plan->entries, mounts->supers->len);
	for (guint i = 0; i < mounts->supers->len; i++) {
		vss_plan_entry(plan, i)->place = i;
		judge(vss_plan_entry(plan, i), mounts, policy);
	}
	find_missing(plan, policy);
	put_in_order(plan, &last);
	count(plan);
	return plan;
}

void vss_plan_free(VssPlan *plan)
{
	if (!plan)
		return;
	g_array_unref(plan->entries);
	g_ptr_array_unref(plan->missing);
	g_free(plan);
}

char *vss_plan_skipped(const VssPlan *plan, VssReason reason)
{
	GString *text = NULL;

	for (guint i = 0; i < plan->entries->len; i++) {
		const VssEntry *entry = vss_plan_entry(plan, i);

		if (entry->verdict != VSS_VERDICT_SKIP || entry->reason != reason)
			continue;
		text = text ? g_string_append_c(text, ' ') : g_string_new(NULL);
		g_string_append(text, vss_super_mount(vss_mounts_super(plan->mounts, i))->target);
	}
	return text ? g_string_free(text, FALSE) : NULL;
}

static gboolean deny(const VssPlan *plan, const VssEntry *entry, GError **error)
{
	const VssSuper *super = vss_mounts_super(plan->mounts, entry->place);
	const char *target = vss_super_mount(super)->target;

	if (entry->reason == VSS_REASON_REQUIRED)
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "%s (%s) %s: %s", target,
			super->type, vss_reason_text(entry->reason),
			vss_reason_text(entry->skipped));
	return hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "%s (%s): %s%s%s", target, super->type,
		vss_reason_text(entry->reason), entry->detail ? ": " : "",
		entry->detail ? entry->detail : "");
}

gboolean vss_plan_check(const VssPlan *plan, GError **error)
{
	for (guint i = 0; i < plan->entries->len; i++)
		if (vss_plan_entry(plan, i)->verdict == VSS_VERDICT_DENY)
			return deny(plan, vss_plan_entry(plan, i), error);
	if (plan->missing->len > 0)
		return hvis_fail(error, HVIS_ERROR_NOT_FOUND, "%s is required and not mounted",
			(const char *)g_ptr_array_index(plan->missing, 0));
	if (plan->n_freeze == 0 && !plan->allow_nothing)
		return hvis_fail(
			error, HVIS_ERROR_NOT_FOUND, "there is no file system that can be frozen");
	if (plan->n_freeze > VSS_TARGETS_MAX)
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"there are %u file systems, and %u at most can be frozen at once",
			plan->n_freeze, VSS_TARGETS_MAX);
	return TRUE;
}
