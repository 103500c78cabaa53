/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's requests carried out: what the machine (machine.h) orders is done by an intake (intake.h), and what
 * becomes of that is told back to the machine and, for answers and history, to whoever has the session. There
 * is one session for the life of a daemon. It does not log, and knows of no device.
 */
#pragma once

#include <wire/fcopy.h>

#include "fcopyd/history.h"
#include "fcopyd/intake.h"
#include "fcopyd/machine.h"

/* Ours: so many threads may be stuck with files that nobody waits for any more. */
#define FCOPY_SESSION_STUCK_MAX 4u

typedef struct FcopySession FcopySession;

typedef struct {
	void (*answer)(guint64 txn, guint32 status, gpointer data);
	/* A place has been made for the file: the host sends it now. */
	void (*begun)(const FcopyTransfer *transfer, gpointer data);
	/* It has ended in one way or another. The host has its answer, if it waited for one. */
	void (*ended)(const FcopyTransfer *transfer, gpointer data);
	/* One that had been given up has got its name all the same, after its end was told: that, corrected. */
	void (*late)(const FcopyTransfer *transfer, gpointer data);
} FcopySessionOps;

/* @ops must outlive it. Takes a reference of @ground. */
FcopySession *fcopy_session_new(FcopyGround *ground, const FcopySessionOps *ops, gpointer data);
/* Waits for nobody, and tells nobody anything. NULL is fine. */
void fcopy_session_free(FcopySession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FcopySession, fcopy_session_free)

/* For the files that begin from now on. */
void fcopy_session_set_ground(FcopySession *session, FcopyGround *ground);

/*
 * A request, which is looked at before this returns; its answer comes at once or later. @text: what the names were
 * like at the device, where those that are too long are cut.
 */
void fcopy_session_request(
	FcopySession *session, guint64 txn, const FcopyRequest *request, FcopyText text);

/* @txn has been answered with a failure, because it took too long. Others than the one that waits are ignored. */
void fcopy_session_overdue(FcopySession *session, guint64 txn);
/* The device is gone, and with it whatever waits for an answer. */
void fcopy_session_lost(FcopySession *session);
/* The daemon is to end. */
void fcopy_session_stop(FcopySession *session);
/* By hand; ended() follows. HVIS_ERROR_NOT_FOUND where nothing is under way. */
gboolean fcopy_session_cancel(FcopySession *session, GError **error);

FcopyState fcopy_session_state(const FcopySession *session);
/* Whether a file is under way, or one that was given up is not gone yet. */
gboolean fcopy_session_is_busy(const FcopySession *session);
/* What is under way, as of now; NULL where nothing is. Borrowed, until the next call. */
const FcopyTransfer *fcopy_session_transfer(FcopySession *session);
/* Bytes that have come and are not written yet. */
guint64 fcopy_session_queued(FcopySession *session);
