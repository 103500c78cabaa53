/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one change at a time, in a thread of its own, and what others may see of it meanwhile. Its end
 * is reported on the default main context, and logged there.
 */
#pragma once

#include <glib.h>

#include "ipd/change.h"

typedef struct IpWorker IpWorker;

typedef enum {
	IP_JOB_RECOVER, /* take back what was left unfinished */
	IP_JOB_SET,
	IP_JOB_REVERT, /* take the last change back */
} IpJob;

/* What whoever asked for a change knows. */
typedef enum {
	IP_CALLER_WAITS,
	IP_CALLER_TOLD, /* that the change is made, before its end was known */
	IP_CALLER_GONE, /* hung up: to it the change has failed */
} IpCaller;

/* @interface is NULL where there was nothing to do; @error is NULL where it went well. Borrowed. */
typedef void (*IpWorkerDone)(const char *interface, const GError *error, gpointer data);

/* @root and @hook are borrowed. */
IpWorker *ip_worker_new(
	const char *root, const char *state_dir, guint confirm_ms, const char *hook);
/* Ends the waiting of a change under way, which is taken back then; waits for that. */
void ip_worker_free(IpWorker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpWorker, ip_worker_free)

/* HVIS_ERROR_BUSY while one runs. @change is for IP_JOB_SET, and taken if it starts. */
gboolean ip_worker_start(IpWorker *worker, IpJob job, IpChange *change, IpWorkerDone done,
	gpointer data, GError **error);

/*
 * Of an IP_JOB_SET under way. One that nobody waits for is not begun, or taken back; where the end is not what
 * the caller was left with, because that came too late, the journal says so.
 */
void ip_worker_set_caller(IpWorker *worker, IpCaller caller);

/* Is there something for IP_JOB_RECOVER to take back? */
gboolean ip_worker_is_unfinished(IpWorker *worker);
gboolean ip_worker_is_busy(IpWorker *worker);
/* What it is doing, and (a new string, NULL when idle) to which interface. */
IpStep ip_worker_step(IpWorker *worker, char **ret_interface);
struct json_object *ip_worker_history(IpWorker *worker);
