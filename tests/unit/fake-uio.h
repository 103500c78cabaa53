/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host and the kernel at the other end of a UIO transport: rings in memory that both have mapped, and a pair of
 * sockets for the interrupts. The host's end of the rings is the same code as the guest's; what a mad host would
 * do is done to the memory.
 */
#pragma once

#include <hvis/ring-reader.h>
#include <hvis/ring-writer.h>
#include <transport/uio.h>

typedef struct {
	void *rings; /* as the host has them */
	gsize size;
	int wire; /* the host's end of the interrupts */
	struct hvis_ring in, out; /* from the guest, and to it */
	guint kicks; /* that the guest has sent, as far as they were read */
	HvisTransport *guest;
} FakeUio;

/* Of @pages for each ring, control page too. The guest has not registered. */
void fake_uio_init(FakeUio *f, guint pages);
void fake_uio_deinit(FakeUio *f);

/* Interrupt the guest. */
void fake_uio_interrupt(FakeUio *f);
/* How often the guest has interrupted since it was asked last. */
guint fake_uio_kicks(FakeUio *f);

/* Put one packet and interrupt the guest where it wants that. FALSE where there is no room. */
gboolean fake_uio_put(FakeUio *f, guint16 type, guint64 xid, const void *bytes, gsize len);

/* An IC message, well formed; the flags are a request's. */
gsize fake_uio_message(guint8 *buf, gsize size, guint16 type, const void *body, gsize len);
gboolean fake_uio_send(FakeUio *f, guint16 type, guint64 xid, const void *body, gsize len);
gboolean fake_uio_negotiate(FakeUio *f, guint64 xid, const IcVersions *versions);
extern const IcVersions fake_uio_versions; /* what Hyper-V offers */

/* The next packet of the guest; its length, -1 where there is none. Interrupts it where it waits for room. */
gssize fake_uio_take(FakeUio *f, void *buf, gsize size, guint64 *xid);

/* Registered and agreed, and the service was told. */
void fake_uio_settle(FakeUio *f);

gboolean fake_uio_readable(FakeUio *f);
