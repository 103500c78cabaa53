/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The coordinator: requests of the host become events of the machine (machine.h), what the machine
 * orders is done by a session. While one is under way nothing is logged and the service manager is told
 * nothing: whoever reads that may stand on what is frozen. It is kept and said afterwards.
 */
#include "config.h"

#include "vssd/vssd.h"

#include <signal.h>
#include <sys/mman.h>

#include <glib-unix.h>

#include <hvis/hresult.h>
#include <service/service.h>
#include <util/error.h>
#include <util/log.h>
#include <util/manager.h>
#include <wire/vss.h>

#include "vssd/machine.h"
#include "vssd/report.h"

#define FREEZE_MS (HVIS_VSS_FREEZE_TIMEOUT_MS - 30000u) /* before the kernel gives it up */
#define GRACE_MS 2000u /* of our deadline, after those of worker and guard */

struct Vssd {
	const VssdOptions *options;
	VssSessionOptions session_options;
	HvisConfig *config;
	HvisService *service;
	VssMachine machine;
	VssSession *session;
	HvisClock *clock;
	guint deadline; /* timer */
	GPtrArray *kept; /* of char: what is logged once nothing is frozen */
	gboolean was_ready, told_ready, stopping;
	GMainLoop *loop;
};

/* --- what is said --- */

static void say_kept(Vssd *vssd)
{
	for (guint i = 0; i < vssd->kept->len; i++)
		hvis_log(HVIS_LOG_NOTICE, "%s", (const char *)g_ptr_array_index(vssd->kept, i));
	g_ptr_array_set_size(vssd->kept, 0);
}

static void say(Vssd *vssd, HvisLogLevel level, const char *text)
{
	if (vss_machine_is_at_rest(&vssd->machine))
		hvis_log(level, "%s", text);
	else
		g_ptr_array_add(vssd->kept, g_strdup(text));
}

static void say_outcome(const VssOutcome *outcome)
{
	g_autofree char *text = vss_report_text(outcome);

	if (outcome->err == 0)
		hvis_log(HVIS_LOG_NOTICE, "Backup: %s", text);
	else
		hvis_log(HVIS_LOG_WARNING, "Backup failed: %s", text);
	if (outcome->left_over)
		hvis_log(HVIS_LOG_WARNING, "What was left frozen has been looked for and undone");
	for (guint i = 0; i < outcome->events->len; i++) {
		g_autofree char *line = vss_report_event(
			outcome, &g_array_index(outcome->events, struct vss_msg, i));

		if (line)
			hvis_log(HVIS_LOG_INFO, "%s", line);
	}
}

/* --- the session --- */

static void on_deadline(gpointer data)
{
	Vssd *vssd = data;

	vssd->deadline = 0;
	vss_machine_post(&vssd->machine, VSS_EVENT_DEADLINE, 0);
}

static void set_deadline(Vssd *vssd, guint ms)
{
	vssd->clock->remove(vssd->clock, vssd->deadline);
	vssd->deadline = ms > 0 ? vssd->clock->add(vssd->clock, ms, on_deadline, vssd) : 0;
}

static void on_frozen(gpointer data)
{
	Vssd *vssd = data;

	set_deadline(vssd, vssd->session_options.deadline_ms + GRACE_MS);
	vss_machine_post(&vssd->machine, VSS_EVENT_ALL_FROZEN, 0);
}

static void on_died(gpointer data)
{
	vss_machine_post(&((Vssd *)data)->machine, VSS_EVENT_DIED, 0);
}

static void on_ended(const VssOutcome *outcome, gpointer data)
{
	Vssd *vssd = data;

	set_deadline(vssd, 0);
	vss_machine_post(&vssd->machine,
		outcome->err == 0 ? VSS_EVENT_ENDED_WELL : VSS_EVENT_ENDED_BADLY, 0);
	say_outcome(outcome);
	say_kept(vssd);
	g_clear_pointer(&vssd->session, vss_session_free);
	if (vssd->stopping)
		g_main_loop_quit(vssd->loop);
}

static VssSurvey *look(Vssd *vssd, GError **error)
{
	g_autoptr(VssSurvey) survey = vss_survey_new(vssd->config, vssd->options->root, error);

	if (!survey || !vss_plan_check(survey->plan, error))
		return NULL;
	return g_steal_pointer(&survey);
}

static void order_start(gpointer data)
{
	static const VssSessionOps ops = { on_frozen, on_died, on_ended };
	Vssd *vssd = data;
	g_autoptr(GError) error = NULL;
	VssSurvey *survey = look(vssd, &error);

	if (!survey) {
		vss_machine_post(&vssd->machine, VSS_EVENT_ENDED_BADLY, 0);
		hvis_log(HVIS_LOG_WARNING, "No freeze: %s", error->message);
		return;
	}
	set_deadline(vssd, FREEZE_MS);
	/* To answer THAW nothing may have to be read from what is frozen; where that is not allowed,
	 * the guard's deadline remains. */
	if (mlockall(MCL_CURRENT) < 0)
		hvis_log(HVIS_LOG_DEBUG, "This process may be paged out");
	vssd->session = vss_session_new(&vssd->session_options, survey, &ops, vssd);
}

static void order_thaw(gpointer data)
{
	Vssd *vssd = data;

	if (vssd->session)
		vss_session_thaw(vssd->session);
}

static gboolean order_check(gpointer data)
{
	Vssd *vssd = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(VssSurvey) survey = look(vssd, &error);

	if (!survey)
		hvis_log(HVIS_LOG_WARNING, "No backup is possible: %s", error->message);
	return survey != NULL;
}

static void reply(Vssd *vssd, guint64 txn, guint32 status)
{
	struct hvis_vss_dev_msg msg;

	vss_answer_encode(status, &msg);
	hvis_service_reply(vssd->service, txn, &msg, sizeof(msg));
}

static void order_answer(guint64 txn, gboolean well, gpointer data)
{
	reply(data, txn, well ? HVIS_S_OK : HVIS_E_FAIL);
}

static const VssMachineOps machine_ops = { order_start, order_thaw, order_check, order_answer };

/* --- the device --- */

static gboolean on_request(HvisService *service, guint64 txn, const guint8 *bytes, gsize len,
	gpointer data, GError **error)
{
	Vssd *vssd = data;
	guint8 op;

	if (!vss_request_decode(bytes, len, &op, error))
		return FALSE;
	if (op == HVIS_VSS_OP_FREEZE) {
		hvis_service_extend(service, txn, FREEZE_MS);
		vss_machine_post(&vssd->machine, VSS_EVENT_FREEZE, txn);
	} else if (op == HVIS_VSS_OP_THAW)
		vss_machine_post(&vssd->machine, VSS_EVENT_THAW, txn);
	else if (op == HVIS_VSS_OP_HOT_BACKUP)
		vss_machine_post(&vssd->machine, VSS_EVENT_HOT_BACKUP, txn);
	else
		reply(vssd, txn, HVIS_E_NOT_SUPPORTED);
	return TRUE;
}

static gsize build_register(guint8 *buf, gpointer data)
{
	struct hvis_vss_dev_msg msg;

	vss_register_encode(&msg);
	memcpy(buf, &msg, sizeof(msg));
	return sizeof(msg);
}

static gboolean is_handshake(const guint8 *msg, gsize len, gpointer data)
{
	return vss_is_register(msg, len);
}

static gboolean on_handshake(const guint8 *msg, gsize len, gpointer data, GError **error)
{
	return TRUE; /* it says nothing but that it is one */
}

static gsize build_failure(HvisFailure why, guint8 *buf, gpointer data)
{
	static const guint32 statuses[HVIS_FAILURE_N] = {
		[HVIS_FAILURE_MALFORMED] = HVIS_E_INVALIDARG,
		[HVIS_FAILURE_DEADLINE] = HVIS_E_FAIL,
	};
	struct hvis_vss_dev_msg msg;

	vss_answer_encode(statuses[why], &msg);
	memcpy(buf, &msg, sizeof(msg));
	return sizeof(msg);
}

static void tell_manager(Vssd *vssd, const char *text)
{
	if (!vss_machine_is_at_rest(&vssd->machine))
		return;
	hvis_notify_status("%s", text);
	if (!vssd->told_ready)
		hvis_notify_ready();
	vssd->told_ready = TRUE;
}

static void on_state(
	HvisService *service, HvisServiceState state, const char *reason, gpointer data)
{
	Vssd *vssd = data;
	gboolean ready = state == HVIS_SERVICE_READY || state == HVIS_SERVICE_SERVING;
	const char *text = ready ? "Serving the host" : reason ? reason : "Stopped";
	HvisLogLevel level = ready || vssd->was_ready ? HVIS_LOG_NOTICE : HVIS_LOG_INFO;

	say(vssd, level, text);
	if (!ready && vssd->was_ready)
		vss_machine_post(&vssd->machine, VSS_EVENT_LOST, 0);
	vssd->was_ready = ready;
	if (state != HVIS_SERVICE_STOPPED)
		tell_manager(vssd, text);
}

static const HvisServiceOps service_ops = {
	.name = "vss",
	.receive_size = sizeof(struct hvis_vss_dev_msg),
	.send_size = sizeof(struct hvis_vss_dev_msg),
	.build_register = build_register,
	.is_handshake = is_handshake,
	.on_handshake = on_handshake,
	.on_request = on_request,
	.build_failure = build_failure,
	.on_state = on_state,
};

/* --- life --- */

Vssd *vssd_new(const VssdOptions *options, GError **error)
{
	g_autoptr(Vssd) vssd = g_new0(Vssd, 1);

	vssd->options = options;
	vssd->clock = hvis_clock_default();
	vssd->kept = g_ptr_array_new_with_free_func(g_free);
	vssd->machine = (VssMachine){ &machine_ops, vssd, VSS_STATE_IDLE, 0 };
	vssd->config = hvis_config_load(vss_config_keys, options->root, error);
	if (!vssd->config)
		return NULL;
	vssd->session_options = (VssSessionOptions){ options->programs, options->prefix,
		options->marker, (guint)hvis_config_int(vssd->config, "vss", "Deadline") };
	vssd->service = hvis_service_new(&service_ops, options->device, NULL, vssd);
	return g_steal_pointer(&vssd);
}

void vssd_free(Vssd *vssd)
{
	if (!vssd)
		return;
	vss_session_free(vssd->session);
	hvis_service_free(vssd->service);
	set_deadline(vssd, 0);
	hvis_config_free(vssd->config);
	g_ptr_array_unref(vssd->kept);
	g_free(vssd);
}

void vssd_start(Vssd *vssd)
{
	g_autoptr(GError) error = NULL;

	signal(SIGPIPE, SIG_IGN); /* a worker that is gone is found out by its socket */
	if (!vss_session_thaw_left_over(&vssd->session_options, &error))
		hvis_log(HVIS_LOG_ERROR, "Something may have been left frozen: %s", error->message);
	hvis_notify_status("Starting");
	hvis_watchdog_attach();
	hvis_service_start(vssd->service);
}

static gboolean on_quit(gpointer data)
{
	Vssd *vssd = data;

	vssd->stopping = TRUE;
	vss_machine_post(&vssd->machine, VSS_EVENT_STOP, 0);
	if (!vssd->session)
		g_main_loop_quit(vssd->loop);
	return G_SOURCE_CONTINUE;
}

void vssd_run(Vssd *vssd)
{
	guint term = g_unix_signal_add(SIGTERM, on_quit, vssd);
	guint interrupt = g_unix_signal_add(SIGINT, on_quit, vssd);

	vssd->loop = g_main_loop_new(NULL, FALSE);
	g_main_loop_run(vssd->loop);
	hvis_notify_stopping();
	g_source_remove(term);
	g_source_remove(interrupt);
	g_clear_pointer(&vssd->loop, g_main_loop_unref);
}
