/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which bytes of a file have come: a sorted list of pieces that do not touch each other. A host that sends in order has
 * one; one that leaves gaps on purpose is stopped at FCOPY_PIECES_MAX.
 */
#pragma once

#include <glib.h>

#define FCOPY_PIECES_MAX 4096u /* ours */

typedef struct {
	GArray *list; /* NULL = none yet */
	guint64 total; /* bytes that are there */
	guint64 repeated; /* bytes that came more than once */
} FcopyPieces;

void fcopy_pieces_clear(FcopyPieces *pieces);

/* [start, end) has come. FALSE, and nothing is changed, where that would be one piece too many. */
gboolean fcopy_pieces_add(FcopyPieces *pieces, guint64 start, guint64 end);

/* Bytes from the beginning on without a gap. */
guint64 fcopy_pieces_front(const FcopyPieces *pieces);
