/* SPDX-License-Identifier: GPL-2.0-only */
/* The thread of a change; see the header. Under the lock: step, stopping, caller and finished. */
#include "config.h"

#include "ipd/worker.h"

#include <string.h>

#include <util/error.h>
#include <util/log.h>
#include <util/messages.h>
#include <util/manager.h>

#include "ipd/command.h"
#include "ipd/hook.h"
#include "ipd/probe.h"

struct IpWorker {
	const char *root, *hook;
	IpJournal journal;
	guint confirm_ms;
	GMutex lock;
	GCond wake;
	IpStep step;
	gboolean stopping;
	IpCaller caller;
	guint finished; /* source that reports the end; 0 = none */
	GThread *thread; /* NULL: nothing is under way */
	IpJob job;
	IpChange *change;
	char *interface;
	GError *error;
	IpWorkerDone done;
	gpointer data;
};

/* --- in the thread --- */

static gboolean run_command(const IpCommand *command, gpointer data, GError **error)
{
	IpWorker *worker = data;
	g_autofree char *text = ip_command_text(command->argv), *output = NULL;
	g_autoptr(GError) failed = NULL;
	gboolean done = ip_command_run(&(IpRun){ .root = worker->root,
					       .argv = command->argv,
					       .limit_ms = IP_COMMAND_LIMIT_MS },
		&output, &failed);

	hvis_log(HVIS_LOG_DEBUG, "%s: %s", text, done ? "done" : failed->message);
	if (output && g_strstrip(output)[0])
		hvis_log(HVIS_LOG_DEBUG, "%s: %s", command->argv[0], output);
	if (!done)
		g_propagate_error(error, g_steal_pointer(&failed));
	return done;
}

static gboolean probe(const IpTarget *target, const IpPlan *plan, gpointer data, char **ret_why)
{
	return ip_probe(((IpWorker *)data)->root, target, plan, ret_why);
}

static gboolean pause_for(guint ms, gpointer data)
{
	IpWorker *worker = data;
	gint64 until = g_get_monotonic_time() + (gint64)ms * 1000;
	gboolean go_on;

	g_mutex_lock(&worker->lock);
	while (!worker->stopping && worker->caller != IP_CALLER_GONE &&
		g_cond_wait_until(&worker->wake, &worker->lock, until))
		;
	go_on = !worker->stopping && worker->caller != IP_CALLER_GONE;
	g_mutex_unlock(&worker->lock);
	return go_on;
}

static gboolean is_wanted(gpointer data)
{
	IpWorker *worker = data;
	gboolean wanted;

	g_mutex_lock(&worker->lock);
	wanted = worker->caller != IP_CALLER_GONE;
	g_mutex_unlock(&worker->lock);
	return wanted;
}

static void enter(IpStep step, gpointer data)
{
	IpWorker *worker = data;

	g_mutex_lock(&worker->lock);
	worker->step = step;
	g_mutex_unlock(&worker->lock);
}

static void run_hook(IpWorker *worker)
{
	g_autoptr(GError) error = NULL;
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_IP_HOOK_FAILED,
		.interface = worker->interface };

	enter(IP_STEP_HOOK, worker);
	if (!ip_hook_run(worker->root, worker->hook, worker->change, &error))
		hvis_log_with(HVIS_LOG_WARNING, &context, "The hook failed, the change stays: %s",
			error->message);
	enter(IP_STEP_IDLE, worker);
}

static void run_job(IpWorker *worker)
{
	static const IpChangeOps ops = { run_command, probe, pause_for, enter, is_wanted };
	const IpChangeContext context = { worker->root, &worker->journal, worker->confirm_ms, &ops,
		worker };

	switch (worker->job) {
	case IP_JOB_RECOVER:
		ip_change_recover(&context, &worker->interface, &worker->error);
		break;
	case IP_JOB_REVERT:
		ip_change_revert(&context, &worker->interface, &worker->error);
		break;
	case IP_JOB_SET:
		worker->interface = g_strdup(worker->change->target.name);
		if (ip_change_run(&context, worker->change, &worker->error))
			run_hook(worker);
		break;
	}
}

/* --- on the main context --- */

/* The end is not what the caller was left with. TRUE where that was said. */
static gboolean log_late(const IpWorker *worker, const char *name)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_IP_LATE,
		.interface = worker->interface };

	if (worker->caller == IP_CALLER_GONE && !worker->error)
		hvis_log_with(HVIS_LOG_WARNING, &context,
			"%s has the addresses that the host wants, by %s; that was applied after "
			"whoever asked had stopped waiting, and takes it for failed",
			name, ip_backend_name(worker->change->backend));
	else if (worker->caller == IP_CALLER_TOLD && worker->error)
		hvis_log_with(HVIS_LOG_WARNING, &context,
			"%s: the host's addresses are not used, after whoever asked had been told "
			"that they are: %s",
			name, worker->error->message);
	else
		return FALSE;
	return TRUE;
}

static void log_end(const IpWorker *worker)
{
	const char *name = worker->interface ? worker->interface : "?";
	HvisLogContext context = { .interface = worker->interface };

	if (worker->job == IP_JOB_SET && log_late(worker, name))
		return;
	if (worker->error && worker->job == IP_JOB_REVERT)
		return; /* whoever asked is told */
	if (worker->error && worker->job == IP_JOB_RECOVER) {
		context.message_id = HVIS_MESSAGE_IP_STUCK;
		hvis_log_with(HVIS_LOG_ERROR, &context,
			"%s: an unfinished change could not be taken back: %s", name,
			worker->error->message);
	} else if (worker->error) {
		context.message_id = HVIS_MESSAGE_IP_UNUSED;
		hvis_log_with(HVIS_LOG_WARNING, &context,
			"%s: the host's addresses are not used: %s", name, worker->error->message);
	} else if (worker->job == IP_JOB_SET) {
		context.message_id = HVIS_MESSAGE_IP_SET;
		hvis_log_with(HVIS_LOG_NOTICE, &context,
			"%s has the addresses that the host wants, by %s", name,
			ip_backend_name(worker->change->backend));
	} else if (worker->interface) {
		context.message_id = HVIS_MESSAGE_IP_TAKEN_BACK;
		hvis_log_with(HVIS_LOG_NOTICE, &context, "%s: %s was taken back", name,
			worker->job == IP_JOB_RECOVER ? "an unfinished change" : "the last change");
	}
}

/* The parts of one job, so that the next can begin inside of the callback. */
static void end_job(IpWorker *worker)
{
	g_autoptr(IpChange) change = NULL;
	g_autofree char *interface = NULL;
	g_autoptr(GError) error = NULL;

	g_thread_join(g_steal_pointer(&worker->thread));
	enter(IP_STEP_IDLE, worker); /* wherever it ended */
	log_end(worker);
	hvis_notify_status("Idle");
	change = g_steal_pointer(&worker->change);
	interface = g_steal_pointer(&worker->interface);
	error = g_steal_pointer(&worker->error);
	if (worker->done)
		worker->done(interface, error, worker->data);
}

static gboolean on_finished(gpointer data)
{
	IpWorker *worker = data;

	g_mutex_lock(&worker->lock);
	worker->finished = 0;
	g_mutex_unlock(&worker->lock);
	end_job(worker);
	return G_SOURCE_REMOVE;
}

static gpointer thread_main(gpointer data)
{
	IpWorker *worker = data;

	run_job(worker);
	g_mutex_lock(&worker->lock);
	worker->finished = g_idle_add_full(G_PRIORITY_DEFAULT, on_finished, worker, NULL);
	g_mutex_unlock(&worker->lock);
	return NULL;
}

gboolean ip_worker_start(IpWorker *worker, IpJob job, IpChange *change, IpWorkerDone done,
	gpointer data, GError **error)
{
	if (worker->thread)
		return hvis_fail(error, HVIS_ERROR_BUSY, "another change is under way");
	worker->job = job;
	worker->change = change;
	worker->done = done;
	worker->data = data;
	worker->caller = IP_CALLER_WAITS;
	hvis_notify_status(job == IP_JOB_SET ? "Changing an interface" : "Taking a change back");
	worker->step = job == IP_JOB_SET ? IP_STEP_APPLYING : IP_STEP_ROLLING_BACK;
	worker->thread = g_thread_new("change", thread_main, worker);
	return TRUE;
}

IpWorker *ip_worker_new(const char *root, const char *state_dir, guint confirm_ms, const char *hook)
{
	IpWorker *worker = g_new0(IpWorker, 1);

	worker->root = root;
	worker->hook = hook;
	worker->confirm_ms = confirm_ms;
	ip_journal_init(&worker->journal, state_dir);
	g_mutex_init(&worker->lock);
	g_cond_init(&worker->wake);
	return worker;
}

void ip_worker_free(IpWorker *worker)
{
	if (!worker)
		return;
	g_mutex_lock(&worker->lock);
	worker->stopping = TRUE;
	g_cond_broadcast(&worker->wake);
	g_mutex_unlock(&worker->lock);
	if (worker->thread) {
		GThread *thread = g_thread_ref(worker->thread);

		g_thread_join(thread);
		g_clear_handle_id(&worker->finished, g_source_remove);
		g_thread_unref(g_steal_pointer(&worker->thread));
		log_end(worker);
		if (worker->done)
			worker->done(worker->interface, worker->error, worker->data);
	}
	ip_change_free(worker->change);
	g_clear_error(&worker->error);
	g_free(worker->interface);
	ip_journal_deinit(&worker->journal);
	g_mutex_clear(&worker->lock);
	g_cond_clear(&worker->wake);
	g_free(worker);
}

void ip_worker_set_caller(IpWorker *worker, IpCaller caller)
{
	g_mutex_lock(&worker->lock);
	worker->caller = caller;
	g_cond_broadcast(&worker->wake);
	g_mutex_unlock(&worker->lock);
}

gboolean ip_worker_is_unfinished(IpWorker *worker)
{
	return ip_journal_is_pending(&worker->journal);
}

gboolean ip_worker_is_busy(IpWorker *worker)
{
	return worker->thread != NULL;
}

IpStep ip_worker_step(IpWorker *worker, char **ret_interface)
{
	IpStep step;

	g_mutex_lock(&worker->lock);
	step = worker->step;
	g_mutex_unlock(&worker->lock);
	*ret_interface =
		worker->thread && worker->change ? g_strdup(worker->change->target.name) : NULL;
	return step;
}

struct json_object *ip_worker_history(IpWorker *worker)
{
	return ip_journal_history(&worker->journal);
}
