/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/lib/pairs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define RATIO_MAX 999.0 /* what is printed of something beside nothing */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double pairs_median(double *values, guint n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Nothing beside nothing is as good. */
static double ratio_of(double ours, double peer)
{
	if (peer > 0)
		return ours / peer;
	return ours > 0 ? RATIO_MAX : 0;
}

void pairs_report(const PairsCell *cell, double *ours, double *peer, guint n)
{
	double ratios[PAIRS_MAX], ratio, ours_mid, peer_mid;

	for (guint i = 0; i < n; i++)
		ratios[i] = ratio_of(ours[i], peer[i]);
	ratio = pairs_median(ratios, n);
	ours_mid = pairs_median(ours, n);
	peer_mid = pairs_median(peer, n);
	fprintf(stderr,
		"%-24s %2u pairs: ours %.3f to %.3f (median %.3f), peer %.3f to %.3f (median %.3f) "
		"%s, "
		"ratio %.4f (%.4f to %.4f)\n",
		cell->name, n, ours[0], ours[n - 1], ours_mid, peer[0], peer[n - 1], peer_mid,
		cell->unit, ratio, ratios[0], ratios[n - 1]);
	printf("BENCH %s %s %.3f %.3f %.4f ", cell->name, cell->unit,
		cell->median ? ours_mid : ours[0], cell->median ? peer_mid : peer[0], ratio);
	if (isnan(cell->goal))
		puts("-");
	else
		printf("%s%.2f\n", cell->at_least ? ">=" : "", cell->goal);
	fflush(stdout);
}
