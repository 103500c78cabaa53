/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hooks: the folder, whom it trusts, what a .conf may say; and single calls of real scripts by the real
 * hv_vss_hook: environment, output, time limits, and what tries to survive them.
 */
#include "config.h"

#include <fcntl.h>
#include <pwd.h>

#include <util/fd.h>

#include "tests/unit/vssd-hooks.h"

/* --- the folder --- */

static char *names_of(const GPtrArray *hooks)
{
	GString *names = g_string_new(NULL);

	for (guint i = 0; i < hooks->len; i++) {
		const VssHook *hook = (const VssHook *)g_ptr_array_index(hooks, i);

		g_string_append_printf(names, "%s%s ", hook->name, hook->problem ? "!" : "");
	}
	return g_string_free(names, FALSE);
}

static void assert_names(const Folder *folder, const char *wanted)
{
	g_autoptr(GPtrArray) hooks = folder_read(folder);
	g_autofree char *names = names_of(hooks);

	g_assert_cmpstr(names, ==, wanted);
}

static void test_order(void)
{
	g_auto(Folder) folder = { 0 };

	folder_init(&folder);
	assert_names(&folder, "");
	folder_hook(&folder, "50-b", "");
	folder_hook(&folder, "10-z", "");
	folder_hook(&folder, "50-a", "");
	folder_hook(&folder, "99-Last_one.sh", "");
	folder_hook(&folder, "00-first", "");
	folder_file(&folder, "50-b.conf", 0644, "");
	assert_names(&folder, "00-first 10-z 50-a 50-b 99-Last_one.sh ");
}

static void test_leftovers(void)
{
	static const char *const others[] = { "10-a~", "10-a.bak", "10-a.orig", "10-a.old",
		"10-a.dpkg-new", "10-a.dpkg-old", "10-a.dpkg-dist", "10-a.rpmnew", "10-a.rpmsave",
		"10-a.rpmorig", "10-a.swp", ".10-a.swp", ".hidden", "10-a.sample", "#10-a#",
		"10-a.conf", "10-a.settings", "10-a.ucf-dist", "10-a.tmp", "README", "1-a", "10a",
		"10-", "-10-a", "a10-b", "10-a b", "10-a;b" };
	g_auto(Folder) folder = { 0 };
	g_autofree char *inside = NULL;

	folder_init(&folder);
	for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
		folder_file(&folder, others[i], 0755, "");
		g_assert_false(vss_hook_name_is(others[i]));
	}
	folder_file(&folder, "20-off", 0644, "#!/bin/sh\n");
	folder_hook(&folder, "10-a", "");
	assert_names(&folder, "10-a ");
	inside = folder_path(&folder, "30-folder");
	g_assert_cmpint(g_mkdir(inside, 0755), ==, 0);
	assert_names(&folder, "10-a 30-folder! ");
}

static void test_no_folder(void)
{
	g_auto(Folder) folder = { 0 };
	g_autoptr(GPtrArray) hooks = NULL;

	folder_init(&folder);
	hooks = vss_hooks_read(folder.root, "/etc/not/there", NULL);
	g_assert_cmpuint(hooks->len, ==, 0);
}

static void test_too_many(void)
{
	g_auto(Folder) folder = { 0 };
	g_autoptr(GError) error = NULL;

	folder_init(&folder);
	for (guint i = 0; i < VSS_HOOKS_MAX + 1; i++) {
		g_autofree char *name = g_strdup_printf("%02u-a", i);

		folder_hook(&folder, name, "");
	}
	g_assert_null(vss_hooks_read(folder.root, "/freeze.d", &error));
	g_assert_nonnull(strstr(error->message, "more than 64 hooks"));
}

/* --- trust --- */

static void assert_problem(const Folder *folder, const char *problem)
{
	g_autoptr(GPtrArray) hooks = folder_read(folder);
	const VssHook *hook = vss_hooks_find(hooks, "10-a");

	g_assert_nonnull(hook);
	if (!problem)
		g_assert_cmpstr(hook->problem, ==, NULL);
	else if (!hook->problem || !strstr(hook->problem, problem))
		g_error("\"%s\", not \"%s\"", hook->problem, problem);
}

static void test_trust_mode(void)
{
	static const int bad[] = { 0775, 0757, 0777 };
	g_auto(Folder) folder = { 0 };

	folder_init(&folder);
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		folder_file(&folder, "10-a", bad[i], "#!/bin/sh\n");
		assert_problem(&folder, "10-a: others than root may write it");
	}
	folder_hook(&folder, "10-a", "");
	assert_problem(&folder, NULL);
	folder_file(&folder, "10-a.conf", 0664, "");
	assert_problem(&folder, "10-a.conf: others than root may write it");
}

static void test_trust_folder(void)
{
	g_auto(Folder) folder = { 0 };
	g_autoptr(GError) error = NULL;
	g_autofree char *dir = NULL;

	folder_init(&folder);
	folder_hook(&folder, "10-a", "");
	dir = folder_path(&folder, "");
	g_assert_cmpint(g_chmod(dir, 0775), ==, 0);
	g_assert_null(vss_hooks_read(folder.root, "/freeze.d", &error));
	g_assert_nonnull(strstr(error->message, "freeze.d: others than root may write it"));
	g_clear_error(&error);
	g_assert_cmpint(g_chmod(dir, 01777), ==, 0); /* others could add one */
	g_assert_null(vss_hooks_read(folder.root, "/freeze.d", &error));
	g_clear_error(&error);
	g_assert_cmpint(g_chmod(dir, 0755), ==, 0);
	g_assert_cmpint(g_chmod(folder.root, 0777), ==, 0);
	g_assert_null(vss_hooks_read(folder.root, "/freeze.d", &error));
	g_clear_error(&error);
	g_assert_cmpint(g_chmod(folder.root, 01777), ==, 0); /* nobody replaces the folder */
	assert_problem(&folder, NULL);
}

static void test_trust_owner(void)
{
	g_auto(Folder) folder = { 0 };
	g_autofree char *path = NULL;

	if (geteuid() != 0) {
		g_test_skip("needs root");
		return;
	}
	folder_init(&folder);
	folder_hook(&folder, "10-a", "");
	path = folder_path(&folder, "10-a");
	g_assert_cmpint(chown(path, 65534, 0), ==, 0);
	assert_problem(&folder, "others than root may write it");
}

/* A link counts for what it leads to, and for the way there. */
static void test_trust_link(void)
{
	g_auto(Folder) folder = { 0 };
	g_autofree char *dir = NULL, *target = NULL, *path = NULL;

	folder_init(&folder);
	dir = g_build_filename(folder.root, "lib", NULL);
	target = g_build_filename(dir, "adapter", NULL);
	path = folder_path(&folder, "10-a");
	g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
	g_assert_cmpint(symlink("../lib/adapter", path), ==, 0);
	assert_problem(&folder, "No such file");
	g_assert_true(g_file_set_contents_full(
		target, "#!/bin/sh\n", -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
	assert_problem(&folder, NULL);
	g_assert_cmpint(g_chmod(dir, 0777), ==, 0);
	assert_problem(&folder, "lib: others than root may write it");
	g_assert_cmpint(g_chmod(dir, 0755), ==, 0);
	g_assert_cmpint(g_chmod(target, 0775), ==, 0);
	assert_problem(&folder, "adapter: others than root may write it");
}

/* --- .conf --- */

static void test_conf(void)
{
	g_auto(Folder) folder = { 0 };
	g_autoptr(GPtrArray) before = NULL, after = NULL;
	const VssHook *hook;

	folder_init(&folder);
	folder_hook(&folder, "10-a", "");
	before = folder_read(&folder);
	hook = vss_hooks_find(before, "10-a");
	g_assert_cmpuint(hook->timeout_ms, ==, 30000);
	g_assert_false(hook->ignore);
	g_assert_null(hook->user);
	folder_file(&folder, "10-a.conf", 0644,
		"# a data base\nTimeout=2min\n\nOnFailure = ignore\nUser=postgres\n");
	after = folder_read(&folder);
	hook = vss_hooks_find(after, "10-a");
	g_assert_cmpuint(hook->timeout_ms, ==, 120000);
	g_assert_true(hook->ignore);
	g_assert_cmpstr(hook->user, ==, "postgres");
}

static void test_conf_errors(void)
{
	static const struct {
		const char *text, *problem;
	} cases[] = {
		{ "Timeout=soon\n", "10-a.conf:1: Timeout=soon" },
		{ "\nTimeout=0\n", "10-a.conf:2: Timeout=0" },
		{ "Timeout=11min\n", "10-a.conf:1" },
		{ "OnFailure=retry\n", "must be one of: abort, ignore" },
		{ "TimeOut=3\n", "10-a.conf:1: there is no key TimeOut" },
		{ "[hook]\nTimeout=3\n", "10-a.conf:1: there is no section [hook]" },
		{ "User\n", "10-a.conf:1" },
		{ "\xff\n", "UTF-8" },
	};
	g_auto(Folder) folder = { 0 };

	folder_init(&folder);
	folder_hook(&folder, "10-a", "");
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		folder_file(&folder, "10-a.conf", 0644, cases[i].text);
		assert_problem(&folder, cases[i].problem);
	}
}

/* --- calls --- */

typedef struct {
	Folder folder;
	GPtrArray *hooks;
	VssHookRun *run;
	gboolean ended;
	char *why, *output;
	guint64 dropped;
} Call;

static void on_done(const VssHookResult *result, gpointer data)
{
	Call *call = data;

	g_assert_false(call->ended);
	call->ended = TRUE;
	g_free(call->why);
	g_free(call->output);
	call->why = g_strdup(result->why);
	call->output = g_strdup(result->output);
	call->dropped = result->dropped;
}

/* One hook, with @script. */
static void call_init(Call *call, const char *script, const char *conf)
{
	folder_init(&call->folder);
	folder_hook(&call->folder, "10-a", script);
	if (conf)
		folder_file(&call->folder, "10-a.conf", 0644, conf);
	call->hooks = folder_read(&call->folder);
	g_assert_cmpuint(call->hooks->len, ==, 1);
	call->run = vss_hook_run_new(
		&call->folder.options, (const VssHook *)g_ptr_array_index(call->hooks, 0), -1);
}

static void call_deinit(Call *call)
{
	vss_hook_run_free(call->run);
	g_ptr_array_unref(call->hooks);
	folder_deinit(&call->folder);
	g_free(call->why);
	g_free(call->output);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Call, call_deinit)

static void call_begin(Call *call, VssHookVerb verb, guint limit_ms)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "HVIS_TEST=two words",
		"HVIS_STATE=freezing", "HVIS_TIMEOUT=1", "HVIS_HOOK=10-a", NULL };

	call->ended = FALSE;
	vss_hook_run_call(call->run, verb, limit_ms, env, on_done, call);
	g_assert_false(call->ended); /* never at once */
}

static void call_run(Call *call, VssHookVerb verb, guint limit_ms)
{
	call_begin(call, verb, limit_ms);
	wait_until(&call->ended);
}

static void assert_why(const Call *call, const char *why)
{
	if (!why)
		g_assert_cmpstr(call->why, ==, NULL);
	else if (!call->why || !strstr(call->why, why))
		g_error("\"%s\", not \"%s\"", call->why, why);
}

/* The number in file @name of the root, once it is there. */
static int pid_in(const Call *call, const char *name)
{
	for (int i = 0; i < PATIENCE_S * 50; i++) {
		g_autofree char *text = folder_text(&call->folder, name);

		if (text[0] && g_str_has_suffix(text, "\n"))
			return atoi(text);
		g_usleep(20000);
	}
	g_error("no file %s", name);
}

static void test_call(void)
{
	g_auto(Call) call = { 0 };
	g_auto(GStrv) lines = NULL;

	call_init(&call, "echo \"$1 $#\"; pwd; echo \"$HVIS_TEST\" >&2; cat; env | sort", NULL);
	g_setenv("HVIS_OF_THE_DAEMON", "1", TRUE);
	call_run(&call, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&call, NULL);
	g_assert_cmpuint(call.dropped, ==, 0);
	lines = g_strsplit(call.output, "\n", -1);
	g_assert_cmpstr(lines[0], ==, "freeze 1");
	g_assert_cmpstr(lines[1], ==, "/");
	g_assert_cmpstr(lines[2], ==, "two words");
	g_assert_true(g_strv_contains((const char *const *)lines, "HVIS_TEST=two words"));
	g_assert_nonnull(strstr(call.output, "HOME="));
	g_assert_null(strstr(call.output, "HVIS_OF_THE_DAEMON"));
	call_run(&call, VSS_HOOK_THAW, PATIENCE_S * 1000);
	g_assert_true(g_str_has_prefix(call.output, "thaw 1"));
}

static void test_failures(void)
{
	static const struct {
		const char *script, *why, *output;
	} cases[] = {
		{ "echo no; exit 3", "exit status 3", "no" },
		{ "kill -USR1 $$", "it was ended by signal 10", "" },
		{ "printf 'a\\377b'; exit 1", "exit status 1",
			"a\xef\xbf\xbd"
			"b" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(Call) call = { 0 };

		call_init(&call, cases[i].script, NULL);
		call_run(&call, VSS_HOOK_PREPARE, PATIENCE_S * 1000);
		assert_why(&call, cases[i].why);
		g_assert_cmpstr(call.output, ==, cases[i].output);
	}
}

static void test_cannot_be_run(void)
{
	g_auto(Call) interpreter = { 0 }, user = { 0 }, program = { 0 };

	call_init(&interpreter, "", NULL);
	folder_file(&interpreter.folder, "10-a", 0755, "#!/not/there\n");
	call_run(&interpreter, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&interpreter, "exit status 126");
	g_assert_nonnull(strstr(interpreter.output, "10-a: No such file or directory"));

	call_init(&user, "", "User=nobody-of-this-name\n");
	call_run(&user, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&user, "exit status 126");
	g_assert_nonnull(strstr(user.output, "there is no such user"));

	call_init(&program, "", NULL);
	program.folder.options.program = "/not/there";
	call_run(&program, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&program, "it could not be run: ");
	assert_why(&program, "No such file or directory");
	program.folder.options.program = "/bin/false"; /* ends without an answer */
	call_run(&program, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&program, "it could not be run");
}

static void test_user(void)
{
	g_auto(Call) call = { 0 };
	const struct passwd *nobody = getpwnam("nobody");
	g_autofree char *wanted = NULL;

	if (geteuid() != 0 || !nobody) {
		g_test_skip("needs root, and nobody");
		return;
	}
	wanted = g_strdup_printf("%u %u nobody %s", nobody->pw_uid, nobody->pw_gid, nobody->pw_dir);
	call_init(&call, "echo $(id -u) $(id -G) $USER $HOME", "User=nobody\n");
	call_run(&call, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&call, NULL);
	g_assert_cmpstr(call.output, ==, wanted);
}

static void test_output_is_bounded(void)
{
	g_auto(Call) call = { 0 };

	call_init(&call,
		"i=0; while [ $i -lt 100 ]; do printf '%01000d\\n' $i; i=$((i+1)); done; echo end",
		NULL);
	call_run(&call, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&call, NULL);
	g_assert_cmpuint(strlen(call.output), <=, 8192);
	g_assert_cmpuint(strlen(call.output) + 1 + call.dropped, ==, 100 * 1001 + 4);
	g_assert_true(g_str_has_suffix(call.output, "99\nend"));
	/* without an end */
	folder_hook(&call.folder, "10-a", "cat /dev/zero | tr '\\0' x");
	call_run(&call, VSS_HOOK_THAW, 500);
	assert_why(&call, "it took longer than 0.5 s, and was killed");
	g_assert_cmpuint(strlen(call.output), ==, 8192);
	g_assert_cmpuint(call.dropped, >, 0);
}

/* What a freeze leaves running lives on to the thaw, and what it says then is not lost. */
static void test_stays(void)
{
	g_auto(Call) call = { 0 };
	int pid;

	call_init(&call,
		"case $1 in freeze) mkfifo $R/f; (echo locked; read w <$R/f; echo unlocked; "
		"touch $R/over) & echo $! >$R/pid;; "
		"thaw) echo w >$R/f; while [ ! -e $R/over ]; do sleep 0.02; done;; esac",
		NULL);
	call_run(&call, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&call, NULL);
	pid = pid_in(&call, "pid");
	g_assert_cmpint(kill(pid, 0), ==, 0);
	call_run(&call, VSS_HOOK_THAW, PATIENCE_S * 1000);
	assert_why(&call, NULL);
	g_assert_nonnull(strstr(call.output, "unlocked"));
	wait_until_gone(pid);
}

/* All ways out that there are: no handling of SIGTERM, another session, a parent that is gone. */
static const char stubborn[] =
	"trap '' TERM HUP INT\n"
	"setsid sh -c 'trap \"\" TERM; (setsid sh -c \"trap \\\"\\\" TERM; echo \\$\\$ >$0/deep; "
	"while :; do sleep 1; done\" &) ; echo $$ >$0/session; while :; do sleep 1; done' $R &\n"
	"echo $$ >$R/self\n"
	"while :; do sleep 1; done";

static void test_killed_at_the_limit(void)
{
	g_auto(Call) call = { 0 };
	int pids[3];

	call_init(&call, stubborn, NULL);
	call_begin(&call, VSS_HOOK_FREEZE, 3000);
	pids[0] = pid_in(&call, "self");
	pids[1] = pid_in(&call, "session");
	pids[2] = pid_in(&call, "deep");
	wait_until(&call.ended);
	assert_why(&call, "it took longer than 3 s, and was killed");
	for (guint i = 0; i < 3; i++)
		g_assert_cmpint(kill(pids[i], 0), <, 0); /* by now, not some time */
}

static void test_cancelled(void)
{
	g_auto(Call) call = { 0 };
	int pid;

	call_init(&call,
		"trap 'echo bye; exit 0' TERM; echo $$ >$R/pid; while :; do sleep 0.1; done", NULL);
	call_begin(&call, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	pid = pid_in(&call, "pid");
	vss_hook_run_cancel(call.run);
	wait_until(&call.ended);
	assert_why(&call, "it was called off");
	g_assert_true(g_str_has_suffix(call.output, "bye"));
	g_assert_cmpint(kill(pid, 0), <, 0);
	vss_hook_run_cancel(call.run); /* nothing to cancel */
	folder_hook(&call.folder, "10-a", "exit 0");
	call_run(&call, VSS_HOOK_THAW, PATIENCE_S * 1000);
	assert_why(&call, NULL);
}

/* The daemon is gone, and nobody starts another one: what runs is killed, and who has seen freeze sees thaw. */
static void test_daemon_killed_and_not_restarted(void)
{
	g_auto(Call) running = { 0 }, held = { 0 };
	g_autofree char *script =
		g_strconcat("if [ $1 = thaw ]; then echo $$ >$R/thaws; exit; fi\n", stubborn, NULL);
	g_autofree char *over = NULL;
	int pid;

	call_init(&running, script, NULL);
	call_begin(&running, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	pid = pid_in(&running, "deep");
	g_clear_pointer(&running.run, vss_hook_run_free);
	wait_until_gone(pid);
	g_assert_false(running.ended);
	wait_until_gone(pid_in(&running, "thaws"));

	call_init(&held,
		"case $1 in\n"
		"freeze) mkfifo $R/f; (read w <$R/f; echo $w >$R/over) & echo $! >$R/pid;;\n"
		"thaw) echo \"$HVIS_STATE $HVIS_TIMEOUT $HVIS_HOOK\" >$R/f;;\n"
		"esac",
		"Timeout=42s\n");
	call_run(&held, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&held, NULL);
	pid = pid_in(&held, "pid");
	g_clear_pointer(&held.run, vss_hook_run_free);
	wait_until_gone(pid);
	over = folder_text(&held.folder, "over");
	g_assert_cmpstr(over, ==, "recovering 42 10-a\n"); /* it was not killed, but told */
}

/* Not while file systems are frozen, whose writers it would wait for. */
static void test_thaw_without_daemon_waits_for_the_files(void)
{
	g_auto(Call) call = { 0 };
	g_autofree char *frozen = NULL, *early = NULL;

	call_init(&call,
		"[ $1 = freeze ] && exit; [ -e $R/frozen ] && echo early >$R/early; echo $$ "
		">$R/thaws",
		NULL);
	frozen = g_build_filename(call.folder.root, "frozen", NULL);
	call.folder.options.frozen = frozen;
	g_assert_true(g_file_set_contents(frozen, "", 0, NULL));
	call_run(&call, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&call, NULL);
	g_clear_pointer(&call.run, vss_hook_run_free);
	g_usleep(300000); /* time to do it wrong; to do it right there is more */
	g_assert_cmpint(g_remove(frozen), ==, 0);
	wait_until_gone(pid_in(&call, "thaws"));
	early = g_build_filename(call.folder.root, "early", NULL);
	g_assert_false(g_file_test(early, G_FILE_TEST_EXISTS));
}

/* A thaw that runs when the daemon dies is not killed: there may be nobody to call it again. */
static void test_daemon_killed_within_thaw(void)
{
	g_auto(Call) call = { 0 };
	g_autofree char *go = NULL, *over = NULL;
	int pid;

	call_init(&call,
		"[ $1 = freeze ] && exit; echo $$ >$R/thaws\n"
		"while [ ! -e $R/go ]; do sleep 0.02; done; echo over >>$R/over",
		NULL);
	call_run(&call, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	call_begin(&call, VSS_HOOK_THAW, PATIENCE_S * 1000);
	pid = pid_in(&call, "thaws");
	g_clear_pointer(&call.run, vss_hook_run_free);
	go = g_build_filename(call.folder.root, "go", NULL);
	g_assert_true(g_file_set_contents(go, "", 0, NULL));
	wait_until_gone(pid);
	over = folder_text(&call.folder, "over");
	g_assert_cmpstr(over, ==, "over\n");
}

/* A program that is killed is given another one for the next call. */
static void test_program_dies(void)
{
	g_auto(Call) call = { 0 };
	int pid, self;

	call_init(&call,
		"echo $$ >$R/self; echo $PPID >$R/keeper; [ $1 = thaw ] || while :; do sleep 0.1; "
		"done",
		NULL);
	call_begin(&call, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	pid = pid_in(&call, "keeper");
	self = pid_in(&call, "self");
	g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
	wait_until(&call.ended);
	assert_why(&call, "it could not be run");
	wait_until_gone(self);
	call_run(&call, VSS_HOOK_THAW, PATIENCE_S * 1000);
	assert_why(&call, NULL);
}

/* --- with systemd --- */

/* A systemd-run that writes down what it is told and does it. */
static void fake_systemd(const Folder *folder, const char *script)
{
	g_autofree char *booted = g_build_filename(folder->root, "run/systemd/system", NULL);
	g_autofree char *bin = g_build_filename(folder->root, "usr/bin", NULL);
	g_autofree char *path = g_build_filename(bin, "systemd-run", NULL);
	g_autofree char *text = g_strdup_printf("#!/bin/sh\nR=%s\n%s\n", folder->root, script);

	g_assert_cmpint(g_mkdir_with_parents(booted, 0755), ==, 0);
	g_assert_cmpint(g_mkdir_with_parents(bin, 0755), ==, 0);
	g_assert_true(
		g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
}

static void test_unit(void)
{
	static const char *const wanted[] = { "--wait\n", "--pipe\n", "--collect\n",
		"--property=KillMode=control-group\n", "--property=RuntimeMaxSec=3600\n",
		"--property=User=daemon\n", "--unit=hvis-hook-10-a-" };
	g_auto(Call) call = { 0 };
	g_autofree char *text = NULL;

	call_init(&call, "echo it runs", "User=daemon\n");
	fake_systemd(&call.folder, "printf '%s\\n' \"$@\" >$R/args\n"
				   "while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"");
	call_run(&call, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&call, NULL);
	g_assert_cmpstr(call.output, ==, "it runs");
	text = folder_text(&call.folder, "args");
	for (guint i = 0; i < G_N_ELEMENTS(wanted); i++)
		g_assert_nonnull(strstr(text, wanted[i]));
	g_assert_false(g_str_has_suffix(text, "daemon\n")); /* that is the unit's to do */
}

static void test_unit_fails(void)
{
	g_auto(Call) call = { 0 };

	call_init(&call, "echo it runs", NULL);
	fake_systemd(&call.folder, "echo 'Failed to start\n transient unit' >&2; exit 1");
	call_run(&call, VSS_HOOK_FREEZE, PATIENCE_S * 1000);
	assert_why(&call, "it could not be run: Failed to start  transient unit");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/hooks/order", test_order);
	g_test_add_func("/vssd/hooks/leftovers", test_leftovers);
	g_test_add_func("/vssd/hooks/no-folder", test_no_folder);
	g_test_add_func("/vssd/hooks/too-many", test_too_many);
	g_test_add_func("/vssd/hooks/trust/mode", test_trust_mode);
	g_test_add_func("/vssd/hooks/trust/folder", test_trust_folder);
	g_test_add_func("/vssd/hooks/trust/owner", test_trust_owner);
	g_test_add_func("/vssd/hooks/trust/link", test_trust_link);
	g_test_add_func("/vssd/hooks/conf", test_conf);
	g_test_add_func("/vssd/hooks/conf-errors", test_conf_errors);
	g_test_add_func("/vssd/hook-run/call", test_call);
	g_test_add_func("/vssd/hook-run/failures", test_failures);
	g_test_add_func("/vssd/hook-run/cannot-be-run", test_cannot_be_run);
	g_test_add_func("/vssd/hook-run/user", test_user);
	g_test_add_func("/vssd/hook-run/output-is-bounded", test_output_is_bounded);
	g_test_add_func("/vssd/hook-run/stays", test_stays);
	g_test_add_func("/vssd/hook-run/killed-at-the-limit", test_killed_at_the_limit);
	g_test_add_func("/vssd/hook-run/cancelled", test_cancelled);
	g_test_add_func("/vssd/hook-run/daemon-killed-and-not-restarted",
		test_daemon_killed_and_not_restarted);
	g_test_add_func("/vssd/hook-run/thaw-without-daemon-waits-for-the-files",
		test_thaw_without_daemon_waits_for_the_files);
	g_test_add_func("/vssd/hook-run/daemon-killed-within-thaw", test_daemon_killed_within_thaw);
	g_test_add_func("/vssd/hook-run/program-dies", test_program_dies);
	g_test_add_func("/vssd/hook-run/unit", test_unit);
	g_test_add_func("/vssd/hook-run/unit-fails", test_unit_fails);
	return g_test_run();
}
