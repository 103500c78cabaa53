/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's end of hook-ipc.h. The limit of a call is hv_vss_hook's to keep; where no answer comes for
 * PATIENCE_MS more (it cannot be started, it is stopped, it waits for a disk) it is given up, and the next
 * call has another one.
 */
#include "config.h"

#include "vssd/hook-run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <util/error.h>
#include <util/fd.h>

#include "vssd/hook-ipc.h"
#include "vssd/systemd-run.h"

#define PATIENCE_MS                                                                                \
	15000u /* beyond the limit of a call: a busy systemd starts a unit in this time */
#define SAID_MAX 2048 /* bytes of what a program that could not be started has said */
#define UNIT_MAX_S "3600" /* longer than any backup: the last resort */

struct VssHookRun {
	const VssHookRunOptions *options;
	const VssHook *hook;
	int lock;
	int socket; /* -1: nothing is running */
	int said; /* a file with the standard error of what was started */
	GPid pid; /* of what was started; 0: it has been waited for */
	guint child, watch, timer; /* sources */
	VssHookVerb verb; /* of the call that is under way */
	guint limit_ms;
	void (*done)(const VssHookResult *result, gpointer data); /* NULL: none is */
	gpointer data;
};

const char *vss_hook_verb_name(VssHookVerb verb)
{
	static const char *const names[VSS_HOOK_VERB_N] = { "prepare", "freeze", "freeze-failed",
		"thaw" };

	return names[verb];
}

/* --- the program --- */

static void on_orphan(GPid pid, gint status, gpointer data)
{
}

static void on_child(GPid pid, gint status, gpointer data)
{
	VssHookRun *run = data;

	run->pid = 0;
	run->child = 0;
}

/* Nothing of it is ours any more but that it will have to be waited for. */
static void let_go(VssHookRun *run)
{
	g_clear_handle_id(&run->watch, g_source_remove);
	g_clear_handle_id(&run->timer, g_source_remove);
	g_clear_handle_id(&run->child, g_source_remove);
	if (run->pid != 0)
		g_child_watch_add(run->pid, on_orphan, NULL);
	run->pid = 0;
	hvis_fd_clear(&run->socket);
	hvis_fd_clear(&run->said);
}

/* Names of hooks are those of units too, but for their length. */
static void add_unit(GPtrArray *argv, const VssHook *hook)
{
	static const char *const options[] = { "--wait", "--pipe", "--collect",
		"--service-type=exec", "--property=KillMode=control-group",
		"--property=SendSIGKILL=yes", "--property=TimeoutStopSec=2s",
		"--property=RuntimeMaxSec=" UNIT_MAX_S };
	static guint number;

	for (guint i = 0; i < G_N_ELEMENTS(options); i++)
		g_ptr_array_add(argv, g_strdup(options[i]));
	g_ptr_array_add(argv, g_strdup_printf("--unit=hvis-hook-%s-%d-%u.service", hook->name,
				      (int)getpid(), ++number));
	g_ptr_array_add(argv, g_strdup_printf("--description=Hook %s of a backup", hook->name));
	if (hook->user)
		g_ptr_array_add(argv, g_strdup_printf("--property=User=%s", hook->user));
	g_ptr_array_add(argv, g_strdup("--"));
}

static GPtrArray *command_of(const VssHookRun *run)
{
	GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
	char systemd_run[PATH_MAX];
	gboolean found = vss_systemd_run_find(run->options->root, systemd_run);

	if (found) {
		g_ptr_array_add(argv, g_strdup(systemd_run));
		add_unit(argv, run->hook);
	}
	g_ptr_array_add(argv, g_strdup(run->options->program));
	g_ptr_array_add(argv, g_strdup(run->hook->path));
	if (run->hook->user && !found)
		g_ptr_array_add(argv, g_strdup(run->hook->user));
	g_ptr_array_add(argv, NULL);
	return argv;
}

/* A file of SAID_MAX bytes: whoever has it can write no more. */
static int said_open(void)
{
	hvis_autofd int fd = memfd_create("said", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, SAID_MAX) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return -1;
	return hvis_fd_steal(&fd);
}

static gboolean start(VssHookRun *run, GError **error)
{
	g_autoptr(GPtrArray) argv = command_of(run);
	hvis_autofd int theirs = -1, said = said_open();
	int pair[2];

	if (said < 0)
		return hvis_fail_errno(error, errno, "make a file in memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return hvis_fail_errno(error, errno, "make a socket");
	run->socket = pair[0];
	theirs = pair[1];
	if (!g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)argv->pdata, NULL,
		    G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, theirs, said, said, NULL, NULL, 0,
		    &run->pid, NULL, NULL, NULL, error)) {
		hvis_fd_clear(&run->socket);
		return FALSE;
	}
	run->said = hvis_fd_steal(&said);
	run->child = g_child_watch_add(run->pid, on_child, run);
	return TRUE;
}

/* --- the end of a call --- */

static char *text_of(const char *bytes, gsize len)
{
	g_autofree char *copy = g_strndup(bytes, len); /* up to a NUL byte */
	char *text = g_utf8_make_valid(copy, -1);

	return g_strchomp(text);
}

static void finish(VssHookRun *run, VssHookResult *result)
{
	void (*done)(const VssHookResult *, gpointer) = run->done;

	g_clear_handle_id(&run->timer, g_source_remove);
	run->done = NULL;
	done(result, run->data); /* may free the run */
	g_free(result->why);
	g_free(result->output);
}

static void finish_badly(VssHookRun *run, char *why)
{
	VssHookResult result = { .why = why, .output = g_strdup("") };

	finish(run, &result);
}

/* What was started said why it ended; in one line. */
static char *said_by(const VssHookRun *run)
{
	char bytes[SAID_MAX] = "";
	char *text;
	ssize_t n = run->said < 0 ? 0 : pread(run->said, bytes, sizeof(bytes), 0);

	text = text_of(bytes, n < 0 ? 0 : (gsize)n);
	return g_strdelimit(text, "\n\r\t", ' ');
}

static void on_gone(VssHookRun *run)
{
	g_autofree char *said = said_by(run);
	char *why = g_strdup_printf("it could not be run%s%s", said[0] ? ": " : "", said);

	let_go(run);
	if (run->done)
		finish_badly(run, why);
	else
		g_free(why);
}

static gboolean on_no_answer(gpointer data)
{
	VssHookRun *run = data;

	run->timer = 0;
	if (run->pid != 0)
		kill(run->pid, SIGKILL);
	let_go(run);
	finish_badly(run, g_strdup("no answer: it has been given up"));
	return G_SOURCE_REMOVE;
}

static char *why_of(const VssHookRun *run, const struct vss_hook_answer *answer)
{
	double limit_s = (double)run->limit_ms / 1000;

	switch ((enum vss_hook_end)answer->end) {
	case VSS_HOOK_EXITED:
		return answer->value == 0 ? NULL : g_strdup_printf("exit status %u", answer->value);
	case VSS_HOOK_SIGNALLED:
		return g_strdup_printf("it was ended by signal %u", answer->value);
	case VSS_HOOK_TIMED_OUT:
		return g_strdup_printf("it took longer than %g s, and was killed", limit_s);
	case VSS_HOOK_CANCELLED:
		return g_strdup("it was called off, and killed");
	case VSS_HOOK_STUCK:
		return g_strdup_printf("it was killed after %g s, and does not die", limit_s);
	case VSS_HOOK_NOT_RUN:
		return g_strdup_printf("it could not be run: %s", g_strerror((int)answer->value));
	case VSS_HOOK_END_N:
		break;
	}
	return g_strdup("a wrong answer");
}

/* The answer may be of the hook's user: a length is as good as any other. */
static void on_answer(VssHookRun *run, const struct vss_hook_answer *answer)
{
	VssHookResult result = { .why = why_of(run, answer),
		.dropped = answer->dropped,
		.took_us = MAX(answer->took_us, 0) };

	result.output = text_of(answer->text, MIN(answer->len, sizeof(answer->text)));
	if (run->verb == VSS_HOOK_PREPARE || run->verb == VSS_HOOK_THAW)
		let_go(run); /* the last one */
	finish(run, &result);
}

static gboolean on_socket(gint fd, GIOCondition condition, gpointer data)
{
	VssHookRun *run = data;
	struct vss_hook_answer answer;
	ssize_t n = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (n == sizeof(answer) && run->done) {
		on_answer(run, &answer); /* which may free the run, and the source */
		return G_SOURCE_CONTINUE;
	}
	on_gone(run);
	return G_SOURCE_REMOVE;
}

/* --- calls --- */

static void append_word(GByteArray *bytes, const char *word)
{
	g_byte_array_append(bytes, (const guint8 *)word, (guint)strlen(word) + 1);
}

static int send_bytes(const VssHookRun *run, const GByteArray *bytes)
{
	struct iovec whole = { .iov_base = bytes->data, .iov_len = bytes->len };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr header = { .msg_iov = &whole, .msg_iovlen = 1 };

	if (run->lock >= 0) {
		struct cmsghdr *part;

		header.msg_control = control;
		header.msg_controllen = sizeof(control);
		part = CMSG_FIRSTHDR(&header);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(sizeof(run->lock));
		memcpy(CMSG_DATA(part), &run->lock, sizeof(run->lock));
	}
	return sendmsg(run->socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;
}

static int send_order(const VssHookRun *run, guint32 flags, const char *const *env)
{
	const struct vss_hook_order order = {
		.timeout_ms = run->limit_ms, .flags = flags, .thaw_ms = run->hook->timeout_ms
	};
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	g_byte_array_append(bytes, (const guint8 *)&order, sizeof(order));
	append_word(bytes, run->options->frozen);
	append_word(bytes, vss_hook_verb_name(run->verb));
	for (; env && *env; env++)
		append_word(bytes, *env);
	return bytes->len > VSS_HOOK_ORDER_MAX ? E2BIG : send_bytes(run, bytes);
}

/* What could not even be begun is told by the main loop like everything else. */
static gboolean on_not_begun(gpointer data)
{
	VssHookRun *run = data;

	run->timer = 0;
	on_gone(run);
	return G_SOURCE_REMOVE;
}

VssHookRun *vss_hook_run_new(const VssHookRunOptions *options, const VssHook *hook, int lock)
{
	VssHookRun *run = g_new0(VssHookRun, 1);

	run->options = options;
	run->hook = hook;
	run->lock = lock;
	run->socket = run->said = -1;
	return run;
}

void vss_hook_run_free(VssHookRun *run)
{
	if (!run)
		return;
	let_go(run);
	g_free(run);
}

/* FALSE where there is nobody who could answer. */
static gboolean begin(VssHookRun *run, guint32 flags, const char *const *env)
{
	g_autoptr(GError) error = NULL;

	if (run->socket >= 0 && send_order(run, flags, env) == 0)
		return TRUE;
	let_go(run); /* it has ended since the last call */
	if (!start(run, &error)) {
		run->said = said_open();
		if (run->said >= 0 && pwrite(run->said, error->message,
					      MIN(strlen(error->message), SAID_MAX), 0) < 0)
			hvis_fd_clear(&run->said);
		return FALSE;
	}
	run->watch = g_unix_fd_add(run->socket, G_IO_IN | G_IO_HUP, on_socket, run);
	return send_order(run, flags, env) == 0;
}

void vss_hook_run_call(VssHookRun *run, VssHookVerb verb, guint limit_ms, const char *const *env,
	void (*done)(const VssHookResult *result, gpointer data), gpointer data)
{
	gboolean stays = verb == VSS_HOOK_FREEZE || verb == VSS_HOOK_FREEZE_FAILED;

	g_return_if_fail(!run->done);
	run->verb = verb;
	run->limit_ms = limit_ms;
	run->done = done;
	run->data = data;
	if (begin(run, stays ? VSS_HOOK_STAYS : 0, env))
		run->timer = g_timeout_add(limit_ms + PATIENCE_MS, on_no_answer, run);
	else
		run->timer = g_idle_add(on_not_begun, run);
}

void vss_hook_run_cancel(VssHookRun *run)
{
	if (run->done && run->socket >= 0)
		send_order(run, VSS_HOOK_CANCEL, NULL);
}
