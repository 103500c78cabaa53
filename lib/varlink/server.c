/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The server: a listening socket, the interfaces, the connections, and the answers to
 * org.varlink.service. Who may connect how often is decided here, what a call may do in call.c.
 */
#include <varlink/private.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <util/fd.h>
#include <util/quiet.h>
#include <util/shortage.h>
#include <varlink/socket.h>

#define GROUPS_MAX 256 /* ours: groups of a caller that are looked at */
#define ACCEPT_PAUSE_MS 1000u /* ours: when the process has run out of descriptors */

struct VarlinkServer {
	char *product, *version;
	VarlinkSocket socket;
	guint accept_source; /* 0 while full or paused */
	guint pause_source;
	gboolean takes_fds;
	VarlinkTrust trust;
	gpointer trust_data;
	GPtrArray *interfaces; /* VarlinkInterface, in the order of adding */
	GPtrArray *connections; /* owned by themselves; they tell us when they go */
};

static const char service_description[] =
	"# What every Varlink service tells about itself.\n"
	"interface org.varlink.service\n"
	"\n"
	"method GetInfo() -> (\n"
	"  vendor: string,\n"
	"  product: string,\n"
	"  version: string,\n"
	"  url: string,\n"
	"  interfaces: []string\n"
	")\n"
	"\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n";

/* --- org.varlink.service --- */

static void add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

static void on_get_info(VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data)
{
	VarlinkServer *server = data;
	struct json_object *info = json_object_new_object();
	struct json_object *interfaces = json_object_new_array();

	for (guint i = 0; i < server->interfaces->len; i++) {
		VarlinkInterface *interface = server->interfaces->pdata[i];

		json_object_array_add(interfaces, json_object_new_string(interface->name));
	}
	add_string(info, "vendor", "hvis");
	add_string(info, "product", server->product);
	add_string(info, "version", server->version);
	add_string(info, "url", "");
	json_object_object_add(info, "interfaces", interfaces);
	varlink_call_reply(call, info);
}

static void on_get_description(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data)
{
	struct json_object *reply;
	const VarlinkInterface *interface;
	const char *name;

	if (!varlink_param_string(call, "interface", &name))
		return;
	interface = server_find(data, name, strlen(name));
	reply = json_object_new_object();
	if (interface) {
		add_string(reply, "description", interface->description);
		varlink_call_reply(call, reply);
	} else {
		add_string(reply, "interface", name);
		varlink_call_error(call, "org.varlink.service.InterfaceNotFound", reply);
	}
}

static const VarlinkMethod service_methods[] = {
	{ .name = "GetInfo", .handle = on_get_info },
	{ .name = "GetInterfaceDescription", .handle = on_get_description },
	{ 0 },
};

/* --- interfaces --- */

const VarlinkInterface *server_find(VarlinkServer *server, const char *name, gsize len)
{
	for (guint i = 0; i < server->interfaces->len; i++) {
		const VarlinkInterface *interface = server->interfaces->pdata[i];

		if (strlen(interface->name) == len && memcmp(interface->name, name, len) == 0)
			return interface;
	}
	return NULL;
}

void varlink_server_add(VarlinkServer *server, const char *interface, const char *description,
	const VarlinkMethod *methods, gpointer data)
{
	VarlinkInterface *added = g_new(VarlinkInterface, 1);

	*added = (VarlinkInterface){ interface, description, methods, data };
	g_ptr_array_add(server->interfaces, added);
}

VarlinkServer *varlink_server_new(const char *product, const char *version)
{
	VarlinkServer *server = g_new0(VarlinkServer, 1);

	server->product = g_strdup(product);
	server->version = g_strdup(version);
	server->socket = (VarlinkSocket)VARLINK_SOCKET_INIT;
	server->interfaces = g_ptr_array_new_with_free_func(g_free);
	server->connections = g_ptr_array_new();
	varlink_server_add(
		server, "org.varlink.service", service_description, service_methods, server);
	return server;
}

/* --- accepting --- */

static void update_accept(VarlinkServer *server);

static gboolean on_pause_over(gpointer data)
{
	VarlinkServer *server = data;

	server->pause_source = 0;
	update_accept(server);
	return G_SOURCE_REMOVE;
}

/* --- who is let in, and who goes for it --- */

gboolean server_trusts(VarlinkServer *server, int fd, uid_t uid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	gid_t groups[GROUPS_MAX];

	if (uid == 0 || uid == geteuid())
		return TRUE;
	if (!server->trust || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return FALSE;
	groups[0] = peer.gid;
	len = sizeof(groups) - sizeof(groups[0]);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &len) < 0)
		len = 0; /* in more than we look at: its own group counts */
	return server->trust(uid, groups, 1 + len / sizeof(groups[0]), server->trust_data);
}

void varlink_server_take_fds(VarlinkServer *server)
{
	server->takes_fds = TRUE;
}

gboolean server_takes_fds(const VarlinkServer *server)
{
	return server->takes_fds;
}

void varlink_server_set_trust(VarlinkServer *server, VarlinkTrust may, gpointer data)
{
	server->trust = may;
	server->trust_data = data;
}

guint varlink_server_connections(VarlinkServer *server)
{
	return server->connections->len;
}

static gboolean is_privileged(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* Which connections are looked at, beside that they are idle. */
typedef struct {
	gboolean unprivileged; /* only those */
	gboolean same; /* only those of @uid */
	gboolean queued; /* only who has not read all */
	uid_t uid;
	const VarlinkConnection *but;
} Choice;

static VarlinkConnection *least_active(VarlinkServer *server, const Choice *choice)
{
	VarlinkConnection *found = NULL;

	for (guint i = 0; i < server->connections->len; i++) {
		VarlinkConnection *c = server->connections->pdata[i];
		uid_t uid = connection_uid(c);

		if (c == choice->but || !connection_is_idle(c) ||
			(choice->unprivileged && is_privileged(uid)) ||
			(choice->same && uid != choice->uid) ||
			(choice->queued && connection_queued(c) == 0))
			continue;
		if (!found || connection_last_active(c) < connection_last_active(found))
			found = c;
	}
	return found;
}

static gboolean close_one(VarlinkServer *server, const Choice *choice)
{
	VarlinkConnection *c = least_active(server, choice);

	if (c)
		connection_close(c);
	return c != NULL;
}

void server_relieve(VarlinkServer *server, VarlinkConnection *writer)
{
	const Choice choice = { .queued = TRUE, .but = writer };
	gsize queued;

	do {
		queued = 0;
		for (guint i = 0; i < server->connections->len; i++)
			queued += connection_queued(server->connections->pdata[i]);
	} while (queued > VARLINK_QUEUED_MAX && close_one(server, &choice));
}

/*
 * Root and our own user are let in as long as there is room; others only to a part of it. Where it is
 * taken, who has asked for nothing for longest goes.
 */
static gboolean may_enter(VarlinkServer *server, uid_t uid)
{
	const Choice of_user = { .same = TRUE, .uid = uid }, of_all = { .unprivileged = TRUE };
	guint same = 0, unprivileged = 0;

	if (is_privileged(uid))
		return TRUE;
	for (guint i = 0; i < server->connections->len; i++) {
		uid_t other = connection_uid(server->connections->pdata[i]);

		same += other == uid;
		unprivileged += !is_privileged(other);
	}
	if (same >= VARLINK_PER_USER_MAX)
		return close_one(server, &of_user);
	return unprivileged < VARLINK_UNPRIVILEGED_MAX || close_one(server, &of_all);
}

/* One place is free, or becomes free. Unprivileged callers go before root's. */
static gboolean make_room(VarlinkServer *server)
{
	const Choice first = { .unprivileged = TRUE }, then = { 0 };

	return server->connections->len < VARLINK_CLIENTS_MAX || close_one(server, &first) ||
	       close_one(server, &then);
}

static gboolean has_room(VarlinkServer *server)
{
	const Choice any = { 0 };

	return server->connections->len < VARLINK_CLIENTS_MAX || least_active(server, &any);
}

static void admit(VarlinkServer *server, int accepted)
{
	hvis_autofd int fd = accepted;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	gboolean trusted;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
		!may_enter(server, peer.uid))
		return;
	trusted = server_trusts(server, fd, peer.uid);
	g_ptr_array_add(
		server->connections, connection_new(server, hvis_fd_steal(&fd), peer.uid, trusted));
}

static gboolean on_incoming(gint listener, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	VarlinkServer *server = data;
	int fd;

	if (!make_room(server)) { /* server_idle() and server_forget() look again */
		server->accept_source = 0;
		return G_SOURCE_REMOVE;
	}
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		admit(server, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		hvis_shortage_note(errno);
		server->pause_source = g_timeout_add(ACCEPT_PAUSE_MS, on_pause_over, server);
	}
	if (!server->pause_source)
		return G_SOURCE_CONTINUE;
	server->accept_source = 0;
	return G_SOURCE_REMOVE;
}

static void update_accept(VarlinkServer *server)
{
	if (server->accept_source || server->pause_source || server->socket.fd < 0 ||
		!has_room(server))
		return;
	server->accept_source = hvis_quiet_add(server->socket.fd, G_IO_IN, on_incoming, server);
}

void server_idle(VarlinkServer *server)
{
	update_accept(server);
}

void server_forget(VarlinkServer *server, VarlinkConnection *connection)
{
	g_ptr_array_remove_fast(server->connections, connection);
	update_accept(server);
}

gboolean varlink_server_listen(VarlinkServer *server, const char *path, guint mode, GError **error)
{
	g_return_val_if_fail(server->socket.fd < 0, FALSE);
	if (!varlink_socket_listen(&server->socket, path, mode, error)) {
		varlink_socket_close(&server->socket);
		return FALSE;
	}
	update_accept(server);
	return TRUE;
}

void varlink_server_listen_fd(VarlinkServer *server, int fd)
{
	g_return_if_fail(server->socket.fd < 0);
	server->socket.fd = fd;
	g_unix_set_fd_nonblocking(fd, TRUE, NULL);
	update_accept(server);
}

gboolean varlink_server_is_idle(VarlinkServer *server)
{
	return server->connections->len == 0;
}

void varlink_server_free(VarlinkServer *server)
{
	if (!server)
		return;
	g_clear_handle_id(&server->accept_source, hvis_quiet_remove);
	g_clear_handle_id(&server->pause_source, g_source_remove);
	varlink_socket_close(&server->socket); /* first: nobody new gets in */
	while (server->connections->len)
		connection_close(server->connections->pdata[0]);
	g_ptr_array_unref(server->connections);
	g_ptr_array_unref(server->interfaces);
	g_free(server->product);
	g_free(server->version);
	g_free(server);
}
