/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The coordinator: it owns the parts and carries requests from one to the other. Nothing in here
 * waits; what may is in the worker's threads, and the service answers in its place if one takes too
 * long.
 */
#include "config.h"

#include "kvpd/kvpd.h"

#include <string.h>
#include <sys/utsname.h>

#include <hvis/hresult.h>
#include <service/daemon.h>
#include <service/service.h>
#include <service/status.h>
#include <util/error.h>
#include <util/log.h>
#include <util/messages.h>
#include <util/shortage.h>
#include <util/manager.h>

#include "kvpd/dispatch.h"
#include "kvpd/access.h"
#include "kvpd/facts.h"
#include "kvpd/hostname.h"
#include "kvpd/net.h"
#include "kvpd/netwatch.h"
#include "kvpd/setip.h"
#include "kvpd/socket.h"
#include "kvpd/stats.h"
#include "kvpd/status.h"
#include "kvpd/worker.h"

struct Kvpd {
	const KvpdOptions *options;
	KvpPools *pools;
	KvpStore *store;
	KvpWorker *worker; /* for the host alone: no number of local callers may hold it up */
	KvpWorker *callers;
	KvpNet *net;
	KvpHostName *name;
	NetWatch *name_files;
	KvpFactsOps facts_ops;
	KvpFacts *facts;
	KvpDispatch *dispatch;
	KvpSetIp *setip;
	guint64 ip_txn; /* what setip was last started for; 0 = nothing */
	HvisService *service;
	KvpSocket *socket;
	char *kernel; /* version text of the registration */
	struct {
		gint64 time_us; /* real time; 0 = there was none */
		guint32 index;
		guint8 op, pool;
	} last; /* request */
	guint64 refused;
	KvpAccess *writers;
	KvpStats stats;
	HvisLogLimit failure; /* the last one logged */
	gboolean was_ready;
	gboolean told_ready; /* the service manager */
	gboolean is_started;
	gboolean is_reachable; /* by the socket */
	KvpPolicy policy;
	HvisDaemonLoop loop; /* of kvpd_run() */
};

/* A request on its way through the worker. */
typedef struct {
	Kvpd *kvpd;
	KvpJob *job;
	guint64 txn;
	gint64 since; /* monotonic time */
} Pending;

/* --- facts --- */

static const char *get_host_name(gpointer data)
{
	return kvp_host_name_get(((Kvpd *)data)->name);
}

static char *get_addresses(int family, gpointer data)
{
	return g_strdup(kvp_net_addresses(((Kvpd *)data)->net, family));
}

static KvpRecords *get_facts(gpointer data)
{
	return kvp_facts_snapshot(((Kvpd *)data)->facts);
}

static const NetState *get_network(gpointer data)
{
	return kvp_net_state(((Kvpd *)data)->net);
}

static void on_name_files(gpointer data)
{
	kvp_host_name_refresh(((Kvpd *)data)->name);
}

/* With the network a name server may have come within reach. */
static void on_network(gpointer data)
{
	kvp_host_name_refresh(((Kvpd *)data)->name);
}

/* --- requests --- */

/* "enumerate guest 3"; to be freed. */
static char *last_request(const Kvpd *kvpd)
{
	const char *op = kvp_dispatch_op_name(kvpd->last.op);
	const char *pool = kvp_pools_name(kvpd->last.pool);

	if (kvpd->last.time_us == 0)
		return NULL;
	if (kvpd->last.op == HVIS_KVP_OP_ENUMERATE)
		return g_strdup_printf("%s %s %u", op, pool ? pool : "?", kvpd->last.index);
	return g_strdup_printf("%s %s", op, pool ? pool : "?");
}

static void note_request(Kvpd *kvpd, const KvpRequest *request)
{
	g_autofree char *text = NULL;

	kvpd->last.time_us = g_get_real_time();
	kvpd->last.op = request->op;
	kvpd->last.pool = request->pool;
	kvpd->last.index = request->index;
	if (!hvis_log_shows(HVIS_LOG_DEBUG))
		return;
	text = last_request(kvpd);
	hvis_log(HVIS_LOG_DEBUG, "Host: %s", text);
}

/* What the host asks wrongly is its business; what we cannot do is the administrator's. */
static gboolean is_ours(guint32 status)
{
	return status == HVIS_E_FAIL || status == HVIS_E_DISK_FULL ||
	       status == HVIS_E_MACHINE_LOCKED;
}

/*
 * A host may make us fail as often as it likes, in turn with what works; the journal gets the same
 * failure once in ten minutes, and another one after a second.
 */
static gboolean is_news(Kvpd *kvpd, const char *message)
{
	HvisClock *clock = hvis_clock_default();

	return hvis_log_limit(&kvpd->failure, message, clock->now(clock));
}

/* For want of descriptors much fails in many ways: one line is for all of it. */
static gboolean is_told(const GError *error)
{
	return hvis_shortage_is_on() && hvis_error_is(error, HVIS_ERROR_FAILED);
}

static const char *message_of(guint32 status)
{
	return status == HVIS_E_DISK_FULL ? HVIS_MESSAGE_DISK_FULL : HVIS_MESSAGE_REQUEST_FAILED;
}

static void note_result(Kvpd *kvpd, const Pending *pending, guint32 status)
{
	const GError *error = kvp_job_error(pending->job);
	const KvpRequest *request = kvp_job_request(pending->job);
	gboolean loud =
		error && is_ours(status) && !is_told(error) && is_news(kvpd, error->message);
	const HvisLogContext context = { .message_id = loud ? message_of(status) : NULL,
		.transaction = pending->txn,
		.message_type = kvp_dispatch_op_name(request->op),
		.pool = kvp_pools_name(request->pool),
		.key = request->key[0] ? request->key : NULL,
		.result = status };

	if (!error)
		return;
	kvpd->refused++;
	if (loud)
		hvis_log_with(HVIS_LOG_WARNING, &context, "The host's request failed: %s",
			error->message);
	else
		hvis_log_with(HVIS_LOG_DEBUG, &context, "Refused: %s", error->message);
}

static void tell_repaired(Kvpd *kvpd)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		const HvisLogContext context = { .message_id = HVIS_MESSAGE_POOL_REPAIRED,
			.pool = kvp_pools_name(i) };

		if (kvp_pool_was_repaired(kvp_pools_get(kvpd->pools, i)))
			hvis_log_with(HVIS_LOG_NOTICE, &context,
				"Pool %s was repaired: a change of it had been cut off",
				kvp_pools_name(i));
	}
}

static void run_request(gpointer data)
{
	kvp_job_run(((Pending *)data)->job);
}

/* The answer reached nobody: what the host takes for failed is made. */
static void tell_late(const Pending *pending)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_IP_LATE,
		.transaction = pending->txn };

	if (kvp_job_ip(pending->job) && !kvp_job_error(pending->job))
		hvis_log_with(HVIS_LOG_WARNING, &context,
			"The host's addresses were applied after it had stopped waiting, and it "
			"takes that for failed");
}

static void finish_request(gpointer data)
{
	Pending *pending = data;
	Kvpd *kvpd = pending->kvpd;
	const KvpRequest *request = kvp_job_request(pending->job);
	struct hvis_kvp_dev_msg msg;

	tell_repaired(kvpd);
	note_result(kvpd, pending, kvp_job_finish(kvpd->dispatch, pending->job, &msg));
	if (!hvis_service_reply(kvpd->service, pending->txn, &msg, sizeof(msg)))
		tell_late(pending);
	kvp_stats_add(&kvpd->stats, request->pool, request->op, kvp_job_error(pending->job) != NULL,
		g_get_monotonic_time() - pending->since);
	kvp_job_free(pending->job);
	g_free(pending);
}

static void finish_ip(const GError *error, gpointer data)
{
	Pending *pending = data;

	kvp_job_ip_done(pending->job, error);
	finish_request(pending);
}

static gboolean on_request(HvisService *service, guint64 txn, const guint8 *msg, gsize len,
	gpointer data, GError **error)
{
	Kvpd *kvpd = data;
	KvpRequest *request = kvp_request_new(msg, len, error);
	Pending *pending;

	if (!request)
		return FALSE;
	note_request(kvpd, request);
	pending = g_new(Pending, 1);
	*pending = (Pending){ kvpd, kvp_job_new(kvpd->dispatch, request), txn,
		g_get_monotonic_time() };
	if (kvp_job_needs_files(pending->job)) {
		kvp_worker_push(kvpd->worker, run_request, finish_request, pending);
	} else if (kvp_job_ip(pending->job)) {
		kvpd->ip_txn = txn;
		kvp_setip_start(kvpd->setip, kvp_job_ip(pending->job), finish_ip, pending);
	} else {
		finish_request(pending);
	}
	return TRUE;
}

static void on_dropped(HvisService *service, guint64 txn, gpointer data)
{
	Kvpd *kvpd = data;

	if (txn == kvpd->ip_txn)
		kvp_setip_cancel(kvpd->setip);
}

static gsize build_failure(HvisFailure why, guint8 *buf, gpointer data)
{
	static const guint32 statuses[HVIS_FAILURE_N] = {
		[HVIS_FAILURE_MALFORMED] = HVIS_E_INVALIDARG,
		[HVIS_FAILURE_DEADLINE] = HVIS_E_FAIL,
	};
	const KvpAnswer answer = { .status = statuses[why] };
	struct hvis_kvp_dev_msg msg = { 0 };

	kvp_answer_encode(&answer, &msg, NULL); /* a bare status always fits */
	memcpy(buf, &msg, sizeof(msg));
	return sizeof(msg);
}

/* --- the device --- */

static gsize build_register(guint8 *buf, gpointer data)
{
	struct hvis_kvp_dev_msg msg;

	kvp_register_encode(&msg);
	memcpy(buf, &msg, sizeof(msg));
	return sizeof(msg);
}

static gboolean is_handshake(const guint8 *msg, gsize len, gpointer data)
{
	return kvp_is_register(msg, len);
}

static gboolean on_handshake(const guint8 *msg, gsize len, gpointer data, GError **error)
{
	Kvpd *kvpd = data;
	KvpRequest request;

	if (!kvp_request_decode(msg, len, &request, error))
		return FALSE;
	g_free(kvpd->kernel);
	kvpd->kernel = g_strdup(request.version);
	kvp_facts_set_version(kvpd->facts, request.version);
	return TRUE;
}

/*
 * Ready is who is registered: what is ordered after us finds the host served. Who cannot have the
 * device yet says so in its status and is ready too: the boot must not wait for another process.
 */
static void tell_ready(Kvpd *kvpd)
{
	if (!kvpd->told_ready)
		hvis_notify_ready();
	kvpd->told_ready = TRUE;
}

static void on_state(
	HvisService *service, HvisServiceState state, const char *reason, gpointer data)
{
	Kvpd *kvpd = data;
	const HvisLogContext context = { .message_id =
						 hvis_service_message(state, kvpd->was_ready) };
	g_autofree char *text = kvp_status_text(state, reason, kvpd->kernel);

	hvis_notify_status("%s", text);
	hvis_log_with(hvis_service_level(state, kvpd->was_ready), &context, "%s", text);
	kvpd->was_ready = state == HVIS_SERVICE_READY;
	if (state != HVIS_SERVICE_STOPPED)
		tell_ready(kvpd);
}

static const HvisServiceOps service_ops = {
	.name = "kvp",
	.receive_size = HVIS_KVP_DEV_MSG_SIZE,
	.send_size = HVIS_KVP_DEV_MSG_SIZE,
	.build_register = build_register,
	.is_handshake = is_handshake,
	.on_handshake = on_handshake,
	.on_request = on_request,
	.build_failure = build_failure,
	.on_state = on_state,
	.on_dropped = on_dropped,
};

/* --- the socket --- */

static struct json_object *get_status(const KvpPoolFiles *files, gpointer data)
{
	Kvpd *kvpd = data;
	g_autofree char *request = last_request(kvpd);
	const KvpStatus status = { .service = kvpd->service,
		.store = kvpd->store,
		.files = files,
		.now_us = g_get_monotonic_time(),
		.kernel = kvpd->kernel,
		.request = request,
		.request_time_us = kvpd->last.time_us,
		.refused = kvpd->refused };

	return kvp_status_json(&status);
}

static struct json_object *get_stats(gpointer data)
{
	return kvp_stats_json(&((Kvpd *)data)->stats, g_get_monotonic_time());
}

/* --- what cannot be stored --- */

static void on_trouble(KvpStore *store, guint pool, const char *reason, gpointer data)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_POOLS_UNSTORED };

	if (reason)
		hvis_log_with(HVIS_LOG_WARNING, &context,
			"Changes of pool %s are kept in memory until they can be stored: %s",
			kvp_pools_name(pool), reason);
	else
		hvis_log(HVIS_LOG_NOTICE, "The changes of pool %s are stored now",
			kvp_pools_name(pool));
}

static void stop_store(Kvpd *kvpd)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_POOLS_UNSTORED };

	if (!kvpd->store || kvp_store_stop(kvpd->store) == 0)
		return;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		const char *reason;
		guint n = kvp_store_pending(kvpd->store, i, &reason);

		if (n)
			hvis_log_with(HVIS_LOG_ERROR, &context,
				"%u %s of pool %s could not be stored and %s lost: %s", n,
				n == 1 ? "change" : "changes", kvp_pools_name(i),
				n == 1 ? "is" : "are", reason);
	}
}

/* --- life --- */

static void set_writers(Kvpd *kvpd, HvisConfig *config)
{
	g_autofree char *unknown = NULL;

	kvp_access_free(kvpd->writers);
	kvpd->writers = kvp_access_new(
		hvis_config_list(config, "kvp", "Writers"), kvpd->options->root, &unknown);
	if (unknown)
		hvis_log(HVIS_LOG_WARNING, "Writers= names nobody of this machine: %s", unknown);
}

static void set_lock_timeout(Kvpd *kvpd, guint ms)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		kvp_pool_set_lock_timeout(kvp_pools_get(kvpd->pools, i), ms);
}

static KvpSync sync_of(HvisConfig *config)
{
	const char *name = hvis_config_string(config, "kvp", "Sync");
	guint sync = 0;

	while (!g_str_equal(kvp_sync_names[sync], name))
		sync++;
	return (KvpSync)sync;
}

static gboolean configure(Kvpd *kvpd, GError **error)
{
	g_autoptr(HvisConfig) config =
		hvis_config_load(kvpd_config_keys, kvpd->options->root, error);

	if (!config)
		return FALSE;
	set_lock_timeout(kvpd, (guint)hvis_config_int(config, "kvp", "LockTimeout"));
	set_writers(kvpd, config);
	if (kvpd->socket)
		kvp_socket_set_writers(kvpd->socket, kvpd->writers);
	kvp_store_configure(
		kvpd->store, sync_of(config), (guint)hvis_config_int(config, "kvp", "MaxRecords"));
	kvp_net_set_policy(kvpd->net, net_policy_new(config));
	kvpd->policy = kvp_policy_for(
		kvpd->options->isolation, hvis_config_string(config, "kvp", "ConfidentialVM"));
	return TRUE;
}

static void make_facts(Kvpd *kvpd)
{
	static const char *const name_files[] = { "etc/hostname", "etc/hosts", "etc/resolv.conf",
		NULL };
	const char *root = kvpd->options->root[0] ? kvpd->options->root : "/";
	struct utsname uts;

	uname(&uts);
	kvpd->facts_ops = (KvpFactsOps){ get_host_name, get_addresses, root };
	kvpd->name = kvp_host_name_new(kvp_host_name_ops(), hvis_clock_default());
	kvpd->name_files = net_watch_new(root, name_files, on_name_files, kvpd);
	kvpd->net = kvp_net_new(root, on_network, kvpd);
	kvpd->facts = kvp_facts_new(&kvpd->facts_ops, &uts, kvpd);
}

static KvpSetIp *make_setip(const char *root)
{
	g_autofree char *socket = g_strconcat(root, "/run/hvis/ip", NULL);

	return kvp_setip_new(socket, root);
}

Kvpd *kvpd_new(const KvpdOptions *options, GError **error)
{
	static const KvpDispatchOps dispatch_ops = { get_facts, get_network };
	static const KvpSocketOps socket_ops = { get_facts, get_status, get_network, get_stats };
	g_autoptr(Kvpd) kvpd = g_new0(Kvpd, 1);

	kvpd->options = options;
	kvpd->stats.since = g_get_monotonic_time();
	kvpd->pools = kvp_pools_new(options->pool_dir, NULL);
	kvpd->worker = kvp_worker_new();
	kvpd->callers = kvp_worker_new();
	kvpd->store = kvp_store_new(kvpd->pools, kvpd->callers, NULL);
	kvp_store_on_trouble(kvpd->store, on_trouble, kvpd);
	make_facts(kvpd);
	kvpd->setip = make_setip(options->root);
	if (!configure(kvpd, error))
		return NULL;
	kvpd->dispatch = kvp_dispatch_new(&dispatch_ops, kvpd->store, hvis_clock_default(), kvpd);
	kvp_dispatch_set_policy(kvpd->dispatch, kvpd->policy);
	kvpd->service = hvis_service_new(&service_ops, options->device, NULL, kvpd);
	kvpd->socket = kvp_socket_new(&socket_ops, kvpd->store, kvpd->callers, kvpd);
	kvp_socket_set_writers(kvpd->socket, kvpd->writers);
	return g_steal_pointer(&kvpd);
}

void kvpd_free(Kvpd *kvpd)
{
	if (!kvpd)
		return;
	hvis_shortage_watch(NULL, NULL);
	set_lock_timeout(
		kvpd, 0); /* what waits for a lock may end that; what is queued waits for none */
	kvp_worker_free(kvpd->worker); /* waits, and answers */
	kvp_worker_free(kvpd->callers);
	stop_store(kvpd);
	kvp_socket_free(kvpd->socket);
	kvp_access_free(kvpd->writers);
	kvp_setip_free(kvpd->setip); /* answers, too */
	hvis_service_free(kvpd->service);
	kvp_dispatch_free(kvpd->dispatch);
	kvp_facts_free(kvpd->facts);
	kvp_net_free(kvpd->net);
	net_watch_free(kvpd->name_files);
	kvp_host_name_free(kvpd->name);
	kvp_store_unref(kvpd->store);
	kvp_pools_unref(kvpd->pools);
	g_free(kvpd->kernel);
	hvis_log_limit_clear(&kvpd->failure);
	hvis_daemon_drop_signals(
		&kvpd->loop); /* not before all that was in memory only is written */
	g_free(kvpd);
}

/* The end of a daemon that is not to run here; no failure, so the manager does not start it again. */
static void note_confidential(const Kvpd *kvpd)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_CONFIDENTIAL_VM };
	const char *kind = hvis_isolation_name(kvpd->options->isolation);

	if (kvpd->options->isolation == HVIS_ISOLATION_NONE)
		return;
	if (kvpd->policy == KVP_POLICY_OFF)
		hvis_notify_status("Off in a confidential VM (%s)", kind);
	hvis_log_with(HVIS_LOG_NOTICE, &context,
		"This is a confidential VM (%s): ConfidentialVM=%s of hvis.conf(5) applies", kind,
		kvp_policy_names[kvpd->policy]);
}

static gboolean listen_for_callers(Kvpd *kvpd, GError **error)
{
	return hvis_daemon_listen(
		kvp_socket_server(kvpd->socket), kvpd->options->socket, &kvpd->is_reachable, error);
}

static void create_pools(Kvpd *kvpd)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_POOLS_UNSTORED };
	g_autoptr(GError) failed = NULL;

	if (!kvp_pools_create(kvpd->pools, &failed))
		hvis_log_with(
			HVIS_LOG_WARNING, &context, "Pools cannot be stored: %s", failed->message);
	tell_repaired(kvpd);
}

/* What could not be done for want of descriptors, and would not be tried again soon by itself. */
static void catch_up(Kvpd *kvpd)
{
	if (!kvpd->is_started)
		return;
	if (!kvpd->is_reachable)
		listen_for_callers(kvpd, NULL);
	create_pools(kvpd);
	kvp_store_refresh(kvpd->store);
	kvp_host_name_refresh(kvpd->name);
}

static void on_shortage(gboolean is_short, gpointer data)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_NO_DESCRIPTORS };

	if (is_short) {
		hvis_log_with(HVIS_LOG_WARNING, &context,
			"No file descriptor is left: what needs one fails until there are some");
		return;
	}
	hvis_log(HVIS_LOG_NOTICE, "There are file descriptors again");
	catch_up(data);
}

gboolean kvpd_start(Kvpd *kvpd, GError **error)
{
	hvis_shortage_watch(on_shortage, kvpd);
	note_confidential(kvpd);
	if (kvpd->policy == KVP_POLICY_OFF) {
		tell_ready(kvpd);
		return TRUE;
	}
	if (!listen_for_callers(kvpd, error))
		return FALSE;
	create_pools(kvpd);
	hvis_notify_status("Starting");
	hvis_watchdog_attach();
	hvis_service_start(kvpd->service);
	kvpd->is_started = TRUE;
	return TRUE;
}

void kvpd_reload(Kvpd *kvpd)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_CONFIG_WRONG };
	g_autoptr(GError) error = NULL;

	hvis_notify_reloading();
	if (!configure(kvpd, &error))
		hvis_log_with(HVIS_LOG_WARNING, &context, "The configuration is not used: %s",
			error->message);
	kvp_dispatch_set_policy(kvpd->dispatch, kvpd->policy);
	kvp_facts_reload(kvpd->facts);
	kvp_host_name_refresh(kvpd->name);
	hvis_notify_reloaded();
	if (kvpd->policy == KVP_POLICY_OFF && kvpd->loop.loop) {
		note_confidential(kvpd);
		g_main_loop_quit(kvpd->loop.loop);
	}
}

static gboolean on_quit(gpointer data)
{
	g_main_loop_quit(((Kvpd *)data)->loop.loop);
	return G_SOURCE_CONTINUE;
}

static gboolean on_reload(gpointer kvpd)
{
	kvpd_reload(kvpd);
	return G_SOURCE_CONTINUE;
}

void kvpd_catch_signals(Kvpd *kvpd)
{
	hvis_daemon_catch_signals(&kvpd->loop, on_quit, on_reload, kvpd);
}

void kvpd_run(Kvpd *kvpd)
{
	if (kvpd->policy != KVP_POLICY_OFF)
		g_main_loop_run(kvpd->loop.loop);
	hvis_notify_stopping();
}
