/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks of a backup, as real scripts that write down how they are called: order, failures, who is
 * thawed, what is noted for the next daemon. The test plays the coordinator.
 */
#include "config.h"

#include "tests/unit/vssd-hooks.h"
#include "vssd/rounds.h"

typedef struct {
	Folder folder;
	VssRoundsOptions options;
	VssRounds *rounds;
	GPtrArray *mounts;
	char *marker;
	gboolean prepared, frozen, idle;
	guint thaws;
	char *problem;
	GString *said;
} Rig;

static void note_problem(Rig *rig, const char *problem)
{
	g_free(rig->problem);
	rig->problem = g_strdup(problem);
}

static void on_prepared(const char *problem, gpointer data)
{
	Rig *rig = data;

	rig->prepared = TRUE;
	note_problem(rig, problem);
}

static void on_frozen(const char *problem, gpointer data)
{
	Rig *rig = data;

	g_assert_false(rig->frozen); /* once a backup */
	rig->frozen = TRUE;
	note_problem(rig, problem);
}

static void on_thawed(gpointer data)
{
	((Rig *)data)->thaws++;
}

static void on_idle(gpointer data)
{
	((Rig *)data)->idle = TRUE;
}

static void on_say(HvisLogLevel level, const char *text, gpointer data)
{
	g_string_append_printf(((Rig *)data)->said, "%d %s\n", level, text);
}

static const VssRoundsOps ops = { on_prepared, on_frozen, on_thawed, on_idle, on_say };

static void rig_init(Rig *rig)
{
	folder_init(&rig->folder);
	rig->marker = g_build_filename(rig->folder.root, "vss.hooks", NULL);
	rig->options = (VssRoundsOptions){ rig->folder.options, "/freeze.d", rig->marker, TRUE };
	rig->mounts = g_ptr_array_new();
	g_ptr_array_add(rig->mounts, (gpointer) "/");
	g_ptr_array_add(rig->mounts, (gpointer) "/a b\n\\c ");
	rig->said = g_string_new(NULL);
	rig->rounds = vss_rounds_new(&rig->options, &ops, rig);
}

static void rig_deinit(Rig *rig)
{
	vss_rounds_free(rig->rounds);
	g_ptr_array_unref(rig->mounts);
	g_string_free(rig->said, TRUE);
	g_free(rig->marker);
	g_free(rig->problem);
	folder_deinit(&rig->folder);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rig, rig_deinit)

/* A hook that writes down its calls, then does @script. */
static void add(const Rig *rig, const char *name, const char *script, const char *conf)
{
	g_autofree char *text =
		g_strconcat("echo $HVIS_HOOK $1 $HVIS_STATE >>$R/log\n", script, NULL);
	g_autofree char *conf_name = g_strconcat(name, ".conf", NULL);

	folder_hook(&rig->folder, name, text);
	if (conf)
		folder_file(&rig->folder, conf_name, 0644, conf);
}

static void freeze(Rig *rig)
{
	rig->frozen = rig->idle = FALSE;
	vss_rounds_freeze(rig->rounds, rig->mounts);
	wait_until(&rig->frozen);
}

static void thaw(Rig *rig, VssRoundsEnd how)
{
	vss_rounds_thaw(rig->rounds, how);
	wait_until(&rig->idle);
	g_assert_true(vss_rounds_is_idle(rig->rounds));
	g_assert_false(g_file_test(rig->marker, G_FILE_TEST_EXISTS));
}

static void prepare(Rig *rig)
{
	rig->prepared = FALSE;
	vss_rounds_prepare(rig->rounds, rig->mounts);
	wait_until(&rig->prepared);
	g_assert_true(vss_rounds_is_idle(rig->rounds));
}

static void assert_log(const Rig *rig, const char *wanted)
{
	g_autofree char *log = folder_text(&rig->folder, "log");

	g_assert_cmpstr(log, ==, wanted);
}

static void assert_said(const Rig *rig, const char *wanted)
{
	if (!strstr(rig->said->str, wanted))
		g_error("not said: \"%s\", but: %s", wanted, rig->said->str);
}

static void rehearse(Rig *rig)
{
	rig->frozen = rig->idle = FALSE;
	vss_rounds_rehearse(rig->rounds, rig->mounts);
	wait_until(&rig->frozen);
}

/* It has what a host asks for first, and fails where the host would be refused. */
static void test_rehearsal(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	add(&rig, "10-a", "echo $HVIS_KIND >$R/kind", NULL);
	add(&rig, "20-b", "[ $1 != prepare ] || [ ! -e $R/bad ] || exit 3", NULL);
	rehearse(&rig);
	g_assert_cmpstr(rig.problem, ==, NULL);
	thaw(&rig, VSS_ROUNDS_THAWED);
	assert_log(&rig, "10-a prepare checking\n20-b prepare checking\n10-a freeze freezing\n"
			 "20-b freeze freezing\n20-b thaw thawed\n10-a thaw thawed\n");
	folder_file(&rig.folder, "../bad", 0644, "");
	rehearse(&rig);
	g_assert_cmpstr(rig.problem, ==, "hook 20-b: prepare: exit status 3");
	thaw(&rig, VSS_ROUNDS_NOT_FROZEN);
	assert_log(&rig, "10-a prepare checking\n20-b prepare checking\n10-a freeze freezing\n"
			 "20-b freeze freezing\n20-b thaw thawed\n10-a thaw thawed\n"
			 "10-a prepare checking\n20-b prepare checking\n");
}

static void test_none(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	prepare(&rig);
	g_assert_cmpstr(rig.problem, ==, NULL);
	freeze(&rig);
	g_assert_cmpstr(rig.problem, ==, NULL);
	g_assert_false(vss_rounds_is_idle(rig.rounds));
	thaw(&rig, VSS_ROUNDS_THAWED);
	vss_rounds_thaw(rig.rounds, VSS_ROUNDS_THAWED); /* nothing is held */
	vss_rounds_stop(rig.rounds);
	g_assert_cmpstr(rig.said->str, ==, "");
}

static void test_well(void)
{
	g_auto(Rig) rig = { 0 };
	g_autofree char *noted = NULL;

	rig_init(&rig);
	add(&rig, "20-b", "", NULL);
	add(&rig, "10-a", "", NULL);
	add(&rig, "20-c", "", NULL);
	prepare(&rig);
	g_assert_cmpstr(rig.problem, ==, NULL);
	freeze(&rig);
	g_assert_cmpstr(rig.problem, ==, NULL);
	noted = folder_text(&rig.folder, "vss.hooks");
	g_assert_true(g_str_has_suffix(noted, "\n10-a\n20-b\n20-c\n"));
	thaw(&rig, VSS_ROUNDS_THAWED);
	assert_log(&rig, "10-a prepare checking\n20-b prepare checking\n20-c prepare checking\n"
			 "10-a freeze freezing\n20-b freeze freezing\n20-c freeze freezing\n"
			 "20-c thaw thawed\n20-b thaw thawed\n10-a thaw thawed\n");
	assert_said(&rig, "Hook 20-b: thaw took ");
}

static void test_environment(void)
{
	static const char script[] = "echo \"$HVIS_KIND $HVIS_TIMEOUT\" >>$R/log\n"
				     "printf '%s\\n' \"$HVIS_MOUNTS\" >>$R/log\n"
				     "echo $HVIS_BACKUP_ID >$R/id-$1; echo in $1";
	g_auto(Rig) rig = { 0 };
	g_autofree char *first = NULL, *last = NULL;

	rig_init(&rig);
	add(&rig, "10-a", script, "Timeout=2500ms\n");
	freeze(&rig);
	assert_log(&rig, "10-a freeze freezing\nbackup 3\n/\n/a b\\012\\134c \n");
	thaw(&rig, VSS_ROUNDS_BROKEN);
	first = folder_text(&rig.folder, "id-freeze");
	last = folder_text(&rig.folder, "id-thaw");
	g_assert_cmpuint(strlen(first), ==, 37);
	g_assert_cmpstr(first, ==, last);
	assert_said(&rig, "Hook 10-a: | in freeze\n");
	assert_said(&rig, "Hook 10-a: | in thaw\n");
}

/* The one that fails has seen freeze, and those before it; those behind it have not. */
static void test_freeze_fails(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	add(&rig, "10-a", "", NULL);
	add(&rig, "20-b", "[ $1 != freeze ] || { echo no room; exit 3; }", NULL);
	add(&rig, "30-c", "", NULL);
	freeze(&rig);
	g_assert_cmpstr(rig.problem, ==, "hook 20-b: freeze: exit status 3: no room");
	thaw(&rig, VSS_ROUNDS_NOT_FROZEN);
	assert_log(&rig, "10-a freeze freezing\n20-b freeze freezing\n"
			 "20-b freeze-failed failed\n20-b thaw failed\n"
			 "10-a freeze-failed failed\n10-a thaw failed\n");
	assert_said(&rig, "1 Hook 20-b: freeze failed: exit status 3\n3 Hook 20-b: | no room\n");
}

static void test_ignored(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	add(&rig, "10-a", "[ $1 = thaw ] || exit 1", "OnFailure=ignore\n");
	add(&rig, "20-b", "", NULL);
	prepare(&rig);
	g_assert_cmpstr(rig.problem, ==, NULL);
	freeze(&rig);
	g_assert_cmpstr(rig.problem, ==, NULL);
	thaw(&rig, VSS_ROUNDS_THAWED);
	assert_log(&rig, "10-a prepare checking\n20-b prepare checking\n"
			 "10-a freeze freezing\n20-b freeze freezing\n"
			 "20-b thaw thawed\n10-a thaw thawed\n");
}

static void test_prepare_fails(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	add(&rig, "10-a", "exit 1", NULL);
	add(&rig, "20-b", "", NULL);
	prepare(&rig);
	g_assert_cmpstr(rig.problem, ==, "hook 10-a: prepare: exit status 1");
	assert_log(&rig, "10-a prepare checking\n");
}

/* That a thaw fails keeps no other one from its own, and is not repeated. */
static void test_thaw_fails(void)
{
	g_auto(Rig) rig = { 0 };
	struct json_object *problems;

	rig_init(&rig);
	add(&rig, "10-a", "", NULL);
	add(&rig, "20-b", "[ $1 = freeze ] || { printf 'why\\n no room \\n\\n'; exit 1; }", NULL);
	freeze(&rig);
	problems = json_object_get(vss_rounds_problems(rig.rounds));
	g_assert_cmpuint(json_object_array_length(problems), ==, 0);
	g_assert_cmpuint(rig.thaws, ==, 0);
	thaw(&rig, VSS_ROUNDS_THAWED);
	assert_log(&rig, "10-a freeze freezing\n20-b freeze freezing\n"
			 "20-b thaw thawed\n10-a thaw thawed\n");
	assert_said(&rig, "1 Hook 20-b: thaw failed: exit status 1");
	g_assert_cmpuint(rig.thaws, ==, 1);
	g_assert_cmpstr(json_object_to_json_string_ext(problems, JSON_C_TO_STRING_PLAIN), ==,
		"[{\"hook\":\"20-b\",\"verb\":\"thaw\",\"error\":\"exit status 1: no room\"}]");
	json_object_put(problems);
	g_assert_null(vss_rounds_problems(rig.rounds));
}

/* What is told with a backup has an end, however many there are and whatever they say. */
static void test_many_problems(void)
{
	g_auto(Rig) rig = { 0 };
	struct json_object *problems, *last;

	rig_init(&rig);
	for (guint i = 0; i < VSS_ROUNDS_PROBLEMS_MAX + 2; i++) {
		g_autofree char *name = g_strdup_printf("%02u-a", i);

		add(&rig, name, "[ $1 = freeze ] || { printf '\\303\\274%01000d' 1; exit 1; }",
			NULL);
	}
	freeze(&rig);
	problems = json_object_get(vss_rounds_problems(rig.rounds));
	thaw(&rig, VSS_ROUNDS_THAWED);
	g_assert_cmpuint(json_object_array_length(problems), ==, VSS_ROUNDS_PROBLEMS_MAX);
	last = json_object_object_get(json_object_array_get_idx(problems, 0), "error");
	g_assert_cmpuint(strlen(json_object_get_string(last)), <, 250);
	g_assert_true(g_utf8_validate(json_object_get_string(last), -1, NULL));
	json_object_put(problems);
}

static void test_time_limit(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	add(&rig, "10-a", "[ $1 = thaw ] || while :; do sleep 1; done", "Timeout=1s\n");
	freeze(&rig);
	g_assert_cmpstr(
		rig.problem, ==, "hook 10-a: freeze: it took longer than 1 s, and was killed");
	thaw(&rig, VSS_ROUNDS_THAWED);
	assert_log(&rig, "10-a freeze freezing\n10-a thaw thawed\n");
}

static void test_not_to_be_trusted(void)
{
	g_auto(Rig) rig = { 0 };
	g_autofree char *path = NULL;

	rig_init(&rig);
	add(&rig, "10-a", "", NULL);
	add(&rig, "20-b", "", NULL);
	path = folder_path(&rig.folder, "20-b");
	g_assert_cmpint(g_chmod(path, 0777), ==, 0);
	prepare(&rig);
	g_assert_nonnull(strstr(rig.problem, "hook 20-b: prepare: "));
	g_assert_nonnull(strstr(rig.problem, "others than root may write it"));
	freeze(&rig);
	g_assert_nonnull(strstr(rig.problem, "hook 20-b: freeze: "));
	thaw(&rig, VSS_ROUNDS_NOT_FROZEN);
	/* a .conf that is trusted may say that it does not matter */
	folder_file(&rig.folder, "20-b.conf", 0644, "OnFailure=ignore\n");
	freeze(&rig);
	g_assert_cmpstr(rig.problem, ==, NULL);
	thaw(&rig, VSS_ROUNDS_THAWED);
	assert_log(&rig, "10-a prepare checking\n10-a freeze freezing\n"
			 "10-a freeze-failed failed\n10-a thaw failed\n"
			 "10-a freeze freezing\n10-a thaw thawed\n");
}

static void test_folder_not_to_be_trusted(void)
{
	g_auto(Rig) rig = { 0 };
	g_autofree char *path = NULL;

	rig_init(&rig);
	path = folder_path(&rig.folder, "");
	g_assert_cmpint(g_chmod(path, 0777), ==, 0);
	prepare(&rig);
	g_assert_nonnull(strstr(rig.problem, "others than root may write it"));
	freeze(&rig);
	g_assert_nonnull(strstr(rig.problem, "others than root may write it"));
	thaw(&rig, VSS_ROUNDS_NOT_FROZEN);
	rig.options.enabled = FALSE; /* what is not used need not be trusted */
	freeze(&rig);
	g_assert_cmpstr(rig.problem, ==, NULL);
	thaw(&rig, VSS_ROUNDS_THAWED);
}

static void test_called_off(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	add(&rig, "10-a", "", NULL);
	add(&rig, "20-b", "[ $1 != freeze ] || { : >$R/there; while :; do sleep 0.1; done; }",
		"OnFailure=ignore\n");
	add(&rig, "30-c", "", NULL);
	vss_rounds_freeze(rig.rounds, rig.mounts);
	for (;;) {
		g_autofree char *path = g_build_filename(rig.folder.root, "there", NULL);

		if (g_file_test(path, G_FILE_TEST_EXISTS))
			break;
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
	}
	vss_rounds_stop(rig.rounds);
	vss_rounds_stop(rig.rounds);
	wait_until(&rig.frozen);
	g_assert_cmpstr(rig.problem, ==, "hook 20-b: freeze: it was called off");
	thaw(&rig, VSS_ROUNDS_NOT_FROZEN);
	assert_log(&rig, "10-a freeze freezing\n20-b freeze freezing\n"
			 "20-b freeze-failed failed\n20-b thaw failed\n"
			 "10-a freeze-failed failed\n10-a thaw failed\n");
}

/* A prepare that runs is dropped for what comes next, a thaw is waited for. */
static void test_queue(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	add(&rig, "10-a", "[ $1 != prepare ] || while :; do sleep 0.1; done", NULL);
	vss_rounds_prepare(rig.rounds, rig.mounts);
	vss_rounds_prepare(rig.rounds, rig.mounts);
	freeze(&rig);
	g_assert_cmpstr(rig.problem, ==, NULL);
	g_assert_false(rig.prepared);
	rig.frozen = FALSE;
	vss_rounds_thaw(rig.rounds, VSS_ROUNDS_THAWED);
	vss_rounds_freeze(rig.rounds, rig.mounts);
	g_assert_false(rig.frozen);
	vss_rounds_stop(rig.rounds); /* it has not begun */
	g_assert_true(rig.frozen);
	g_assert_cmpstr(rig.problem, ==, "it was called off");
	vss_rounds_thaw(rig.rounds, VSS_ROUNDS_NOT_FROZEN);
	freeze(&rig);
	g_assert_cmpstr(rig.problem, ==, NULL);
	g_assert_false(rig.idle); /* there was always something to do */
	thaw(&rig, VSS_ROUNDS_THAWED);
	vss_rounds_prepare(rig.rounds, rig.mounts);
	vss_rounds_stop(rig.rounds);
	g_assert_true(vss_rounds_is_idle(rig.rounds));
}

/* Wait until the file @name of the root has @text @n times. */
static void wait_for_text(const Rig *rig, const char *name, const char *text, guint n)
{
	for (int i = 0; i < PATIENCE_S * 50; i++) {
		g_autofree char *all = folder_text(&rig->folder, name);
		g_auto(GStrv) parts = g_strsplit(all, text, -1);

		if (g_strv_length(parts) > n)
			return;
		g_usleep(20000);
	}
	g_error("\"%s\" is not %u times in %s", text, n, name);
}

/* As if the daemon had been killed, until the hooks that it leaves have thawed by themselves. */
static void kill_rounds(Rig *rig, guint n)
{
	g_autofree char *log = g_build_filename(rig->folder.root, "log", NULL);

	g_clear_pointer(&rig->rounds, vss_rounds_free);
	wait_for_text(rig, "log", "thaw recovering\n", n);
	g_assert_cmpint(g_remove(log), ==, 0);
}

/* What is noted before freeze is called is thawed by the next one. */
static void test_recover(void)
{
	g_auto(Rig) rig = { 0 };
	g_autofree char *id = NULL, *again = NULL;

	rig_init(&rig);
	add(&rig, "10-a", "grep 10-a $R/vss.hooks >>$R/log; echo $HVIS_BACKUP_ID >$R/id-$1", NULL);
	add(&rig, "20-b", "", NULL);
	add(&rig, "30-c", "", NULL);
	freeze(&rig);
	kill_rounds(&rig, 3);
	{
		g_autofree char *gone = folder_path(&rig.folder, "20-b");

		g_assert_cmpint(g_remove(gone), ==, 0);
	}
	add(&rig, "40-d", "", NULL); /* is new */
	rig.options.enabled = FALSE;
	rig.rounds = vss_rounds_new(&rig.options, &ops, &rig);
	vss_rounds_recover(rig.rounds);
	g_assert_false(vss_rounds_is_idle(rig.rounds));
	wait_until(&rig.idle);
	assert_log(&rig, "30-c thaw recovering\n10-a thaw recovering\n10-a\n");
	assert_said(&rig, "0 Hook 20-b has seen freeze, and cannot be told to thaw: "
			  "it is not there any more");
	id = folder_text(&rig.folder, "id-freeze");
	again = folder_text(&rig.folder, "id-thaw");
	g_assert_cmpstr(id, ==, again);
	g_assert_false(g_file_test(rig.marker, G_FILE_TEST_EXISTS));
	vss_rounds_recover(rig.rounds); /* nothing */
	g_assert_true(vss_rounds_is_idle(rig.rounds));
}

/* The thaw of the next daemon, and the one that a hook without a daemon has begun. */
static void test_two_thaws_at_once(void)
{
	g_auto(Rig) rig = { 0 };
	g_autofree char *both = NULL;

	rig_init(&rig);
	add(&rig, "10-a",
		"[ $1 = thaw ] || exit 0; mkdir $R/in || echo both >>$R/both; sleep 1; rmdir $R/in",
		NULL);
	freeze(&rig);
	g_clear_pointer(&rig.rounds, vss_rounds_free);
	wait_for_text(&rig, "log", "thaw recovering\n", 1);
	rig.rounds = vss_rounds_new(&rig.options, &ops, &rig);
	vss_rounds_recover(rig.rounds);
	wait_until(&rig.idle);
	assert_log(&rig, "10-a freeze freezing\n10-a thaw recovering\n10-a thaw recovering\n");
	both = folder_text(&rig.folder, "both");
	g_assert_cmpstr(both, ==, "");
}

static void test_damaged_marker(void)
{
	static const char *const wrong[] = { "", "x\n",
		"# hv_vss_daemon: hooks that have seen freeze\n",
		"# hv_vss_daemon: hooks that have seen freeze\nno-id\n10-a\n",
		"# hv_vss_daemon: hooks that have seen freeze\n"
		"0b0e5a4c-52f4-4a1c-9a5b-7a6f4d0b8f5e\n../10-a\n",
		"# hv_vss_daemon: hooks that have seen freeze\n"
		"0b0e5a4c-52f4-4a1c-9a5b-7a6f4d0b8f5e\n10-a" };

	for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_auto(Rig) rig = { 0 };

		rig_init(&rig);
		add(&rig, "10-a", "", NULL);
		g_assert_true(g_file_set_contents(rig.marker, wrong[i], -1, NULL));
		vss_rounds_recover(rig.rounds);
		g_assert_true(vss_rounds_is_idle(rig.rounds));
		assert_said(&rig, "is damaged");
		assert_log(&rig, "");
		g_assert_false(g_file_test(rig.marker, G_FILE_TEST_EXISTS));
	}
}

/* Without the note nobody could thaw it later: it is not called. */
static void test_no_marker(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	add(&rig, "10-a", "", NULL);
	rig.options.marker = "/not/there/vss.hooks";
	freeze(&rig);
	g_assert_nonnull(strstr(rig.problem, "hook 10-a: freeze: create a file in /not/there"));
	vss_rounds_thaw(rig.rounds, VSS_ROUNDS_NOT_FROZEN);
	wait_until(&rig.idle);
	assert_log(&rig, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/rounds/none", test_none);
	g_test_add_func("/vssd/rounds/well", test_well);
	g_test_add_func("/vssd/rounds/rehearsal", test_rehearsal);
	g_test_add_func("/vssd/rounds/environment", test_environment);
	g_test_add_func("/vssd/rounds/freeze-fails", test_freeze_fails);
	g_test_add_func("/vssd/rounds/ignored", test_ignored);
	g_test_add_func("/vssd/rounds/prepare-fails", test_prepare_fails);
	g_test_add_func("/vssd/rounds/thaw-fails", test_thaw_fails);
	g_test_add_func("/vssd/rounds/many-problems", test_many_problems);
	g_test_add_func("/vssd/rounds/time-limit", test_time_limit);
	g_test_add_func("/vssd/rounds/not-to-be-trusted", test_not_to_be_trusted);
	g_test_add_func("/vssd/rounds/folder-not-to-be-trusted", test_folder_not_to_be_trusted);
	g_test_add_func("/vssd/rounds/called-off", test_called_off);
	g_test_add_func("/vssd/rounds/queue", test_queue);
	g_test_add_func("/vssd/rounds/recover", test_recover);
	g_test_add_func("/vssd/rounds/two-thaws-at-once", test_two_thaws_at_once);
	g_test_add_func("/vssd/rounds/damaged-marker", test_damaged_marker);
	g_test_add_func("/vssd/rounds/no-marker", test_no_marker);
	return g_test_run();
}
