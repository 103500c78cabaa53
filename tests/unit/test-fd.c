/* SPDX-License-Identifier: GPL-2.0-only */
/* Self-closing descriptors and whole-buffer IO on a scratch file. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>

#include <util/error.h>
#include <util/fd.h>

static gboolean is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_autofd(void)
{
	int raw, kept;

	{
		hvis_autofd int fd = hvis_open("/dev/null", O_RDONLY, NULL);

		raw = fd;
		g_assert_true(is_open(raw));
		g_assert_cmpint(fcntl(raw, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
	}
	g_assert_false(is_open(raw));
	{
		hvis_autofd int fd = hvis_open("/dev/null", O_RDONLY, NULL);

		kept = hvis_fd_steal(&fd);
		g_assert_cmpint(fd, ==, -1);
	}
	g_assert_true(is_open(kept));
	errno = EXDEV;
	hvis_fd_clear(&kept);
	g_assert_cmpint(errno, ==, EXDEV);
	g_assert_cmpint(kept, ==, -1);
	hvis_fd_clear(&kept);
}

static void test_open_missing(void)
{
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(hvis_open("/nonexistent/file", O_RDONLY, &error), ==, -1);
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NOT_FOUND));
	g_assert_nonnull(strstr(error->message, "/nonexistent/file"));
}

static void test_whole_buffers(void)
{
	g_autofree char *path = NULL;
	g_autoptr(GError) error = NULL;
	hvis_autofd int fd = g_file_open_tmp("hvis-fd-XXXXXX", &path, NULL);
	char buf[8] = "unread";

	g_unlink(path);
	g_assert_true(hvis_pwrite_all(fd, "hello", 5, 3, &error));
	g_assert_no_error(error);
	g_assert_true(hvis_pread_all(fd, buf, 5, 3, &error));
	g_assert_cmpmem(buf, 5, "hello", 5);
	g_assert_true(hvis_pread_all(fd, NULL, 0, 100, &error));

	memcpy(buf, "unread", 7);
	g_assert_false(hvis_pread_all(fd, buf, 6, 3, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_IO));
	g_assert_cmpstr(buf, ==, "unread"); /* untouched on failure */
}

static void test_write_fails(void)
{
	g_autoptr(GError) error = NULL;
	hvis_autofd int full = hvis_open("/dev/full", O_WRONLY, NULL);
	hvis_autofd int reader = hvis_open("/dev/null", O_RDONLY, NULL);

	g_assert_false(hvis_pwrite_all(full, "x", 1, 0, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
	g_clear_error(&error);
	g_assert_false(hvis_pwrite_all(reader, "x", 1, 0, &error));
	g_assert_nonnull(error);
}

/* A socket that became standard error would be sent the log. */
static void test_closed_standard_error(void)
{
	if (g_test_subprocess()) {
		hvis_autofd int fd = -1;

		close(STDIN_FILENO);
		close(STDERR_FILENO);
		hvis_fd_fill_standard();
		fd = open("/dev/zero", O_RDWR);
		if (fd <= STDERR_FILENO || write(STDERR_FILENO, "x", 1) != -1)
			_exit(1);
		_exit(0);
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fd/auto", test_autofd);
	g_test_add_func("/fd/open-missing", test_open_missing);
	g_test_add_func("/fd/whole-buffers", test_whole_buffers);
	g_test_add_func("/fd/write-fails", test_write_fails);
	g_test_add_func("/fd/closed-standard-error", test_closed_standard_error);
	return g_test_run();
}
