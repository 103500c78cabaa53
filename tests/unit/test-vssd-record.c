/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last backup as a key: which value is written, how often that is tried, and when not. hvctl is a script that
 * writes down what it is to set and does as the test says; the clock is the test's.
 */
#include "config.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/remove-tree.h"
#include "vssd/record.h"

#define PATIENCE_S 300 /* what takes longer than this hangs */

typedef struct {
	char *root;
	HvisFakeClock *clock;
	VssRecord *record;
	VssMachine machine; /* its state alone */
	guint n_failed;
	char *why;
} Rig;

static void on_failed(const char *text, gpointer data)
{
	Rig *rig = data;

	rig->n_failed++;
	g_free(rig->why);
	rig->why = g_strdup(text);
}

static void put_file(const Rig *rig, const char *name, const char *text, int mode)
{
	g_autofree char *path = g_build_filename(rig->root, name, NULL);
	g_autofree char *dir = g_path_get_dirname(path);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	g_assert_cmpint(g_chmod(path, (mode_t)mode), ==, 0);
}

/* From now on hvctl does this at its end, with $R for the root. */
static void hvctl_does(const Rig *rig, const char *script)
{
	g_autofree char *text = g_strdup_printf(
		"#!/bin/sh\nR=%s\necho \"$3=$4\" >>$R/said\n%s\n", rig->root, script);

	put_file(rig, HVIS_BIN_DIR "/hvctl", text, 0755);
}

static void rig_init(Rig *rig)
{
	g_autoptr(GError) error = NULL;

	*rig = (Rig){ .machine.state = VSS_STATE_IDLE,
		.root = g_dir_make_tmp("hvis-record-XXXXXX", &error) };
	g_assert_no_error(error);
	rig->clock = hvis_fake_clock_new();
	rig->record = vss_record_new(
		rig->root, hvis_fake_clock_get(rig->clock), &rig->machine, on_failed, rig);
}

static void rig_deinit(Rig *rig)
{
	vss_record_free(rig->record);
	g_assert_cmpuint(hvis_fake_clock_pending(rig->clock), ==, 0);
	hvis_fake_clock_free(rig->clock);
	remove_tree(rig->root);
	g_free(rig->root);
	g_free(rig->why);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rig, rig_deinit)

/* What hvctl was to set, a line each, so far. */
static char *said(const Rig *rig)
{
	g_autofree char *path = g_build_filename(rig->root, "said", NULL);
	char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

static guint count_said(const Rig *rig)
{
	g_autofree char *text = said(rig);
	guint n = 0;

	for (const char *at = text; *at; at++)
		n += *at == '\n';
	return n;
}

/* Until the next attempt has a time, or the last one was the last. */
static void run_until_timer(const Rig *rig)
{
	while (hvis_fake_clock_pending(rig->clock) == 0 && rig->n_failed == 0)
		g_main_context_iteration(NULL, TRUE);
}

/* Until all that is to be written is: hvctl makes the file. */
static void run_until_file(const Rig *rig, const char *name)
{
	g_autofree char *path = g_build_filename(rig->root, name, NULL);

	while (!g_file_test(path, G_FILE_TEST_EXISTS)) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
	}
}

static void advance(const Rig *rig)
{
	hvis_fake_clock_advance(rig->clock, (guint)hvis_fake_clock_next_ms(rig->clock));
}

#define KEY VSS_RECORD_KEY "="

/* --- tests --- */

static void test_once(void)
{
	g_auto(Rig) rig = { 0 };
	g_autofree char *path = NULL, *how = NULL, *wanted = NULL;

	rig_init(&rig);
	hvctl_does(&rig, "echo \"$@\" >$R/how.new && mv $R/how.new $R/how");
	vss_record_put(rig.record, "one");
	run_until_file(&rig, "how");
	path = g_build_filename(rig.root, "how", NULL);
	g_assert_true(g_file_get_contents(path, &how, NULL, NULL));
	wanted = g_strdup_printf("kvp set " VSS_RECORD_KEY
				 " one --pool guest --socket %s/run/hvis/kvp "
				 "--pool-dir %s" HVIS_POOL_DIR "\n",
		rig.root, rig.root);
	g_assert_cmpstr(how, ==, wanted);
	g_assert_cmpuint(count_said(&rig), ==, 1);
	g_assert_cmpuint(rig.n_failed, ==, 0);
}

/* It fails twice, as where hv_kvp_daemon is about to start, and is well then. */
static void test_again(void)
{
	g_auto(Rig) rig = { 0 };
	g_autofree char *text = NULL;

	rig_init(&rig);
	hvctl_does(&rig, "[ $(wc -l <$R/said) -gt 2 ] && : >$R/written");
	vss_record_put(rig.record, "one");
	run_until_timer(&rig);
	g_assert_cmpint(hvis_fake_clock_next_ms(rig.clock), ==, VSS_RECORD_RETRY_MS);
	advance(&rig);
	run_until_timer(&rig);
	g_assert_cmpint(hvis_fake_clock_next_ms(rig.clock), ==, 2 * VSS_RECORD_RETRY_MS);
	advance(&rig);
	run_until_file(&rig, "written");
	text = said(&rig);
	g_assert_cmpstr(text, ==, KEY "one\n" KEY "one\n" KEY "one\n");
	g_assert_cmpuint(rig.n_failed, ==, 0);
}

static void test_gives_up(void)
{
	g_auto(Rig) rig = { 0 };
	gint64 last_ms = 0;

	rig_init(&rig);
	hvctl_does(&rig, "exit 1");
	vss_record_put(rig.record, "one");
	for (run_until_timer(&rig); rig.n_failed == 0; run_until_timer(&rig)) {
		last_ms = hvis_fake_clock_next_ms(rig.clock);
		g_assert_cmpint(last_ms, <=, VSS_RECORD_RETRY_MAX_MS);
		advance(&rig);
	}
	g_assert_cmpint(last_ms, ==, VSS_RECORD_RETRY_MAX_MS);
	g_assert_cmpuint(count_said(&rig), ==, VSS_RECORD_TRIES);
	g_assert_cmpuint(rig.n_failed, ==, 1);
	g_assert_nonnull(strstr(rig.why, "HvisLastBackup could not be written"));
	g_assert_cmpuint(hvis_fake_clock_pending(rig.clock), ==, 0);

	/* The next one has all its attempts. */
	rig.n_failed = 0;
	vss_record_put(rig.record, "two");
	run_until_timer(&rig);
	g_assert_cmpint(hvis_fake_clock_next_ms(rig.clock), ==, VSS_RECORD_RETRY_MS);
}

static void test_no_program(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	vss_record_put(rig.record, "one");
	g_assert_cmpint(hvis_fake_clock_next_ms(rig.clock), ==, VSS_RECORD_RETRY_MS);
	hvctl_does(&rig, ": >$R/written");
	advance(&rig);
	run_until_file(&rig, "written");
	g_assert_cmpuint(rig.n_failed, ==, 0);
}

/* One that waits for its next attempt is worth nothing once there is another. */
static void test_newest_of_waiting(void)
{
	g_auto(Rig) rig = { 0 };
	g_autofree char *text = NULL;

	rig_init(&rig);
	hvctl_does(&rig, "exit 1");
	vss_record_put(rig.record, "one");
	run_until_timer(&rig);
	hvctl_does(&rig, ": >$R/written");
	vss_record_put(rig.record, "two");
	g_assert_cmpuint(hvis_fake_clock_pending(rig.clock), ==, 0);
	run_until_file(&rig, "written");
	text = said(&rig);
	g_assert_cmpstr(text, ==, KEY "one\n" KEY "two\n");
}

/* Whether or not the one that is being written is well: the last of those that came meanwhile follows. */
static void test_newest_of_running(gconstpointer status)
{
	g_auto(Rig) rig = { 0 };
	g_autofree char *script = NULL, *text = NULL;

	rig_init(&rig);
	script = g_strdup_printf(
		"if [ $4 = one ]; then\n"
		"\t: >$R/begun; while [ ! -e $R/go ] && kill -0 $PPID; do sleep 0.01; done\n"
		"\texit %d\nfi\n: >$R/written",
		GPOINTER_TO_INT(status));
	hvctl_does(&rig, script);
	vss_record_put(rig.record, "one");
	run_until_file(&rig, "begun");
	vss_record_put(rig.record, "two");
	vss_record_put(rig.record, "three");
	put_file(&rig, "go", "", 0644);
	run_until_file(&rig, "written");
	text = said(&rig);
	g_assert_cmpstr(text, ==, KEY "one\n" KEY "three\n");
	g_assert_cmpuint(rig.n_failed, ==, 0);
}

/* Nothing is written while something is frozen, however long that is. */
static void test_frozen(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	hvctl_does(&rig, "exit 1");
	vss_record_put(rig.record, "one");
	run_until_timer(&rig);
	rig.machine.state = VSS_STATE_FROZEN;
	for (guint i = 0; i < 2 * VSS_RECORD_TRIES; i++) {
		advance(&rig);
		g_assert_cmpuint(hvis_fake_clock_pending(rig.clock), ==, 1);
	}
	g_assert_cmpuint(rig.n_failed, ==, 0);
	g_assert_cmpuint(count_said(&rig), ==, 1);
	hvctl_does(&rig, ": >$R/written");
	rig.machine.state = VSS_STATE_IDLE;
	advance(&rig);
	run_until_file(&rig, "written");
	g_assert_cmpuint(count_said(&rig), ==, 2);
}

/* The next backup has begun when the last one's value is written: the newer one waits for its end. */
static void test_frozen_meanwhile(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	hvctl_does(&rig, "if [ $4 = one ]; then : >$R/begun\n"
			 "\twhile [ ! -e $R/go ] && kill -0 $PPID; do sleep 0.01; done\n"
			 "else : >$R/written; fi");
	vss_record_put(rig.record, "one");
	run_until_file(&rig, "begun");
	vss_record_put(rig.record, "two");
	rig.machine.state = VSS_STATE_FROZEN;
	put_file(&rig, "go", "", 0644);
	run_until_timer(&rig);
	g_assert_cmpuint(count_said(&rig), ==, 1);
	rig.machine.state = VSS_STATE_IDLE;
	advance(&rig);
	run_until_file(&rig, "written");
	g_assert_cmpuint(count_said(&rig), ==, 2);
}

/* A daemon that ends leaves no timer: rig_deinit() looks. */
static void test_freed_waiting(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	hvctl_does(&rig, "exit 1");
	vss_record_put(rig.record, "one");
	run_until_timer(&rig);
	g_assert_cmpuint(hvis_fake_clock_pending(rig.clock), ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	alarm(PATIENCE_S);
	g_test_add_func("/vssd/record/once", test_once);
	g_test_add_func("/vssd/record/again", test_again);
	g_test_add_func("/vssd/record/gives-up", test_gives_up);
	g_test_add_func("/vssd/record/no-program", test_no_program);
	g_test_add_func("/vssd/record/newest-of-waiting", test_newest_of_waiting);
	g_test_add_data_func(
		"/vssd/record/newest-of-running-well", GINT_TO_POINTER(0), test_newest_of_running);
	g_test_add_data_func(
		"/vssd/record/newest-of-running-badly", GINT_TO_POINTER(1), test_newest_of_running);
	g_test_add_func("/vssd/record/frozen", test_frozen);
	g_test_add_func("/vssd/record/frozen-meanwhile", test_frozen_meanwhile);
	g_test_add_func("/vssd/record/freed-waiting", test_freed_waiting);
	return g_test_run();
}
