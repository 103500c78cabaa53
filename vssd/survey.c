/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables, stack, wishes, plan: each is read anew, for mounts come and go. */
#include "config.h"

#include "vssd/survey.h"

#include "vssd/stack.h"
#include "vssd/systemd-run.h"

VssSurvey *vss_survey_new(HvisConfig *config, const char *root, GError **error)
{
	g_autofree char *proc = g_strconcat(root, "/proc", NULL);
	g_autofree char *sys = g_strconcat(root, "/sys", NULL);
	g_autoptr(VssSurvey) survey = g_new0(VssSurvey, 1);
	char systemd_run[PATH_MAX];

	survey->mounts = vss_mounts_read(proc, error);
	if (!survey->mounts)
		return NULL;
	survey->mounts->helped = vss_systemd_run_find(root, systemd_run);
	vss_stack_read(survey->mounts, sys);
	survey->policy = vss_policy_read(config, root, error);
	if (!survey->policy)
		return NULL;
	survey->plan = vss_plan_new(survey->mounts, survey->policy);
	return g_steal_pointer(&survey);
}

void vss_survey_free(VssSurvey *survey)
{
	if (!survey)
		return;
	vss_plan_free(survey->plan);
	vss_policy_free(survey->policy);
	vss_mounts_free(survey->mounts);
	g_free(survey);
}

GArray *vss_survey_order(const VssSurvey *survey)
{
	GArray *order = g_array_new(FALSE, FALSE, sizeof(guint));

	for (guint level = 0; level < survey->plan->n_levels; level++)
		for (guint i = 0; i < survey->plan->entries->len; i++) {
			const VssEntry *entry = vss_plan_entry(survey->plan, i);

			if (entry->verdict == VSS_VERDICT_FREEZE && entry->level == level)
				g_array_append_val(order, i);
		}
	return order;
}

/* Add to @text, NULL where it is the first, what is left out for @reason: in words @why. */
static void add_left_out(GString **text, const VssSurvey *survey, VssReason reason, const char *why)
{
	g_autofree char *skipped = vss_plan_skipped(survey->plan, reason);

	if (!skipped)
		return;
	if (*text)
		g_string_append(*text, "; nor");
	else
		*text = g_string_new("Not in the backup");
	g_string_append_printf(*text, ", for %s: %s", why, skipped);
}

char *vss_survey_partial(const VssSurvey *survey)
{
	guint unseen = survey->mounts->unseen;
	GString *text = NULL;

	add_left_out(&text, survey, VSS_REASON_ERROR, vss_reason_text(VSS_REASON_ERROR));
	add_left_out(&text, survey, VSS_REASON_BARRED,
		"this daemon may not enter the mount namespaces that have it");
	if (text)
		return g_string_free(text, FALSE);
	if (unseen > 0)
		return g_strdup_printf("The mounts of %u processes could not be read", unseen);
	return NULL;
}

GPtrArray *vss_survey_mounts(const VssSurvey *survey)
{
	g_autoptr(GArray) order = vss_survey_order(survey);
	GPtrArray *mounts = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < order->len; i++) {
		const VssSuper *super =
			vss_mounts_super(survey->mounts, g_array_index(order, guint, i));

		g_ptr_array_add(mounts, g_strdup(vss_super_mount(super)->target));
	}
	return mounts;
}
