/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Figures of two sides that were measured in turns: the ratio is the median of the pairs' ratios, so that what
 * disturbs the machine for a while disturbs both.
 */
#pragma once

#include <glib.h>

#define PAIRS_MAX 99

typedef struct {
	const char *name, *unit;
	double goal; /* the largest ratio that is good, or the least; NAN: there is none */
	gboolean median; /* what is printed of each side: its median, else its smallest */
	gboolean at_least; /* more is better */
} PairsCell;

/* The middle of @n values, which are sorted. */
double pairs_median(double *values, guint n);

/*
 * One line "BENCH CELL UNIT OURS PEER RATIO GOAL" on standard output, GOAL ">=N" where it is the least and "-" where
 * there is none, and the spread on standard error. @n is 1 to PAIRS_MAX; both arrays are sorted.
 */
void pairs_report(const PairsCell *cell, double *ours, double *peer, guint n);
