/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rings of a VMBus device in user space. Facts of uio_hv_generic that shape this (seen in Linux 6.12.117): opening
 * the node opens the channel, and closing the last descriptor closes it, with empty rings the next time, in which
 * the host may have written before open(2) is back; any number of processes may have it open at once; read(2)
 * gives the count of interrupts, four bytes, and poll(2) says that it has changed since; write(2) of 1 signals
 * the host, whether or not it wants that, and clears the mask of interrupts, of 0 sets it; once the host has taken
 * the service away poll(2) says IN, ERR and HUP, read(2) fails with EIO and write(2) with EINVAL, the node is gone,
 * and the rings stay mapped. (A driver that is unloaded while the device is there leaves a pointer behind that the
 * kernel dies of when the host takes the service away.) Nothing else masks interrupts there; other versions of
 * the kernel mask them as they count one. The mask is in the ring, so it is set and cleared by us in any case, and is
 * nothing to rely on.
 *
 * A request that comes while the service has one is parked, and all that is behind it stays in the ring: hosts have
 * one transaction under way. Negotiation is looked for at all times, though. What the other end does wrong
 * is either a packet, which is dropped or refused by itself, or the ring, which then is not touched any more.
 */
#include <transport/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hvis/ring-reader.h>
#include <hvis/ring-writer.h>

#include <util/error.h>
#include <util/fd.h>
#include <wire/fcopy.h>

typedef struct {
	IcGuestAnswer answer;
	gboolean due; /* there was no room for it */
} Owed;

typedef struct {
	HvisTransport transport; /* first: the ops get back to us by it */
	int fd;
	int bell; /* rung while there is work that no interrupt will tell of */
	int both; /* readable where one of them is */
	gboolean rung;
	gboolean
		counted; /* interrupts have been taken note of, and what came with them was looked for */
	void *rings;
	gsize size;
	struct hvis_ring out, in; /* to the host, and from it */
	gboolean closed; /* the other end is gone, or mad */

	IcGuest guest;
	gboolean registered,
		welcome; /* the service has sent its first message; is to be told of versions */
	guint8 packet[HVIS_IC_MAX_MESSAGE];
	gsize packet_len;
	guint64 packet_xid;
	gboolean parked; /* the packet is a request that has to wait */
	Owed own, reply; /* answers that are ours, and the service's */
	HvisUioCounters counters;
} Uio;

/* --- the other end --- */

static gboolean fail_gone(Uio *u, GError **error)
{
	u->closed = TRUE;
	return hvis_fail(
		error, HVIS_ERROR_CLOSED, "%s: the host took the service away", u->transport.path);
}

static const char *fault_text(enum hvis_ring_fault fault)
{
	switch (fault) {
	case HVIS_RING_SOUND:
		break;
	case HVIS_RING_BAD_INDEX:
		return "an index outside of it";
	case HVIS_RING_BAD_TYPE:
		return "a packet of no known type";
	case HVIS_RING_BAD_OFFSET:
		return "a packet whose data begin outside of it";
	case HVIS_RING_BAD_LENGTH:
		return "a packet that is longer than what is there";
	}
	return "closed";
}

static gboolean fail_ring(Uio *u, GError **error)
{
	enum hvis_ring_fault fault = u->in.fault ? u->in.fault : u->out.fault;

	u->closed = TRUE;
	return hvis_fail(error, HVIS_ERROR_CLOSED, "%s: the host has broken the ring: %s",
		u->transport.path, fault_text(fault));
}

static gboolean is_sound(Uio *u, GError **error)
{
	if (u->in.fault || u->out.fault)
		return fail_ring(u, error);
	return !u->closed || fail_gone(u, error);
}

/* Take note of interrupts; whether there was one does not matter. */
static gboolean clear_count(Uio *u, GError **error)
{
	guint32 count;
	ssize_t n;

	do
		n = read(u->fd, &count, sizeof(count));
	while (n < 0 && errno == EINTR);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
		return TRUE;
	return fail_gone(u, error);
}

static gboolean kick(Uio *u, GError **error)
{
	static const guint32 one = 1;
	ssize_t n;

	do
		n = write(u->fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	u->counters.kicks++;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
		return TRUE;
	return fail_gone(u, error);
}

/* --- answers --- */

/* Put it into the ring now, or have it wait for room. */
static gboolean post(Uio *u, Owed *owed, GError **error)
{
	struct hvis_packet_out packet = {
		.type = HVIS_PACKET_INBAND,
		.xid = owed->answer.xid,
		.payload = owed->answer.bytes,
		.payload_len = (uint32_t)owed->answer.len,
	};
	gboolean waited = owed->due;

	owed->due = FALSE;
	hvis_ring_write_begin(&u->out);
	switch (hvis_ring_write_put(&u->out, &packet)) {
	case HVIS_RING_DONE:
		if (waited)
			hvis_ring_write_resume(&u->out);
		return hvis_ring_write_commit(&u->out) ? kick(u, error) : is_sound(u, error);
	case HVIS_RING_AGAIN:
		owed->due = TRUE;
		u->counters.full += !waited;
		return TRUE;
	case HVIS_RING_NEVER: /* it came through a ring as large as this one */
	case HVIS_RING_POISONED:
		break;
	}
	return fail_ring(u, error);
}

static gboolean post_owed(Uio *u, GError **error)
{
	return (!u->own.due || post(u, &u->own, error)) &&
	       (!u->reply.due || post(u, &u->reply, error));
}

static gboolean is_owing(const Uio *u)
{
	return u->own.due || u->reply.due;
}

/* Room came while the host was asked to tell of it. */
static gboolean has_room(Uio *u)
{
	const Owed *owed = u->own.due ? &u->own : &u->reply;
	struct hvis_packet_out packet = { .payload_len = (uint32_t)owed->answer.len };

	return hvis_ring_write_wait(&u->out, hvis_ring_need(&packet)) || u->out.fault;
}

/* --- waiting --- */

/* Whether there is work now. Where not, an interrupt will tell when there is. */
static gboolean has_work(Uio *u)
{
	if (u->closed || u->welcome)
		return u->closed || u->registered;
	if (is_owing(u))
		return has_room(u);
	if (u->parked)
		return !u->guest.asked;
	if (!hvis_ring_read_unmask(&u->in))
		return u->in.fault != HVIS_RING_SOUND;
	hvis_ring_read_mask(&u->in);
	return TRUE;
}

/* On every way out. */
static void rest(Uio *u)
{
	gboolean work;
	guint64 one = 1;

	if (u->transport.bursting)
		return;
	work = has_work(u);
	if (work == u->rung)
		return;
	u->rung = work;
	if ((work ? write(u->bell, &one, sizeof(one)) : read(u->bell, &one, sizeof(one))) < 0)
		g_debug("%s: %s", u->transport.path, g_strerror(errno));
}

/* --- receiving --- */

/* The next packet into our memory. FALSE where it is dropped. */
static gboolean fetch(Uio *u, struct hvis_packet_in *packet)
{
	u->counters.packets++;
	if (packet->type != HVIS_PACKET_INBAND || packet->header_len ||
		packet->payload_len > sizeof(u->packet)) {
		u->counters.odd++;
		return FALSE;
	}
	u->packet_len = packet->payload_len;
	u->packet_xid = packet->xid;
	return hvis_packet_take(&u->in, packet, u->packet, packet->payload_len);
}

/* What to do with the packet. FALSE with @error: closed. Otherwise @body is a request's where there is one. */
static gboolean consider(Uio *u, WireCursor *body, gboolean *request, GError **error)
{
	u->parked = FALSE;
	switch (ic_guest_take(
		&u->guest, u->packet, u->packet_len, u->packet_xid, &u->own.answer, body)) {
	case IC_GUEST_DROP:
		return TRUE;
	case IC_GUEST_AGREED:
		u->welcome = TRUE;
		return post(u, &u->own, error);
	case IC_GUEST_ANSWER:
		return post(u, &u->own, error);
	case IC_GUEST_REQUEST:
		*request = TRUE;
		return TRUE;
	case IC_GUEST_LATER:
		u->parked = TRUE;
		return TRUE;
	}
	return TRUE;
}

/* Packets up to the first request, or to the end of what is there. */
static gboolean drain(Uio *u, WireCursor *body, gboolean *request, GError **error)
{
	struct hvis_packet_in packet;
	enum hvis_ring_result result = HVIS_RING_DONE;

	hvis_ring_read_mask(&u->in);
	hvis_ring_read_begin(&u->in);
	while (!*request && !u->parked && !is_owing(u) && !u->welcome) {
		result = hvis_ring_read_next(&u->in, &packet);
		if (result != HVIS_RING_DONE)
			break;
		if (fetch(u, &packet) && !consider(u, body, request, error))
			return FALSE;
	}
	if (hvis_ring_read_commit(&u->in) && !kick(u, error))
		return FALSE;
	return is_sound(u, error);
}

static gssize hand_out(Uio *u, WireCursor body, void *buf, gsize size, GError **error)
{
	gsize len = body.left;

	if (len <= size) {
		wire_take(&body, buf, len);
		return (gssize)len;
	}
	hvis_fail(error, HVIS_ERROR_NO_SPACE, "%s: a message of %zu bytes, %zu at most",
		u->transport.path, len, size);
	return -1;
}

static gssize welcome(Uio *u, void *buf, gsize size, GError **error)
{
	guint8 bytes[sizeof(struct hvis_fcopy_welcome)];
	gsize len = fcopy_welcome_encode(FCOPY_TEXT_UTF16, bytes);

	u->welcome = FALSE;
	return hand_out(u, wire_cursor(bytes, len), buf, size, error);
}

static gssize take(Uio *u, void *buf, gsize size, GError **error)
{
	WireCursor body = wire_cursor(NULL, 0);
	gboolean request = FALSE;

	if (!is_sound(u, error) || (!u->counted && !clear_count(u, error)) || !post_owed(u, error))
		return -1;
	u->counted = FALSE;
	if (u->welcome && u->registered)
		return welcome(u, buf, size, error);
	if (u->parked && !u->guest.asked && !is_owing(u) && !consider(u, &body, &request, error))
		return -1;
	if (!request && !u->parked && !is_owing(u) && !drain(u, &body, &request, error))
		return -1;
	if (request)
		return hand_out(u, body, buf, size, error);
	return u->welcome && u->registered ? welcome(u, buf, size, error) : 0;
}

static gssize uio_receive(HvisTransport *transport, void *buf, gsize size, GError **error)
{
	Uio *u = (Uio *)transport;
	gssize n = take(u, buf, size, error);

	rest(u);
	return n;
}

/* --- sending --- */

static gboolean reply(Uio *u, const void *msg, gsize len, GError **error)
{
	guint32 status;

	if (!is_sound(u, error) || !fcopy_answer_decode(msg, len, &status, error))
		return FALSE;
	if (!ic_guest_reply(&u->guest, status, &u->reply.answer))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "%s: the host waits for no answer",
			u->transport.path);
	return post(u, &u->reply, error);
}

static gboolean uio_send(HvisTransport *transport, const void *msg, gsize len, GError **error)
{
	Uio *u = (Uio *)transport;
	gboolean sent;

	if (!u->registered) {
		u->registered = TRUE;
		sent = is_sound(u, error);
	} else {
		sent = reply(u, msg, len, error);
	}
	rest(u);
	return sent;
}

/* --- the door --- */

static int uio_fd(HvisTransport *transport)
{
	return ((Uio *)transport)->both;
}

/*
 * What is in the ring already needs no system call. An interrupt whose packet was found that way, by an earlier call, is
 * no reason to go back; but one round only, for else who sends nothing else could hold us here.
 */
static gboolean uio_wait(HvisTransport *transport, int ms)
{
	Uio *u = (Uio *)transport;
	struct pollfd pfd = { .fd = u->fd, .events = POLLIN };

	for (guint round = 0; round < 2; round++) {
		u->counted = TRUE;
		if (has_work(u))
			return TRUE;
		u->counted = FALSE;
		if (poll(&pfd, 1, ms) <= 0)
			return FALSE;
		if (!clear_count(u, NULL))
			return TRUE; /* receive() says so */
	}
	return has_work(u);
}

static void uio_rest(HvisTransport *transport)
{
	rest((Uio *)transport);
}

static void uio_close(HvisTransport *transport)
{
	Uio *u = (Uio *)transport;

	munmap(u->rings, u->size);
	hvis_fd_clear(&u->both);
	hvis_fd_clear(&u->bell);
	hvis_fd_clear(&u->fd);
	g_free(u);
}

static const HvisTransportOps uio_ops = {
	.kind = "uio",
	.send = uio_send,
	.receive = uio_receive,
	.fd = uio_fd,
	.wait = uio_wait,
	.rest = uio_rest,
	.close = uio_close,
};

static int poll_both(int a, int b)
{
	struct epoll_event event = { .events = EPOLLIN };
	hvis_autofd int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, a, &event) < 0 ||
		epoll_ctl(fd, EPOLL_CTL_ADD, b, &event) < 0)
		return -1;
	return hvis_fd_steal(&fd);
}

HvisTransport *hvis_uio_new(int fd, void *rings, gsize size, const char *path, GError **error)
{
	uint32_t pages = (uint32_t)(size / 2 / HVIS_RING_PAGE);
	Uio *u = g_new0(Uio, 1);

	u->transport = (HvisTransport){ .ops = &uio_ops, .path = g_strdup(path) };
	u->rings = rings;
	u->size = size;
	u->fd = fd;
	u->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	u->both = poll_both(u->fd, u->bell);
	if (u->both < 0) {
		hvis_fail_errno(error, errno, "watch %s", path);
		hvis_transport_close(&u->transport);
		return NULL;
	}
	hvis_ring_init(&u->out, (hvis_shared *)rings, pages);
	hvis_ring_init(&u->in, (hvis_shared *)((guint8 *)rings + size / 2), pages);
	hvis_ring_write_start(&u->out, HVIS_RING_PENDING_SEND);
	hvis_ring_read_start(&u->in);
	ic_guest_init(&u->guest, &ic_guest_fcopy);
	rest(u);
	return &u->transport;
}

void hvis_uio_counters(HvisTransport *transport, HvisUioCounters *ret)
{
	const Uio *u = (const Uio *)transport;

	*ret = u->counters;
	ret->messages = u->guest.counters;
}
