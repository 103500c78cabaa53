/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Varlink server against raw bytes: framing, limits, order, rights, the socket file. Clients are
 * non-blocking sockets of the same thread.
 */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <util/error.h>
#include <util/fd.h>
#include <varlink/socket.h>
#include "tests/unit/varlink-fixture.h"

typedef VarlinkFixture Fixture;

#define INFO "{\"method\":\"org.varlink.service.GetInfo\"}"

/* --- raw clients --- */

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
			varlink_fixture_settle();
			continue;
		}
		if (n < 0)
			return FALSE;
		bytes += n;
		len -= (gsize)n;
	}
	varlink_fixture_settle();
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
			varlink_fixture_settle();
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

	varlink_fixture_settle();
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

/* What a service keeps for a caller is that caller's alone, and gone with it. */
static void test_remember(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	hvis_autofd int first = raw_connect(f), second = raw_connect(f);
	const char *call = "{\"method\":\"io.test.Remember\"}";

	raw_call(first, call);
	expect(first, ECHOED(1));
	raw_call(first, call);
	expect(first, ECHOED(2));
	raw_call(second, call);
	expect(second, ECHOED(1));
	hvis_fd_clear(&first); /* what it has kept would leak */
	varlink_fixture_settle();
	first = raw_connect(f);
	raw_call(first, call);
	expect(first, ECHOED(1));
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
	varlink_fixture_settle();
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
	varlink_fixture_settle();
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
	varlink_fixture_settle();
	g_assert_cmpuint(f->hung_up, ==, 1);
	g_assert_false(varlink_call_notify(kept, NULL));
	varlink_call_reply(kept, NULL);
	varlink_fixture_settle();
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
	g_autoptr(GString) last = g_string_new(NULL);
	gsize got = 0;
	ssize_t n;
	char buf[65536];

	raw_call(fd,
		"{\"method\":\"io.test.Count\",\"more\":true,\"parameters\":{\"to\":10000000}}");
	g_assert_cmpuint(f->notified, >, 1000);
	g_assert_cmpuint(
		f->notified, <, 200000); /* a megabyte of 40-byte messages, and the socket's */
	for (n = 1; n != 0;) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n > 0) {
			got += (gsize)n;
			g_string_append_len(last, buf, n);
			g_string_erase(last, 0, MAX((gssize)last->len - 200, 0));
		} else if (n < 0) {
			g_assert_cmpint(errno, ==, EAGAIN);
			varlink_fixture_settle();
		}
	}
	g_assert_cmpuint(got, >, 0);
	g_assert_cmpstr(last->str + last->len - sizeof("is lost\"}}"), ==, "is lost\"}}");
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
	for (int i = 0; i < 100; i++) {
		expect(fds[i], ECHOED(4));
		if (i < 100 - (int)VARLINK_CLIENTS_MAX)
			expect_end(fds[i]); /* nothing was asked since: others got the place */
		else
			expect_nothing(fds[i]);
		close(fds[i]);
	}
	varlink_fixture_settle();
}

/* --- a crowd --- */

#define CROWD 1000

/* As many descriptors as this test needs; FALSE where the system does not give them. */
static gboolean raise_limit(void)
{
	struct rlimit limit;

	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	if (limit.rlim_max < 2 * CROWD + 100)
		return FALSE;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* Pages of this process, and what it has allocated of them. */
static gsize allocated(void)
{
	malloc_trim(0);
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static gsize resident(void)
{
	g_autofree char *text = NULL;
	gulong size = 0, pages = 0;

	g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
	g_assert_cmpint(sscanf(text, "%lu %lu", &size, &pages), ==, 2);
	return pages * (gsize)sysconf(_SC_PAGESIZE);
}

/* The queue of a listening socket is short, so the server runs in between. */
static int crowd_connect(Fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_assert_cmpint(fd, >=, 0);
	g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	for (int i = 0; connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0; i++) {
		g_assert_cmpint(errno, ==, EAGAIN);
		g_assert_cmpint(i, <, 1000);
		varlink_fixture_settle();
	}
	return fd;
}

typedef struct {
	const char *bytes; /* what each of them sends */
	gsize len;
	const char *name;
} Crowd;

/* A thousand connections of one kind: somebody new is answered, and what they took is given back. */
static void check_crowd(Fixture *f, const Crowd *crowd)
{
	g_autofree int *fds = g_new(int, CROWD);
	gsize before = allocated(), resident_before = resident(), during;

	for (guint i = 0; i < CROWD; i++) {
		fds[i] = crowd_connect(f);
		if (crowd->len) /* it may have been hung up on */
			(void)!send(fds[i], crowd->bytes, crowd->len, MSG_NOSIGNAL);
		if (i % 50 == 49) {
			hvis_autofd int other = crowd_connect(f);

			raw_call(other, ECHO(1));
			expect(other, ECHOED(1));
		}
		varlink_fixture_settle();
		g_assert_cmpuint(varlink_server_connections(f->server), <=, VARLINK_CLIENTS_MAX);
	}
	during = allocated();
	g_test_message("%s: %zu bytes more allocated, %zd resident", crowd->name,
		during > before ? during - before : 0, (gssize)(resident() - resident_before));
	g_assert_cmpuint(during, <, before + 16 * 1024 * 1024);
	for (guint i = 0; i < CROWD; i++)
		close(fds[i]);
	varlink_fixture_settle();
	g_assert_cmpuint(varlink_server_connections(f->server), ==, 0);
	g_assert_cmpuint(allocated(), <, before + 256 * 1024);
}

static void test_crowd_of(Fixture *f, gconstpointer data)
{
	if (raise_limit())
		check_crowd(f, data);
	else
		g_test_skip("the system gives too few descriptors");
}

static const char half[] = "{\"method\":\"io.test.Echo\",\"param";
static const char big[] = "{\"method\":\"io.test.Big\",\"parameters\":{\"size\":1000000}}";
static const Crowd crowd_silent = { "", 0, "silent" };
static const Crowd crowd_half = { half, sizeof(half) - 1, "half a message" };
static const Crowd crowd_deaf = { big, sizeof(big), "a megabyte unread" };

/* A watcher that never reads does not keep the others from being told, nor its place. */
static void test_deaf_watchers(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char count[] =
		"{\"method\":\"io.test.Count\",\"more\":true,\"parameters\":{\"to\":100000}}";
	int fds[VARLINK_CLIENTS_MAX];
	gsize before = allocated();
	hvis_autofd int last = -1;

	for (guint i = 0; i < VARLINK_CLIENTS_MAX; i++) {
		fds[i] = raw_connect(f);
		g_assert_true(raw_send(fds[i], count, sizeof(count)));
	}
	g_assert_cmpuint(allocated(), <, before + 40 * 1024 * 1024);
	last = raw_connect(f);
	raw_call(last, ECHO(2));
	expect(last, ECHOED(2));
	for (guint i = 0; i < VARLINK_CLIENTS_MAX; i++)
		close(fds[i]);
	varlink_fixture_settle();
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
	varlink_fixture_settle();
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

		varlink_fixture_settle();
		if (poll(&pfd, 1, 1) > 0)
			break;
	}
	g_assert_cmpint(ask_as(f, 0, ECHO(1), ECHOED(1)), ==, 0);
	close(go[1]);
	close(ready[0]);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(WEXITSTATUS(status), ==, 0);
	varlink_fixture_settle();
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

/* The well-known name may be a link to a directory that the server may write. */
static void test_listen_at_a_link(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *dir = g_build_filename(f->dir, "own", NULL);
	g_autofree char *real = g_build_filename(dir, "socket", NULL);
	g_autofree char *link = g_build_filename(f->dir, "name", NULL);
	g_autofree char *target = NULL;
	g_autoptr(VarlinkServer) second = varlink_server_new("second", "2");
	g_autoptr(GError) error = NULL;
	struct stat st;
	int fd;

	g_assert_cmpint(symlink("own/socket", link), ==, 0);
	g_assert_true(varlink_server_listen(second, link, 0600, &error));
	target = g_file_read_link(link, NULL);
	g_assert_cmpstr(target, ==, "own/socket");
	g_assert_cmpint(lstat(real, &st), ==, 0);
	g_assert_true(S_ISSOCK(st.st_mode));
	fd = varlink_socket_connect(link, &error); /* callers use the name */
	g_assert_no_error(error);
	g_assert_cmpint(close(fd), ==, 0);
	g_clear_pointer(&second, varlink_server_free);
	g_assert_false(g_file_test(real, G_FILE_TEST_EXISTS));
	g_assert_true(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
	g_assert_cmpint(unlink(link), ==, 0);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
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

#define ADD(path, func)                                                                            \
	g_test_add("/varlink/" path, Fixture, NULL, varlink_fixture_set_up, func,                  \
		varlink_fixture_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("info", test_info);
	ADD("remember", test_remember);
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
	g_test_add("/varlink/crowd/silent", Fixture, &crowd_silent, varlink_fixture_set_up,
		test_crowd_of, varlink_fixture_tear_down);
	g_test_add("/varlink/crowd/half-frames", Fixture, &crowd_half, varlink_fixture_set_up,
		test_crowd_of, varlink_fixture_tear_down);
	g_test_add("/varlink/crowd/never-reads", Fixture, &crowd_deaf, varlink_fixture_set_up,
		test_crowd_of, varlink_fixture_tear_down);
	ADD("crowd/deaf-watchers", test_deaf_watchers);
	ADD("rights/privileged", test_privileged);
	ADD("rights/crowd", test_crowd);
	ADD("socket/replace-dead", test_replace_dead);
	ADD("socket/busy", test_busy);
	ADD("socket/listen-at-a-link", test_listen_at_a_link);
	ADD("socket/busy-stranger", test_busy_stranger);
	ADD("socket/not-a-socket", test_not_a_socket);
	return g_test_run();
}
