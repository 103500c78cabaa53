/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How hvctl shows files from the host: while they come, when they are there, and why they are not; and what its
 * commands ask a daemon of this test's own.
 */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvctl/command.h"
#include "hvctl/fcopy.h"
#include "hvctl/status.h"
#include "varlink/varlink.h"

static void check_size(gint64 bytes, const char *says)
{
	struct json_object *value = json_object_new_int64(bytes);
	g_autofree char *text = hvctl_size_text(value);

	g_assert_cmpstr(text, ==, says);
	json_object_put(value);
}

static void test_sizes(void)
{
	g_autofree char *none = hvctl_size_text(NULL);

	check_size(0, "0 bytes");
	check_size(1, "1 byte");
	check_size(1023, "1023 bytes");
	check_size(1024, "1.0 KiB");
	check_size(6144, "6.0 KiB");
	check_size(120 << 10, "120 KiB");
	check_size(G_GINT64_CONSTANT(6) << 30, "6.0 GiB");
	check_size(G_MAXINT64, "8388608 TiB");
	g_assert_cmpstr(none, ==, "-");
}

/* What "hvctl fcopy status" prints of @status. */
static char *print(const char *status, gboolean json, gint64 now_us)
{
	struct json_object *object = json_tokener_parse(status);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	g_assert_nonnull(object);
	hvctl_status_print(out, json, &(HvctlStatuses){ .fcopy = object }, now_us);
	fclose(out);
	json_object_put(object);
	return text;
}

#define SUM "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static const char receiving[] =
	"{ \"version\": \"1.2\", \"device\": \"/dev/uio0\", \"transport\": \"uio\","
	"  \"state\": \"ready\", \"copy\": \"receiving\", \"queued\": 6144,"
	"  \"current\": { \"target\": \"/srv/i\\u001bmage\", \"directory\": \"/srv/\","
	"    \"name\": \"image\", \"size\": 3221225472, \"received\": 1073741824,"
	"    \"begin_us\": 1000000, \"end_us\": null },"
	"  \"allowed\": [ \"/srv\", \"/home\" ], \"denied\": [],"
	"  \"last\": { \"target\": \"/srv/a\", \"directory\": \"/srv/\", \"name\": \"a\","
	"    \"size\": 2097152, \"received\": 2097152, \"begin_us\": 0, \"end_us\": 2000000,"
	"    \"result\": \"ok\", \"message\": \"m\", \"sha256\": \"" SUM "\" },"
	"  \"counters\": { \"requests\": 7, \"answered\": 7, \"files\": 1, \"bytes\": 2097152 } }";

static void test_receiving(void)
{
	char *text = print(receiving, FALSE, 11000000);

	g_assert_cmpstr(text, ==,
		"hv_fcopy_daemon: files from the host\n"
		"State:            ready\n"
		"Device:           /dev/uio0\n"
		"Transport:        uio\n"
		"Version:          1.2\n"
		"Counters:         7 requests, 7 answered, 1 files of 2.0 MiB\n"
		"Copy:             receiving\n"
		"File:             /srv/i\\x1bmage\n"
		"Progress:         33 % (1.0 GiB of 3.0 GiB) in 10 s, 102 MiB/s\n"
		"Allowed:          /srv, /home\n"
		"Last copy:        ok, 9 s ago: /srv/a: 2.0 MiB in 2 s, 1.0 MiB/s\n"
		"SHA-256:          " SUM "\n");
	free(text);
}

/* Nothing is rounded, and nothing is left out, for programs. */
static void test_json(void)
{
	char *text = print(receiving, TRUE, 11000000);
	struct json_object *all = json_tokener_parse(text), *fcopy, *want;

	want = json_tokener_parse(receiving);
	g_assert_nonnull(all);
	g_assert_true(json_object_object_get_ex(all, "fcopy", &fcopy));
	g_assert_true(json_object_equal(fcopy, want));
	json_object_put(want);
	json_object_put(all);
	free(text);
}

/* The host's words stand for the file where no place was found for it; an empty file is no division by zero. */
static void test_refused(void)
{
	char *text = print("{ \"state\": \"ready\", \"copy\": \"starting\","
			   "  \"current\": { \"target\": \"/e\", \"size\": 0, \"received\": 0,"
			   "    \"begin_us\": 5000000 },"
			   "  \"last\": { \"target\": null, \"directory\": \"C:\\\\\","
			   "    \"name\": \"a\", \"size\": 10, \"received\": 0, \"begin_us\": 0,"
			   "    \"end_us\": 0, \"result\": \"refused\","
			   "    \"message\": \"not absolute\", \"sha256\": null } }",
		FALSE, 5000000);

	g_assert_nonnull(strstr(text, "Progress:         100 % (0 bytes of 0 bytes) in 0 ms\n"));
	g_assert_nonnull(
		strstr(text, "Last copy:        refused, 5 s ago: C:\\ (a): not absolute\n"));
	g_assert_null(strstr(text, "SHA-256"));
	g_assert_null(strstr(text, "Last backup"));
	free(text);
}

/* What is told is that the next file may come, where none may go, and the file once. */
static void test_after_a_refusal(void)
{
	char *text =
		print("{ \"state\": \"ready\", \"copy\": \"failed\", \"current\": null,"
		      "  \"allowed\": [], \"denied\": [],"
		      "  \"last\": { \"target\": null, \"directory\": \"/srv/\","
		      "    \"name\": \"a\\u001b\", \"size\": 10, \"received\": 0, \"begin_us\": 0,"
		      "    \"end_us\": 0, \"result\": \"refused\","
		      "    \"message\": \"/srv/a\\\\x1b: is there already\", \"sha256\": null } }",
			FALSE, 5000000);

	g_assert_nonnull(strstr(text, "Copy:             idle, and refuses"));
	g_assert_nonnull(strstr(text, "Allowed:          nowhere: Allow= is empty\n"));
	g_assert_null(strstr(text, "Denied"));
	g_assert_nonnull(strstr(
		text, "Last copy:        refused, 5 s ago: /srv/a\\x1b: is there already\n"));
	free(text);
}

/* One that is being removed has not ended yet. */
static void test_failing(void)
{
	char *text =
		print("{ \"state\": \"ready\", \"copy\": \"failed\", \"current\": {"
		      "  \"target\": \"/e\", \"size\": 9, \"received\": 3, \"begin_us\": 0 } }",
			FALSE, 5000000);

	g_assert_nonnull(strstr(text, "Copy:             failed\n"));
	free(text);
}

static void test_history(void)
{
	struct json_object *transfers = json_tokener_parse(
		"[ { \"target\": \"/srv/a\", \"directory\": \"/srv/\", \"name\": \"a\","
		"    \"size\": 2097152, \"received\": 2097152, \"begin_us\": 1000000,"
		"    \"end_us\": 3000000, \"result\": \"ok\", \"ended_by\": \"host\","
		"    \"message\": \"m\" },"
		"  { \"target\": null, \"directory\": \"/x/\", \"name\": \"b\", \"size\": 7,"
		"    \"received\": 0, \"begin_us\": 0, \"end_us\": 0, \"result\": \"refused\","
		"    \"ended_by\": \"failure\", \"message\": \"there is no /x\" } ]");
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	g_setenv("TZ", "UTC", TRUE);
	hvctl_fcopy_print_history(out, transfers);
	fclose(out);
	json_object_put(transfers);
	g_assert_cmpstr(text, ==,
		"TIME                 RESULT   ENDED BY     SIZE     CAME   FOR  FILE     "
		"MESSAGE\n"
		"1970-01-01 00:00:01  ok       host      2.0 MiB  2.0 MiB   2 s  /srv/a   m\n"
		"1970-01-01 00:00:00  refused  failure   7 bytes  0 bytes  0 ms  /x/ (b)  "
		"there is no /x\n");
	free(text);
}

/* --- the commands --- */

typedef struct {
	char *dir, *path;
	VarlinkServer *server;
	const char *reply; /* JSON; NULL: NotFound */
	char *asked; /* "Method {params}" */
} Fake;

static void answer(Fake *fake, const char *method, VarlinkCall *call, struct json_object *params)
{
	g_autoptr(GError) error = NULL;

	g_free(fake->asked);
	fake->asked = g_strdup_printf(
		"%s %s", method, json_object_to_json_string_ext(params, JSON_C_TO_STRING_PLAIN));
	if (fake->reply) {
		varlink_call_reply(call, json_tokener_parse(fake->reply));
		return;
	}
	hvis_fail(&error, HVIS_ERROR_NOT_FOUND, "nothing is under way");
	varlink_call_gerror(call, "io.hvis.Fcopy", error);
}

static void on_status(VarlinkCall *call, struct json_object *params, gpointer data)
{
	answer(data, "GetStatus", call, params);
}

static void on_history(VarlinkCall *call, struct json_object *params, gpointer data)
{
	answer(data, "History", call, params);
}

static void on_cancel(VarlinkCall *call, struct json_object *params, gpointer data)
{
	answer(data, "Cancel", call, params);
}

static const VarlinkMethod methods[] = {
	{ .name = "GetStatus", .handle = on_status },
	{ .name = "History", .handle = on_history },
	{ .name = "Cancel", .handle = on_cancel, .privileged = TRUE },
	{ .name = NULL },
};

static void fake_up(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	fake->dir = g_dir_make_tmp("hvctl-XXXXXX", &error);
	g_assert_no_error(error);
	fake->path = g_build_filename(fake->dir, "fcopy", NULL);
	fake->server = varlink_server_new("fake", "0");
	varlink_server_add(
		fake->server, "io.hvis.Fcopy", "interface io.hvis.Fcopy\n", methods, fake);
	varlink_server_listen(fake->server, fake->path, 0600, &error);
	g_assert_no_error(error);
}

static void fake_down(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	varlink_server_free(fake->server);
	g_assert_cmpint(g_rmdir(fake->dir), ==, 0);
	g_free(fake->path);
	g_free(fake->dir);
	g_free(fake->asked);
}

typedef struct {
	HvctlRequest request;
	GError *error;
	HvisExit status;
	char *out;
	gint done;
} Job;

/* In a thread of its own: a client waits, and the server has the main loop. */
static gpointer work(gpointer data)
{
	Job *job = data;
	size_t len;

	job->request.out = open_memstream(&job->out, &len);
	job->status = job->request.command->run(&job->request, &job->error);
	fclose(job->request.out);
	if (job->error)
		job->status = hvis_exit_status(job->error);
	g_atomic_int_set(&job->done, TRUE);
	g_main_context_wakeup(NULL);
	return NULL;
}

/* Run "hvctl fcopy @line"; what it printed, new. */
static char *run(Fake *fake, const char *line, HvisExit status, const char *asks)
{
	g_autofree char *full = g_strdup_printf("hvctl fcopy %s --socket %s", line, fake->path);
	g_auto(GStrv) argv = g_strsplit(full, " ", -1);
	g_autoptr(GError) error = NULL;
	GThread *thread;
	Job job = { 0 };

	hvctl_parse((const char *const *)argv, &job.request, &error);
	g_assert_no_error(error);
	job.request.root = "/nonexistent";
	thread = g_thread_new("hvctl", work, &job);
	while (!g_atomic_int_get(&job.done))
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
	hvctl_request_clear(&job.request);
	g_assert_cmpint(job.status, ==, status);
	g_assert_cmpint(job.error != NULL, ==, fake->reply == NULL);
	g_assert_cmpstr(fake->asked, ==, asks);
	g_clear_error(&job.error);
	return job.out;
}

static void test_commands(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	char *text;

	fake->reply = "{ \"transfers\": [] }";
	text = run(fake, "history", HVIS_EXIT_OK, "History {}");
	g_assert_cmpstr(text, ==, "no file since the daemon started\n");
	free(text);
	text = run(fake, "history --lines 0", HVIS_EXIT_OK, "History {\"count\":0}");
	g_assert_cmpstr(text, ==, "");
	free(text);
	fake->reply = "{ \"transfers\": [ { \"size\": 1 } ] }";
	text = run(fake, "history -n 3 --json", HVIS_EXIT_OK, "History {\"count\":3}");
	g_assert_cmpstr(text, ==, "[\n  {\n    \"size\": 1\n  }\n]\n");
	free(text);
	fake->reply = "{ \"transfer\": { \"result\": \"cancelled\", \"message\": \"by hand\","
		      " \"target\": \"/srv/\\u001bb\", \"size\": 3072, \"received\": 1024 } }";
	text = run(fake, "cancel", HVIS_EXIT_OK, "Cancel {}");
	g_assert_cmpstr(text, ==, "cancelled: /srv/\\x1bb, 1.0 KiB of 3.0 KiB had come\n");
	free(text);
	fake->reply = "{ \"transfer\": { \"result\": \"failed\", \"message\": \"no disk\","
		      " \"target\": null, \"directory\": \"/srv/\", \"name\": \"b\" } }";
	text = run(fake, "cancel", HVIS_EXIT_OK, "Cancel {}");
	g_assert_cmpstr(text, ==, "failed: /srv/ (b): no disk\n");
	free(text);
	fake->reply = NULL;
	text = run(fake, "cancel", HVIS_EXIT_FALSE, "Cancel {}");
	g_assert_cmpstr(text, ==, "");
	free(text);
}

static void test_status_exit(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	char *text;

	fake->reply =
		"{ \"status\": { \"state\": \"ready\", \"device\": \"/l\", \"copy\": \"idle\" } }";
	text = run(fake, "status", HVIS_EXIT_OK, "GetStatus {}");
	g_assert_nonnull(strstr(text, "Copy:             idle\n"));
	free(text);
	fake->reply =
		"{ \"status\": { \"state\": \"waiting\", \"device\": \"/dev/vmbus/hv_fcopy\" } }";
	text = run(fake, "status", HVIS_EXIT_FALSE, "GetStatus {}");
	g_assert_nonnull(strstr(text, "What to do:"));
	free(text);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hvctl/fcopy/sizes", test_sizes);
	g_test_add_func("/hvctl/fcopy/receiving", test_receiving);
	g_test_add_func("/hvctl/fcopy/json", test_json);
	g_test_add_func("/hvctl/fcopy/refused", test_refused);
	g_test_add_func("/hvctl/fcopy/after-a-refusal", test_after_a_refusal);
	g_test_add_func("/hvctl/fcopy/failing", test_failing);
	g_test_add_func("/hvctl/fcopy/history", test_history);
	g_test_add("/hvctl/fcopy/commands", Fake, NULL, fake_up, test_commands, fake_down);
	g_test_add("/hvctl/fcopy/status-exit", Fake, NULL, fake_up, test_status_exit, fake_down);
	return g_test_run();
}
