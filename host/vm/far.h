/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a serial line leads to: borrowed descriptors, a file, a listening unix socket with one peer,
 * or nothing. Owns what it opened; knows nothing of UARTs. Main context only.
 */
#pragma once

#include <glib.h>
#include "host/vm/vm.h"

typedef struct FarEnd FarEnd;

/* @changed: the descriptors are others now. */
FarEnd *far_end_new(
	const VmSerial *where, void (*changed)(gpointer data), gpointer data, GError **error);
void far_end_free(FarEnd *far);

/* Whether there is, or may come to be, somebody who takes bytes. */
gboolean far_end_exists(const FarEnd *far);
gboolean far_end_is_terminal(const FarEnd *far);
int far_end_fd_in(const FarEnd *far); /* -1: nothing to read from now */
int far_end_fd_out(const FarEnd *far); /* -1: nobody to write to now */

/* Bytes taken; 0: it would block; -1: nobody will ever take them. @len at most PIPE_BUF. */
gssize far_end_write(FarEnd *far, const guint8 *bytes, gsize len);
/* Reading ended; for a socket the next peer may come. */
void far_end_hangup(FarEnd *far);
/* Writing failed for good; as far_end_hangup() for a socket. */
void far_end_lost(FarEnd *far);
