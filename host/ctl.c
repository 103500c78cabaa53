/* SPDX-License-Identifier: GPL-2.0-only */
/* One command of "hvis-host ctl": parse, call, show. See ctl.h; the commands are in ctl-commands.c. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/control.h"
#include "host/ctl.h"
#include "host/subcommand.h"
#include "util/fd.h"
#include "varlink/varlink.h"

#define CONNECT_RETRY_US 20000
#define GRACE_MS 2000 /* the host's own time-out tells more: let it speak first */

static void call_clear(CtlCall *call)
{
	json_object_put(call->params);
	json_object_put(call->local);
	hvis_fd_clear(&call->fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CtlCall, call_clear)

static gboolean flag(const CtlCall *call, const char *name)
{
	return json_object_get_boolean(json_object_object_get(call->local, name));
}

void ctl_print(const CtlCommand *command, FILE *stream, struct json_object *answer)
{
	struct json_object *value = command->member ? output_member(answer, command->member) : NULL;

	if (command->print)
		command->print(stream, answer);
	else if (json_object_is_type(value, json_type_array))
		output_table(stream, value, command->columns);
	else if (value)
		output_fields(stream, value, command->columns);
}

/* @timeout_ms: how long a host that is not there yet is waited for. */
static VarlinkClient *connect_host(const char *socket, gint64 timeout_ms, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + timeout_ms * 1000;

	for (;;) {
		g_autoptr(GError) refused = NULL;
		VarlinkClient *client = varlink_client_connect(socket, &refused);

		if (client)
			return client;
		if (g_get_monotonic_time() >= deadline ||
			hvis_error_is(refused, HVIS_ERROR_PERMISSION)) {
			hvis_fail(error,
				hvis_error_is(refused, HVIS_ERROR_PERMISSION)
					? HVIS_ERROR_PERMISSION
				: timeout_ms ? HVIS_ERROR_TIMEOUT
					     : HVIS_ERROR_IO,
				"no host answers at \"%s\": %s (is hvis-host running with "
				"--control?)",
				socket, refused->message);
			return NULL;
		}
		g_usleep(CONNECT_RETRY_US);
	}
}

typedef struct {
	const CtlCommand *command;
	const CtlCall *call;
	FILE *out;
	gint64 left; /* events until the end; -1 = no limit */
} Stream;

static gboolean on_event(struct json_object *answer, gpointer data)
{
	Stream *stream = data;
	struct json_object *event = output_member(answer, "event");

	if (!event)
		return TRUE;
	if (flag(stream->call, "json"))
		output_json(stream->out, event, TRUE);
	else
		stream->command->print(stream->out, answer);
	fflush(stream->out);
	return !ferror(stream->out) && (stream->left < 0 || --stream->left > 0);
}

/* The stream into @out. With --count it is a failure to see fewer. */
static HvisExit run_stream(
	Stream *stream, VarlinkClient *client, const char *method, GError **error)
{
	struct json_object *count = json_object_object_get(stream->call->local, "count");

	stream->left = count ? json_object_get_int64(count) : -1;
	if (stream->left == 0)
		return HVIS_EXIT_OK;
	if (!varlink_client_stream(client, method, json_object_get(stream->call->params), -1,
		    on_event, stream, error) ||
		!output_finish(stream->out, error))
		return hvis_exit_status(*error);
	if (stream->left > 0 && json_object_object_get(stream->call->params, "timeout_ms")) {
		hvis_fail(error, HVIS_ERROR_TIMEOUT,
			"%" G_GINT64_FORMAT " events fewer than asked for", stream->left);
		return HVIS_EXIT_TIMEOUT;
	}
	return stream->left > 0 ? HVIS_EXIT_FALSE : HVIS_EXIT_OK;
}

static HvisExit stream_to(const CtlCommand *command, const CtlCall *call, VarlinkClient *client,
	const char *method, FILE *out, GError **error)
{
	const char *path = json_object_get_string(json_object_object_get(call->local, "file"));
	Stream stream = { command, call, out, -1 };
	HvisExit status;

	if (path && !(stream.out = fopen(path, "we"))) {
		hvis_fail_errno(error, errno, "open \"%s\"", path);
		return HVIS_EXIT_IO; /* "not found" would say that the host has it not */
	}
	status = run_stream(&stream, client, method, error);
	if (stream.out != out)
		fclose(stream.out); /* run_stream() has flushed it */
	return status;
}

/* Move the members of @page's list @member to the end of that of @answer, and take its "next". */
static void append_page(struct json_object *answer, const char *member, struct json_object *page)
{
	struct json_object *to = json_object_object_get(answer, member);
	struct json_object *from = json_object_object_get(page, member), *next;
	gsize n = json_object_is_type(from, json_type_array) ? json_object_array_length(from) : 0;

	for (gsize i = 0; i < n; i++)
		json_object_array_add(to, json_object_get(json_object_array_get_idx(from, i)));
	json_object_object_del(answer, "next");
	if (n && json_object_object_get_ex(page, "next", &next))
		json_object_object_add(answer, "next", json_object_get(next));
}

/* The last answer of several, the others being progress. */
static struct json_object *watch(const CtlCommand *command, const CtlCall *call,
	VarlinkClient *client, const char *method, int timeout_ms, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	FILE *terminal = isatty(STDERR_FILENO) ? stderr : NULL;
	struct json_object *answer = NULL;
	gboolean continues = TRUE;

	if (!varlink_client_start(client, method, json_object_get(call->params), timeout_ms, error))
		return NULL;
	while (continues) {
		gint64 left = (deadline - g_get_monotonic_time()) / 1000;

		json_object_put(answer);
		answer = varlink_client_next(
			client, timeout_ms < 0 ? -1 : (int)MAX(left, 0), &continues, error);
		if (!answer)
			break;
		if (terminal)
			command->progress(terminal, continues ? answer : NULL);
	}
	return answer;
}

/* The answer, whole: in as many calls as it takes. */
static struct json_object *ask(const CtlCommand *command, const CtlCall *call,
	VarlinkClient *client, const char *method, int timeout_ms, GError **error)
{
	struct json_object *answer, *next;

	if (command->progress)
		return watch(command, call, client, method, timeout_ms, error);
	answer = varlink_client_call(
		client, method, json_object_get(call->params), timeout_ms, error);

	while (answer && command->pages && json_object_object_get_ex(answer, "next", &next)) {
		struct json_object *page;

		json_object_object_add(call->params, "from", json_object_get(next));
		page = varlink_client_call(
			client, method, json_object_get(call->params), timeout_ms, error);
		if (page)
			append_page(answer, command->member, page);
		else
			json_object_put(g_steal_pointer(&answer));
		json_object_put(page);
	}
	return answer;
}

static HvisExit call_once(const CtlCommand *command, const CtlCall *call, VarlinkClient *client,
	const char *method, int timeout_ms, FILE *out, GError **error)
{
	struct json_object *answer = ask(command, call, client, method, timeout_ms, error);
	HvisExit status;

	if (!answer && hvis_error_is(*error, HVIS_ERROR_INVALID))
		ctl_args_rename(command->args, *error);
	if (!answer && hvis_error_is(*error, HVIS_ERROR_EXISTS)) /* "add": the answer is no */
		return HVIS_EXIT_FALSE;
	if (!answer)
		return hvis_exit_status(*error);
	if (flag(call, "json"))
		output_json(out, answer, FALSE);
	else
		ctl_print(command, out, answer);
	if (output_finish(out, error))
		status = command->judge ? command->judge(answer, error) : HVIS_EXIT_OK;
	else
		status = hvis_exit_status(*error);
	json_object_put(answer);
	return status;
}

static HvisExit call_host(
	const CtlCommand *command, CtlCall *call, const char *socket, FILE *out, GError **error)
{
	g_autofree char *method = g_strconcat(CONTROL_INTERFACE ".", command->method, NULL);
	gint64 timeout_ms =
		json_object_get_int64(json_object_object_get(call->params, "timeout_ms"));
	g_autoptr(VarlinkClient) client = NULL;

	if (command->open && !command->open(call, error)) {
		g_prefix_error(error, "ctl %s: ", command->name);
		return hvis_error_is(*error, HVIS_ERROR_PERMISSION) ? HVIS_EXIT_PERMISSION
								    : HVIS_EXIT_IO;
	}
	client = connect_host(socket, command->patient ? timeout_ms : 0, error);
	if (!client)
		return hvis_exit_status(*error);
	if (call->fd >= 0)
		varlink_client_pass_fd(client, call->fd);
	if (!command->waits)
		json_object_object_del(call->params, "timeout_ms");
	if (command->stream)
		return stream_to(command, call, client, method, out, error);
	return call_once(command, call, client, method,
		timeout_ms ? (int)timeout_ms + GRACE_MS : -1, out, error);
}

static void print_usage(const CtlCommand *command, FILE *out)
{
	g_autofree char *usage = ctl_args_usage(command->args);

	fprintf(out, "usage: hvis-host ctl SOCKET %s%s [--json] [--timeout TIME]\n\n  %s\n",
		command->name, usage, command->summary);
	if (command->help)
		fprintf(out, "\n%s", command->help);
}

HvisExit ctl_run(const char *socket, const char *const *words, FILE *out, GError **error)
{
	g_auto(CtlCall) call = { json_object_new_object(), json_object_new_object(), -1 };
	guint n_words = 0;
	const CtlCommand *command = ctl_find(words, &n_words, error);

	if (!command)
		return HVIS_EXIT_USAGE;
	if (!ctl_args_parse(command->args, words + n_words, call.params, call.local, error) ||
		(!flag(&call, "help") && command->prepare && !command->prepare(&call, error))) {
		g_prefix_error(error, "ctl %s: ", command->name);
		return HVIS_EXIT_USAGE;
	}
	if (flag(&call, "help")) {
		print_usage(command, out);
		return HVIS_EXIT_OK;
	}
	return call_host(command, &call, socket, out, error);
}

/* "ctl backup --help": no host is asked, so its socket may be left out. */
static gboolean is_help(int argc, char **argv)
{
	guint n_words;

	return argc > 2 && !strcmp(argv[argc - 1], "--help") &&
	       ctl_find((const char *const *)argv + 1, &n_words, NULL) != NULL;
}

int host_ctl(int argc, char **argv)
{
	gboolean help = is_help(argc, argv);
	g_autoptr(GError) error = NULL;
	HvisExit status;

	if (argc > 1 && !strcmp(argv[1], "--help")) {
		ctl_print_help(stdout);
		return HVIS_EXIT_OK;
	}
	if (argc < 2) {
		hvis_fail(&error, HVIS_ERROR_INVALID, "ctl: the host's control socket is wanted");
		return hvis_die(HVIS_EXIT_USAGE, error);
	}
	status = ctl_run(
		help ? "" : argv[1], (const char *const *)argv + (help ? 1 : 2), stdout, &error);
	return error ? hvis_die(status, error) : (int)status;
}
