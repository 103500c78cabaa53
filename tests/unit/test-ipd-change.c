/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The course of a change, with programs and network played by the test: every way in which it can
 * end, and that the files are then what they were, or what they should be.
 */
#include "ipd/change.h"
#include "ipd/hook.h"
#include "tests/unit/ipd-scratch.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define FILE_PATH "/etc/systemd/network/05-hvis-eth0.network"

typedef struct {
	Scratch s;
	IpJournal journal;
	IpChangeContext context;
	GString *log; /* steps and programs */
	const char *fail; /* this program fails … */
	guint fail_times; /* … so often */
	guint works_after; /* the network works at this look; 0 = at once */
	guint stop_at; /* the helper is stopped at this pause; 0 = never */
	gint gone_at; /* the caller has hung up at this look at it, from 0 on; -1 = never */
	gint asked;
	guint programs, looks, pauses;
} Fixture;

static gboolean run_program(const IpCommand *command, gpointer data, GError **error)
{
	Fixture *f = data;
	g_autofree char *line = g_strjoinv(" ", command->argv);

	f->programs++;
	g_string_append_printf(f->log, "%s; ", line);
	if (f->fail && strstr(line, f->fail) && f->fail_times > 0) {
		f->fail_times--;
		return hvis_fail(error, HVIS_ERROR_FAILED, "%s failed", f->fail);
	}
	return TRUE;
}

static gboolean look(const IpTarget *target, const IpPlan *plan, gpointer data, char **ret_why)
{
	Fixture *f = data;

	if (f->looks++ >= f->works_after)
		return TRUE;
	*ret_why = g_strdup("eth0 has no carrier");
	return FALSE;
}

static gboolean pause_for(guint ms, gpointer data)
{
	Fixture *f = data;

	return ++f->pauses != f->stop_at;
}

static void enter(IpStep step, gpointer data)
{
	g_string_append_printf(((Fixture *)data)->log, "[%s] ", ip_step_name(step));
}

static gboolean is_wanted(gpointer data)
{
	Fixture *f = data;

	return f->gone_at < 0 || f->asked++ < f->gone_at;
}

static const IpChangeOps ops = { run_program, look, pause_for, enter, is_wanted };

static void setup(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *dir = NULL;

	scratch_init(&f->s);
	dir = scratch_path(&f->s, "/var/lib/hvis/ip");
	ip_journal_init(&f->journal, dir);
	f->context = (IpChangeContext){ f->s.root, &f->journal, 1000, &ops, f };
	f->log = g_string_new(NULL);
	scratch_interface(&f->s, "eth0", 3, "00:15:5d:00:00:07", 0);
	scratch_write(&f->s, "/run/systemd/netif/state", "");
	f->works_after = 1; /* not before anything is done */
	f->gone_at = -1;
}

static void teardown(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_string_free(f->log, TRUE);
	ip_journal_deinit(&f->journal);
	scratch_deinit(&f->s);
}

static IpChange *change_to(Fixture *f, const char *address)
{
	g_autoptr(GError) error = NULL;
	IpChange *change =
		ip_change_new(f->s.root, plan_make(address, "24", "", ""), "auto", &error);

	g_assert_no_error(error);
	return change;
}

static void expect_file(Fixture *f, const char *path, const char *part)
{
	g_autofree char *text = scratch_read(&f->s, path);

	if (!part)
		g_assert_null(text);
	else
		g_assert_nonnull(strstr(text, part));
}

static void expect_pending(Fixture *f, gboolean there)
{
	struct json_object *record = ip_journal_pending(&f->journal, NULL);

	g_assert_cmpint(record != NULL, ==, there);
	json_object_put(record);
}

/* The last entry of the history. */
static void expect_history(Fixture *f, gsize n, const char *result, const char *reason)
{
	struct json_object *history = ip_journal_history(&f->journal);
	struct json_object *entry;

	g_assert_cmpuint(json_object_array_length(history), ==, n);
	entry = json_object_array_get_idx(history, n - 1);
	g_assert_cmpstr(
		json_object_get_string(json_object_object_get(entry, "interface")), ==, "eth0");
	g_assert_cmpstr(
		json_object_get_string(json_object_object_get(entry, "result")), ==, result);
	g_assert_cmpstr(
		json_object_get_string(json_object_object_get(entry, "reason")), ==, reason);
	json_object_put(history);
}

#define RELOAD "networkctl reload; networkctl reconfigure eth0; "

static void test_done(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autoptr(GError) error = NULL;

	f->works_after = 3;
	g_assert_true(ip_change_run(&f->context, change, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(f->log->str, ==, "[applying] " RELOAD "[confirming] [idle] ");
	expect_file(f, FILE_PATH, "Address=192.0.2.7/24\n");
	expect_pending(f, FALSE);
	expect_history(f, 1, "done", NULL);
}

/* A host repeats itself; a network that is as planned is not disturbed. */
static void test_unchanged(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");

	g_assert_true(ip_change_run(&f->context, change, NULL));
	g_string_truncate(f->log, 0);
	g_assert_true(ip_change_run(&f->context, change, NULL));
	g_assert_cmpstr(f->log->str, ==, "");
	expect_history(f, 1, "done", NULL);
}

static void test_no_carrier(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autoptr(GError) error = NULL;

	f->works_after = G_MAXUINT;
	g_assert_false(ip_change_run(&f->context, change, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_TIMEOUT));
	g_assert_cmpstr(error->message, ==,
		"eth0 has no carrier after 1.0 s; the configuration before it is in force again");
	g_assert_cmpstr(f->log->str, ==,
		"[applying] " RELOAD "[confirming] [rolling-back] " RELOAD "[idle] [idle] ");
	expect_file(f, FILE_PATH, NULL);
	expect_pending(f, FALSE);
	expect_history(f, 1, "rolled back", "eth0 has no carrier after 1.0 s");
}

/* What comes back is the change before, not nothing. */
static void test_second_fails(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) first = change_to(f, "192.0.2.7");
	g_autoptr(IpChange) second = NULL;

	g_assert_true(ip_change_run(&f->context, first, NULL));
	second = change_to(f, "192.0.2.8");
	f->works_after = G_MAXUINT;
	g_assert_false(ip_change_run(&f->context, second, NULL));
	expect_file(f, FILE_PATH, "Address=192.0.2.7/24\n");
}

static void test_program_fails(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autoptr(GError) error = NULL;

	f->fail = "reconfigure";
	f->fail_times = 1;
	g_assert_false(ip_change_run(&f->context, change, &error));
	g_assert_nonnull(strstr(error->message, "reconfigure failed; the configuration before"));
	expect_file(f, FILE_PATH, NULL);
	expect_pending(f, FALSE);
}

/* Even then every step of it is tried, and nothing is tried for ever. */
static void test_rollback_fails(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autoptr(GError) error = NULL;

	f->fail = "reload";
	f->fail_times = G_MAXUINT;
	g_assert_false(ip_change_run(&f->context, change, &error));
	g_assert_nonnull(strstr(error->message, "could not be restored: reload failed"));
	g_assert_true(g_str_has_suffix(f->log->str, RELOAD "[idle] [idle] "));
	expect_file(f, FILE_PATH, NULL);
	expect_pending(f, FALSE);
	expect_history(f, 1, "failed", "reload failed");
}

static void test_stopped(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autoptr(GError) error = NULL;

	f->works_after = G_MAXUINT;
	f->stop_at = 2;
	g_assert_false(ip_change_run(&f->context, change, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
	expect_file(f, FILE_PATH, NULL);
	expect_pending(f, FALSE);
}

static void expect_unwanted(Fixture *f)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autoptr(GError) error = NULL;

	g_assert_false(ip_change_run(&f->context, change, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
	g_assert_true(g_str_has_prefix(error->message, "whoever asked for them has hung up"));
	expect_file(f, FILE_PATH, NULL);
	expect_pending(f, FALSE);
}

static void test_gone_before(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->gone_at = 0;
	expect_unwanted(f);
	g_assert_cmpuint(f->programs, ==, 0);
}

static void test_gone_meanwhile(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->works_after = G_MAXUINT;
	f->gone_at = 1;
	f->stop_at = 2; /* as the worker's pause does */
	expect_unwanted(f);
	g_assert_cmpuint(f->programs, ==, 4);
}

/* It works, and nobody is there to be told: it must not stay. */
static void test_gone_at_last(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->gone_at = 1;
	expect_unwanted(f);
	g_assert_cmpuint(f->programs, ==, 4);
	g_assert_cmpint(f->asked, ==, 2);
}

/* Nothing is touched that could not be put back. */
static void test_not_a_file(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autoptr(GError) error = NULL;

	scratch_link(&f->s, FILE_PATH, "/dev/null");
	g_assert_false(ip_change_run(&f->context, change, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_UNSUPPORTED));
	g_assert_cmpuint(f->programs, ==, 0);
	expect_pending(f, FALSE);
}

static void test_no_journal(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autoptr(GError) error = NULL;

	scratch_write(&f->s, "/var/lib/hvis/ip", "not a directory");
	g_assert_false(ip_change_run(&f->context, change, &error));
	g_assert_nonnull(error);
	g_assert_cmpuint(f->programs, ==, 0);
	expect_file(f, FILE_PATH, NULL);
}

/* --- a disk that is full --- */

static gboolean run_and_fill(const IpCommand *command, gpointer data, GError **error)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 0;
	setrlimit(RLIMIT_FSIZE, &limit);
	return run_program(command, data, error);
}

/* From the first program on there is no room. */
static gboolean run_on_full_disk(Fixture *f, const IpChange *change, GError **error)
{
	static const IpChangeOps full_ops = { run_and_fill, look, pause_for, enter, is_wanted };
	IpChangeContext context = f->context;
	struct rlimit limit;
	gboolean done;

	context.ops = &full_ops;
	getrlimit(RLIMIT_FSIZE, &limit);
	signal(SIGXFSZ, SIG_IGN);
	done = ip_change_run(&context, change, error);
	setrlimit(RLIMIT_FSIZE, &limit);
	signal(SIGXFSZ, SIG_DFL);
	return done;
}

/* What cannot be put back is not thrown away: it is the only copy. */
static void test_full_disk_keeps_saved(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) first = change_to(f, "192.0.2.7"), second = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_true(ip_change_run(&f->context, first, NULL));
	second = change_to(f, "192.0.2.8");
	f->works_after = G_MAXUINT;
	g_assert_false(run_on_full_disk(f, second, &error));
	g_assert_nonnull(strstr(error->message, "could not be restored"));
	g_assert_nonnull(strstr(error->message, "/var/lib/hvis/ip/failed.json"));
	expect_pending(f, FALSE);
	expect_file(f, "/var/lib/hvis/ip/failed.json", "Address=192.0.2.7/24");
}

/* A file that was not yet changed needs no room to be as it was. */
static void test_full_disk_untouched(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char interfaces[] = "iface eth0 inet dhcp\n";
	g_autoptr(IpChange) change = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *is = NULL;

	scratch_write(&f->s, "/etc/network/interfaces", interfaces);
	change = change_to(f, "192.0.2.7");
	g_assert_false(run_on_full_disk(f, change, &error));
	g_assert_null(strstr(error->message, "could not be restored"));
	g_assert_nonnull(strstr(error->message, "is in force again"));
	is = scratch_read(&f->s, "/etc/network/interfaces");
	g_assert_cmpstr(is, ==, interfaces);
}

/* What could not be read again is not begun. */
static void test_too_much_to_save(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *much = g_strnfill(200 * 1024, '#');
	g_autofree char *text = g_strdup_printf("iface eth0 inet dhcp\n%s\n", much);
	g_autoptr(IpChange) change = NULL;
	g_autoptr(GError) error = NULL;

	scratch_write(&f->s, "/etc/network/interfaces", "source /etc/network/interfaces.d/*\n");
	for (guint i = 0; i < 20; i++) {
		g_autofree char *path = g_strdup_printf("/etc/network/interfaces.d/%u", i);

		scratch_write(&f->s, path, text);
	}
	change = change_to(f, "192.0.2.7");
	g_assert_false(ip_change_run(&f->context, change, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
	g_assert_cmpuint(f->programs, ==, 0);
	expect_pending(f, FALSE);
}

/* --- a helper that died --- */

/* As it is when the helper dies after the files were written. */
static void leave_unfinished(Fixture *f)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autofree char *pending = NULL, *last = NULL;

	g_assert_true(ip_change_run(&f->context, change, NULL));
	pending = scratch_path(&f->s, "/var/lib/hvis/ip/pending.json");
	last = scratch_path(&f->s, "/var/lib/hvis/ip/last.json");
	g_assert_cmpint(g_rename(last, pending), ==, 0);
	g_string_truncate(f->log, 0);
}

static void test_recover(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *name = NULL, *again = NULL;

	leave_unfinished(f);
	g_assert_true(ip_change_recover(&f->context, &name, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(name, ==, "eth0");
	g_assert_cmpstr(f->log->str, ==, "[rolling-back] " RELOAD "[idle] ");
	expect_file(f, FILE_PATH, NULL);
	expect_pending(f, FALSE);
	expect_history(f, 2, "rolled back", "it was left unfinished");
	g_assert_true(ip_change_recover(&f->context, &again, &error));
	g_assert_null(again);
}

static void test_recover_broken(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const texts[] = { "", "{", "[]", "{}", "{\"work\":{},\"saved\":[]}",
		"{\"work\":{\"files\":[{}]}}" };

	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *name = NULL;

		scratch_write(&f->s, "/var/lib/hvis/ip/pending.json", texts[i]);
		g_assert_false(ip_change_recover(&f->context, &name, &error));
		g_assert_nonnull(error);
		expect_pending(f, FALSE);
	}
}

/* --- taking it back by hand --- */

static void test_revert(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) first = change_to(f, "192.0.2.7");
	g_autoptr(IpChange) second = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *name = NULL;

	g_assert_true(ip_change_run(&f->context, first, NULL));
	second = change_to(f, "192.0.2.8");
	f->looks = 0;
	g_assert_true(ip_change_run(&f->context, second, NULL));
	expect_file(f, FILE_PATH, "Address=192.0.2.8/24\n");
	g_assert_true(ip_change_revert(&f->context, &name, &error));
	g_assert_cmpstr(name, ==, "eth0");
	expect_file(f, FILE_PATH, "Address=192.0.2.7/24\n");
	expect_history(f, 3, "taken back", NULL);
	g_assert_false(ip_change_revert(&f->context, &name, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NOT_FOUND));
}

/* What an administrator wrote since then is not lost. */
static void test_revert_changed(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autoptr(GError) error = NULL;
	g_autofree char *name = NULL;

	g_assert_true(ip_change_run(&f->context, change, NULL));
	scratch_write(&f->s, FILE_PATH, "mine\n");
	g_assert_false(ip_change_revert(&f->context, &name, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_EXISTS));
	expect_file(f, FILE_PATH, "mine\n");
}

/* --- more than one file --- */

static void test_ifupdown(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char interfaces[] = "iface lo inet loopback\niface eth0 inet dhcp\n";
	g_autoptr(IpChange) change = NULL;
	g_autofree char *back = NULL;

	scratch_write(&f->s, "/etc/network/interfaces", interfaces);
	change = change_to(f, "192.0.2.7");
	f->works_after = G_MAXUINT;
	g_assert_false(ip_change_run(&f->context, change, NULL));
	g_assert_cmpstr(f->log->str, ==,
		"[applying] ifdown --force eth0; ifup --force eth0; [confirming] "
		"[rolling-back] ifdown --force eth0; ifup --force eth0; [idle] "
		"[idle] ");
	back = scratch_read(&f->s, "/etc/network/interfaces");
	g_assert_cmpstr(back, ==, interfaces);
	expect_file(f, "/etc/network/interfaces.d/hvis-eth0", NULL);
}

static void test_modes(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *path = scratch_path(
		&f->s, "/etc/NetworkManager/system-connections/hvis-eth0.nmconnection");
	g_autofree char *record = scratch_path(&f->s, "/var/lib/hvis/ip/last.json");
	g_autoptr(IpChange) change =
		ip_change_new(f->s.root, plan_make("", "", "", ""), "NetworkManager", NULL);
	struct stat st;

	g_assert_true(ip_change_run(&f->context, change, NULL));
	g_assert_cmpint(stat(path, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
	g_assert_cmpint(stat(record, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
}

/* --- the hook --- */

#define HOOK "/etc/hvis/ip-hook"

static void write_hook(Fixture *f, mode_t mode)
{
	g_autofree char *path = scratch_path(&f->s, HOOK);
	g_autofree char *text = g_strdup_printf(
		"#!/bin/sh\n{ echo $HVIS_IP_INTERFACE $HVIS_IP_ADAPTER $HVIS_IP_MANAGER; cat; } "
		">%s/said\n",
		f->s.root);

	scratch_write(&f->s, HOOK, text);
	g_assert_cmpint(chmod(path, mode), ==, 0);
}

static void test_hook(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autoptr(GError) error = NULL;

	g_assert_true(ip_hook_run(f->s.root, HOOK, change, &error)); /* there is none */
	write_hook(f, 0755);
	g_assert_true(ip_hook_run(f->s.root, HOOK, change, &error));
	g_assert_no_error(error);
	expect_file(f, "/said", "eth0 00:15:5d:00:00:07 networkd\n{");
	expect_file(f, "/said", "\"addresses\":[\"192.0.2.7\\/24\"]");
}

static void test_hook_of_others(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(IpChange) change = change_to(f, "192.0.2.7");
	g_autofree char *dir = scratch_path(&f->s, "/etc/hvis");
	g_autofree char *above = g_path_get_dirname(dir);
	g_autoptr(GError) by_mode = NULL, by_dir = NULL, by_way = NULL;

	write_hook(f, 0775);
	g_assert_false(ip_hook_run(f->s.root, HOOK, change, &by_mode));
	g_assert_true(hvis_error_is(by_mode, HVIS_ERROR_PERMISSION));
	write_hook(f, 0755);
	g_assert_cmpint(chmod(dir, 0777), ==, 0);
	g_assert_false(ip_hook_run(f->s.root, HOOK, change, &by_dir));
	g_assert_true(hvis_error_is(by_dir, HVIS_ERROR_PERMISSION));
	g_assert_cmpint(chmod(dir, 0755), ==, 0);
	g_assert_cmpint(chmod(above, 0777), ==, 0);
	g_assert_false(ip_hook_run(f->s.root, HOOK, change, &by_way));
	g_assert_true(hvis_error_is(by_way, HVIS_ERROR_PERMISSION));
	expect_file(f, "/said", NULL);
}

#define TEST(path, func) g_test_add("/ipd/" path, Fixture, NULL, setup, func, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("change/done", test_done);
	TEST("change/unchanged", test_unchanged);
	TEST("change/no-carrier", test_no_carrier);
	TEST("change/second-fails", test_second_fails);
	TEST("change/program-fails", test_program_fails);
	TEST("change/rollback-fails", test_rollback_fails);
	TEST("change/stopped", test_stopped);
	TEST("change/gone-before", test_gone_before);
	TEST("change/gone-meanwhile", test_gone_meanwhile);
	TEST("change/gone-at-last", test_gone_at_last);
	TEST("change/not-a-file", test_not_a_file);
	TEST("change/no-journal", test_no_journal);
	TEST("change/full-disk-keeps-saved", test_full_disk_keeps_saved);
	TEST("change/full-disk-untouched", test_full_disk_untouched);
	TEST("change/too-much-to-save", test_too_much_to_save);
	TEST("change/recover", test_recover);
	TEST("change/recover-broken", test_recover_broken);
	TEST("change/revert", test_revert);
	TEST("change/revert-changed", test_revert_changed);
	TEST("change/ifupdown", test_ifupdown);
	TEST("change/modes", test_modes);
	TEST("hook/runs", test_hook);
	TEST("hook/of-others", test_hook_of_others);
	return g_test_run();
}
