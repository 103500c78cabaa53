/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors that travel beside the bytes of a stream (SCM_RIGHTS), one at a time. */
#pragma once

#include <sys/types.h>
#include <glib.h>

/* As recv(2) without waiting. A descriptor that comes along replaces *@passed; -1 = there is none. */
ssize_t passed_recv(int fd, void *buf, gsize len, int *passed);

/* As send(2) without waiting, @passed beside the first byte; -1 = none. */
ssize_t passed_send(int fd, const void *buf, gsize len, int passed);
