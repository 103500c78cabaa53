/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths are bytes, JSON is UTF-8: what is none appears as U+FFFD. */
#include "config.h"

#include "vssd/plan-json.h"

#include <string.h>
#include <sys/sysmacros.h>

#include <util/error.h>
#include <util/json.h>

static struct json_object *text_of(const char *bytes)
{
	g_autofree char *text = bytes ? g_utf8_make_valid(bytes, -1) : NULL;

	return hvis_json_text(text);
}

static struct json_object *mounts_of(const VssSuper *super)
{
	struct json_object *mounts = json_object_new_array();

	for (guint i = 0; i < super->mounts->len && i < VSS_PLAN_MOUNTS_MAX; i++) {
		const VssMount *mount = (const VssMount *)g_ptr_array_index(super->mounts, i);

		json_object_array_add(mounts, text_of(mount->target));
	}
	return mounts;
}

static struct json_object *file_system(const VssSurvey *survey, guint place)
{
	const VssEntry *entry = vss_plan_entry(survey->plan, place);
	const VssSuper *super = vss_mounts_super(survey->mounts, place);
	pid_t pid = vss_super_mount(super)->pid;
	gboolean frozen = entry->verdict == VSS_VERDICT_FREEZE;
	struct json_object *object = json_object_new_object();
	g_autofree char *device = g_strdup_printf("%u:%u", major(super->dev), minor(super->dev));
	const char *why = vss_reason_text(
		entry->reason == VSS_REASON_REQUIRED ? entry->skipped : entry->reason);

	json_object_object_add(object, "mounts", mounts_of(super));
	json_object_object_add(object, "mount_count", hvis_json_count(super->mounts->len));
	json_object_object_add(object, "process", pid == 1 ? NULL : json_object_new_int(pid));
	json_object_object_add(object, "type", text_of(super->type));
	json_object_object_add(object, "source", text_of(super->source));
	json_object_object_add(object, "device", json_object_new_string(device));
	json_object_object_add(
		object, "verdict", json_object_new_string(vss_verdict_name(entry->verdict)));
	json_object_object_add(object, "level", frozen ? hvis_json_count(entry->level) : NULL);
	json_object_object_add(object, "required", json_object_new_boolean(entry->required));
	json_object_object_add(
		object, "reason", json_object_new_string(vss_reason_name(entry->reason)));
	json_object_object_add(object, "why", json_object_new_string(why));
	json_object_object_add(object, "detail", text_of(entry->detail));
	return object;
}

static struct json_object *file_systems(const VssSurvey *survey)
{
	g_autoptr(GArray) order = vss_survey_order(survey);
	struct json_object *list = json_object_new_array();

	for (guint i = 0; i < order->len; i++)
		json_object_array_add(list, file_system(survey, g_array_index(order, guint, i)));
	for (guint i = 0; i < survey->plan->entries->len; i++)
		if (vss_plan_entry(survey->plan, i)->verdict != VSS_VERDICT_FREEZE)
			json_object_array_add(list, file_system(survey, i));
	return list;
}

struct json_object *vss_plan_json(const VssSurvey *survey)
{
	struct json_object *plan = json_object_new_object(), *missing = json_object_new_array();
	g_autoptr(GError) problem = NULL;

	vss_plan_check(survey->plan, &problem);
	for (guint i = 0; i < survey->plan->missing->len; i++)
		json_object_array_add(missing,
			text_of((const char *)g_ptr_array_index(survey->plan->missing, i)));
	json_object_object_add(plan, "time_us", json_object_new_int64(g_get_real_time()));
	json_object_object_add(plan, "problem", text_of(problem ? problem->message : NULL));
	json_object_object_add(plan, "missing", missing);
	json_object_object_add(plan, "unseen", hvis_json_count(survey->mounts->unseen));
	json_object_object_add(plan, "file_systems", file_systems(survey));
	return plan;
}

static gsize size_of(struct json_object *value)
{
	return strlen(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN)) + 1;
}

struct json_object *vss_plan_page(struct json_object *plan, gint64 from, gsize room)
{
	struct json_object *page = json_object_new_object(), *part = json_object_new_array();
	struct json_object *all = json_object_object_get(plan, "file_systems");
	gint64 n = (gint64)json_object_array_length(all), at = CLAMP(from, 0, n);

	while (at < n) {
		struct json_object *item = json_object_array_get_idx(all, (gsize)at);
		gsize size = size_of(item);

		if (size > room && json_object_array_length(part) > 0)
			break;
		json_object_array_add(part, json_object_get(item));
		room -= MIN(room, size);
		at++;
	}
	json_object_object_foreach(plan, name, value)
	{
		json_object_object_add(page, name, json_object_get(value));
	}
	json_object_object_add(page, "file_systems", part);
	json_object_object_add(page, "next", at < n ? json_object_new_int64(at) : NULL);
	return page;
}
