/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of a session has three parts, in this order: worker and guard are gone; what a marker names
 * that neither has removed is undone; ended() is called. Only then may the next one begin, for it has the same
 * marker. What was kept of former ones is not waited for: to try it again may take longer than the host waits.
 */
#include "config.h"

#include "vssd/session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>

#include "vssd/marker.h"

typedef enum { WORKER, GUARD, UNDOER, N_CHILDREN } Child;

typedef struct {
	VssSession *session;
	guint watch; /* 0: does not run */
} ChildWatch;

struct VssSession {
	const VssSessionOptions *options;
	const VssSessionOps *ops;
	gpointer data;
	int socket; /* of the worker; -1 once it is gone */
	guint watch; /* of the socket */
	ChildWatch children[N_CHILDREN];
	gboolean told_end; /* by the worker */
	gboolean undone; /* what this session had left has been seen to */
	guint last; /* timer of the last call */
	VssOutcome outcome;
};

static void fail(VssSession *session, int err, enum vss_action action)
{
	if (session->outcome.err != 0)
		return;
	session->outcome.err = err;
	session->outcome.action = action;
}

/* --- processes --- */

static void go_on(VssSession *session);

static void on_child(GPid pid, gint status, gpointer data)
{
	ChildWatch *child = data;
	VssSession *session = child->session;

	child->watch = 0;
	if (child == &session->children[GUARD] && WIFEXITED(status))
		session->outcome.guarded = WEXITSTATUS(status) == 1;
	if (child == &session->children[UNDOER] && !g_spawn_check_wait_status(status, NULL))
		fail(session, EIO, VSS_THAW);
	go_on(session);
}

/* Start @argv with the descriptors @fds as 3, 4, …; FALSE where it cannot be. */
static gboolean spawn(
	VssSession *session, Child which, const char *const *argv, const int *fds, guint n)
{
	static const int numbers[] = { 3, 4 };
	ChildWatch *child = &session->children[which];
	GPid pid;

	if (!g_spawn_async_with_pipes_and_fds(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
		    NULL, -1, -1, -1, fds, numbers, n, &pid, NULL, NULL, NULL, NULL))
		return FALSE;
	child->watch = g_child_watch_add(pid, on_child, child);
	return TRUE;
}

char *vss_session_program(const VssSessionOptions *options, const char *name)
{
	return g_strconcat(options->programs, "/", options->prefix, name, NULL);
}

gboolean vss_session_check(const VssSessionOptions *options, GError **error)
{
	static const char *const names[] = { "guard", "worker" };

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = vss_session_program(options, names[i]);

		if (access(path, X_OK) < 0)
			return hvis_fail(error, HVIS_ERROR_INVALID,
				"%s: %s: without it nothing can be frozen (--programs)", path,
				g_strerror(errno));
	}
	return TRUE;
}

static gboolean spawn_guard(VssSession *session, int worker)
{
	g_autofree char *path = vss_session_program(session->options, "guard");
	const char *argv[] = { path, "3", "4", session->options->marker, NULL };
	hvis_autofd int daemon = (int)syscall(SYS_pidfd_open, getpid(), 0);
	const int fds[] = { worker, daemon };

	return daemon >= 0 && spawn(session, GUARD, argv, fds, 2);
}

static gboolean spawn_worker(VssSession *session, int daemon, int guard)
{
	g_autofree char *path = vss_session_program(session->options, "worker");
	const char *argv[] = { path, "3", "4", NULL };
	const int fds[] = { daemon, guard };

	return spawn(session, WORKER, argv, fds, 2);
}

static gboolean spawn_undoer(VssSession *session)
{
	g_autofree char *path = vss_session_program(session->options, "guard");
	const char *argv[] = { path, "--thaw-left-over", session->options->marker, NULL };

	session->outcome.left_over = TRUE;
	return spawn(session, UNDOER, argv, NULL, 0);
}

/* --- the end --- */

static gboolean tell_end(gpointer data)
{
	VssSession *session = data;

	session->last = 0;
	session->ops->ended(&session->outcome, session->data); /* frees the session */
	return G_SOURCE_REMOVE;
}

/* The next part of the end, if the former is over. */
static void go_on(VssSession *session)
{
	for (guint i = 0; i < N_CHILDREN; i++)
		if (session->children[i].watch != 0)
			return;
	if (session->socket >= 0 || session->last != 0)
		return;
	vss_marker_forget_unfinished(session->options->marker);
	if (!session->undone && g_file_test(session->options->marker, G_FILE_TEST_EXISTS)) {
		session->undone = TRUE;
		if (spawn_undoer(session))
			return;
		fail(session, EIO, VSS_THAW);
	}
	session->last = g_idle_add(tell_end, session);
}

/* --- the worker --- */

static void on_end_of_worker(VssSession *session)
{
	close(session->socket);
	session->socket = -1;
	if (!session->told_end) {
		fail(session, EOWNERDEAD, VSS_FREEZE);
		session->ops->died(session->data);
	}
	go_on(session);
}

static void handle(VssSession *session, const struct vss_msg *msg)
{
	VssOutcome *outcome = &session->outcome;

	switch (msg->type) {
	case VSS_MSG_FROZEN:
		outcome->n_frozen = msg->value;
		session->ops->frozen(session->data);
		break;
	case VSS_MSG_ENDED:
		session->told_end = TRUE;
		fail(session, msg->err, msg->action);
		if (msg->err != 0 && msg->index < outcome->targets->len)
			outcome->what =
				(const char *)g_ptr_array_index(outcome->targets, msg->index);
		break;
	case VSS_MSG_EVENT:
		if (msg->index < outcome->targets->len)
			g_array_append_vals(outcome->events, msg, 1);
		break;
	}
}

static gboolean on_message(gint sock, GIOCondition condition, gpointer data)
{
	VssSession *session = data;
	struct vss_msg msg;
	int err = vss_hear(sock, &msg);

	if (err == 0) {
		handle(session, &msg);
		return G_SOURCE_CONTINUE;
	}
	session->watch = 0;
	on_end_of_worker(session);
	return G_SOURCE_REMOVE;
}

static int send_target(VssSession *session, const VssSurvey *survey, guint place)
{
	const VssEntry *entry = vss_plan_entry(survey->plan, place);
	const VssSuper *super = vss_mounts_super(survey->mounts, place);
	const VssMount *mount = vss_super_mount(super);
	struct vss_msg msg = { .type = VSS_MSG_TARGET };

	msg.flags = (entry->required ? VSS_FLAG_REQUIRED : 0u) |
		    (mount->barred ? VSS_FLAG_ELSEWHERE : 0u);
	msg.target.major = major(super->dev);
	msg.target.minor = minor(super->dev);
	msg.target.mount_id = mount->id;
	msg.target.pid = mount->pid;
	msg.target.level = entry->level;
	if (g_strlcpy(msg.target.path, mount->target, PATH_MAX) >= PATH_MAX)
		return ENAMETOOLONG;
	g_ptr_array_add(session->outcome.targets, g_strdup(mount->target));
	return vss_send(session->socket, &msg, -1);
}

/* What the worker does not get, it does not freeze: without START it ends when we hang up. */
static int send_all(VssSession *session, const VssSurvey *survey)
{
	g_autoptr(GArray) order = vss_survey_order(survey);
	struct vss_msg start = { .type = VSS_MSG_START,
		.value = session->options->deadline_ms,
		.flags = survey->policy->allow_nothing ? VSS_FLAG_ALLOW_NOTHING : 0 };

	for (guint i = 0; i < order->len; i++) {
		int err = send_target(session, survey, g_array_index(order, guint, i));

		if (err != 0)
			return err;
	}
	return vss_tell(session->socket, &start);
}

static int start(VssSession *session, const VssSurvey *survey)
{
	hvis_autofd int worker = -1, guard = -1, guard_of_worker = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return errno;
	session->socket = pair[0];
	worker = pair[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return errno;
	guard = pair[0];
	guard_of_worker = pair[1];
	if (!spawn_guard(session, guard) || !spawn_worker(session, worker, guard_of_worker))
		return ENOEXEC;
	return send_all(session, survey);
}

VssSession *vss_session_new(const VssSessionOptions *options, VssSurvey *survey,
	const VssSessionOps *ops, gpointer data)
{
	VssSession *session = g_new0(VssSession, 1);
	int err;

	session->options = options;
	session->ops = ops;
	session->data = data;
	session->socket = -1;
	session->outcome.events = g_array_new(FALSE, FALSE, sizeof(struct vss_msg));
	session->outcome.targets = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < N_CHILDREN; i++)
		session->children[i].session = session;
	err = start(session, survey);
	vss_survey_free(survey);
	if (err != 0) {
		fail(session, err, VSS_OPEN);
		session->told_end = TRUE;
		hvis_fd_clear(&session->socket);
		go_on(session);
	} else
		session->watch =
			g_unix_fd_add(session->socket, G_IO_IN | G_IO_HUP, on_message, session);
	return session;
}

void vss_session_thaw(VssSession *session)
{
	struct vss_msg msg = { .type = VSS_MSG_THAW };

	if (session->socket >= 0)
		vss_tell(session->socket, &msg); /* an end that is there already is heard of */
}

void vss_session_free(VssSession *session)
{
	if (!session)
		return;
	for (guint i = 0; i < N_CHILDREN; i++)
		if (session->children[i].watch != 0)
			g_source_remove(session->children[i].watch);
	if (session->watch != 0)
		g_source_remove(session->watch);
	if (session->last != 0)
		g_source_remove(session->last);
	hvis_fd_clear(&session->socket);
	g_array_unref(session->outcome.events);
	g_ptr_array_unref(session->outcome.targets);
	g_free(session);
}
