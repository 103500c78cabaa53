/* SPDX-License-Identifier: GPL-2.0-only */
/* What hvctl makes of plans and backups, and the writer of a rehearsal; without a daemon. */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvctl/vss-stall.h"
#include "hvctl/vss.h"

typedef void (*Print)(FILE *out, struct json_object *object);

static void check(Print print, const char *json, const char *wanted)
{
	struct json_object *object = json_tokener_parse(json);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	g_assert_nonnull(object);
	print(out, object);
	fclose(out);
	json_object_put(object);
	g_assert_cmpstr(text, ==, wanted);
	free(text);
}

static void test_plan(void)
{
	check(hvctl_vss_print_plan,
		"{ \"problem\": null, \"unseen\": 0, \"file_systems\": ["
		"  { \"mounts\": [\"/da\\u001bta\", \"/b\"], \"mount_count\": 2, \"type\": \"xfs\","
		"    \"source\": \"/dev/sda1\", \"verdict\": \"freeze\", \"level\": 0,"
		"    \"reason\": \"local\", \"why\": \"is here\", \"detail\": null },"
		"  { \"mounts\": [\"/x\"], \"mount_count\": 1, \"process\": 1234, \"type\": "
		"\"ext4\","
		"    \"source\": \"/dev/sda2\", \"verdict\": \"skip\", \"level\": null,"
		"    \"reason\": \"excluded\", \"why\": \"Exclude= has it\", \"detail\": \"/x\" },"
		"  { \"mounts\": [\"/proc\"], \"mount_count\": 1, \"reason\": \"pseudo\" } ] }",
		"VERDICT  LEVEL  MOUNT POINT         TYPE  SOURCE     WHY\n"
		"freeze       0  /da\\x1bta (+1)      xfs   /dev/sda1  is here\n"
		"skip         -  /x in process 1234  ext4  /dev/sda2  Exclude= has it: /x\n"
		"\n"
		"1 on no disk, such as proc and tmpfs, is skipped, too.\n"
		"A backup is possible.\n");
}

static void test_plan_denied(void)
{
	check(hvctl_vss_print_plan,
		"{ \"problem\": \"/o is in the way\", \"unseen\": 3, \"file_systems\": ["
		"  { \"mounts\": [\"/o\"], \"mount_count\": 1, \"type\": \"ext4\","
		"    \"source\": \"/dev/sda3\", \"verdict\": \"deny\", \"level\": null,"
		"    \"reason\": \"required\", \"why\": \"nothing can write to it\","
		"    \"detail\": \"ext*\" } ] }",
		"VERDICT  LEVEL  MOUNT POINT  TYPE  SOURCE     WHY\n"
		"deny         -  /o           ext4  /dev/sda3  is required (ext*), but nothing can "
		"write to it\n"
		"The mounts of 3 processes could not be looked at.\n"
		"No backup is possible: /o is in the way.\n");
}

static void test_mounts(void)
{
	check(hvctl_vss_print_mounts,
		"{ \"mounts\": [ { \"mount\": \"/a\", \"sync_us\": 1500, \"freeze_us\": 200,"
		"  \"frozen_us\": 2000000, \"thaw_us\": 40, \"error\": null },"
		"  { \"mount\": \"/b\", \"sync_us\": null, \"freeze_us\": null, \"frozen_us\": "
		"null,"
		"  \"thaw_us\": null, \"error\": \"open: gone\" } ] }",
		"MOUNT POINT    SYNC  FREEZE  FROZEN  THAW  PROBLEM\n"
		"/a           1.5 ms  0.2 ms     2 s  0 ms  -\n"
		"/b                -       -       -     -  open: gone\n");
	check(hvctl_vss_print_mounts, "{ \"mounts\": [] }", "");
}

static void test_history(void)
{
	g_setenv("TZ", "UTC", TRUE);
	check(hvctl_vss_print_history,
		"[ { \"kind\": \"backup\", \"time_us\": 1000000, \"result\": \"ok\","
		"  \"ended_by\": \"host\", \"frozen\": 3, \"frozen_us\": 12345, \"message\": \"m\" "
		"},"
		"  { \"kind\": \"check\", \"time_us\": 0, \"result\": \"refused\","
		"  \"ended_by\": null, \"frozen\": 0, \"frozen_us\": 0, \"message\": \"n\","
		"  \"hooks\": [ { \"hook\": \"1-a\", \"verb\": \"prepare\", \"error\": \"e\" },"
		"  { \"hook\": \"2-b\", \"verb\": \"thaw\", \"error\": \"exit status 3: no\" } ] "
		"} ]",
		"TIME                 KIND    RESULT   ENDED BY  FROZEN    FOR  MESSAGE  "
		"PROBLEM\n"
		"1970-01-01 00:00:01  backup  ok       host           3  12 ms  m        -\n"
		"1970-01-01 00:00:00  check   refused  -              0      -  n        "
		"hook 1-a: prepare: e; hook 2-b: thaw: exit status 3: no\n");
}

/* --- the writer --- */

static void test_stall(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *dir = g_dir_make_tmp("hvctl-XXXXXX", &error);
	g_autoptr(HvctlStall) stall = NULL;
	HvctlStallResult result = { 0 };

	g_assert_no_error(error);
	stall = hvctl_stall_new(dir, &error);
	if (error && strstr(error->message, "not supported")) {
		g_test_skip("no file without a name can be had here");
	} else {
		g_assert_no_error(error);
		hvctl_stall_stop(stall, &result, &error);
		g_assert_no_error(error);
		g_assert_cmpuint(result.writes, >, 0);
		g_assert_cmpint(result.longest_us, >, 0);
	}
	g_assert_cmpint(g_rmdir(dir), ==, 0); /* and nothing is left in it */
}

static void test_no_stall(void)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(hvctl_stall_new("/nonexistent/hvis", &error));
	g_assert_nonnull(error);
	g_assert_nonnull(strstr(error->message, "No such file"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hvctl/vss/plan", test_plan);
	g_test_add_func("/hvctl/vss/plan-denied", test_plan_denied);
	g_test_add_func("/hvctl/vss/mounts", test_mounts);
	g_test_add_func("/hvctl/vss/history", test_history);
	g_test_add_func("/hvctl/vss/stall", test_stall);
	g_test_add_func("/hvctl/vss/no-stall", test_no_stall);
	return g_test_run();
}
