/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a UIO node becomes a transport: what sysfs says of it, the descriptor, the mapping. The kernel lets any
 * number of processes in, and two of them would take packets from each other: a lock keeps ours apart, and whoever
 * has been at work already has left his marks in the rings, which are empty for whom the channel is opened.
 */
#include <transport/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <hvis/ring.h>
#include <hvis/services.h>

#include <transport/chardev.h>
#include <transport/find.h>
#include <util/error.h>
#include <util/fd.h>
#include <util/file.h>

#define ATTRIBUTE_MAX 64u /* ours: no attribute that is read here has as many bytes */
#define RINGS_MAX (64u << 20) /* ours: both; the kernel's largest are 4 MiB */

/* --- sysfs --- */

static char *node_dir(const char *sysfs, dev_t rdev)
{
	return g_strdup_printf("%s/dev/char/%u:%u", sysfs, major(rdev), minor(rdev));
}

/* Its text, without the newline; NULL where there is none. */
static char *attribute(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	char *text = hvis_file_read(path, ATTRIBUTE_MAX, NULL, NULL);

	return text ? g_strchomp(text) : NULL;
}

gboolean hvis_uio_is(const char *sysfs, dev_t rdev)
{
	g_autofree char *dir = node_dir(sysfs, rdev);
	g_autofree char *path = g_build_filename(dir, "subsystem", NULL);
	g_autofree char *link = g_file_read_link(path, NULL);

	return link && g_str_has_suffix(link, "/uio");
}

/* "{34d14be3-…}", as sysfs prints a class. */
static gboolean parse_class(const char *text, struct hvis_guid *ret)
{
	static const guint8 place[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct hvis_guid guid;
	const char *at = text;

	if (strlen(text) != 38 || *at++ != '{')
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(place); i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *at++ != '-')
			return FALSE;
		if (!g_ascii_isxdigit(at[0]) || !g_ascii_isxdigit(at[1]))
			return FALSE;
		guid.b[place[i]] =
			(guint8)(g_ascii_xdigit_value(at[0]) << 4 | g_ascii_xdigit_value(at[1]));
		at += 2;
	}
	if (strcmp(at, "}") != 0)
		return FALSE;
	*ret = guid;
	return TRUE;
}

/* Two rings of a control page and at least one of data each. */
static gboolean parse_size(const char *text, gsize *ret)
{
	char *end = NULL;
	guint64 size = g_ascii_strtoull(text, &end, 16);

	if (end == text || *end || size < 4 * HVIS_RING_PAGE || size > RINGS_MAX ||
		size % (2 * HVIS_RING_PAGE))
		return FALSE;
	*ret = (gsize)size;
	return TRUE;
}

gboolean hvis_uio_shape(const char *sysfs, dev_t rdev, HvisUioShape *ret, GError **error)
{
	g_autofree char *dir = node_dir(sysfs, rdev);
	g_autofree char *class_id = attribute(dir, "device/class_id");
	g_autofree char *name = attribute(dir, "maps/map0/name");
	g_autofree char *size = attribute(dir, "maps/map0/size");
	HvisUioShape shape;

	if (!class_id || !parse_class(class_id, &shape.type))
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "it is no device of the VMBus");
	if (g_strcmp0(name, "txrx_rings") != 0 || !size)
		return hvis_fail(
			error, HVIS_ERROR_UNSUPPORTED, "%s/maps/map0 is no pair of rings", dir);
	if (!parse_size(size, &shape.size))
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"%s/maps/map0/size is \"%s\", no size of two rings", dir, size);
	*ret = shape;
	return TRUE;
}

/* --- the node --- */

/* Not while we have it open ourselves: it is looked for who does. */
static void fail_busy(const char *path, GError **error)
{
	g_autofree char *node = realpath(path, NULL);

	hvis_chardev_explain(node ? node : path, EBUSY, error);
}

gboolean hvis_uio_is_fresh(const void *rings, gsize size)
{
	const hvis_shared *out = rings,
			  *in = (hvis_shared *)((guint8 *)(uintptr_t)rings + size / 2);

	return hvis_shared_load(out, HVIS_RING_WRITE) == 0 &&
	       hvis_shared_load(in, HVIS_RING_READ) == 0;
}

static int open_node(const char *path, dev_t rdev, GError **error)
{
	hvis_autofd int fd = -1;
	struct stat st;

	do
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	while (fd < 0 && errno == EINTR);
	if (fd < 0) {
		hvis_chardev_explain(path, errno, error);
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == rdev)
		return hvis_fd_steal(&fd);
	hvis_fail(error, HVIS_ERROR_CLOSED, "%s has become another device", path);
	return -1;
}

static gboolean is_spoken(const HvisUioShape *shape, GError **error)
{
	static const struct hvis_guid fcopy = HVIS_FCOPY_TYPE;
	g_autofree char *text = NULL;

	if (hvis_guid_equal(&shape->type, &fcopy))
		return TRUE;
	text = hvis_guid_text(&shape->type);
	return hvis_fail(
		error, HVIS_ERROR_UNSUPPORTED, "it is of class %s, not of file copy", text);
}

HvisTransport *hvis_uio_open(const char *path, dev_t rdev, GError **error)
{
	hvis_autofd int fd = -1;
	HvisUioShape shape;
	void *rings;

	if (!hvis_uio_shape(HVIS_UIO_SYSFS, rdev, &shape, error) || !is_spoken(&shape, error)) {
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}
	fd = open_node(path, rdev, error);
	if (fd < 0)
		return NULL;
	rings = mmap(NULL, shape.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rings == MAP_FAILED) {
		hvis_fail_errno(error, errno, "map the rings of %s", path);
		return NULL;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && hvis_uio_is_fresh(rings, shape.size))
		return hvis_uio_new(hvis_fd_steal(&fd), rings, shape.size, path, error);
	munmap(rings, shape.size);
	hvis_fd_clear(&fd);
	fail_busy(path, error);
	return NULL;
}
