/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Varlink server against raw bytes (framing, limits, order, rights) and against our own client.
 * The server runs on the main context of the test; raw clients are non-blocking sockets of the same
 * thread, synchronous clients run in threads of their own.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <util/error.h>
#include <util/fd.h>
#include <varlink/varlink.h>

#define INFO "{\"method\":\"org.varlink.service.GetInfo\"}"

typedef struct {
	char *dir, *path;
	VarlinkServer *server;
	GPtrArray *parked; /* calls that a handler kept */
	guint hung_up, touched, notified;
} Fixture;

/* --- the interface under test --- */

static void on_echo(VarlinkCall *call, struct json_object *params, gpointer data G_GNUC_UNUSED)
{
	varlink_call_reply(call, json_object_get(params));
}

static void on_gone(VarlinkCall *call, gpointer data)
{
	Fixture *f = data;

	f->hung_up++;
	g_ptr_array_remove(f->parked, call);
}

static void on_park(VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data)
{
	Fixture *f = data;

	g_ptr_array_add(f->parked, varlink_call_ref(call));
	varlink_call_on_hangup(call, on_gone, f);
}

static void on_touch(VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data)
{
	Fixture *f = data;

	f->touched++;
	varlink_call_reply(call, NULL);
}

static void on_fail(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	gint64 code = 0;

	if (!varlink_param_int(call, "code", &code))
		return;
	error = g_error_new(HVIS_ERROR, (gint)code, "code %d", (int)code);
	varlink_call_gerror(call, "io.test", error);
}

static void on_forget(VarlinkCall *call G_GNUC_UNUSED, struct json_object *params G_GNUC_UNUSED,
	gpointer data G_GNUC_UNUSED)
{
}

static void on_count(VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data)
{
	Fixture *f = data;
	gint64 to = 3;

	if (!varlink_param_int_opt(call, "to", &to))
		return;
	for (gint64 i = 1; i < to; i++) {
		struct json_object *n = json_object_new_object();

		json_object_object_add(n, "n", json_object_new_int64(i));
		if (!varlink_call_notify(call, n))
			return;
		f->notified++;
	}
	varlink_call_reply(call, NULL);
}

static void on_big(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	gint64 size = 0;
	struct json_object *reply;
	g_autofree char *text = NULL;

	if (!varlink_param_int(call, "size", &size))
		return;
	text = g_strnfill((gsize)size, 'x');
	reply = json_object_new_object();
	json_object_object_add(reply, "text", json_object_new_string(text));
	varlink_call_reply(call, reply);
}

static void on_typed(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	struct json_object *reply;
	const char *s, *so = "none";
	gint64 i, io = -1;
	gboolean bo = TRUE;

	if (!varlink_param_string(call, "s", &s) || !varlink_param_int(call, "i", &i) ||
		!varlink_param_string_opt(call, "so", &so) ||
		!varlink_param_int_opt(call, "io", &io) || !varlink_param_bool_opt(call, "bo", &bo))
		return;
	reply = json_object_new_object();
	json_object_object_add(reply, "s", json_object_new_string(s));
	json_object_object_add(reply, "i", json_object_new_int64(i));
	json_object_object_add(reply, "so", json_object_new_string(so));
	json_object_object_add(reply, "io", json_object_new_int64(io));
	json_object_object_add(reply, "bo", json_object_new_boolean(bo));
	varlink_call_reply(call, reply);
}

static const VarlinkMethod methods[] = {
	{ .name = "Echo", .handle = on_echo },
	{ .name = "Park", .handle = on_park },
	{ .name = "Touch", .handle = on_touch },
	{ .name = "Secret", .handle = on_touch, .privileged = TRUE },
	{ .name = "Fail", .handle = on_fail },
	{ .name = "Forget", .handle = on_forget },
	{ .name = "Count", .handle = on_count, .streams = TRUE },
	{ .name = "Big", .handle = on_big },
	{ .name = "Typed", .handle = on_typed },
	{ 0 },
};

/* --- fixture --- */

static void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	f->dir = g_dir_make_tmp("hvis-varlink-XXXXXX", &error);
	g_assert_no_error(error);
	f->path = g_build_filename(f->dir, "run", "test", NULL);
	f->parked = g_ptr_array_new_with_free_func((GDestroyNotify)varlink_call_unref);
	f->server = varlink_server_new("test", "1.2");
	varlink_server_add(f->server, "io.test", "interface io.test\n", methods, f);
	g_assert_true(varlink_server_listen(f->server, f->path, 0666, &error));
	g_assert_no_error(error);
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *run = g_path_get_dirname(f->path);

	varlink_server_free(f->server);
	g_assert_cmpuint(f->parked->len, ==, 0);
	g_ptr_array_unref(f->parked);
	g_assert_cmpint(g_rmdir(run), ==, 0); /* socket and lock are gone */
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->path);
	g_free(f->dir);
}

/* --- raw clients --- */

static void settle(void)
{
	for (int quiet = 0; quiet < 3;)
		quiet = g_main_context_iteration(NULL, FALSE) ? 0 : quiet + 1;
}

static int raw_connect(Fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	return fd;
}

/* Send all, letting the server run. FALSE where it hung up in the middle. */
static gboolean raw_send(int fd, const char *bytes, gsize len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			settle();
			continue;
		}
		if (n < 0)
			return FALSE;
		bytes += n;
		len -= (gsize)n;
	}
	settle();
	return TRUE;
}

static void raw_call(int fd, const char *json)
{
	g_assert_true(raw_send(fd, json, strlen(json) + 1));
}

/* The next message, or NULL at the end of file. */
static char *raw_receive(int fd)
{
	GString *text = g_string_new(NULL);

	for (guint idle = 0; idle < 1000;) {
		char c;
		ssize_t n = recv(fd, &c, 1, 0);

		if (n < 0 && errno == EAGAIN) {
			settle();
			idle++;
			continue;
		}
		if (n <= 0) {
			g_assert_cmpuint(text->len, ==, 0);
			g_string_free(text, TRUE);
			return NULL;
		}
		if (c == '\0')
			return g_string_free(text, FALSE);
		g_string_append_c(text, c);
	}
	g_error("no answer; so far: %s", text->str);
}

static void expect(int fd, const char *json)
{
	g_autofree char *got = raw_receive(fd);

	g_assert_cmpstr(got, ==, json);
}

static void expect_end(int fd)
{
	g_autofree char *got = raw_receive(fd);

	g_assert_null(got);
}

static void expect_nothing(int fd)
{
	char c;

	settle();
	g_assert_cmpint(recv(fd, &c, 1, 0), ==, -1);
	g_assert_cmpint(errno, ==, EAGAIN);
}

#define ECHO(n) "{\"method\":\"io.test.Echo\",\"parameters\":{\"n\":" #n "}}"
#define ECHOED(n) "{\"parameters\":{\"n\":" #n "}}"
#define INVALID(what)                                                                              \
	"{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":"       \
	"\"" what "\"}}"

/* --- framing --- */

static void test_info(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_autofd int fd = raw_connect(f);

	raw_call(fd, INFO);
	expect(fd, "{\"parameters\":{\"vendor\":\"hvis\",\"product\":\"test\",\"version\":\"1.2\","
		   "\"url\":\"\",\"interfaces\":[\"org.varlink.service\",\"io.test\"]}}");
	raw_call(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		     "\"parameters\":{\"interface\":\"io.test\"}}");
	expect(fd, "{\"parameters\":{\"description\":\"interface io.test\\n\"}}");
	raw_call(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		     "\"parameters\":{\"interface\":\"io.tes\"}}");
	expect(fd, "{\"error\":\"org.varlink.service.InterfaceNotFound\","
		   "\"parameters\":{\"interface\":\"io.tes\"}}");
	raw_call(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}");
	expect(fd, INVALID("interface"));
}

static void test_byte_by_byte(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char two[] = ECHO(1) "\0" ECHO(2);
	hvis_autofd int fd = raw_connect(f);

	for (gsize i = 0; i < sizeof(two); i++)
		g_assert_true(raw_send(fd, two + i, 1));
	expect(fd, ECHOED(1));
	expect(fd, ECHOED(2));
	expect_nothing(fd);
}

/* Every split of a message in two: the answer comes after the second part only. */
static void test_torn(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char message[] = ECHO(7);
	hvis_autofd int fd = raw_connect(f);

	for (gsize cut = 1; cut < sizeof(message); cut++) {
		g_assert_true(raw_send(fd, message, cut));
		expect_nothing(fd);
		g_assert_true(raw_send(fd, message + cut, sizeof(message) - cut));
		expect(fd, ECHOED(7));
	}
}

static void test_pipelined(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_autofd int fd = raw_connect(f);
	g_autoptr(GByteArray) burst = g_byte_array_new();

	for (int i = 0; i < 1000; i++) {
		g_autofree char *call = g_strdup_printf(
			"{\"method\":\"io.test.Echo\",\"parameters\":{\"n\":%d}}", i);

		g_byte_array_append(burst, (guint8 *)call, (guint)strlen(call) + 1);
	}
	g_assert_true(raw_send(fd, (char *)burst->data, burst->len));
	for (int i = 0; i < 1000; i++) {
		g_autofree char *answer = g_strdup_printf("{\"parameters\":{\"n\":%d}}", i);

		expect(fd, answer);
	}
	expect_nothing(fd);
}

/* A call that waits holds back the ones behind it. */
static void test_order(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char burst[] = "{\"method\":\"io.test.Park\"}\0" ECHO(1) "\0" ECHO(2);
	hvis_autofd int fd = raw_connect(f);

	g_assert_true(raw_send(fd, burst, sizeof(burst)));
	expect_nothing(fd);
	g_assert_cmpuint(f->parked->len, ==, 1);
	varlink_call_reply(f->parked->pdata[0], NULL);
	expect(fd, "{\"parameters\":{}}");
	expect(fd, ECHOED(1));
	expect(fd, ECHOED(2));
	varlink_call_reply(f->parked->pdata[0], NULL); /* a second answer goes nowhere */
	expect_nothing(fd);
	g_ptr_array_set_size(f->parked, 0);
	g_assert_cmpuint(f->hung_up, ==, 0);
}

static void test_malformed(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const cases[] = { "", "{", "[]", "1", "\"x\"", "null", "{}x",
		"{\"method\":}", "{'method':'io.test.Echo'}", "{\"method\":\"\xff\"}", "nul" };
	g_autofree char *deep = g_strnfill(100, '[');

	for (gsize i = 0; i <= G_N_ELEMENTS(cases); i++) {
		hvis_autofd int fd = raw_connect(f);

		raw_call(fd, ECHO(1));
		raw_call(fd, i < G_N_ELEMENTS(cases) ? cases[i] : deep);
		expect(fd, ECHOED(1));
		expect(fd, INVALID("message"));
		expect_end(fd);
	}
}

static void test_too_long(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_autofd int fd = raw_connect(f);
	g_autofree char *two_mib = g_strnfill(2 * 1024 * 1024, ' ');

	g_assert_false(raw_send(fd, two_mib, 2 * 1024 * 1024));
	expect(fd, INVALID("message"));
	{
		char c;

		/* the server did not read all of it, so the end is a reset */
		g_assert_cmpint(recv(fd, &c, 1, 0), <=, 0);
	}
}

static void test_longest(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_autofd int fd = raw_connect(f);
	g_autofree char *text = g_strnfill(VARLINK_MESSAGE_MAX, ' ');

	memcpy(text + VARLINK_MESSAGE_MAX - strlen(ECHO(3)), ECHO(3), strlen(ECHO(3)));
	g_assert_true(raw_send(fd, text, VARLINK_MESSAGE_MAX + 1));
	expect(fd, ECHOED(3));
	expect_nothing(fd);
}

static void test_long_answer(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_autofd int fd = raw_connect(f);

	raw_call(fd, "{\"method\":\"io.test.Big\",\"parameters\":{\"size\":2000000}}");
	expect(fd, "{\"error\":\"io.test.NoSpace\","
		   "\"parameters\":{\"message\":\"the answer is too long\"}}");
	raw_call(fd, ECHO(1));
	expect(fd, ECHOED(1));
}

/* --- dispatch --- */

static void test_unknown(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const pairs[][2] = {
		{ "{\"method\":\"io.test.Nope\"}",
			"{\"error\":\"org.varlink.service.MethodNotFound\","
			"\"parameters\":{\"method\":\"io.test.Nope\"}}" },
		{ "{\"method\":\"io.none.Echo\"}",
			"{\"error\":\"org.varlink.service.InterfaceNotFound\","
			"\"parameters\":{\"interface\":\"io.none\"}}" },
		{ "{\"method\":\"Echo\"}", INVALID("method") },
		{ "{\"method\":\"io.test.\"}", INVALID("method") },
		{ "{\"method\":\".Echo\"}", INVALID("method") },
		{ "{\"method\":7}", INVALID("method") },
		{ "{}", INVALID("method") },
		{ "{\"method\":\"io.test.Echo\",\"parameters\":[]}", INVALID("parameters") },
		{ "{\"method\":\"io.test.Echo\",\"parameters\":null}", "{\"parameters\":{}}" },
		{ "{\"method\":\"io.test.Count\"}",
			"{\"error\":\"org.varlink.service.ExpectedMore\",\"parameters\":{}}" },
		{ "{\"method\":\"io.test.Echo\",\"upgrade\":true}",
			"{\"error\":\"org.varlink.service.MethodNotImplemented\","
			"\"parameters\":{\"method\":\"io.test.Echo\"}}" },
		{ "{\"method\":\"io.test.Forget\"}",
			"{\"error\":\"io.test.Failed\","
			"\"parameters\":{\"message\":\"the service dropped the call\"}}" },
	};
	hvis_autofd int fd = raw_connect(f);

	for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++) {
		raw_call(fd, pairs[i][0]);
		expect(fd, pairs[i][1]); /* on one connection: none of these ends it */
	}
}

static void test_params(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const pairs[][2] = {
		{ "{\"s\":\"a\",\"i\":-5}", "{\"parameters\":{\"s\":\"a\",\"i\":-5,\"so\":\"none\","
					    "\"io\":-1,\"bo\":true}}" },
		{ "{\"s\":\"a\",\"i\":1,\"so\":\"b\",\"io\":2,\"bo\":false}",
			"{\"parameters\":{\"s\":\"a\",\"i\":1,\"so\":\"b\",\"io\":2,\"bo\":false}"
			"}" },
		{ "{\"s\":\"a\",\"i\":1,\"so\":null}", "{\"parameters\":{\"s\":\"a\",\"i\":1,"
						       "\"so\":\"none\",\"io\":-1,\"bo\":true}}" },
		{ "{\"i\":1}", INVALID("s") },
		{ "{\"s\":\"a\"}", INVALID("i") },
		{ "{\"s\":1,\"i\":1}", INVALID("s") },
		{ "{\"s\":\"a\",\"i\":\"1\"}", INVALID("i") },
		{ "{\"s\":\"a\",\"i\":1.5}", INVALID("i") },
		{ "{\"s\":\"a\",\"i\":18446744073709551615}", INVALID("i") },
		{ "{\"s\":\"a\\u0000b\",\"i\":1}", INVALID("s") },
		{ "{\"s\":\"a\",\"i\":1,\"so\":2}", INVALID("so") },
		{ "{\"s\":\"a\",\"i\":1,\"io\":true}", INVALID("io") },
		{ "{\"s\":\"a\",\"i\":1,\"bo\":0}", INVALID("bo") },
	};
	hvis_autofd int fd = raw_connect(f);

	for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++) {
		g_autofree char *call = g_strdup_printf(
			"{\"method\":\"io.test.Typed\",\"parameters\":%s}", pairs[i][0]);

		raw_call(fd, call);
		expect(fd, pairs[i][1]);
	}
}

static void test_oneway(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_autofd int fd = raw_connect(f);

	raw_call(fd, "{\"method\":\"io.test.Touch\",\"oneway\":true}");
	raw_call(fd, "{\"method\":\"io.test.Nope\",\"oneway\":true}");
	raw_call(fd, ECHO(1));
	expect(fd, ECHOED(1));
	g_assert_cmpuint(f->touched, ==, 1);
}

/* Sent and closed at once: what was sent still counts. */
static void test_oneway_then_close(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char burst[] = "{\"method\":\"io.test.Touch\",\"oneway\":true}\0"
				    "{\"method\":\"io.test.Touch\"}";
	int fd = raw_connect(f);

	g_assert_cmpint(send(fd, burst, sizeof(burst), 0), ==, (gssize)sizeof(burst));
	close(fd);
	settle();
	g_assert_cmpuint(f->touched, ==, 2);
}

static void test_half_close(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char burst[] = ECHO(1) "\0" ECHO(2);
	hvis_autofd int fd = raw_connect(f);

	g_assert_cmpint(send(fd, burst, sizeof(burst), 0), ==, (gssize)sizeof(burst));
	shutdown(fd, SHUT_WR);
	expect(fd, ECHOED(1));
	expect(fd, ECHOED(2));
	expect_end(fd);
}

static void test_more(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_autofd int fd = raw_connect(f);

	raw_call(fd, "{\"method\":\"io.test.Count\",\"more\":true}");
	expect(fd, "{\"parameters\":{\"n\":1},\"continues\":true}");
	expect(fd, "{\"parameters\":{\"n\":2},\"continues\":true}");
	expect(fd, "{\"parameters\":{}}");
	raw_call(fd, ECHO(1));
	expect(fd, ECHOED(1));
}

/* --- peers that misbehave --- */

static void test_hang_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	int fd = raw_connect(f);

	raw_call(fd, "{\"method\":\"io.test.Park\",\"more\":true}");
	g_assert_cmpuint(f->parked->len, ==, 1);
	g_assert_true(varlink_call_wants_more(f->parked->pdata[0]));
	close(fd);
	settle();
	g_assert_cmpuint(f->hung_up, ==, 1);
	g_assert_cmpuint(f->parked->len, ==, 0);
}

static void test_answer_after_hang_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(VarlinkCall) kept = NULL;
	int fd = raw_connect(f);

	raw_call(fd, "{\"method\":\"io.test.Park\",\"more\":true}");
	kept = varlink_call_ref(f->parked->pdata[0]);
	close(fd);
	settle();
	g_assert_cmpuint(f->hung_up, ==, 1);
	g_assert_false(varlink_call_notify(kept, NULL));
	varlink_call_reply(kept, NULL);
	settle();
}

static void test_free_with_call(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_autofd int fd = raw_connect(f);

	raw_call(fd, "{\"method\":\"io.test.Park\"}");
	g_clear_pointer(&f->server, varlink_server_free);
	g_assert_cmpuint(f->hung_up, ==, 1);
	expect_end(fd);
}

/* A subscriber that does not read is cut off after a bounded backlog. */
static void test_slow_stream(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_autofd int fd = raw_connect(f);
	gsize got = 0;
	ssize_t n;
	char buf[65536];

	raw_call(fd,
		"{\"method\":\"io.test.Count\",\"more\":true,\"parameters\":{\"to\":10000000}}");
	g_assert_cmpuint(f->notified, >, 1000);
	g_assert_cmpuint(
		f->notified, <, 200000); /* a megabyte of 40-byte messages, and the socket's */
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		got += (gsize)n;
	g_assert_cmpint(n, ==, 0);
	g_assert_cmpuint(got, >, 0);
}

/* A caller that sends and never reads: its calls stop being run. */
static void test_slow_caller(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char call[] = "{\"method\":\"io.test.Big\",\"parameters\":{\"size\":100000}}";
	static const char touch[] = "{\"method\":\"io.test.Touch\"}";
	hvis_autofd int fd = raw_connect(f);
	hvis_autofd int other = raw_connect(f);

	for (int i = 0; i < 30; i++)
		g_assert_true(raw_send(fd, call, sizeof(call)));
	g_assert_true(raw_send(fd, touch, sizeof(touch)));
	g_assert_cmpuint(f->touched, ==, 0);
	raw_call(other, ECHO(1)); /* nobody else notices */
	expect(other, ECHOED(1));
	for (int i = 0; i < 30; i++) {
		g_autofree char *answer = raw_receive(fd);

		g_assert_cmpuint(strlen(answer), >, 100000);
	}
	expect(fd, "{\"parameters\":{}}");
	g_assert_cmpuint(f->touched, ==, 1);
}

static void test_many_clients(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	int fds[100];

	for (int i = 0; i < 100; i++) {
		fds[i] = raw_connect(f);
		raw_call(fds[i], ECHO(4));
	}
	for (guint i = 0; i < VARLINK_CLIENTS_MAX; i++)
		expect(fds[i], ECHOED(4));
	expect_nothing(fds[VARLINK_CLIENTS_MAX]); /* waits for its turn */
	for (int i = 0; i < 100; i++) {
		if (i >= (int)VARLINK_CLIENTS_MAX)
			expect(fds[i], ECHOED(4));
		close(fds[i]);
		settle();
	}
}

/* --- rights --- */

static int ask_as(Fixture *f, uid_t uid, const char *call, const char *answer)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		char buf[512] = { 0 };
		gsize got = 0;

		g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
		if ((uid && (setgid(uid) || setuid(uid))) ||
			connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
			send(fd, call, strlen(call) + 1, MSG_NOSIGNAL) < 0)
			_exit(2);
		while (got < sizeof(buf) - 1 && recv(fd, buf + got, 1, 0) == 1 && buf[got])
			got++;
		_exit(strcmp(buf, answer) == 0 ? 0 : 1);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		g_main_context_iteration(NULL, FALSE);
	settle();
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_privileged(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char secret[] = "{\"method\":\"io.test.Secret\"}";

	g_assert_cmpint(ask_as(f, 0, secret, "{\"parameters\":{}}"), ==, 0);
	g_assert_cmpuint(f->touched, ==, 1);
	if (geteuid() != 0) {
		g_test_skip("needs root to become somebody else");
		return;
	}
	g_assert_cmpint(chmod(f->dir, 0755), ==, 0);
	g_assert_cmpint(ask_as(f, 65534, secret,
				"{\"error\":\"org.varlink.service.PermissionDenied\","
				"\"parameters\":{}}"),
		==, 0);
	g_assert_cmpuint(f->touched, ==, 1);
	g_assert_cmpint(ask_as(f, 65534, ECHO(1), ECHOED(1)), ==, 0);
}

/* One user without rights cannot keep root out. */
static void test_crowd(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	int ready[2], go[2], status = -1;
	char c;
	pid_t pid;

	if (geteuid() != 0) {
		g_test_skip("needs root to become somebody else");
		return;
	}
	g_assert_cmpint(chmod(f->dir, 0755), ==, 0);
	g_assert_cmpint(pipe(ready), ==, 0);
	g_assert_cmpint(pipe(go), ==, 0);
	pid = fork();
	if (pid == 0) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };

		close(go[1]);
		g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
		if (setgid(65534) || setuid(65534))
			_exit(2);
		for (int i = 0; i < 100; i++) {
			int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

			if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
				_exit(3);
		}
		if (write(ready[1], "x", 1) != 1)
			_exit(4);
		_exit(read(go[0], &c, 1) == 0 ? 0 : 5);
	}
	close(go[0]);
	close(ready[1]);
	for (;;) {
		struct pollfd pfd = { .fd = ready[0], .events = POLLIN };

		settle();
		if (poll(&pfd, 1, 1) > 0)
			break;
	}
	g_assert_cmpint(ask_as(f, 0, ECHO(1), ECHOED(1)), ==, 0);
	close(go[1]);
	close(ready[0]);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(WEXITSTATUS(status), ==, 0);
	settle();
}

/* --- the socket file --- */

static void test_replace_dead(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VarlinkServer) second = varlink_server_new("second", "2");
	g_autofree char *path = g_build_filename(f->dir, "dead", NULL);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	hvis_autofd int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	g_assert_cmpint(bind(dead, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	hvis_fd_clear(&dead);
	g_assert_true(varlink_server_listen(second, path, 0600, &error));
	g_assert_no_error(error);
	g_assert_cmpint(stat(path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 07777, ==, 0600);
	g_clear_pointer(&second, varlink_server_free);
	g_assert_cmpint(access(path, F_OK), ==, -1);
}

static void test_busy(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VarlinkServer) second = varlink_server_new("second", "2");

	g_assert_false(varlink_server_listen(second, f->path, 0600, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_BUSY));
	g_clear_pointer(&second, varlink_server_free);
	g_assert_cmpint(access(f->path, F_OK), ==, 0); /* the first one's file stays */
}

/* Somebody listens who does not know our lock. */
static void test_busy_stranger(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VarlinkServer) second = varlink_server_new("second", "2");
	g_autofree char *path = g_build_filename(f->dir, "stranger", NULL);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	hvis_autofd int stranger = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	g_assert_cmpint(bind(stranger, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(stranger, 1), ==, 0);
	g_assert_false(varlink_server_listen(second, path, 0600, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_BUSY));
	g_unlink(path);
}

static void test_not_a_socket(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VarlinkServer) second = varlink_server_new("second", "2");
	g_autofree char *path = g_build_filename(f->dir, "file", NULL);

	g_assert_true(g_file_set_contents(path, "precious", -1, NULL));
	g_assert_false(varlink_server_listen(second, path, 0600, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_EXISTS));
	g_assert_cmpint(g_unlink(path), ==, 0);
	g_clear_error(&error);
	g_free(path);
	path = g_strnfill(200, 'x');
	g_assert_false(varlink_server_listen(second, path, 0600, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
}

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
	settle();
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

static void test_connect_missing(void)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(varlink_client_connect("/nonexistent/socket", &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NOT_FOUND));
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
	}
	g_unlink(path);
	g_rmdir(dir);
}

#define ADD(path, func) g_test_add("/varlink/" path, Fixture, NULL, set_up, func, tear_down)
#define ADD_CLIENT(path, func)                                                                     \
	do {                                                                                       \
		static void (*const body)(Fixture *) = func;                                       \
		g_test_add("/varlink/client/" path, Fixture, &body, set_up, in_thread, tear_down); \
	} while (0)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("info", test_info);
	ADD("framing/byte-by-byte", test_byte_by_byte);
	ADD("framing/torn", test_torn);
	ADD("framing/pipelined", test_pipelined);
	ADD("framing/order", test_order);
	ADD("framing/malformed", test_malformed);
	ADD("framing/too-long", test_too_long);
	ADD("framing/longest", test_longest);
	ADD("framing/long-answer", test_long_answer);
	ADD("dispatch/unknown", test_unknown);
	ADD("dispatch/params", test_params);
	ADD("dispatch/oneway", test_oneway);
	ADD("dispatch/oneway-then-close", test_oneway_then_close);
	ADD("dispatch/half-close", test_half_close);
	ADD("dispatch/more", test_more);
	ADD("peer/hang-up", test_hang_up);
	ADD("peer/answer-after-hang-up", test_answer_after_hang_up);
	ADD("peer/free-with-call", test_free_with_call);
	ADD("peer/slow-stream", test_slow_stream);
	ADD("peer/slow-caller", test_slow_caller);
	ADD("peer/many-clients", test_many_clients);
	ADD("rights/privileged", test_privileged);
	ADD("rights/crowd", test_crowd);
	ADD("socket/replace-dead", test_replace_dead);
	ADD("socket/busy", test_busy);
	ADD("socket/busy-stranger", test_busy_stranger);
	ADD("socket/not-a-socket", test_not_a_socket);
	ADD_CLIENT("calls", client_calls);
	ADD_CLIENT("errors", client_errors);
	ADD_CLIENT("standard-errors", client_standard_errors);
	ADD_CLIENT("streams", client_streams);
	ADD_CLIENT("times-out", client_times_out);
	ADD_CLIENT("big", client_big);
	g_test_add_func("/varlink/client/connect-missing", test_connect_missing);
	g_test_add_func("/varlink/client/bad-answers", test_bad_answers);
	return g_test_run();
}
