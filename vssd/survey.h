/* SPDX-License-Identifier: GPL-2.0-only */
/* The look at the machine of one moment: its file systems, what is wanted of them, and the plan. */
#pragma once

#include "vssd/plan.h"

typedef struct {
	VssMounts *mounts;
	VssPolicy *policy;
	VssPlan *plan;
} VssSurvey;

/* Below @root ("" for the system's; a directory in tests): proc, sys, etc/fstab. */
VssSurvey *vss_survey_new(HvisConfig *config, const char *root, GError **error);
void vss_survey_free(VssSurvey *survey);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssSurvey, vss_survey_free)

/* The places of what is frozen, in the order of levels: guint. */
GArray *vss_survey_order(const VssSurvey *survey);

/* The mount points of what is to be frozen, in that order: of char. New. */
GPtrArray *vss_survey_mounts(const VssSurvey *survey);

/* What a backup by it cannot have in it, in a sentence; NULL where that is nothing. New. */
char *vss_survey_partial(const VssSurvey *survey);
