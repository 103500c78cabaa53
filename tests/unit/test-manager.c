/* SPDX-License-Identifier: GPL-2.0-only */
/* What a daemon tells its manager over a socket of ours, and what it takes from its environment. */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <util/fd.h>
#include <util/manager.h>

typedef struct {
	char *dir, *path;
	int fd;
} Manager;

/* Listen at @path; "@" stands for the zero byte that an abstract name begins with. */
static void listen_at(Manager *m, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	gsize len = offsetof(struct sockaddr_un, sun_path) + strlen(path);

	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	g_assert_cmpint(bind(m->fd, (struct sockaddr *)&address, (socklen_t)len), ==, 0);
	g_setenv("NOTIFY_SOCKET", path, TRUE);
}

static void manager_open(Manager *m)
{
	m->dir = g_dir_make_tmp("hvis-notify-XXXXXX", NULL);
	m->path = g_build_filename(m->dir, "notify", NULL);
	listen_at(m, m->path);
}

static void manager_close(Manager *m)
{
	g_unsetenv("NOTIFY_SOCKET");
	hvis_fd_clear(&m->fd);
	g_unlink(m->path);
	g_rmdir(m->dir);
	g_free(m->path);
	g_free(m->dir);
}

static void expect(Manager *m, const char *text)
{
	char buf[256] = { 0 };
	ssize_t n = recv(m->fd, buf, sizeof(buf) - 1, 0);

	g_assert_cmpstr(n < 0 ? "nothing" : buf, ==, text);
}

/* Both in one datagram, the time that of CLOCK_MONOTONIC. */
static void expect_reloading(Manager *m)
{
	gint64 now = g_get_monotonic_time(), said = 0;
	char buf[256] = { 0 };

	g_assert_cmpint(recv(m->fd, buf, sizeof(buf) - 1, 0), >, 0);
	g_assert_cmpint(sscanf(buf, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, &said), ==, 1);
	g_assert_cmpint(said, <=, now);
	g_assert_cmpint(said, >, now - 20 * G_USEC_PER_SEC);
}

static void test_notify(void)
{
	Manager m;

	manager_open(&m);
	hvis_notify_ready();
	expect(&m, "READY=1");
	hvis_notify_status("Waiting for %s", "the host");
	expect(&m, "STATUS=Waiting for the host");
	hvis_notify_status("Waiting for the host");
	expect(&m, "nothing"); /* unchanged */
	hvis_notify_status("two\nWATCHDOG=trigger");
	expect(&m, "STATUS=two\\nWATCHDOG=trigger");
	hvis_notify_status("\033[31mred\302\2335m\342\200\256"); /* systemctl shows it as it is */
	expect(&m, "STATUS=\\x1b[31mred\\u009b5m\\u202e");
	hvis_notify_reloading();
	expect_reloading(&m);
	hvis_notify_reloaded();
	expect(&m, "READY=1");
	hvis_notify_stopping();
	expect(&m, "STOPPING=1");
	manager_close(&m);
}

static void test_abstract(void)
{
	g_autofree char *name = g_strdup_printf("@hvis-test-%d", getpid());
	Manager m = { 0 };

	listen_at(&m, name);
	hvis_notify_stopping();
	expect(&m, "STOPPING=1");
	g_unsetenv("NOTIFY_SOCKET");
	hvis_fd_clear(&m.fd);
}

/* Nobody there, nothing that could be a socket, a name that would not fit: no message, and no failure. */
static void test_nobody(void)
{
	g_autofree char *longest = g_strnfill(200, 'x');

	longest[0] = '/';
	for (const char *const *path = (const char *const[]){ "/nonexistent-hvis/notify",
		     "relative", "", longest, NULL };
		*path; path++) {
		g_setenv("NOTIFY_SOCKET", *path, TRUE);
		hvis_notify_ready();
	}
	g_unsetenv("NOTIFY_SOCKET");
	hvis_notify_ready();
}

/* What is meant for the process that started us is not for us. */
static void test_watchdog_of_another(void)
{
	g_autofree char *pid = g_strdup_printf("%d", getpid() + 1);
	Manager m;

	manager_open(&m);
	g_setenv("WATCHDOG_USEC", "100000", TRUE);
	g_setenv("WATCHDOG_PID", pid, TRUE);
	hvis_watchdog_attach();
	expect(&m, "nothing");
	g_unsetenv("WATCHDOG_PID");
	g_setenv("WATCHDOG_USEC", "-1", TRUE);
	hvis_watchdog_attach();
	expect(&m, "nothing");
	g_unsetenv("WATCHDOG_USEC");
	manager_close(&m);
}

static void set_sockets(int pid_offset, const char *count)
{
	g_autofree char *pid = g_strdup_printf("%d", getpid() + pid_offset);

	g_setenv("LISTEN_PID", pid, TRUE);
	g_setenv("LISTEN_FDS", count, TRUE);
	g_setenv("LISTEN_FDNAMES", "name", TRUE);
}

static void test_socket(void)
{
	if (!g_test_subprocess()) {
		g_test_trap_subprocess(NULL, 0, 0);
		g_test_trap_assert_passed();
		return;
	}
	g_assert_cmpint(hvis_socket_of_manager(), ==, -1);
	set_sockets(1, "1"); /* another process's */
	g_assert_cmpint(hvis_socket_of_manager(), ==, -1);
	set_sockets(0, "2");
	g_assert_cmpint(hvis_socket_of_manager(), ==, -1);
	g_assert_null(g_getenv("LISTEN_PID"));
	g_assert_cmpint(dup2(STDERR_FILENO, 3), ==, 3);
	set_sockets(0, "1");
	g_assert_cmpint(hvis_socket_of_manager(), ==, 3);
	g_assert_cmpint(fcntl(3, F_GETFD), ==, FD_CLOEXEC);
	g_assert_null(g_getenv("LISTEN_PID"));
	g_assert_null(g_getenv("LISTEN_FDS"));
	g_assert_null(g_getenv("LISTEN_FDNAMES"));
	g_assert_cmpint(hvis_socket_of_manager(), ==, -1);
}

static void test_watchdog(void)
{
	g_autofree char *pid = g_strdup_printf("%d", getpid());
	gint64 start, first, second;
	Manager m;
	char buf[64];

	manager_open(&m);
	hvis_watchdog_attach(); /* not asked for */
	expect(&m, "nothing");
	g_setenv("WATCHDOG_USEC", "100000", TRUE);
	g_setenv("WATCHDOG_PID", pid, TRUE);
	start = g_get_monotonic_time();
	hvis_watchdog_attach();
	expect(&m, "WATCHDOG=1");
	while (recv(m.fd, buf, sizeof(buf), 0) < 0)
		g_main_context_iteration(NULL, TRUE);
	first = g_get_monotonic_time() - start;
	while (recv(m.fd, buf, sizeof(buf), 0) < 0)
		g_main_context_iteration(NULL, TRUE);
	second = g_get_monotonic_time() - start;
	g_assert_cmpint(first, >=, 49000); /* half of the period, not faster */
	g_assert_cmpint(second, >=, 99000);
	g_unsetenv("WATCHDOG_USEC");
	g_unsetenv("WATCHDOG_PID");
	manager_close(&m);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/manager/messages", test_notify);
	g_test_add_func("/manager/abstract", test_abstract);
	g_test_add_func("/manager/nobody", test_nobody);
	g_test_add_func("/manager/watchdog", test_watchdog);
	g_test_add_func("/manager/watchdog-of-another", test_watchdog_of_another);
	g_test_add_func("/manager/socket", test_socket);
	return g_test_run();
}
