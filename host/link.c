/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Link mode: hv_utils over sockets; see link.h for what is reproduced and link-device.h for what is
 * left to each device. A port is a device, there or not; a session is one opener of it.
 *
 * The session's state is a table and session_post() alone writes it. What the host sends waits in an
 * inbox, as it would in the ring: while the gate is shut (nobody has registered yet) or while the
 * daemon owes an answer.
 */
#include "host/link.h"
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <hvis/hresult.h>
#include <hvis/link.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <util/error.h>
#include <util/fd.h>
#include "host/fault.h"
#include "host/link-device.h"
#include "host/link-socket.h"
#include "host/service/class.h"
#include "host/trace.h"

#define GATE_TIMEOUT_MS 55000u /* HV_UTIL_NEGO_TIMEOUT */
#define RECEIVE_MAX 65536u /* ours: longer messages lose their tail, which nobody reads */

typedef enum {
	SESSION_CLOSED,
	SESSION_INIT, /* open; the daemon has not registered */
	SESSION_READY,
	SESSION_ASKED, /* the daemon owes an answer */
	SESSION_STATE_N,
} SessionState;

typedef enum {
	EV_OPEN,
	EV_REGISTER, /* a message that registers, once */
	EV_REGISTER_ANY, /* one that registers whenever nothing is asked */
	EV_MESSAGE, /* any other */
	EV_ASK, /* a request of the host, in the session's ->request */
	EV_TIMEOUT,
	EV_CLOSE,
	EV_N,
} SessionEvent;

typedef struct {
	guint64 xid;
	GByteArray *bytes;
} Inbound;

struct Link {
	ServiceBus bus; /* first */
	char *dir;
	int dir_fd; /* locked: one link per directory */
	HvisClock *clock;
};

typedef struct {
	ServicePort port; /* first */
	const char *name;
	const LinkDevice *device;
	char *path;
	const ServicePortClient *client;
	gpointer data;
	int listen_fd;
	guint listen_source;
	/* the session */
	SessionState state;
	int fd;
	guint source;
	gboolean gate_open;
	guint gate_timer, answer_timer;
	GQueue inbox; /* of Inbound */
	Inbound *request; /* under way */
	guint8 *buffer; /* RECEIVE_MAX bytes; what the daemon sent last */
} LinkPort;

static const LinkDevice *const devices[] = { &link_kvp, &link_vss, &link_fcopy };

static Link *port_link(LinkPort *port)
{
	return (Link *)port->port.bus;
}

static void note(LinkPort *port, const char *text)
{
	trace_emit(TRACE_SERVICE, TRACE_NOTE, port->name, NULL, 0, "%s", text);
}

static void inbound_free(gpointer data)
{
	Inbound *in = data;

	if (!in)
		return;
	g_byte_array_unref(in->bytes);
	g_free(in);
}

/* --- to the daemon --- */

static void send_notice(int fd, int err)
{
	struct hvis_link_notice notice = {
		.magic = hvis_le32_make(HVIS_LINK_MAGIC),
		.error = hvis_le32_make((guint32)err),
	};

	/* Lost only when the daemon is gone or has stopped reading: it does not miss it. */
	if (send(fd, &notice, sizeof(notice), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		g_debug("notice %d: %s", err, g_strerror(errno));
}

/* At the far end of the faults; a message cut to nothing would look like the end of the file. */
static void deliver(gpointer target, const guint8 *bytes, gsize len)
{
	LinkPort *port = target;

	if (len == 0 || send(port->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	g_debug("%s: %s", port->path, g_strerror(errno));
	note(port, "the daemon does not read: message lost");
}

static void to_daemon(LinkPort *port, GByteArray *message)
{
	g_autoptr(GString) line = g_string_new("device: ");

	port->device->describe(message->data, line);
	trace_emit(TRACE_SERVICE, TRACE_TO_GUEST, port->name, message->data, message->len, "%s",
		line->str);
	fault_send(FAULT_AT_LINK, port->name, port, message->data, message->len, 0, deliver);
	g_byte_array_unref(message);
}

/* --- to the host --- */

static void answer_host(LinkPort *port, guint64 xid, IcMessage *m)
{
	gsize size = HVIS_IC_BODY_OFFSET + m->body.left, len;
	g_autofree guint8 *bytes = g_malloc(size);

	m->flags = HVIS_IC_TRANSACTION | HVIS_IC_RESPONSE;
	if (!icmsg_encode(m, bytes, size, &len, NULL))
		g_assert_not_reached(); /* no longer than what came */
	port->client->packet(port->data, xid, bytes, len);
}

static void answer_versions(LinkPort *port, guint64 xid, IcMessage *m)
{
	guint8 body[sizeof(struct hvis_ic_negotiate) + 2 * sizeof(struct hvis_ic_version)];
	IcVersions theirs, chosen;
	gsize len;

	if (!icmsg_negotiate_decode(m->body, &theirs, NULL))
		return; /* a driver drops what it cannot read */
	icmsg_negotiate_choose(&theirs, &port->device->versions, &chosen);
	if (!icmsg_negotiate_encode(&chosen, body, sizeof(body), &len, NULL))
		g_assert_not_reached();
	m->body = wire_cursor(body, len);
	answer_host(port, xid, m);
}

static GByteArray *copy_body(const IcMessage *m)
{
	return g_byte_array_append(g_byte_array_new(), m->body.pos, (guint)m->body.left);
}

/* What the driver answers without its daemon; FALSE where it would ask that. */
static gboolean answer_alone(LinkPort *port, guint64 xid, IcMessage *m)
{
	g_autoptr(GByteArray) body = copy_body(m);

	if (!port->device->alone || !port->device->alone(m, body))
		return FALSE;
	m->status = HVIS_S_OK;
	m->body = wire_cursor(body->data, body->len);
	answer_host(port, xid, m);
	return TRUE;
}

static void answer_request(LinkPort *port, const guint8 *message)
{
	Inbound *in = g_steal_pointer(&port->request);
	g_autoptr(GByteArray) body = NULL;
	IcMessage m;

	if (!icmsg_decode(in->bytes->data, in->bytes->len, &m, NULL))
		g_assert_not_reached(); /* it was, when it was asked */
	body = copy_body(&m);
	m.status = message ? port->device->to_host(&m, message, body) : HVIS_E_FAIL;
	m.body = wire_cursor(body->data, body->len);
	answer_host(port, in->xid, &m);
	inbound_free(in);
}

/* --- the session --- */

static gboolean session_post(LinkPort *port, SessionEvent event);

static void drop_timer(LinkPort *port, guint *timer)
{
	HvisClock *clock = port_link(port)->clock;

	if (*timer)
		clock->remove(clock, *timer);
	*timer = 0;
}

static void on_answer_timeout(gpointer data)
{
	LinkPort *port = data;

	port->answer_timer = 0;
	session_post(port, EV_TIMEOUT);
}

static void enter_refuse(LinkPort *port)
{
	note(port, "the daemon's message is refused");
	send_notice(port->fd, EINVAL);
}

static void enter_registered(LinkPort *port)
{
	note(port, "the daemon has registered");
	to_daemon(port, port->device->registered());
	drop_timer(port, &port->gate_timer);
	port->gate_open = TRUE;
}

static void enter_asked(LinkPort *port)
{
	HvisClock *clock = port_link(port)->clock;
	IcMessage m;

	if (!icmsg_decode(port->request->bytes->data, port->request->bytes->len, &m, NULL))
		g_assert_not_reached();
	port->answer_timer =
		clock->add(clock, port->device->timeout_ms(&m), on_answer_timeout, port);
	to_daemon(port, port->device->to_daemon(&m));
}

static void enter_fail(LinkPort *port)
{
	drop_timer(port, &port->answer_timer);
	answer_request(port, NULL);
}

static void enter_answered(LinkPort *port)
{
	drop_timer(port, &port->answer_timer);
	answer_request(port, port->buffer);
}

static void enter_opened(LinkPort *port)
{
	note(port, "a daemon opens the device");
	send_notice(port->fd, 0);
	port->gate_open = !port->device->awaits_daemon;
	port->client->opened(port->data);
}

static void enter_closed(LinkPort *port)
{
	note(port, "the daemon closes the device");
	fault_forget(port);
	drop_timer(port, &port->answer_timer);
	drop_timer(port, &port->gate_timer);
	g_source_remove(port->source);
	port->source = 0;
	hvis_fd_clear(&port->fd);
	port->gate_open = FALSE;
	if (port->request)
		answer_request(port, NULL);
	g_queue_clear_full(&port->inbox, inbound_free);
	port->client->closed(port->data);
}

#define GO(next, enter)                                                                            \
	{                                                                                          \
		next, enter                                                                        \
	}

static const struct {
	SessionState next;
	void (*enter)(LinkPort *port); /* NULL = the event cannot come now */
} step[SESSION_STATE_N][EV_N] = {
	[SESSION_CLOSED] = {
		[EV_OPEN] = GO(SESSION_INIT, enter_opened),
	},
	[SESSION_INIT] = {
		[EV_REGISTER] = GO(SESSION_READY, enter_registered),
		[EV_REGISTER_ANY] = GO(SESSION_READY, enter_registered),
		[EV_MESSAGE] = GO(SESSION_INIT, enter_refuse),
		[EV_ASK] = GO(SESSION_INIT, enter_fail),
		[EV_CLOSE] = GO(SESSION_CLOSED, enter_closed),
	},
	[SESSION_READY] = {
		[EV_REGISTER] = GO(SESSION_READY, enter_refuse),
		[EV_REGISTER_ANY] = GO(SESSION_READY, enter_registered),
		[EV_MESSAGE] = GO(SESSION_READY, enter_refuse),
		[EV_ASK] = GO(SESSION_ASKED, enter_asked),
		[EV_CLOSE] = GO(SESSION_CLOSED, enter_closed),
	},
	[SESSION_ASKED] = {
		[EV_REGISTER] = GO(SESSION_READY, enter_answered), /* status 100: an answer like any */
		[EV_REGISTER_ANY] = GO(SESSION_ASKED, enter_refuse),
		[EV_MESSAGE] = GO(SESSION_READY, enter_answered),
		[EV_TIMEOUT] = GO(SESSION_READY, enter_fail),
		[EV_CLOSE] = GO(SESSION_CLOSED, enter_closed),
	},
};

/* The only writer of the state. */
static gboolean session_post(LinkPort *port, SessionEvent event)
{
	SessionState was = port->state;

	if (!step[was][event].enter)
		return FALSE;
	port->state = step[was][event].next;
	step[was][event].enter(port);
	return TRUE;
}

/* As the driver sees it, for which the ring pads a message to 8 bytes. */
static gboolean is_short(const LinkPort *port, const IcMessage *m)
{
	gsize padded = (HVIS_IC_BODY_OFFSET + m->body.left + 7) / 8 * 8;

	return padded < HVIS_IC_BODY_OFFSET + port->device->request_min;
}

/* Take what waits in the inbox, as far as the driver would read its ring now. */
static void drain(LinkPort *port)
{
	while (port->gate_open && port->state != SESSION_ASKED && port->state != SESSION_CLOSED) {
		Inbound *in = g_queue_pop_head(&port->inbox);
		IcMessage m;

		if (!in)
			return;
		if (!icmsg_decode(in->bytes->data, in->bytes->len, &m, NULL)) {
			inbound_free(in); /* nothing that a driver answers */
		} else if (m.type == HVIS_IC_NEGOTIATE) {
			answer_versions(port, in->xid, &m);
			inbound_free(in);
		} else if (is_short(port, &m) || answer_alone(port, in->xid, &m)) {
			inbound_free(in);
		} else {
			port->request = in;
			session_post(port, EV_ASK);
		}
	}
}

static void on_gate_timeout(gpointer data)
{
	LinkPort *port = data;

	note(port, "no daemon has registered in time: answering the host without one");
	port->gate_timer = 0;
	port->gate_open = TRUE;
	drain(port);
}

/* --- sockets --- */

static gboolean hung_up(LinkPort *port)
{
	struct pollfd p = { .fd = port->fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLRDHUP);
}

/* Bytes of the daemon's next message, 0 for an empty one, -1 when it is gone or there is none. */
static gssize receive(LinkPort *port, gboolean *ret_gone)
{
	gssize n = recv(port->fd, port->buffer, RECEIVE_MAX, MSG_DONTWAIT);

	if (n < 0 && errno == ECONNRESET) /* said once, before what it sent before that */
		n = recv(port->fd, port->buffer, RECEIVE_MAX, MSG_DONTWAIT);
	*ret_gone = n < 0 && errno != EAGAIN && errno != EINTR;
	if (n == 0) /* the end, or an empty message: only the first comes with a hang-up */
		*ret_gone = hung_up(port);
	return *ret_gone ? -1 : n;
}

static gboolean good_size(const LinkDevice *device, gsize n)
{
	return device->exact_size ? n == device->message_size : n >= device->message_size;
}

static SessionEvent event_of(const LinkPort *port)
{
	if (!port->device->registers(port->buffer))
		return EV_MESSAGE;
	return port->device->registers_again ? EV_REGISTER_ANY : EV_REGISTER;
}

static gboolean on_daemon(int fd, GIOCondition condition, gpointer data)
{
	LinkPort *port = data;
	gboolean gone;
	gssize n = receive(port, &gone);

	if (gone) {
		session_post(port, EV_CLOSE);
		return G_SOURCE_CONTINUE; /* removed by then */
	}
	if (n < 0)
		return G_SOURCE_CONTINUE;
	if (!good_size(port->device, (gsize)n)) {
		enter_refuse(port);
		return G_SOURCE_CONTINUE;
	}
	trace_emit(TRACE_SERVICE, TRACE_TO_HOST, port->name, port->buffer, (gsize)n,
		"device: %zd bytes from the daemon", n);
	session_post(port, event_of(port));
	drain(port);
	return G_SOURCE_CONTINUE;
}

static gboolean on_connect(int listen_fd, GIOCondition condition, gpointer data)
{
	LinkPort *port = data;
	hvis_autofd int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return G_SOURCE_CONTINUE;
	/* Closing a device is done when close(2) returns; here it may not have been noticed yet. */
	while (port->state != SESSION_CLOSED && hung_up(port))
		on_daemon(port->fd, G_IO_IN, port);
	if (port->state != SESSION_CLOSED) {
		note(port, "a second opener is told EBUSY");
		send_notice(fd, EBUSY);
		return G_SOURCE_CONTINUE;
	}
	port->fd = hvis_fd_steal(&fd);
	port->source = g_unix_fd_add(port->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_daemon, port);
	session_post(port, EV_OPEN);
	return G_SOURCE_CONTINUE;
}

/* --- the bus --- */

static gboolean link_offer(ServicePort *base, GError **error)
{
	LinkPort *port = (LinkPort *)base;

	if (port->listen_fd >= 0)
		return TRUE;
	port->listen_fd = link_socket_listen(port->path, error);
	if (port->listen_fd < 0)
		return FALSE;
	port->listen_source = g_unix_fd_add(port->listen_fd, G_IO_IN, on_connect, port);
	return TRUE;
}

static void link_rescind(ServicePort *base)
{
	LinkPort *port = (LinkPort *)base;

	if (port->listen_fd < 0)
		return;
	g_source_remove(port->listen_source);
	hvis_fd_clear(&port->listen_fd);
	link_socket_remove(port->path);
	session_post(port, EV_CLOSE);
}

static void link_detach(ServicePort *base)
{
	LinkPort *port = (LinkPort *)base;

	link_rescind(base);
	g_free(port->buffer);
	g_free(port->path);
	g_free(port);
}

static const LinkDevice *find_device(const char *name)
{
	for (guint i = 0; name && i < G_N_ELEMENTS(devices); i++)
		if (g_str_equal(devices[i]->name, name))
			return devices[i];
	return NULL;
}

static ServicePort *link_attach(ServiceBus *bus, const ServicePortInfo *info,
	const ServicePortClient *client, gpointer data, GError **error)
{
	const LinkDevice *device = find_device(info->device);
	LinkPort *port;

	if (!device) {
		hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"service %s has no character device, so link mode cannot have it",
			info->name);
		return NULL;
	}
	port = g_new0(LinkPort, 1);
	port->port.bus = bus;
	port->name = info->name;
	port->device = device;
	port->path = g_build_filename(((Link *)bus)->dir, device->name, NULL);
	port->client = client;
	port->data = data;
	port->listen_fd = port->fd = -1;
	port->buffer = g_malloc(RECEIVE_MAX);
	g_queue_init(&port->inbox);
	return &port->port;
}

static gboolean link_send(
	ServicePort *base, guint64 xid, const guint8 *bytes, gsize len, GError **error)
{
	LinkPort *port = (LinkPort *)base;
	HvisClock *clock = port_link(port)->clock;
	Inbound *in;

	if (port->state == SESSION_CLOSED)
		return hvis_fail(error, HVIS_ERROR_CLOSED, "no daemon has %s open", port->path);
	in = g_new(Inbound, 1);
	*in = (Inbound){ xid, g_byte_array_append(g_byte_array_new(), bytes, (guint)len) };
	g_queue_push_tail(&port->inbox, in);
	if (!port->gate_open && !port->gate_timer)
		port->gate_timer = clock->add(clock, GATE_TIMEOUT_MS, on_gate_timeout, port);
	drain(port);
	return TRUE;
}

static guint64 link_reference_time(ServiceBus *bus)
{
	return (guint64)g_get_monotonic_time() * 10;
}

static const ServiceBusOps link_ops = {
	.attach = link_attach,
	.detach = link_detach,
	.offer = link_offer,
	.rescind = link_rescind,
	.send = link_send,
	.reference_time = link_reference_time,
};

static int lock_dir(const char *dir, GError **error)
{
	hvis_autofd int fd = -1;

	if (g_mkdir_with_parents(dir, 0700) != 0) {
		hvis_fail_errno(error, errno, "make %s", dir);
		return -1;
	}
	fd = hvis_open(dir, O_RDONLY | O_DIRECTORY, error);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			hvis_fail(error, HVIS_ERROR_BUSY, "%s: another host has it", dir);
		else
			hvis_fail_errno(error, errno, "lock %s", dir);
		return -1;
	}
	return hvis_fd_steal(&fd);
}

Link *link_new(const char *dir, HvisClock *clock, GError **error)
{
	int fd = lock_dir(dir, error);
	Link *link;

	if (fd < 0)
		return NULL;
	link = g_new0(Link, 1);
	link->bus.ops = &link_ops;
	link->dir = g_strdup(dir);
	link->dir_fd = fd;
	link->clock = clock ? clock : hvis_clock_default();
	return link;
}

void link_free(Link *link)
{
	if (!link)
		return;
	hvis_fd_clear(&link->dir_fd);
	g_free(link->dir);
	g_free(link);
}

const char *link_dir(const Link *link)
{
	return link->dir;
}

ServiceBus *link_bus(Link *link)
{
	return &link->bus;
}
