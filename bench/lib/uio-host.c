/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/lib/uio-host.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hvis/ring-reader.h>
#include <hvis/ring-writer.h>
#include <util/error.h>
#include <util/fd.h>

#define RING_PAGES 5u /* control page and 16 KiB, as Linux 6.12 makes them for file copy */
#define ANSWER_S 60
#define UNREAD_MAX 32u

/* What sysfs has of the device for either daemon: ours looks for the node's, the other one for the device's. */
#define OF_NODE "dev/char/250:9"
#define OF_DEVICE "bus/vmbus/devices/eb765408-105f-49b6-b4aa-c123b64d17d4"

static const IcVersions versions = { 2, 1, { { 1, 0 }, { 3, 0 } }, { { 1, 1 } } };

static void *map(int fd, gsize size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

gboolean uio_host_init(UioHost *host, GError **error)
{
	const struct timeval patience = { .tv_sec = ANSWER_S };
	int fds[2];

	*host = (UioHost){ .wire = -1, .far = -1 };
	host->memory = memfd_create("rings", 0);
	host->size = 2 * RING_PAGES * HVIS_RING_PAGE;
	if (host->memory < 0 || ftruncate(host->memory, (off_t)host->size) < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0)
		return hvis_fail_errno(error, errno, "make rings");
	host->wire = fds[0];
	host->far = fds[1];
	host->rings = map(host->memory, host->size);
	if (host->rings == MAP_FAILED)
		return hvis_fail_errno(error, errno, "map rings");
	if (setsockopt(host->wire, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return hvis_fail_errno(error, errno, "SO_RCVTIMEO");
	hvis_ring_init(&host->in, host->rings, RING_PAGES);
	hvis_ring_init(
		&host->out, (hvis_shared *)((guint8 *)host->rings + host->size / 2), RING_PAGES);
	hvis_ring_read_start(&host->in);
	hvis_ring_write_start(&host->out, HVIS_RING_PENDING_SEND);
	return TRUE;
}

void uio_host_deinit(UioHost *host)
{
	if (host->size == 0)
		return;
	if (host->rings && host->rings != MAP_FAILED)
		munmap(host->rings, host->size);
	hvis_fd_clear(&host->wire);
	hvis_fd_clear(&host->memory);
	hvis_fd_clear(&host->far);
	host->size = 0;
}

void *uio_host_far_rings(const UioHost *host)
{
	return map(host->memory, host->size);
}

/* --- what the daemon sees --- */

static gboolean put_file(
	const char *sysfs, const char *name, const char *text, gssize len, GError **error)
{
	g_autofree char *path = g_build_filename(sysfs, name, NULL);
	g_autofree char *dir = g_path_get_dirname(path);

	if (g_mkdir_with_parents(dir, 0755) < 0)
		return hvis_fail_errno(error, errno, "%s", dir);
	return g_file_set_contents(path, text, len, error);
}

static gboolean make_sysfs(const UioHost *host, const char *sysfs, GError **error)
{
	g_autofree char *subsystem = g_build_filename(sysfs, OF_NODE "/subsystem", NULL);
	g_autofree char *uio = g_build_filename(sysfs, OF_DEVICE "/uio/uio9", NULL);
	g_autofree char *rings = g_malloc0(host->size);
	char size[32];

	g_snprintf(size, sizeof(size), "0x%016zx\n", host->size);
	if (!put_file(sysfs, OF_NODE "/device/class_id", "{34d14be3-dee4-41c8-9ae7-6b174977c192}\n",
		    -1, error) ||
		!put_file(sysfs, OF_NODE "/maps/map0/name", "txrx_rings\n", -1, error) ||
		!put_file(sysfs, OF_NODE "/maps/map0/size", size, -1, error) ||
		!put_file(sysfs, OF_DEVICE "/channels/9/ring", rings, (gssize)host->size, error))
		return FALSE;
	if (symlink("../../../class/uio", subsystem) < 0 || g_mkdir_with_parents(uio, 0755) < 0)
		return hvis_fail_errno(error, errno, "%s", sysfs);
	return TRUE;
}

static char **set_number(char **envp, const char *name, int number)
{
	g_autofree char *text = g_strdup_printf("%d", number);

	return g_environ_setenv(envp, name, text, TRUE);
}

char **uio_host_environ(
	UioHost *host, char **envp, const char *shim, const char *sysfs, GError **error)
{
	if (!make_sysfs(host, sysfs, error)) {
		g_strfreev(envp);
		return NULL;
	}
	envp = g_environ_setenv(envp, "LD_PRELOAD", shim, TRUE);
	envp = g_environ_setenv(envp, "HVIS_UIO_SYSFS", sysfs, TRUE);
	envp = set_number(envp, "HVIS_UIO_MEMORY", host->memory);
	return set_number(envp, "HVIS_UIO_WIRE", host->far);
}

/* --- packets --- */

static gboolean put(UioHost *host, const void *bytes, gsize len, GError **error)
{
	static const guint32 count = 1;
	struct hvis_packet_out packet = {
		.type = HVIS_PACKET_INBAND,
		.xid = ++host->xid,
		.payload = bytes,
		.payload_len = (uint32_t)len,
	};

	if (!hvis_ring_write_begin(&host->out) ||
		hvis_ring_write_put(&host->out, &packet) != HVIS_RING_DONE)
		return hvis_fail(error, HVIS_ERROR_IO, "the daemon's ring takes no packet");
	/* where there is no room for one more interrupt there is one that it has not seen */
	if (!hvis_ring_write_commit(&host->out) ||
		send(host->wire, &count, sizeof(count), MSG_NOSIGNAL | MSG_DONTWAIT) > 0 ||
		errno == EAGAIN)
		return TRUE;
	return hvis_fail_errno(error, errno, "interrupt the daemon");
}

/* The next packet of the guest; -1 where there is none yet. */
static gssize take(UioHost *host, void *buf, gsize size, GError **error)
{
	struct hvis_packet_in packet;
	enum hvis_ring_result result = HVIS_RING_POISONED;

	if (hvis_ring_read_begin(&host->in))
		result = hvis_ring_read_next(&host->in, &packet);
	if (result == HVIS_RING_AGAIN)
		return -1;
	if (result != HVIS_RING_DONE || packet.payload_len > size ||
		!hvis_packet_take(&host->in, &packet, buf, packet.payload_len)) {
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "the daemon has broken its ring");
		return -1;
	}
	hvis_ring_read_commit(&host->in);
	return (gssize)packet.payload_len;
}

/* Signals of answers that were seen before, from time to time: else the daemon would have to wait for room. */
static void drain(UioHost *host)
{
	guint32 count;

	if (++host->unread < UNREAD_MAX)
		return;
	while (recv(host->wire, &count, sizeof(count), MSG_DONTWAIT) > 0)
		;
	host->unread = 0;
}

/* Of a daemon that writes its answer and signals then. */
static gboolean await(UioHost *host, guint8 *buf, gsize size, gssize *ret, GError **error)
{
	g_autoptr(GError) failed = NULL;
	guint32 count;

	while ((*ret = take(host, buf, size, &failed)) < 0) {
		ssize_t n;

		if (failed) {
			g_propagate_error(error, g_steal_pointer(&failed));
			return FALSE;
		}
		n = recv(host->wire, &count, sizeof(count), 0);
		if (n < 0 && errno == EAGAIN)
			return hvis_fail(error, HVIS_ERROR_TIMEOUT, "the daemon says nothing");
		if (n <= 0)
			return hvis_fail(error, HVIS_ERROR_IO, "the daemon has gone");
	}
	drain(host);
	return TRUE;
}

/* Send a message of @type, and have the answer decoded. */
static gboolean exchange(UioHost *host, guint16 type, const void *body, gsize len, IcMessage *ret,
	guint8 *buf, GError **error)
{
	IcMessage msg = { .type = type,
		.framework = { 3, 0 },
		.message = { 1, 1 },
		.flags = HVIS_IC_TRANSACTION | HVIS_IC_REQUEST,
		.body = wire_cursor(body, len) };
	gsize used;
	gssize n;

	return icmsg_encode(&msg, buf, HVIS_IC_MAX_MESSAGE, &used, error) &&
	       put(host, buf, used, error) && await(host, buf, HVIS_IC_MAX_MESSAGE, &n, error) &&
	       icmsg_decode(buf, (gsize)n, ret, error);
}

gboolean uio_host_started(UioHost *host, gboolean is_daemon, GError **error)
{
	guint8 buf[HVIS_IC_MAX_MESSAGE], body[256];
	IcVersion framework, message;
	gboolean agreed;
	IcMessage answer;
	gsize len;

	hvis_fd_clear(&host->memory);
	hvis_fd_clear(&host->far);
	if (!is_daemon)
		return TRUE;
	if (!icmsg_negotiate_encode(&versions, body, sizeof(body), &len, error) ||
		!exchange(host, HVIS_IC_NEGOTIATE, body, len, &answer, buf, error) ||
		!icmsg_negotiate_decode_answer(answer.body, &agreed, &framework, &message, error))
		return FALSE;
	return agreed || hvis_fail(error, HVIS_ERROR_PROTOCOL, "the daemon takes no version");
}

gboolean uio_host_ask(
	UioHost *host, const void *body, gsize len, guint32 *ret_status, GError **error)
{
	guint8 buf[HVIS_IC_MAX_MESSAGE];
	IcMessage answer;

	if (!exchange(host, HVIS_IC_FCOPY, body, len, &answer, buf, error))
		return FALSE;
	*ret_status = answer.status;
	return TRUE;
}
