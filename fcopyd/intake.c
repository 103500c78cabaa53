/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pieces are filled by the main context and handed to the thread when they are full, or when what comes next is not
 * at their end: a lock and a wake-up for each piece, and not for each fragment. What the thread has to tell is
 * an idle source of the main context, in order.
 */
#include "config.h"

#include "fcopyd/intake.h"

#include <string.h>

#include <hvis/fcopy.h>
#include <util/error.h>
#include <util/fd.h>

G_STATIC_ASSERT(FCOPY_INTAKE_PIECE % HVIS_FCOPY_FRAGMENT == 0);

struct FcopyGround {
	gint refs; /* atomic */
	int root;
	FcopyPolicy *policy;
};

typedef struct {
	guint64 offset;
	gsize len;
	guint8 data[FCOPY_INTAKE_PIECE];
} Piece;

struct FcopyIntake {
	gint refs; /* atomic: who began it, the thread, each report on its way */
	FcopyGround *ground;
	FcopyWanted wanted; /* its text is ours */
	gint cancelled; /* atomic */

	/* of the main context */
	const FcopyIntakeOps *ops; /* NULL: nobody is told any more */
	gpointer data;
	char *target; /* NULL: it is not known yet */
	Piece *filling; /* or NULL */
	guint64 waiting_offset;
	gsize waiting_len; /* 0: nothing waits for room */
	guint8 waiting[HVIS_FCOPY_FRAGMENT];

	GMutex lock; /* for what follows */
	GCond more; /* work, or the end */
	GQueue full, spare; /* of Piece */
	guint pieces; /* that there are, wherever they are */
	gsize queued; /* bytes of those that are full */
	guint64 written;
	gboolean is_complete; /* nothing more comes */
	gboolean is_room_wanted;
};

/* --- the ground --- */

FcopyGround *fcopy_ground_new(int root, FcopyPolicy *policy)
{
	FcopyGround *ground = g_new(FcopyGround, 1);

	*ground = (FcopyGround){ 1, root, policy };
	return ground;
}

FcopyGround *fcopy_ground_ref(FcopyGround *ground)
{
	g_atomic_int_inc(&ground->refs);
	return ground;
}

void fcopy_ground_unref(FcopyGround *ground)
{
	if (!ground || !g_atomic_int_dec_and_test(&ground->refs))
		return;
	hvis_fd_clear(&ground->root);
	fcopy_policy_free(ground->policy);
	g_free(ground);
}

const FcopyPolicy *fcopy_ground_policy(const FcopyGround *ground)
{
	return ground->policy;
}

/* --- an intake --- */

static FcopyIntake *intake_ref(FcopyIntake *intake)
{
	g_atomic_int_inc(&intake->refs);
	return intake;
}

static void intake_unref(FcopyIntake *intake)
{
	if (!g_atomic_int_dec_and_test(&intake->refs))
		return;
	g_free(intake->filling);
	g_free(intake->target);
	g_queue_clear_full(&intake->full, g_free);
	g_queue_clear_full(&intake->spare, g_free);
	g_mutex_clear(&intake->lock);
	g_cond_clear(&intake->more);
	fcopy_ground_unref(intake->ground);
	g_free((char *)intake->wanted.path);
	g_free((char *)intake->wanted.name);
	g_free(intake);
}

/* --- what is told --- */

typedef struct {
	FcopyIntake *intake;
	void (*tell)(FcopyIntake *intake, gpointer report);
	char *target;
	GError *error;
	FcopySum sum;
} Report;

static void report_free(gpointer data)
{
	Report *report = data;

	intake_unref(report->intake);
	g_free(report->target);
	g_clear_error(&report->error);
	g_free(report);
}

static gboolean on_report(gpointer data)
{
	Report *report = data;

	if (report->intake->ops)
		report->tell(report->intake, report);
	return G_SOURCE_REMOVE;
}

static Report *report_new(FcopyIntake *intake, void (*tell)(FcopyIntake *intake, gpointer report))
{
	Report *report = g_new0(Report, 1);

	report->intake = intake_ref(intake);
	report->tell = tell;
	return report;
}

/* Takes @report. */
static void send(Report *report)
{
	g_idle_add_full(G_PRIORITY_DEFAULT, on_report, report, report_free);
}

static void tell_opened(FcopyIntake *intake, gpointer report)
{
	intake->target = g_steal_pointer(&((Report *)report)->target);
	intake->ops->opened(intake, intake->target, intake->data);
}

static gboolean take(FcopyIntake *intake, guint64 offset, const void *data, gsize len);

static void tell_room(FcopyIntake *intake, gpointer report)
{
	gsize len = intake->waiting_len;

	if (len == 0 || !take(intake, intake->waiting_offset, intake->waiting, len))
		return;
	intake->waiting_len = 0;
	intake->ops->room(intake, intake->data);
}

static void tell_broken(FcopyIntake *intake, gpointer report)
{
	intake->waiting_len = 0;
	intake->ops->broken(intake, ((Report *)report)->error, intake->data);
}

static void tell_finished(FcopyIntake *intake, gpointer report)
{
	intake->ops->finished(intake, &((Report *)report)->sum, intake->data);
}

static void tell_dropped(FcopyIntake *intake, gpointer report)
{
	intake->ops->dropped(intake, intake->data);
}

/* --- in the thread --- */

static gboolean is_cancelled(FcopyIntake *intake)
{
	return g_atomic_int_get(&intake->cancelled) != 0;
}

/* The next piece; NULL where no more is to come, or none is wanted. */
static Piece *next_piece(FcopyIntake *intake)
{
	Piece *piece = NULL;

	g_mutex_lock(&intake->lock);
	while (!is_cancelled(intake) && !intake->is_complete && g_queue_is_empty(&intake->full))
		g_cond_wait(&intake->more, &intake->lock);
	if (!is_cancelled(intake))
		piece = g_queue_pop_head(&intake->full);
	g_mutex_unlock(&intake->lock);
	return piece;
}

static void give_back(FcopyIntake *intake, Piece *piece, guint64 written)
{
	gboolean is_wanted;

	g_mutex_lock(&intake->lock);
	intake->queued -= piece->len;
	intake->written = written;
	g_queue_push_head(&intake->spare, piece);
	is_wanted = intake->is_room_wanted;
	intake->is_room_wanted = FALSE;
	g_mutex_unlock(&intake->lock);
	if (is_wanted)
		send(report_new(intake, tell_room));
}

static gboolean write_all(FcopyIntake *intake, FcopyFile *file, GError **error)
{
	Piece *piece;

	while ((piece = next_piece(intake))) {
		gboolean well =
			fcopy_file_write(file, piece->offset, piece->data, piece->len, error);

		give_back(intake, piece, fcopy_file_received(file));
		if (!well)
			return FALSE;
	}
	return TRUE;
}

static gboolean receive(FcopyIntake *intake, FcopyFile *file, FcopySum *ret, GError **error)
{
	Report *opened = report_new(intake, tell_opened);

	opened->target = g_strdup(fcopy_file_target(file));
	send(opened);
	if (!write_all(intake, file, error))
		return FALSE;
	return !is_cancelled(intake) && fcopy_file_finish(file, &intake->cancelled, ret, error);
}

static gpointer run(gpointer data)
{
	FcopyIntake *intake = data;
	g_autoptr(GError) error = NULL;
	FcopyFile *file = fcopy_file_create(
		intake->ground->root, intake->ground->policy, &intake->wanted, &error);
	Report *end = report_new(intake, tell_dropped);

	if (file && !is_cancelled(intake) && receive(intake, file, &end->sum, &error)) {
		end->tell = tell_finished;
	} else if (error && !is_cancelled(intake)) {
		Report *broken = report_new(intake, tell_broken);

		broken->error = g_steal_pointer(&error);
		send(broken); /* first: to remove much takes time */
	}
	fcopy_file_free(file);
	send(end);
	intake_unref(intake);
	return NULL;
}

/* --- for the main context --- */

FcopyIntake *fcopy_intake_new(FcopyGround *ground, const FcopyWanted *wanted,
	const FcopyIntakeOps *ops, gpointer data, GError **error)
{
	FcopyIntake *intake = g_new0(FcopyIntake, 1);
	GThread *thread;

	intake->refs = 1;
	intake->ground = fcopy_ground_ref(ground);
	intake->wanted = *wanted;
	intake->wanted.path = g_strdup(wanted->path);
	intake->wanted.name = g_strdup(wanted->name);
	intake->ops = ops;
	intake->data = data;
	g_mutex_init(&intake->lock);
	g_cond_init(&intake->more);
	g_queue_init(&intake->full);
	g_queue_init(&intake->spare);
	thread = g_thread_try_new("intake", run, intake_ref(intake), error);
	if (!thread) {
		intake_unref(intake);
		intake_unref(intake);
		return NULL;
	}
	g_thread_unref(thread);
	return intake;
}

void fcopy_intake_cancel(FcopyIntake *intake)
{
	g_atomic_int_set(&intake->cancelled, 1);
	g_mutex_lock(&intake->lock);
	g_cond_signal(&intake->more);
	g_mutex_unlock(&intake->lock);
}

void fcopy_intake_free(FcopyIntake *intake)
{
	if (!intake)
		return;
	intake->ops = NULL;
	fcopy_intake_cancel(intake);
	intake_unref(intake);
}

/* With the lock given back, or the one that wakes up would only wait for it. */
static void hand_over(FcopyIntake *intake)
{
	Piece *piece = g_steal_pointer(&intake->filling);

	if (!piece)
		return;
	g_mutex_lock(&intake->lock);
	intake->queued += piece->len;
	g_queue_push_tail(&intake->full, piece);
	g_mutex_unlock(&intake->lock);
	g_cond_signal(&intake->more);
}

/* An empty one; NULL where there is none, and then who waits is told once there is. */
static Piece *get_piece(FcopyIntake *intake)
{
	Piece *piece;

	g_mutex_lock(&intake->lock);
	piece = g_queue_pop_head(&intake->spare);
	if (!piece && intake->pieces < FCOPY_INTAKE_PIECES) {
		intake->pieces++;
		piece = g_malloc(sizeof(*piece));
	}
	intake->is_room_wanted = !piece;
	g_mutex_unlock(&intake->lock);
	return piece;
}

static gboolean continues(const Piece *piece, guint64 offset, gsize len)
{
	return piece && offset == piece->offset + piece->len &&
	       len <= FCOPY_INTAKE_PIECE - piece->len;
}

static gboolean take(FcopyIntake *intake, guint64 offset, const void *data, gsize len)
{
	if (!continues(intake->filling, offset, len)) {
		hand_over(intake);
		intake->filling = get_piece(intake);
		if (!intake->filling)
			return FALSE;
		intake->filling->offset = offset;
		intake->filling->len = 0;
	}
	memcpy(intake->filling->data + intake->filling->len, data, len);
	intake->filling->len += len;
	if (intake->filling->len == FCOPY_INTAKE_PIECE)
		hand_over(intake);
	return TRUE;
}

gboolean fcopy_intake_write(FcopyIntake *intake, guint64 offset, const void *data, gsize len)
{
	g_return_val_if_fail(len <= HVIS_FCOPY_FRAGMENT && intake->waiting_len == 0, FALSE);
	if (len == 0 || take(intake, offset, data, len))
		return TRUE;
	intake->waiting_offset = offset;
	intake->waiting_len = len;
	memcpy(intake->waiting, data, len);
	return FALSE;
}

void fcopy_intake_finish(FcopyIntake *intake)
{
	g_return_if_fail(intake->waiting_len == 0);
	hand_over(intake);
	g_mutex_lock(&intake->lock);
	intake->is_complete = TRUE;
	g_mutex_unlock(&intake->lock);
	g_cond_signal(&intake->more);
}

const char *fcopy_intake_target(const FcopyIntake *intake)
{
	return intake->target;
}

guint64 fcopy_intake_queued(FcopyIntake *intake)
{
	guint64 queued = intake->waiting_len + (intake->filling ? intake->filling->len : 0);

	g_mutex_lock(&intake->lock);
	queued += intake->queued;
	g_mutex_unlock(&intake->lock);
	return queued;
}

guint64 fcopy_intake_written(FcopyIntake *intake)
{
	guint64 written;

	g_mutex_lock(&intake->lock);
	written = intake->written;
	g_mutex_unlock(&intake->lock);
	return written;
}
