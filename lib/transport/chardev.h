/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the character device's transport that do without such a device: for tests, and for
 * whoever wants to know who has one. */
#pragma once

#include <time.h>

#include <transport/transport.h>

/*
 * How old a device has to be before it is opened. Linux's hv_utils makes the device first and notes down
 * second where its messages are to go (seen in 6.1.192 and 6.12.117): who writes a registration
 * in between, as only a fast daemon does that the new device wakes up, has the kernel use what it freed when the host
 * took the service away, and die of it. It is a matter of microseconds, and of whose turn it is on the processor.
 */
#define HVIS_CHARDEV_SETTLE_MS 150

/* How much longer to wait at @now with a device made at @made (both of CLOCK_REALTIME), in ms. */
guint hvis_chardev_settle_ms(const struct timespec *made, const struct timespec *now);

/* Takes @fd. */
HvisTransport *hvis_chardev_new(int fd, const char *path);

/* The error for open(2) of @path having failed with @err: names the holder where it is EBUSY. */
void hvis_chardev_explain(const char *path, int err, GError **error);

/* "hv_kvp_daemon (pid 321)" for a process that has @path open, below @proc ("/proc"); NULL where
 * none is found or may be seen. */
char *hvis_chardev_holder(const char *proc, const char *path);
