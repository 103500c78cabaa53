/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The synchronous client. One call at a time; a call that fails half-way leaves the stream at an
 * unknown place, so the connection is closed and later calls say so.
 */
#include <varlink/private.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <util/fd.h>
#include <util/output.h>
#include <varlink/passed.h>
#include <varlink/socket.h>

struct VarlinkClient {
	int fd; /* -1 once broken */
	int pass; /* goes with the next call; -1 = none */
	char *path;
	GByteArray *in;
	gsize scanned; /* bytes at its head that hold no NUL */
};

VarlinkClient *varlink_client_connect(const char *path, GError **error)
{
	int fd = varlink_socket_connect(path, error);
	VarlinkClient *client;

	if (fd < 0)
		return NULL;
	client = g_new0(VarlinkClient, 1);
	client->fd = fd;
	client->pass = -1;
	client->path = g_strdup(path);
	client->in = g_byte_array_new();
	return client;
}

void varlink_client_free(VarlinkClient *client)
{
	if (!client)
		return;
	hvis_fd_clear(&client->fd);
	g_byte_array_unref(client->in);
	g_free(client->path);
	g_free(client);
}

static gboolean broken(VarlinkClient *client)
{
	hvis_fd_clear(&client->fd);
	return FALSE;
}

/* @deadline is in g_get_monotonic_time(), -1 = none. */
static gboolean wait_for(VarlinkClient *client, short events, gint64 deadline, GError **error)
{
	struct pollfd pfd = { .fd = client->fd, .events = events };

	for (;;) {
		gint64 left = deadline < 0 ? -1 : deadline - g_get_monotonic_time();
		int ms = deadline < 0 ? -1
			 : left <= 0  ? 0
				      : (int)MIN((left + 999) / 1000, G_MAXINT);
		int n = poll(&pfd, 1, ms);

		if (n > 0)
			return TRUE;
		if (n < 0 && errno != EINTR)
			return hvis_fail_errno(error, errno, "wait for %s", client->path);
		if (n == 0 && left <= 0)
			return hvis_fail(
				error, HVIS_ERROR_TIMEOUT, "%s: no answer in time", client->path);
	}
}

/*
 * A server that refuses a message hangs up without reading all of it, but says why first: so a
 * failed send is not yet the end, the answer is read before.
 */
static gboolean send_all(
	VarlinkClient *client, const char *text, gsize len, gint64 deadline, GError **error)
{
	while (len > 0) {
		ssize_t n = passed_send(client->fd, text, len, client->pass);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return TRUE;
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			return hvis_fail_errno(error, errno, "send to %s", client->path);
		if (n < 0 && !wait_for(client, POLLOUT, deadline, error))
			return FALSE;
		if (n > 0) {
			client->pass = -1;
			text += n;
			len -= (gsize)n;
		}
	}
	return TRUE;
}

/* The next message that has come whole, copied out of the buffer; NULL where there is none. */
static char *take_buffered(VarlinkClient *client)
{
	const guint8 *nul = NULL;
	char *text;
	gsize len;

	if (client->in->len > client->scanned)
		nul = memchr(
			client->in->data + client->scanned, 0, client->in->len - client->scanned);
	client->scanned = client->in->len;
	if (!nul)
		return NULL;
	len = (gsize)(nul - client->in->data) + 1;
	text = g_memdup2(client->in->data, len);
	g_byte_array_remove_range(client->in, 0, (guint)len);
	client->scanned = 0;
	return text;
}

int client_try_receive(VarlinkClient *client, char **ret, GError **error)
{
	for (;;) {
		guint8 buf[16384];
		ssize_t n;

		*ret = take_buffered(client);
		if (*ret)
			return 1;
		if (client->in->len > VARLINK_MESSAGE_MAX) {
			hvis_fail(
				error, HVIS_ERROR_PROTOCOL, "%s: an endless answer", client->path);
			return -1;
		}
		n = recv(client->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n > 0) {
			g_byte_array_append(client->in, buf, (guint)n);
		} else if (n == 0) {
			hvis_fail(error, HVIS_ERROR_CLOSED, "%s: hung up", client->path);
			return -1;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return 0;
		} else if (errno != EINTR) {
			hvis_fail_errno(error, errno, "receive from %s", client->path);
			return -1;
		}
	}
}

static char *receive(VarlinkClient *client, gint64 deadline, GError **error)
{
	char *text;
	int came;

	while ((came = client_try_receive(client, &text, error)) == 0) {
		if (!wait_for(client, POLLIN, deadline, error))
			return NULL;
	}
	return came > 0 ? text : NULL;
}

void varlink_client_pass_fd(VarlinkClient *client, int fd)
{
	client->pass = fd;
}

int client_fd(const VarlinkClient *client)
{
	return client->fd;
}

gboolean client_send(VarlinkClient *client, const char *method, struct json_object *params,
	gboolean more, gint64 deadline, GError **error)
{
	struct json_object *message = json_object_new_object();
	const char *text;
	gboolean done;
	size_t len;

	json_object_object_add(message, "method", json_object_new_string(method));
	json_object_object_add(message, "parameters", params ? params : json_object_new_object());
	if (more)
		json_object_object_add(message, "more", json_object_new_boolean(TRUE));
	text = json_object_to_json_string_length(
		message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (client->fd < 0)
		done = hvis_fail(
			error, HVIS_ERROR_CLOSED, "%s: the connection is closed", client->path);
	else if (len > VARLINK_MESSAGE_MAX)
		done = hvis_fail(
			error, HVIS_ERROR_NO_SPACE, "%s: %zu bytes of parameters", method, len);
	else
		done = send_all(client, text, len + 1, deadline, error) || broken(client);
	json_object_put(message);
	return done;
}

/* A socket of somebody else, or of another version: TRUE with an error that says so. */
static gboolean fail_as_stranger(
	struct json_object *message, const char *name, const char *path, GError **error)
{
	static const char *const what[][2] = {
		{ "org.varlink.service.InterfaceNotFound", "interface" },
		{ "org.varlink.service.MethodNotFound", "method" },
	};
	struct json_object *params = json_object_object_get(message, "parameters");

	for (gsize i = 0; i < G_N_ELEMENTS(what); i++) {
		struct json_object *missing = NULL;
		g_autofree char *said = NULL;

		if (strcmp(name, what[i][0]) != 0 ||
			!json_object_is_type(params, json_type_object) ||
			!json_object_object_get_ex(params, what[i][1], &missing) ||
			!json_object_is_type(missing, json_type_string))
			continue;
		said = output_escape(json_object_get_string(missing));
		hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"%s: who answers there knows no %s %s: this is the socket of another "
			"program, or of another version",
			path, what[i][1], said);
		return TRUE;
	}
	return FALSE;
}

/* The other side may be anybody's: what it says is one line, and nothing that a terminal obeys. */
static gboolean fail_by_name(
	struct json_object *message, const char *said_name, const char *path, GError **error)
{
	struct json_object *params = NULL, *text = NULL;
	g_autofree char *name = output_escape(said_name), *said = NULL;

	if (fail_as_stranger(message, name, path, error))
		return FALSE;

	if (json_object_object_get_ex(message, "parameters", &params) &&
		json_object_is_type(params, json_type_object) &&
		json_object_object_get_ex(params, "message", &text) &&
		json_object_is_type(text, json_type_string)) {
		said = output_escape(json_object_get_string(text));
		return hvis_fail(error, varlink_error_code(name), "%s", said);
	}
	if (params && json_object_is_type(params, json_type_object) &&
		json_object_object_length(params) > 0) {
		said = output_escape(
			json_object_to_json_string_ext(params, JSON_C_TO_STRING_PLAIN));
		return hvis_fail(error, varlink_error_code(name), "%s %s", name, said);
	}
	if (varlink_error_code(name) == HVIS_ERROR_PERMISSION) /* the standard error has no text */
		return hvis_fail(error, HVIS_ERROR_PERMISSION, VARLINK_DENIED);
	return hvis_fail(error, varlink_error_code(name), "%s", name);
}

/* What an answer says: TRUE with its parameters in *@ret, or the error it carries. */
static gboolean open_answer(struct json_object *message, const char *path, struct json_object **ret,
	gboolean *continues, GError **error)
{
	struct json_object *value = NULL;

	if (json_object_object_get_ex(message, "error", &value) && value) {
		if (!json_object_is_type(value, json_type_string))
			return hvis_fail(error, HVIS_ERROR_PROTOCOL, "an error without a name");
		return fail_by_name(message, json_object_get_string(value), path, error);
	}
	*continues = json_object_object_get_ex(message, "continues", &value) &&
		     json_object_get_boolean(value);
	value = NULL;
	if (json_object_object_get_ex(message, "parameters", &value) && value &&
		!json_object_is_type(value, json_type_object))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "an answer without parameters");
	*ret = value ? json_object_get(value) : json_object_new_object();
	return TRUE;
}

static struct json_object *parse_message(const char *text, const char *path, GError **error)
{
	struct json_object *message = json_tokener_parse(text);

	if (json_object_is_type(message, json_type_object))
		return message;
	json_object_put(message);
	hvis_fail(error, HVIS_ERROR_PROTOCOL,
		"%s: the answer is not a Varlink message: this is the socket of another program",
		path);
	return NULL;
}

gboolean client_open_answer(const char *text, const char *path, struct json_object **ret,
	gboolean *continues, GError **error)
{
	struct json_object *message = parse_message(text, path, error);
	gboolean done = message && open_answer(message, path, ret, continues, error);

	json_object_put(message);
	return done;
}

/* One answer. Breaks the connection where the stream cannot be trusted any more. */
static gboolean receive_answer(VarlinkClient *client, gint64 deadline, struct json_object **ret,
	gboolean *continues, GError **error)
{
	g_autofree char *text = receive(client, deadline, error);
	struct json_object *message = text ? parse_message(text, client->path, error) : NULL;
	gboolean done;

	if (!message)
		return broken(client);
	done = open_answer(message, client->path, ret, continues, error);
	json_object_put(message);
	return done;
}

static gint64 deadline_of(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : g_get_monotonic_time() + (gint64)timeout_ms * 1000;
}

struct json_object *varlink_client_call(VarlinkClient *client, const char *method,
	struct json_object *params, int timeout_ms, GError **error)
{
	gint64 deadline = deadline_of(timeout_ms);
	struct json_object *answer;
	gboolean continues;

	if (!client_send(client, method, params, FALSE, deadline, error) ||
		!receive_answer(client, deadline, &answer, &continues, error))
		return NULL;
	if (!continues)
		return answer;
	json_object_put(answer);
	hvis_fail(error, HVIS_ERROR_PROTOCOL, "%s: more answers than were asked for", method);
	broken(client);
	return NULL;
}

gboolean varlink_client_start(VarlinkClient *client, const char *method, struct json_object *params,
	int timeout_ms, GError **error)
{
	return client_send(client, method, params, TRUE, deadline_of(timeout_ms), error);
}

struct json_object *varlink_client_next(
	VarlinkClient *client, int timeout_ms, gboolean *continues, GError **error)
{
	struct json_object *answer;

	return receive_answer(client, deadline_of(timeout_ms), &answer, continues, error) ? answer
											  : NULL;
}

gboolean varlink_client_stream(VarlinkClient *client, const char *method,
	struct json_object *params, int timeout_ms, VarlinkEach each, gpointer data, GError **error)
{
	gboolean continues = TRUE;

	if (!client_send(client, method, params, TRUE, deadline_of(timeout_ms), error))
		return FALSE;
	while (continues) {
		struct json_object *answer;
		gboolean go_on;

		if (!receive_answer(client, deadline_of(timeout_ms), &answer, &continues, error))
			return FALSE;
		go_on = each(answer, data);
		json_object_put(answer);
		if (!go_on && continues) {
			broken(client);
			return TRUE;
		}
	}
	return TRUE;
}
