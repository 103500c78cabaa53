/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device of a daemon that speaks with the host by uio_hv_generic, without anything behind it: rings in memory
 * that both have mapped, and a socket for interrupts, both ways. uio-shim.so, preloaded into the daemon, stands for
 * the node and for what sysfs says of it. The host's end of the rings is the code that the guest's is of, too.
 */
#pragma once

#include <glib.h>

#include <hvis/ring.h>
#include <wire/icmsg.h>

typedef struct {
	void *rings;
	gsize size; /* of both; 0: there is none */
	int wire; /* our end of the interrupts */
	int memory, far; /* what the daemon is to inherit; -1 once it has */
	struct hvis_ring in, out; /* from the guest, and to it */
	guint64 xid;
	guint unread; /* signals of the daemon that may be, at most */
} UioHost;

/* With rings as those of file copy. */
gboolean uio_host_init(UioHost *host, GError **error);
void uio_host_deinit(UioHost *host);

/*
 * What a daemon's environment has to have: the shim, the folder that it takes for sysfs, which this makes at @sysfs,
 * and the numbers of descriptors.
 */
char **uio_host_environ(
	UioHost *host, char **envp, const char *shim, const char *sysfs, GError **error);
#define UIO_HOST_NODE "/dev/uio9"

/* The same in a process of ours: both descriptors of the guest are used here. */
void *uio_host_far_rings(const UioHost *host);

/* Who has the far end has been started: its descriptors are its own now. Agree on versions, with a daemon. */
gboolean uio_host_started(UioHost *host, gboolean is_daemon, GError **error);

/* A request with @len bytes of @body, and the status that answers it; FALSE where none comes within 60 s. */
gboolean uio_host_ask(
	UioHost *host, const void *body, gsize len, guint32 *ret_status, GError **error);
