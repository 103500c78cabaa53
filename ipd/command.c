/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs; see the header. Not for the main context: it waits. */
#include "config.h"

#include "ipd/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>

#define PIPE_FILL 65536u /* pipe(7): of a new one */

static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

char *ip_command_text(char *const *argv)
{
	GString *text = g_string_new(NULL);

	for (; *argv; argv++) {
		gboolean plain =
			**argv &&
			(*argv)[strspn(*argv, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-/=:")] ==
				'\0';
		g_autofree char *quoted = plain ? NULL : g_shell_quote(*argv);

		g_string_append_printf(text, "%s%s", text->len ? " " : "", plain ? *argv : quoted);
	}
	return g_string_free(text, FALSE);
}

static char *find_program(const char *root, const char *name)
{
	if (g_path_is_absolute(name)) {
		g_autofree char *path = g_strconcat(root, name, NULL);

		return access(path, X_OK) == 0 ? g_steal_pointer(&path) : NULL;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
		g_autofree char *path = g_strconcat(root, folders[i], "/", name, NULL);

		if (access(path, X_OK) == 0)
			return g_steal_pointer(&path);
	}
	return NULL;
}

/* A group of its own, so that the limit ends all of it. Between fork and exec. */
static void on_child(gpointer data G_GNUC_UNUSED)
{
	setpgid(0, 0);
}

static char **environment(const char *const *more)
{
	g_autoptr(GPtrArray) env = g_ptr_array_new();

	g_ptr_array_add(env, (gpointer) "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	g_ptr_array_add(env, (gpointer) "LC_ALL=C.UTF-8");
	for (; more && *more; more++)
		g_ptr_array_add(env, (gpointer)*more);
	g_ptr_array_add(env, NULL);
	return g_strdupv((char **)env->pdata);
}

static int input_fd(const char *input, GError **error)
{
	hvis_autofd int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0) {
		hvis_fail_errno(error, errno, "make an input");
		return -1;
	}
	if (!hvis_pwrite_all(fd, input, strlen(input), 0, error))
		return -1;
	return hvis_fd_steal(&fd);
}

/* The child, its output on *@ret_out; -1 on failure. */
static GPid start(const IpRun *run, int *ret_out, GError **error)
{
	g_autofree char *program = find_program(run->root, run->argv[0]);
	g_auto(GStrv) argv = g_strdupv((char **)run->argv), env = environment(run->env);
	hvis_autofd int in = run->input ? input_fd(run->input, error) : -1;
	hvis_autofd int out = -1, out_write = -1;
	g_autoptr(GError) failed = NULL;
	int pipe_fds[2];
	GPid pid;

	if (!program) {
		hvis_fail(error, HVIS_ERROR_NOT_FOUND, "%s is not installed", run->argv[0]);
		return -1;
	}
	if (run->input && in < 0)
		return -1;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		hvis_fail_errno(error, errno, "make a pipe");
		return -1;
	}
	out = pipe_fds[0];
	out_write = pipe_fds[1];
	g_free(argv[0]);
	argv[0] = g_steal_pointer(&program);
	if (!g_spawn_async_with_pipes_and_fds("/", (const char *const *)argv,
		    (const char *const *)env, G_SPAWN_DO_NOT_REAP_CHILD, on_child, NULL, in,
		    out_write, out_write, NULL, NULL, 0, &pid, NULL, NULL, NULL, &failed)) {
		hvis_fail(error, HVIS_ERROR_FAILED, "%s", failed->message);
		return -1;
	}
	fcntl(out, F_SETFL, O_NONBLOCK);
	*ret_out = hvis_fd_steal(&out);
	return pid;
}

/*
 * Take what is there, a pipe's fill at most: somebody may write faster than this reads, for ever.
 * FALSE at its end. What is too much is thrown away.
 */
static gboolean drain(int fd, GString *output)
{
	char buf[4096];
	ssize_t n = 1;

	for (gsize i = 0; i < PIPE_FILL / sizeof(buf) && n > 0; i++) {
		n = read(fd, buf, sizeof(buf));
		if (n > 0)
			g_string_append_len(output, buf,
				(gssize)MIN((gsize)n, IP_COMMAND_OUTPUT_MAX - output->len));
	}
	return n != 0;
}

/*
 * Until the child has ended: what it left running may keep its output open, and is not waited for.
 * FALSE at @deadline.
 */
static gboolean wait_child(int pidfd, int out, gint64 deadline, GString *output)
{
	struct pollfd fds[] = { { .fd = pidfd, .events = POLLIN },
		{ .fd = out, .events = POLLIN } };

	for (;;) {
		gint64 left = (deadline - g_get_monotonic_time() + 999) / 1000;

		if (left <= 0)
			return FALSE;
		if (poll(fds, G_N_ELEMENTS(fds), (int)MIN(left, G_MAXINT)) < 0 && errno != EINTR)
			return FALSE;
		if (fds[1].revents && !drain(out, output))
			fds[1].fd = -1;
		if (fds[0].revents) {
			drain(out, output);
			return TRUE;
		}
	}
}

static gboolean check_status(int status, const char *name, const char *output, GError **error)
{
	g_autofree char *said = g_strstrip(g_utf8_make_valid(output, -1));
	const char *colon = said[0] ? ": " : "";

	g_strdelimit(said, "\r\n\t", ' ');
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return TRUE;
	if (WIFEXITED(status))
		return hvis_fail(error, HVIS_ERROR_FAILED, "%s failed with status %d%s%s", name,
			WEXITSTATUS(status), colon, said);
	return hvis_fail(error, HVIS_ERROR_FAILED, "%s was ended by signal %d%s%s", name,
		WIFSIGNALED(status) ? WTERMSIG(status) : 0, colon, said);
}

gboolean ip_command_run(const IpRun *run, char **ret_output, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)run->limit_ms * 1000;
	g_autoptr(GString) output = g_string_new(NULL);
	hvis_autofd int out = -1, pidfd = -1;
	gboolean in_time;
	GPid pid = start(run, &out, error);
	int status = 0;

	if (pid < 0)
		return FALSE;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	in_time = pidfd >= 0 && wait_child(pidfd, out, deadline, output);
	if (!in_time) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL); /* which may have left its group */
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ret_output)
		*ret_output = g_strdup(output->str);
	if (!in_time)
		return hvis_fail(error, HVIS_ERROR_TIMEOUT, "%s did not end within %u s",
			run->argv[0], run->limit_ms / 1000);
	return check_status(status, run->argv[0], output->str, error);
}
