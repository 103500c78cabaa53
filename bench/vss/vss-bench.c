/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ours beside the distribution's hv_vss_daemon and beside fsfreeze(8): each is asked to freeze and at once to thaw,
 * in turns, the same file systems of the same kernel, to which writers write meanwhile.
 *
 *   vss-bench PLACE TYPE DIRTY-MIB PAIRS DEVICE…
 *
 * DEVICES have file systems of TYPE that nothing else uses; nothing else with a block device may be mounted in
 * this view, for the daemons freeze all that they see. PLACE has the programs (see side.h) and is not among what
 * is frozen. A cell is a measure, a number of volumes (1, and all DEVICES) and what they have to write:
 *
 *   clean    nothing but what the writers wrote in the last 0.4 s
 *   dirty    DIRTY-MIB in the cache of each volume, besides
 *
 *   window   from where the first FIFREEZE is called to where the last FITHAW returns, without the time that is
 *            the host's: from the answer to FREEZE to the question for THAW
 *   stall    the longest that one write of one writer took, from the question for FREEZE to the answer to THAW
 *   answer   from the question for FREEZE to its answer: what is written before a window is not free
 *
 * Each time the kernel has forgotten the freeze before, as it has when a backup comes: right after one it need not
 * wait for its readers again. One line per cell on standard output, "BENCH CELL UNIT OURS PEER RATIO GOAL" with the
 * medians, and the spread on standard error. A process of its own sees to it that nothing stays frozen.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <util/error.h>

#include "bench/lib/pairs.h"
#include "bench/lib/run.h"
#include "bench/vss/notes.h"
#include "bench/vss/side.h"

#define LOOK_US 20000 /* of who sees to the end */

enum { WINDOW, STALL, ANSWER, MEASURES };

static const char *const measures[MEASURES] = { "window", "stall", "answer" };

typedef struct {
	double ms[MEASURES];
} Cycle;

typedef struct {
	gboolean dirty;
	double goal; /* of window and stall */
} Kind;

static const Kind kinds[] = { { FALSE, 0.05 }, { TRUE, 0.2 } };

static struct {
	const char *place, *type;
	char **devices;
	guint n_devices, pairs;
	char *notes_path;
	struct notes *notes;
	Volumes volumes;
	Side sides[SIDE_N];
} setup;

/* --- one cycle --- */

static gboolean read_notes(gint64 *ret_ns, GError **error)
{
	guint frozen = 0, thawed = 0, n = MIN(setup.notes->n, NOTES_MAX);
	gint64 from = G_MAXINT64, to = 0;

	for (guint i = 0; i < n; i++) {
		const struct note *note = &setup.notes->notes[i];

		if (!note->done || note->err != 0)
			continue;
		frozen += note->request == FIFREEZE;
		thawed += note->request == FITHAW;
		from = MIN(from, note->from_ns);
		to = MAX(to, note->to_ns);
	}
	*ret_ns = to - from;
	return (frozen == setup.volumes.n && thawed == frozen) ||
	       hvis_fail(error, HVIS_ERROR_FAILED, "%u of %u are frozen, %u thawed", frozen,
		       setup.volumes.n, thawed);
}

static gboolean take_longest(double *ret_ms, GError **error)
{
	*ret_ms = 0;
	for (guint i = 0; i < setup.volumes.n; i++) {
		double ms;

		if (!writer_longest(setup.volumes.writers[i], &ms, error))
			return FALSE;
		*ret_ms = MAX(*ret_ms, ms);
	}
	return TRUE;
}

static gboolean freeze_and_thaw(Side *side, Cycle *ret, GError **error)
{
	gint64 asked = run_now_ns(), answered, thaw, window;

	if (!side_freeze(side, &setup.volumes, error))
		return FALSE;
	answered = run_now_ns();
	thaw = run_now_ns();
	if (!side_thaw(side, &setup.volumes, error))
		return FALSE;
	if (!read_notes(&window, error)) {
		g_prefix_error(error, "%s: ", side->daemon.name);
		return FALSE;
	}
	ret->ms[WINDOW] = (double)(window - (thaw - answered)) / 1e6;
	ret->ms[ANSWER] = (double)(answered - asked) / 1e6;
	return TRUE;
}

static gboolean run_cycle(Side *side, const Kind *kind, Cycle *ret, GError **error)
{
	if (!volumes_settle(&setup.volumes, error) ||
		(kind->dirty && !volumes_dirty(&setup.volumes, error)))
		return FALSE;
	memset(setup.notes, 0, sizeof(*setup.notes));
	for (guint i = 0; i < setup.volumes.n; i++)
		writer_reset(setup.volumes.writers[i]);
	return freeze_and_thaw(side, ret, error) && take_longest(&ret->ms[STALL], error);
}

/* --- cells --- */

static void report(const Kind *kind, Cycle cycles[SIDE_N][PAIRS_MAX], SideKind peer, int measure)
{
	g_autofree char *name =
		g_strdup_printf("%s-%s-%u-%s%s", measures[measure], setup.type, setup.volumes.n,
			kind->dirty ? "dirty" : "clean", peer == SIDE_FSFREEZE ? "/fsfreeze" : "");
	PairsCell cell = { name, "ms", NAN, TRUE, FALSE };
	double ours[PAIRS_MAX], theirs[PAIRS_MAX];

	for (guint i = 0; i < setup.pairs; i++) {
		ours[i] = cycles[SIDE_OURS][i].ms[measure];
		theirs[i] = cycles[peer][i].ms[measure];
	}
	if (peer == SIDE_PEER && measure != ANSWER)
		cell.goal = kind->goal;
	pairs_report(&cell, ours, theirs, setup.pairs);
}

/* Who is first changes, for it has what the one before has left. */
static gboolean run_kind(const Kind *kind, GError **error)
{
	static Cycle cycles[SIDE_N][PAIRS_MAX];

	for (guint i = 0; i < setup.pairs; i++)
		for (guint j = 0; j < SIDE_N; j++) {
			guint side = (i + j) % SIDE_N;

			if (!run_cycle(&setup.sides[side], kind, &cycles[side][i], error))
				return FALSE;
		}
	for (int measure = 0; measure < MEASURES; measure++)
		for (SideKind peer = SIDE_PEER; peer < SIDE_N; peer++)
			report(kind, cycles, peer, measure);
	return TRUE;
}

static gboolean run_with(guint n, GError **error)
{
	gboolean done = volumes_mount(&setup.volumes, setup.type, setup.devices, n, error) &&
			volumes_check_alone(setup.devices, error);

	for (guint i = 0; done && i < G_N_ELEMENTS(kinds); i++)
		done = run_kind(&kinds[i], error);
	volumes_thaw_all();
	volumes_unmount(&setup.volumes);
	return done;
}

static gboolean map_notes(GError **error)
{
	int fd = open(setup.notes_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(*setup.notes)) < 0)
		return hvis_fail_errno(error, errno, "%s", setup.notes_path);
	setup.notes = mmap(NULL, sizeof(*setup.notes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return setup.notes != MAP_FAILED || hvis_fail_errno(error, errno, "mmap");
}

/* In the child. */
static gboolean run(GError **error)
{
	gboolean done = volumes_check_alone(setup.devices, error) && map_notes(error);

	for (SideKind kind = 0; done && kind < SIDE_N; kind++)
		done = side_init(&setup.sides[kind], kind, setup.place, setup.notes_path, error);
	if (done)
		done = run_with(1, error);
	if (done && setup.n_devices > 1)
		done = run_with(setup.n_devices, error);
	for (SideKind kind = 0; kind < SIDE_N; kind++)
		side_deinit(&setup.sides[kind]);
	return done;
}

/* --- who sees to the end --- */

/* A writer on what is frozen cannot even be killed: so it is thawed again and again until the child has gone. */
static int attend(pid_t child)
{
	int status;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (run_is_stopped()) {
			kill(child, SIGKILL);
			volumes_thaw_all();
		}
		g_usleep(LOOK_US);
	}
	volumes_thaw_all();
	return WIFEXITED(status) ? WEXITSTATUS(status) : HVIS_EXIT_IO;
}

static int start(void)
{
	g_autoptr(GError) error = NULL;
	pid_t child = fork();

	if (child != 0)
		return child < 0 ? HVIS_EXIT_IO : attend(child);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return run(&error) ? HVIS_EXIT_OK : hvis_die(HVIS_EXIT_IO, error);
}

int main(int argc, char **argv)
{
	run_catch_signals();
	if (argc < 6 || argc - 5 > VOLUMES_MAX) {
		fprintf(stderr, "see the head of vss-bench.c\n");
		return HVIS_EXIT_USAGE;
	}
	setup.place = argv[1];
	setup.type = argv[2];
	setup.volumes.dirty_mib = (guint)CLAMP(atoi(argv[3]), 1, 256);
	setup.pairs = (guint)CLAMP(atoi(argv[4]), 1, PAIRS_MAX);
	setup.devices = argv + 5;
	setup.n_devices = (guint)argc - 5;
	setup.notes_path = g_build_filename(setup.place, "notes", NULL);
	return start();
}
