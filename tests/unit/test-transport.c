/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The transports: the device's rules on a packet socket in its place, the link's notices, the
 * script, and who is named as the holder of a device (in a fake /proc).
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <hvis/link.h>
#include <transport/chardev.h>
#include <transport/script.h>
#include <util/error.h>
#include <util/fd.h>

#include "tests/unit/remove-tree.h"

static void make_pair(int *ours, int *theirs)
{
	int fds[2];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
	*ours = fds[0];
	*theirs = fds[1];
}

static void expect_receive(HvisTransport *t, const char *text)
{
	g_autoptr(GError) error = NULL;
	char buf[64];
	gssize n = hvis_transport_receive(t, buf, sizeof(buf), &error);

	g_assert_no_error(error);
	g_assert_cmpmem(buf, (gsize)n, text, strlen(text));
}

static void expect_receive_error(HvisTransport *t, gsize size, HvisErrorCode code)
{
	g_autoptr(GError) error = NULL;
	char buf[64];

	g_assert_cmpint(hvis_transport_receive(t, buf, size, &error), ==, -1);
	g_assert_error(error, HVIS_ERROR, (gint)code);
}

static gboolean is_readable(HvisTransport *t)
{
	struct pollfd pfd = { .fd = hvis_transport_fd(t), .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

/* --- character device --- */

static void test_chardev(void)
{
	hvis_autofd int peer = -1;
	int fd;
	g_autoptr(HvisTransport) t = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *shown = NULL;
	char buf[8];

	make_pair(&fd, &peer);
	t = hvis_chardev_new(fd, "/dev/x");
	shown = hvis_transport_describe(t);
	g_assert_cmpstr(shown, ==, "device /dev/x");
	g_assert_cmpint(hvis_transport_receive(t, buf, sizeof(buf), &error), ==, 0); /* no block */
	g_assert_no_error(error);
	g_assert_true(hvis_transport_send(t, "hello", 5, &error));
	g_assert_cmpint(recv(peer, buf, sizeof(buf), 0), ==, 5);
	g_assert_cmpint(send(peer, "abc", 3, 0), ==, 3);
	g_assert_cmpint(send(peer, "de", 2, 0), ==, 2);
	expect_receive(t, "abc");
	t->readable = TRUE; /* for one message */
	expect_receive(t, "de");
	g_assert_cmpint(hvis_transport_receive(t, buf, sizeof(buf), &error), ==, 0);
	g_assert_no_error(error);
	hvis_fd_clear(&peer);
	expect_receive_error(t, 8, HVIS_ERROR_CLOSED);
}

/* Errors of the kernel, from descriptors that give them. */
static void test_chardev_errors(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(HvisTransport) gone = hvis_chardev_new(-1, "/dev/x");
	g_autoptr(HvisTransport) full = hvis_chardev_new(hvis_open("/dev/full", O_RDWR, NULL), "f");
	g_autoptr(HvisTransport) odd = NULL;
	hvis_autofd int pipe_end = -1;
	int fds[2];

	g_assert_false(hvis_transport_send(gone, "x", 1, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED)); /* EBADF: the service went away */
	g_clear_error(&error);
	g_assert_false(hvis_transport_send(full, "x", 1, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
	g_clear_error(&error);
	g_assert_cmpint(pipe(fds), ==, 0);
	pipe_end = fds[1];
	odd = hvis_chardev_new(fds[0], "/dev/x");
	g_assert_false(hvis_transport_send(odd, "x", 1, &error)); /* the reading end */
	g_assert_nonnull(error);
	hvis_fd_clear(&pipe_end);
	expect_receive_error(odd, 8, HVIS_ERROR_CLOSED);
}

/* EINVAL, as a device gives it for a message that it does not wait for and for a small buffer. */
static void test_chardev_einval(void)
{
	g_autoptr(GError) error = NULL;
	hvis_autofd int spare = -1;
	int fd = hvis_open("/proc/self/clear_refs", O_WRONLY, NULL);
	g_autoptr(HvisTransport) t = NULL;

	if (fd < 0) {
		g_test_skip("no /proc/self/clear_refs here");
		return;
	}
	t = hvis_chardev_new(fd, "/dev/x");
	g_assert_false(hvis_transport_send(t, "nonsense", 8, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
}

static void test_chardev_open(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(HvisTransport) t = hvis_transport_open_path("/dev/null", &error);
	g_autofree char *shown = NULL;

	g_assert_no_error(error);
	shown = hvis_transport_describe(t);
	g_assert_cmpstr(shown, ==, "device /dev/null");
	g_assert_null(hvis_transport_open_path("/dev/hvis/none", &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NOT_FOUND));
}

/* A registration on the heels of the new device met the kernel's driver unprepared, and the kernel died. */
static void test_chardev_just_appeared(void)
{
	static const struct {
		struct timespec made, now;
		guint ms;
	} cases[] = {
		{ { 100, 0 }, { 100, 0 }, HVIS_CHARDEV_SETTLE_MS },
		{ { 100, 990000000 }, { 101, 40000000 }, HVIS_CHARDEV_SETTLE_MS - 50 },
		{ { 100, 0 }, { 100, 149999999 }, 1 },
		{ { 100, 0 }, { 100, 150000000 }, 0 },
		{ { 100, 0 }, { 1000000, 0 }, 0 },
		{ { 100, 0 }, { 99, 999000000 }, 0 }, /* the clock was set back */
		{ { G_MAXINT32, 0 }, { 0, 0 }, 0 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpuint(
			hvis_chardev_settle_ms(&cases[i].made, &cases[i].now), ==, cases[i].ms);
}

/* The same with a device, where we may make one. */
static void test_chardev_new_device(void)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-chardev-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "null", NULL);
	g_autoptr(HvisTransport) t = NULL;
	g_autoptr(GError) error = NULL;

	if (mknod(path, S_IFCHR | 0600, makedev(1, 3)) < 0) {
		g_test_skip("no device can be made here");
	} else {
		g_assert_cmpuint(hvis_transport_settle_ms(path), >, 0);
		g_usleep((HVIS_CHARDEV_SETTLE_MS + 20) * 1000);
		g_assert_cmpuint(hvis_transport_settle_ms(path), ==, 0);
		t = hvis_transport_open_path(path, &error);
		g_assert_true(t || hvis_error_is(error, HVIS_ERROR_PERMISSION)); /* nodev */
	}
	unlink(path);
	g_assert_cmpuint(hvis_transport_settle_ms(path), ==, 0);
	g_assert_cmpuint(hvis_transport_settle_ms(dir), ==, 0);
	rmdir(dir);
}

static void test_explain(void)
{
	static const struct {
		int err;
		HvisErrorCode code;
		const char *text;
	} cases[] = {
		{ EBUSY, HVIS_ERROR_BUSY, "/dev/hvis/none is in use by another process" },
		{ ENOENT, HVIS_ERROR_NOT_FOUND, "open /dev/hvis/none: No such file or directory" },
		{ ENODEV, HVIS_ERROR_IO, "/dev/hvis/none has no device behind it" },
		{ EACCES, HVIS_ERROR_PERMISSION, "open /dev/hvis/none: Permission denied" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		hvis_chardev_explain("/dev/hvis/none", cases[i].err, &error);
		g_assert_error(error, HVIS_ERROR, (gint)cases[i].code);
		g_assert_cmpstr(error->message, ==, cases[i].text);
	}
}

static void add_process(const char *proc, const char *pid, const char *comm, const char *target)
{
	g_autofree char *fd_dir = g_build_filename(proc, pid, "fd", NULL);
	g_autofree char *link = g_build_filename(fd_dir, "3", NULL);
	g_autofree char *comm_path = g_build_filename(proc, pid, "comm", NULL);

	g_assert_cmpint(g_mkdir_with_parents(fd_dir, 0755), ==, 0);
	g_assert_cmpint(symlink(target, link), ==, 0);
	if (comm)
		g_assert_true(g_file_set_contents(comm_path, comm, -1, NULL));
}

static void test_holder(void)
{
	g_autofree char *proc = g_dir_make_tmp("hvis-proc-XXXXXX", NULL);
	g_autofree char *daemon = NULL, *nameless = NULL, *nobody = NULL, *self = NULL;
	hvis_autofd int fd = hvis_open("/dev/full", O_RDONLY, NULL);
	g_autofree char *own = g_strdup_printf("(pid %d)", getpid());

	add_process(proc, "12", "bash\n", "/dev/pts/0");
	add_process(proc, "321", "hv_kvp_daemon\n", "/dev/vmbus/hv_kvp");
	add_process(proc, "322", NULL, "/dev/vmbus/hv_vss");
	add_process(proc, "self", "me\n", "/dev/vmbus/hv_fcopy");
	daemon = hvis_chardev_holder(proc, "/dev/vmbus/hv_kvp");
	g_assert_cmpstr(daemon, ==, "hv_kvp_daemon (pid 321)");
	nameless = hvis_chardev_holder(proc, "/dev/vmbus/../vmbus/hv_vss");
	g_assert_cmpstr(nameless, ==, "pid 322");
	nobody = hvis_chardev_holder(proc, "/dev/vmbus/hv_fcopy");
	g_assert_null(nobody);
	self = hvis_chardev_holder("/proc", "/dev/full"); /* the real one */
	g_assert_nonnull(self);
	g_assert_nonnull(strstr(self, own));
	remove_tree(proc);
}

/* A process that called itself so made the daemon's status no JSON, and a line of its own in the journal. */
static void test_holder_with_odd_name(void)
{
	g_autofree char *proc = g_dir_make_tmp("hvis-proc-XXXXXX", NULL);
	g_autofree char *holder = NULL;

	add_process(proc, "321", "\xff\n\033[31m\n\xf0\n", "/dev/vmbus/hv_kvp");
	holder = hvis_chardev_holder(proc, "/dev/vmbus/hv_kvp");
	g_assert_cmpstr(holder, ==, "\\xff\\n\\x1b[31m\\n\\xf0 (pid 321)");
	remove_tree(proc);
}

/* A wrong --device had the registration written over a file. */
static void test_file_is_no_device(void)
{
	g_autofree char *path = NULL, *text = NULL;
	g_autoptr(GError) error = NULL;
	hvis_autofd int fd = g_file_open_tmp("hvis-precious-XXXXXX", &path, NULL);

	g_assert_true(g_file_set_contents(path, "precious", -1, NULL));
	g_assert_null(hvis_transport_open_path(path, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_INVALID);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "precious");
	g_assert_cmpint(g_unlink(path), ==, 0);
}

/* --- link socket --- */

static void send_notice(int peer, int err)
{
	struct hvis_link_notice notice = { hvis_le32_make(HVIS_LINK_MAGIC),
		hvis_le32_make((uint32_t)err) };

	g_assert_cmpint(send(peer, &notice, sizeof(notice), 0), ==, (gssize)sizeof(notice));
}

static void test_socket(void)
{
	hvis_autofd int peer = -1;
	int fd;
	g_autoptr(HvisTransport) t = NULL;
	g_autoptr(GError) error = NULL;
	char buf[64];

	make_pair(&fd, &peer);
	t = hvis_socket_new(fd);
	send_notice(peer, 0);
	g_assert_cmpint(hvis_transport_receive(t, buf, sizeof(buf), &error), ==, 0);
	g_assert_no_error(error);
	g_assert_false(is_readable(t));
	g_assert_true(hvis_transport_send(t, "register", 8, &error));
	g_assert_cmpint(recv(peer, buf, sizeof(buf), 0), ==, 8);
	g_assert_cmpint(send(peer, "request", 7, 0), ==, 7);
	expect_receive(t, "request");
	send_notice(peer, EINVAL);
	expect_receive_error(t, 64, HVIS_ERROR_PROTOCOL);
	g_assert_cmpint(send(peer, "too long for this", 17, 0), ==, 17);
	expect_receive_error(t, 16, HVIS_ERROR_NO_SPACE);
	g_assert_cmpint(send(peer, "four", 4, 0), ==, 4); /* a small buffer, vss */
	g_assert_cmpint(hvis_transport_receive(t, buf, 4, &error), ==, 4);
	g_assert_cmpmem(buf, 4, "four", 4);
	hvis_fd_clear(&peer);
	expect_receive_error(t, 64, HVIS_ERROR_CLOSED);
	g_assert_false(hvis_transport_send(t, "x", 1, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
}

/* Taken: whether the link has hung up already when we send, or later, the error is the same. */
static void test_socket_busy(void)
{
	for (int early = 0; early < 2; early++) {
		hvis_autofd int peer = -1;
		int fd;
		g_autoptr(HvisTransport) t = NULL;
		g_autoptr(GError) error = NULL;

		make_pair(&fd, &peer);
		t = hvis_socket_new(fd);
		send_notice(peer, EBUSY);
		if (early) {
			hvis_fd_clear(&peer);
			g_assert_false(hvis_transport_send(t, "register", 8, &error));
			g_assert_true(hvis_error_is(error, HVIS_ERROR_BUSY));
		} else {
			g_assert_true(hvis_transport_send(t, "register", 8, &error));
			hvis_fd_clear(&peer); /* with our message unread: a reset */
			expect_receive_error(t, 64, HVIS_ERROR_BUSY);
		}
	}
}

static void test_socket_path(void)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-socket-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "hv_kvp", NULL);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	hvis_autofd int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	g_autoptr(HvisTransport) t = NULL;
	g_autoptr(GError) error = NULL;

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(listener, 1), ==, 0);
	t = hvis_transport_open_path(path, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(t->ops->kind, ==, "socket");
	g_assert_cmpstr(t->path, ==, path);
	hvis_fd_clear(&listener);
	g_assert_null(hvis_transport_open_path(path, &error)); /* nobody listens any more */
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
	g_unlink(path);
	g_rmdir(dir);
}

/* --- script --- */

static void test_script(void)
{
	static const HvisScriptStep steps[] = {
		{ HVIS_SCRIPT_SENT, "reg", 3 },
		{ HVIS_SCRIPT_ARRIVES, "one", 3 },
		{ HVIS_SCRIPT_ARRIVES, "two", 3 },
		{ HVIS_SCRIPT_SENT_ANY, NULL, 0 },
		{ HVIS_SCRIPT_SEND_REFUSED, NULL, 0 },
		{ HVIS_SCRIPT_ARRIVES, "longer", 6 },
		{ HVIS_SCRIPT_GONE, NULL, 0 },
		{ HVIS_SCRIPT_END, NULL, 0 },
	};
	g_autoptr(HvisTransport) t = hvis_script_new(steps);
	g_autoptr(GError) error = NULL;
	char buf[8];

	g_assert_false(is_readable(t));
	g_assert_cmpint(hvis_transport_receive(t, buf, sizeof(buf), &error), ==, 0);
	g_assert_true(hvis_transport_send(t, "reg", 3, &error));
	g_assert_true(is_readable(t));
	expect_receive(t, "one");
	g_assert_true(is_readable(t));
	expect_receive(t, "two");
	g_assert_false(is_readable(t));
	g_assert_true(hvis_transport_send(t, "whatever", 8, &error));
	g_assert_false(hvis_transport_send(t, "late", 4, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
	expect_receive_error(t, 3, HVIS_ERROR_NO_SPACE);
	g_assert_false(hvis_script_done(t));
	expect_receive_error(t, 8, HVIS_ERROR_CLOSED);
	expect_receive_error(t, 8, HVIS_ERROR_CLOSED);
	g_assert_true(is_readable(t));
	g_assert_true(hvis_script_done(t));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/transport/chardev/messages", test_chardev);
	g_test_add_func("/transport/chardev/errors", test_chardev_errors);
	g_test_add_func("/transport/chardev/einval", test_chardev_einval);
	g_test_add_func("/transport/chardev/open", test_chardev_open);
	g_test_add_func("/transport/chardev/just-appeared", test_chardev_just_appeared);
	g_test_add_func("/transport/chardev/new-device", test_chardev_new_device);
	g_test_add_func("/transport/chardev/explain", test_explain);
	g_test_add_func("/transport/chardev/holder", test_holder);
	g_test_add_func("/transport/chardev/holder-with-odd-name", test_holder_with_odd_name);
	g_test_add_func("/transport/chardev/file-is-no-device", test_file_is_no_device);
	g_test_add_func("/transport/socket/messages", test_socket);
	g_test_add_func("/transport/socket/busy", test_socket_busy);
	g_test_add_func("/transport/socket/path", test_socket_path);
	g_test_add_func("/transport/script", test_script);
	return g_test_run();
}
