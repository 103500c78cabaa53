/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table. A host that begins a file while there is one has given that one up, as a host that begins anew
 * after a failure has. A host that goes on without waiting for an answer had one in our place, a failure, from the
 * kernel: what it was about is over. After a failure whatever is still sent for this file is refused
 * for the same reason, until the host cancels it or begins another one.
 *
 * The host gets a success for COMPLETE only where the file is whole, on the disk and has its name, and one for
 * CANCEL only where nothing of it is left.
 */
#include "config.h"

#include "fcopyd/machine.h"

typedef enum {
	STALE, /* of a time that is over, or of no concern: nothing happens */
	STAY, /* nothing is answered */
	WAIT, /* this request is answered later */
	GRANT, /* this request succeeds */
	REFUSE, /* this request fails, as the transfer has */
	NO_TRANSFER, /* this request is for none */
	OUT_OF_TURN, /* this request came while another waits, which has no answer any more */
	SUCCEED, /* the request that waits does */
	FAIL, /* the request that waits does */
	TOO_LATE, /* the request that waits, a CANCEL, is */
} Answer;

typedef enum { NOTHING, BEGIN, PUT, FINISH, DROP } Order;

typedef struct {
	Answer answer;
	Order order;
	FcopyState next;
} Cell;

#define IDLE FCOPY_STATE_IDLE
#define STARTING FCOPY_STATE_STARTING
#define RECEIVING FCOPY_STATE_RECEIVING
#define WRITING FCOPY_STATE_WRITING
#define FINISHING FCOPY_STATE_FINISHING
#define FAILING FCOPY_STATE_FAILING
#define FAILED FCOPY_STATE_FAILED
#define CANCELLING FCOPY_STATE_CANCELLING

/* clang-format off */
static const Cell table[FCOPY_STATE_N][FCOPY_EVENT_N] = {
	[IDLE] = {
		[FCOPY_EVENT_START]        = { WAIT,        BEGIN,   STARTING },
		[FCOPY_EVENT_WRITE]        = { NO_TRANSFER, NOTHING, IDLE },
		[FCOPY_EVENT_COMPLETE]     = { NO_TRANSFER, NOTHING, IDLE },
		[FCOPY_EVENT_CANCEL]       = { GRANT,       NOTHING, IDLE },
		[FCOPY_EVENT_OVERDUE]      = { STALE,       NOTHING, IDLE },
		[FCOPY_EVENT_LOST]         = { STALE,       NOTHING, IDLE },
		[FCOPY_EVENT_STOP]         = { STALE,       NOTHING, IDLE },
		[FCOPY_EVENT_HAND]         = { STALE,       NOTHING, IDLE },
		[FCOPY_EVENT_OPENED]       = { STALE,       NOTHING, IDLE },
		[FCOPY_EVENT_ROOM]         = { STALE,       NOTHING, IDLE },
		[FCOPY_EVENT_BROKEN]       = { STALE,       NOTHING, IDLE },
		[FCOPY_EVENT_FINISHED]     = { STALE,       NOTHING, IDLE },
		[FCOPY_EVENT_DROPPED]      = { STALE,       NOTHING, IDLE },
	},
	[STARTING] = {
		[FCOPY_EVENT_START]        = { WAIT,        BEGIN,   STARTING },
		[FCOPY_EVENT_WRITE]        = { OUT_OF_TURN, DROP,    FAILING },
		[FCOPY_EVENT_COMPLETE]     = { OUT_OF_TURN, DROP,    FAILING },
		[FCOPY_EVENT_CANCEL]       = { WAIT,        DROP,    CANCELLING },
		[FCOPY_EVENT_OVERDUE]      = { STAY,        DROP,    FAILING },
		[FCOPY_EVENT_LOST]         = { STAY,        DROP,    CANCELLING },
		[FCOPY_EVENT_STOP]         = { FAIL,        DROP,    CANCELLING },
		[FCOPY_EVENT_HAND]         = { FAIL,        DROP,    FAILING },
		[FCOPY_EVENT_OPENED]       = { SUCCEED,     NOTHING, RECEIVING },
		[FCOPY_EVENT_ROOM]         = { STALE,       NOTHING, STARTING },
		[FCOPY_EVENT_BROKEN]       = { FAIL,        NOTHING, FAILING },
		[FCOPY_EVENT_FINISHED]     = { STALE,       NOTHING, STARTING },
		[FCOPY_EVENT_DROPPED]      = { FAIL,        NOTHING, FAILED },
	},
	[RECEIVING] = {
		[FCOPY_EVENT_START]        = { WAIT,        BEGIN,   STARTING },
		[FCOPY_EVENT_WRITE]        = { WAIT,        PUT,     WRITING },
		[FCOPY_EVENT_COMPLETE]     = { WAIT,        FINISH,  FINISHING },
		[FCOPY_EVENT_CANCEL]       = { WAIT,        DROP,    CANCELLING },
		[FCOPY_EVENT_OVERDUE]      = { STALE,       NOTHING, RECEIVING },
		[FCOPY_EVENT_LOST]         = { STAY,        DROP,    CANCELLING },
		[FCOPY_EVENT_STOP]         = { STAY,        DROP,    CANCELLING },
		[FCOPY_EVENT_HAND]         = { STAY,        DROP,    FAILING },
		[FCOPY_EVENT_OPENED]       = { STALE,       NOTHING, RECEIVING },
		[FCOPY_EVENT_ROOM]         = { STALE,       NOTHING, RECEIVING },
		[FCOPY_EVENT_BROKEN]       = { STAY,        NOTHING, FAILING },
		[FCOPY_EVENT_FINISHED]     = { STALE,       NOTHING, RECEIVING },
		[FCOPY_EVENT_DROPPED]      = { STAY,        NOTHING, FAILED },
	},
	[WRITING] = {
		[FCOPY_EVENT_START]        = { WAIT,        BEGIN,   STARTING },
		[FCOPY_EVENT_WRITE]        = { OUT_OF_TURN, DROP,    FAILING },
		[FCOPY_EVENT_COMPLETE]     = { OUT_OF_TURN, DROP,    FAILING },
		[FCOPY_EVENT_CANCEL]       = { WAIT,        DROP,    CANCELLING },
		[FCOPY_EVENT_OVERDUE]      = { STAY,        DROP,    FAILING },
		[FCOPY_EVENT_LOST]         = { STAY,        DROP,    CANCELLING },
		[FCOPY_EVENT_STOP]         = { FAIL,        DROP,    CANCELLING },
		[FCOPY_EVENT_HAND]         = { FAIL,        DROP,    FAILING },
		[FCOPY_EVENT_OPENED]       = { STALE,       NOTHING, WRITING },
		[FCOPY_EVENT_ROOM]         = { SUCCEED,     NOTHING, RECEIVING },
		[FCOPY_EVENT_BROKEN]       = { FAIL,        NOTHING, FAILING },
		[FCOPY_EVENT_FINISHED]     = { STALE,       NOTHING, WRITING },
		[FCOPY_EVENT_DROPPED]      = { FAIL,        NOTHING, FAILED },
	},
	[FINISHING] = {
		[FCOPY_EVENT_START]        = { WAIT,        BEGIN,   STARTING },
		[FCOPY_EVENT_WRITE]        = { OUT_OF_TURN, DROP,    FAILING },
		[FCOPY_EVENT_COMPLETE]     = { OUT_OF_TURN, DROP,    FAILING },
		[FCOPY_EVENT_CANCEL]       = { WAIT,        DROP,    CANCELLING },
		[FCOPY_EVENT_OVERDUE]      = { STAY,        DROP,    FAILING },
		[FCOPY_EVENT_LOST]         = { STAY,        DROP,    CANCELLING },
		[FCOPY_EVENT_STOP]         = { FAIL,        DROP,    CANCELLING },
		[FCOPY_EVENT_HAND]         = { FAIL,        DROP,    FAILING },
		[FCOPY_EVENT_OPENED]       = { STALE,       NOTHING, FINISHING },
		[FCOPY_EVENT_ROOM]         = { STALE,       NOTHING, FINISHING },
		[FCOPY_EVENT_BROKEN]       = { FAIL,        NOTHING, FAILING },
		[FCOPY_EVENT_FINISHED]     = { SUCCEED,     NOTHING, IDLE },
		[FCOPY_EVENT_DROPPED]      = { FAIL,        NOTHING, FAILED },
	},
	[FAILING] = {
		[FCOPY_EVENT_START]        = { WAIT,        BEGIN,   STARTING },
		[FCOPY_EVENT_WRITE]        = { REFUSE,      NOTHING, FAILING },
		[FCOPY_EVENT_COMPLETE]     = { REFUSE,      NOTHING, FAILING },
		[FCOPY_EVENT_CANCEL]       = { WAIT,        NOTHING, CANCELLING },
		[FCOPY_EVENT_OVERDUE]      = { STALE,       NOTHING, FAILING },
		[FCOPY_EVENT_LOST]         = { STAY,        NOTHING, CANCELLING },
		[FCOPY_EVENT_STOP]         = { STAY,        NOTHING, CANCELLING },
		[FCOPY_EVENT_HAND]         = { STALE,       NOTHING, FAILING },
		[FCOPY_EVENT_OPENED]       = { STALE,       NOTHING, FAILING },
		[FCOPY_EVENT_ROOM]         = { STALE,       NOTHING, FAILING },
		[FCOPY_EVENT_BROKEN]       = { STALE,       NOTHING, FAILING },
		[FCOPY_EVENT_FINISHED]     = { STAY,        NOTHING, FAILED },
		[FCOPY_EVENT_DROPPED]      = { STAY,        NOTHING, FAILED },
	},
	[FAILED] = {
		[FCOPY_EVENT_START]        = { WAIT,        BEGIN,   STARTING },
		[FCOPY_EVENT_WRITE]        = { REFUSE,      NOTHING, FAILED },
		[FCOPY_EVENT_COMPLETE]     = { REFUSE,      NOTHING, FAILED },
		[FCOPY_EVENT_CANCEL]       = { GRANT,       NOTHING, IDLE },
		[FCOPY_EVENT_OVERDUE]      = { STALE,       NOTHING, FAILED },
		[FCOPY_EVENT_LOST]         = { STAY,        NOTHING, IDLE },
		[FCOPY_EVENT_STOP]         = { STAY,        NOTHING, IDLE },
		[FCOPY_EVENT_HAND]         = { STALE,       NOTHING, FAILED },
		[FCOPY_EVENT_OPENED]       = { STALE,       NOTHING, FAILED },
		[FCOPY_EVENT_ROOM]         = { STALE,       NOTHING, FAILED },
		[FCOPY_EVENT_BROKEN]       = { STALE,       NOTHING, FAILED },
		[FCOPY_EVENT_FINISHED]     = { STALE,       NOTHING, FAILED },
		[FCOPY_EVENT_DROPPED]      = { STALE,       NOTHING, FAILED },
	},
	[CANCELLING] = {
		[FCOPY_EVENT_START]        = { WAIT,        BEGIN,   STARTING },
		[FCOPY_EVENT_WRITE]        = { NO_TRANSFER, NOTHING, CANCELLING },
		[FCOPY_EVENT_COMPLETE]     = { NO_TRANSFER, NOTHING, CANCELLING },
		[FCOPY_EVENT_CANCEL]       = { WAIT,        NOTHING, CANCELLING },
		[FCOPY_EVENT_OVERDUE]      = { STAY,        NOTHING, CANCELLING },
		[FCOPY_EVENT_LOST]         = { STAY,        NOTHING, CANCELLING },
		[FCOPY_EVENT_STOP]         = { STAY,        NOTHING, CANCELLING },
		[FCOPY_EVENT_HAND]         = { STALE,       NOTHING, CANCELLING },
		[FCOPY_EVENT_OPENED]       = { STALE,       NOTHING, CANCELLING },
		[FCOPY_EVENT_ROOM]         = { STALE,       NOTHING, CANCELLING },
		[FCOPY_EVENT_BROKEN]       = { STALE,       NOTHING, CANCELLING },
		[FCOPY_EVENT_FINISHED]     = { TOO_LATE,    NOTHING, IDLE },
		[FCOPY_EVENT_DROPPED]      = { SUCCEED,     NOTHING, IDLE },
	},
};
/* clang-format on */

const char *fcopy_state_name(FcopyState state)
{
	static const char *const names[FCOPY_STATE_N] = { "idle", "starting", "receiving",
		"writing", "finishing", "failing", "failed", "cancelling" };

	return names[state];
}

const char *fcopy_state_word(FcopyState state)
{
	switch (state) {
	case FCOPY_STATE_WRITING:
		return fcopy_state_name(FCOPY_STATE_RECEIVING);
	case FCOPY_STATE_FAILING:
		return fcopy_state_name(FCOPY_STATE_FAILED);
	case FCOPY_STATE_IDLE:
	case FCOPY_STATE_STARTING:
	case FCOPY_STATE_RECEIVING:
	case FCOPY_STATE_FINISHING:
	case FCOPY_STATE_FAILED:
	case FCOPY_STATE_CANCELLING:
	case FCOPY_STATE_N:
		break;
	}
	return fcopy_state_name(state);
}

const char *fcopy_event_name(FcopyEvent event)
{
	static const char *const names[FCOPY_EVENT_N] = { "START", "WRITE", "COMPLETE", "CANCEL",
		"overdue", "lost", "stop", "hand", "opened", "room", "broken", "finished",
		"dropped" };

	return names[event];
}

gboolean fcopy_machine_is_busy(const FcopyMachine *machine)
{
	return machine->state != IDLE && machine->state != FAILED;
}

/* The request that waits, if there is one, is not @txn. */
static void answer_waiting(FcopyMachine *machine, FcopyReply reply)
{
	guint64 txn = machine->waiting;

	machine->waiting = 0;
	if (txn != 0)
		machine->ops->answer(txn, reply, machine->data);
}

/* The request that waited has no answer to come any more. */
static void answer_this(FcopyMachine *machine, guint64 txn, FcopyReply reply)
{
	machine->waiting = 0;
	machine->ops->answer(txn, reply, machine->data);
}

static void answer(FcopyMachine *machine, Answer how, guint64 txn)
{
	switch (how) {
	case STALE:
	case STAY:
	case WAIT:
		break;
	case GRANT:
		answer_this(machine, txn, FCOPY_REPLY_WELL);
		break;
	case REFUSE:
		answer_this(machine, txn, FCOPY_REPLY_FAILURE);
		break;
	case NO_TRANSFER:
		answer_this(machine, txn, FCOPY_REPLY_NO_TRANSFER);
		break;
	case OUT_OF_TURN:
		answer_this(machine, txn, FCOPY_REPLY_OUT_OF_TURN);
		break;
	case SUCCEED:
		answer_waiting(machine, FCOPY_REPLY_WELL);
		break;
	case FAIL:
		answer_waiting(machine, FCOPY_REPLY_FAILURE);
		break;
	case TOO_LATE:
		answer_waiting(machine, FCOPY_REPLY_TOO_LATE);
		break;
	}
}

static void order(FcopyMachine *machine, Order what)
{
	switch (what) {
	case NOTHING:
		break;
	case BEGIN:
		machine->ops->begin(machine->data);
		break;
	case PUT:
		machine->ops->put(machine->data);
		break;
	case FINISH:
		machine->ops->finish(machine->data);
		break;
	case DROP:
		machine->ops->drop(machine->data);
		break;
	}
}

void fcopy_machine_post(FcopyMachine *machine, FcopyEvent event, guint64 txn)
{
	const Cell *cell = &table[machine->state][event];

	machine->state = cell->next; /* first: what follows may post again */
	if (event == FCOPY_EVENT_LOST || event == FCOPY_EVENT_OVERDUE)
		machine->waiting = 0;
	if (cell->answer == WAIT)
		machine->waiting = txn;
	order(machine, cell->order); /* before the answer, which tells what it found */
	answer(machine, cell->answer, txn);
}
