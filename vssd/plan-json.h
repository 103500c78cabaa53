/* SPDX-License-Identifier: GPL-2.0-only */
/* A plan as JSON: what Plan of io.hvis.Vss answers, and what hvctl shows where no daemon runs. */
#pragma once

#include <json-c/json.h>

#include "vssd/survey.h"

#define VSS_PLAN_MOUNTS_MAX 8u /* of one file system that are named */

/*
 * All of it: the members of Plan's answer but next. Those that are frozen come first, in their order.
 * Nothing in it refers to @survey. A new reference.
 */
struct json_object *vss_plan_json(const VssSurvey *survey);

/*
 * An answer to Plan: @plan with those of its file systems alone that come from place @from on and have
 * together at most @room bytes as JSON, but one at least; and the member next. A new reference.
 */
struct json_object *vss_plan_page(struct json_object *plan, gint64 from, gsize room);
