/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries of the history, and what of one the host is given; and the plan as JSON, whole and in pages. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <hvis/kvp.h>
#include <util/recent.h>
#include <util/utf16.h>

#include "tests/unit/vssd-outcome.h"
#include "tests/unit/vssd-tree.h"
#include "vssd/history.h"
#include "vssd/plan-json.h"

static VssOutcome *outcome_new(guint n)
{
	VssOutcome *outcome = outcome_with(g_ptr_array_new_with_free_func(g_free));

	for (guint i = 0; i < n; i++)
		g_ptr_array_add(outcome->targets, g_strdup_printf("/mount-%u", i));
	outcome->n_frozen = n;
	return outcome;
}

static gint64 number(struct json_object *object, const char *name)
{
	struct json_object *value = json_object_object_get(object, name);

	g_assert_true(json_object_is_type(value, json_type_int));
	return json_object_get_int64(value);
}

static const char *text(struct json_object *object, const char *name)
{
	return json_object_get_string(json_object_object_get(object, name));
}

static struct json_object *mount_of(struct json_object *entry, guint place)
{
	return json_object_array_get_idx(json_object_object_get(entry, "mounts"), place);
}

/* --- entries --- */

static void test_success(void)
{
	const VssRun run = { .in_time = TRUE, .began_us = 77, .ender = VSS_ENDER_HOST };
	g_autoptr(VssOutcome) outcome = outcome_new(2);
	gint64 at = vss_now();
	struct json_object *entry;

	add(outcome, 0, VSS_SYNC, at, 500, 0);
	add(outcome, 0, VSS_FREEZE, at + 1000, 20, 0);
	add(outcome, 0, VSS_THAW, at + 5000, 30, 0);
	add(outcome, 1, VSS_FREEZE, at + 1000, 40, EOPNOTSUPP);
	entry = vss_history_entry(&run, outcome);
	g_assert_cmpstr(text(entry, "kind"), ==, "backup");
	g_assert_cmpstr(vss_history_result(entry), ==, "ok");
	g_assert_cmpstr(vss_history_message(entry), ==, "2 file systems were frozen for 4 ms");
	g_assert_cmpstr(text(entry, "ended_by"), ==, "host");
	g_assert_cmpint(number(entry, "time_us"), ==, 77);
	g_assert_cmpint(number(entry, "frozen"), ==, 2);
	g_assert_cmpint(number(entry, "frozen_us"), ==, 4030);
	g_assert_cmpstr(text(mount_of(entry, 0), "mount"), ==, "/mount-0");
	g_assert_cmpint(number(mount_of(entry, 0), "sync_us"), ==, 500);
	g_assert_cmpint(number(mount_of(entry, 0), "freeze_us"), ==, 20);
	g_assert_cmpint(number(mount_of(entry, 0), "thaw_us"), ==, 30);
	g_assert_cmpint(number(mount_of(entry, 0), "frozen_us"), ==, 4030);
	g_assert_null(json_object_object_get(mount_of(entry, 0), "error"));
	g_assert_null(json_object_object_get(mount_of(entry, 1), "freeze_us"));
	g_assert_nonnull(strstr(text(mount_of(entry, 1), "error"), "freeze: "));
	json_object_put(entry);
}

/* Each freeze had a time of the day that was worked out anew, a little off each time. */
static void test_freezes_can_be_compared(void)
{
	const VssRun run = { .in_time = TRUE, .ender = VSS_ENDER_HOST };
	const guint n = 250;
	g_autoptr(VssOutcome) outcome = outcome_new(n);
	gint64 at = vss_now();
	struct json_object *entry;

	for (guint i = 0; i < n; i++)
		add(outcome, i, VSS_FREEZE, at + 10 * i, 10, 0);
	entry = vss_history_entry(&run, outcome);
	for (guint i = 1; i < n; i++)
		g_assert_cmpint(number(mount_of(entry, i), "freeze_at_us"), ==,
			number(mount_of(entry, 0), "freeze_at_us") + 10 * i);
	json_object_put(entry);
}

static void test_results(void)
{
	static const struct {
		int err;
		gboolean in_time;
		VssEnder ender;
		const char *result, *ended_by, *message;
	} cases[] = {
		{ 0, TRUE, VSS_ENDER_HOST, "ok", "host", "1 file system was frozen for 0 ms" },
		{ 0, FALSE, VSS_ENDER_HAND, "aborted", "hand",
			"1 file system was frozen for 0 ms; it was thawed by hand" },
		{ 0, FALSE, VSS_ENDER_CALLER, "aborted", "caller",
			"1 file system was frozen for 0 ms; who asked for it did not wait any "
			"longer" },
		{ 0, FALSE, VSS_ENDER_DEVICE, "aborted", "device",
			"1 file system was frozen for 0 ms; the device was lost" },
		{ ECANCELED, FALSE, VSS_ENDER_DAEMON, "aborted", "daemon",
			"freeze: it was called off" },
		{ EBUSY, FALSE, VSS_ENDER_FAILURE, "failed", "failure",
			"freeze: somebody else has frozen it" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		const VssRun run = { .in_time = cases[i].in_time, .ender = cases[i].ender };
		g_autoptr(VssOutcome) outcome = outcome_new(1);
		struct json_object *entry;

		outcome->err = cases[i].err;
		outcome->action = VSS_FREEZE;
		entry = vss_history_entry(&run, outcome);
		g_assert_cmpstr(vss_history_result(entry), ==, cases[i].result);
		g_assert_cmpstr(text(entry, "ended_by"), ==, cases[i].ended_by);
		g_assert_cmpstr(vss_history_message(entry), ==, cases[i].message);
		json_object_put(entry);
	}
}

static void test_rehearsal(void)
{
	const VssRun run = { .rehearsal = TRUE, .in_time = TRUE, .ender = VSS_ENDER_TIME };
	g_autoptr(VssOutcome) outcome = outcome_new(1);
	struct json_object *entry = vss_history_entry(&run, outcome);

	g_assert_cmpstr(text(entry, "kind"), ==, "rehearsal");
	g_assert_cmpstr(text(entry, "ended_by"), ==, "time");
	json_object_put(entry);
}

/* --- the list --- */

static void test_list(void)
{
	g_autoptr(HvisRecent) history = hvis_recent_new();
	struct json_object *list;
	gsize one;

	g_assert_null(hvis_recent_last(history));
	for (guint i = 0; i < HVIS_RECENT_MAX + 5; i++) {
		g_autofree char *message = g_strdup_printf("number %02u", i);

		hvis_recent_add(history, vss_history_refusal("check", message));
	}
	g_assert_cmpstr(vss_history_message(hvis_recent_last(history)), ==, "number 54");
	list = hvis_recent_list(history, 1000, 1 << 20);
	g_assert_cmpuint(json_object_array_length(list), ==, HVIS_RECENT_MAX);
	g_assert_cmpstr(vss_history_message(json_object_array_get_idx(list, 0)), ==, "number 54");
	g_assert_cmpstr(vss_history_message(json_object_array_get_idx(list, 49)), ==, "number 05");
	one = strlen(json_object_to_json_string_ext(
		json_object_array_get_idx(list, 0), JSON_C_TO_STRING_PLAIN));
	json_object_put(list);
	list = hvis_recent_list(history, 3, 1 << 20);
	g_assert_cmpuint(json_object_array_length(list), ==, 3);
	json_object_put(list);
	list = hvis_recent_list(history, 50, 2 * (one + 1) + 10);
	g_assert_cmpuint(json_object_array_length(list), ==, 2);
	json_object_put(list);
}

/* --- for the host --- */

static struct json_object *value_of(struct json_object *entry)
{
	g_autofree char *value = vss_history_value(entry);
	struct json_object *parsed = json_tokener_parse(value);

	g_assert_cmpuint(strlen(value), <, HVIS_KVP_VALUE_MAX);
	g_assert_cmpint(hvis_utf16_units(value), <=, HVIS_KVP_VALUE_UNITS_MAX);
	g_assert_nonnull(parsed);
	json_object_put(entry);
	return parsed;
}

/* The times of the mounts go first, then the message; the rest always fits. */
static void test_value(void)
{
	const VssRun run = { .in_time = TRUE, .began_us = 1000000, .ender = VSS_ENDER_HOST };
	g_autoptr(VssOutcome) few = outcome_new(2), many = outcome_new(VSS_TARGETS_MAX);
	g_autofree char *path = g_strnfill(HVIS_KVP_VALUE_UNITS_MAX, 'x');
	struct json_object *value = value_of(vss_history_entry(&run, few));

	g_assert_cmpstr(text(value, "time"), ==, "1970-01-01T00:00:01Z");
	g_assert_cmpstr(text(value, "result"), ==, "ok");
	g_assert_cmpstr(text(mount_of(value, 1), "mount"), ==, "/mount-1");
	json_object_put(value);
	value = value_of(vss_history_entry(&run, many));
	g_assert_false(json_object_object_get_ex(value, "mounts", NULL));
	g_assert_cmpint(number(value, "frozen"), ==, VSS_TARGETS_MAX);
	g_assert_nonnull(text(value, "message"));
	json_object_put(value);
	value = value_of(vss_history_refusal("check", path));
	g_assert_false(json_object_object_get_ex(value, "message", NULL));
	g_assert_cmpstr(text(value, "result"), ==, "refused");
	json_object_put(value);
}

static struct json_object *entry_with_problems(guint n, guint length)
{
	struct json_object *entry = vss_history_refusal("backup", "m");
	struct json_object *hooks = json_object_object_get(entry, "hooks");
	g_autofree char *error = g_strnfill(length, 'e');

	for (guint i = 0; i < n; i++) {
		struct json_object *problem = json_object_new_object();

		json_object_object_add(problem, "error", json_object_new_string(error));
		json_object_array_add(hooks, problem);
	}
	return entry;
}

/* As many as fit, and none is no member; the rest is there whatever they take. */
static void test_problems(void)
{
	static const guint lengths[] = { 1, 100, 400, HVIS_KVP_VALUE_UNITS_MAX };
	struct json_object *value = value_of(entry_with_problems(0, 0));
	gsize last = 17;

	g_assert_false(json_object_object_get_ex(value, "hooks", NULL));
	json_object_put(value);
	for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
		struct json_object *hooks = NULL;
		gsize n;

		value = value_of(entry_with_problems(16, lengths[i]));
		g_assert_cmpstr(text(value, "result"), ==, "refused");
		json_object_object_get_ex(value, "hooks", &hooks);
		n = hooks ? json_object_array_length(hooks) : 0;
		g_assert_cmpuint(n, <, last);
		g_assert_cmpint(n > 0, ==, lengths[i] <= 400);
		last = n;
		json_object_put(value);
	}
}

/* Paths are bytes, and JSON is text. */
static void test_not_utf8(void)
{
	const VssRun run = { .in_time = TRUE, .ender = VSS_ENDER_HOST };
	g_autoptr(VssOutcome) outcome = outcome_new(0);
	struct json_object *entry, *value;

	g_ptr_array_add(outcome->targets, g_strdup("/a\xff"));
	entry = vss_history_entry(&run, outcome);
	g_assert_cmpstr(text(mount_of(entry, 0), "mount"), ==, "/a\xef\xbf\xbd");
	value = value_of(entry);
	json_object_put(value);
}

/* --- the plan --- */

#define TABLE                                                                                      \
	"1 0 254:0 / / rw - ext4 /dev/vda1 rw\n"                                                   \
	"2 1 0:5 / /proc rw - proc proc rw\n"                                                      \
	"3 1 8:1 / /data rw - xfs /dev/sda1 rw\n"                                                  \
	"4 1 8:1 / /again rw - xfs /dev/sda1 rw\n"                                                 \
	"5 1 8:2 / /old ro - ext4 /dev/sda2 ro\n"

static struct json_object *plan_of(Tree *tree, const char *config)
{
	VssSurvey survey;

	tree_init(tree);
	tree_process(tree, 1, 100, TABLE);
	tree_plan(tree, config);
	survey = (VssSurvey){ tree->mounts, tree->policy, tree->plan };
	return vss_plan_json(&survey);
}

static struct json_object *item(struct json_object *plan, guint place)
{
	return json_object_array_get_idx(json_object_object_get(plan, "file_systems"), place);
}

static void test_plan(void)
{
	g_auto(Tree) tree = { 0 };
	struct json_object *plan = plan_of(&tree, "Require=/old /gone");

	g_assert_nonnull(strstr(text(plan, "problem"), "/old"));
	g_assert_cmpstr(json_object_get_string(json_object_array_get_idx(
				json_object_object_get(plan, "missing"), 0)),
		==, "/gone");
	g_assert_cmpint(number(plan, "unseen"), ==, 0);
	/* those that are frozen in their order, the root last; then the others */
	g_assert_cmpstr(text(item(plan, 0), "device"), ==, "8:1");
	g_assert_cmpint(number(item(plan, 0), "mount_count"), ==, 2);
	g_assert_cmpint(number(item(plan, 0), "level"), ==, 0);
	g_assert_cmpstr(text(item(plan, 0), "verdict"), ==, "freeze");
	g_assert_cmpstr(text(item(plan, 1), "source"), ==, "/dev/vda1");
	g_assert_cmpint(number(item(plan, 1), "level"), ==, 1);
	g_assert_cmpstr(text(item(plan, 2), "reason"), ==, "pseudo");
	g_assert_null(json_object_object_get(item(plan, 2), "level"));
	g_assert_cmpstr(text(item(plan, 3), "verdict"), ==, "deny");
	g_assert_cmpstr(text(item(plan, 3), "why"), ==, vss_reason_text(VSS_REASON_READ_ONLY));
	g_assert_cmpstr(text(item(plan, 3), "detail"), ==, "/old");
	json_object_put(plan);
}

/* In pages of whatever size: each file system once, in the same order. */
static void test_pages(void)
{
	g_auto(Tree) tree = { 0 };
	struct json_object *plan = plan_of(&tree, "");
	struct json_object *whole = json_object_object_get(plan, "file_systems");

	g_assert_null(json_object_object_get(plan, "problem"));
	for (gsize room = 1; room < 4096; room += 100) {
		struct json_object *all = json_object_new_array();
		gint64 from = 0;

		while (from >= 0) {
			struct json_object *page = vss_plan_page(plan, from, room);
			struct json_object *next = json_object_object_get(page, "next");

			for (guint i = 0; item(page, i); i++)
				json_object_array_add(all, json_object_get(item(page, i)));
			g_assert_true(!next || json_object_get_int64(next) > from);
			from = next ? json_object_get_int64(next) : -1;
			json_object_put(page);
		}
		g_assert_true(json_object_equal(all, whole));
		json_object_put(all);
	}
	json_object_put(plan);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/history/success", test_success);
	g_test_add_func("/vssd/history/freezes-can-be-compared", test_freezes_can_be_compared);
	g_test_add_func("/vssd/history/results", test_results);
	g_test_add_func("/vssd/history/rehearsal", test_rehearsal);
	g_test_add_func("/vssd/history/list", test_list);
	g_test_add_func("/vssd/history/value", test_value);
	g_test_add_func("/vssd/history/problems", test_problems);
	g_test_add_func("/vssd/history/not-utf8", test_not_utf8);
	g_test_add_func("/vssd/plan-json/plan", test_plan);
	g_test_add_func("/vssd/plan-json/pages", test_pages);
	return g_test_run();
}
