/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Orders and events. The transfer is that of the intake; where another one begins while there is one, that is
 * told as ended at once, and its intake is kept until its thread is through, which may be never.
 */
#include "config.h"

#include "fcopyd/session.h"

#include <string.h>

#include <hvis/hresult.h>
#include <util/error.h>

#include "fcopyd/status.h"

/* One that was given up, on its own way to its end. */
typedef struct {
	FcopyIntake *intake;
	FcopyTransfer transfer; /* as its end was told */
} Former;

struct FcopySession {
	const FcopySessionOps *ops;
	gpointer data;
	FcopyGround *ground;
	FcopyMachine machine;
	FcopyEvent event; /* being posted */
	const FcopyRequest *request; /* being posted; NULL: none is */
	FcopyText text; /* its */
	FcopyIntake *intake; /* NULL: none is under way */
	GPtrArray *former; /* of Former: nobody waits for them any more */
	FcopyTransfer transfer; /* the intake's */
	GError *failure; /* why the transfer has failed that was the last one; NULL: it has not */
};

static void post(FcopySession *session, FcopyEvent event, guint64 txn)
{
	session->event = event;
	fcopy_machine_post(&session->machine, event, txn);
}

/* --- how it ends --- */

typedef struct {
	FcopyResult result;
	FcopyEnder ender;
	const char *message;
} End;

/* What has the machine drop a file, or begin another one in its place. */
static const End *end_by(FcopyEvent event)
{
	static const End ends[FCOPY_EVENT_N] = {
		[FCOPY_EVENT_START] = { FCOPY_RESULT_CANCELLED, FCOPY_ENDER_HOST,
			"the host has begun another file" },
		[FCOPY_EVENT_WRITE] = { FCOPY_RESULT_FAILED, FCOPY_ENDER_FAILURE,
			"the host went on without waiting for an answer" },
		[FCOPY_EVENT_COMPLETE] = { FCOPY_RESULT_FAILED, FCOPY_ENDER_FAILURE,
			"the host went on without waiting for an answer" },
		[FCOPY_EVENT_CANCEL] = { FCOPY_RESULT_CANCELLED, FCOPY_ENDER_HOST,
			"the host has cancelled it" },
		[FCOPY_EVENT_OVERDUE] = { FCOPY_RESULT_FAILED, FCOPY_ENDER_FAILURE,
			"it took longer than the host waits" },
		[FCOPY_EVENT_LOST] = { FCOPY_RESULT_FAILED, FCOPY_ENDER_DEVICE,
			"the device was lost" },
		[FCOPY_EVENT_STOP] = { FCOPY_RESULT_FAILED, FCOPY_ENDER_DAEMON,
			"the daemon was stopped" },
		[FCOPY_EVENT_HAND] = { FCOPY_RESULT_CANCELLED, FCOPY_ENDER_HAND,
			"it was cancelled by hand" },
	};

	return &ends[event];
}

/* The first one counts: what comes of it is no reason. */
static void note_end(
	FcopySession *session, FcopyResult result, FcopyEnder ender, const char *message)
{
	FcopyTransfer *transfer = &session->transfer;

	if (transfer->result != FCOPY_RESULT_NONE)
		return;
	transfer->result = result;
	transfer->ender = ender;
	transfer->message = g_strdup(message);
}

static void note_end_by(FcopySession *session, FcopyEvent event)
{
	const End *end = end_by(event);

	note_end(session, end->result, end->ender, end->message);
	if (!session->failure)
		hvis_fail(&session->failure,
			event == FCOPY_EVENT_OVERDUE ? HVIS_ERROR_TIMEOUT : HVIS_ERROR_FAILED, "%s",
			end->message);
}

/* Never before it began: clocks are set back. */
static void note_time(FcopyTransfer *transfer)
{
	transfer->end_us = MAX(g_get_real_time(), transfer->begin_us);
}

/* Told to whom it may concern, which may be a while after all has been decided. */
static void close_transfer(FcopySession *session)
{
	g_auto(FcopyTransfer) transfer = session->transfer;

	session->transfer = (FcopyTransfer){ 0 };
	note_time(&transfer);
	session->ops->ended(&transfer, session->data);
}

/* --- what the intake tells --- */

static gboolean is_former(FcopySession *session, FcopyIntake *intake)
{
	return intake != session->intake;
}

static void former_free(gpointer data)
{
	Former *former = data;

	fcopy_intake_free(former->intake);
	fcopy_transfer_clear(&former->transfer);
	g_free(former);
}

/* Its Former, which is not among them any more. */
static Former *steal_former(FcopySession *session, FcopyIntake *intake)
{
	guint i = 0;

	while (((Former *)g_ptr_array_index(session->former, i))->intake != intake)
		i++;
	return g_ptr_array_steal_index_fast(session->former, i);
}

/* It is there, though @transfer says already that it is not to be. */
static void note_there_after_all(FcopyTransfer *transfer)
{
	g_autofree char *why = g_steal_pointer(&transfer->message);

	transfer->message =
		g_strconcat("it was there already when it was to be given up: ", why, NULL);
}

static void note_there(FcopyTransfer *transfer, const FcopySum *sum)
{
	transfer->result = FCOPY_RESULT_OK;
	transfer->received = transfer->size;
	transfer->repeated = sum->repeated;
	g_strlcpy(transfer->sha256, sum->sha256, sizeof(transfer->sha256));
}

static void end_late(FcopySession *session, FcopyIntake *intake, const FcopySum *sum)
{
	Former *former = steal_former(session, intake);
	FcopyTransfer *transfer = &former->transfer;

	if (!transfer->target)
		transfer->target = g_strdup(fcopy_intake_target(intake));
	note_there_after_all(transfer);
	note_there(transfer, sum);
	note_time(transfer);
	session->ops->late(transfer, session->data);
	former_free(former);
}

static void on_opened(FcopyIntake *intake, const char *target, gpointer data)
{
	FcopySession *session = data;

	if (is_former(session, intake) || session->machine.state != FCOPY_STATE_STARTING)
		return;
	session->transfer.target = g_strdup(target);
	post(session, FCOPY_EVENT_OPENED, 0);
	session->ops->begun(&session->transfer, session->data);
}

static void on_room(FcopyIntake *intake, gpointer data)
{
	FcopySession *session = data;

	if (!is_former(session, intake))
		post(session, FCOPY_EVENT_ROOM, 0);
}

/* Before it was opened nothing has begun. */
static void fail(FcopySession *session, const GError *error)
{
	gboolean begun = session->transfer.target != NULL;

	note_end(session, begun ? FCOPY_RESULT_FAILED : FCOPY_RESULT_REFUSED, FCOPY_ENDER_FAILURE,
		error->message);
	g_clear_error(&session->failure);
	session->failure = g_error_copy(error);
	post(session, FCOPY_EVENT_BROKEN, 0);
}

static void on_broken(FcopyIntake *intake, const GError *error, gpointer data)
{
	FcopySession *session = data;

	if (!is_former(session, intake))
		fail(session, error);
}

static void update_received(FcopySession *session)
{
	FcopyTransfer *transfer = &session->transfer;

	if (session->intake)
		transfer->received =
			MIN(transfer->size, fcopy_intake_written(session->intake) +
						    fcopy_intake_queued(session->intake));
}

/* It is over: the host first, then everybody else. */
static void end(FcopySession *session, FcopyEvent event)
{
	FcopyIntake *intake = g_steal_pointer(&session->intake);

	post(session, event, 0);
	close_transfer(session);
	fcopy_intake_free(intake);
}

static void on_finished(FcopyIntake *intake, const FcopySum *sum, gpointer data)
{
	FcopySession *session = data;
	FcopyTransfer *transfer = &session->transfer;

	if (is_former(session, intake)) {
		end_late(session, intake, sum);
		return;
	}
	if (session->machine.state != FCOPY_STATE_FINISHING) {
		note_there_after_all(transfer);
	} else {
		transfer->ender = FCOPY_ENDER_HOST;
		transfer->message = g_strdup("it is there, and on the disk");
	}
	note_there(transfer, sum);
	end(session, FCOPY_EVENT_FINISHED);
}

static void on_dropped(FcopyIntake *intake, gpointer data)
{
	FcopySession *session = data;

	if (is_former(session, intake)) {
		former_free(steal_former(session, intake));
		return;
	}
	update_received(session);
	end(session, FCOPY_EVENT_DROPPED);
}

/* --- orders --- */

static gboolean may_be_cut(const char *text)
{
	return strlen(text) >= HVIS_FCOPY_DEVICE_TEXT_CUT;
}

static gboolean check_start(FcopySession *session, const FcopyRequest *request, GError **error)
{
	if (request->flags & ~(HVIS_FCOPY_OVERWRITE | HVIS_FCOPY_CREATE_PATH))
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"the host asks for something that is unknown: flags 0x%x", request->flags);
	if (session->text == FCOPY_TEXT_UTF8 &&
		(may_be_cut(request->name) || may_be_cut(request->path)))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"a path or a name of %u bytes or more may have been cut off by the "
			"kernel",
			HVIS_FCOPY_DEVICE_TEXT_CUT);
	if (session->former->len >= FCOPY_SESSION_STUCK_MAX)
		return hvis_fail(error, HVIS_ERROR_BUSY,
			"%u former files are still waiting for file systems that do not answer",
			session->former->len);
	return TRUE;
}

static void begin_transfer(FcopySession *session, const FcopyRequest *request)
{
	g_clear_error(&session->failure);
	session->transfer = (FcopyTransfer){
		.directory = g_strdup(request->path),
		.name = g_strdup(request->name),
		.overwrite = (request->flags & HVIS_FCOPY_OVERWRITE) != 0,
		.create_path = (request->flags & HVIS_FCOPY_CREATE_PATH) != 0,
		.size = request->size,
		.begin_us = g_get_real_time(),
	};
}

/* The intake of the former file goes on its own way to its end. */
static void abandon(FcopySession *session)
{
	Former *former;

	if (!session->intake)
		return;
	note_end_by(session, FCOPY_EVENT_START);
	update_received(session);
	fcopy_intake_cancel(session->intake);
	former = g_new0(Former, 1);
	former->intake = g_steal_pointer(&session->intake);
	former->transfer = session->transfer;
	session->transfer = (FcopyTransfer){ 0 };
	note_time(&former->transfer);
	g_ptr_array_add(session->former, former);
	session->ops->ended(&former->transfer, session->data);
}

static void order_begin(gpointer data)
{
	static const FcopyIntakeOps intake_ops = { on_opened, on_room, on_broken, on_finished,
		on_dropped };
	FcopySession *session = data;
	const FcopyRequest *request = session->request;
	const FcopyWanted wanted = { .path = request->path,
		.name = request->name,
		.overwrite = (request->flags & HVIS_FCOPY_OVERWRITE) != 0,
		.create_path = (request->flags & HVIS_FCOPY_CREATE_PATH) != 0,
		.size = request->size };
	g_autoptr(GError) error = NULL;

	abandon(session);
	begin_transfer(session, request);
	if (check_start(session, request, &error))
		session->intake =
			fcopy_intake_new(session->ground, &wanted, &intake_ops, session, &error);
	if (session->intake)
		return;
	fail(session, error);
	end(session, FCOPY_EVENT_DROPPED);
}

static void order_put(gpointer data)
{
	FcopySession *session = data;
	const FcopyRequest *request = session->request;

	if (fcopy_intake_write(session->intake, request->offset, request->data, request->len))
		post(session, FCOPY_EVENT_ROOM, 0);
}

static void order_finish(gpointer data)
{
	fcopy_intake_finish(((FcopySession *)data)->intake);
}

static void order_drop(gpointer data)
{
	FcopySession *session = data;

	note_end_by(session, session->event);
	fcopy_intake_cancel(session->intake);
}

static void order_answer(guint64 txn, FcopyReply reply, gpointer data)
{
	static const guint32 statuses[FCOPY_REPLY_N] = {
		[FCOPY_REPLY_WELL] = HVIS_S_OK,
		[FCOPY_REPLY_NO_TRANSFER] = HVIS_E_NOT_CONNECTED,
		[FCOPY_REPLY_OUT_OF_TURN] = HVIS_E_INVALIDARG,
		[FCOPY_REPLY_TOO_LATE] = HVIS_E_FAIL,
	};
	FcopySession *session = data;
	guint32 status = statuses[reply];

	if (reply == FCOPY_REPLY_FAILURE)
		status = session->failure ? fcopy_status_of(session->failure) : HVIS_E_FAIL;
	session->ops->answer(txn, status, session->data);
}

/* --- the door --- */

FcopySession *fcopy_session_new(FcopyGround *ground, const FcopySessionOps *ops, gpointer data)
{
	static const FcopyMachineOps machine_ops = { order_begin, order_put, order_finish,
		order_drop, order_answer };
	FcopySession *session = g_new0(FcopySession, 1);

	session->ops = ops;
	session->data = data;
	session->ground = fcopy_ground_ref(ground);
	session->machine = (FcopyMachine){ &machine_ops, session, FCOPY_STATE_IDLE, 0 };
	session->former = g_ptr_array_new_with_free_func(former_free);
	return session;
}

void fcopy_session_free(FcopySession *session)
{
	if (!session)
		return;
	fcopy_intake_free(session->intake);
	g_ptr_array_unref(session->former);
	fcopy_ground_unref(session->ground);
	fcopy_transfer_clear(&session->transfer);
	g_clear_error(&session->failure);
	g_free(session);
}

void fcopy_session_set_ground(FcopySession *session, FcopyGround *ground)
{
	fcopy_ground_unref(session->ground);
	session->ground = fcopy_ground_ref(ground);
}

void fcopy_session_request(
	FcopySession *session, guint64 txn, const FcopyRequest *request, FcopyText text)
{
	static const FcopyEvent events[HVIS_FCOPY_OP_N] = {
		[HVIS_FCOPY_OP_START] = FCOPY_EVENT_START,
		[HVIS_FCOPY_OP_WRITE] = FCOPY_EVENT_WRITE,
		[HVIS_FCOPY_OP_COMPLETE] = FCOPY_EVENT_COMPLETE,
		[HVIS_FCOPY_OP_CANCEL] = FCOPY_EVENT_CANCEL,
	};

	session->request = request;
	session->text = text;
	post(session, events[request->op], txn);
	session->request = NULL;
}

void fcopy_session_overdue(FcopySession *session, guint64 txn)
{
	if (txn != 0 && txn == session->machine.waiting)
		post(session, FCOPY_EVENT_OVERDUE, 0);
}

void fcopy_session_lost(FcopySession *session)
{
	post(session, FCOPY_EVENT_LOST, 0);
}

void fcopy_session_stop(FcopySession *session)
{
	post(session, FCOPY_EVENT_STOP, 0);
}

gboolean fcopy_session_cancel(FcopySession *session, GError **error)
{
	if (!session->intake)
		return hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no file is under way");
	post(session, FCOPY_EVENT_HAND, 0);
	return TRUE;
}

FcopyState fcopy_session_state(const FcopySession *session)
{
	return session->machine.state;
}

gboolean fcopy_session_is_busy(const FcopySession *session)
{
	return session->intake || session->former->len > 0;
}

const FcopyTransfer *fcopy_session_transfer(FcopySession *session)
{
	if (!session->intake)
		return NULL;
	update_received(session);
	return &session->transfer;
}

guint64 fcopy_session_queued(FcopySession *session)
{
	return session->intake ? fcopy_intake_queued(session->intake) : 0;
}
