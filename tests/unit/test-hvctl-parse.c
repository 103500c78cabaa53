/* SPDX-License-Identifier: GPL-2.0-only */
/* The command lines of hvctl: what they come to, what is refused, and the help. */
#include <string.h>
#include "hvctl/command.h"

#define ARGV(...) ((const char *const[]){ "hvctl", __VA_ARGS__, NULL })

static void refused(const char *const *argv, const char *says)
{
	HvctlRequest untouched = { .timeout_ms = 42 };
	g_autoptr(GError) error = NULL;

	g_assert_false(hvctl_parse(argv, &untouched, &error));
	g_assert_nonnull(error);
	g_assert_cmpint(hvis_exit_status(error), ==, HVIS_EXIT_USAGE);
	if (!strstr(error->message, says))
		g_error("\"%s\" does not say \"%s\"", error->message, says);
	g_assert_cmpint(untouched.timeout_ms, ==, 42);
	g_assert_null(untouched.socket);
}

static void test_defaults(void)
{
	g_auto(HvctlRequest) r = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(hvctl_parse(ARGV("kvp", "get", "a key"), &r, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(r.command->path, ==, "kvp get");
	g_assert_cmpstr(r.args[0], ==, "a key");
	g_assert_null(r.args[1]);
	g_assert_cmpstr(r.socket, ==, "/run/hvis/kvp");
	g_assert_cmpint(r.timeout_ms, ==, 10000);
	g_assert_null(r.pool);
	g_assert_false(r.json);
	g_assert_true(r.out == stdout);
}

static void test_options_anywhere(void)
{
	g_auto(HvctlRequest) r = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(hvctl_parse(
		ARGV("--json", "kvp", "--socket=/x", "list", "-p", "3", "--timeout", "0.5"), &r,
		&error));
	g_assert_no_error(error);
	g_assert_cmpstr(r.command->path, ==, "kvp list");
	g_assert_true(r.json);
	g_assert_cmpstr(r.socket, ==, "/x");
	g_assert_cmpstr(r.pool, ==, "auto-external");
	g_assert_cmpint(r.timeout_ms, ==, 500);
}

/* A value that looks like an option needs the two dashes, and loses nothing by them. */
static void test_two_dashes(void)
{
	g_auto(HvctlRequest) r = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(hvctl_parse(ARGV("kvp", "set", "--", "key", "--json"), &r, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(r.args[0], ==, "key");
	g_assert_cmpstr(r.args[1], ==, "--json");
	g_assert_false(r.json);
	refused(ARGV("kvp", "set", "key", "-5"), "-5");
}

/* An empty value is a value. */
static void test_empty_value(void)
{
	g_auto(HvctlRequest) r = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(hvctl_parse(ARGV("kvp", "set", "key", ""), &r, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(r.args[1], ==, "");
}

static void test_refused(void)
{
	const char *const nothing[] = { "hvctl", NULL };

	refused(nothing, "no command");
	refused(ARGV("frobnicate"), "no command \"frobnicate\"");
	refused(ARGV("kvp"), "kvp needs a command");
	refused(ARGV("kvp", "frobnicate"), "no command \"kvp frobnicate\"");
	refused(ARGV("--frobnicate"), "frobnicate");
	refused(ARGV("status", "now"), "\"now\" is a word too many; usage: hvctl status");
	refused(ARGV("status", "--pool", "0"), "status takes no --pool");
	refused(ARGV("kvp", "set", "k", "v", "--json"), "kvp set takes no --json");
	refused(ARGV("kvp", "list", "--origin"), "kvp list takes no --origin");
	refused(ARGV("kvp", "get"), "usage: hvctl kvp get KEY");
	refused(ARGV("kvp", "get", "a", "b"), "\"b\" is a word too many; usage: hvctl kvp get KEY");
	refused(ARGV("kvp", "set", "a"), "usage: hvctl kvp set KEY VALUE");
	refused(ARGV("kvp", "get", "\xff"), "argument 1 of kvp get is not valid UTF-8");
	refused(ARGV("frobnicate", "--help"), "no command \"frobnicate\"");
}

/* "kvp delete --all=false" deleted all, for what stands behind the "=" was dropped. */
static void test_flag_with_value(void)
{
	g_auto(HvctlRequest) text = { 0 }, behind = { 0 };
	g_autoptr(GError) error = NULL;

	refused(ARGV("kvp", "delete", "--all=false"), "--all takes no value: \"--all=false\"");
	refused(ARGV("kvp", "check", "--repair=no"), "--repair takes no value");
	refused(ARGV("--json=", "status"), "--json takes no value");
	g_assert_true(
		hvctl_parse(ARGV("kvp", "wait", "k", "--value", "--all=false"), &text, &error));
	g_assert_cmpstr(text.value, ==, "--all=false");
	g_assert_true(hvctl_parse(ARGV("kvp", "get", "--", "--all=false"), &behind, &error));
	g_assert_cmpstr(behind.args[0], ==, "--all=false");
}

/* By name or by number; what the daemon is told is the name. */
static void test_pool(void)
{
	g_auto(HvctlRequest) name = { 0 }, number = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(hvctl_parse(ARGV("kvp", "list", "--pool", "auto"), &name, &error));
	g_assert_cmpstr(name.pool, ==, "auto");
	g_assert_true(hvctl_parse(ARGV("kvp", "list", "--pool=4"), &number, &error));
	g_assert_cmpstr(number.pool, ==, "auto-internal");
	refused(ARGV("kvp", "list", "--pool", ""), "no pool");
	refused(ARGV("kvp", "list", "--pool", "5"), "no pool");
	refused(ARGV("kvp", "list", "--pool", "Guest"), "no pool");
}

static void test_timeout(void)
{
	g_auto(HvctlRequest) r = { 0 };
	g_autoptr(GError) error = NULL;

	for (const char *const *bad = (const char *const[]){ "", "0", "-1", "1m", "1ss", "s",
		     "86401", "nan", "inf", NULL };
		*bad; bad++)
		refused(ARGV("status", "--timeout", *bad), "--timeout ");
	g_assert_true(hvctl_parse(ARGV("status", "--timeout=0.0001"), &r, &error));
	g_assert_cmpint(r.timeout_ms, ==, 1);
}

static void test_version(void)
{
	g_auto(HvctlRequest) r = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(hvctl_parse(ARGV("--version"), &r, &error));
	g_assert_no_error(error);
	g_assert_true(r.version);
	g_assert_null(r.command);
}

/* Every command's help names it, its arguments and each of its options, and no line is too long. */
static void test_help(void)
{
	for (const HvctlCommand *c = hvctl_commands; c->path; c++) {
		g_autofree char *usage = g_strdup_printf("Usage: hvctl %s", c->path);
		g_autofree char *help = hvctl_help(c, NULL);
		g_auto(GStrv) lines = g_strsplit(help, "\n", -1);

		g_assert_true(g_str_has_prefix(help, usage));
		g_assert_nonnull(strstr(help, c->usage));
		g_assert_cmpint(!!strstr(help, "--json"), ==, !!(c->options & HVCTL_OPT_JSON));
		g_assert_cmpint(!!strstr(help, "-p, --pool"), ==, !!(c->options & HVCTL_OPT_POOL));
		g_assert_cmpint(!!strstr(help, "--socket"), ==, !!(c->options & HVCTL_OPT_SOCKET));
		g_assert_cmpint(!!strstr(help, "--origin"), ==, !!(c->options & HVCTL_OPT_ORIGIN));
		g_assert_nonnull(strstr(help, "-h, --help"));
		for (char **line = lines; *line; line++)
			g_assert_cmpint(g_utf8_strlen(*line, -1), <=, 100);
	}
}

static void test_help_levels(void)
{
	g_auto(HvctlRequest) top = { 0 }, group = { 0 }, command = { 0 };
	g_autofree char *all = hvctl_help(NULL, NULL), *kvp = hvctl_help(NULL, "kvp");
	g_autoptr(GError) error = NULL;

	g_assert_true(hvctl_parse(ARGV("--help"), &top, &error));
	g_assert_true(top.help && !top.command && !top.group);
	hvctl_request_clear(&top);
	g_assert_true(hvctl_parse(ARGV("help"), &top, &error));
	g_assert_true(top.help && !top.command && !top.group);
	g_assert_true(hvctl_parse(ARGV("kvp", "-h"), &group, &error));
	g_assert_cmpstr(group.group, ==, "kvp");
	g_assert_true(hvctl_parse(ARGV("kvp", "get", "--help"), &command, &error));
	g_assert_cmpstr(command.command->path, ==, "kvp get");
	g_assert_nonnull(strstr(all, "\n  status "));
	g_assert_nonnull(strstr(kvp, "\n  kvp set KEY VALUE"));
	g_assert_null(strstr(kvp, "\n  status "));
	g_assert_nonnull(strstr(kvp, "auto-external (3) ")); /* what the pools are */
	g_assert_null(strstr(all, "auto-external"));
}

/* What commands do stands in one column, also behind a usage that takes more than its room. */
static void test_help_column(void)
{
	g_autofree char *all = hvctl_help(NULL, NULL);

	for (const HvctlCommand *c = hvctl_commands; c->path; c++) {
		g_autofree char *end = g_strdup_printf(" %s\n", c->summary);
		const char *at = strstr(all, end), *line = at;

		g_assert_nonnull(at);
		while (line[-1] != '\n')
			line--;
		g_assert_cmpint(g_utf8_strlen(line, at - line), ==, 24);
	}
}

/* Where help is to be had for a line that is wrong. */
static void test_about(void)
{
	static const struct {
		const char *argv[6], *about;
	} cases[] = {
		{ { "hvctl" }, "" },
		{ { "hvctl", "frobnicate" }, "" },
		{ { "hvctl", "--frobnicate" }, "" },
		{ { "hvctl", "kvp" }, "kvp " },
		{ { "hvctl", "kvp", "frobnicate" }, "kvp " },
		{ { "hvctl", "--pool", "kvp", "status" }, "status " },
		{ { "hvctl", "-p", "0", "kvp", "get" }, "kvp get " },
		{ { "hvctl", "kvp", "--pool=x", "get" }, "kvp get " },
		{ { "hvctl", "kvp", "set", "a", "-5" }, "kvp set " },
		{ { "hvctl", "--", "kvp", "set" }, "kvp set " },
		{ { "hvctl", "--pool" }, "" },
		{ { NULL }, "" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *about = hvctl_about(cases[i].argv);

		g_assert_cmpstr(about, ==, cases[i].about);
	}
}

static void test_dashes(void)
{
	static const char hint[] = "; a key or value that begins with a dash goes behind \"--\"";

	refused(ARGV("kvp", "set", "key", "-5"), hint);
	refused(ARGV("kvp", "get", "-k"), hint);
	refused(ARGV("kvp", "get", "--frobnicate"), hint);
	refused(ARGV("kvp", "get", "-f"), hint);
	refused(ARGV("kvp", "list", "--pool-dir="), "--pool-dir is empty");
	refused(ARGV("status", "--socket", ""), "--socket is empty");
	refused(ARGV("vss", "thaw", "--marker="), "--marker is empty");
}

/* "info" was listed behind "info nics", for the first that fits was taken. */
static void test_longest(void)
{
	g_auto(HvctlRequest) nics = { 0 }, info = { 0 };
	g_autoptr(GError) error = NULL;
	g_autofree char *all = hvctl_help(NULL, NULL);
	const char *at = strstr(all, "\n  info  ");

	g_assert_true(hvctl_parse(ARGV("info", "nics"), &nics, &error));
	g_assert_cmpstr(nics.command->path, ==, "info nics");
	g_assert_true(hvctl_parse(ARGV("info"), &info, &error));
	g_assert_cmpstr(info.command->path, ==, "info");
	refused(ARGV("info", "nix"), "usage: hvctl info");
	g_assert_nonnull(at);
	g_assert_nonnull(strstr(at, "\n  info nics "));
}

/* Those that go on have no time of their own. */
static void test_long_timeout(void)
{
	g_auto(HvctlRequest) watch = { 0 }, wait = { 0 }, some = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(hvctl_parse(ARGV("kvp", "watch"), &watch, &error));
	g_assert_cmpint(watch.timeout_ms, ==, -1);
	g_assert_true(hvctl_parse(ARGV("kvp", "wait", "k"), &wait, &error));
	g_assert_cmpint(wait.timeout_ms, ==, -1);
	g_assert_true(hvctl_parse(ARGV("kvp", "watch", "--timeout", "2"), &some, &error));
	g_assert_cmpint(some.timeout_ms, ==, 2000);
}

static void test_rehearse(void)
{
	g_auto(HvctlRequest) plain = { 0 }, given = { 0 }, minute = { 0 }, thaw = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(hvctl_parse(ARGV("vss", "rehearse"), &plain, &error));
	g_assert_false(plain.yes);
	g_assert_cmpuint(plain.duration_ms, ==, HVCTL_DURATION_MS);
	g_assert_cmpint(plain.timeout_ms, ==, -1);
	g_assert_true(hvctl_parse(
		ARGV("vss", "rehearse", "--duration", "0.5s", "--yes"), &given, &error));
	g_assert_true(given.yes);
	g_assert_cmpuint(given.duration_ms, ==, 500);
	g_assert_true(hvctl_parse(ARGV("vss", "rehearse", "--duration=1min"), &minute, &error));
	g_assert_cmpuint(minute.duration_ms, ==, 60000); /* as in hvis.conf */
	refused(ARGV("vss", "rehearse", "--duration", "0", "--yes"), "--duration ");
	refused(ARGV("vss", "plan", "--yes"), "vss plan takes no --yes");
	g_assert_true(hvctl_parse(ARGV("vss", "thaw", "--marker", "/m"), &thaw, &error));
	g_assert_cmpstr(thaw.marker, ==, "/m");
	g_assert_true(thaw.names_marker);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hvctl/parse/defaults", test_defaults);
	g_test_add_func("/hvctl/parse/options-anywhere", test_options_anywhere);
	g_test_add_func("/hvctl/parse/two-dashes", test_two_dashes);
	g_test_add_func("/hvctl/parse/empty-value", test_empty_value);
	g_test_add_func("/hvctl/parse/about", test_about);
	g_test_add_func("/hvctl/parse/dashes", test_dashes);
	g_test_add_func("/hvctl/help/column", test_help_column);
	g_test_add_func("/hvctl/parse/refused", test_refused);
	g_test_add_func("/hvctl/parse/flag-with-value", test_flag_with_value);
	g_test_add_func("/hvctl/parse/pool", test_pool);
	g_test_add_func("/hvctl/parse/rehearse", test_rehearse);
	g_test_add_func("/hvctl/parse/timeout", test_timeout);
	g_test_add_func("/hvctl/parse/longest-command", test_longest);
	g_test_add_func("/hvctl/parse/watch-for-ever", test_long_timeout);
	g_test_add_func("/hvctl/parse/version", test_version);
	g_test_add_func("/hvctl/help/commands", test_help);
	g_test_add_func("/hvctl/help/levels", test_help_levels);
	return g_test_run();
}
