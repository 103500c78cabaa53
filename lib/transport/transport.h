/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How whole messages reach the kernel or whoever plays it: a table of operations with four
 * implementations (character device, rings of a VMBus device, socket of "hvis-host link", script for tests). One
 * message per send and per receive; nothing here looks inside, but for the rings, which carry more than messages.
 */
#pragma once

#include <glib.h>

typedef struct HvisTransport HvisTransport;

typedef struct {
	const char *kind; /* "device", "uio", "socket", "script" */
	/*
	 * Send one whole message. HVIS_ERROR_CLOSED: the other end is gone. HVIS_ERROR_PROTOCOL: it
	 * does not take such a message now (the transaction timed out, …) and the transport lives.
	 */
	gboolean (*send)(HvisTransport *transport, const void *msg, gsize len, GError **error);
	/*
	 * Receive one whole message of at most @size bytes. Returns its length; 0 where there is none
	 * after all; -1 with HVIS_ERROR_CLOSED, HVIS_ERROR_BUSY (the first time: somebody else has
	 * it), HVIS_ERROR_NO_SPACE for a message longer than @size, which is dropped, or
	 * HVIS_ERROR_PROTOCOL where a message of ours was refused after it was sent.
	 */
	gssize (*receive)(HvisTransport *transport, void *buf, gsize size, GError **error);
	int (*fd)(HvisTransport *transport); /* readable when receive() has work */
	/* TRUE once receive() has work, @ms at most; may be NULL: poll(2) of fd() tells. */
	gboolean (*wait)(HvisTransport *transport, int ms);
	/* After @bursting: fd() is to be right again. May be NULL: it always is. */
	void (*rest)(HvisTransport *transport);
	void (*close)(HvisTransport *transport); /* frees it */
} HvisTransportOps;

/* First member of every implementation. */
struct HvisTransport {
	const HvisTransportOps *ops;
	char *path; /* what it was opened by, for messages; freed by hvis_transport_close() */
	/*
	 * poll(2) has just said of fd() that there is something to read, and nobody has read since: the next receive() need
	 * not ask again. Set by whoever has asked; receive() may go by it.
	 */
	gboolean readable;
	/*
	 * hvis_transport_wait() will be asked before fd() is gone by: until hvis_transport_rest(), fd() need not show what has
	 * come. Set by whoever asks.
	 */
	gboolean bursting;
};

/*
 * Open @path: a socket is connected to with SOCK_SEQPACKET, a UIO node and a directory of
 * sysfs that has one are rings, and anything else is opened as a device.
 * HVIS_ERROR_NOT_FOUND where it is absent, HVIS_ERROR_BUSY (who has it is in the message) where
 * another process holds it.
 */
HvisTransport *hvis_transport_open_path(const char *path, GError **error);

/* How long to wait before @path is opened: a device that has just been made is not ready yet. 0 for all else. */
guint hvis_transport_settle_ms(const char *path);

/* The two that hvis_transport_open_path() picks from. */
HvisTransport *hvis_chardev_open(const char *path, GError **error);
HvisTransport *hvis_socket_open(const char *path, GError **error);
/* Takes the descriptor of a connected SOCK_SEQPACKET socket. */
HvisTransport *hvis_socket_new(int fd);

gboolean hvis_transport_send(HvisTransport *transport, const void *msg, gsize len, GError **error);
gssize hvis_transport_receive(HvisTransport *transport, void *buf, gsize size, GError **error);
int hvis_transport_fd(HvisTransport *transport);
gboolean hvis_transport_wait(HvisTransport *transport, int ms);
void hvis_transport_rest(HvisTransport *transport); /* ends @bursting */
void hvis_transport_close(HvisTransport *transport); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HvisTransport, hvis_transport_close)

/* "device /dev/vmbus/hv_kvp", for a status line; newly allocated. */
char *hvis_transport_describe(HvisTransport *transport);
