/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What "run" and "link" have in common: main loop, signals, time-out, fault rules, trace file,
 * watchdog reports, control socket, and the program's exit status. One per process.
 */
#pragma once

#include "host/control.h"
#include "host/options.h"
#include "util/error.h"

typedef struct Session Session;

/* Fault rules, trace file, signals. @options must outlive the session. */
Session *session_new(const CommonOptions *options, GError **error);
/* Free the services before it. Reports what the trace file could not take. */
void session_free(Session *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_free)

/* Add the services that were asked for, and open the control socket. @host's quit is set here. */
gboolean session_open(Session *session, const ControlHost *host, GError **error);

/* Until session_end(), a signal, the time-out or "ctl quit". Returns the exit status. */
HvisExit session_loop(Session *session);

/* Something became of the guest; kinds as control_event() has them. The host goes on, or ends with
 * @status, where a status other than OK from an earlier call stays. */
void session_event(Session *session, const char *kind, const char *text);
void session_end(Session *session, HvisExit status, const char *kind, const char *text);

/* The status that the host will end with is at least this. */
void session_set_status(Session *session, HvisExit status);

/* "hvis-host: …" on standard error; control characters are escaped. */
void session_say(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* As hvis_exit_status(), for what went wrong before anything ran: status 1 has another meaning. */
int session_die(const GError *error);
