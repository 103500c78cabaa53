/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors that close themselves, and whole-buffer reads and writes. Every descriptor that the
 * suite opens is close-on-exec.
 */
#pragma once

#include <glib.h>
#include <glib-unix.h>
#include <sys/types.h>
#include <unistd.h>

/* Close *@fd if it is one, keep errno, leave -1 behind. */
static inline void hvis_fd_clear(int *fd)
{
	int saved;

	if (*fd < 0)
		return;
	saved = *__errno_location();
	close(*fd);
	*__errno_location() = saved;
	*fd = -1;
}

/* Declares an int that is closed at the end of its scope: "hvis_autofd int fd = -1;" */
#define hvis_autofd __attribute__((cleanup(hvis_fd_clear)))

/* Take the descriptor out of *@fd, which becomes -1. */
static inline int hvis_fd_steal(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/*
 * Put /dev/null, for reading only, where a program was started without standard input, output or
 * error: the next file or socket it opens would take that number, and get what is meant for the
 * terminal. First in main(). Writing to them fails as it would have.
 */
void hvis_fd_fill_standard(void);

/* open(2) with O_CLOEXEC, mode 0644 where O_CREAT is given. -1 and @error on failure. */
int hvis_open(const char *path, int flags, GError **error);

/* Read exactly @len bytes at @offset; FALSE with HVIS_ERROR_IO where the file ends before. */
gboolean hvis_pread_all(int fd, void *buf, gsize len, off_t offset, GError **error);

/* Write all of @len bytes at @offset. */
gboolean hvis_pwrite_all(int fd, const void *buf, gsize len, off_t offset, GError **error);
