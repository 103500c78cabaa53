/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One change of an interface, from the plan to its end: written down, done, looked at until the
 * network works, and taken back where it does not. It waits, so it is not for the main context. What
 * it does to the world goes through the operations, so that tests stand in for it.
 *
 * A change that dies half-way leaves its journal entry; ip_change_recover() takes it back.
 */
#pragma once

#include <glib.h>

#include <wire/ip-plan.h>

#include "ipd/backend.h"
#include "ipd/journal.h"

typedef enum {
	IP_STEP_IDLE,
	IP_STEP_APPLYING,
	IP_STEP_CONFIRMING,
	IP_STEP_ROLLING_BACK,
	IP_STEP_HOOK,
	IP_STEP_N,
} IpStep;

/* "idle", "applying", "confirming", "rolling-back", "hook" */
const char *ip_step_name(IpStep step);

typedef struct {
	/* Run one program; waits for it. */
	gboolean (*run)(const IpCommand *command, gpointer data, GError **error);
	/* As ip_probe(). */
	gboolean (*probe)(
		const IpTarget *target, const IpPlan *plan, gpointer data, char **ret_why);
	/* Wait @ms. FALSE: the helper is to end, or nobody wants it: do not wait any longer. */
	gboolean (*pause)(guint ms, gpointer data);
	/* A step begins. */
	void (*enter)(IpStep step, gpointer data);
	/* FALSE: whoever asked has hung up, and takes it for failed. Then pause() gives up, too. */
	gboolean (*is_wanted)(gpointer data);
} IpChangeOps;

/* Where and how; everything is borrowed. */
typedef struct {
	const char *root; /* "" or a directory: in front of every path */
	IpJournal *journal;
	guint confirm_ms;
	const IpChangeOps *ops;
	gpointer data;
} IpChangeContext;

typedef struct {
	IpTarget target;
	IpPlan *plan;
	IpBackend backend;
	IpWork *work;
} IpChange;

/* Find the adapter and its manager (@wanted as for ip_backend_choose()) and what to do. Takes @plan. */
IpChange *ip_change_new(const char *root, IpPlan *plan, const char *wanted, GError **error);
void ip_change_free(IpChange *change);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpChange, ip_change_free)

/* { interface, manager, plan, warnings }, with @detail { files, commands } too. */
struct json_object *ip_change_to_json(const IpChange *change, gboolean detail);

/*
 * Do it. TRUE once the network works. FALSE with the reason where it was taken back or could not
 * begin; HVIS_ERROR_TIMEOUT where carrier, address or gateway did not come in time, _CLOSED where
 * nobody wants it any more. What stays was wanted up to the moment in which the journal says so.
 */
gboolean ip_change_run(const IpChangeContext *context, const IpChange *change, GError **error);

/*
 * Take the last change that stayed back. HVIS_ERROR_NOT_FOUND where there is none, _EXISTS where a
 * file is not any more what was written. *@ret_interface: whose it was, a new string.
 */
gboolean ip_change_revert(const IpChangeContext *context, char **ret_interface, GError **error);

/* Take a change back that was left unfinished. TRUE where there was none, then *@ret_interface is NULL. */
gboolean ip_change_recover(const IpChangeContext *context, char **ret_interface, GError **error);
