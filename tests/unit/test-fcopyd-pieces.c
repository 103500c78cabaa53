/* SPDX-License-Identifier: GPL-2.0-only */
/* Which bytes have come: against a map with a byte for each. */
#include <glib.h>

#include "fcopyd/pieces.h"

#define ROOM 300u

static void test_in_order(void)
{
	FcopyPieces pieces = { 0 };

	for (guint64 at = 0; at < (guint64)10 << 30; at += 1 << 20)
		g_assert_true(fcopy_pieces_add(&pieces, at, at + (1 << 20)));
	g_assert_cmpuint(pieces.total, ==, (guint64)10 << 30);
	g_assert_cmpuint(pieces.repeated, ==, 0);
	g_assert_cmpuint(pieces.list->len, ==, 1);
	g_assert_cmpuint(fcopy_pieces_front(&pieces), ==, (guint64)10 << 30);
	fcopy_pieces_clear(&pieces);
}

static void test_nothing(void)
{
	FcopyPieces pieces = { 0 };

	g_assert_cmpuint(fcopy_pieces_front(&pieces), ==, 0);
	g_assert_true(fcopy_pieces_add(&pieces, 5, 5));
	g_assert_cmpuint(pieces.total, ==, 0);
	g_assert_cmpuint(fcopy_pieces_front(&pieces), ==, 0);
	fcopy_pieces_clear(&pieces);
}

static void test_most(void)
{
	FcopyPieces pieces = { 0 };

	for (guint i = 0; i < FCOPY_PIECES_MAX; i++)
		g_assert_true(fcopy_pieces_add(&pieces, 10 * i, 10 * i + 1));
	g_assert_false(fcopy_pieces_add(&pieces, 10 * FCOPY_PIECES_MAX, 10 * FCOPY_PIECES_MAX + 1));
	g_assert_false(fcopy_pieces_add(&pieces, 5, 6));
	g_assert_cmpuint(pieces.total, ==, FCOPY_PIECES_MAX);
	g_assert_true(fcopy_pieces_add(&pieces, 1, 2)); /* touches one */
	g_assert_true(fcopy_pieces_add(&pieces, 0, 10 * FCOPY_PIECES_MAX));
	g_assert_cmpuint(pieces.list->len, ==, 1);
	g_assert_cmpuint(pieces.total, ==, 10 * FCOPY_PIECES_MAX);
	g_assert_cmpuint(pieces.repeated, ==, FCOPY_PIECES_MAX + 1);
	fcopy_pieces_clear(&pieces);
}

static void check_map(const FcopyPieces *pieces, const guint8 *map)
{
	guint front = 0, total = 0, edges = 0;

	for (guint i = 0; i < ROOM; i++) {
		total += map[i];
		edges += map[i] && (i == 0 || !map[i - 1]);
	}
	while (front < ROOM && map[front])
		front++;
	g_assert_cmpuint(pieces->total, ==, total);
	g_assert_cmpuint(pieces->list->len, ==, edges);
	g_assert_cmpuint(fcopy_pieces_front(pieces), ==, front);
}

static void test_any_order(void)
{
	for (guint round = 0; round < 300; round++) {
		FcopyPieces pieces = { 0 };
		guint8 map[ROOM] = { 0 };
		guint64 repeated = 0;

		for (guint i = 0; i < 60; i++) {
			guint start = (guint)g_test_rand_int_range(0, ROOM);
			guint end = (guint)g_test_rand_int_range(
				(gint)start + 1, (gint)MIN(start + 12, ROOM) + 1);

			g_assert_true(fcopy_pieces_add(&pieces, start, end));
			for (guint at = start; at < end; at++) {
				repeated += map[at];
				map[at] = 1;
			}
			check_map(&pieces, map);
			g_assert_cmpuint(pieces.repeated, ==, repeated);
		}
		fcopy_pieces_clear(&pieces);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fcopyd/pieces/in-order", test_in_order);
	g_test_add_func("/fcopyd/pieces/nothing", test_nothing);
	g_test_add_func("/fcopyd/pieces/most", test_most);
	g_test_add_func("/fcopyd/pieces/any-order", test_any_order);
	return g_test_run();
}
