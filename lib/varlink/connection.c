/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A caller's stream: bytes in, cut at NULs, one call at a time in their order; bytes out as fast as
 * the caller reads. One GSource does it all. What is kept for a caller is bounded both ways: input
 * is not read while a message's worth waits, no call starts while a message's worth is unsent.
 *
 * Only on_ready() and the server close a connection. Writing to a caller who left marks the
 * connection as gone and lets the poll event that follows do the rest, so that nothing is freed
 * under a handler.
 */
#include <varlink/private.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include <util/fd.h>
#include <varlink/passed.h>

struct VarlinkConnection {
	GSource source; /* first: GLib allocates and counts */
	VarlinkServer *server;
	VarlinkCall *current;
	gpointer tag;
	int fd;
	uid_t uid;
	gboolean trusted;
	gboolean takes_fds;
	int passed; /* a descriptor that came along and nobody has taken; -1 = none */
	gint64 active; /* when bytes last went either way */
	gsize in_peak, out_peak; /* what the buffers have grown to */
	GByteArray *in, *out;
	gsize in_start; /* consumed bytes at the head of in */
	gsize in_scanned; /* bytes from in_start on that hold no NUL */
	gsize out_start;
	gpointer data; /* the service's */
	GDestroyNotify free_data;
	gboolean eof; /* the peer sends no more */
	gboolean gone; /* the peer reads no more: output is dropped */
	gboolean closing; /* a broken peer: hang up once the output is out */
	gboolean closed;
};

static gsize in_left(const VarlinkConnection *c)
{
	return c->in->len - c->in_start;
}

static gsize out_left(const VarlinkConnection *c)
{
	return c->out->len - c->out_start;
}

/* --- output --- */

/* An empty buffer that has once been large would stay so for as long as its caller does. */
static void give_back(GByteArray **array, gsize *peak)
{
	if (*peak <= VARLINK_KEEP_MAX)
		return;
	g_byte_array_unref(*array);
	*array = g_byte_array_new();
	*peak = 0;
}

static void flush(VarlinkConnection *c)
{
	while (!c->gone && out_left(c) > 0) {
		ssize_t n = send(c->fd, c->out->data + c->out_start, out_left(c),
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0)
			c->gone = TRUE;
		else {
			c->out_start += (gsize)n;
			c->active = g_get_monotonic_time();
		}
	}
	g_byte_array_set_size(c->out, 0);
	give_back(&c->out, &c->out_peak);
	c->out_start = 0;
}

static void append_out(VarlinkConnection *c, const char *text, gsize len)
{
	if (c->out_start > VARLINK_MESSAGE_MAX / 2) {
		g_byte_array_remove_range(c->out, 0, (guint)c->out_start);
		c->out_start = 0;
	}
	g_byte_array_append(c->out, (const guint8 *)text, (guint)len);
	c->out_peak = MAX(c->out_peak, c->out->len);
}

static void wake(VarlinkConnection *c)
{
	if (!c->closed)
		g_source_set_ready_time(&c->source, 0);
}

gboolean connection_send(VarlinkConnection *c, struct json_object *message)
{
	size_t len;
	const char *text = json_object_to_json_string_length(
		message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	gboolean fits = len <= VARLINK_MESSAGE_MAX;

	if (fits && !c->gone && !c->closed) {
		append_out(c, text, len + 1);
		flush(c);
		wake(c);
		if (c->server && out_left(c) > 0)
			server_relieve(c->server, c);
	}
	json_object_put(message);
	return fits;
}

gboolean connection_is_slow(const VarlinkConnection *c)
{
	return c->gone || out_left(c) > (c->trusted ? VARLINK_MESSAGE_MAX : VARLINK_BACKLOG_MAX);
}

void connection_finish(VarlinkConnection *c)
{
	c->closing = TRUE;
	wake(c);
}

/* --- input --- */

static gsize in_max(const VarlinkConnection *c)
{
	return c->trusted ? VARLINK_MESSAGE_MAX : VARLINK_REQUEST_MAX;
}

/* A descriptor that is not wanted is closed by the kernel. */
static ssize_t receive(VarlinkConnection *c, guint8 *buf, gsize len)
{
	if (c->takes_fds)
		return passed_recv(c->fd, buf, len, &c->passed);
	return recv(c->fd, buf, len, MSG_DONTWAIT);
}

/* Read what there is, up to one message more than the limit allows. TRUE where something came. */
static gboolean read_some(VarlinkConnection *c)
{
	gboolean progress = FALSE;

	if (c->in_start > 0) {
		g_byte_array_remove_range(c->in, 0, (guint)c->in_start);
		c->in_start = 0;
	}
	if (c->in->len == 0)
		give_back(&c->in, &c->in_peak);
	while (!c->eof && in_left(c) <= in_max(c)) {
		guint8 buf[16384];
		gsize room = in_max(c) + 1 - in_left(c);
		ssize_t n = receive(c, buf, MIN(room, sizeof(buf)));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			c->eof = TRUE;
			break;
		}
		g_byte_array_append(c->in, buf, (guint)n);
		c->in_peak = MAX(c->in_peak, c->in->len);
		c->active = g_get_monotonic_time();
		progress = TRUE;
	}
	return progress;
}

/* The next whole message, NUL included, which stays valid until the next read. */
static const char *next_message(VarlinkConnection *c, gsize *ret_len)
{
	const guint8 *start, *nul;

	if (in_left(c) == c->in_scanned)
		return NULL;
	start = c->in->data + c->in_start;
	nul = memchr(start + c->in_scanned, 0, in_left(c) - c->in_scanned);
	if (!nul) {
		c->in_scanned = in_left(c);
		return NULL;
	}
	*ret_len = (gsize)(nul - start) + 1;
	c->in_start += *ret_len;
	c->in_scanned = 0;
	return (const char *)start;
}

static void refuse_stream(VarlinkConnection *c, const char *parameter)
{
	struct json_object *message = json_object_new_object();
	struct json_object *params = json_object_new_object();

	json_object_object_add(params, "parameter", json_object_new_string(parameter));
	json_object_object_add(
		message, "error", json_object_new_string("org.varlink.service.InvalidParameter"));
	json_object_object_add(message, "parameters", params);
	connection_send(c, message);
	c->closing = TRUE;
}

static struct json_object *parse(const char *text, gsize len)
{
	struct json_tokener *tokener = json_tokener_new_ex(VARLINK_JSON_DEPTH);
	struct json_object *object;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)len);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
		!json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

static void start_call(VarlinkConnection *c, const char *text, gsize len)
{
	struct json_object *request = parse(text, len);
	VarlinkCall *call;

	if (!request) {
		refuse_stream(c, "message");
		return;
	}
	call = call_new(c, request);
	c->current = call;
	call_dispatch(call, c->server, c->uid, c->trusted);
	varlink_call_unref(call);
}

void connection_call_done(VarlinkConnection *c)
{
	c->current = NULL;
	wake(c);
	if (c->server)
		server_idle(c->server);
}

/* Start calls as long as they finish at once. TRUE where something was done. */
static gboolean pump(VarlinkConnection *c)
{
	gboolean progress = FALSE;

	for (guint n = 0; n < VARLINK_PUMP_MAX; n++) {
		const char *text;
		gsize len;

		if (c->closed || c->closing || c->current || out_left(c) > VARLINK_MESSAGE_MAX)
			return progress;
		text = next_message(c, &len);
		if (!text)
			break;
		start_call(c, text, len);
		progress = TRUE;
	}
	if (!c->closed && !c->closing && c->in_scanned > in_max(c))
		refuse_stream(c, "message");
	return progress;
}

/* --- the source --- */

static gboolean is_finished(const VarlinkConnection *c)
{
	if (c->closing)
		return c->gone || out_left(c) == 0;
	return c->eof && !c->current && in_left(c) == c->in_scanned && out_left(c) == 0;
}

static void update_events(VarlinkConnection *c)
{
	GIOCondition events = 0;

	if (!c->eof && !c->closing && in_left(c) <= in_max(c))
		events |= G_IO_IN;
	if (out_left(c) > 0)
		events |= G_IO_OUT;
	g_source_modify_unix_fd(&c->source, c->tag, events);
	if (!c->current && !c->closing && in_left(c) > c->in_scanned &&
		out_left(c) <= VARLINK_MESSAGE_MAX)
		wake(c); /* the others had their turn */
}

/* The peer closed: what it sent before still counts, as far as it needs no waiting. */
static void finish_input(VarlinkConnection *c)
{
	gboolean progress;

	c->gone = TRUE;
	g_byte_array_set_size(c->out, 0);
	c->out_start = 0;
	do {
		progress = !c->closed && read_some(c);
		progress = pump(c) || progress;
	} while (progress);
}

static gboolean on_ready(
	GSource *source, GSourceFunc func G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	VarlinkConnection *c = (VarlinkConnection *)source;
	GIOCondition ready = g_source_query_unix_fd(source, c->tag);

	g_source_set_ready_time(source, -1);
	if (ready & G_IO_OUT)
		flush(c);
	if (ready & (G_IO_HUP | G_IO_ERR)) {
		finish_input(c);
		connection_close(c);
		return G_SOURCE_REMOVE;
	}
	if ((ready & G_IO_IN) && !c->closing)
		read_some(c);
	pump(c);
	if (c->closed)
		return G_SOURCE_REMOVE;
	if (is_finished(c)) {
		connection_close(c);
		return G_SOURCE_REMOVE;
	}
	update_events(c);
	return G_SOURCE_CONTINUE;
}

static void finalize(GSource *source)
{
	VarlinkConnection *c = (VarlinkConnection *)source;

	g_byte_array_unref(c->in);
	g_byte_array_unref(c->out);
}

static GSourceFuncs source_funcs = { .dispatch = on_ready, .finalize = finalize };

VarlinkConnection *connection_new(VarlinkServer *server, int fd, uid_t uid, gboolean trusted)
{
	GSource *source = g_source_new(&source_funcs, sizeof(VarlinkConnection));
	VarlinkConnection *c = (VarlinkConnection *)source;

	c->server = server;
	c->fd = fd;
	c->uid = uid;
	c->trusted = trusted;
	c->takes_fds = trusted && server_takes_fds(server);
	c->passed = -1;
	c->active = g_get_monotonic_time();
	c->in = g_byte_array_new();
	c->out = g_byte_array_new();
	c->tag = g_source_add_unix_fd(source, fd, G_IO_IN);
	g_source_attach(source, NULL);
	return c;
}

/* Runs once; the memory stays for as long as GLib is inside on_ready(). */
void connection_close(VarlinkConnection *c)
{
	VarlinkServer *server = c->server;

	if (c->closed)
		return;
	c->closed = TRUE;
	c->server = NULL;
	if (c->current)
		call_hang_up(g_steal_pointer(&c->current));
	connection_set_data(c, NULL, NULL);
	g_source_destroy(&c->source);
	hvis_fd_clear(&c->fd);
	hvis_fd_clear(&c->passed);
	if (server)
		server_forget(server, c);
	g_source_unref(&c->source);
}

void connection_set_data(VarlinkConnection *c, gpointer data, GDestroyNotify free_data)
{
	if (c->free_data)
		c->free_data(c->data);
	c->data = data;
	c->free_data = free_data;
}

gpointer connection_steal_data(VarlinkConnection *c)
{
	c->free_data = NULL;
	return g_steal_pointer(&c->data);
}

int connection_take_fd(VarlinkConnection *c)
{
	return hvis_fd_steal(&c->passed);
}

gboolean connection_is_trusted(const VarlinkConnection *c)
{
	return c->trusted;
}

gboolean connection_is_idle(const VarlinkConnection *c)
{
	return !c->current;
}

gint64 connection_last_active(const VarlinkConnection *c)
{
	return c->active;
}

gsize connection_queued(const VarlinkConnection *c)
{
	return out_left(c);
}

uid_t connection_uid(const VarlinkConnection *c)
{
	return c->uid;
}
