/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this folder share: server.c owns the listening socket and the interfaces,
 * connection.c a caller's stream, call.c one call, errors.c the names of errors. Nobody else
 * includes this.
 *
 * Ownership: the server frees its connections. A connection knows its current call without owning
 * it; a call knows its connection until either of them is done with the other.
 */
#pragma once

#include <varlink/varlink.h>
#include <util/error.h>

#define VARLINK_PUMP_MAX 16u /* ours: calls of one caller before others have a turn */
#define VARLINK_REQUEST_MAX (64u * 1024u) /* ours: bytes of a message of who may only read */
#define VARLINK_BACKLOG_MAX                                                                        \
	(256u * 1024u) /* ours: unread bytes of a stream, of who may only read */
#define VARLINK_QUEUED_MAX (8u * 1024u * 1024u) /* ours: unread bytes of all connections */
#define VARLINK_KEEP_MAX 65536u /* ours: bytes of a buffer that are kept for the next message */
#define VARLINK_JSON_DEPTH 32 /* ours: nesting that the parser follows */
#define VARLINK_PER_USER_MAX 16u /* ours: connections of one unprivileged user … */
#define VARLINK_UNPRIVILEGED_MAX 48u /* … and of all of them, so that root always gets through */

typedef struct VarlinkConnection VarlinkConnection;

typedef struct {
	const char *name;
	const char *description;
	const VarlinkMethod *methods;
	gpointer data;
} VarlinkInterface;

struct VarlinkCall {
	guint refs;
	VarlinkConnection *connection; /* NULL once answered or the caller is gone */
	struct json_object *request;
	struct json_object *params; /* inside request, or own_params */
	struct json_object *own_params;
	const char *method; /* inside request */
	gboolean more, oneway;
	uid_t uid;
	void (*gone)(VarlinkCall *call, gpointer data);
	gpointer gone_data;
};

/* --- server.c --- */

const VarlinkInterface *server_find(VarlinkServer *server, const char *name, gsize len);

/* A connection has become one that may be closed for another. */
void server_idle(VarlinkServer *server);

/* More waits for readers: close who has not read for longest, but not @writer, until it is enough. */
void server_relieve(VarlinkServer *server, VarlinkConnection *writer);

/* May the caller at @fd use privileged methods? */
gboolean server_trusts(VarlinkServer *server, int fd, uid_t uid);
gboolean server_takes_fds(const VarlinkServer *server);
void server_forget(VarlinkServer *server, VarlinkConnection *connection);

/* --- connection.c --- */

/* Takes @fd. The connection lives until the peer hangs up or connection_close(). */
VarlinkConnection *connection_new(VarlinkServer *server, int fd, uid_t uid, gboolean trusted);
void connection_close(VarlinkConnection *connection);
uid_t connection_uid(const VarlinkConnection *connection);
int connection_take_fd(VarlinkConnection *connection);
gboolean connection_is_trusted(const VarlinkConnection *connection);

/* No call is being answered: it may be closed where there is need. */
gboolean connection_is_idle(const VarlinkConnection *connection);
gint64 connection_last_active(const VarlinkConnection *connection); /* monotonic time */
gsize connection_queued(const VarlinkConnection *connection); /* bytes that wait for the reader */

/* Queue @message, which is taken; FALSE where it is too long to send. */
gboolean connection_send(VarlinkConnection *connection, struct json_object *message);
gboolean connection_is_slow(const VarlinkConnection *connection);

/* Queue nothing more; the peer will be hung up on when it has read what there is. */
void connection_finish(VarlinkConnection *connection);

/* What the service keeps for this caller; freed with the connection. */
void connection_set_data(VarlinkConnection *connection, gpointer data, GDestroyNotify free_data);
gpointer connection_steal_data(VarlinkConnection *connection);

/* The current call is over: go on with the next message. */
void connection_call_done(VarlinkConnection *connection);

/* --- call.c --- */

/* Takes @request, an object. */
VarlinkCall *call_new(VarlinkConnection *connection, struct json_object *request);

/* Find the method and run it, or answer with the error that fits. */
void call_dispatch(VarlinkCall *call, VarlinkServer *server, uid_t uid, gboolean trusted);

/* The caller is gone. */
void call_hang_up(VarlinkCall *call);

/* @interface is the part of @method before its last dot; -1 where there is none. */
gssize varlink_interface_len(const char *method);

/* --- client.c --- */

int client_fd(const VarlinkClient *client);

/* Send "{method, parameters, more}". Takes @params. @deadline is in g_get_monotonic_time(), -1 = none. */
gboolean client_send(VarlinkClient *client, const char *method, struct json_object *params,
	gboolean more, gint64 deadline, GError **error);

/* 1: the next message is *@ret, a new string; 0: it has not come yet; -1: it never will. */
int client_try_receive(VarlinkClient *client, char **ret, GError **error);

/* The parameters of the answer @text, or the error that it carries. */
gboolean client_open_answer(const char *text, const char *path, struct json_object **ret,
	gboolean *continues, GError **error);

/* --- errors.c --- */

/* "NotFound" for HVIS_ERROR_NOT_FOUND, and back from a whole error name. */
const char *varlink_error_suffix(HvisErrorCode code);
HvisErrorCode varlink_error_code(const char *name);
