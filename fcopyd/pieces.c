/* SPDX-License-Identifier: GPL-2.0-only */
/* Pieces, joined as soon as they touch. */
#include "config.h"

#include "fcopyd/pieces.h"

typedef struct {
	guint64 start, end;
} Piece;

void fcopy_pieces_clear(FcopyPieces *pieces)
{
	g_clear_pointer(&pieces->list, g_array_unref);
	*pieces = (FcopyPieces){ 0 };
}

static Piece *piece_at(const FcopyPieces *pieces, guint i)
{
	return &g_array_index(pieces->list, Piece, i);
}

/* The first piece that ends at @start or behind it: all before it neither overlap nor touch. */
static guint find(const FcopyPieces *pieces, guint64 start)
{
	guint low = 0, high = pieces->list->len;

	/* in order is what nearly all hosts do */
	if (high > 0 && piece_at(pieces, high - 1)->start <= start)
		low = piece_at(pieces, high - 1)->end < start ? high : high - 1;
	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (piece_at(pieces, middle)->end < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

gboolean fcopy_pieces_add(FcopyPieces *pieces, guint64 start, guint64 end)
{
	Piece joined = { start, end };
	guint64 before = 0;
	guint first, last;

	if (start >= end)
		return TRUE;
	if (!pieces->list)
		pieces->list = g_array_new(FALSE, FALSE, sizeof(Piece));
	first = find(pieces, start);
	for (last = first; last < pieces->list->len && piece_at(pieces, last)->start <= end;
		last++) {
		const Piece *piece = piece_at(pieces, last);

		before += piece->end - piece->start;
		joined.start = MIN(joined.start, piece->start);
		joined.end = MAX(joined.end, piece->end);
	}
	if (last == first) {
		if (pieces->list->len >= FCOPY_PIECES_MAX)
			return FALSE;
		g_array_insert_val(pieces->list, first, joined);
	} else {
		*piece_at(pieces, first) = joined;
		if (last - first > 1)
			g_array_remove_range(pieces->list, first + 1, last - first - 1);
	}
	pieces->total += joined.end - joined.start - before;
	pieces->repeated += end - start - (joined.end - joined.start - before);
	return TRUE;
}

guint64 fcopy_pieces_front(const FcopyPieces *pieces)
{
	if (!pieces->list || pieces->list->len == 0 || piece_at(pieces, 0)->start > 0)
		return 0;
	return piece_at(pieces, 0)->end;
}
