/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table. A request that is new supersedes the one that waits: the kernel asks again only when it
 * has given the former one up, and told the host so. A host that begins a backup while there is one has given
 * that one up: it is undone, and is a failure wherever it is told of; then comes the new one.
 *
 * The host gets a success for THAW only if all was frozen from its FREEZE to its THAW: whatever else
 * there was, the answer is a failure, so that it knows that its snapshot is not consistent.
 */
#include "config.h"

#include "vssd/machine.h"

typedef enum {
	STALE, /* of a time that is over: nothing happens */
	STAY, /* nothing is answered */
	REFUSE, /* this request fails */
	WAIT, /* this request is answered later */
	SUCCEED, /* the request that waits does */
	FAIL, /* the request that waits does */
} Answer;

typedef enum { NOTHING, START, THAW, CHECK } Order;

typedef struct {
	Answer answer;
	Order order;
	VssState next;
} Cell;

#define IDLE VSS_STATE_IDLE
#define FREEZING VSS_STATE_FREEZING
#define FROZEN VSS_STATE_FROZEN
#define THAWING VSS_STATE_THAWING
#define UNDOING VSS_STATE_UNDOING
#define CANCELLING VSS_STATE_CANCELLING
#define FAILED VSS_STATE_FAILED
#define REHEARSING VSS_STATE_REHEARSING
#define CHECKING VSS_STATE_CHECKING
#define RECHECKING VSS_STATE_RECHECKING
#define REFREEZING VSS_STATE_REFREEZING

/* clang-format off */
static const Cell table[VSS_STATE_N][VSS_EVENT_N] = {
	[IDLE] = {
		[VSS_EVENT_FREEZE]       = { WAIT,    START,   FREEZING },
		[VSS_EVENT_THAW]         = { REFUSE,  NOTHING, IDLE },
		[VSS_EVENT_HOT_BACKUP]   = { WAIT,    CHECK,   CHECKING },
		[VSS_EVENT_LOST]         = { STAY,    NOTHING, IDLE },
		[VSS_EVENT_STOP]         = { STAY,    NOTHING, IDLE },
		[VSS_EVENT_DEADLINE]     = { STALE,   NOTHING, IDLE },
		[VSS_EVENT_ALL_FROZEN]   = { STALE,   NOTHING, IDLE },
		[VSS_EVENT_DIED]         = { STALE,   NOTHING, IDLE },
		[VSS_EVENT_ENDED_WELL]   = { STALE,   NOTHING, IDLE },
		[VSS_EVENT_ENDED_BADLY]  = { STALE,   NOTHING, IDLE },
		[VSS_EVENT_REHEARSE]     = { STAY,    START,   REHEARSING },
		[VSS_EVENT_HAND]         = { STALE,   NOTHING, IDLE },
		[VSS_EVENT_CHECKED_WELL]   = { STALE,   NOTHING, IDLE },
		[VSS_EVENT_CHECKED_BADLY]  = { STALE,   NOTHING, IDLE },
	},
	[FREEZING] = {
		[VSS_EVENT_FREEZE]       = { WAIT,    THAW,    REFREEZING },
		[VSS_EVENT_THAW]         = { WAIT,    THAW,    CANCELLING },
		[VSS_EVENT_HOT_BACKUP]   = { WAIT,    THAW,    RECHECKING },
		[VSS_EVENT_LOST]         = { STAY,    THAW,    CANCELLING },
		[VSS_EVENT_STOP]         = { FAIL,    THAW,    CANCELLING },
		[VSS_EVENT_DEADLINE]     = { FAIL,    THAW,    CANCELLING },
		[VSS_EVENT_ALL_FROZEN]   = { SUCCEED, NOTHING, FROZEN },
		[VSS_EVENT_DIED]         = { FAIL,    NOTHING, CANCELLING },
		[VSS_EVENT_ENDED_WELL]   = { FAIL,    NOTHING, IDLE },
		[VSS_EVENT_ENDED_BADLY]  = { FAIL,    NOTHING, IDLE },
		[VSS_EVENT_REHEARSE]     = { STALE,   NOTHING, FREEZING },
		[VSS_EVENT_HAND]         = { FAIL,    THAW,    CANCELLING },
		[VSS_EVENT_CHECKED_WELL]   = { STALE,   NOTHING, FREEZING },
		[VSS_EVENT_CHECKED_BADLY]  = { STALE,   NOTHING, FREEZING },
	},
	[FROZEN] = {
		[VSS_EVENT_FREEZE]       = { WAIT,    THAW,    REFREEZING },
		[VSS_EVENT_THAW]         = { WAIT,    THAW,    THAWING },
		[VSS_EVENT_HOT_BACKUP]   = { WAIT,    THAW,    RECHECKING },
		[VSS_EVENT_LOST]         = { STAY,    THAW,    CANCELLING },
		[VSS_EVENT_STOP]         = { STAY,    THAW,    UNDOING },
		[VSS_EVENT_DEADLINE]     = { STAY,    THAW,    UNDOING },
		[VSS_EVENT_ALL_FROZEN]   = { STALE,   NOTHING, FROZEN },
		[VSS_EVENT_DIED]         = { STAY,    NOTHING, UNDOING },
		[VSS_EVENT_ENDED_WELL]   = { STAY,    NOTHING, FAILED },
		[VSS_EVENT_ENDED_BADLY]  = { STAY,    NOTHING, FAILED },
		[VSS_EVENT_REHEARSE]     = { STALE,   NOTHING, FROZEN },
		[VSS_EVENT_HAND]         = { STAY,    THAW,    UNDOING },
		[VSS_EVENT_CHECKED_WELL]   = { STALE,   NOTHING, FROZEN },
		[VSS_EVENT_CHECKED_BADLY]  = { STALE,   NOTHING, FROZEN },
	},
	[THAWING] = {
		[VSS_EVENT_FREEZE]       = { WAIT,    NOTHING, REFREEZING },
		[VSS_EVENT_THAW]         = { WAIT,    NOTHING, THAWING },
		[VSS_EVENT_HOT_BACKUP]   = { WAIT,    NOTHING, RECHECKING },
		[VSS_EVENT_LOST]         = { STAY,    NOTHING, CANCELLING },
		[VSS_EVENT_STOP]         = { STAY,    NOTHING, THAWING },
		[VSS_EVENT_DEADLINE]     = { STALE,   NOTHING, THAWING },
		[VSS_EVENT_ALL_FROZEN]   = { STALE,   NOTHING, THAWING },
		[VSS_EVENT_DIED]         = { FAIL,    NOTHING, CANCELLING },
		[VSS_EVENT_ENDED_WELL]   = { SUCCEED, NOTHING, IDLE },
		[VSS_EVENT_ENDED_BADLY]  = { FAIL,    NOTHING, IDLE },
		[VSS_EVENT_REHEARSE]     = { STALE,   NOTHING, THAWING },
		[VSS_EVENT_HAND]         = { STALE,   NOTHING, THAWING },
		[VSS_EVENT_CHECKED_WELL]   = { STALE,   NOTHING, THAWING },
		[VSS_EVENT_CHECKED_BADLY]  = { STALE,   NOTHING, THAWING },
	},
	[UNDOING] = {
		[VSS_EVENT_FREEZE]       = { WAIT,    NOTHING, REFREEZING },
		[VSS_EVENT_THAW]         = { WAIT,    NOTHING, CANCELLING },
		[VSS_EVENT_HOT_BACKUP]   = { WAIT,    NOTHING, RECHECKING },
		[VSS_EVENT_LOST]         = { STAY,    NOTHING, CANCELLING },
		[VSS_EVENT_STOP]         = { STAY,    NOTHING, UNDOING },
		[VSS_EVENT_DEADLINE]     = { STALE,   NOTHING, UNDOING },
		[VSS_EVENT_ALL_FROZEN]   = { STALE,   NOTHING, UNDOING },
		[VSS_EVENT_DIED]         = { STAY,    NOTHING, UNDOING },
		[VSS_EVENT_ENDED_WELL]   = { STAY,    NOTHING, FAILED },
		[VSS_EVENT_ENDED_BADLY]  = { STAY,    NOTHING, FAILED },
		[VSS_EVENT_REHEARSE]     = { STALE,   NOTHING, UNDOING },
		[VSS_EVENT_HAND]         = { STALE,   NOTHING, UNDOING },
		[VSS_EVENT_CHECKED_WELL]   = { STALE,   NOTHING, UNDOING },
		[VSS_EVENT_CHECKED_BADLY]  = { STALE,   NOTHING, UNDOING },
	},
	[CANCELLING] = {
		[VSS_EVENT_FREEZE]       = { WAIT,    NOTHING, REFREEZING },
		[VSS_EVENT_THAW]         = { WAIT,    NOTHING, CANCELLING },
		[VSS_EVENT_HOT_BACKUP]   = { WAIT,    NOTHING, RECHECKING },
		[VSS_EVENT_LOST]         = { STAY,    NOTHING, CANCELLING },
		[VSS_EVENT_STOP]         = { STAY,    NOTHING, CANCELLING },
		[VSS_EVENT_DEADLINE]     = { STALE,   NOTHING, CANCELLING },
		[VSS_EVENT_ALL_FROZEN]   = { STALE,   NOTHING, CANCELLING },
		[VSS_EVENT_DIED]         = { STAY,    NOTHING, CANCELLING },
		[VSS_EVENT_ENDED_WELL]   = { FAIL,    NOTHING, IDLE },
		[VSS_EVENT_ENDED_BADLY]  = { FAIL,    NOTHING, IDLE },
		[VSS_EVENT_REHEARSE]     = { STALE,   NOTHING, CANCELLING },
		[VSS_EVENT_HAND]         = { STALE,   NOTHING, CANCELLING },
		[VSS_EVENT_CHECKED_WELL]   = { STALE,   NOTHING, CANCELLING },
		[VSS_EVENT_CHECKED_BADLY]  = { STALE,   NOTHING, CANCELLING },
	},
	[FAILED] = {
		[VSS_EVENT_FREEZE]       = { WAIT,    START,   FREEZING },
		[VSS_EVENT_THAW]         = { REFUSE,  NOTHING, IDLE },
		[VSS_EVENT_HOT_BACKUP]   = { WAIT,    CHECK,   CHECKING },
		[VSS_EVENT_LOST]         = { STAY,    NOTHING, IDLE },
		[VSS_EVENT_STOP]         = { STAY,    NOTHING, FAILED },
		[VSS_EVENT_DEADLINE]     = { STALE,   NOTHING, FAILED },
		[VSS_EVENT_ALL_FROZEN]   = { STALE,   NOTHING, FAILED },
		[VSS_EVENT_DIED]         = { STALE,   NOTHING, FAILED },
		[VSS_EVENT_ENDED_WELL]   = { STALE,   NOTHING, FAILED },
		[VSS_EVENT_ENDED_BADLY]  = { STALE,   NOTHING, FAILED },
		[VSS_EVENT_REHEARSE]     = { STAY,    START,   REHEARSING },
		[VSS_EVENT_HAND]         = { STALE,   NOTHING, FAILED },
		[VSS_EVENT_CHECKED_WELL]   = { STALE,   NOTHING, FAILED },
		[VSS_EVENT_CHECKED_BADLY]  = { STALE,   NOTHING, FAILED },
	},
	[REHEARSING] = {
		[VSS_EVENT_FREEZE]       = { REFUSE,  NOTHING, REHEARSING },
		[VSS_EVENT_THAW]         = { REFUSE,  NOTHING, REHEARSING },
		[VSS_EVENT_HOT_BACKUP]   = { REFUSE,  NOTHING, REHEARSING },
		[VSS_EVENT_LOST]         = { STAY,    NOTHING, REHEARSING },
		[VSS_EVENT_STOP]         = { STAY,    THAW,    REHEARSING },
		[VSS_EVENT_DEADLINE]     = { STAY,    THAW,    REHEARSING },
		[VSS_EVENT_ALL_FROZEN]   = { STAY,    NOTHING, REHEARSING },
		[VSS_EVENT_DIED]         = { STAY,    NOTHING, REHEARSING },
		[VSS_EVENT_ENDED_WELL]   = { STAY,    NOTHING, IDLE },
		[VSS_EVENT_ENDED_BADLY]  = { STAY,    NOTHING, IDLE },
		[VSS_EVENT_REHEARSE]     = { STALE,   NOTHING, REHEARSING },
		[VSS_EVENT_HAND]         = { STAY,    THAW,    REHEARSING },
		[VSS_EVENT_CHECKED_WELL]   = { STALE,   NOTHING, REHEARSING },
		[VSS_EVENT_CHECKED_BADLY]  = { STALE,   NOTHING, REHEARSING },
	},
	[CHECKING] = {
		[VSS_EVENT_FREEZE]         = { WAIT,    START,   FREEZING },
		[VSS_EVENT_THAW]           = { REFUSE,  NOTHING, IDLE },
		[VSS_EVENT_HOT_BACKUP]     = { WAIT,    CHECK,   CHECKING },
		[VSS_EVENT_LOST]           = { STAY,    NOTHING, IDLE },
		[VSS_EVENT_STOP]           = { FAIL,    NOTHING, IDLE },
		[VSS_EVENT_DEADLINE]       = { STALE,   NOTHING, CHECKING },
		[VSS_EVENT_ALL_FROZEN]     = { STALE,   NOTHING, CHECKING },
		[VSS_EVENT_DIED]           = { STALE,   NOTHING, CHECKING },
		[VSS_EVENT_ENDED_WELL]     = { STALE,   NOTHING, CHECKING },
		[VSS_EVENT_ENDED_BADLY]    = { STALE,   NOTHING, CHECKING },
		[VSS_EVENT_REHEARSE]       = { STALE,   NOTHING, CHECKING },
		[VSS_EVENT_HAND]           = { STALE,   NOTHING, CHECKING },
		[VSS_EVENT_CHECKED_WELL]   = { SUCCEED, NOTHING, IDLE },
		[VSS_EVENT_CHECKED_BADLY]  = { FAIL,    NOTHING, IDLE },
	},
	[RECHECKING] = {
		[VSS_EVENT_FREEZE]         = { WAIT,    NOTHING, REFREEZING },
		[VSS_EVENT_THAW]           = { WAIT,    NOTHING, CANCELLING },
		[VSS_EVENT_HOT_BACKUP]     = { WAIT,    NOTHING, RECHECKING },
		[VSS_EVENT_LOST]           = { STAY,    NOTHING, CANCELLING },
		[VSS_EVENT_STOP]           = { FAIL,    NOTHING, CANCELLING },
		[VSS_EVENT_DEADLINE]       = { STALE,   NOTHING, RECHECKING },
		[VSS_EVENT_ALL_FROZEN]     = { STALE,   NOTHING, RECHECKING },
		[VSS_EVENT_DIED]           = { STAY,    NOTHING, RECHECKING },
		[VSS_EVENT_ENDED_WELL]     = { STAY,    CHECK,   CHECKING },
		[VSS_EVENT_ENDED_BADLY]    = { STAY,    CHECK,   CHECKING },
		[VSS_EVENT_REHEARSE]       = { STALE,   NOTHING, RECHECKING },
		[VSS_EVENT_HAND]           = { STALE,   NOTHING, RECHECKING },
		[VSS_EVENT_CHECKED_WELL]   = { STALE,   NOTHING, RECHECKING },
		[VSS_EVENT_CHECKED_BADLY]  = { STALE,   NOTHING, RECHECKING },
	},
	[REFREEZING] = {
		[VSS_EVENT_FREEZE]         = { WAIT,    NOTHING, REFREEZING },
		[VSS_EVENT_THAW]           = { WAIT,    NOTHING, CANCELLING },
		[VSS_EVENT_HOT_BACKUP]     = { WAIT,    NOTHING, RECHECKING },
		[VSS_EVENT_LOST]           = { STAY,    NOTHING, CANCELLING },
		[VSS_EVENT_STOP]           = { FAIL,    NOTHING, CANCELLING },
		[VSS_EVENT_DEADLINE]       = { STALE,   NOTHING, REFREEZING },
		[VSS_EVENT_ALL_FROZEN]     = { STALE,   NOTHING, REFREEZING },
		[VSS_EVENT_DIED]           = { STAY,    NOTHING, REFREEZING },
		[VSS_EVENT_ENDED_WELL]     = { STAY,    START,   FREEZING },
		[VSS_EVENT_ENDED_BADLY]    = { STAY,    START,   FREEZING },
		[VSS_EVENT_REHEARSE]       = { STALE,   NOTHING, REFREEZING },
		[VSS_EVENT_HAND]           = { STALE,   NOTHING, REFREEZING },
		[VSS_EVENT_CHECKED_WELL]   = { STALE,   NOTHING, REFREEZING },
		[VSS_EVENT_CHECKED_BADLY]  = { STALE,   NOTHING, REFREEZING },
	},
};
/* clang-format on */

const char *vss_state_name(VssState state)
{
	static const char *const names[VSS_STATE_N] = { "idle", "freezing", "frozen", "thawing",
		"undoing", "cancelling", "failed", "rehearsing", "checking", "rechecking",
		"refreezing" };

	return names[state];
}

const char *vss_event_name(VssEvent event)
{
	static const char *const names[VSS_EVENT_N] = { "FREEZE", "THAW", "HOT_BACKUP", "lost",
		"stop", "deadline", "all-frozen", "died", "ended-well", "ended-badly", "rehearse",
		"hand", "checked-well", "checked-badly" };

	return names[event];
}

gboolean vss_machine_is_at_rest(const VssMachine *machine)
{
	return machine->state == IDLE || machine->state == FAILED || machine->state == CHECKING;
}

static void answer_waiting(VssMachine *machine, gboolean well)
{
	guint64 txn = machine->waiting;

	machine->waiting = 0;
	if (txn != 0)
		machine->ops->answer(txn, well, machine->data);
}

static void answer(VssMachine *machine, Answer how, guint64 txn)
{
	switch (how) {
	case STALE:
	case STAY:
		break;
	case REFUSE:
		machine->waiting = 0;
		machine->ops->answer(txn, FALSE, machine->data);
		break;
	case WAIT:
		machine->waiting = txn;
		break;
	case SUCCEED:
		answer_waiting(machine, TRUE);
		break;
	case FAIL:
		answer_waiting(machine, FALSE);
		break;
	}
}

void vss_machine_post(VssMachine *machine, VssEvent event, guint64 txn)
{
	const Cell *cell = &table[machine->state][event];

	machine->state = cell->next; /* first: what follows may post again */
	if (event == VSS_EVENT_LOST)
		machine->waiting = 0;
	answer(machine, cell->answer, txn);
	switch (cell->order) {
	case NOTHING:
		break;
	case START:
		machine->ops->start(machine->data);
		break;
	case THAW:
		machine->ops->thaw(machine->data);
		break;
	case CHECK:
		machine->ops->check(machine->data);
		break;
	}
}
