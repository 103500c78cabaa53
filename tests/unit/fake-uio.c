/* SPDX-License-Identifier: GPL-2.0-only */
/* A host for the UIO transport; see the header. */
#include "tests/unit/fake-uio.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <util/fd.h>
#include <wire/fcopy.h>

const IcVersions fake_uio_versions = { 2, 1, { { 1, 0 }, { 3, 0 } }, { { 1, 1 } } };

static void *map(int fd, gsize size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	g_assert_true(at != MAP_FAILED);
	return at;
}

void fake_uio_init(FakeUio *f, guint pages)
{
	g_autoptr(GError) error = NULL;
	hvis_autofd int memory = memfd_create("fake-uio", MFD_CLOEXEC);
	int fds[2];

	*f = (FakeUio){ .size = 2 * pages * HVIS_RING_PAGE };
	g_assert_cmpint(ftruncate(memory, (off_t)f->size), ==, 0);
	f->rings = map(memory, f->size);
	g_assert_cmpint(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
	f->wire = fds[1];
	hvis_ring_init(&f->in, f->rings, pages);
	hvis_ring_init(&f->out, (hvis_shared *)((guint8 *)f->rings + f->size / 2), pages);
	hvis_ring_read_start(&f->in);
	hvis_ring_write_start(&f->out, HVIS_RING_PENDING_SEND);
	f->guest = hvis_uio_new(fds[0], map(memory, f->size), f->size, "/dev/uio9", &error);
	g_assert_no_error(error);
}

void fake_uio_deinit(FakeUio *f)
{
	hvis_transport_close(f->guest);
	munmap(f->rings, f->size);
	hvis_fd_clear(&f->wire);
}

/* One that was not looked at yet is as good as two. */
void fake_uio_interrupt(FakeUio *f)
{
	static const guint32 count = 1;

	g_assert_true(send(f->wire, &count, sizeof(count), MSG_NOSIGNAL) > 0 || errno == EAGAIN);
}

guint fake_uio_kicks(FakeUio *f)
{
	guint8 buf[8];
	guint n = 0;

	while (recv(f->wire, buf, sizeof(buf), 0) == 4)
		n++;
	f->kicks += n;
	return n;
}

gboolean fake_uio_put(FakeUio *f, guint16 type, guint64 xid, const void *bytes, gsize len)
{
	struct hvis_packet_out packet = {
		.type = type,
		.xid = xid,
		.payload = bytes,
		.payload_len = (uint32_t)len,
	};

	if (!hvis_ring_write_begin(&f->out) ||
		hvis_ring_write_put(&f->out, &packet) != HVIS_RING_DONE)
		return FALSE;
	if (hvis_ring_write_commit(&f->out))
		fake_uio_interrupt(f);
	return TRUE;
}

gsize fake_uio_message(guint8 *buf, gsize size, guint16 type, const void *body, gsize len)
{
	g_autoptr(GError) error = NULL;
	IcMessage msg = {
		.type = type,
		.framework = { 3, 0 },
		.message = { 1, 1 },
		.flags = HVIS_IC_TRANSACTION | HVIS_IC_REQUEST,
		.body = wire_cursor(body, len),
	};
	gsize used = 0;

	icmsg_encode(&msg, buf, size, &used, &error);
	g_assert_no_error(error);
	return used;
}

gboolean fake_uio_send(FakeUio *f, guint16 type, guint64 xid, const void *body, gsize len)
{
	guint8 buf[HVIS_IC_MAX_MESSAGE];
	gsize used = fake_uio_message(buf, sizeof(buf), type, body, len);

	return fake_uio_put(f, HVIS_PACKET_INBAND, xid, buf, used);
}

gboolean fake_uio_negotiate(FakeUio *f, guint64 xid, const IcVersions *versions)
{
	guint8 body[512];
	gsize len = 0;

	g_assert_true(icmsg_negotiate_encode(versions, body, sizeof(body), &len, NULL));
	return fake_uio_send(f, HVIS_IC_NEGOTIATE, xid, body, len);
}

gssize fake_uio_take(FakeUio *f, void *buf, gsize size, guint64 *xid)
{
	struct hvis_packet_in packet;

	g_assert_true(hvis_ring_read_begin(&f->in));
	if (hvis_ring_read_next(&f->in, &packet) != HVIS_RING_DONE) {
		g_assert_cmpint(f->in.fault, ==, HVIS_RING_SOUND);
		return -1;
	}
	g_assert_cmpuint(packet.type, ==, HVIS_PACKET_INBAND);
	g_assert_cmpuint(packet.flags, ==, 0);
	g_assert_cmpuint(packet.header_len, ==, 0);
	g_assert_cmpuint(packet.payload_len, <=, size);
	g_assert_true(hvis_packet_take(&f->in, &packet, buf, packet.payload_len));
	if (xid)
		*xid = packet.xid;
	if (hvis_ring_read_commit(&f->in))
		fake_uio_interrupt(f);
	return (gssize)packet.payload_len;
}

void fake_uio_settle(FakeUio *f)
{
	g_autoptr(GError) error = NULL;
	guint8 buf[HVIS_IC_MAX_MESSAGE];

	g_assert_true(hvis_transport_send(f->guest, buf, fcopy_register_encode(buf), &error));
	g_assert_no_error(error);
	g_assert_true(fake_uio_negotiate(f, 1, &fake_uio_versions));
	g_assert_cmpint(hvis_transport_receive(f->guest, buf, sizeof(buf), &error), ==, 8);
	g_assert_no_error(error);
	g_assert_cmpint(fake_uio_take(f, buf, sizeof(buf), NULL), >, 0);
	fake_uio_kicks(f);
}

gboolean fake_uio_readable(FakeUio *f)
{
	struct pollfd pfd = { .fd = hvis_transport_fd(f->guest), .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}
