/* SPDX-License-Identifier: GPL-2.0-only */
/* The frame around a host's life; see session.h. */
#include "config.h"

#include <signal.h>
#include <stdio.h>

#include <glib-unix.h>
#include <json-c/json.h>

#include "host/fault.h"
#include "host/owed.h"
#include "host/session.h"
#include "host/trace.h"
#include "util/output.h"

#define TRACE_KEEP 512u /* events for "ctl trace" to begin with */
#define TRACE_KEEP_LAYERS (1u << TRACE_MESSAGE | 1u << TRACE_SERVICE | 1u << TRACE_FAULT)
#define TRACE_SHOWN_ON_TIMEOUT 10u

struct Session {
	const CommonOptions *options;
	ControlHost host;
	Control *control;
	GMainLoop *loop;
	HvisExit status;
	gboolean ending;
	guint timer;
	guint signals[3];
};

void session_say(const char *format, ...)
{
	g_autofree char *text = NULL, *escaped = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	escaped = output_escape(text);
	fprintf(stderr, "hvis-host: %s\n", escaped);
}

int session_die(const GError *error)
{
	HvisExit status = hvis_exit_status(error);

	return hvis_die(status == HVIS_EXIT_FALSE ? HVIS_EXIT_IO : status, error);
}

void session_set_status(Session *session, HvisExit status)
{
	if (session->status == HVIS_EXIT_OK)
		session->status = status;
}

void session_event(Session *session, const char *kind, const char *text)
{
	session_say("%s", text);
	if (session->control)
		control_event(session->control, kind, text, FALSE);
}

void session_end(Session *session, HvisExit status, const char *kind, const char *text)
{
	if (session->ending)
		return;
	session->ending = TRUE;
	session_set_status(session, status);
	session_say("%s", text);
	if (session->control)
		control_event(session->control, kind, text, TRUE);
	g_main_loop_quit(session->loop);
}

static void on_quit(gpointer data)
{
	session_end(data, HVIS_EXIT_OK, "quit", "asked to quit");
}

static gboolean on_signal(gpointer data)
{
	session_end(data, HVIS_EXIT_OK, "quit", "ended by a signal");
	return G_SOURCE_CONTINUE; /* removed with the others */
}

static void on_owed(
	const char *who, const char *what, gint64 waited_ms, gpointer data G_GNUC_UNUSED)
{
	session_say(
		"the %s has been waiting for %s for %.1f s", who, what, (double)waited_ms / 1000);
}

static void say_owed(void)
{
	struct json_object *list = owed_describe();

	for (gsize i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		on_owed(json_object_get_string(json_object_object_get(o, "who")),
			json_object_get_string(json_object_object_get(o, "what")),
			json_object_get_int64(json_object_object_get(o, "waited_ms")), NULL);
	}
	json_object_put(list);
}

static void collect_line(const TraceEvent *event, gpointer data)
{
	g_ptr_array_add(data, trace_event_line(event));
}

static void say_recent(void)
{
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
	guint first;

	trace_recent(TRACE_ALL, collect_line, lines);
	first = lines->len > TRACE_SHOWN_ON_TIMEOUT ? lines->len - TRACE_SHOWN_ON_TIMEOUT : 0;
	if (lines->len)
		session_say("the last that passed:");
	for (guint i = first; i < lines->len; i++)
		fprintf(stderr, "  %s\n", (const char *)lines->pdata[i]);
}

static gboolean on_timeout(gpointer data)
{
	Session *session = data;
	g_autofree char *text = g_strdup_printf(
		"still running after %.1f s (--timeout)", session->options->timeout_ms / 1000.0);

	session->timer = 0;
	say_owed();
	say_recent();
	session_end(session, HVIS_EXIT_TIMEOUT, "quit", text);
	return G_SOURCE_REMOVE;
}

static void on_rescind(const char *service, gpointer data)
{
	Session *session = data;
	HostService *s =
		session->host.services ? services_get(session->host.services, service, NULL) : NULL;

	if (s)
		service_disable(s);
}

static gboolean add_faults(const CommonOptions *options, GError **error)
{
	for (char **rule = options->faults; rule && *rule; rule++)
		if (!fault_add(*rule, error))
			return FALSE;
	return TRUE;
}

Session *session_new(const CommonOptions *options, GError **error)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	g_autoptr(Session) session = g_new0(Session, 1);

	session->options = options;
	session->loop = g_main_loop_new(NULL, FALSE);
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of that write, not the end */
	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
		session->signals[i] = g_unix_signal_add(numbers[i], on_signal, session);
	owed_set_report(on_owed, session);
	owed_set_limit(options->owed_limit_ms);
	fault_set_rescind(on_rescind, session);
	trace_keep(TRACE_KEEP, TRACE_KEEP_LAYERS);
	if (!add_faults(options, error) ||
		(options->trace && !trace_file_open(options->trace, TRACE_ALL, error)))
		return NULL;
	return g_steal_pointer(&session);
}

void session_free(Session *session)
{
	g_autoptr(GError) error = NULL;

	if (!session)
		return;
	control_free(session->control);
	if (!trace_file_close(&error))
		session_say("%s", error->message);
	trace_keep(0, 0);
	fault_clear();
	fault_set_rescind(NULL, NULL);
	owed_clear();
	owed_set_report(NULL, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(session->signals); i++)
		g_source_remove(session->signals[i]);
	if (session->timer)
		g_source_remove(session->timer);
	g_main_loop_unref(session->loop);
	g_free(session);
}

static gboolean add_services(const CommonOptions *options, HostServices *services, GError **error)
{
	for (char **spec = options->services; spec && *spec; spec++)
		if (!services_add(services, *spec, error)) {
			g_prefix_error(error, "--service %s: ", *spec);
			return FALSE;
		}
	return options->services || services_add_missing(services, error);
}

gboolean session_open(Session *session, const ControlHost *host, GError **error)
{
	session->host = *host;
	session->host.quit = on_quit;
	session->host.quit_data = session;
	if (!add_services(session->options, host->services, error))
		return FALSE;
	session->control = control_new(&session->host);
	return !session->options->control ||
	       control_listen(session->control, session->options->control, error);
}

HvisExit session_loop(Session *session)
{
	if (session->options->timeout_ms)
		session->timer = g_timeout_add(session->options->timeout_ms, on_timeout, session);
	if (!session->ending)
		g_main_loop_run(session->loop);
	session->host.services = NULL; /* the caller frees them next */
	if (!trace_file_check(NULL)) /* session_free() says why */
		session_set_status(session, HVIS_EXIT_IO);
	return session->status;
}
