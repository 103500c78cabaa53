/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The devices below /dev/vmbus. Facts of Linux that shape this: one opener; one message per read,
 * which blocks whatever O_NONBLOCK says, so it is polled first; a read with too little room fails
 * with EINVAL and leaves the message queued; a write is one whole message and fails with EINVAL where
 * the kernel waits for none; after the host takes the service away all calls fail with EBADF; and the
 * device is there, and can be opened, before the driver knows of it (see HVIS_CHARDEV_SETTLE_MS).
 */
#include <transport/chardev.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>
#include <util/process.h>

#define DISCARD_MAX 65536u /* ours: larger than any message that a device can queue */

typedef struct {
	HvisTransport transport; /* first: the ops get back to us by it */
	int fd;
} Chardev;

static gboolean means_gone(int err)
{
	return err == EBADF || err == ENODEV || err == ENXIO || err == EIO || err == EPIPE ||
	       err == ECONNRESET;
}

static gboolean fail_io(Chardev *dev, int err, const char *what, GError **error)
{
	if (means_gone(err))
		return hvis_fail(error, HVIS_ERROR_CLOSED, "%s %s: the device is gone (%s)", what,
			dev->transport.path, g_strerror(err));
	return hvis_fail_errno(error, err, "%s %s", what, dev->transport.path);
}

static gboolean chardev_send(HvisTransport *transport, const void *msg, gsize len, GError **error)
{
	Chardev *dev = (Chardev *)transport;
	ssize_t n;

	do
		n = write(dev->fd, msg, len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len)
		return TRUE;
	if (n >= 0)
		return hvis_fail(error, HVIS_ERROR_IO, "write %s: %zd of %zu bytes",
			transport->path, n, len);
	if (errno == EINVAL)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL,
			"write %s: the kernel waits for no message", transport->path);
	return fail_io(dev, errno, "write", error);
}

/* A message longer than the caller's room would stay queued for ever. */
static gboolean discard(Chardev *dev, gsize size, GError **error)
{
	g_autofree guint8 *room = g_malloc(DISCARD_MAX);
	ssize_t n = read(dev->fd, room, DISCARD_MAX);

	if (n < 0)
		return hvis_fail(error, HVIS_ERROR_CLOSED, "read %s: unreadable message (%s)",
			dev->transport.path, g_strerror(errno));
	return hvis_fail(error, HVIS_ERROR_NO_SPACE, "read %s: a message of %zd bytes, %zu at most",
		dev->transport.path, n, size);
}

static gssize chardev_receive(HvisTransport *transport, void *buf, gsize size, GError **error)
{
	Chardev *dev = (Chardev *)transport;
	struct pollfd pfd = { .fd = dev->fd, .events = POLLIN };
	ssize_t n;

	if (!transport->readable && poll(&pfd, 1, 0) <= 0)
		return 0;
	if (!transport->readable && !(pfd.revents & POLLIN)) {
		fail_io(dev, EBADF, "read", error);
		return -1;
	}
	transport->readable =
		FALSE; /* a message stays until it is read; the next one may not be there */
	n = read(dev->fd, buf, size);
	if (n > 0)
		return n;
	if (n == 0)
		fail_io(dev, EIO, "read", error);
	else if (errno == EINTR || errno == EAGAIN)
		return 0;
	else if (errno == EINVAL)
		discard(dev, size, error);
	else
		fail_io(dev, errno, "read", error);
	return -1;
}

static int chardev_fd(HvisTransport *transport)
{
	return ((Chardev *)transport)->fd;
}

static void chardev_close(HvisTransport *transport)
{
	Chardev *dev = (Chardev *)transport;

	hvis_fd_clear(&dev->fd);
	g_free(dev);
}

static const HvisTransportOps chardev_ops = {
	.kind = "device",
	.send = chardev_send,
	.receive = chardev_receive,
	.fd = chardev_fd,
	.close = chardev_close,
};

HvisTransport *hvis_chardev_new(int fd, const char *path)
{
	Chardev *dev = g_new(Chardev, 1);

	*dev = (Chardev){ .transport = { .ops = &chardev_ops, .path = g_strdup(path) }, .fd = fd };
	return &dev->transport;
}

/* --- who has it --- */

/* By the link's text: following it could block on a dead network file system. */
static gboolean has_open(const char *fd_dir, const char *target)
{
	g_autoptr(GDir) dir = g_dir_open(fd_dir, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *link = g_build_filename(fd_dir, name, NULL);
		g_autofree char *shown = g_file_read_link(link, NULL);

		if (shown && strcmp(shown, target) == 0)
			return TRUE;
	}
	return FALSE;
}

static char *name_process(const char *proc, const char *pid)
{
	g_autofree char *name = hvis_process_name(proc, g_ascii_strtoll(pid, NULL, 10));

	return name ? g_strdup_printf("%s (pid %s)", name, pid) : g_strdup_printf("pid %s", pid);
}

char *hvis_chardev_holder(const char *proc, const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(proc, 0, NULL);
	g_autofree char *real = g_canonicalize_filename(path, "/");
	const char *pid;

	while (dir && (pid = g_dir_read_name(dir))) {
		g_autofree char *fd_dir = NULL;

		if (!g_ascii_isdigit(pid[0]))
			continue;
		fd_dir = g_build_filename(proc, pid, "fd", NULL);
		if (has_open(fd_dir, real))
			return name_process(proc, pid);
	}
	return NULL;
}

void hvis_chardev_explain(const char *path, int err, GError **error)
{
	g_autofree char *holder = err == EBUSY ? hvis_chardev_holder("/proc", path) : NULL;

	if (err == EBUSY)
		hvis_fail(error, HVIS_ERROR_BUSY, "%s is in use by %s", path,
			holder ? holder : "another process");
	else if (err == ENODEV || err == ENXIO || err == EBADF)
		hvis_fail(error, HVIS_ERROR_IO, "%s has no device behind it", path);
	else
		hvis_fail_errno(error, err, "open %s", path);
}

/* Anything else would be written to: a wrong --device must not cost anybody a file. */
static gboolean check_device(int fd, const char *path, GError **error)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return hvis_fail_errno(error, errno, "stat %s", path);
	return S_ISCHR(st.st_mode) ||
	       hvis_fail(error, HVIS_ERROR_INVALID, "%s is neither a character device nor a socket",
		       path);
}

guint hvis_chardev_settle_ms(const struct timespec *made, const struct timespec *now)
{
	gint64 age_ms = ((gint64)now->tv_sec - made->tv_sec) * 1000 +
			(now->tv_nsec - made->tv_nsec) / 1000000;

	/* Made in the future: the clock was set meanwhile, as it often is early in a boot. */
	return age_ms < 0 || age_ms >= HVIS_CHARDEV_SETTLE_MS
		       ? 0
		       : HVIS_CHARDEV_SETTLE_MS - (guint)age_ms;
}

guint hvis_transport_settle_ms(const char *path)
{
	struct timespec now;
	struct stat st;

	clock_gettime(CLOCK_REALTIME, &now);
	return stat(path, &st) < 0 || !S_ISCHR(st.st_mode)
		       ? 0
		       : hvis_chardev_settle_ms(&st.st_ctim, &now);
}

HvisTransport *hvis_chardev_open(const char *path, GError **error)
{
	hvis_autofd int fd = -1;

	do
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	while (fd < 0 && errno == EINTR);
	if (fd < 0) {
		hvis_chardev_explain(path, errno, error);
		return NULL;
	}
	return check_device(fd, path, error) ? hvis_chardev_new(hvis_fd_steal(&fd), path) : NULL;
}
