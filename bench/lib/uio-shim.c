/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preloaded into daemons that speak with the host by uio_hv_generic, so that they run where there is no such device:
 * /dev/uio9 becomes a socket ($HVIS_UIO_WIRE, a descriptor) whose mapping is that of $HVIS_UIO_MEMORY, a descriptor,
 * too, and /sys the folder $HVIS_UIO_SYSFS. Four bytes read are interrupts, four bytes written signal the host. Every
 * other call is the daemon's own.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NODE "/dev/uio9"
#define SYS "/sys/"

static int node = -1;

__attribute__((constructor)) static void not_inherited(void)
{
	unsetenv("LD_PRELOAD");
}

static int number(const char *name)
{
	const char *text = getenv(name);

	return text ? atoi(text) : -1;
}

/* PATH, or what stands for it, in OUT. */
static const char *moved(const char *path, char *out, size_t size)
{
	const char *sysfs = getenv("HVIS_UIO_SYSFS");

	if (!sysfs || strncmp(path, SYS, strlen(SYS)) != 0)
		return path;
	snprintf(out, size, "%s/%s", sysfs, path + strlen(SYS));
	return out;
}

static void be_node(struct stat *st)
{
	st->st_mode = S_IFCHR | 0600;
	st->st_rdev = makedev(250, 9);
}

static int open_node(int flags)
{
	node = number("HVIS_UIO_WIRE");
	if (node < 0) {
		errno = ENOENT;
		return -1;
	}
	fcntl(node, F_SETFD, FD_CLOEXEC);
	fcntl(node, F_SETFL, flags & O_NONBLOCK);
	return node;
}

int open(const char *path, int flags, ...)
{
	char other[512];
	va_list ap;
	mode_t mode = 0;

	if (strcmp(path, NODE) == 0)
		return open_node(flags);
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return openat(AT_FDCWD, moved(path, other, sizeof(other)), flags, mode);
}

int stat(const char *path, struct stat *st)
{
	char other[512];

	if (strcmp(path, NODE) != 0)
		return fstatat(AT_FDCWD, moved(path, other, sizeof(other)), st, 0);
	memset(st, 0, sizeof(*st));
	be_node(st);
	return 0;
}

int fstat(int fd, struct stat *st)
{
	int status = fstatat(fd, "", st, AT_EMPTY_PATH);

	if (status == 0 && fd == node)
		be_node(st);
	return status;
}

int access(const char *path, int how)
{
	char other[512];

	return faccessat(AT_FDCWD, moved(path, other, sizeof(other)), how, 0);
}

ssize_t readlink(const char *path, char *bytes, size_t size)
{
	char other[512];

	return readlinkat(AT_FDCWD, moved(path, other, sizeof(other)), bytes, size);
}

DIR *opendir(const char *path)
{
	DIR *(*next)(const char *) = dlsym(RTLD_NEXT, "opendir");
	char other[512];

	return next(moved(path, other, sizeof(other)));
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	void *(*next)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, "mmap");

	return next(at, len, prot, flags, fd >= 0 && fd == node ? number("HVIS_UIO_MEMORY") : fd,
		offset);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
	ssize_t (*next)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, "pread");

	return fd >= 0 && fd == node ? recv(fd, bytes, len, 0) : next(fd, bytes, len, at);
}
