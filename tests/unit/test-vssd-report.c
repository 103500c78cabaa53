/* SPDX-License-Identifier: GPL-2.0-only */
/* The words for outcomes: what an administrator reads of a backup. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/vssd-outcome.h"
#include "vssd/report.h"

static VssOutcome *outcome_new(void)
{
	VssOutcome *outcome = outcome_with(g_ptr_array_new());

	g_ptr_array_add(outcome->targets, (gpointer) "/a");
	g_ptr_array_add(outcome->targets, (gpointer) "/b");
	return outcome;
}

static void assert_text(const VssOutcome *outcome, const char *wanted)
{
	g_autofree char *text = vss_report_text(outcome);

	g_assert_cmpstr(text, ==, wanted);
}

/* From the first freeze to the last thaw, in whichever order they were reported. */
static void test_success(void)
{
	g_autoptr(VssOutcome) outcome = outcome_new();

	outcome->n_frozen = 2;
	add(outcome, 0, VSS_SYNC, 1000, 500, 0);
	add(outcome, 1, VSS_FREEZE, 3000, 100, 0);
	add(outcome, 0, VSS_FREEZE, 2000, 2000, 0);
	add(outcome, 1, VSS_THAW, 9000, 3000, 0);
	add(outcome, 0, VSS_THAW, 10000, 500, 0);
	assert_text(outcome, "2 file systems were frozen for 10 ms");
}

/* An open that failed where the rest went on. */
static void test_left_out(void)
{
	g_autoptr(VssOutcome) outcome = outcome_new();
	g_autofree char *none = vss_report_left_out(outcome), *both = NULL;

	g_assert_null(none);
	add(outcome, 0, VSS_OPEN, 1000, 8000000, ETIMEDOUT);
	add(outcome, 1, VSS_OPEN, 1000, 100, EACCES);
	add(outcome, 1, VSS_SYNC, 1000, 100, EIO);
	add(outcome, 7, VSS_OPEN, 1000, 100, EIO);
	both = vss_report_left_out(outcome);
	g_assert_cmpstr(both, ==, "/a (it took too long), /b (Permission denied)");
}

/* It was to be frozen, the kernel cannot, and it is not required: the host hears a success, the journal that. */
static void test_left_out_by_the_kernel(void)
{
	g_autoptr(VssOutcome) outcome = outcome_new();
	g_autofree char *text = NULL;

	add(outcome, 0, VSS_FREEZE, 1000, 100, EOPNOTSUPP);
	add(outcome, 1, VSS_FREEZE, 1000, 100, EBUSY);
	text = vss_report_left_out(outcome);
	g_assert_cmpstr(text, ==, "/a (the kernel cannot freeze it)");
}

static void test_failures(void)
{
	static const struct {
		int err;
		enum vss_action action;
		const char *what, *text;
	} cases[] = {
		{ EBUSY, VSS_FREEZE, "/a", "/a: freeze: somebody else has frozen it" },
		{ EINVAL, VSS_THAW, "/a", "/a: thaw: somebody else has thawed it" },
		{ EINVAL, VSS_FREEZE, "/a", "/a: freeze: Invalid argument" },
		{ ESTALE, VSS_OPEN, "/b", "/b: open: something else is mounted there by now" },
		{ ETIMEDOUT, VSS_THAW, NULL, "thaw: the host did not ask to thaw in time" },
		{ ETIMEDOUT, VSS_FREEZE, NULL, "freeze: it took too long" },
		{ ENOENT, VSS_FREEZE, NULL, "freeze: no file system could be frozen" },
		{ ENOENT, VSS_OPEN, "/a", "/a: open: No such file or directory" },
		{ ECANCELED, VSS_SYNC, NULL, "sync: it was called off" },
		{ EOWNERDEAD, VSS_FREEZE, NULL, "freeze: a process of ours was killed" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(VssOutcome) outcome = outcome_new();

		outcome->err = cases[i].err;
		outcome->action = cases[i].action;
		outcome->what = cases[i].what;
		assert_text(outcome, cases[i].text);
	}
}

static void test_event(void)
{
	g_autoptr(VssOutcome) outcome = outcome_new();
	struct vss_msg event = {
		.index = 1, .action = VSS_FREEZE, .at_us = vss_now(), .took_us = 2500
	};
	g_autofree char *well = vss_report_event(outcome, &event), *badly = NULL;

	g_assert_true(g_str_has_prefix(well, "/b: freeze at "));
	g_assert_true(g_str_has_suffix(well, " in 2.5 ms"));
	event.err = EIO;
	badly = vss_report_event(outcome, &event);
	g_assert_true(g_str_has_suffix(badly, " in 2.5 ms: Input/output error"));
	event.index = 2; /* of no target */
	g_assert_null(vss_report_event(outcome, &event));
	event.index = 1;
	event.action = VSS_ACTION_N;
	g_assert_null(vss_report_event(outcome, &event));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/report/left-out", test_left_out);
	g_test_add_func("/vssd/report/left-out-by-the-kernel", test_left_out_by_the_kernel);
	g_test_add_func("/vssd/report/success", test_success);
	g_test_add_func("/vssd/report/failures", test_failures);
	g_test_add_func("/vssd/report/event", test_event);
	return g_test_run();
}
