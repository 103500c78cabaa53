/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Varlink protocol (varlink.org): NUL-terminated JSON over a stream socket.
 *
 * A server runs on the default main context of its thread and answers org.varlink.service by
 * itself; a client is synchronous and meant for command lines. JSON values are json-c objects.
 * Not here: any interface of ours; those live with their owners.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <sys/types.h>

#define VARLINK_MESSAGE_MAX (1024u * 1024u) /* ours: bytes of one message, either way */
#define VARLINK_CLIENTS_MAX 64u /* ours: connections to one server */

typedef struct VarlinkServer VarlinkServer;
typedef struct VarlinkCall VarlinkCall;
typedef struct VarlinkClient VarlinkClient;

/*
 * A method. It must answer @call exactly once with varlink_call_reply() or varlink_call_error(),
 * now or, having taken a reference, later. @params is an object, never NULL, owned by the call.
 */
typedef void (*VarlinkHandler)(VarlinkCall *call, struct json_object *params, gpointer data);

typedef struct {
	const char *name; /* without the interface: "Get"; NULL ends a table */
	VarlinkHandler handle;
	gboolean
		privileged; /* for root, the server's own user, and who is trusted: else PermissionDenied */
	gboolean streams; /* only with "more": else ExpectedMore */
} VarlinkMethod;

/* @product and @version answer org.varlink.service.GetInfo. */
VarlinkServer *varlink_server_new(const char *product, const char *version);
void varlink_server_free(VarlinkServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VarlinkServer, varlink_server_free)

/* @description is the interface file's text; it and @methods must outlive the server. */
void varlink_server_add(VarlinkServer *server, const char *interface, const char *description,
	const VarlinkMethod *methods, gpointer data);

/*
 * Listen on @path with @mode, replacing a dead socket there; HVIS_ERROR_BUSY where a live server
 * has it. A missing parent directory is made. Once per server; the socket file is removed by
 * varlink_server_free().
 */
gboolean varlink_server_listen(VarlinkServer *server, const char *path, guint mode, GError **error);

/* The same on a socket that listens already, a service manager's; it takes @fd, and no file is removed. */
void varlink_server_listen_fd(VarlinkServer *server, int fd);

/* TRUE while nobody is connected. */
gboolean varlink_server_is_idle(VarlinkServer *server);

/*
 * Who may use privileged methods besides root and the server's own user: @may looks at a caller's user
 * and @groups, its own first. Asked when a caller connects. NULL = nobody.
 */
typedef gboolean (*VarlinkTrust)(uid_t uid, const gid_t *groups, gsize n_groups, gpointer data);
void varlink_server_set_trust(VarlinkServer *server, VarlinkTrust may, gpointer data);

/*
 * Take a descriptor that a caller sends beside a call, from those only who may use privileged methods; else the
 * kernel closes it. For callers that connect from now on.
 */
void varlink_server_take_fds(VarlinkServer *server);

/* How many are connected. */
guint varlink_server_connections(VarlinkServer *server);

VarlinkCall *varlink_call_ref(VarlinkCall *call);
void varlink_call_unref(VarlinkCall *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VarlinkCall, varlink_call_unref)

/* Who calls, as the kernel says. */
uid_t varlink_call_uid(VarlinkCall *call);

/*
 * One thing of the service's that lives as long as the caller's connection: @data, freed by @free_data when the
 * caller hangs up. Who takes it has to free it, or to set it again; NULL where there is none.
 */
void varlink_call_set_data(VarlinkCall *call, gpointer data, GDestroyNotify free_data);
gpointer varlink_call_steal_data(VarlinkCall *call);

/* The descriptor that came with the call; the last one where there were more. -1 where there is none. Who takes it closes it. */
int varlink_call_take_fd(VarlinkCall *call);

/* TRUE where the caller asked for more than one reply. */
gboolean varlink_call_wants_more(VarlinkCall *call);

/*
 * Send one of several replies, with "continues" set. Takes @params. FALSE once the caller is gone
 * or has stopped reading: then stop and unref; it is told INTERFACE.Lost and hung up on.
 */
gboolean varlink_call_notify(VarlinkCall *call, struct json_object *params);

/* Send the last reply. Takes @params; NULL is an empty object. */
void varlink_call_reply(VarlinkCall *call, struct json_object *params);

/* Answer with error @name ("io.hvis.Kvp.NotFound"). Takes @params. */
void varlink_call_error(VarlinkCall *call, const char *name, struct json_object *params);

/* As varlink_call_error() with parameters { "message": error->message } and the name that
 * @interface gives to the code: "INTERFACE.NotFound", ".Invalid", ".Timeout", … */
void varlink_call_gerror(VarlinkCall *call, const char *interface, const GError *error);

/* Called when the caller hangs up before the last reply, or the server is freed; at most once per
 * call, not after varlink_call_notify() returned FALSE. */
void varlink_call_on_hangup(
	VarlinkCall *call, void (*gone)(VarlinkCall *call, gpointer data), gpointer data);

/* Parameter access that sends InvalidParameter and returns FALSE by itself where the value is
 * missing or of another type. Strings live as long as the call. */
gboolean varlink_param_string(VarlinkCall *call, const char *name, const char **ret);
gboolean varlink_param_int(VarlinkCall *call, const char *name, gint64 *ret);
gboolean varlink_param_array(VarlinkCall *call, const char *name, struct json_object **ret);
/* The same with a default where the parameter is absent. */
gboolean varlink_param_string_opt(VarlinkCall *call, const char *name, const char **ret);
gboolean varlink_param_int_opt(VarlinkCall *call, const char *name, gint64 *ret);
gboolean varlink_param_bool_opt(VarlinkCall *call, const char *name, gboolean *ret);

/* --- client --- */

/* What org.varlink.service.PermissionDenied, which has no text, is as an error's message. */
#define VARLINK_DENIED                                                                             \
	"only root, the user that the daemon runs as, and whom its configuration names may do "    \
	"this"

VarlinkClient *varlink_client_connect(const char *path, GError **error);
void varlink_client_free(VarlinkClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VarlinkClient, varlink_client_free)

/* Send @fd, which stays the caller's, beside the next call; it must be open until that has begun. */
void varlink_client_pass_fd(VarlinkClient *client, int fd);

/*
 * Call "INTERFACE.METHOD" and wait for the answer, @timeout_ms at most (-1 = for ever). Takes
 * @params (NULL = none). Returns the answer's parameters, a new reference. A Varlink error becomes
 * the HVIS_ERROR code that varlink_call_gerror() made it from, with its message.
 */
struct json_object *varlink_client_call(VarlinkClient *client, const char *method,
	struct json_object *params, int timeout_ms, GError **error);

/*
 * The two halves of a call with "more": start it, then take the replies one by one, each within its own
 * @timeout_ms; *@continues is FALSE with the last one. A reply is a new reference.
 */
gboolean varlink_client_start(VarlinkClient *client, const char *method, struct json_object *params,
	int timeout_ms, GError **error);
struct json_object *varlink_client_next(
	VarlinkClient *client, int timeout_ms, gboolean *continues, GError **error);

/*
 * Call with "more": @each sees every reply and ends the stream early by returning FALSE; the
 * connection is closed then. @timeout_ms is for each reply.
 */
typedef gboolean (*VarlinkEach)(struct json_object *params, gpointer data);
gboolean varlink_client_stream(VarlinkClient *client, const char *method,
	struct json_object *params, int timeout_ms, VarlinkEach each, gpointer data,
	GError **error);

/* --- a call that nobody waits for --- */

typedef struct VarlinkPending VarlinkPending;

/* @params or @error; borrowed. */
typedef void (*VarlinkAnswer)(struct json_object *params, const GError *error, gpointer data);

/*
 * Connect to @path, call, and hand the answer to @answer, once, from the default main context, after
 * @timeout_ms at the latest (then it is HVIS_ERROR_TIMEOUT). Takes @params. NULL with @error where
 * nobody listens there: then @answer is not called. What it returns is gone once @answer was called.
 */
VarlinkPending *varlink_call_later(const char *path, const char *method, struct json_object *params,
	guint timeout_ms, VarlinkAnswer answer, gpointer data, GError **error);
/* Hang up; @answer is not called any more. */
void varlink_pending_cancel(VarlinkPending *pending);
