/* SPDX-License-Identifier: GPL-2.0-only */
/* The Varlink client: in a thread against our server, and against answers that no server of ours sends. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <util/error.h>
#include <util/fd.h>
#include "tests/unit/varlink-fixture.h"

typedef VarlinkFixture Fixture;

/* --- our client --- */

typedef struct {
	Fixture *f;
	void (*body)(Fixture *f);
	gint done;
} Job;

static gpointer run_job(gpointer data)
{
	Job *job = data;

	job->body(job->f);
	g_atomic_int_set(&job->done, 1);
	g_main_context_wakeup(NULL);
	return NULL;
}

static void in_thread(Fixture *f, gconstpointer data)
{
	Job job = { f, *(void (*const *)(Fixture *))data, 0 };
	GThread *thread = g_thread_new("client", run_job, &job);

	while (!g_atomic_int_get(&job.done))
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
	varlink_fixture_settle();
}

static void client_calls(Fixture *f)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VarlinkClient) client = varlink_client_connect(f->path, &error);
	struct json_object *params = json_object_new_object();
	struct json_object *answer;

	g_assert_no_error(error);
	json_object_object_add(params, "n", json_object_new_int(5));
	answer = varlink_client_call(client, "io.test.Echo", params, -1, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(
		json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN), ==, "{\"n\":5}");
	json_object_put(answer);
	answer = varlink_client_call(client, "io.test.Touch", NULL, 5000, &error);
	g_assert_no_error(error);
	g_assert_cmpint(json_object_object_length(answer), ==, 0);
	json_object_put(answer);
}

/* Every code arrives as itself, with its message. */
static void client_errors(Fixture *f)
{
	g_autoptr(VarlinkClient) client = varlink_client_connect(f->path, NULL);

	for (int code = 0; code < HVIS_ERROR_N; code++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *text = g_strdup_printf("code %d", code);
		struct json_object *params = json_object_new_object();

		json_object_object_add(params, "code", json_object_new_int(code));
		g_assert_null(varlink_client_call(client, "io.test.Fail", params, 5000, &error));
		g_assert_error(error, HVIS_ERROR, code);
		g_assert_cmpstr(error->message, ==, text);
	}
}

static void client_standard_errors(Fixture *f)
{
	static const struct {
		const char *method;
		HvisErrorCode code;
	} cases[] = {
		{ "io.test.Nope", HVIS_ERROR_UNSUPPORTED },
		{ "io.none.Echo", HVIS_ERROR_UNSUPPORTED },
		{ "io.test.Typed", HVIS_ERROR_INVALID },
		{ "io.test.Count", HVIS_ERROR_INVALID },
		{ "io.test.Forget", HVIS_ERROR_FAILED },
	};
	g_autoptr(VarlinkClient) client = varlink_client_connect(f->path, NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(varlink_client_call(client, cases[i].method, NULL, 5000, &error));
		g_assert_error(error, HVIS_ERROR, (gint)cases[i].code);
		g_assert_cmpuint(strlen(error->message), >, 0);
	}
}

static gboolean sum(struct json_object *params, gpointer data)
{
	struct json_object *n;
	int *total = data;

	if (json_object_object_get_ex(params, "n", &n))
		*total += json_object_get_int(n);
	return *total < 10;
}

static void client_streams(Fixture *f)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VarlinkClient) client = varlink_client_connect(f->path, NULL);
	struct json_object *params = json_object_new_object();
	int total = 0;

	g_assert_true(
		varlink_client_stream(client, "io.test.Count", NULL, 5000, sum, &total, &error));
	g_assert_no_error(error);
	g_assert_cmpint(total, ==, 1 + 2);
	total = 0;
	json_object_object_add(params, "to", json_object_new_int(100));
	g_assert_true(
		varlink_client_stream(client, "io.test.Count", params, 5000, sum, &total, &error));
	g_assert_cmpint(total, ==, 1 + 2 + 3 + 4);
	g_assert_null(varlink_client_call(client, "io.test.Echo", NULL, 5000, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED)); /* ended early, so it is closed */
}

static void client_times_out(Fixture *f)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VarlinkClient) client = varlink_client_connect(f->path, NULL);
	gint64 start = g_get_monotonic_time();

	g_assert_null(varlink_client_call(client, "io.test.Park", NULL, 50, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_TIMEOUT));
	g_assert_cmpint(g_get_monotonic_time() - start, >=, 50 * 1000);
	g_clear_error(&error);
	g_assert_null(varlink_client_call(client, "io.test.Echo", NULL, 50, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
}

static void client_big(Fixture *f)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VarlinkClient) client = varlink_client_connect(f->path, NULL);
	g_autofree char *text = g_strnfill(VARLINK_MESSAGE_MAX - 100, 'y');
	struct json_object *params = json_object_new_object(), *answer, *back;

	json_object_object_add(params, "text", json_object_new_string(text));
	answer =
		varlink_client_call(client, "io.test.Echo", json_object_get(params), 60000, &error);
	g_assert_no_error(error);
	g_assert_true(json_object_object_get_ex(answer, "text", &back));
	g_assert_cmpstr(json_object_get_string(back), ==, text);
	json_object_put(answer);
	json_object_object_add(params, "again", json_object_new_string(text));
	g_assert_null(varlink_client_call(client, "io.test.Echo", params, 60000, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
	g_clear_error(&error);
	answer = varlink_client_call(client, "io.test.Touch", NULL, 60000, &error);
	g_assert_no_error(error); /* nothing was sent, so the connection is good */
	json_object_put(answer);
}

/* --- descriptors --- */

static int file_with(const char *text)
{
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("hvis-varlink-XXXXXX", &path, NULL);

	g_assert_cmpint(pwrite(fd, text, strlen(text), 0), ==, (gssize)strlen(text));
	g_assert_cmpint(g_unlink(path), ==, 0);
	return fd;
}

static void expect_read(VarlinkClient *client, const char *want)
{
	g_autoptr(GError) error = NULL;
	struct json_object *answer = varlink_client_call(client, "io.test.Read", NULL, -1, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(json_object_get_string(json_object_object_get(answer, "text")), ==, want);
	json_object_put(answer);
}

static void client_passes(Fixture *f)
{
	g_autoptr(VarlinkClient) client = varlink_client_connect(f->path, NULL);
	hvis_autofd int one = file_with("one"), two = file_with("two");
	struct json_object *answer;

	varlink_client_pass_fd(client, one);
	expect_read(client, "one");
	expect_read(client, NULL); /* it went with that call alone */
	varlink_client_pass_fd(client, one);
	answer = varlink_client_call(client, "io.test.Touch", NULL, -1, NULL);
	json_object_put(answer);
	varlink_client_pass_fd(client, two);
	expect_read(client, "two"); /* and nobody has taken the other */
	varlink_client_pass_fd(client, one);
	answer = varlink_client_call(client, "io.test.Touch", NULL, -1, NULL);
	json_object_put(answer);
}

static void client_passes_in_vain(Fixture *f)
{
	g_autoptr(VarlinkClient) client = varlink_client_connect(f->path, NULL);
	hvis_autofd int one = file_with("one");

	varlink_client_pass_fd(client, one);
	expect_read(client, NULL);
}

/* Two at once, as no client of ours does it. */
static void client_passes_many(Fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	hvis_autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), one = file_with("one");
	int pair[2] = { one, one };
	char control[CMSG_SPACE(sizeof(pair))] = { 0 }, answer[256] = "";
	struct iovec iov = { .iov_base = (char *)"{\"method\": \"io.test.Read\"}", .iov_len = 27 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };

	CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(sizeof(pair));
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), pair, sizeof(pair));
	g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(sendmsg(fd, &msg, 0), ==, 27);
	g_assert_cmpint(recv(fd, answer, sizeof(answer) - 1, 0), >, 0);
	g_assert_nonnull(strstr(answer, "\"one\""));
}

static guint open_fds(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	guint n = 0;

	while (g_dir_read_name(dir))
		n++;
	return n;
}

/* None is left behind, whoever takes it or not. */
static void test_pass(Fixture *f, gconstpointer data)
{
	static void (*const bodies[])(Fixture *) = { client_passes, client_passes_many };
	guint before = open_fds();

	in_thread(f, data);
	g_assert_cmpuint(open_fds(), ==, before);
	varlink_server_take_fds(f->server);
	for (gsize i = 0; i < G_N_ELEMENTS(bodies); i++) {
		in_thread(f, &bodies[i]);
		g_assert_cmpuint(open_fds(), ==, before);
	}
}

static void test_connect_missing(void)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(varlink_client_connect("/nonexistent/socket", &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NOT_FOUND));
}

#define SAID(params) "{\"error\":\"io.x.Odd\",\"parameters\":{" params "}}"
#define SAYS(params) SAID(params), sizeof(SAID(params))

/* One line, and nothing that a terminal obeys: who took a daemon over may speak to root. */
static void assert_harmless(const char *message)
{
	for (; *message; message = g_utf8_next_char(message))
		g_assert_false(g_unichar_iscntrl(g_utf8_get_char(message)));
}

/* Answers that no server of ours sends. */
static void test_bad_answers(void)
{
	static const struct {
		const char *answer;
		gsize len;
		HvisErrorCode code;
	} cases[] = {
		{ "nonsense", 9, HVIS_ERROR_PROTOCOL },
		{ "[]", 3, HVIS_ERROR_PROTOCOL },
		{ "{\"parameters\":[]}", 18, HVIS_ERROR_PROTOCOL },
		{ "{\"error\":7}", 12, HVIS_ERROR_PROTOCOL },
		{ "{\"continues\":true}", 19, HVIS_ERROR_PROTOCOL },
		{ "{\"error\":\"io.x.Odd\"}", 21, HVIS_ERROR_FAILED },
		{ SAYS("\"message\":\"a\\u001b[2J\\nb\""), HVIS_ERROR_FAILED },
		{ SAYS("\"other\":\"\302\233\""), HVIS_ERROR_FAILED },
		{ "{\"parameters\":{}", 16, HVIS_ERROR_CLOSED }, /* no NUL, then the end */
		{ "", 0, HVIS_ERROR_CLOSED },
	};
	g_autofree char *dir = g_dir_make_tmp("hvis-varlink-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "s", NULL);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	hvis_autofd int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(listener, 1), ==, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(VarlinkClient) client = varlink_client_connect(path, NULL);
		hvis_autofd int peer = accept(listener, NULL, NULL);

		/* sent before it is asked for: the client finds it in the socket */
		g_assert_cmpint(
			send(peer, cases[i].answer, cases[i].len, 0), ==, (gssize)cases[i].len);
		shutdown(peer, SHUT_WR);
		g_assert_null(varlink_client_call(client, "io.x.Y", NULL, 5000, &error));
		g_assert_error(error, HVIS_ERROR, (gint)cases[i].code);
		assert_harmless(error->message);
	}
	g_unlink(path);
	g_rmdir(dir);
}

/* --- calls that nobody waits for --- */

typedef struct {
	guint answers;
	char *params; /* of the last answer */
	GError *error;
} Later;

static void on_later(struct json_object *params, const GError *error, gpointer data)
{
	Later *l = data;

	l->answers++;
	l->params =
		params ? g_strdup(json_object_to_json_string_ext(params, JSON_C_TO_STRING_PLAIN))
		       : NULL;
	l->error = error ? g_error_copy(error) : NULL;
}

static void later_clear(Later *l)
{
	g_clear_pointer(&l->params, g_free);
	g_clear_error(&l->error);
}

static VarlinkPending *call_later(Fixture *f, const char *method, guint timeout_ms, Later *l)
{
	g_autoptr(GError) error = NULL;
	struct json_object *params = json_object_new_object();
	VarlinkPending *pending;

	json_object_object_add(params, "code", json_object_new_int(HVIS_ERROR_BUSY));
	pending = varlink_call_later(f->path, method, params, timeout_ms, on_later, l, &error);
	g_assert_no_error(error);
	return pending;
}

static void wait_later(const Later *l)
{
	while (!l->answers)
		g_main_context_iteration(NULL, TRUE);
	varlink_fixture_settle();
}

static void test_later(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	Later good = { 0 }, bad = { 0 };

	call_later(f, "io.test.Echo", 60000, &good);
	wait_later(&good);
	g_assert_no_error(good.error);
	g_assert_cmpstr(good.params, ==, "{\"code\":8}");
	call_later(f, "io.test.Fail", 60000, &bad);
	wait_later(&bad);
	g_assert_error(bad.error, HVIS_ERROR, HVIS_ERROR_BUSY);
	later_clear(&good);
	later_clear(&bad);
}

static void test_later_times_out(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	Later l = { 0 };

	call_later(f, "io.test.Park", 20, &l);
	wait_later(&l);
	g_assert_error(l.error, HVIS_ERROR, HVIS_ERROR_TIMEOUT);
	g_assert_cmpuint(l.answers, ==, 1);
	while (!f->hung_up)
		g_main_context_iteration(NULL, TRUE);
	later_clear(&l);
}

static void test_later_cancelled(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	Later l = { 0 };
	VarlinkPending *pending = call_later(f, "io.test.Park", 60000, &l);

	while (!f->parked->len)
		g_main_context_iteration(NULL, TRUE);
	varlink_pending_cancel(pending);
	while (!f->hung_up)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpuint(l.answers, ==, 0);
}

/* The server goes away in the middle of it. */
static void test_later_hung_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	Later l = { 0 };

	call_later(f, "io.test.Park", 60000, &l);
	while (!f->parked->len)
		g_main_context_iteration(NULL, TRUE);
	g_clear_pointer(&f->server, varlink_server_free);
	wait_later(&l);
	g_assert_error(l.error, HVIS_ERROR, HVIS_ERROR_CLOSED);
	later_clear(&l);
}

static void test_later_missing(void)
{
	g_autoptr(GError) error = NULL;
	Later l = { 0 };

	g_assert_null(varlink_call_later(
		"/nonexistent/socket", "io.x.Y", NULL, 1000, on_later, &l, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NOT_FOUND);
}

#define LATER(path, func)                                                                          \
	g_test_add("/varlink/later/" path, Fixture, NULL, varlink_fixture_set_up, func,            \
		varlink_fixture_tear_down)

#define ADD(path, func)                                                                            \
	do {                                                                                       \
		static void (*const body)(Fixture *) = func;                                       \
		g_test_add("/varlink/client/" path, Fixture, &body, varlink_fixture_set_up,        \
			in_thread, varlink_fixture_tear_down);                                     \
	} while (0)

int main(int argc, char **argv)
{
	static void (*const in_vain)(Fixture *) = client_passes_in_vain;

	g_test_init(&argc, &argv, NULL);
	ADD("calls", client_calls);
	ADD("errors", client_errors);
	ADD("standard-errors", client_standard_errors);
	ADD("streams", client_streams);
	ADD("times-out", client_times_out);
	ADD("big", client_big);
	g_test_add("/varlink/client/pass", Fixture, &in_vain, varlink_fixture_set_up, test_pass,
		varlink_fixture_tear_down);
	g_test_add_func("/varlink/client/connect-missing", test_connect_missing);
	g_test_add_func("/varlink/client/bad-answers", test_bad_answers);
	LATER("answers", test_later);
	LATER("times-out", test_later_times_out);
	LATER("cancelled", test_later_cancelled);
	LATER("hung-up", test_later_hung_up);
	g_test_add_func("/varlink/later/missing", test_later_missing);
	return g_test_run();
}
