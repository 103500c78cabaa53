/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who takes a file from the host: one of the two daemons, or the echo that takes none and is what no daemon can be
 * faster than; by a character device or by the rings of a UIO device. Each has a folder of its own, with its device
 * and, below "in", the file.
 */
#pragma once

#include "bench/lib/daemon.h"
#include "bench/lib/uio-host.h"

typedef enum { SIDE_ECHO, SIDE_OURS, SIDE_PEER, SIDE_N } SideKind;

typedef struct {
	SideKind kind;
	Daemon daemon;
	gboolean by_uio;
	UioHost uio; /* then this is its host, else the daemon's */
	char *dir;
	guint64 sent; /* bytes of the file under way */
	guint64 size; /* that were announced */
} Side;

typedef struct {
	const char *where; /* a folder for their folders */
	const char *ours, *peer; /* programs */
	const char *shim; /* what the peer is preloaded with, and by UIO ours, too */
	gboolean by_uio; /* not the character device */
} SideSetup;

/* It runs, and has registered. */
gboolean side_init(Side *side, SideKind kind, const SideSetup *setup, GError **error);
void side_deinit(Side *side);

/* Begin a file of @size bytes, over the one before; then fragments until all are there; then end it. */
gboolean side_begin(Side *side, guint64 size, GError **error);
gboolean side_fragment(Side *side, GError **error);
gboolean side_is_sent(const Side *side);
gboolean side_end(Side *side, GError **error);

/* Whether what has arrived is what was sent; always, of the echo. */
gboolean side_check(const Side *side, GError **error);

/* The processor time that its process has had, all threads of it, in us. */
gboolean side_processor_us(const Side *side, double *ret, GError **error);
