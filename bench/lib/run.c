/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/lib/run.h"

#include <sched.h>
#include <signal.h>
#include <time.h>

static volatile sig_atomic_t stopped;

static void on_stop(int signal)
{
	stopped = 1;
}

gint64 run_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (gint64)t.tv_sec * 1000000000 + t.tv_nsec;
}

void run_catch_signals(void)
{
	struct sigaction stop = { .sa_handler = on_stop };

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
}

gboolean run_is_stopped(void)
{
	return stopped != 0;
}

/* Those that there were at first, and the last one of them. */
static int find(cpu_set_t *ret_all)
{
	static cpu_set_t all;
	static gboolean known;

	if (!known && sched_getaffinity(0, sizeof(all), &all) < 0)
		return -1;
	known = TRUE;
	*ret_all = all;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		if (CPU_ISSET(cpu, &all))
			return cpu;
	return -1;
}

void run_on_one_processor(void)
{
	cpu_set_t all, one;
	int last = find(&all);

	if (last < 0)
		return;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

void run_on_the_others(void)
{
	cpu_set_t all;
	int last = find(&all);

	if (last < 0 || CPU_COUNT(&all) == 1)
		return;
	CPU_CLR(last, &all);
	sched_setaffinity(0, sizeof(all), &all);
}

void run_apart(void)
{
	run_on_one_processor();
}
