/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The coordinator: requests of the host become events of the machine (machine.h), what the machine
 * orders is done by a session. While one is under way nothing is logged and the service manager is told
 * nothing: whoever reads that may stand on what is frozen. It is kept and said afterwards. Hooks
 * (rounds.h) come before a session and after it: the host has its answer before they are told to thaw.
 */
#include "config.h"

#include "vssd/vssd.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include <hvis/hresult.h>
#include <service/daemon.h>
#include <service/service.h>
#include <service/status.h>
#include <util/duration.h>
#include <util/error.h>
#include <util/fd.h>
#include <util/json.h>
#include <util/log.h>
#include <util/manager.h>
#include <util/messages.h>
#include <wire/vss.h>

#include "vssd/azure.h"
#include "vssd/device.h"
#include "vssd/journal.h"
#include "vssd/machine.h"
#include "vssd/marker.h"
#include "vssd/plan-json.h"
#include "vssd/publish.h"
#include "vssd/report.h"
#include "vssd/rounds.h"
#include "vssd/socket.h"
#include "vssd/undo.h"
#include "vssd/view.h"

#define FREEZE_MS (HVIS_VSS_FREEZE_TIMEOUT_MS - 30000u) /* before the kernel gives it up */
#define UNDO_MS 3000u /* ours: for what is left over, before the host is served without it */
#define GRACE_MS 2000u /* of our deadline, after those of worker and guard */

struct Vssd {
	const VssdOptions *options;
	VssSessionOptions session_options;
	HvisConfig *config;
	char *misconfigured; /* why it is an older one than that of the files, or NULL */
	HvisService *service;
	VssMachine machine;
	VssRoundsOptions rounds_options;
	VssRounds *rounds;
	char *hook_program, *hook_marker;
	VssUndo *undo; /* of what was left over; NULL: nothing is */
	guint patience; /* timer: the device is opened, though that is not over */
	VssSession *session;
	VssRun run; /* the session's */
	gboolean ending; /* it is over, but for what is to be said and done after it */
	void (*due)(gpointer data); /* what was ordered meanwhile, or NULL */
	gboolean was_frozen; /* the session is, or has been */
	VssEvent event; /* being posted */
	guint rehearsal_ms; /* how long the session is to stay frozen; 0: it is a backup */
	gboolean given_up; /* the event is of who hung up */
	gint64 frozen_us, until_us; /* real time: since when, and at the latest until when; 0 */
	struct json_object *plan; /* what the session goes by */
	int azure; /* its lock of azure.h, or -1 */
	char *refused; /* why the host was, which is published once it has its answer */
	VssSocket *socket;
	VssPublisher *publisher;
	HvisClock *clock;
	guint deadline; /* timer */
	VssJournal *journal;
	char *status; /* for the service manager, once nothing is frozen */
	char *partial; /* what this session leaves out for want of rights, or NULL */
	gboolean begun, was_ready, told_ready, stopping;
	gboolean reload; /* is due once there is no session */
	HvisDaemonLoop loop;
};

/* --- what is said --- */

static void say(Vssd *vssd, HvisLogLevel level, const char *message_id, const char *text)
{
	gboolean now = vss_machine_is_at_rest(&vssd->machine);

	vss_journal_say(vssd->journal, now, level, message_id, text);
}

static void on_unrecorded(const char *text, gpointer data)
{
	say(data, HVIS_LOG_INFO, NULL, text);
}

static void say_partial(Vssd *vssd, const VssOutcome *outcome)
{
	g_autofree char *left_out = vss_report_left_out(outcome), *text = NULL;

	if (vssd->partial)
		vss_journal_say_now(HVIS_LOG_WARNING, HVIS_MESSAGE_BACKUP_PARTIAL, vssd->partial);
	g_clear_pointer(&vssd->partial, g_free);
	if (!left_out || outcome->err != 0)
		return;
	text = g_strconcat("Not in the backup: ", left_out, NULL);
	vss_journal_say_now(HVIS_LOG_WARNING, HVIS_MESSAGE_BACKUP_PARTIAL, text);
}

/* To whom nothing may be said while something is frozen it is said afterwards. */
static void tell_manager(Vssd *vssd)
{
	if (!vssd->status || !vss_machine_is_at_rest(&vssd->machine))
		return;
	hvis_notify_status("%s", vssd->status);
	if (!vssd->told_ready)
		hvis_notify_ready();
	vssd->told_ready = TRUE;
}

/* --- the configuration --- */

/* Read it, and go by it. FALSE where it is wrong: then that which there is stays, or none. */
static gboolean configure(Vssd *vssd, GError **error)
{
	HvisConfig *config = hvis_config_load(vss_config_keys, vssd->options->root, error);

	if (!config)
		return FALSE;
	hvis_config_free(vssd->config);
	vssd->config = config;
	g_clear_pointer(&vssd->misconfigured, g_free);
	vssd->session_options.deadline_ms = (guint)hvis_config_int(config, "vss", "Deadline");
	vssd->rounds_options.folder = hvis_config_string(config, "vss", "HooksDirectory");
	vssd->rounds_options.enabled = hvis_config_bool(config, "vss", "Hooks");
	return TRUE;
}

/* Not within a session: it ends as it began, and nothing is read while something is frozen. */
static void reload_if_due(Vssd *vssd)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_CONFIG_WRONG };
	g_autoptr(GError) error = NULL;

	if (!vssd->reload)
		return;
	vssd->reload = FALSE;
	if (vssd->told_ready)
		hvis_notify_reloading();
	if (!configure(vssd, &error)) {
		hvis_log_with(HVIS_LOG_WARNING, &context, "The configuration is not used: %s",
			error->message);
		g_free(vssd->misconfigured);
		vssd->misconfigured = g_strdup(error->message);
	}
	if (vssd->told_ready)
		hvis_notify_reloaded();
}

/* --- the session --- */

static void post(Vssd *vssd, VssEvent event, guint64 txn)
{
	vssd->event = event;
	vss_machine_post(&vssd->machine, event, txn);
}

static void on_deadline(gpointer data)
{
	Vssd *vssd = data;

	vssd->deadline = 0;
	post(vssd, VSS_EVENT_DEADLINE, 0);
}

static void set_deadline(Vssd *vssd, guint ms)
{
	vssd->clock->remove(vssd->clock, vssd->deadline);
	vssd->deadline = ms > 0 ? vssd->clock->add(vssd->clock, ms, on_deadline, vssd) : 0;
}

static void on_frozen(gpointer data)
{
	Vssd *vssd = data;
	guint ms = vssd->rehearsal_ms ? vssd->rehearsal_ms : vssd->session_options.deadline_ms;

	vssd->was_frozen = TRUE;
	vssd->frozen_us = g_get_real_time();
	vssd->until_us = vssd->frozen_us + (gint64)ms * 1000;
	set_deadline(vssd, vssd->rehearsal_ms ? ms : ms + GRACE_MS);
	post(vssd, VSS_EVENT_ALL_FROZEN, 0);
}

static void on_died(gpointer data)
{
	post(data, VSS_EVENT_DIED, 0);
}

/* Who had the session thawed that ended like this. */
static VssEnder ender_of(const Vssd *vssd, const VssOutcome *outcome)
{
	if (outcome->err == ETIMEDOUT && outcome->action == VSS_THAW)
		return VSS_ENDER_DEADLINE;
	if (outcome->err != 0 && outcome->err != ECANCELED)
		return VSS_ENDER_FAILURE;
	return vssd->run.ender;
}

static struct json_object *entry_of(Vssd *vssd, const VssOutcome *outcome)
{
	vssd->run.ender = ender_of(vssd, outcome);
	vssd->run.in_time = vssd->rehearsal_ms ? vssd->run.ender == VSS_ENDER_TIME
					       : vssd->machine.state == VSS_STATE_THAWING;
	return vss_history_entry(&vssd->run, outcome);
}

/* What the host was refused without a session; nothing is frozen. */
static void publish_refused(Vssd *vssd)
{
	g_autofree char *why = g_steal_pointer(&vssd->refused);

	if (why)
		vss_publisher_tell(vssd->publisher, vss_history_refusal("check", why), NULL);
}

static void quit_if_over(Vssd *vssd)
{
	if (vssd->stopping && !vssd->session && vss_rounds_is_idle(vssd->rounds))
		g_main_loop_quit(vssd->loop.loop);
}

/* The session is over: @event. What the machine orders in turn has to wait for go_on(). */
static void end(Vssd *vssd, VssEvent event)
{
	set_deadline(vssd, 0);
	vssd->ending = TRUE;
	post(vssd, event, 0);
	vssd->ending = FALSE;
}

static gboolean undo_left_over(Vssd *vssd);

/* What was left for after a session: tell of it, by @entry, which is taken, too; and what comes next. */
static void go_on(Vssd *vssd, struct json_object *entry, VssRoundsEnd how)
{
	void (*due)(gpointer) = g_steal_pointer(&vssd->due);

	vss_journal_release(vssd->journal);
	tell_manager(vssd);
	reload_if_due(vssd);
	vss_publisher_tell(vssd->publisher, entry, vss_rounds_problems(vssd->rounds));
	publish_refused(vssd);
	hvis_fd_clear(&vssd->azure);
	vss_rounds_thaw(vssd->rounds, how);
	if (due)
		due(vssd);
	else if (!vssd->stopping && !vssd->undo)
		undo_left_over(vssd); /* what was kept of former ones: the host has its answer */
	quit_if_over(vssd);
}

static void on_ended(const VssOutcome *outcome, gpointer data)
{
	Vssd *vssd = data;
	struct json_object *entry = entry_of(vssd, outcome);
	VssRoundsEnd how = !vssd->was_frozen                        ? VSS_ROUNDS_NOT_FROZEN
			   : outcome->err == 0 && vssd->run.in_time ? VSS_ROUNDS_THAWED
								    : VSS_ROUNDS_BROKEN;

	vssd->frozen_us = vssd->until_us = 0;
	if (how == VSS_ROUNDS_THAWED)
		vss_publisher_note(vssd->publisher, vssd->run.rehearsal, vssd->run.began_us, TRUE);
	end(vssd, outcome->err == 0 ? VSS_EVENT_ENDED_WELL : VSS_EVENT_ENDED_BADLY);
	vss_journal_outcome(entry, outcome, vssd->run.rehearsal);
	say_partial(vssd, outcome);
	g_clear_pointer(&vssd->session, vss_session_free);
	go_on(vssd, entry, how);
}

static VssSurvey *look(Vssd *vssd, GError **error)
{
	g_autofree char *proc = g_strconcat(vssd->options->root, "/proc", NULL);
	g_autoptr(VssSurvey) survey = NULL;

	if (vssd->stopping) {
		hvis_fail(error, HVIS_ERROR_CLOSED, "this daemon is being stopped");
		return NULL;
	}
	if (vssd->undo) {
		hvis_fail(error, HVIS_ERROR_BUSY,
			"what a former daemon has left frozen is being thawed");
		return NULL;
	}
	survey = vss_survey_new(vssd->config, vssd->options->root, error);
	if (!survey || !vss_plan_check(survey->plan, error) ||
		!vss_view_check(survey->plan, proc, error))
		return NULL;
	return g_steal_pointer(&survey);
}

/* There is no session, because of @problem. */
static void fail_start(Vssd *vssd, const char *problem)
{
	const char *kind = vssd->run.rehearsal ? "rehearsal" : "backup";

	g_clear_pointer(&vssd->partial, g_free);
	end(vssd, VSS_EVENT_ENDED_BADLY);
	vss_journal_refused("No freeze", problem);
	go_on(vssd, vss_history_refusal(kind, problem), VSS_ROUNDS_NOT_FROZEN);
}

/* A look for a session that goes by it; NULL where there can be none. */
static VssSurvey *look_for_plan(Vssd *vssd, GError **error)
{
	g_autoptr(VssSurvey) survey = look(vssd, error);

	if (!survey)
		return NULL;
	json_object_put(vssd->plan);
	vssd->plan = vss_plan_json(survey);
	g_free(vssd->partial);
	vssd->partial = vss_survey_partial(survey);
	return g_steal_pointer(&survey);
}

static void order_start(gpointer data)
{
	Vssd *vssd = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(VssSurvey) survey = NULL;
	g_autoptr(GPtrArray) mounts = NULL;

	if (vssd->ending) {
		vssd->due = order_start;
		return;
	}
	if (vssd->event != VSS_EVENT_REHEARSE)
		vssd->rehearsal_ms = 0;
	vssd->was_frozen = FALSE;
	vssd->run = (VssRun){ .rehearsal = vssd->rehearsal_ms > 0,
		.began_us = g_get_real_time(),
		.ender = VSS_ENDER_FAILURE };
	survey = look_for_plan(vssd, &error);
	if (!survey || !vss_azure_lock(vssd->options->root, &vssd->azure, &error)) {
		vss_rounds_stop(vssd->rounds); /* a check that runs */
		fail_start(vssd, error->message);
		return;
	}
	vss_publisher_note(vssd->publisher, vssd->run.rehearsal, vssd->run.began_us, FALSE);
	set_deadline(vssd, FREEZE_MS);
	mounts = vss_survey_mounts(survey);
	(vssd->run.rehearsal ? vss_rounds_rehearse : vss_rounds_freeze)(vssd->rounds, mounts);
}

/* The hooks are ready, which may have taken a while: another look. */
static void on_hooks_frozen(const char *problem, gpointer data)
{
	static const VssSessionOps ops = { on_frozen, on_died, on_ended };
	Vssd *vssd = data;
	g_autoptr(GError) error = NULL;
	VssSurvey *survey = problem ? NULL : look_for_plan(vssd, &error);

	if (!survey) {
		fail_start(vssd, problem ? problem : error->message);
		return;
	}
	/* To answer THAW nothing may have to be read from what is frozen; where that is not allowed,
	 * the guard's deadline remains. */
	if (mlockall(MCL_CURRENT) < 0)
		hvis_log(HVIS_LOG_DEBUG, "This process may be paged out");
	vssd->session = vss_session_new(&vssd->session_options, survey, &ops, vssd);
}

static void order_thaw(gpointer data)
{
	static const VssEnder enders[VSS_EVENT_N] = {
		[VSS_EVENT_FREEZE] = VSS_ENDER_NEXT,
		[VSS_EVENT_THAW] = VSS_ENDER_HOST,
		[VSS_EVENT_HOT_BACKUP] = VSS_ENDER_NEXT,
		[VSS_EVENT_LOST] = VSS_ENDER_DEVICE,
		[VSS_EVENT_STOP] = VSS_ENDER_DAEMON,
		[VSS_EVENT_DEADLINE] = VSS_ENDER_DEADLINE,
		[VSS_EVENT_HAND] = VSS_ENDER_HAND,
	};
	Vssd *vssd = data;
	gboolean first = vssd->run.ender == VSS_ENDER_FAILURE;

	if (first && vssd->rehearsal_ms && vssd->frozen_us && vssd->event == VSS_EVENT_DEADLINE)
		vssd->run.ender = VSS_ENDER_TIME;
	else if (first && vssd->given_up)
		vssd->run.ender = VSS_ENDER_CALLER;
	else if (first)
		vssd->run.ender = enders[vssd->event];
	if (vssd->session)
		vss_session_thaw(vssd->session);
	else
		vss_rounds_stop(vssd->rounds);
}

/* The host has its answer first. */
static void on_hooks_prepared(const char *problem, gpointer data)
{
	Vssd *vssd = data;

	if (problem) {
		g_free(vssd->refused);
		vssd->refused = g_strdup(problem);
	}
	post(vssd, problem ? VSS_EVENT_CHECKED_BADLY : VSS_EVENT_CHECKED_WELL, 0);
	if (vss_journal_is_news(vssd->journal, problem, vssd->clock->now(vssd->clock)))
		vss_journal_refused("No backup is possible", problem);
	publish_refused(vssd);
	quit_if_over(vssd);
}

static void order_check(gpointer data)
{
	Vssd *vssd = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(VssSurvey) survey = NULL;
	g_autoptr(GPtrArray) mounts = NULL;
	hvis_autofd int azure = -1;

	if (vssd->ending) {
		vssd->due = order_check;
		return;
	}
	survey = look(vssd, &error);
	if (!survey || !vss_azure_lock(vssd->options->root, &azure, &error)) {
		vss_rounds_stop(vssd->rounds); /* the former check */
		on_hooks_prepared(error->message, vssd);
		return;
	}
	mounts = vss_survey_mounts(survey);
	vss_rounds_prepare(vssd->rounds, mounts);
}

/* What hooks say is as much for later as anything else. */
static void on_hooks_say(HvisLogLevel level, const char *text, gpointer data)
{
	say(data, level, level <= HVIS_LOG_WARNING ? HVIS_MESSAGE_BACKUP_HOOK : NULL, text);
}

static void on_hooks_thawed(gpointer data)
{
	vss_publisher_complete(((Vssd *)data)->publisher);
}

static void on_hooks_idle(gpointer data)
{
	quit_if_over(data);
}

static const VssRoundsOps rounds_ops = { on_hooks_prepared, on_hooks_frozen, on_hooks_thawed,
	on_hooks_idle, on_hooks_say };

static gboolean reply(Vssd *vssd, guint64 txn, guint32 status)
{
	struct hvis_vss_dev_msg msg;

	vss_answer_encode(status, &msg);
	return hvis_service_reply(vssd->service, txn, &msg, sizeof(msg));
}

static void order_answer(guint64 txn, gboolean well, gpointer data)
{
	Vssd *vssd = data;

	if (reply(vssd, txn, well ? HVIS_S_OK : HVIS_E_FAIL) || !well)
		return;
	if (vssd->machine.state == VSS_STATE_FROZEN) /* it had given up, and has not heard it */
		post(vssd, VSS_EVENT_LOST, 0);
}

static const VssMachineOps machine_ops = { order_start, order_thaw, order_check, order_answer };

/* --- the device --- */

/* It is told once, however often the host tries. */
static void note_rehearsal(Vssd *vssd)
{
	if (vssd->machine.state != VSS_STATE_REHEARSING || vssd->refused)
		return;
	vssd->refused = g_strdup("a rehearsal was under way");
	say(vssd, HVIS_LOG_WARNING, HVIS_MESSAGE_BACKUP_REFUSED,
		"The host was refused: a rehearsal was under way");
}

static gboolean on_request(HvisService *service, guint64 txn, const guint8 *bytes, gsize len,
	gpointer data, GError **error)
{
	Vssd *vssd = data;
	guint8 op;

	if (!vss_request_decode(bytes, len, &op, error))
		return FALSE;
	note_rehearsal(vssd);
	if (op == HVIS_VSS_OP_FREEZE) {
		hvis_service_extend(service, txn, FREEZE_MS);
		post(vssd, VSS_EVENT_FREEZE, txn);
	} else if (op == HVIS_VSS_OP_THAW)
		post(vssd, VSS_EVENT_THAW, txn);
	else if (op == HVIS_VSS_OP_HOT_BACKUP)
		post(vssd, VSS_EVENT_HOT_BACKUP, txn);
	else
		reply(vssd, txn, HVIS_E_NOT_SUPPORTED);
	if (vss_machine_is_at_rest(&vssd->machine))
		publish_refused(vssd);
	return TRUE;
}

static void on_state(
	HvisService *service, HvisServiceState state, const char *reason, gpointer data)
{
	Vssd *vssd = data;
	gboolean ready = state == HVIS_SERVICE_READY || state == HVIS_SERVICE_SERVING;
	g_autofree char *text = hvis_service_text(state, reason, "Serving the host");
	HvisLogLevel level = hvis_service_level(state, vssd->was_ready);

	say(vssd, level, hvis_service_message(state, vssd->was_ready), text);
	if (!ready && vssd->was_ready)
		post(vssd, VSS_EVENT_LOST, 0);
	vssd->was_ready = ready;
	if (state == HVIS_SERVICE_STOPPED)
		return;
	g_free(vssd->status);
	vssd->status = g_steal_pointer(&text);
	tell_manager(vssd);
}

static const HvisServiceOps service_ops = {
	.name = "vss",
	.receive_size = sizeof(struct hvis_vss_dev_msg),
	.send_size = sizeof(struct hvis_vss_dev_msg),
	.build_register = vss_device_build_register,
	.is_handshake = vss_device_is_handshake,
	.on_handshake = vss_device_on_handshake,
	.on_request = on_request,
	.build_failure = vss_device_build_failure,
	.on_state = on_state,
};

/* --- what is left over --- */

/* The hooks after the files, and then the device; or without waiting for those any longer. */
static void begin(gpointer data)
{
	Vssd *vssd = data;

	vssd->patience = 0;
	vssd->begun = TRUE;
	vss_publisher_recover(vssd->publisher);
	vss_rounds_recover(vssd->rounds);
	hvis_service_start(vssd->service);
}

static void on_undone(const char *problem, gpointer data)
{
	Vssd *vssd = data;

	vss_undo_say(problem);
	vss_socket_undone(vssd->socket, problem);
	g_clear_pointer(&vssd->undo, vss_undo_free);
	vssd->clock->remove(vssd->clock, vssd->patience);
	if (!vssd->begun)
		begin(vssd);
}

/* FALSE where nothing is. */
static gboolean undo_left_over(Vssd *vssd)
{
	vss_marker_forget_unfinished(vssd->options->marker);
	if (!vss_marker_is_there(vssd->options->marker))
		return FALSE;
	vssd->undo = vss_undo_new(&vssd->session_options, on_undone, vssd);
	return TRUE;
}

/* --- the socket --- */

static struct json_object *time_json(gint64 us)
{
	return us ? json_object_new_int64(us) : NULL;
}

static struct json_object *give_status(gpointer data)
{
	Vssd *vssd = data;
	struct json_object *status = json_object_new_object();
	const char *state = vss_state_name(vssd->machine.state);

	json_object_object_add(status, "version", json_object_new_string(PACKAGE_VERSION));
	hvis_service_add_status(status, vssd->service, vssd->clock->now(vssd->clock));
	json_object_object_add(status, "backup", json_object_new_string(state));
	json_object_object_add(status, "frozen_since_us", time_json(vssd->frozen_us));
	json_object_object_add(status, "deadline_us", time_json(vssd->until_us));
	json_object_object_add(
		status, "frozen_max_ms", json_object_new_int64(vssd->session_options.deadline_ms));
	json_object_object_add(status, "config_problem", hvis_json_text(vssd->misconfigured));
	json_object_object_add(status, "last",
		json_object_get(hvis_recent_last(vss_publisher_history(vssd->publisher))));
	json_object_object_add(status, "counters", hvis_service_counters_json(vssd->service));
	return status;
}

/* While there is a session, the one it goes by: nothing is read then. */
static struct json_object *give_plan(gpointer data, GError **error)
{
	Vssd *vssd = data;
	g_autoptr(VssSurvey) survey = NULL;

	if (!vss_machine_is_at_rest(&vssd->machine))
		return json_object_get(vssd->plan);
	survey = vss_survey_new(vssd->config, vssd->options->root, error);
	return survey ? vss_plan_json(survey) : NULL;
}

static struct json_object *give_history(guint count, gsize room, gpointer data)
{
	return hvis_recent_list(vss_publisher_history(((Vssd *)data)->publisher), count, room);
}

static gboolean rehearse(gint64 ms, gpointer data, GError **error)
{
	Vssd *vssd = data;
	guint limit = vssd->session_options.deadline_ms;
	g_autofree char *deadline = hvis_duration_text(limit * 1000LL);

	if (ms < 1 || ms >= limit)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"a rehearsal takes more than 0 s, and less than the %s of Deadline=",
			deadline);
	if (!vss_machine_is_at_rest(&vssd->machine) || vssd->machine.state == VSS_STATE_CHECKING)
		return hvis_fail(error, HVIS_ERROR_BUSY, "a %s is under way",
			vssd->rehearsal_ms ? "rehearsal" : "backup");
	vssd->rehearsal_ms = (guint)ms;
	post(vssd, VSS_EVENT_REHEARSE, 0);
	return TRUE;
}

static VssThaw thaw(gpointer data, GError **error)
{
	Vssd *vssd = data;

	if (!vss_machine_is_at_rest(&vssd->machine)) {
		post(vssd, VSS_EVENT_HAND, 0);
		return VSS_THAW_SESSION;
	}
	if (vssd->undo || undo_left_over(vssd))
		return VSS_THAW_LEFT_OVER;
	hvis_fail(error, HVIS_ERROR_NOT_FOUND, "nothing is frozen");
	return VSS_THAW_NOTHING;
}

static void give_up(gpointer data)
{
	Vssd *vssd = data;

	vssd->given_up = TRUE;
	thaw(vssd, NULL);
	vssd->given_up = FALSE;
}

static const VssSocketOps socket_ops = { give_status, give_plan, give_history, rehearse, thaw,
	give_up };

/* --- life --- */

static void rounds_init(Vssd *vssd)
{
	const VssdOptions *options = vssd->options;
	g_autofree char *dir = g_path_get_dirname(options->marker);

	vssd->hook_program = g_strconcat(options->programs, "/", options->prefix, "hook", NULL);
	vssd->hook_marker = g_build_filename(dir, "vss.hooks", NULL);
	vssd->rounds_options.run =
		(VssHookRunOptions){ vssd->hook_program, options->root, options->marker };
	vssd->rounds_options.marker = vssd->hook_marker;
	vssd->rounds = vss_rounds_new(&vssd->rounds_options, &rounds_ops, vssd);
}

Vssd *vssd_new(const VssdOptions *options, GError **error)
{
	g_autoptr(Vssd) vssd = g_new0(Vssd, 1);

	vssd->options = options;
	vssd->azure = -1;
	vssd->clock = hvis_clock_default();
	vssd->journal = vss_journal_new();
	vssd->machine = (VssMachine){ &machine_ops, vssd, VSS_STATE_IDLE, 0 };
	vssd->session_options =
		(VssSessionOptions){ options->programs, options->prefix, options->marker, 0 };
	if (!configure(vssd, error))
		return NULL;
	rounds_init(vssd);
	vssd->service = hvis_service_new(&service_ops, options->device, NULL, vssd);
	vssd->socket = vss_socket_new(&socket_ops, vssd);
	vssd->publisher = vss_publisher_new(vssd->socket,
		vss_record_new(options->root, vssd->clock, &vssd->machine, on_unrecorded, vssd),
		options->marker, on_unrecorded, vssd);
	return g_steal_pointer(&vssd);
}

void vssd_free(Vssd *vssd)
{
	if (!vssd)
		return;
	vss_socket_free(vssd->socket); /* may thaw */
	vss_undo_free(vssd->undo);
	if (vssd->clock)
		vssd->clock->remove(vssd->clock, vssd->patience);
	vss_session_free(vssd->session);
	hvis_fd_clear(&vssd->azure);
	vss_rounds_free(vssd->rounds);
	g_free(vssd->hook_program);
	g_free(vssd->hook_marker);
	hvis_service_free(vssd->service);
	set_deadline(vssd, 0);
	vss_publisher_free(vssd->publisher);
	json_object_put(vssd->plan);
	g_free(vssd->refused);
	hvis_daemon_drop_signals(&vssd->loop);
	hvis_config_free(vssd->config);
	vss_journal_free(vssd->journal);
	g_free(vssd->status);
	g_free(vssd->partial);
	g_free(vssd->misconfigured);
	g_free(vssd);
}

/* A sandbox is a mistake of the installation, so it is said now; other reasons when they matter. */
static void test_view(Vssd *vssd)
{
	g_autofree char *proc = g_strconcat(vssd->options->root, "/proc", NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(VssSurvey) survey = vss_survey_new(vssd->config, vssd->options->root, &error);

	if (!survey)
		vss_journal_refused("No backup is possible", error->message);
	else if (!vss_view_check(survey->plan, proc, &error))
		vss_journal_say_now(HVIS_LOG_ERROR, HVIS_MESSAGE_BACKUP_SANDBOX, error->message);
}

gboolean vssd_start(Vssd *vssd, GError **error)
{
	signal(SIGPIPE, SIG_IGN); /* a worker that is gone is found out by its socket */
	if (!vss_session_check(&vssd->session_options, error))
		return FALSE;
	/* First: the marker may be that of who has it. */
	if (!hvis_daemon_listen(
		    vss_socket_server(vssd->socket), vssd->options->socket, NULL, error))
		return FALSE;
	test_view(vssd);
	hvis_notify_status("Starting");
	hvis_watchdog_attach();
	if (undo_left_over(vssd))
		vssd->patience = vssd->clock->add(vssd->clock, UNDO_MS, begin, vssd);
	else
		begin(vssd);
	return TRUE;
}

static gboolean on_quit(gpointer data)
{
	Vssd *vssd = data;

	vssd->stopping = TRUE;
	post(vssd, VSS_EVENT_STOP, 0);
	if (vss_machine_is_at_rest(&vssd->machine))
		vss_rounds_stop(vssd->rounds); /* a check that nobody waits for any more */
	quit_if_over(vssd);
	return G_SOURCE_CONTINUE;
}

static gboolean on_reload(gpointer data)
{
	Vssd *vssd = data;

	vssd->reload = TRUE;
	if (vss_machine_is_at_rest(&vssd->machine))
		reload_if_due(vssd);
	return G_SOURCE_CONTINUE;
}

void vssd_catch_signals(Vssd *vssd)
{
	hvis_daemon_catch_signals(&vssd->loop, on_quit, on_reload, vssd);
}

void vssd_run(Vssd *vssd)
{
	g_main_loop_run(vssd->loop.loop);
	hvis_notify_stopping();
}
