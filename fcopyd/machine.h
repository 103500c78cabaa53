/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the daemon does with each request of the host, and with whatever happens meanwhile: one table,
 * no IO. Files are an intake's (intake.h), the session carries out the orders and answers.
 */
#pragma once

#include <glib.h>

typedef enum {
	FCOPY_STATE_IDLE,
	FCOPY_STATE_STARTING, /* a place is made for the file; START waits */
	FCOPY_STATE_RECEIVING, /* nothing waits */
	FCOPY_STATE_WRITING, /* WRITE waits for room in the queue */
	FCOPY_STATE_FINISHING, /* the file is brought to the disk and gets its name; COMPLETE waits */
	FCOPY_STATE_FAILING, /* the host will not get it; what there is of it is being removed */
	FCOPY_STATE_FAILED, /* the same, and nothing is left: the rest that the host sends is refused */
	FCOPY_STATE_CANCELLING, /* nobody wants it any more; CANCEL may wait until nothing is left */
	FCOPY_STATE_N,
} FcopyState;

typedef enum {
	FCOPY_EVENT_START, /* requests of the host, … */
	FCOPY_EVENT_WRITE,
	FCOPY_EVENT_COMPLETE,
	FCOPY_EVENT_CANCEL, /* … to here */
	FCOPY_EVENT_OVERDUE, /* the request that waits has been answered with a failure */
	FCOPY_EVENT_LOST, /* the device is gone, with all requests */
	FCOPY_EVENT_STOP, /* the daemon is to end */
	FCOPY_EVENT_HAND, /* an administrator gives it up */
	FCOPY_EVENT_OPENED, /* of the intake, as are the next ones: the host may send */
	FCOPY_EVENT_ROOM, /* what was put is in the queue */
	FCOPY_EVENT_BROKEN, /* it cannot go on; DROPPED will follow */
	FCOPY_EVENT_FINISHED, /* the file has its name: the end */
	FCOPY_EVENT_DROPPED, /* nothing is left: the other end */
	FCOPY_EVENT_N,
} FcopyEvent;

/* What the host is told. */
typedef enum {
	FCOPY_REPLY_WELL,
	FCOPY_REPLY_FAILURE, /* what this transfer has failed for */
	FCOPY_REPLY_NO_TRANSFER, /* there is none that this could be for */
	FCOPY_REPLY_OUT_OF_TURN, /* the request before it was not answered yet: that is its end */
	FCOPY_REPLY_TOO_LATE, /* of CANCEL: the file has its name already */
	FCOPY_REPLY_N,
} FcopyReply;

typedef struct {
	void (*begin)(gpointer data); /* a new intake, without regard to that which may be there */
	void (*put)(gpointer data); /* hand over what the host sends; ROOM may come at once */
	void (*finish)(gpointer data);
	void (*drop)(gpointer data); /* no event comes of it at once */
	void (*answer)(guint64 txn, FcopyReply reply, gpointer data);
} FcopyMachineOps;

typedef struct {
	const FcopyMachineOps *ops;
	gpointer data;
	FcopyState state;
	guint64 waiting; /* the request that is answered later; 0: none */
} FcopyMachine;

/* The only writer of the state. @txn: of a request, not 0; else 0. */
void fcopy_machine_post(FcopyMachine *machine, FcopyEvent event, guint64 txn);

/* Whether a file is under way, that is, an end of it is still to come. */
gboolean fcopy_machine_is_busy(const FcopyMachine *machine);

/* "finishing"; what io.hvis.Fcopy calls it: of what differs for the machine alone several are one. */
const char *fcopy_state_name(FcopyState state);
const char *fcopy_state_word(FcopyState state);
const char *fcopy_event_name(FcopyEvent event);
