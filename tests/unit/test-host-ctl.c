/* SPDX-License-Identifier: GPL-2.0-only */
/* "hvis-host ctl": its command line, and its answers to the letter, as text and as JSON. */
#include "config.h"

#include <string.h>

#include <json-c/json.h>

#include "host/ctl-private.h"
#include "host/fault.h"
#include "host/owed.h"
#include "tests/unit/fake-host.h"
#include "tests/unit/fake-services.h"

static FakeHost host;

static const struct {
	const char *line, *names; /* what the message must name */
} bad[] = {
	{ "", "a command is wanted" },
	{ "bogus", "\"bogus\"" },
	{ "kvp", "\"kvp\"" },
	{ "kvp bogus", "\"kvp bogus\"" },
	{ "service", "\"service\"" },
	{ "info extra", "\"extra\"" },
	{ "info --bogus", "--bogus" },
	{ "info --json=yes", "--json takes no value" },
	{ "info --json --json", "--json" },
	{ "info --timeout", "--timeout wants a value" },
	{ "info --timeout x", "--timeout x" },
	{ "info --timeout 0", "--timeout 0" },
	{ "info --timeout -1", "--timeout -1" },
	{ "info --timeout 86401", "--timeout 86401" },
	{ "service enable", "NAME is missing" },
	{ "service enable a b", "\"b\"" },
	{ "kvp get", "KEY is missing" },
	{ "kvp set Key", "VALUE is missing" },
	{ "kvp set Key Value More", "\"More\"" },
	{ "kvp set Key --pool", "--pool wants a value" },
	{ "kvp get Key --type sz", "--type" },
	{ "ip get", "ADAPTER is missing" },
	{ "ip set a", "--address ADDRESS/PREFIX or --dhcp" },
	{ "ip set a --address 10.0.0.1", "--address 10.0.0.1" },
	{ "ip set a --address 10.0.0.1/33", "10.0.0.1/33" },
	{ "ip set a --address ::1/129", "::1/129" },
	{ "ip set a --address x/8", "x/8" },
	{ "ip set a --address ''", "--address" },
	{ "shutdown --reboot --hibernate", "--hibernate" },
	{ "shutdown --reason boredom", "--reason boredom" },
	{ "shutdown --reason 4294967296", "4294967296" },
	{ "trace --count x", "--count x" },
	{ "copy", "FILE is missing" },
	{ "copy /etc/passwd", "DEST is missing" },
	{ "copy /etc/passwd srv", "DEST \"srv\"" },
	{ "copy /etc/passwd / --cancel-after x", "--cancel-after x" },
	{ "fcopy-raw", "OP is missing" },
	{ "fcopy-raw begin", "\"begin\"" },
	{ "fcopy-raw start --size x", "--size x" },
	{ "fcopy-raw start --size 18446744073709551616", "--size 18446744073709551616" },
	{ "fcopy-raw start --name-hex 123", "--name-hex 123" },
	{ "fcopy-raw start --path-hex 1g", "--path-hex 1g" },
	{ "fcopy-raw write --fill 6145", "6145 bytes" },
	{ "fcopy-raw write --offset -1", "--offset -1" },
	{ "fcopy-raw cancel --length 8193", "--length 8193" },
	{ "time offset", "SECONDS is missing" },
	{ "time offset x", "\"x\"" },
	{ "time offset 1e300", "1e300" },
	{ "fault remove 0", "\"0\"" },
	{ "kvp get \xff", "KEY is not valid UTF-8" },
};

static void test_bad_command_lines(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_auto(GStrv) words = g_strsplit(bad[i].line, " ", -1);
		g_autoptr(GError) error = NULL;
		HvisExit status;

		/* "''" would want a shell; there is no host, so nothing can be asked */
		for (char **word = words; *word; word++)
			if (!strcmp(*word, "''"))
				**word = '\0';
		status =
			ctl_run("/nonexistent/control", (const char *const *)words, stdout, &error);
		g_assert_cmpint(status, ==, HVIS_EXIT_USAGE);
		if (!strstr(error->message, bad[i].names))
			g_error("\"%s\": \"%s\" does not name \"%s\"", bad[i].line, error->message,
				bad[i].names);
	}
}

static void test_no_host(void)
{
	g_autoptr(GError) error = NULL;
	const char *info[] = { "info", NULL },
		   *wait[] = { "wait", "kvp", "--timeout", "0.05", NULL };

	g_assert_cmpint(ctl_run("/nonexistent/control", info, stdout, &error), ==, HVIS_EXIT_IO);
	g_assert_nonnull(strstr(error->message, "/nonexistent/control"));
	g_assert_nonnull(strstr(error->message, "is hvis-host running with --control?"));
	g_clear_error(&error);
	g_assert_cmpint(
		ctl_run("/nonexistent/control", wait, stdout, &error), ==, HVIS_EXIT_TIMEOUT);
}

static void test_help(void)
{
	fake_host_start(&host, TRUE);
	fake_host_expect(&host, "kvp set --help", HVIS_EXIT_OK,
		"usage: hvis-host ctl SOCKET kvp set KEY VALUE [--pool POOL] [--type TYPE] "
		"[--json] "
		"[--timeout TIME]\n\n  add or replace a key\n",
		NULL);
	fake_host_stop(&host);
}

static void golden(const char *line, const char *out)
{
	fake_host_expect(&host, line, HVIS_EXIT_OK, out, NULL);
}

static void test_services(void)
{
	fake_host_start(&host, TRUE);
	fake_set_state("shutdown", SERVICE_DISABLED);
	golden("services",
		"Name       State     Version  Framework  Answered  Refused  Timeouts  Malformed  "
		"Last "
		"error\n"
		"heartbeat  Ready     3.0      1.0               0        0         0          0\n"
		"kvp        Ready     3.0      1.0               1        0        10          0\n"
		"shutdown   Disabled  -        -                 2        0        20          0\n"
		"timesync   Ready     3.0      1.0               3        0        30          0\n"
		"vss        Ready     3.0      1.0               4        0        40          0\n"
		"fcopy      Ready     3.0      1.0               5        0        50          "
		"0\n");
	fake_host_stop(&host);
}

static void test_heartbeat(void)
{
	fake_host_start(&host, TRUE);
	golden("heartbeat", "Heartbeat:     OK\n"
			    "Applications:  Healthy\n"
			    "Last answer:   1.5 s ago\n"
			    "Sequence:      41\n"
			    "Missed:        0\n");
	fake_set_heartbeat("lost-communication");
	fake_host_expect(&host, "heartbeat --json", HVIS_EXIT_FALSE,
		"{\n"
		"  \"heartbeat\": {\n"
		"    \"summary\": \"lost-communication\",\n"
		"    \"application\": \"healthy\",\n"
		"    \"sequence\": 41,\n"
		"    \"age_ms\": 1500,\n"
		"    \"missed\": 0\n"
		"  }\n"
		"}\n",
		NULL);
	fake_host_stop(&host);
}

/* More pairs than an answer of the socket can hold: all of them, and once each. */
static void test_kvp_list_of_thousands(void)
{
	CtlResult result;
	struct json_object *answer;

	fake_host_start(&host, TRUE);
	fake_set_list(20001);
	result = fake_host_ctl(&host, "kvp list --json");
	g_assert_cmpstr(result.error, ==, NULL);
	answer = json_tokener_parse(result.out);
	g_assert_cmpuint(
		json_object_array_length(json_object_object_get(answer, "pairs")), ==, 20001);
	g_assert_false(json_object_object_get_ex(answer, "next", NULL));
	json_object_put(answer);
	ctl_result_clear(&result);
	fake_host_expect_asked("kvp_list 0\n");
	fake_host_stop(&host);
}

static void test_kvp(void)
{
	fake_host_start(&host, TRUE);
	golden("kvp list --pool guest", "Key     Type    Value\n"
					"OSName  string  Debian \\x1b[1m GNU\n"
					"Boots   u32     7\n");
	fake_host_expect_asked("kvp_list 1\n");
	golden("kvp intrinsic", "Key     Type    Value\n"
				"OSName  string  Debian \\x1b[1m GNU\n"
				"Boots   u32     7\n");
	fake_host_expect_asked("kvp_list 2\n");
	golden("kvp get OSName --direct", "Debian \\x1b[1m GNU\n");
	fake_host_expect_asked("kvp_get_raw 0 OSName\n");
	golden("kvp get OSName", "Debian \\x1b[1m GNU\n");
	golden("kvp get OSName --json --pool auto", "{\n"
						    "  \"pair\": {\n"
						    "    \"key\": \"OSName\",\n"
						    "    \"value\": \"Debian \\u001b[1m GNU\",\n"
						    "    \"type\": \"string\"\n"
						    "  }\n"
						    "}\n");
	fake_answer_with(HVIS_E_NOT_FOUND, HVIS_ERROR_N);
	fake_host_expect(&host, "kvp get OSName", HVIS_EXIT_FALSE, "", "KVP get");
	fake_host_stop(&host);
}

static void test_backup(void)
{
	static const char done[] = "Step    Answer    Time\n"
				   "check   ok      1.2 ms\n"
				   "freeze  ok       34 ms\n"
				   "hold    -          1 s\n"
				   "thaw    ok      6.7 ms\n"
				   "\n"
				   "Result:         done\n"
				   "Auto recovery:  no, the guest says\n";
	static const struct {
		guint32 status;
		HvisErrorCode code;
		HvisExit exit;
		const char *result;
	} ends[] = {
		{ HVIS_E_FAIL, HVIS_ERROR_N, HVIS_EXIT_FALSE, "Result:         failed\n" },
		{ 0, HVIS_ERROR_TIMEOUT, HVIS_EXIT_TIMEOUT, "Result:         timeout\n" },
		{ 0, HVIS_ERROR_CLOSED, HVIS_EXIT_IO, "Result:         gone\n" },
		{ 0, HVIS_ERROR_UNSUPPORTED, HVIS_EXIT_IO, "Result:         impossible\n" },
	};

	fake_host_start(&host, TRUE);
	golden("backup", done);
	fake_host_expect_asked("vss_backup hold=1000 abort=0 silent=4\n");
	for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
		CtlResult result;

		fake_answer_with(ends[i].status, ends[i].code);
		result = fake_host_ctl(&host, "backup");
		g_assert_cmpint(result.status, ==, ends[i].exit);
		g_assert_nonnull(strstr(result.out, ends[i].result));
		g_assert_cmpstr(result.error, ==, "backup: thaw: it went wrong");
		ctl_result_clear(&result);
	}
	fake_host_stop(&host);
}

static void test_copy(void)
{
	static const struct {
		guint32 status;
		HvisErrorCode code;
		HvisExit exit;
		const char *result, *hint;
	} ends[] = {
		{ HVIS_E_FAIL, HVIS_ERROR_N, HVIS_EXIT_FALSE, "failed",
			"; \"hvctl fcopy history\" there has the reason, where it is hvis that "
			"serves" },
		{ HVIS_E_DISK_FULL, HVIS_ERROR_N, HVIS_EXIT_FALSE, "failed",
			": there is no room for all of it" },
		{ 0, HVIS_ERROR_TIMEOUT, HVIS_EXIT_TIMEOUT, "timeout", "" },
		{ 0, HVIS_ERROR_CLOSED, HVIS_EXIT_IO, "gone", "" },
		{ 0, HVIS_ERROR_UNSUPPORTED, HVIS_EXIT_IO, "impossible", "" },
	};

	fake_host_start(&host, TRUE);
	golden("copy /etc/passwd /srv/", "Result:   done\n"
					 "Size:     10000\n"
					 "Sent:     10000\n"
					 "Time:     2 ms\n"
					 "Rate:     5.00 MB/s\n"
					 "SHA-256:  5ba93c9d\n");
	for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
		g_autofree char *told =
			g_strconcat("copy: WRITE: it went wrong", ends[i].hint, NULL);
		g_autofree char *shown = g_strdup_printf("Result:   %s\n", ends[i].result);
		CtlResult result;

		fake_answer_with(ends[i].status, ends[i].code);
		result = fake_host_ctl(&host, "copy /etc/passwd /srv/");
		g_assert_cmpint(result.status, ==, ends[i].exit);
		g_assert_nonnull(strstr(result.out, shown));
		g_assert_nonnull(strstr(result.out, "Cancel:   sent\n"));
		g_assert_cmpstr(result.error, ==, told);
		ctl_result_clear(&result);
	}
	fake_host_stop(&host);
}

static void test_copy_progress(void)
{
	struct json_object *answer = json_tokener_parse(
		"{\"progress\": {\"sent\": 1500000, \"size\": 6000000, \"us\": 500000}}");
	struct json_object *empty =
		json_tokener_parse("{\"progress\": {\"sent\": 0, \"size\": 0, \"us\": 0}}");
	char *text = NULL;
	size_t len;
	FILE *terminal = open_memstream(&text, &len);

	ctl_progress_copy(terminal, empty); /* of nothing there is no part */
	ctl_progress_copy(terminal, answer);
	ctl_progress_copy(terminal, NULL);
	fclose(terminal);
	g_assert_cmpstr(text, ==,
		"\r[#######                       ]  25 %  1.5 of 6.0 MB  3.0 MB/s\033[K\r\033[K");
	free(text);
	json_object_put(answer);
	json_object_put(empty);
}

static void test_ip(void)
{
	fake_host_start(&host, TRUE);
	golden("ip get 00:15:5d:00:00:01", "Adapter:      00:15:5d:00:00:01\n"
					   "DHCP:         yes\n"
					   "Families:     ipv4, ipv6\n"
					   "Addresses:    192.0.2.5, 2001:db8::5\n"
					   "Subnets:      255.255.255.0, 64\n"
					   "Origins:      static, other\n"
					   "Gateways:     192.0.2.1\n"
					   "DNS servers:  -\n");
	fake_host_expect_asked("kvp_ip_get 00:15:5d:00:00:01\n");
	fake_host_stop(&host);
}

static void test_info(void)
{
	CtlResult result;
	guint64 id = owed_add("guest", 0, "VERSION_RESPONSE\x1b");
	struct json_object *answer;

	fake_host_start(&host, TRUE);
	control_event(host.control, "reset", "the guest restarts", FALSE);
	result = fake_host_ctl(&host, "info");
	g_assert_nonnull(strstr(result.out, "Mode:        run\n"));
	g_assert_nonnull(strstr(result.out, "Last event:  the guest restarts\n"));
	g_assert_nonnull(strstr(result.out, "\nMachine\n  synic:  user\n"));
	g_assert_null(strstr(result.out, "exits"));
	g_assert_nonnull(strstr(result.out, "\nkvp        Ready  3.0 "));
	g_assert_nonnull(strstr(result.out, "Waiting  For "));
	g_assert_nonnull(strstr(result.out, "guest    VERSION_RESPONSE\\x1b "));
	ctl_result_clear(&result);
	owed_done(id);
	result = fake_host_ctl(&host, "info --json");
	answer = json_tokener_parse(result.out);
	g_assert_cmpuint(json_object_array_length(output_member(answer, "info.owed")), ==, 0);
	g_assert_cmpuint(json_object_array_length(output_member(answer, "info.services")), ==, 6);
	g_assert_cmpstr(
		json_object_get_string(output_member(answer, "info.last_event.kind")), ==, "reset");
	json_object_put(answer);
	ctl_result_clear(&result);
	fake_host_stop(&host);
}

static void test_faults(void)
{
	guint id;
	g_autofree char *table = NULL;

	fake_host_start(&host, TRUE);
	id = fault_add("drop:link/kvp:count=1", NULL);
	table = g_strdup_printf("Number  Rule                   Matched  Struck\n"
				"%6u  drop:link/kvp:count=1        0       0\n",
		id);
	golden("fault list", table);
	fault_clear();
	fake_host_stop(&host);
}

static void test_time(void)
{
	CtlResult result;

	fake_host_start(&host, TRUE);
	golden("time offset 3600.25", "");
	result = fake_host_ctl(&host, "time");
	g_assert_true(g_str_has_prefix(result.out, "Guest is told:  20"));
	g_assert_true(g_str_has_suffix(result.out, " UTC\nOffset:         +3600.250000 s\n"));
	ctl_result_clear(&result);
	fake_host_stop(&host);
}

static void test_every_command_has_its_words(void)
{
	for (const CtlCommand *command = ctl_commands; command->name; command++) {
		g_auto(GStrv) words = g_strsplit(command->name, " ", -1);
		guint n = 0;

		g_assert_true(ctl_find((const char *const *)words, &n, NULL) == command);
		g_assert_cmpuint(n, ==, g_strv_length(words));
		g_assert_nonnull(command->method);
		g_assert_nonnull(command->summary);
		g_assert_nonnull(command->args);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ctl/bad-command-lines", test_bad_command_lines);
	g_test_add_func("/ctl/no-host", test_no_host);
	g_test_add_func("/ctl/help", test_help);
	g_test_add_func("/ctl/services", test_services);
	g_test_add_func("/ctl/heartbeat", test_heartbeat);
	g_test_add_func("/ctl/kvp", test_kvp);
	g_test_add_func("/ctl/kvp/list-of-thousands", test_kvp_list_of_thousands);
	g_test_add_func("/ctl/backup", test_backup);
	g_test_add_func("/ctl/copy", test_copy);
	g_test_add_func("/ctl/copy/progress", test_copy_progress);
	g_test_add_func("/ctl/ip", test_ip);
	g_test_add_func("/ctl/info", test_info);
	g_test_add_func("/ctl/faults", test_faults);
	g_test_add_func("/ctl/time", test_time);
	g_test_add_func("/ctl/every-command-has-its-words", test_every_command_has_its_words);
	return g_test_run();
}
