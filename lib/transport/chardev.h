/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the character device's transport that do without such a device: for tests, and for
 * whoever wants to know who has one. */
#pragma once

#include <transport/transport.h>

/* Takes @fd. */
HvisTransport *hvis_chardev_new(int fd, const char *path);

/* The error for open(2) of @path having failed with @err: names the holder where it is EBUSY. */
void hvis_chardev_explain(const char *path, int err, GError **error);

/* "hv_kvp_daemon (pid 321)" for a process that has @path open, below @proc ("/proc"); NULL where
 * none is found or may be seen. */
char *hvis_chardev_holder(const char *proc, const char *path);
