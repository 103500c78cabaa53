/* SPDX-License-Identifier: GPL-2.0-only */
/* The socket's side of the helper: who may ask for what, and when the answer is given. */
#include "config.h"

#include "ipd/service.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib-unix.h>

#include <util/confidential.h>
#include <util/config.h>
#include <util/error.h>
#include <util/log.h>
#include <util/manager.h>
#include <varlink/varlink.h>

#include "ipd/worker.h"
#include "kvpd/options.h"

#define INTERFACE "io.hvis.Ip"
#define NOBODY ((uid_t)-1) /* as for system calls */
#define AGAIN_MS 50u

static const char description[] =
#include "ipd/io.hvis.Ip.h"
	;

struct IpService {
	const IpOptions *options;
	HvisConfig *config; /* NULL: it is wrong */
	char *off; /* why the host may not; NULL = it may */
	VarlinkServer *server;
	uid_t owner; /* of the socket: the daemon's user; NOBODY if it has none */
	IpWorker *worker;
	GMainLoop *loop;
	guint idle; /* source */
	VarlinkCall *call; /* waits for the job's end; NULL = nobody */
	struct json_object *change; /* what it will be told */
	guint answer; /* source: it has waited long enough */
};

/* --- answers --- */

static void reply_with(VarlinkCall *call, const char *name, struct json_object *value)
{
	struct json_object *reply = json_object_new_object();

	json_object_object_add(reply, name, value);
	varlink_call_reply(call, reply);
}

static void forget_call(IpService *service)
{
	g_clear_pointer(&service->call, varlink_call_unref);
	g_clear_pointer(&service->change, json_object_put);
	g_clear_handle_id(&service->answer, g_source_remove);
}

static void reply_change(IpService *service, const char *state)
{
	json_object_object_add(service->change, "state", json_object_new_string(state));
	reply_with(service->call, "change", g_steal_pointer(&service->change));
	forget_call(service);
}

/* The caller cannot wait any longer; what is known by now is the answer. */
static gboolean on_answer(gpointer data)
{
	IpService *service = data;
	g_autofree char *interface = NULL;
	g_autoptr(GError) error = NULL;
	IpStep step = ip_worker_step(service->worker, &interface);

	service->answer = 0;
	if (step == IP_STEP_IDLE) { /* between two steps, or its end is on its way here */
		service->answer = g_timeout_add(AGAIN_MS, on_answer, service);
		return G_SOURCE_REMOVE;
	}
	if (step != IP_STEP_ROLLING_BACK) {
		ip_worker_set_caller(service->worker, IP_CALLER_TOLD);
		reply_change(service, step == IP_STEP_HOOK ? "done" : ip_step_name(step));
		return G_SOURCE_REMOVE;
	}
	hvis_fail(&error, HVIS_ERROR_FAILED, "the change is being taken back");
	varlink_call_gerror(service->call, INTERFACE, error);
	forget_call(service);
	return G_SOURCE_REMOVE;
}

static void on_done(const char *interface, const GError *error, gpointer data)
{
	IpService *service = data;

	if (service->call && error) {
		varlink_call_gerror(service->call, INTERFACE, error);
		forget_call(service);
	} else if (service->call && service->change) {
		reply_change(service, "done");
	} else if (service->call) {
		reply_with(service->call, "interface", json_object_new_string(interface));
		forget_call(service);
	}
}

/* --- methods --- */

static gboolean is_root(VarlinkCall *call)
{
	uid_t uid = varlink_call_uid(call);

	return uid == 0 || uid == geteuid();
}

/* The socket's mode says the same; a socket of another mode must not be enough. */
static gboolean may_set(const IpService *service, VarlinkCall *call)
{
	uid_t uid = varlink_call_uid(call);

	if (is_root(call) || (uid == service->owner && uid != NOBODY))
		return TRUE;
	varlink_call_error(call, "org.varlink.service.PermissionDenied", NULL);
	return FALSE;
}

static IpChange *make_change(IpService *service, struct json_object *params, GError **error)
{
	IpPlan *plan = ip_plan_from_json(params, error);
	const char *wanted =
		service->config ? hvis_config_string(service->config, "ip", "Backend") : "auto";

	return plan ? ip_change_new(service->options->root, plan, wanted, error) : NULL;
}

/* The caller hangs up on a change: it does not know what comes of that. */
static void on_hangup(VarlinkCall *call, gpointer data)
{
	IpService *service = data;

	ip_worker_set_caller(service->worker, IP_CALLER_GONE);
	forget_call(service);
}

/* How long the caller has patience: *@ret_ms. FALSE with the answer sent where it has none left. */
static gboolean take_patience(VarlinkCall *call, guint *ret_ms)
{
	gint64 now = g_get_monotonic_time(), until = now + (gint64)IP_ANSWER_MS * 1000;
	g_autoptr(GError) error = NULL;

	if (!varlink_param_int_opt(call, "answer_by_us", &until))
		return FALSE;
	if (until > now) {
		*ret_ms = (guint)MIN((until - now) / 1000, IP_ANSWER_MS);
		return TRUE;
	}
	hvis_fail(&error, HVIS_ERROR_TIMEOUT,
		"the answer was due before anything was begun; nothing is changed");
	varlink_call_gerror(call, INTERFACE, error);
	return FALSE;
}

static void start_change(IpService *service, VarlinkCall *call, IpChange *change, guint patience_ms)
{
	struct json_object *json = ip_change_to_json(change, FALSE);
	g_autoptr(GError) error = NULL;

	if (!ip_worker_start(service->worker, IP_JOB_SET, change, on_done, service, &error)) {
		json_object_put(json);
		ip_change_free(change);
		varlink_call_gerror(call, INTERFACE, error);
		return;
	}
	service->call = varlink_call_ref(call);
	service->change = json;
	service->answer = g_timeout_add(patience_ms, on_answer, service);
	varlink_call_on_hangup(call, on_hangup, service);
}

static void on_set(VarlinkCall *call, struct json_object *params, gpointer data)
{
	IpService *service = data;
	g_autoptr(GError) error = NULL;
	gboolean dry_run = FALSE;
	guint patience_ms = 0;
	IpChange *change;

	if (!may_set(service, call) || !varlink_param_bool_opt(call, "dry_run", &dry_run) ||
		!take_patience(call, &patience_ms))
		return;
	if (dry_run && !is_root(call)) { /* it shows files that others may not read */
		varlink_call_error(call, "org.varlink.service.PermissionDenied", NULL);
		return;
	}
	if (service->off && !dry_run)
		hvis_fail(&error, HVIS_ERROR_UNSUPPORTED, "%s", service->off);
	change = error ? NULL : make_change(service, params, &error);
	if (!change) {
		varlink_call_gerror(call, INTERFACE, error);
	} else if (dry_run) {
		struct json_object *json = ip_change_to_json(change, TRUE);

		json_object_object_add(json, "state", json_object_new_string("planned"));
		reply_with(call, "change", json);
		ip_change_free(change);
	} else {
		start_change(service, call, change, patience_ms);
	}
}

static void on_rollback(VarlinkCall *call, struct json_object *params, gpointer data)
{
	IpService *service = data;
	g_autoptr(GError) error = NULL;

	if (ip_worker_start(service->worker, IP_JOB_REVERT, NULL, on_done, service, &error))
		service->call = varlink_call_ref(call);
	else
		varlink_call_gerror(call, INTERFACE, error);
}

static void on_get_status(VarlinkCall *call, struct json_object *params, gpointer data)
{
	IpService *service = data;
	struct json_object *reply = json_object_new_object();
	g_autofree char *interface = NULL;
	IpStep step = ip_worker_step(service->worker, &interface);

	json_object_object_add(reply, "step", json_object_new_string(ip_step_name(step)));
	json_object_object_add(
		reply, "interface", interface ? json_object_new_string(interface) : NULL);
	json_object_object_add(
		reply, "off", service->off ? json_object_new_string(service->off) : NULL);
	json_object_object_add(reply, "history", ip_worker_history(service->worker));
	varlink_call_reply(call, reply);
}

static const VarlinkMethod methods[] = {
	{ .name = "Set", .handle = on_set },
	{ .name = "Rollback", .handle = on_rollback, .privileged = TRUE },
	{ .name = "GetStatus", .handle = on_get_status },
	{ 0 },
};

/* --- life --- */

/* "auto" trusts the host unless this VM exists because nobody does. */
static char *reason_off(HvisConfig *config)
{
	const char *enable = hvis_config_string(config, "ip", "Enable");
	HvisIsolation isolation = hvis_isolation_detect(NULL, NULL);

	if (strcmp(enable, "no") == 0)
		return g_strdup("switched off by [ip] Enable=no");
	if (strcmp(enable, "auto") == 0 && isolation != HVIS_ISOLATION_NONE)
		return g_strdup_printf(
			"this is a confidential VM (%s), and [ip] Enable= is not yes",
			hvis_isolation_name(isolation));
	return NULL;
}

static void configure(IpService *service)
{
	g_autoptr(GError) error = NULL;

	service->config = hvis_config_load(kvpd_config_keys, service->options->root, &error);
	if (service->config) {
		service->off = reason_off(service->config);
		return;
	}
	hvis_log(HVIS_LOG_WARNING, "The host may not set addresses: %s", error->message);
	service->off = g_strdup_printf("the configuration is wrong: %s", error->message);
}

IpService *ip_service_new(const IpOptions *options)
{
	IpService *service = g_new0(IpService, 1);
	HvisConfig *config;

	service->options = options;
	service->owner = NOBODY;
	configure(service);
	config = service->config;
	service->loop = g_main_loop_new(NULL, FALSE);
	service->worker = ip_worker_new(options->root, options->state_dir,
		config ? (guint)hvis_config_int(config, "ip", "ConfirmTimeout") : 0,
		config ? hvis_config_string(config, "ip", "Hook") : "/nonexistent");
	service->server = varlink_server_new("hvis_ip_helper", PACKAGE_VERSION);
	varlink_server_add(service->server, INTERFACE, description, methods, service);
	return service;
}

void ip_service_free(IpService *service)
{
	if (!service)
		return;
	ip_worker_free(service->worker); /* answers who waits */
	g_clear_handle_id(&service->idle, g_source_remove);
	forget_call(service);
	varlink_server_free(service->server);
	g_main_loop_unref(service->loop);
	hvis_config_free(service->config);
	g_free(service->off);
	g_free(service);
}

static gboolean on_idle(gpointer data)
{
	IpService *service = data;

	if (!ip_worker_is_busy(service->worker) && varlink_server_is_idle(service->server))
		g_main_loop_quit(service->loop);
	return G_SOURCE_CONTINUE;
}

/* Whom the socket at @fd belongs to. A user's name is not asked for: that may wait for a network. */
static uid_t socket_owner(int fd)
{
	struct sockaddr_un address = { 0 };
	socklen_t len = sizeof(address) - 1; /* it may lack the end of its path */
	struct stat st;

	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
		address.sun_family != AF_UNIX || address.sun_path[0] != '/' ||
		stat(address.sun_path, &st) < 0)
		return NOBODY;
	return st.st_uid;
}

static gboolean listen_on(IpService *service, GError **error)
{
	int fd;

	if (service->options->socket)
		return varlink_server_listen(
			service->server, service->options->socket, 0600, error);
	fd = hvis_socket_of_manager();
	if (fd < 0)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"there is no socket: this program is started by hvis-ip.socket");
	service->owner = socket_owner(fd);
	varlink_server_listen_fd(service->server, fd);
	service->idle = g_timeout_add(IP_IDLE_MS, on_idle, service);
	return TRUE;
}

/* Whoever made the service manager start us waits already: it is told "busy" only where we are. */
gboolean ip_service_start(IpService *service, GError **error)
{
	if (!listen_on(service, error))
		return FALSE;
	if (ip_worker_is_unfinished(service->worker) &&
		!ip_worker_start(service->worker, IP_JOB_RECOVER, NULL, NULL, NULL, error))
		return FALSE;
	hvis_notify_ready();
	return TRUE;
}

static gboolean on_quit(gpointer loop)
{
	g_main_loop_quit(loop);
	return G_SOURCE_CONTINUE;
}

void ip_service_run(IpService *service)
{
	const guint sources[] = { g_unix_signal_add(SIGTERM, on_quit, service->loop),
		g_unix_signal_add(SIGINT, on_quit, service->loop) };

	g_main_loop_run(service->loop);
	hvis_notify_stopping();
	for (guint i = 0; i < G_N_ELEMENTS(sources); i++)
		g_source_remove(sources[i]);
}
