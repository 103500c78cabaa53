/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ours beside the distribution's hv_kvp_daemon: the same device (a socket), the same requests, on the same
 * processor, in turns. Every cell is measured in pairs, ours and then the peer; its ratio is the median of
 * the pairs' ratios, and what is printed of each side is its best.
 *
 *   kvp-bench OURS PEER PEER-ROOT SHIM DISK-FOLDER [PAIRS [CELL…]]
 *
 * One line per cell on standard output: "BENCH CELL UNIT OURS PEER RATIO GOAL", GOAL the largest ratio that is
 * good. Standard error has the spread, and what a request to a daemon takes that does nothing. What the two
 * sides do is theirs, but for one cell: the peer never brings a value to the disk, so in set-disk fsync is
 * called for it, as a host that wants to be sure would have to.
 */
#include "config.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hvis/hresult.h>
#include <util/error.h>

#include "bench/kvp/side.h"
#include "bench/lib/echo.h"
#include "bench/lib/pairs.h"
#include "bench/lib/run.h"

#define RAM "/dev/shm"

typedef struct Cell Cell;

/* Measure one side once; NAN and @error where it cannot be. */
typedef double (*Measure)(Side *side, const Cell *cell, GError **error);

struct Cell {
	const char *name, *unit;
	double goal;
	guint records;
	gboolean disk; /* pools on a disk, not in memory */
	guint pairs_max; /* a peer that takes a minute is not asked as often */
	Measure measure;
};

static struct {
	const char *disk;
	char adapter[18];
	guint pairs;
	char **wanted; /* cells by name; none: all */
} setup;

static double now_us(void)
{
	return (double)run_now_ns() / 1e3;
}

/* --- requests --- */

static gboolean ask_item(Side *side, guint8 pool, guint32 index, guint32 *status, GError **error)
{
	struct hvis_kvp_dev_msg m = { .hdr = { .op = HVIS_KVP_OP_ENUMERATE, .pool = pool } };

	m.body.enumerate.index = hvis_le32_make(index);
	if (!device_host_ask(&side->daemon.host, &m, error))
		return FALSE;
	*status = hvis_le32_get(m.status);
	return TRUE;
}

static double enumerate(Side *side, const Cell *cell, GError **error)
{
	double start = now_us();
	guint32 status = HVIS_S_OK, n = 0;

	while (status == HVIS_S_OK) {
		if (!ask_item(side, HVIS_KVP_POOL_GUEST, n++, &status, error))
			return NAN;
	}
	if (n - 1 == cell->records)
		return (now_us() - start) / 1000;
	hvis_fail(error, HVIS_ERROR_FAILED, "%s: %u of %u records", side->daemon.name, n - 1,
		cell->records);
	return NAN;
}

static struct hvis_kvp_dev_msg set_message(guint key, guint value)
{
	struct hvis_kvp_dev_msg m = { .hdr = { .op = HVIS_KVP_OP_SET } };
	struct hvis_kvp_pair *pair = &m.body.set;
	int key_len = g_snprintf((char *)pair->key, sizeof(pair->key), "Key%u", key);
	int value_len = g_snprintf((char *)pair->value, sizeof(pair->value), "new %u", value);

	pair->type = hvis_le32_make(HVIS_KVP_REG_SZ);
	pair->key_size = hvis_le32_make((uint32_t)key_len + 1);
	pair->value_size = hvis_le32_make((uint32_t)value_len + 1);
	return m;
}

static gboolean set_value(Side *side, struct hvis_kvp_dev_msg *m, GError **error)
{
	if (!device_host_ask(&side->daemon.host, m, error))
		return FALSE;
	return hvis_le32_get(m->status) == HVIS_S_OK ||
	       hvis_fail(error, HVIS_ERROR_FAILED, "%s: SET is answered with 0x%x",
		       side->daemon.name, hvis_le32_get(m->status));
}

static gboolean sync_for_peer(const Side *side, GError **error)
{
	g_autofree char *path = side_pool(side, HVIS_KVP_POOL_EXTERNAL);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	gboolean done = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return done || hvis_fail(error, HVIS_ERROR_IO, "%s: fsync", path);
}

/* Known keys, one after the other. */
static double set_many(Side *side, const Cell *cell, GError **error)
{
	enum { TIMES = 20 };
	static struct hvis_kvp_dev_msg messages[TIMES];
	static guint round;
	double start;

	for (guint i = 0; i < TIMES; i++)
		messages[i] = set_message((i * 37) % cell->records, ++round);
	start = now_us();
	for (guint i = 0; i < TIMES; i++) {
		if (!set_value(side, &messages[i], error) ||
			(cell->disk && !side->ours && !sync_for_peer(side, error)))
			return NAN;
	}
	return (now_us() - start) / TIMES;
}

static double get_ip(Side *side, const Cell *cell, GError **error)
{
	enum { TIMES = 5 };
	double start = now_us();

	for (guint i = 0; i < TIMES; i++) {
		struct hvis_kvp_dev_msg m = { .hdr = { .op = HVIS_KVP_OP_GET_IP_INFO } };

		memcpy(m.body.ip.adapter_id, setup.adapter, sizeof(setup.adapter));
		if (!device_host_ask(&side->daemon.host, &m, error))
			return NAN;
		if (hvis_le32_get(m.status) != HVIS_S_OK) {
			hvis_fail(error, HVIS_ERROR_FAILED, "%s: %s is answered with 0x%x",
				side->daemon.name, setup.adapter, hvis_le32_get(m.status));
			return NAN;
		}
	}
	return (now_us() - start) / TIMES;
}

/* --- the process --- */

static double exec_ready(Side *side, const Cell *cell, GError **error)
{
	double start;

	daemon_stop(&side->daemon);
	start = now_us();
	return daemon_start(&side->daemon, error) ? (now_us() - start) / 1000 : NAN;
}

/* The sum of the numbers after @field in a file of /proc/PID. */
static double proc_sum(const Side *side, const char *file, const char *field, GError **error)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", side->daemon.pid, file);
	g_autofree char *text = NULL;
	double sum = 0;

	if (!g_file_get_contents(path, &text, NULL, error))
		return NAN;
	for (const char *at = text; (at = strstr(at, field)); at += strlen(field))
		sum += strtod(at + strlen(field), NULL);
	return sum;
}

/* After a list of all records, so that what is kept for those is there. */
static double memory(Side *side, const Cell *cell, GError **error)
{
	if (isnan(enumerate(side, cell, error)))
		return NAN;
	return proc_sum(side, "smaps_rollup", "\nPss:", error);
}

static double switches(const Side *side, GError **error)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/task", side->daemon.pid);
	g_autoptr(GDir) tasks = g_dir_open(path, 0, error);
	const char *task;
	double sum = 0;

	while (tasks && (task = g_dir_read_name(tasks))) {
		g_autofree char *file = g_strdup_printf("task/%s/status", task);
		double n = proc_sum(side, file, "\nvoluntary_ctxt_switches:", NULL);

		sum += isnan(n) ? 0 : n; /* a thread may end */
	}
	return tasks ? sum : NAN;
}

static double wakeups(Side *side, const Cell *cell, GError **error)
{
	double before;

	g_usleep(3 * 1000 * 1000); /* what follows a start or a request is no idling */
	before = switches(side, error);
	g_usleep(5 * 1000 * 1000);
	return switches(side, error) - before;
}

static const Cell cells[] = {
	{ "enumerate-100", "ms", 1.10, 100, FALSE, PAIRS_MAX, enumerate },
	{ "enumerate-1000", "ms", 0.01, 1000, FALSE, PAIRS_MAX, enumerate },
	{ "enumerate-10000", "ms", 0.01, 10000, FALSE, 1, enumerate },
	{ "set-1000-tmpfs", "us", 0.02, 1000, FALSE, PAIRS_MAX, set_many },
	{ "set-1000-disk", "us", 1.10, 1000, TRUE, PAIRS_MAX, set_many },
	{ "get-ip-info", "us", 0.01, 100, FALSE, PAIRS_MAX, get_ip },
	{ "exec-ready", "ms", 2, 100, FALSE, PAIRS_MAX, exec_ready },
	{ "pss-1000", "kB", 2, 1000, FALSE, 3, memory },
	{ "wakeups-5s", "times", 1, 100, FALSE, 3, wakeups },
};

/* --- pairs --- */

static gboolean prepare(Side *side, const Cell *cell, GError **error)
{
	daemon_stop(&side->daemon);
	return side_fill(side, cell->disk ? setup.disk : RAM, cell->records, error) &&
	       daemon_start(&side->daemon, error);
}

static gboolean run_cell(const Cell *cell, Side *ours, Side *peer, GError **error)
{
	const PairsCell pairs = { cell->name, cell->unit, cell->goal, FALSE, FALSE };
	double a[PAIRS_MAX], b[PAIRS_MAX];
	guint n = MIN(setup.pairs, cell->pairs_max);

	if (!prepare(ours, cell, error) || !prepare(peer, cell, error))
		return FALSE;
	for (guint i = 0; i < n; i++) {
		a[i] = cell->measure(ours, cell, error);
		if (isnan(a[i]))
			return FALSE;
		b[i] = cell->measure(peer, cell, error);
		if (isnan(b[i]))
			return FALSE;
	}
	pairs_report(&pairs, a, b, n);
	return TRUE;
}

/* The address of the first real adapter, as hosts write it. */
static gboolean find_adapter(void)
{
	g_autoptr(GDir) dir = g_dir_open("/sys/class/net", 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *device = g_strdup_printf("/sys/class/net/%s/device", name);
		g_autofree char *file = g_strdup_printf("/sys/class/net/%s/address", name);
		g_autofree char *text = NULL, *upper = NULL;

		if (!g_file_test(device, G_FILE_TEST_EXISTS) ||
			!g_file_get_contents(file, &text, NULL, NULL))
			continue;
		upper = g_ascii_strup(g_strchomp(text), -1);
		g_strlcpy(setup.adapter, upper, sizeof(setup.adapter));
		return TRUE;
	}
	return FALSE;
}

/* What a ratio cannot go below, whoever answers. */
static void report_way(const Side *side)
{
	g_autofree char *path = g_build_filename(side->dir, "echo", NULL);
	g_autoptr(GError) error = NULL;
	EchoTimes us;

	if (echo_measure(&device_kvp, path, &us, &error))
		fprintf(stderr,
			"of each request the way there and back takes %.1f us (median %.1f)\n",
			us.best, us.median);
	else
		fprintf(stderr, "the way there and back: %s\n", error->message);
}

static gboolean run(Side *ours, Side *peer)
{
	gboolean good = TRUE;

	for (guint i = 0; i < G_N_ELEMENTS(cells) && !run_is_stopped(); i++) {
		g_autoptr(GError) error = NULL;

		if (setup.wanted[0] &&
			!g_strv_contains((const char *const *)setup.wanted, cells[i].name))
			continue;
		if (cells[i].measure == get_ip && !setup.adapter[0]) {
			fprintf(stderr, "%s: no adapter here, not measured\n", cells[i].name);
			continue;
		}
		if (run_cell(&cells[i], ours, peer, &error))
			continue;
		fprintf(stderr, "%s: %s\n", cells[i].name, error->message);
		good = FALSE;
	}
	return good && !run_is_stopped();
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	Side ours = { 0 }, peer = { 0 };
	gboolean good;

	run_catch_signals();
	if (argc < 6) {
		fprintf(stderr, "see the head of kvp-bench.c\n");
		return HVIS_EXIT_USAGE;
	}
	setup.disk = argv[5];
	setup.pairs = argc > 6 ? (guint)CLAMP(atoi(argv[6]), 1, PAIRS_MAX) : 9;
	setup.wanted = argv + MIN(argc, 7);
	find_adapter();
	run_on_one_processor();
	good = side_init(&ours, "ours", argv[1], NULL, NULL, &error) &&
	       side_init(&peer, "peer", argv[2], argv[3], argv[4], &error);
	if (good) {
		report_way(&ours);
		good = run(&ours, &peer);
	} else {
		hvis_die(HVIS_EXIT_IO, error);
	}
	side_deinit(&ours);
	side_deinit(&peer);
	return good ? HVIS_EXIT_OK : HVIS_EXIT_IO;
}
