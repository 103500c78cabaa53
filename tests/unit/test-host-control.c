/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket's methods over fake services: what each asks of them, what becomes of a
 * guest's refusal, of one that never answers, and of a caller who leaves.
 */
#include "config.h"

#include <string.h>

#include <json-c/json.h>

#include "host/control-private.h"
#include "host/fault.h"
#include "host/owed.h"
#include "host/service/timesync.h"
#include "host/trace.h"
#include "tests/unit/fake-host.h"
#include "tests/unit/fake-services.h"
#include "varlink/varlink.h"

static FakeHost host;

/* One command, its output, what it asked of the services. */
static void check(const char *line, const char *asked)
{
	fake_host_expect(&host, line, HVIS_EXIT_OK, "", NULL);
	fake_host_expect_asked(asked);
}

static void check_error(const char *line, HvisExit status, const char *error)
{
	fake_host_expect(&host, line, status, "", error);
}

static void test_services(void)
{
	fake_host_start(&host, TRUE);
	check("service disable kvp", "disable kvp\n");
	check("service enable kvp", "enable kvp\n");
	check("service configure kvp versions=3.0-4.0", "configure kvp versions=3.0-4.0\n");
	check_error("service configure kvp bad", HVIS_EXIT_USAGE, "\"bad\" is no option");
	check_error("service enable rdp", HVIS_EXIT_FALSE, "no service \"rdp\"");
	check_error("service disable rdp", HVIS_EXIT_FALSE, "no service \"rdp\"");
	fake_host_stop(&host);
}

static void test_kvp(void)
{
	fake_host_start(&host, TRUE);
	check("kvp set Key Value", "kvp_set 0 Key=Value\n");
	check("kvp set Key '' --pool guest", "kvp_set 1 Key=\n");
	check("kvp set --pool 9 Key 4294967295 --type u32", "kvp_set 9 Key=4294967295\n");
	check("kvp set -- --Key --Value", "kvp_set 0 --Key=--Value\n");
	check("kvp add Key Value", "kvp_add 0 Key=Value\n");
	check("kvp modify Key Value", "kvp_modify 0 Key=Value\n");
	check("kvp remove Key --pool=auto-external", "kvp_remove 3 Key\n");
	check_error("kvp set Key Value --pool moon", HVIS_EXIT_USAGE, "moon");
	check_error("kvp set Key word --type u32", HVIS_EXIT_USAGE, "word");
	check_error("kvp set Key Value --type float", HVIS_EXIT_USAGE, "float");
	fake_host_expect_asked("");
	fake_host_stop(&host);
}

static void test_ip(void)
{
	fake_host_start(&host, TRUE);
	check("ip set {guid} --address 192.0.2.5/24 --address 2001:db8::5/64 --gateway 192.0.2.1 "
	      "--dns 192.0.2.2,192.0.2.3",
		"kvp_ip_set {guid} family=3 dhcp=0 192.0.2.5,2001:db8::5|255.255.255.0,64|"
		"192.0.2.1|192.0.2.2,192.0.2.3\n");
	check("ip set {guid} --address 10.0.0.1/0 --address 10.0.0.2/32",
		"kvp_ip_set {guid} family=1 dhcp=0 10.0.0.1,10.0.0.2|0.0.0.0,255.255.255.255||\n");
	check("ip set {guid} --dhcp --family ipv6", "kvp_ip_set {guid} family=2 dhcp=1 |||\n");
	check_error("ip set {guid} --dhcp --family ipx", HVIS_EXIT_USAGE, "ipx");
	fake_host_expect_asked("");
	fake_host_stop(&host);
}

static void backup(const char *line, const char *asked)
{
	CtlResult result = fake_host_ctl(&host, line);

	g_assert_cmpint(result.status, ==, HVIS_EXIT_OK);
	ctl_result_clear(&result);
	fake_host_expect_asked(asked);
}

static void test_backup(void)
{
	fake_host_start(&host, TRUE);
	backup("backup --hold 5s", "vss_backup hold=5000 abort=0 silent=4\n");
	backup("backup --hold 0.25 --abort", "vss_backup hold=250 abort=1 silent=4\n");
	backup("backup --silent-after check", "vss_backup hold=1000 abort=0 silent=0\n");
	backup("backup --silent-after=freeze", "vss_backup hold=1000 abort=0 silent=1\n");
	backup("backup --luns 0:0:1,255:255:255", "vss_backup hold=1000 abort=0 silent=4\n"
						  "disk 1 0:0:1\n"
						  "disk 1 255:255:255\n");
	check_error("backup --silent-after thaw", HVIS_EXIT_USAGE, "check or freeze is wanted");
	check_error("backup --hold 3601", HVIS_EXIT_USAGE, "--hold 3601: must be a time");
	check_error("backup --hold 5m", HVIS_EXIT_USAGE, "--hold 5m");
	check_error("backup --luns 0:0", HVIS_EXIT_USAGE, "\"0:0\"");
	check_error("backup --luns 0:0:0:0", HVIS_EXIT_USAGE, "\"0:0:0:0\"");
	check_error("backup --luns 0:0:256", HVIS_EXIT_USAGE, "PORT:TARGET:LUN");
	fake_host_expect_asked("");
	fake_host_stop(&host);
}

/* A caller who does not wait for the end does not leave a frozen guest behind. */
static void test_backup_given_up(void)
{
	fake_host_start(&host, TRUE);
	check_error("backup --hold 60 --timeout 0.3", HVIS_EXIT_TIMEOUT, "no answer within");
	fake_host_expect_asked("vss_backup hold=60000 abort=0 silent=4\nvss_abort\n");
	fake_hold();
	check_error("backup", HVIS_EXIT_IO, "a backup is under way");
	fake_release();
	fake_host_stop(&host);
}

static void copy(const char *line, const char *asked)
{
	backup(line, asked); /* its output is of no interest */
}

static void test_copy(void)
{
	fake_host_start(&host, TRUE);
	copy("copy /etc/passwd /srv/in/", "fcopy_copy /srv/in/|passwd flags=0 cancel=-1\n");
	copy("copy /etc/passwd /in/name --overwrite", "fcopy_copy /in/|name flags=1 cancel=-1\n");
	copy("copy --create-path --cancel-after 0 /etc/passwd /name",
		"fcopy_copy /|name flags=2 cancel=0\n");
	check_error("copy /etc/passwd name", HVIS_EXIT_USAGE, "DEST \"name\"");
	check_error("copy /etc/passwd ''", HVIS_EXIT_USAGE, "DEST \"\"");
	check_error("copy /nonexistent /", HVIS_EXIT_IO, "/nonexistent");
	check_error("copy /dev/null /", HVIS_EXIT_IO, "/dev/null is not a regular file");
	fake_host_expect_asked("");
	fake_host_stop(&host);
}

/* A caller who does not wait for the end does not leave half a file behind. */
static void test_copy_given_up(void)
{
	fake_host_start(&host, TRUE);
	check_error("copy /etc/passwd /slow --timeout 0.3", HVIS_EXIT_TIMEOUT, "no answer within");
	fake_host_expect_asked("fcopy_copy /|slow flags=0 cancel=-1\nfcopy_cancel\n");
	fake_hold();
	check_error("copy /etc/passwd /", HVIS_EXIT_IO, "a copy is under way");
	fake_release();
	fake_host_stop(&host);
}

static void test_raw(void)
{
	fake_host_start(&host, TRUE);
	fake_host_expect(&host, "fcopy-raw cancel", HVIS_EXIT_OK, "ok\n", NULL);
	fake_host_expect_asked("send_raw fcopy 36 0300000000000000\n");
	fake_host_expect(&host, "fcopy-raw 4294967295 --length 3", HVIS_EXIT_OK, "ok\n", NULL);
	fake_host_expect_asked("send_raw fcopy 3 ffffff\n");
	fake_answer_with(HVIS_E_DISK_FULL, HVIS_ERROR_N);
	fake_host_expect(&host, "fcopy-raw write", HVIS_EXIT_FALSE, "disk-full\n", NULL);
	fake_host_expect_asked("send_raw fcopy 6196 0100000000000000\n");
	fake_answer_with(HVIS_S_OK, HVIS_ERROR_TIMEOUT);
	check_error("fcopy-raw complete", HVIS_EXIT_TIMEOUT, "the fake guest fails");
	fake_host_stop(&host);
}

static void test_shutdown(void)
{
	const char *said = "";

	fake_host_start(&host, TRUE);
	fake_host_expect(&host, "shutdown", HVIS_EXIT_OK, said, NULL);
	fake_host_expect_asked("shutdown 0 force=0 reason=0 timeout=0 -\n");
	fake_host_expect(&host, "shutdown --reboot --force --message 'be quick' --reason power",
		HVIS_EXIT_OK, said, NULL);
	fake_host_expect_asked("shutdown 1 force=1 reason=0x80060000 timeout=0 be quick\n");
	fake_host_expect(&host, "shutdown --hibernate --reason 0x1234", HVIS_EXIT_OK, said, NULL);
	fake_host_expect_asked("shutdown 2 force=0 reason=0x1234 timeout=0 -\n");
	fake_answer_with(HVIS_E_FAIL, HVIS_ERROR_N);
	check_error("shutdown", HVIS_EXIT_IO, "the guest answers 0x80004005");
	check_error("shutdown --wait", HVIS_EXIT_IO, "the guest answers 0x80004005");
	fake_host_stop(&host);
}

static gboolean was_asked(gpointer data)
{
	g_autofree char *asked = fake_take_log();

	return *asked != '\0';
}

static void expect_end(CtlRun *run, HvisExit status, const char *out, const char *error)
{
	CtlResult result = fake_host_ctl_end(run);

	if (error) {
		g_assert_nonnull(result.error);
		g_assert_nonnull(strstr(result.error, error));
	} else {
		g_assert_cmpstr(result.error, ==, NULL);
	}
	g_assert_cmpstr(result.out, ==, out);
	g_assert_cmpint(result.status, ==, status);
	ctl_result_clear(&result);
}

static void test_shutdown_wait(void)
{
	CtlRun *run;

	fake_host_start(&host, TRUE);
	/* the guest answers, then acts */
	run = fake_host_ctl_start(&host, "shutdown --wait");
	fake_host_until(was_asked, NULL);
	control_event(host.control, "poweroff", "the guest powered off", FALSE);
	expect_end(run, HVIS_EXIT_OK, "the guest powered off\n", NULL);
	/* it acts before its answer is seen */
	fake_hold();
	run = fake_host_ctl_start(&host, "shutdown --reboot --wait");
	fake_host_until(was_asked, NULL);
	control_event(host.control, "reset", "the guest restarts", FALSE);
	expect_end(run, HVIS_EXIT_OK, "the guest restarts\n", NULL);
	fake_release();
	/* it answers, and does nothing */
	expect_end(fake_host_ctl_start(&host, "shutdown --wait --timeout 0.05"), HVIS_EXIT_TIMEOUT,
		"", "no answer within 0.1 s");
	control_event(host.control, "poweroff", "much later", TRUE);
	fake_host_stop(&host);
}

static void test_wait_service(void)
{
	CtlRun *run;

	fake_host_start(&host, TRUE);
	fake_host_expect(&host, "wait kvp", HVIS_EXIT_OK, "kvp: ready, version 3.0\n", NULL);
	fake_set_state("kvp", SERVICE_OFFERED);
	run = fake_host_ctl_start(&host, "renegotiate kvp");
	expect_end(run, HVIS_EXIT_IO, "", "kvp is not open");
	check_error("wait kvp --timeout 0.3", HVIS_EXIT_TIMEOUT, "no answer within");
	fake_host_expect_asked("cancel kvp\n");
	fake_set_state("kvp", SERVICE_READY);
	run = fake_host_ctl_start(&host, "renegotiate kvp");
	fake_host_until(was_asked, NULL);
	fake_set_state("kvp", SERVICE_READY);
	expect_end(run, HVIS_EXIT_OK, "kvp: ready, version 3.0\n", NULL);
	check_error("wait rdp", HVIS_EXIT_FALSE, "rdp");
	fake_host_stop(&host);
}

static gboolean somebody_waits(gpointer data)
{
	return host.control->waiting != NULL;
}

static void test_wait_exit(void)
{
	CtlRun *run;

	fake_host_start(&host, TRUE);
	run = fake_host_ctl_start(&host, "wait exit");
	fake_host_until(somebody_waits, NULL);
	control_event(host.control, "reset", "the guest restarts", FALSE);
	g_assert_true(somebody_waits(NULL)); /* that was not the end */
	control_event(host.control, "poweroff", "the guest powered off", TRUE);
	expect_end(run, HVIS_EXIT_OK, "the guest powered off\n", NULL);
	fake_host_stop(&host);
}

/* A guest that hangs: the caller hears what is owed, and the late answer goes nowhere. */
static void test_hung_guest(void)
{
	guint64 id = owed_add("guest", 0, "OPEN_RESULT for kvp, relid 4");

	fake_host_start(&host, TRUE);
	fake_hold();
	check_error("kvp get Key --timeout 0.3", HVIS_EXIT_TIMEOUT,
		"the guest has been waiting for OPEN_RESULT for kvp, relid 4 for 0.");
	check_error("kvp list --timeout 0.3", HVIS_EXIT_TIMEOUT, "OPEN_RESULT");
	check_error("kvp set Key Value --timeout 0.3", HVIS_EXIT_TIMEOUT, "OPEN_RESULT");
	check_error("shutdown --timeout 0.3", HVIS_EXIT_TIMEOUT, "OPEN_RESULT");
	check_error("time sync --timeout 0.3", HVIS_EXIT_TIMEOUT, "OPEN_RESULT");
	check_error("ip get a --timeout 0.3", HVIS_EXIT_TIMEOUT, "OPEN_RESULT");
	fake_release();
	owed_done(id);
	/* and the service's own time-out */
	fake_answer_with(HVIS_S_OK, HVIS_ERROR_TIMEOUT);
	check_error("kvp remove Key", HVIS_EXIT_TIMEOUT, "the fake guest fails");
	fake_host_stop(&host);
}

static gboolean service_is_waited_for(gpointer data)
{
	return fake_n_waiters() != 0;
}

/* The host goes away while callers wait: each gets an answer. */
static void test_host_ends(void)
{
	CtlRun *request, *wait;

	fake_host_start(&host, TRUE);
	fake_hold();
	fake_set_state("heartbeat", SERVICE_OFFERED);
	request = fake_host_ctl_start(&host, "kvp remove Key");
	fake_host_until(was_asked, NULL);
	wait = fake_host_ctl_start(&host, "wait heartbeat");
	fake_host_until(service_is_waited_for, NULL);
	fake_host_stop(&host);
	expect_end(request, HVIS_EXIT_IO, "", "the fake guest fails");
	expect_end(wait, HVIS_EXIT_IO, "", "the registry goes away");
}

/* A caller who hangs up while the guest thinks. */
static void test_hangup(void)
{
	g_autoptr(GError) error = NULL;
	VarlinkClient *client;

	fake_host_start(&host, TRUE);
	fake_set_state("kvp", SERVICE_OFFERED);
	client = varlink_client_connect(host.socket, &error);
	g_assert_no_error(error);
	g_assert_null(varlink_client_call(client, CONTROL_INTERFACE ".WaitService",
		json_tokener_parse("{\"name\":\"kvp\"}"), 0, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_TIMEOUT));
	varlink_client_free(client);
	fake_host_until(was_asked, NULL); /* "cancel kvp" */
	fake_host_stop(&host);
}

static void test_reset_and_quit(void)
{
	fake_host_start(&host, TRUE);
	check("reset", "");
	g_assert_cmpuint(host.resets, ==, 1);
	host.reset_fails = TRUE;
	check_error("reset", HVIS_EXIT_IO, "the machine is broken");
	check("quit", "");
	g_assert_cmpuint(host.quits, ==, 1);
	fake_host_stop(&host);

	fake_host_start(&host, FALSE);
	check_error("reset", HVIS_EXIT_IO, "no machine");
	fake_host_stop(&host);
}

static void test_time(void)
{
	fake_host_start(&host, TRUE);
	check("time sync", "timesync_send step\n");
	check("time sample", "timesync_send sample\n");
	check("time offset -1.5", "");
	g_assert_cmpint(
		timesync_offset(services_get(host.services, "timesync", NULL)), ==, -1500000);
	fake_answer_with(HVIS_E_NOT_SUPPORTED, HVIS_ERROR_N);
	check_error("time sync", HVIS_EXIT_IO, "0x80070032");
	fake_host_stop(&host);
}

static void test_faults(void)
{
	fake_host_start(&host, TRUE);
	fault_clear();
	check_error("fault add drop", HVIS_EXIT_USAGE, "fault rule \"drop\"");
	check_error("fault remove 4000000", HVIS_EXIT_FALSE, "no fault rule 4000000");
	check_error("fault remove x", HVIS_EXIT_USAGE, "\"x\" is no rule's number");
	g_assert_cmpuint(fault_add("drop:link/kvp", NULL), !=, 0);
	check("fault clear", "");
	fake_host_expect(&host, "fault list", HVIS_EXIT_OK, "", NULL);
	fake_host_stop(&host);
}

static guint n_emitted;

static gboolean emit_more(gpointer data)
{
	trace_emit(TRACE_SERVICE, TRACE_TO_GUEST, "kvp", "\x01", 1, "event %u", n_emitted++);
	return G_SOURCE_CONTINUE;
}

static void test_trace(void)
{
	guint source;
	CtlResult result;

	fake_host_start(&host, TRUE);
	trace_keep(1000000, TRACE_ALL); /* however long the client takes to come */
	emit_more(NULL);
	emit_more(NULL);
	result = fake_host_ctl(&host, "trace");
	g_assert_true(
		g_str_has_suffix(result.out, "service    host > guest  kvp        event 1\n"));
	ctl_result_clear(&result);
	/* the recent ones, then those to come, until enough */
	source = g_timeout_add(20, emit_more, NULL);
	result = fake_host_ctl(&host, "trace --follow --count 5 --json --bytes --layer service");
	g_source_remove(source);
	g_assert_cmpint(result.status, ==, HVIS_EXIT_OK);
	g_assert_nonnull(strstr(result.out, "\"text\":\"event 0\",\"bytes\":\"01\"}\n"));
	g_assert_nonnull(strstr(result.out, "\"text\":\"event 4\""));
	g_assert_null(strstr(result.out, "\"text\":\"event 5\""));
	ctl_result_clear(&result);
	check_error("trace --follow --count 1000 --layer msr --timeout 0.3", HVIS_EXIT_TIMEOUT,
		"1000 events fewer");
	check_error("trace --layer bogus", HVIS_EXIT_USAGE, "bogus");
	check_error("trace --file /nonexistent/x", HVIS_EXIT_IO, "/nonexistent/x");
	trace_keep(0, 0);
	fake_host_stop(&host);
}

/* More than a caller may leave unread: the newest come, and nobody is hung up on. */
static void test_trace_much(void)
{
	g_autofree char *big = g_malloc0(13000);
	CtlResult result;

	fake_host_start(&host, TRUE);
	trace_keep(200, TRACE_ALL);
	for (guint i = 0; i < 200; i++)
		trace_emit(TRACE_PACKET, TRACE_TO_HOST, "kvp", big, 13000, "big %u", i);
	result = fake_host_ctl(&host, "trace --bytes --json");
	g_assert_cmpint(result.status, ==, HVIS_EXIT_OK);
	g_assert_null(strstr(result.out, "\"big 170\""));
	g_assert_nonnull(strstr(result.out, "\"big 185\""));
	g_assert_nonnull(strstr(result.out, "\"big 199\""));
	ctl_result_clear(&result);
	result = fake_host_ctl(&host, "trace --bytes --count 1");
	g_assert_nonnull(strstr(result.out, "\n    32a0  0000"));
	ctl_result_clear(&result);
	result = fake_host_ctl(&host, "trace --json");
	g_assert_nonnull(strstr(result.out, "\"big 0\""));
	ctl_result_clear(&result);
	trace_keep(0, 0);
	fake_host_stop(&host);
}

/* Without the table of commands: what a foreign client may send. */
typedef struct {
	const char *method, *params, *error;
	gint done;
} Raw;

static gpointer raw_thread(gpointer data)
{
	Raw *raw = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(VarlinkClient) client = varlink_client_connect(host.socket, &error);
	struct json_object *answer = varlink_client_call(
		client, raw->method, json_tokener_parse(raw->params), 10000, &error);

	g_assert_null(answer);
	if (!strstr(error->message, raw->error))
		g_error("%s %s: \"%s\" does not contain \"%s\"", raw->method, raw->params,
			error->message, raw->error);
	g_atomic_int_set(&raw->done, TRUE);
	g_main_context_wakeup(NULL);
	return NULL;
}

static gboolean raw_done(gpointer data)
{
	return g_atomic_int_get(&((Raw *)data)->done);
}

static void test_bad_parameters(void)
{
#define M(name) CONTROL_INTERFACE "." name
	static Raw calls[] = {
		{ M("EnableService"), "{}", "name", 0 },
		{ M("EnableService"), "{\"name\":5}", "name", 0 },
		{ M("KvpSet"), "{\"key\":\"k\"}", "value", 0 },
		{ M("KvpSet"), "{\"key\":\"k\",\"value\":\"v\",\"must_be\":\"gone\"}", "gone", 0 },
		{ M("KvpGet"), "{\"key\":\"k\",\"timeout_ms\":-1}", "timeout_ms", 0 },
		{ M("KvpGet"), "{\"key\":\"k\",\"timeout_ms\":\"1\"}", "timeout_ms", 0 },
		{ M("KvpGet"), "{\"key\":\"k\",\"timeout_ms\":86400001}", "timeout_ms", 0 },
		{ M("Shutdown"), "{\"action\":\"explode\"}", "explode", 0 },
		{ M("Shutdown"), "{\"action\":\"restart\",\"reason\":4294967296}", "reason", 0 },
		{ M("Shutdown"), "{\"action\":\"restart\",\"guest_timeout_s\":-1}", "timeout_s",
			0 },
		{ M("IpSet"), "{}", "ip", 0 },
		{ M("IpSet"), "{\"ip\":[]}", "ip", 0 },
		{ M("IpSet"), "{\"ip\":{\"adapter\":1}}", "adapter", 0 },
		{ M("IpSet"), "{\"ip\":{\"adapter\":\"a\",\"dns\":\"x\"}}", "ip.dns", 0 },
		{ M("IpSet"), "{\"ip\":{\"adapter\":\"a\",\"dns\":[1]}}", "ip.dns", 0 },
		{ M("IpSet"), "{\"ip\":{\"adapter\":\"a\",\"addresses\":[\"10.0.0.1\"]}}",
			"1 addresses and 0 subnets", 0 },
		{ M("SetTimeOffset"), "{\"offset_us\":9223372036854775807}", "offset_us", 0 },
		{ M("SetTimeOffset"), "{\"offset_us\":-4000000000000001}", "offset_us", 0 },
		{ M("Copy"), "{\"name\":\"n\"}", "path", 0 },
		{ M("Copy"), "{\"name\":\"n\",\"path\":\"/\"}", "sent beside the call", 0 },
		{ M("SendMessage"), "{\"name\":\"kvp\",\"body\":\"abc\"}", "hexadecimal", 0 },
		{ M("SendMessage"), "{\"name\":\"kvp\",\"body\":\"0g\"}", "hexadecimal", 0 },
		{ M("FaultRemove"), "{\"id\":-1}", "-1", 0 },
		{ M("Trace"), "{}", "ExpectedMore", 0 },
		{ M("NoSuchMethod"), "{}", "NoSuchMethod", 0 },
	};

	fake_host_start(&host, TRUE);
	for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
		GThread *thread = g_thread_new("raw", raw_thread, &calls[i]);

		fake_host_until(raw_done, &calls[i]);
		g_thread_join(thread);
	}
	fake_host_expect_asked("");
	fake_host_stop(&host);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/control/services", test_services);
	g_test_add_func("/control/kvp", test_kvp);
	g_test_add_func("/control/ip", test_ip);
	g_test_add_func("/control/backup", test_backup);
	g_test_add_func("/control/backup/given-up", test_backup_given_up);
	g_test_add_func("/control/copy", test_copy);
	g_test_add_func("/control/copy/given-up", test_copy_given_up);
	g_test_add_func("/control/raw", test_raw);
	g_test_add_func("/control/shutdown", test_shutdown);
	g_test_add_func("/control/shutdown/wait", test_shutdown_wait);
	g_test_add_func("/control/wait-service", test_wait_service);
	g_test_add_func("/control/wait-exit", test_wait_exit);
	g_test_add_func("/control/hung-guest", test_hung_guest);
	g_test_add_func("/control/host-ends", test_host_ends);
	g_test_add_func("/control/hangup", test_hangup);
	g_test_add_func("/control/reset-and-quit", test_reset_and_quit);
	g_test_add_func("/control/time", test_time);
	g_test_add_func("/control/faults", test_faults);
	g_test_add_func("/control/trace", test_trace);
	g_test_add_func("/control/trace/much", test_trace_much);
	g_test_add_func("/control/bad-parameters", test_bad_parameters);
	return g_test_run();
}
