/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One freeze as the daemon sees it: a guard and a worker of its own, what the worker tells, and the
 * end of both. It does not wait for anything; it tells by calls from the main loop.
 */
#pragma once

#include "vssd/ipc.h"
#include "vssd/survey.h"

typedef struct VssSession VssSession;

typedef struct {
	const char *programs; /* where hv_vss_worker and hv_vss_guard are */
	const char *prefix; /* of their names: "hv_vss_" */
	const char *marker;
	guint deadline_ms;
} VssSessionOptions;

/* How it ended; valid during the call. */
typedef struct {
	int err; /* 0: thawed when it was told to; else an errno */
	enum vss_action action; /* what failed */
	const char *what; /* the mount point that it failed at, or NULL */
	guint n_frozen;
	GArray *events; /* of struct vss_msg, VSS_MSG_EVENT */
	GPtrArray *targets; /* of char: mount points, by the index of an event */
	gboolean guarded; /* the guard had to thaw, in the worker's place */
	gboolean left_over; /* what was left frozen had to be undone */
} VssOutcome;

typedef struct {
	void (*frozen)(gpointer data);
	void (*died)(gpointer data); /* the worker; ended() follows */
	void (*ended)(const VssOutcome *outcome, gpointer data); /* nothing is left of it */
} VssSessionOps;

/* The path of the program @name, "guard" or "worker". New. */
char *vss_session_program(const VssSessionOptions *options, const char *name);

/* Whether both can be run; HVIS_ERROR_INVALID where there could be no session at all. */
gboolean vss_session_check(const VssSessionOptions *options, GError **error);

/* Start one; all must outlive it but @survey, which is its own from here on. */
VssSession *vss_session_new(const VssSessionOptions *options, VssSurvey *survey,
	const VssSessionOps *ops, gpointer data);

/* Thaw, whatever it is doing. */
void vss_session_thaw(VssSession *session);

/* Before its end the worker finds itself alone, and thaws. */
void vss_session_free(VssSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssSession, vss_session_free)
