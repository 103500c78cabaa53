/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands of hvctl against a daemon of this test's own: a Varlink server that writes down what
 * it is asked and answers what the case wants.
 */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "hvctl/command.h"
#include "hvctl/records.h"
#include "util/error.h"
#include "util/fd.h"
#include "varlink/varlink.h"

typedef struct {
	char *dir, *path;
	VarlinkServer *server;
	/* set by a case before its command */
	gboolean empty; /* List has no records, whatever else is answered */
	const char *reply; /* JSON of the answer; NULL = none, ever */
	HvisErrorCode code; /* with @fail: answer this error */
	const char *fail;
	VarlinkCall *kept;
	char *asked; /* "Method {params}" of the last call */
} Fake;

static void answer(Fake *fake, const char *method, VarlinkCall *call, struct json_object *params)
{
	g_autoptr(GError) error = NULL;

	g_free(fake->asked);
	fake->asked = g_strdup_printf("%s %s", method,
		json_object_to_json_string_ext(
			params, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	if (fake->empty && g_str_equal(method, "List")) {
		varlink_call_reply(call, json_tokener_parse("{\"records\":[]}"));
	} else if (fake->fail) {
		hvis_fail(&error, fake->code, "%s", fake->fail);
		varlink_call_gerror(call, "io.hvis.Kvp", error);
	} else if (fake->reply) {
		varlink_call_reply(call, json_tokener_parse(fake->reply));
	} else {
		fake->kept = varlink_call_ref(call);
	}
}

#define METHOD(NAME)                                                                               \
	static void on_##NAME(VarlinkCall *call, struct json_object *params, gpointer data)        \
	{                                                                                          \
		answer(data, #NAME, call, params);                                                 \
	}
METHOD(List)
METHOD(Get)
METHOD(Set)
METHOD(Delete)
METHOD(GetStatus)

static const VarlinkMethod methods[] = {
	{ .name = "List", .handle = on_List },
	{ .name = "Get", .handle = on_Get },
	{ .name = "Set", .handle = on_Set },
	{ .name = "Delete", .handle = on_Delete },
	{ .name = "GetStatus", .handle = on_GetStatus },
	{ .name = NULL },
};

static void fake_up(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	fake->dir = g_dir_make_tmp("hvctl-XXXXXX", NULL);
	fake->path = g_build_filename(fake->dir, "kvp", NULL);
	fake->server = varlink_server_new("fake", "0");
	varlink_server_add(fake->server, "io.hvis.Kvp", "interface io.hvis.Kvp\n", methods, fake);
	varlink_server_listen(fake->server, fake->path, 0600, &error);
	g_assert_no_error(error);
}

static void fake_down(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	g_clear_pointer(&fake->kept, varlink_call_unref);
	varlink_server_free(fake->server);
	g_assert_cmpint(g_rmdir(fake->dir), ==, 0); /* the server took its socket away */
	g_free(fake->path);
	g_free(fake->dir);
	g_free(fake->asked);
}

typedef struct {
	int status;
	char *out;
	GError *error;
} Result;

static void result_clear(Result *result)
{
	free(result->out);
	g_clear_error(&result->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

typedef struct {
	HvctlRequest request;
	Result result;
	gint done;
} Job;

/* The command, in a thread of its own: a client waits, and the server has the main loop. */
static gpointer work(gpointer data)
{
	Job *job = data;
	size_t len;
	HvisExit status;

	job->request.out = open_memstream(&job->result.out, &len);
	status = job->request.command->run(&job->request, &job->result.error);
	fclose(job->request.out);
	if (job->result.error)
		status = hvis_exit_status(job->result.error);
	job->result.status = (int)status;
	g_atomic_int_set(&job->done, TRUE);
	g_main_context_wakeup(NULL);
	return NULL;
}

/* Run "hvctl @line" (words between spaces) as main() would, but keep what it prints. */
static Result run(const char *socket, const char *root, const char *line)
{
	g_autofree char *full = g_strdup_printf("hvctl %s --socket %s", line, socket);
	g_auto(GStrv) argv = g_strsplit(full, " ", -1);
	g_autoptr(GError) error = NULL;
	GThread *thread;
	Job job = { 0 };

	hvctl_parse((const char *const *)argv, &job.request, &error);
	g_assert_no_error(error);
	job.request.root = root;
	thread = g_thread_new("hvctl", work, &job);
	while (!g_atomic_int_get(&job.done))
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
	hvctl_request_clear(&job.request);
	return job.result;
}

#define RUN(LINE) run(fake->path, "/nonexistent", LINE)

static void check(const Result *r, int status, const char *out)
{
	g_assert_no_error(r->error);
	g_assert_cmpint(r->status, ==, status);
	g_assert_cmpstr(r->out, ==, out);
}

static void check_error(const Result *r, int status, const char *says)
{
	g_assert_nonnull(r->error);
	g_assert_cmpint(r->status, ==, status);
	g_assert_cmpstr(r->out, ==, "");
	if (!strstr(r->error->message, says))
		g_error("\"%s\" does not say \"%s\"", r->error->message, says);
}

static void test_get(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	fake->reply = "{\"record\":{\"pool\":\"guest\",\"key\":\"k\",\"value\":\"a b\\u001b[2J\"}}";
	{
		g_auto(Result) r = RUN("kvp get k");

		check(&r, 0, "a b\\x1b[2J\n");
		g_assert_cmpstr(fake->asked, ==, "Get {\"key\":\"k\"}");
	}
	{
		g_auto(Result) r = RUN("kvp get k --pool 1 --json");

		check(&r, 0,
			"{\n  \"pool\": \"guest\",\n  \"key\": \"k\",\n  \"value\": \"a "
			"b\\u001b[2J\"\n}\n");
		g_assert_cmpstr(fake->asked, ==, "Get {\"pool\":\"guest\",\"key\":\"k\"}");
	}
}

static void test_get_missing(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) r = { 0 };

	fake->code = HVIS_ERROR_NOT_FOUND;
	fake->fail = "no record \"k\"";
	r = RUN("kvp get k");
	check_error(&r, 1, "no record \"k\"");
}

static void test_list(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	fake->reply = "{\"records\":["
		      "{\"pool\":\"external\",\"key\":\"k\",\"value\":\"1\"},"
		      "{\"pool\":\"guest\",\"key\":\"longer\",\"value\":\"two\\nlines\"},"
		      "{\"pool\":\"guest\",\"key\":\"longer\",\"value\":\"\"}]}";
	{
		g_auto(Result) r = RUN("kvp list");

		check(&r, 0,
			"POOL      KEY     VALUE\n"
			"external  k       1\n"
			"guest     longer  two\\nlines\n"
			"guest     longer\n");
		g_assert_cmpstr(fake->asked, ==, "List {\"from\":0}");
	}
	fake->reply = "{\"records\":[]}";
	{
		g_auto(Result) text = RUN("kvp list -p auto");
		g_auto(Result) json = RUN("kvp list -p auto -j");

		check(&text, 0, "");
		check(&json, 0, "[\n]\n");
		g_assert_cmpstr(fake->asked, ==, "List {\"pool\":\"auto\",\"from\":0}");
	}
}

/* A daemon whose list never ends, or has holes, is not believed. */
static void test_list_that_does_not_go_on(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const replies[] = {
		"{\"records\":[],\"next\":0}",
		"{\"records\":[],\"next\":1}",
		"{\"records\":[{\"pool\":\"auto\",\"key\":\"k\",\"value\":\"\"}],\"next\":2}",
		"{\"records\":[{\"pool\":\"auto\",\"key\":\"k\",\"value\":\"\"}],\"next\":\"\"}",
	};

	for (guint i = 0; i < G_N_ELEMENTS(replies); i++) {
		g_auto(Result) r = { 0 };

		fake->reply = replies[i];
		r = RUN("kvp list");
		check_error(&r, 3, "does not go on");
	}
}

static gpointer hang_up(gpointer listener)
{
	hvis_autofd int fd = accept(GPOINTER_TO_INT(listener), NULL, NULL);

	g_assert_cmpint(fd, >=, 0);
	return NULL;
}

/* A daemon that lets nobody else in was said not to run, and to be started. */
static void test_daemon_that_hangs_up(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *path = g_strconcat(fake->path, ".full", NULL);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	hvis_autofd int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_auto(Result) r = { 0 };
	GThread *thread;

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(listener, 1), ==, 0);
	thread = g_thread_new("server", hang_up, GINT_TO_POINTER(listener));
	r = run(path, "/nonexistent", "status");
	g_thread_join(thread);
	check_error(&r, 3, "hung up");
	g_assert_cmpint(g_unlink(path), ==, 0);
}

static void test_set(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) r = { 0 };

	fake->empty = TRUE;
	fake->reply = "{\"replaced\":true}";
	r = RUN("kvp set k v --pool external");
	check(&r, 0, "");
	g_assert_cmpstr(
		fake->asked, ==, "Set {\"pool\":\"external\",\"key\":\"k\",\"value\":\"v\"}");
}

static void test_delete(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) r = { 0 };

	fake->empty = TRUE;
	fake->reply = "{}";
	r = RUN("kvp delete k");
	check(&r, 0, "");
	g_assert_cmpstr(fake->asked, ==, "Delete {\"key\":\"k\"}");
}

/* What the daemon refuses becomes the exit status of its kind. */
static void test_refusals(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	static const struct {
		HvisErrorCode code;
		int status;
	} cases[] = {
		{ HVIS_ERROR_NOT_FOUND, 1 },
		{ HVIS_ERROR_INVALID, 2 },
		{ HVIS_ERROR_IO, 3 },
		{ HVIS_ERROR_NO_SPACE, 3 },
		{ HVIS_ERROR_PERMISSION, 4 },
		{ HVIS_ERROR_TIMEOUT, 5 },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(Result) set = { 0 }, delete = { 0 };

		fake->code = cases[i].code;
		fake->fail = "for this reason";
		fake->empty = TRUE;
		set = RUN("kvp set k v");
		check_error(&set, cases[i].status, "for this reason");
		delete = RUN("kvp delete k");
		check_error(&delete, cases[i].status, "for this reason");
	}
}

/* An answer that the interface does not allow is an error, not a crash or silence. */
static void test_nonsense(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const replies[] = { "{}", "{\"record\":7}", "{\"record\":{}}",
		"{\"record\":{\"value\":null}}", "{\"records\":{}}", "{\"status\":[]}" };
	static const char *const lines[] = { "kvp get k", "kvp list", "status" };

	for (guint i = 0; i < G_N_ELEMENTS(replies); i++)
		for (guint j = 0; j < G_N_ELEMENTS(lines); j++) {
			g_auto(Result) r = { 0 };

			fake->reply = replies[i];
			r = RUN(lines[j]);
			check_error(&r, 3, "the daemon's answer has no");
		}
}

static void test_timeout(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) r = RUN("kvp get k --timeout 0.05");

	check_error(&r, 5, "");
}

static void test_status(Fake *fake, gconstpointer data G_GNUC_UNUSED)
{
	fake->reply = "{\"status\":{\"state\":\"ready\",\"device\":\"/dev/x\"}}";
	{
		g_auto(Result) r = RUN("status");

		check(&r, 0,
			"hv_kvp_daemon: key-value pairs\n"
			"State:            ready\n"
			"Device:           /dev/x\n");
		g_assert_cmpstr(fake->asked, ==, "GetStatus {}");
	}
	fake->reply = "{\"status\":{\"state\":\"waiting\",\"device\":\"/dev/vmbus/hv_kvp\"}}";
	{
		g_auto(Result) r = RUN("status --json");
		struct json_object *all = json_tokener_parse(r.out), *kvp, *advice;

		g_assert_no_error(r.error);
		g_assert_cmpint(r.status, ==, 1);
		g_assert_true(json_object_object_get_ex(all, "kvp", &kvp));
		g_assert_true(json_object_object_get_ex(kvp, "advice", &advice));
		g_assert_nonnull(strstr(json_object_get_string(advice), "no VMBus"));
		json_object_put(all);
	}
}

/* Nobody there: the status is an answer all the same, any other command is an error. */
static void test_not_running(void)
{
	g_auto(Result) status = run("/nonexistent/kvp", "/nonexistent", "status");
	g_auto(Result) get = run("/nonexistent/kvp", "/nonexistent", "kvp get k");

	g_assert_no_error(status.error);
	g_assert_cmpint(status.status, ==, 3);
	g_assert_true(g_str_has_prefix(
		status.out, "hv_kvp_daemon: key-value pairs\nState:            not running\n"));
	check_error(&get, 3, "hv_kvp_daemon does not run");
}

/* The default directory need not be there; one that was named must, or a typing error has no pairs. */
static void test_mistyped_directory(void)
{
	char dir[] = "/nowhere/hyperv";
	HvctlRequest request = { .offline = TRUE, .quiet = TRUE, .pool_dir = dir };
	struct json_object *records;
	g_autoptr(GError) error = NULL;

	records = hvctl_records(&request, NULL, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(json_object_array_length(records), ==, 0);
	json_object_put(records);
	request.names_dir = TRUE;
	g_assert_null(hvctl_records(&request, NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_IO);
	g_assert_nonnull(strstr(error->message, dir));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define CASE(PATH, TEST) g_test_add(PATH, Fake, NULL, fake_up, TEST, fake_down)
	CASE("/hvctl/kvp/get", test_get);
	CASE("/hvctl/kvp/get-missing", test_get_missing);
	CASE("/hvctl/kvp/list", test_list);
	CASE("/hvctl/daemon-that-hangs-up", test_daemon_that_hangs_up);
	CASE("/hvctl/kvp/list-that-does-not-go-on", test_list_that_does_not_go_on);
	CASE("/hvctl/kvp/set", test_set);
	CASE("/hvctl/kvp/delete", test_delete);
	CASE("/hvctl/kvp/refusals", test_refusals);
	CASE("/hvctl/kvp/nonsense", test_nonsense);
	CASE("/hvctl/kvp/timeout", test_timeout);
	CASE("/hvctl/status/running", test_status);
	g_test_add_func("/hvctl/not-running", test_not_running);
	g_test_add_func("/hvctl/kvp/mistyped-directory", test_mistyped_directory);
	return g_test_run();
}
