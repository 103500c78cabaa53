/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the daemon does with each request of the host, and with whatever happens meanwhile: one table,
 * no IO. The session does the work (session.h), the coordinator answers.
 */
#pragma once

#include <glib.h>

typedef enum {
	VSS_STATE_IDLE,
	VSS_STATE_FREEZING, /* on the host's word */
	VSS_STATE_FROZEN, /* and the host knows */
	VSS_STATE_THAWING, /* on the host's word */
	VSS_STATE_UNDOING, /* the host believes that all is frozen, but it does not stay so */
	VSS_STATE_CANCELLING, /* it has not been told so, or does not care any more */
	VSS_STATE_FAILED, /* nothing is frozen; the host still believes that all is */
	VSS_STATE_REHEARSING, /* a session that the host has no part in: it is told to come back */
	VSS_STATE_CHECKING, /* whether a freeze is possible at all; nothing is frozen */
	VSS_STATE_RECHECKING, /* the host has begun another backup: first the former one ends, … */
	VSS_STATE_REFREEZING, /* … then it is checked, or frozen, for this one */
	VSS_STATE_N,
} VssState;

typedef enum {
	VSS_EVENT_FREEZE, /* requests of the host */
	VSS_EVENT_THAW,
	VSS_EVENT_HOT_BACKUP,
	VSS_EVENT_LOST, /* the device is gone, with all requests */
	VSS_EVENT_STOP, /* the daemon is to end */
	VSS_EVENT_DEADLINE, /* ours, later than those of worker and guard */
	VSS_EVENT_ALL_FROZEN, /* of the session, as are the next ones */
	VSS_EVENT_DIED, /* the worker, in the middle; ENDED_BADLY will follow */
	VSS_EVENT_ENDED_WELL, /* thawed as it was told to; nothing is left of the session */
	VSS_EVENT_ENDED_BADLY, /* not frozen, or not until it was told to thaw; nothing is left */
	VSS_EVENT_REHEARSE, /* an administrator wants a session, … */
	VSS_EVENT_HAND, /* … or that the one there is ends */
	VSS_EVENT_CHECKED_WELL, /* of the check that was ordered last */
	VSS_EVENT_CHECKED_BADLY,
	VSS_EVENT_N,
} VssEvent;

typedef struct {
	void (*start)(gpointer data); /* a session; its events may come at once */
	void (*thaw)(gpointer data); /* tell the session to end, whatever it is doing */
	void (*check)(gpointer data); /* whether a freeze is possible; the former check is over */
	void (*answer)(guint64 txn, gboolean well, gpointer data);
} VssMachineOps;

typedef struct {
	const VssMachineOps *ops;
	gpointer data;
	VssState state;
	guint64 waiting; /* the request that is answered later; 0: none */
} VssMachine;

/* The only writer of the state. @txn: of a request, not 0; else 0. */
void vss_machine_post(VssMachine *machine, VssEvent event, guint64 txn);

/* Whether there is no session: the daemon may say what it likes, and end. */
gboolean vss_machine_is_at_rest(const VssMachine *machine);

/* "frozen" */
const char *vss_state_name(VssState state);
const char *vss_event_name(VssEvent event);
