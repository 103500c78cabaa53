/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ours beside the distribution's hv_fcopy_daemon and beside an echo, which answers and does nothing: the same device
 * (a socket), the same file, in turns, with other sides in between. The host of the protocol sends 6144 bytes and
 * waits for the answer, so the echo is as fast as that can be on this machine.
 *
 *   fcopy-bench WAY OURS PEER SHIM FOLDER MIB PAIRS [CELL…]
 *
 * WAY is "device", as above; or "uio": rings in memory and a socket for interrupts, in place of those of
 * uio_hv_generic, and upstream's daemon for that. FOLDER is where the file of MIB goes. Cells, those by uio with "uio-"
 * before their names:
 *
 *   rate          MB/s of the whole file, from the answer to START, until which ours has made room for it, to that to
 *                 COMPLETE, beside the echo; the host has a processor of its own, if there are two
 *   rate/peer     the same beside the peer, which brings nothing to the disk and sums nothing up
 *   answer        how long the host waits for the answer to a fragment, the median of a file, less what it waits for the
 *                 echo's, the median of all rounds; on one processor. A round in which the peer is not slower than that
 *                 says nothing.
 *   processor     processor time of the daemon for a fragment of a file, all that it does included, and what the
 *                 kernel does for it; as above
 *
 * One line per cell on standard output, "BENCH CELL UNIT OURS PEER RATIO GOAL" with the medians, and the spread on
 * standard error.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hvis/fcopy.h>
#include <util/error.h>

#include "bench/fcopy/side.h"
#include "bench/lib/pairs.h"
#include "bench/lib/run.h"

#define ANSWERS 3000u /* fragments of a file whose answers are waited for */

typedef enum { RATE, ANSWER, PROCESSOR, MEASURES } Measure;

static struct {
	SideSetup sides;
	guint64 size;
	guint pairs;
	char **wanted; /* cells by name; none: all */
} setup;

/* What was measured, by round. */
static double measured[MEASURES][SIDE_N][PAIRS_MAX];

static gboolean send_rest(Side *side, GError **error)
{
	while (!side_is_sent(side))
		if (!side_fragment(side, error))
			return FALSE;
	return side_end(side, error);
}

static gboolean measure_rate(Side *side, guint round, GError **error)
{
	gint64 start;

	if (!side_begin(side, setup.size, error))
		return FALSE;
	start = run_now_ns();
	if (!send_rest(side, error))
		return FALSE;
	measured[RATE][side->kind][round] =
		(double)setup.size * 1e3 / (double)(run_now_ns() - start);
	return side_check(side, error);
}

/* The median of a file's fragments, in us. */
static gboolean measure_answer(Side *side, guint round, GError **error)
{
	double took[ANSWERS];

	if (!side_begin(side, (guint64)ANSWERS * HVIS_FCOPY_FRAGMENT, error))
		return FALSE;
	for (guint i = 0; i < ANSWERS; i++) {
		gint64 start = run_now_ns();

		if (!side_fragment(side, error))
			return FALSE;
		took[i] = (double)(run_now_ns() - start) / 1e3;
	}
	measured[ANSWER][side->kind][round] = pairs_median(took, ANSWERS);
	return side_end(side, error) && side_check(side, error);
}

static gboolean measure_processor(Side *side, guint round, GError **error)
{
	double fragments = (double)setup.size / HVIS_FCOPY_FRAGMENT, before, after;

	if (!side_processor_us(side, &before, error) || !side_begin(side, setup.size, error) ||
		!send_rest(side, error) || !side_processor_us(side, &after, error))
		return FALSE;
	measured[PROCESSOR][side->kind][round] = (after - before) / fragments;
	return side_check(side, error);
}

static gboolean (*const measures[MEASURES])(Side *side, guint round,
	GError **error) = { measure_rate, measure_answer, measure_processor };

/* --- all of them, in turns --- */

static gboolean init_sides(Side *sides, GError **error)
{
	for (SideKind kind = 0; kind < SIDE_N; kind++)
		if (!side_init(&sides[kind], kind, &setup.sides, error))
			return FALSE;
	return TRUE;
}

/* Who is first changes, for it has what the one before has left. */
static gboolean take_turns(Side *sides, Measure measure, GError **error)
{
	for (guint round = 0; round < setup.pairs; round++)
		for (guint j = 0; j < SIDE_N; j++) {
			if (run_is_stopped())
				return hvis_fail(error, HVIS_ERROR_CLOSED, "stopped");
			if (!measures[measure](&sides[(round + j) % SIDE_N], round, error))
				return FALSE;
		}
	return TRUE;
}

static gboolean run(Measure measure, GError **error)
{
	Side sides[SIDE_N] = { 0 };
	gboolean done;

	if (measure == RATE)
		run_on_the_others();
	else
		run_on_one_processor();
	done = init_sides(sides, error);
	if (measure == RATE)
		run_apart();
	done = done && take_turns(sides, measure, error);
	for (SideKind kind = 0; kind < SIDE_N; kind++)
		side_deinit(&sides[kind]);
	return done;
}

/* --- cells --- */

typedef struct {
	PairsCell cell;
	Measure measure;
	SideKind beside;
	gboolean less_echo;
} Cell;

static const Cell cells[] = {
	{ { "rate", "MB/s", 0.95, TRUE, TRUE }, RATE, SIDE_ECHO, FALSE },
	{ { "rate/peer", "MB/s", NAN, TRUE, TRUE }, RATE, SIDE_PEER, FALSE },
	{ { "answer", "us", 0.6, TRUE, FALSE }, ANSWER, SIDE_PEER, TRUE },
	{ { "processor", "us", NAN, TRUE, FALSE }, PROCESSOR, SIDE_PEER, FALSE },
};

static char *name_of(const Cell *cell)
{
	return g_strconcat(setup.sides.by_uio ? "uio-" : "", cell->cell.name, NULL);
}

static gboolean is_wanted(const Cell *cell)
{
	g_autofree char *name = name_of(cell);

	return !setup.wanted[0] || g_strv_contains((const char *const *)setup.wanted, name);
}

static double echo_of(Measure measure)
{
	double all[PAIRS_MAX];

	memcpy(all, measured[measure][SIDE_ECHO], sizeof(all));
	return pairs_median(all, setup.pairs);
}

static void report(const Cell *cell)
{
	g_autofree char *name = name_of(cell);
	double way = cell->less_echo ? echo_of(cell->measure) : 0;
	double ours[PAIRS_MAX], theirs[PAIRS_MAX];
	PairsCell pairs = cell->cell;
	guint n = 0;

	pairs.name = name;
	for (guint i = 0; i < setup.pairs; i++) {
		if (measured[cell->measure][cell->beside][i] <= way)
			continue;
		ours[n] = MAX(measured[cell->measure][SIDE_OURS][i] - way, 0);
		theirs[n++] = measured[cell->measure][cell->beside][i] - way;
	}
	if (n > 0)
		pairs_report(&pairs, ours, theirs, n);
	else
		fprintf(stderr, "%s: the peer is not slower than the echo: no figure\n", name);
}

static gboolean run_all(GError **error)
{
	for (Measure measure = 0; measure < MEASURES; measure++) {
		gboolean wanted = FALSE;

		for (guint i = 0; i < G_N_ELEMENTS(cells); i++)
			wanted |= cells[i].measure == measure && is_wanted(&cells[i]);
		if (wanted && !run(measure, error))
			return FALSE;
		for (guint i = 0; i < G_N_ELEMENTS(cells); i++)
			if (cells[i].measure == measure && is_wanted(&cells[i]))
				report(&cells[i]);
	}
	return TRUE;
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	run_catch_signals();
	if (argc < 8) {
		fprintf(stderr, "see the head of fcopy-bench.c\n");
		return HVIS_EXIT_USAGE;
	}
	setup.sides = (SideSetup){ .by_uio = g_str_equal(argv[1], "uio"),
		.ours = argv[2],
		.peer = argv[3],
		.shim = argv[4],
		.where = argv[5] };
	setup.size = (guint64)CLAMP(atoi(argv[6]), 1, 4096) << 20;
	setup.pairs = (guint)CLAMP(atoi(argv[7]), 1, PAIRS_MAX);
	setup.wanted = argv + 8;
	return run_all(&error) ? HVIS_EXIT_OK : hvis_die(HVIS_EXIT_IO, error);
}
