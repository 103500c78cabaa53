/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VMBus device that the kernel's uio_hv_generic has: its two rings are mapped, and a descriptor tells of
 * interrupts and makes them. To a service it looks like a character device of hv_utils: what it sends first is
 * a registration, answered once host and guest have agreed on versions; then requests come one at a time, and
 * what it sends is the status that answers them.
 */
#pragma once

#include <sys/types.h>

#include <transport/ic-guest.h>
#include <transport/transport.h>

/* What sysfs says of a UIO node. */
typedef struct {
	struct hvis_guid type; /* of the VMBus device */
	gsize size; /* of both rings: that to the host, and that from it */
} HvisUioShape;

#define HVIS_UIO_SYSFS "/sys"

/* TRUE where @rdev is a UIO node, as told by @sysfs (HVIS_UIO_SYSFS). */
gboolean hvis_uio_is(const char *sysfs, dev_t rdev);

/* HVIS_ERROR_UNSUPPORTED where it is no VMBus device, or its rings are of a form that is not known. */
gboolean hvis_uio_shape(const char *sysfs, dev_t rdev, HvisUioShape *ret, GError **error);

/*
 * Open the node @path, which is @rdev. HVIS_ERROR_BUSY where another process has it, HVIS_ERROR_UNSUPPORTED where its
 * service is none that is spoken here.
 */
HvisTransport *hvis_uio_open(const char *path, dev_t rdev, GError **error);

/* Nobody has been at work on the rings since the channel was opened. */
gboolean hvis_uio_is_fresh(const void *rings, gsize size);

/*
 * Takes @fd, from which an interrupt's count is read and to which four bytes are written to interrupt the host, and
 * the mapping @rings of @size bytes, whose indexes on our side are 0. @fd does not block. Both are gone where
 * this fails, too.
 */
HvisTransport *hvis_uio_new(int fd, void *rings, gsize size, const char *path, GError **error);

/* What came over the rings that was no request, for whoever wants to know. */
typedef struct {
	IcGuestCounters messages;
	guint64 packets; /* all of them */
	guint64 odd; /* of another kind than in band, or longer than any message; dropped */
	guint64 full; /* answers that had to wait for room */
	guint64 kicks; /* interrupts that the host was sent */
} HvisUioCounters;

void hvis_uio_counters(HvisTransport *transport, HvisUioCounters *ret);
