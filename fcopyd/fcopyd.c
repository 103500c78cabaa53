/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The coordinator: requests go from the device to the session (session.h), answers back, and what became of a file to
 * the history, the journal, the service manager and who waits for it. Nothing in here waits: what may is in threads
 * of their own.
 */
#include "config.h"

#include "fcopyd/fcopyd.h"

#include <errno.h>
#include <fcntl.h>

#include <glib/gstdio.h>

#include <service/daemon.h>
#include <service/service.h>
#include <service/status.h>
#include <util/error.h>
#include <util/fd.h>
#include <util/json.h>
#include <util/log.h>
#include <util/manager.h>
#include <util/messages.h>
#include <util/recent.h>

#include "fcopyd/device.h"
#include "fcopyd/journal.h"
#include "fcopyd/received.h"
#include "fcopyd/session.h"
#include "fcopyd/socket.h"
#include "fcopyd/sweep.h"

#define PROGRESS_MS 1000u /* ours: the service manager is told how far a file is so often */
#define BURST 16u /* ours: fragments of the host between two looks at everything else */
#define STOP_MS 5000u /* ours: for what is under way to be gone */

struct Fcopyd {
	const FcopydOptions *options;
	HvisConfig *config;
	char *misconfigured; /* why it is an older one than that of the files, or NULL */
	gboolean is_allowed; /* in a confidential VM */
	FcopyGround *ground;
	HvisService *service;
	FcopyText text; /* of what the device hands out */
	FcopySession *session;
	FcopySocket *socket;
	HvisRecent *recent;
	FcopyJournal journal;
	guint64 files, bytes; /* received whole */
	char *status; /* of the device, in words */
	HvisClock *clock;
	guint progress, patience; /* timers */
	gboolean was_ready, told_ready, stopping;
	HvisDaemonLoop loop;
};

/* --- the service manager --- */

static const char *doing(FcopyState state)
{
	switch (state) {
	case FCOPY_STATE_STARTING:
		return "Making room for";
	case FCOPY_STATE_RECEIVING:
	case FCOPY_STATE_WRITING:
		return "Receiving";
	case FCOPY_STATE_FINISHING:
		return "Finishing";
	case FCOPY_STATE_FAILING:
	case FCOPY_STATE_CANCELLING:
		return "Giving up";
	case FCOPY_STATE_IDLE:
	case FCOPY_STATE_FAILED:
	case FCOPY_STATE_N:
		break;
	}
	return NULL;
}

static void tell_manager(Fcopyd *fcopyd)
{
	const FcopyTransfer *transfer = fcopy_session_transfer(fcopyd->session);
	const char *what = doing(fcopy_session_state(fcopyd->session));
	g_autofree char *where = transfer ? fcopy_transfer_where(transfer) : NULL;
	g_autofree char *progress = transfer ? fcopy_transfer_progress(transfer) : NULL;

	if (transfer && what)
		hvis_notify_status("%s %s: %s", what, where, progress);
	else if (fcopyd->status)
		hvis_notify_status("%s", fcopyd->status);
}

static void on_progress(gpointer data)
{
	Fcopyd *fcopyd = data;

	tell_manager(fcopyd);
	fcopyd->progress = fcopyd->clock->add(fcopyd->clock, PROGRESS_MS, on_progress, fcopyd);
}

static void stop_progress(Fcopyd *fcopyd)
{
	fcopyd->clock->remove(fcopyd->clock, fcopyd->progress);
	fcopyd->progress = 0;
}

/* Ready is who is registered, or knows that it cannot be for now: the boot must not wait for another process. */
static void tell_ready(Fcopyd *fcopyd)
{
	if (!fcopyd->told_ready)
		hvis_notify_ready();
	fcopyd->told_ready = TRUE;
}

/* --- the file --- */

static void on_answer(guint64 txn, guint32 status, gpointer data)
{
	Fcopyd *fcopyd = data;
	guint8 answer[FCOPY_DEVICE_SEND_SIZE];
	gsize len = fcopy_answer_encode(status, answer);

	hvis_service_reply(fcopyd->service, txn, answer, len);
}

static void on_begun(const FcopyTransfer *transfer, gpointer data)
{
	Fcopyd *fcopyd = data;

	fcopy_journal_begun(transfer);
	stop_progress(fcopyd);
	on_progress(fcopyd);
}

static void quit_if_over(Fcopyd *fcopyd)
{
	if (fcopyd->stopping && !fcopy_session_transfer(fcopyd->session))
		g_main_loop_quit(fcopyd->loop.loop);
}

static void note_received(Fcopyd *fcopyd, const FcopyTransfer *transfer)
{
	fcopyd->files++;
	fcopyd->bytes += transfer->size;
	if (hvis_config_bool(fcopyd->config, "fcopy", "Received"))
		fcopy_received_start(transfer->target);
}

static void on_ended(const FcopyTransfer *transfer, gpointer data)
{
	Fcopyd *fcopyd = data;
	struct json_object *entry = fcopy_transfer_json(transfer);

	stop_progress(fcopyd);
	fcopy_journal_ended(&fcopyd->journal, transfer, fcopyd->clock->now(fcopyd->clock));
	hvis_recent_add(fcopyd->recent, entry);
	fcopy_socket_ended(fcopyd->socket, entry);
	if (transfer->result == FCOPY_RESULT_OK)
		note_received(fcopyd, transfer);
	tell_manager(fcopyd);
	quit_if_over(fcopyd);
}

/* Told a second time: what has been told does not change any more. */
static void on_late(const FcopyTransfer *transfer, gpointer data)
{
	Fcopyd *fcopyd = data;
	struct json_object *entry = fcopy_transfer_json(transfer);

	fcopy_journal_late(transfer->target);
	hvis_recent_add(fcopyd->recent, entry);
	note_received(fcopyd, transfer);
}

static const FcopySessionOps session_ops = { on_answer, on_begun, on_ended, on_late };

/* --- the device --- */

/* The host has settled with us anew: what there was before it does not know of any more. */
static gboolean on_handshake(const guint8 *msg, gsize len, gpointer data, GError **error)
{
	Fcopyd *fcopyd = data;

	if (!fcopy_welcome_decode(msg, len, &fcopyd->text, error))
		return FALSE;
	fcopy_session_lost(fcopyd->session);
	return TRUE;
}

static gboolean on_request(HvisService *service, guint64 txn, const guint8 *msg, gsize len,
	gpointer data, GError **error)
{
	Fcopyd *fcopyd = data;
	g_auto(FcopyRequest) request = { 0 };

	if (!fcopy_request_decode(msg, len, fcopyd->text, &request, error)) {
		fcopy_journal_malformed(
			&fcopyd->journal, *error, fcopyd->clock->now(fcopyd->clock));
		return FALSE;
	}
	fcopy_session_request(fcopyd->session, txn, &request, fcopyd->text);
	return TRUE;
}

/* Where the device is gone on_state() tells. */
static void on_dropped(HvisService *service, guint64 txn, gpointer data)
{
	Fcopyd *fcopyd = data;
	HvisServiceState state = hvis_service_state(service);

	if (state == HVIS_SERVICE_READY || state == HVIS_SERVICE_SERVING)
		fcopy_session_overdue(fcopyd->session, txn);
}

static void on_state(
	HvisService *service, HvisServiceState state, const char *reason, gpointer data)
{
	Fcopyd *fcopyd = data;
	const HvisLogContext context = { .message_id =
						 hvis_service_message(state, fcopyd->was_ready) };
	HvisLogLevel level = hvis_service_level(state, fcopyd->was_ready);
	gboolean ready = state == HVIS_SERVICE_READY || state == HVIS_SERVICE_SERVING;

	g_free(fcopyd->status);
	fcopyd->status = hvis_service_text(state, reason, "Serving the host");
	hvis_log_with(level, &context, "%s", fcopyd->status);
	if (!ready && fcopyd->was_ready)
		fcopy_session_lost(fcopyd->session);
	fcopyd->was_ready = ready;
	if (state == HVIS_SERVICE_STOPPED)
		return;
	tell_manager(fcopyd);
	tell_ready(fcopyd);
}

static const HvisServiceOps service_ops = {
	.name = "fcopy",
	.receive_size = FCOPY_DEVICE_RECEIVE_SIZE,
	.send_size = FCOPY_DEVICE_SEND_SIZE,
	.burst = BURST,
	.build_register = fcopy_device_build_register,
	.is_handshake = fcopy_device_is_handshake,
	.on_handshake = on_handshake,
	.on_request = on_request,
	.build_failure = fcopy_device_build_failure,
	.on_state = on_state,
	.on_dropped = on_dropped,
};

/* --- the socket --- */

static struct json_object *strings_json(char **strings)
{
	struct json_object *array = json_object_new_array();

	for (; strings && *strings; strings++) {
		g_autofree char *valid = g_utf8_make_valid(*strings, -1);

		json_object_array_add(array, json_object_new_string(valid));
	}
	return array;
}

static struct json_object *counters_json(Fcopyd *fcopyd)
{
	struct json_object *counters = hvis_service_counters_json(fcopyd->service);

	json_object_object_add(counters, "files", hvis_json_count(fcopyd->files));
	json_object_object_add(counters, "bytes", hvis_json_count(fcopyd->bytes));
	return counters;
}

static struct json_object *give_status(gpointer data)
{
	Fcopyd *fcopyd = data;
	struct json_object *status = json_object_new_object();
	const FcopyPolicy *policy = fcopy_ground_policy(fcopyd->ground);
	const FcopyTransfer *transfer = fcopy_session_transfer(fcopyd->session);
	const char *copy = fcopy_state_word(fcopy_session_state(fcopyd->session));

	json_object_object_add(status, "version", json_object_new_string(PACKAGE_VERSION));
	hvis_service_add_status(status, fcopyd->service, fcopyd->clock->now(fcopyd->clock));
	json_object_object_add(
		status, "transport", hvis_json_text(hvis_service_transport(fcopyd->service)));
	json_object_object_add(status, "copy", json_object_new_string(copy));
	json_object_object_add(status, "current", transfer ? fcopy_transfer_json(transfer) : NULL);
	json_object_object_add(
		status, "queued", hvis_json_count(fcopy_session_queued(fcopyd->session)));
	json_object_object_add(status, "allowed", strings_json(policy->allow));
	json_object_object_add(status, "denied", strings_json(policy->deny));
	json_object_object_add(status, "config_problem", hvis_json_text(fcopyd->misconfigured));
	json_object_object_add(status, "last", json_object_get(hvis_recent_last(fcopyd->recent)));
	json_object_object_add(status, "counters", counters_json(fcopyd));
	return status;
}

static struct json_object *give_history(guint count, gsize room, gpointer data)
{
	return hvis_recent_list(((Fcopyd *)data)->recent, count, room);
}

static gboolean cancel(gpointer data, GError **error)
{
	return fcopy_session_cancel(((Fcopyd *)data)->session, error);
}

static const FcopySocketOps socket_ops = { give_status, give_history, cancel };

/* --- the configuration --- */

static FcopyGround *make_ground(const FcopydOptions *options, HvisConfig *config, GError **error)
{
	const char *root = options->root[0] ? options->root : "/";
	g_autoptr(FcopyPolicy) policy = fcopy_policy_new(config, options->state_dir, error);
	int fd;

	if (!policy)
		return NULL;
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		hvis_fail(error, HVIS_ERROR_INVALID, "--root %s: %s", root, g_strerror(errno));
	else if (fd < 0)
		hvis_fail_errno(error, errno, "open %s", root);
	return fd < 0 ? NULL : fcopy_ground_new(fd, g_steal_pointer(&policy));
}

/* Read it, and go by it. FALSE where it is wrong: then that which there is stays, or none. */
static gboolean configure(Fcopyd *fcopyd, GError **error)
{
	const FcopydOptions *options = fcopyd->options;
	g_autoptr(HvisConfig) config = hvis_config_load(fcopy_config_keys, options->root, error);
	FcopyGround *ground = config ? make_ground(options, config, error) : NULL;

	if (!ground)
		return FALSE;
	fcopy_ground_unref(fcopyd->ground);
	fcopyd->ground = ground;
	if (fcopyd->session)
		fcopy_session_set_ground(fcopyd->session, ground);
	hvis_config_free(fcopyd->config);
	fcopyd->config = g_steal_pointer(&config);
	fcopyd->is_allowed = fcopy_is_allowed(options->isolation, fcopyd->config);
	g_clear_pointer(&fcopyd->misconfigured, g_free);
	return TRUE;
}

/* The end of a daemon that is not to run here; no failure, so the manager does not start it again. */
static void note_confidential(const Fcopyd *fcopyd)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_CONFIDENTIAL_VM };
	const char *kind = hvis_isolation_name(fcopyd->options->isolation);

	if (fcopyd->options->isolation == HVIS_ISOLATION_NONE)
		return;
	if (!fcopyd->is_allowed)
		hvis_notify_status("Off in a confidential VM (%s)", kind);
	hvis_log_with(HVIS_LOG_NOTICE, &context,
		"This is a confidential VM (%s): ConfidentialVM=%s of hvis.conf(5) applies", kind,
		fcopyd->is_allowed ? "on" : "off");
}

static gboolean on_reload(gpointer data)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_CONFIG_WRONG };
	Fcopyd *fcopyd = data;
	g_autoptr(GError) error = NULL;

	hvis_notify_reloading();
	if (!configure(fcopyd, &error)) {
		hvis_log_with(HVIS_LOG_WARNING, &context, "The configuration is not used: %s",
			error->message);
		g_free(fcopyd->misconfigured);
		fcopyd->misconfigured = g_strdup(error->message);
	}
	hvis_notify_reloaded();
	if (!fcopyd->is_allowed) {
		note_confidential(fcopyd);
		g_main_loop_quit(fcopyd->loop.loop);
	}
	return G_SOURCE_CONTINUE;
}

/* --- what is left over --- */

typedef struct {
	int root;
	char *state_dir;
	guint count;
} Sweep;

static void sweep_free(gpointer data)
{
	Sweep *sweep = data;

	hvis_fd_clear(&sweep->root);
	g_free(sweep->state_dir);
	g_free(sweep);
}

static gboolean on_swept(gpointer data)
{
	fcopy_journal_swept(((Sweep *)data)->count);
	return G_SOURCE_REMOVE;
}

static gpointer run_sweep(gpointer data)
{
	Sweep *sweep = data;

	sweep->count = fcopy_sweep(sweep->root, sweep->state_dir);
	g_idle_add_full(G_PRIORITY_DEFAULT, on_swept, sweep, sweep_free);
	return NULL;
}

/* Beside the work: a file server that is dead must not keep the others' files away. */
static void sweep(const Fcopyd *fcopyd)
{
	const char *root = fcopyd->options->root[0] ? fcopyd->options->root : "/";
	Sweep *sweep = g_new0(Sweep, 1);
	GThread *thread;

	sweep->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	sweep->state_dir = g_strdup(fcopyd->options->state_dir);
	thread = g_thread_try_new("sweep", run_sweep, sweep, NULL);
	if (thread)
		g_thread_unref(thread);
	else
		sweep_free(sweep); /* the next start will */
}

/* Without it files that are to replace others are refused, with the reason. */
static void make_state_dir(const Fcopyd *fcopyd)
{
	if (g_mkdir_with_parents(fcopyd->options->state_dir, 0700) < 0)
		hvis_log(HVIS_LOG_WARNING, "create directory %s: %s", fcopyd->options->state_dir,
			g_strerror(errno));
}

/* --- life --- */

static HvisService *make_service(Fcopyd *fcopyd)
{
	const char *path = fcopyd->options->device;
	HvisService *service = hvis_service_new(
		&service_ops, path ? path : hvis_fcopy_finder.device, NULL, fcopyd);

	if (!path)
		hvis_service_set_finder(service, &hvis_fcopy_finder);
	return service;
}

Fcopyd *fcopyd_new(const FcopydOptions *options, GError **error)
{
	g_autoptr(Fcopyd) fcopyd = g_new0(Fcopyd, 1);

	fcopyd->options = options;
	fcopyd->clock = hvis_clock_default();
	fcopyd->text = FCOPY_TEXT_UTF8;
	if (!configure(fcopyd, error))
		return NULL;
	fcopyd->recent = hvis_recent_new();
	fcopyd->session = fcopy_session_new(fcopyd->ground, &session_ops, fcopyd);
	fcopyd->service = make_service(fcopyd);
	fcopyd->socket = fcopy_socket_new(&socket_ops, fcopyd);
	return g_steal_pointer(&fcopyd);
}

void fcopyd_free(Fcopyd *fcopyd)
{
	if (!fcopyd)
		return;
	fcopy_socket_free(fcopyd->socket);
	hvis_service_free(fcopyd->service);
	fcopy_session_free(fcopyd->session);
	stop_progress(fcopyd);
	fcopyd->clock->remove(fcopyd->clock, fcopyd->patience);
	hvis_daemon_drop_signals(&fcopyd->loop);
	hvis_recent_free(fcopyd->recent);
	fcopy_journal_clear(&fcopyd->journal);
	fcopy_ground_unref(fcopyd->ground);
	hvis_config_free(fcopyd->config);
	g_free(fcopyd->misconfigured);
	g_free(fcopyd->status);
	g_free(fcopyd);
}

gboolean fcopyd_start(Fcopyd *fcopyd, GError **error)
{
	note_confidential(fcopyd);
	if (!fcopyd->is_allowed) {
		tell_ready(fcopyd);
		return TRUE;
	}
	/* First: what is left over may be that of who has it. */
	if (!hvis_daemon_listen(
		    fcopy_socket_server(fcopyd->socket), fcopyd->options->socket, NULL, error))
		return FALSE;
	make_state_dir(fcopyd);
	hvis_notify_status("Starting");
	hvis_watchdog_attach();
	sweep(fcopyd);
	hvis_service_start(fcopyd->service);
	return TRUE;
}

static void on_patience(gpointer data)
{
	Fcopyd *fcopyd = data;

	fcopyd->patience = 0;
	hvis_log(HVIS_LOG_WARNING,
		"The file system of what was under way does not answer: it is not waited for");
	g_main_loop_quit(fcopyd->loop.loop);
}

/* The host has its answer before the device is closed. */
static gboolean on_quit(gpointer data)
{
	Fcopyd *fcopyd = data;

	if (fcopyd->stopping)
		return G_SOURCE_CONTINUE;
	fcopyd->stopping = TRUE;
	fcopy_session_stop(fcopyd->session);
	hvis_service_stop(fcopyd->service);
	fcopyd->patience = fcopyd->clock->add(fcopyd->clock, STOP_MS, on_patience, fcopyd);
	quit_if_over(fcopyd);
	return G_SOURCE_CONTINUE;
}

void fcopyd_catch_signals(Fcopyd *fcopyd)
{
	hvis_daemon_catch_signals(&fcopyd->loop, on_quit, on_reload, fcopyd);
}

void fcopyd_run(Fcopyd *fcopyd)
{
	if (fcopyd->is_allowed)
		g_main_loop_run(fcopyd->loop.loop);
	hvis_notify_stopping();
}
