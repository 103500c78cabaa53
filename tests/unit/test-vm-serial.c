// SPDX-License-Identifier: GPL-2.0-only
/* The far end of a serial port: pipes, files, sockets, a reader that is slow, absent or gone. */
#include "config.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include "host/vm/serial.h"
#include "host/vm/uart.h"
#include "util/error.h"
#include "util/fd.h"

#define DEADLINE_US (20 * G_USEC_PER_SEC)
#define BUFFER 65536u /* what a port keeps */

static guint rises;

static void on_line(gpointer data G_GNUC_UNUSED, gboolean level)
{
	rises += level;
}

static void on_escape(gpointer data G_GNUC_UNUSED)
{
}

static guint losses;

static void on_lost(gpointer data G_GNUC_UNUSED, const char *text)
{
	g_test_message("%s", text);
	g_assert_true(g_str_has_prefix(text, "test port: "));
	losses++;
}

static const SerialOps ops = { on_line, on_escape, on_lost };

static Serial *open_port(const VmSerial *where)
{
	g_autoptr(GError) error = NULL;
	Serial *serial = serial_new("test port", where, &ops, NULL, &error);

	g_assert_no_error(error);
	rises = losses = 0;
	serial_write(serial, UART_IIR, UART_FCR_ENABLE);
	serial_write(serial, UART_MCR, UART_MCR_OUT2 | UART_MCR_RTS);
	return serial;
}

static void send_text(Serial *serial, const char *text)
{
	for (; *text; text++)
		serial_write(serial, UART_DATA, (guint8)*text);
}

/* Run the main loop until @fd has @len bytes to read, and read them. */
static void expect(int fd, const char *want)
{
	gint64 deadline = g_get_monotonic_time() + DEADLINE_US;
	char got[256] = { 0 };
	gsize have = 0;

	while (have < strlen(want) && g_get_monotonic_time() < deadline) {
		gssize n;

		g_main_context_iteration(NULL, FALSE);
		n = read(fd, got + have, strlen(want) - have);
		if (n > 0)
			have += (gsize)n;
	}
	g_assert_cmpstr(got, ==, want);
}

static guint64 counter(Serial *serial, const char *key)
{
	struct json_object *o = serial_describe(serial), *value = NULL;
	guint64 n;

	g_assert_true(json_object_object_get_ex(o, key, &value));
	n = json_object_get_uint64(value);
	json_object_put(o);
	return n;
}

static guint8 receive(Serial *serial)
{
	gint64 deadline = g_get_monotonic_time() + DEADLINE_US;

	while (!(serial_read(serial, UART_LSR) & UART_LSR_DATA)) {
		g_assert_cmpint(g_get_monotonic_time(), <, deadline);
		g_main_context_iteration(NULL, FALSE);
	}
	return serial_read(serial, UART_DATA);
}

static void test_pipes(void)
{
	int in[2], out[2];
	VmSerial where = VM_SERIAL_NONE;
	Serial *serial;

	g_assert_cmpint(pipe2(in, O_CLOEXEC), ==, 0);
	g_assert_cmpint(pipe2(out, O_CLOEXEC | O_NONBLOCK), ==, 0);
	where.in_fd = in[0];
	where.out_fd = out[1];
	serial = open_port(&where);
	send_text(serial, "hello");
	expect(out[0], "hello");
	g_assert_cmpint(write(in[1], "\0\xff", 2), ==, 2); /* raw: every byte passes */
	g_assert_cmpuint(receive(serial), ==, 0);
	g_assert_cmpuint(receive(serial), ==, 0xff);
	serial_free(serial);
	g_assert_cmpint(fcntl(in[0], F_GETFD), >=, 0); /* borrowed */
	for (guint i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

/* More than the UART holds: nothing is lost, the rest waits in the pipe. */
static void test_long_input(void)
{
	g_autofree guint8 *bytes = g_malloc(20000);
	int in[2];
	VmSerial where = VM_SERIAL_NONE;
	Serial *serial;

	for (guint i = 0; i < 20000; i++)
		bytes[i] = (guint8)(i * 7);
	g_assert_cmpint(pipe2(in, O_CLOEXEC), ==, 0);
	where.in_fd = in[0];
	serial = open_port(&where);
	g_assert_cmpint(write(in[1], bytes, 20000), ==, 20000);
	for (guint i = 0; i < 20000; i++)
		g_assert_cmpuint(receive(serial), ==, bytes[i]);
	g_assert_cmpuint(counter(serial, "received"), ==, 20000);
	serial_free(serial);
	close(in[0]);
	close(in[1]);
}

/* Bytes that arrive while the guest has the port closed are there when it opens it. */
static void test_closed_port(void)
{
	int in[2];
	VmSerial where = VM_SERIAL_NONE;
	Serial *serial;

	g_assert_cmpint(pipe2(in, O_CLOEXEC), ==, 0);
	where.in_fd = in[0];
	serial = open_port(&where);
	serial_write(serial, UART_MCR, 0);
	g_assert_cmpint(write(in[1], "abc", 3), ==, 3);
	for (guint i = 0; i < 100; i++)
		g_main_context_iteration(NULL, FALSE);
	g_assert_cmphex(serial_read(serial, UART_LSR) & UART_LSR_DATA, ==, 0);
	serial_write(serial, UART_IIR, UART_FCR_ENABLE | UART_FCR_CLEAR_RX);
	serial_write(serial, UART_MCR, UART_MCR_RTS);
	g_assert_cmpint(receive(serial), ==, 'a');
	g_assert_cmpint(receive(serial), ==, 'b');
	g_assert_cmpint(receive(serial), ==, 'c');
	serial_free(serial);
	close(in[0]);
	close(in[1]);
}

/* A reader that does not read: the UART is not empty any more, and the guest's bytes are bounded. */
static void test_slow_reader(void)
{
	int out[2];
	VmSerial where = VM_SERIAL_NONE;
	Serial *serial;
	guint n = 0, read_back = 0;
	guint8 chunk[4096];

	g_assert_cmpint(pipe2(out, O_CLOEXEC | O_NONBLOCK), ==, 0);
	where.out_fd = out[1];
	serial = open_port(&where);
	while (serial_read(serial, UART_LSR) & UART_LSR_THRE) {
		serial_write(serial, UART_DATA, (guint8)n++);
		g_assert_cmpuint(n, <, 10 * BUFFER);
		if (n % 4096 == 0)
			g_main_context_iteration(NULL, FALSE);
	}
	serial_write(serial, UART_DATA, 'x'); /* one that did not wait */
	g_assert_cmpuint(counter(serial, "lost"), ==, 1);
	while (read_back < n) {
		gssize got;

		g_main_context_iteration(NULL, FALSE);
		got = read(out[0], chunk, sizeof(chunk));
		for (gssize i = 0; i < got; i++)
			g_assert_cmpuint(chunk[i], ==, (guint8)read_back++);
	}
	g_assert_cmphex(serial_read(serial, UART_LSR) & UART_LSR_THRE, ==, UART_LSR_THRE);
	serial_free(serial);
	close(out[0]);
	close(out[1]);
}

static void test_reader_gone(void)
{
	int out[2];
	VmSerial where = VM_SERIAL_NONE;
	Serial *serial;

	g_assert_cmpint(pipe2(out, O_CLOEXEC), ==, 0);
	where.out_fd = out[1];
	serial = open_port(&where);
	close(out[0]);
	for (guint i = 0; i < 4 * BUFFER; i++) {
		serial_write(serial, UART_DATA, 'x');
		if (i % 1024 == 0)
			g_main_context_iteration(NULL, FALSE);
	}
	serial_flush(serial);
	g_assert_cmphex(serial_read(serial, UART_LSR) & UART_LSR_THRE, ==, UART_LSR_THRE);
	g_assert_cmpuint(counter(serial, "sent"), ==, 4 * BUFFER);
	g_assert_cmpuint(losses, ==, 1);
	serial_free(serial);
	close(out[1]);
}

/* The disk is full: said once, and the guest goes on. */
static void test_full_disk(void)
{
	VmSerial where = { -1, -1, "/dev/full", NULL };
	Serial *serial = open_port(&where);

	send_text(serial, "one");
	serial_flush(serial);
	send_text(serial, "two");
	serial_flush(serial);
	g_assert_cmpuint(losses, ==, 1);
	serial_free(serial);
}

static char *temporary(const char *name, char **dir)
{
	*dir = g_dir_make_tmp("hvis-serial-XXXXXX", NULL);
	g_assert_nonnull(*dir);
	return g_build_filename(*dir, name, NULL);
}

static void test_file(void)
{
	g_autofree char *dir = NULL, *path = temporary("console", &dir), *text = NULL;
	VmSerial where = { -1, -1, path, NULL };
	Serial *serial;

	g_assert_true(g_file_set_contents(path, "from an earlier run", -1, NULL));
	serial = open_port(&where);
	send_text(serial, "boot\r\n");
	serial_free(serial); /* writes the rest */
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "boot\r\n");
	g_unlink(path);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	return fd;
}

static void test_socket(void)
{
	g_autofree char *dir = NULL, *path = temporary("agent", &dir);
	VmSerial where = { -1, -1, NULL, path };
	Serial *serial = open_port(&where);
	int fd;

	send_text(serial, "early "); /* waits for the peer */
	serial_flush(serial);
	fd = connect_to(path);
	send_text(serial, "bird");
	expect(fd, "early bird");
	g_assert_cmpint(write(fd, "hi", 2), ==, 2);
	g_assert_cmpint(receive(serial), ==, 'h');
	g_assert_cmpint(receive(serial), ==, 'i');
	close(fd); /* and the next one comes */
	fd = connect_to(path);
	g_assert_cmpint(write(fd, "2", 1), ==, 1);
	g_assert_cmpint(receive(serial), ==, '2');
	send_text(serial, "second");
	expect(fd, "second");
	close(fd);
	serial_free(serial);
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* A second host is told so, and takes nothing away from the first. */
static void test_socket_in_use(void)
{
	g_autofree char *dir = NULL, *path = temporary("agent", &dir);
	VmSerial where = { -1, -1, NULL, path };
	Serial *serial = open_port(&where);
	g_autoptr(GError) error = NULL;
	int fd;

	g_assert_null(serial_new("second", &where, &ops, NULL, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_BUSY);
	while (g_main_context_iteration(NULL, FALSE))
		;
	fd = connect_to(path);
	send_text(serial, "first");
	expect(fd, "first");
	close(fd);
	serial_free(serial);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* Nobody ever connects: the guest is not stopped by that, and the last bytes are kept. */
static void test_socket_alone(void)
{
	g_autofree char *dir = NULL, *path = temporary("agent", &dir);
	VmSerial where = { -1, -1, NULL, path };
	Serial *serial = open_port(&where);
	guint n = 3 * BUFFER;
	int fd;
	char last = 0, c;

	for (guint i = 0; i < n; i++) {
		gint64 deadline = g_get_monotonic_time() + DEADLINE_US;

		while (!(serial_read(serial, UART_LSR) & UART_LSR_THRE)) {
			g_assert_cmpint(g_get_monotonic_time(), <, deadline);
			g_main_context_iteration(NULL, FALSE);
		}
		serial_write(serial, UART_DATA, i == n - 1 ? '!' : '.');
	}
	g_assert_cmpuint(counter(serial, "lost"), >, BUFFER);
	fd = connect_to(path);
	while (last != '!') {
		g_main_context_iteration(NULL, FALSE);
		if (read(fd, &c, 1) == 1)
			last = c;
	}
	close(fd);
	serial_free(serial);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static void refuse(const VmSerial *where, HvisErrorCode code)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(serial_new("test port", where, &ops, NULL, &error));
	g_assert_error(error, HVIS_ERROR, (gint)code);
	g_assert_true(g_str_has_prefix(error->message, "test port: "));
}

static void test_errors(void)
{
	g_autofree char *dir = NULL, *path = temporary("file", &dir);
	g_autofree char *below = g_build_filename(path, "x", NULL);
	g_autofree char *longer = g_strnfill(200, 'x');

	g_assert_true(g_file_set_contents(path, "keep", -1, NULL));
	refuse(&(VmSerial){ 0, 1, path, NULL }, HVIS_ERROR_INVALID);
	refuse(&(VmSerial){ -1, -1, path, path }, HVIS_ERROR_INVALID);
	refuse(&(VmSerial){ -1, -1, NULL, longer }, HVIS_ERROR_INVALID);
	{
		/* A file in the place of the socket is not ours to remove. */
		g_autofree char *text = NULL;
		g_autoptr(GError) error = NULL;

		g_assert_null(
			serial_new("p", &(VmSerial){ -1, -1, NULL, path }, &ops, NULL, &error));
		g_assert_nonnull(error);
		g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
		g_assert_cmpstr(text, ==, "keep");
		g_assert_null(
			serial_new("p", &(VmSerial){ -1, -1, below, NULL }, &ops, NULL, NULL));
	}
	g_unlink(path);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static void test_nothing(void)
{
	VmSerial where = VM_SERIAL_NONE;
	Serial *serial = open_port(&where);

	for (guint i = 0; i < 2 * BUFFER; i++)
		serial_write(serial, UART_DATA, 'x');
	g_assert_cmphex(serial_read(serial, UART_LSR) & UART_LSR_THRE, ==, UART_LSR_THRE);
	g_assert_cmpuint(counter(serial, "sent"), ==, 2 * BUFFER);
	g_assert_cmpuint(counter(serial, "lost"), ==, 0);
	serial_free(serial);
}

static void test_interrupts(void)
{
	int in[2];
	VmSerial where = VM_SERIAL_NONE;
	Serial *serial;
	gint64 deadline = g_get_monotonic_time() + DEADLINE_US;

	g_assert_cmpint(pipe2(in, O_CLOEXEC), ==, 0);
	where.in_fd = in[0];
	serial = open_port(&where);
	serial_write(serial, UART_IER, UART_IER_RX);
	g_assert_cmpint(write(in[1], "x", 1), ==, 1);
	while (!rises && g_get_monotonic_time() < deadline)
		g_main_context_iteration(NULL, FALSE);
	g_assert_cmpuint(rises, ==, 1);
	serial_reset(serial);
	g_assert_cmphex(serial_read(serial, UART_IER), ==, 0);
	serial_free(serial);
	close(in[0]);
	close(in[1]);
}

static Serial *endless;
static guint writes;

/* In place of the C library's: while its output is written the guest writes on. */
ssize_t write(int fd, const void *bytes, size_t len)
{
	gboolean more = endless && len && *(const char *)bytes == 'x';

	for (guint i = 0; more && i < 100 && writes < 1000; i++)
		serial_write(endless, UART_DATA, 'x');
	writes += more;
	return syscall(SYS_write, fd, bytes, len);
}

/* A guest that writes as fast as the file takes it: the main loop must get on all the same. */
static void test_without_end(void)
{
	g_autofree char *path = g_strdup_printf("%s/hvis-serial-%d", g_get_tmp_dir(), getpid());
	gint64 deadline = g_get_monotonic_time() + DEADLINE_US;
	VmSerial where = VM_SERIAL_NONE;
	Serial *serial;

	where.file = path;
	endless = serial = open_port(&where);
	writes = 0;
	send_text(serial, "x");
	serial_flush(serial);
	g_assert_cmpuint(writes, ==, 1);
	while (writes < 3) { /* and what came meanwhile is not forgotten */
		g_assert_cmpint(g_get_monotonic_time(), <, deadline);
		g_main_context_iteration(NULL, TRUE);
	}
	endless = NULL;
	serial_free(serial);
	g_assert_cmpint(unlink(path), ==, 0);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vm/serial/pipes", test_pipes);
	g_test_add_func("/vm/serial/long-input", test_long_input);
	g_test_add_func("/vm/serial/closed-port", test_closed_port);
	g_test_add_func("/vm/serial/slow-reader", test_slow_reader);
	g_test_add_func("/vm/serial/reader-gone", test_reader_gone);
	g_test_add_func("/vm/serial/full-disk", test_full_disk);
	g_test_add_func("/vm/serial/socket-in-use", test_socket_in_use);
	g_test_add_func("/vm/serial/without-end", test_without_end);
	g_test_add_func("/vm/serial/file", test_file);
	g_test_add_func("/vm/serial/socket", test_socket);
	g_test_add_func("/vm/serial/socket-alone", test_socket_alone);
	g_test_add_func("/vm/serial/errors", test_errors);
	g_test_add_func("/vm/serial/nothing", test_nothing);
	g_test_add_func("/vm/serial/interrupts", test_interrupts);
	return g_test_run();
}
