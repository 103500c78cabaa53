/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The states of a daemon's service and the one table of its transitions. Data only: what an action
 * does is in service.c, so that the table can be walked cell by cell without any IO.
 */
#pragma once

#include <glib.h>

typedef enum {
	HVIS_SERVICE_STOPPED, /* not started, or stopped for good */
	HVIS_SERVICE_OPENING, /* until a new device has settled, then for one call: the result decides */
	HVIS_SERVICE_ABSENT, /* the device is not there; waits for it quietly */
	HVIS_SERVICE_BUSY, /* another process has the device; tries again later */
	HVIS_SERVICE_BACKOFF, /* lost or broken; opens again after a delay */
	HVIS_SERVICE_REGISTERING, /* registration sent, the kernel's answer is due */
	HVIS_SERVICE_READY, /* registered, nothing owed */
	HVIS_SERVICE_SERVING, /* one request is with the daemon */
	HVIS_SERVICE_N_STATES,
} HvisServiceState;

typedef enum {
	HVIS_EVENT_START,
	HVIS_EVENT_RETRY, /* the device appeared or has settled, or the back-off delay is over */
	HVIS_EVENT_OPENED, /* result of opening: a transport, registration sent */
	HVIS_EVENT_MISSING, /* result of opening: no such device */
	HVIS_EVENT_TAKEN, /* result of opening: busy */
	HVIS_EVENT_BROKEN, /* result of opening: any other failure */
	HVIS_EVENT_HANDSHAKE, /* the kernel's answer to the registration, at any time */
	HVIS_EVENT_REQUEST, /* a message from the host */
	HVIS_EVENT_REPLIED, /* the reply is on its way */
	HVIS_EVENT_DEADLINE, /* the reply or the handshake is overdue */
	HVIS_EVENT_GONE, /* the transport failed or was closed by the other end */
	HVIS_EVENT_STOP,
	HVIS_SERVICE_N_EVENTS,
} HvisServiceEvent;

typedef enum {
	HVIS_ACT_REFUSE = 0, /* no such transition: the event is an error of ours */
	HVIS_ACT_NONE,
	HVIS_ACT_OPEN, /* try to open; posts the result, or to try again where it is too early */
	HVIS_ACT_WATCH, /* wait for the path to appear */
	HVIS_ACT_DELAY, /* arm the back-off timer */
	HVIS_ACT_AWAIT, /* arm the handshake deadline, start reading */
	HVIS_ACT_WELCOME, /* hand the handshake message to the daemon */
	HVIS_ACT_DISPATCH, /* open a transaction and hand the request over */
	HVIS_ACT_SUPERSEDE, /* the kernel gave the old request up: forget it, then dispatch */
	HVIS_ACT_FINISH, /* close the transaction */
	HVIS_ACT_OVERDUE, /* send the failure for the transaction, then finish */
	HVIS_ACT_REOPEN, /* close the transport, arm the back-off timer */
	HVIS_ACT_CLOSE, /* close and drop everything */
	HVIS_SERVICE_N_ACTIONS,
} HvisServiceAction;

typedef struct {
	HvisServiceAction action;
	HvisServiceState next;
} HvisServiceCell;

/* The cell for @event in @state; action HVIS_ACT_REFUSE where there is no transition. */
HvisServiceCell hvis_service_cell(HvisServiceState state, HvisServiceEvent event);

const char *hvis_service_state_name(HvisServiceState state); /* "ready" */
const char *hvis_service_event_name(HvisServiceEvent event); /* "request" */
