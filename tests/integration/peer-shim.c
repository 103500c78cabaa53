/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preloaded into the distribution's daemons, so that the very binary can be compared with ours
 * without a kernel that has its device: /dev/vmbus/hv_kvp, hv_vss or hv_fcopy becomes a connection to the socket of
 * "hvis-host link" ($HVIS_PEER_DEVICE), where "at an offset", which the daemons say of the last, means nothing, /var/lib/hyperv the folder $HVIS_PEER_POOLS, the scripts that it runs
 * are those of the unpacked package ($HVIS_PEER_ROOT), and lo is the adapter that the file
 * $HVIS_PEER_ADAPTER holds the GUID of. Every other call is its own.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <hvis/link.h>

#define DEVICES "/dev/vmbus/hv_" /* of its own service, the only one that it opens */
#define POOLS "/var/lib/hyperv"
#define SCRIPTS "/usr/libexec/"
#define ADAPTER "/sys/class/net/lo/device/device_id"

/* The peer's own scripts are not to pay for the shim. */
__attribute__((constructor)) static void not_inherited(void)
{
	unsetenv("LD_PRELOAD");
}

/* PATH, or what stands for it, in OUT. */
static const char *moved(const char *path, char *out, size_t size)
{
	const char *pools = getenv("HVIS_PEER_POOLS"), *adapter = getenv("HVIS_PEER_ADAPTER");

	if (adapter && strcmp(path, ADAPTER) == 0)
		return adapter;
	if (!pools || strncmp(path, POOLS, strlen(POOLS)) != 0)
		return path;
	snprintf(out, size, "%s%s", pools, path + strlen(POOLS));
	return out;
}

static int link_fd = -1;

static int open_link(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct hvis_link_notice notice;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		recv(fd, &notice, sizeof(notice), 0) == sizeof(notice)) {
		errno = (int)hvis_le32_get(notice.error);
		if (!errno)
			return link_fd = fd;
	}
	close(fd);
	return -1;
}

int open(const char *path, int flags, ...)
{
	const char *device = getenv("HVIS_PEER_DEVICE");
	char other[512];
	va_list ap;
	mode_t mode = 0;

	if (device && strncmp(path, DEVICES, strlen(DEVICES)) == 0)
		return open_link(device);
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return openat(AT_FDCWD, moved(path, other, sizeof(other)), flags, mode);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
	ssize_t (*next)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, "pread");

	return fd == link_fd ? recv(fd, bytes, len, 0) : next(fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	ssize_t (*next)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");

	return fd == link_fd ? send(fd, bytes, len, MSG_NOSIGNAL) : next(fd, bytes, len, at);
}

int close(int fd)
{
	int (*next)(int) = dlsym(RTLD_NEXT, "close");

	if (fd == link_fd)
		link_fd = -1;
	return next(fd);
}

FILE *fopen(const char *path, const char *how)
{
	FILE *(*next)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen");
	char other[512];

	return next(moved(path, other, sizeof(other)), how);
}

int access(const char *path, int how)
{
	char other[512];

	return faccessat(AT_FDCWD, moved(path, other, sizeof(other)), how, 0);
}

int mkdir(const char *path, mode_t mode)
{
	char other[512];

	return mkdirat(AT_FDCWD, moved(path, other, sizeof(other)), mode);
}

FILE *popen(const char *command, const char *how)
{
	FILE *(*next)(const char *, const char *) = dlsym(RTLD_NEXT, "popen");
	const char *root = getenv("HVIS_PEER_ROOT");
	char other[4096];

	if (root && strncmp(command, SCRIPTS, strlen(SCRIPTS)) == 0) {
		snprintf(other, sizeof(other), "%s%s", root, command);
		command = other;
	}
	return next(command, how);
}

/* What it runs so is the script that sets up an adapter: none of this machine's. */
int system(const char *command)
{
	return 0;
}
