/* SPDX-License-Identifier: GPL-2.0-only */
/* One call to a daemon, the key-value one unless another is named, and one answer printed. */
#pragma once

#include <json-c/json.h>
#include "hvctl/command.h"
#include "varlink/varlink.h"

/* Whom a call goes to. */
typedef struct {
	const char *name; /* "hv_kvp_daemon" */
	const char *interface; /* "io.hvis.Kvp" */
	const char *socket; /* where the request names none */
	const char *denied; /* who may do what not everybody may */
} HvctlDaemon;

extern const HvctlDaemon hvctl_kvp_daemon, hvctl_vss_daemon, hvctl_fcopy_daemon;

/* As hvctl_call() below, to @daemon. */
struct json_object *hvctl_call_to(const HvctlDaemon *daemon, const HvctlRequest *request,
	const char *method, struct json_object *params, GError **error);

/*
 * Call io.hvis.Kvp.@method on the request's socket. Takes @params. Returns a new reference. A
 * daemon that does not run is HVIS_ERROR_CLOSED, and the message says so; one that hangs up is not.
 */
struct json_object *hvctl_call(const HvctlRequest *request, const char *method,
	struct json_object *params, GError **error);

/* The same on a connection that is there already. */
struct json_object *hvctl_call_on(VarlinkClient *client, const HvctlRequest *request,
	const char *method, struct json_object *params, GError **error);

/* Does somebody listen at the request's socket? HVIS_ERROR_CLOSED where nobody does. */
gboolean hvctl_daemon_runs(const HvctlRequest *request, GError **error);

/* A connection to the daemon; NULL and HVIS_ERROR_CLOSED where nobody is there. */
VarlinkClient *hvctl_connect(const HvctlRequest *request, GError **error);

/* An object to call with, holding the request's --pool if there is one. */
struct json_object *hvctl_params(const HvctlRequest *request);

/* Member @name of @answer, borrowed; HVIS_ERROR_PROTOCOL where it is missing or no @type. */
struct json_object *hvctl_answer_member(
	struct json_object *answer, const char *name, enum json_type type, GError **error);
