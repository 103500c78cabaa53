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

#include <glib-unix.h>

#include <util/fd.h>
#include <varlink/socket.h>

#define ACCEPT_PAUSE_MS 1000u /* ours: when the process has run out of descriptors */

struct VarlinkServer {
	char *product, *version;
	VarlinkSocket socket;
	guint accept_source; /* 0 while full or paused */
	guint pause_source;
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

/* Root and our own user are let in as long as there is room; others only to a part of it. */
static gboolean may_enter(VarlinkServer *server, uid_t uid)
{
	guint same = 0, unprivileged = 0;

	if (uid == 0 || uid == geteuid())
		return TRUE;
	for (guint i = 0; i < server->connections->len; i++) {
		uid_t other = connection_uid(server->connections->pdata[i]);

		same += other == uid;
		unprivileged += other != 0 && other != geteuid();
	}
	return same < VARLINK_PER_USER_MAX && unprivileged < VARLINK_UNPRIVILEGED_MAX;
}

static void admit(VarlinkServer *server, int accepted)
{
	hvis_autofd int fd = accepted;
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
		!may_enter(server, peer.uid))
		return;
	g_ptr_array_add(server->connections, connection_new(server, hvis_fd_steal(&fd), peer.uid));
}

static gboolean on_incoming(gint listener, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	VarlinkServer *server = data;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		admit(server, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		server->pause_source = g_timeout_add(ACCEPT_PAUSE_MS, on_pause_over, server);
	if (!server->pause_source && server->connections->len < VARLINK_CLIENTS_MAX)
		return G_SOURCE_CONTINUE;
	server->accept_source = 0;
	return G_SOURCE_REMOVE;
}

static void update_accept(VarlinkServer *server)
{
	if (server->accept_source || server->pause_source || server->socket.fd < 0 ||
		server->connections->len >= VARLINK_CLIENTS_MAX)
		return;
	server->accept_source = g_unix_fd_add(server->socket.fd, G_IO_IN, on_incoming, server);
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
	g_clear_handle_id(&server->accept_source, g_source_remove);
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
