/* SPDX-License-Identifier: GPL-2.0-only */
/* See fake-services.h. */
#include "config.h"

#include <string.h>

#include <json-c/json.h>

#include "host/service/fcopy.h"
#include "host/service/heartbeat.h"
#include "host/service/kvp.h"
#include "host/service/shutdown.h"
#include "host/service/timesync.h"
#include "host/service/vss.h"
#include "tests/unit/fake-services.h"
#include "util/error.h"

#define N_SERVICES 6

struct HostService {
	const char *name;
	ServiceState state;
	ServiceCounters counters;
};

struct HostServices {
	HostService list[N_SERVICES];
};

typedef struct {
	void (*call)(guint32 status, const GError *error, const void *done, gpointer data);
	const void *done;
	gpointer data;
} Due;

typedef struct {
	guint id;
	HostService *service;
	ServiceReady ready;
	gpointer data;
} Waiter;

static HostServices *the_services;
static GString *asked;
static guint32 answer_status;
static HvisErrorCode answer_code;
static gboolean holding;
static GList *due, *waiters;
static guint last_waiter;
static gint64 time_offset;
static guint list_size, list_from, list_most;
static const char *heartbeat = "ok";

HostServices *fake_services_new(void)
{
	static const char *const names[N_SERVICES] = { "heartbeat", "kvp", "shutdown", "timesync",
		"vss", "fcopy" };
	HostServices *services = g_new0(HostServices, 1);

	for (guint i = 0; i < N_SERVICES; i++)
		services->list[i] = (HostService){ .name = names[i],
			.state = SERVICE_READY,
			.counters = { .completed = i, .timeouts = 10 * i } };
	asked = g_string_new(NULL);
	the_services = services;
	answer_code = HVIS_ERROR_N;
	answer_status = HVIS_S_OK;
	time_offset = 0;
	list_size = 2; /* of the pairs below */
	heartbeat = "ok";
	holding = FALSE;
	return services;
}

static void finish(guint32 status, HvisErrorCode code)
{
	g_autoptr(GError) error = NULL;

	if (code != HVIS_ERROR_N)
		hvis_fail(&error, code, "the fake guest fails");
	for (GList *l = g_steal_pointer(&due); l; l = g_list_delete_link(l, l)) {
		Due *d = l->data;

		d->call(status, error, d->done, d->data);
		g_free(d);
	}
}

void fake_services_free(HostServices *services)
{
	g_autoptr(GError) error = NULL;

	hvis_fail(&error, HVIS_ERROR_CLOSED, "the registry goes away");
	finish(HVIS_S_OK, HVIS_ERROR_CLOSED);
	for (GList *l = g_steal_pointer(&waiters); l; l = g_list_delete_link(l, l)) {
		Waiter *w = l->data;

		w->ready(w->service, error, w->data);
		g_free(w);
	}
	g_string_free(asked, TRUE);
	g_free(services);
}

char *fake_take_log(void)
{
	char *text = g_strdup(asked->str);

	g_string_truncate(asked, 0);
	return text;
}

void fake_answer_with(guint32 status, HvisErrorCode code)
{
	answer_status = status;
	answer_code = code;
}

void fake_hold(void)
{
	holding = TRUE;
}

void fake_release(void)
{
	holding = FALSE;
	finish(answer_status, answer_code);
}

static void will_answer(void (*call)(guint32, const GError *, const void *, gpointer),
	const void *done, gpointer data)
{
	Due *d = g_new0(Due, 1);

	*d = (Due){ call, done, data };
	due = g_list_append(due, d);
	if (!holding)
		finish(answer_status, answer_code);
}

G_GNUC_PRINTF(1, 2) static void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_string_append_vprintf(asked, format, args);
	va_end(args);
	g_string_append_c(asked, '\n');
}

void fake_set_state(const char *service, ServiceState state)
{
	HostService *s = services_get(the_services, service, NULL);

	s->state = state;
	for (GList *l = waiters, *next; l; l = next) {
		Waiter *w = l->data;

		next = l->next;
		if (w->service != s || state != SERVICE_READY)
			continue;
		waiters = g_list_delete_link(waiters, l);
		w->ready(s, NULL, w->data);
		g_free(w);
	}
}

guint fake_n_waiters(void)
{
	return g_list_length(waiters);
}

void fake_set_heartbeat(const char *summary)
{
	heartbeat = summary;
}

/* --- service.h --- */

HostService *services_get(HostServices *services, const char *name, GError **error)
{
	for (guint i = 0; i < N_SERVICES; i++)
		if (!strcmp(services->list[i].name, name))
			return &services->list[i];
	hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no service \"%s\"", name);
	return NULL;
}

guint services_count(const HostServices *services)
{
	return N_SERVICES;
}

HostService *services_nth(const HostServices *services, guint n)
{
	return &the_services->list[n];
}

const char *service_name(const HostService *service)
{
	return service->name;
}

struct json_object *service_describe(HostService *service)
{
	struct json_object *o = json_object_new_object(), *counters = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(service->name));
	json_object_object_add(o, "state",
		json_object_new_string(service->state == SERVICE_READY ? "ready" : "disabled"));
	json_object_object_add(o, "version",
		service->state == SERVICE_READY ? json_object_new_string("3.0") : NULL);
	json_object_object_add(o, "framework",
		service->state == SERVICE_READY ? json_object_new_string("1.0") : NULL);
	json_object_object_add(
		counters, "completed", json_object_new_uint64(service->counters.completed));
	json_object_object_add(counters, "failed", json_object_new_uint64(0));
	json_object_object_add(
		counters, "timeouts", json_object_new_uint64(service->counters.timeouts));
	json_object_object_add(counters, "malformed", json_object_new_uint64(0));
	json_object_object_add(o, "counters", counters);
	if (!strcmp(service->name, "heartbeat")) {
		struct json_object *h = json_object_new_object();

		json_object_object_add(h, "summary", json_object_new_string(heartbeat));
		json_object_object_add(h, "application", json_object_new_string("healthy"));
		json_object_object_add(h, "sequence", json_object_new_int(41));
		json_object_object_add(h, "age_ms", json_object_new_int(1500));
		json_object_object_add(h, "missed", json_object_new_int(0));
		json_object_object_add(o, "heartbeat", h);
	}
	return o;
}

ServiceState service_state(const HostService *service)
{
	return SERVICE_READY;
}

gboolean service_enable(HostService *service, GError **error)
{
	note("enable %s", service->name);
	service->state = SERVICE_OFFERED;
	return TRUE;
}

void service_disable(HostService *service)
{
	note("disable %s", service->name);
	service->state = SERVICE_DISABLED;
}

gboolean service_configure(HostService *service, const char *options, GError **error)
{
	if (!strcmp(options, "bad"))
		return hvis_fail(error, HVIS_ERROR_INVALID, "\"bad\" is no option");
	note("configure %s %s", service->name, options);
	return TRUE;
}

gboolean service_renegotiate(HostService *service, GError **error)
{
	if (service->state != SERVICE_READY)
		return hvis_fail(error, HVIS_ERROR_CLOSED, "%s is not open", service->name);
	note("renegotiate %s", service->name);
	service->state = SERVICE_NEGOTIATING;
	return TRUE;
}

guint service_on_ready(HostService *service, ServiceReady ready, gpointer data)
{
	Waiter *w;

	if (service->state == SERVICE_READY) {
		ready(service, NULL, data);
		return 0;
	}
	w = g_new0(Waiter, 1);
	*w = (Waiter){ ++last_waiter, service, ready, data };
	waiters = g_list_append(waiters, w);
	return w->id;
}

void service_on_ready_cancel(HostService *service, guint id)
{
	for (GList *l = waiters; l; l = l->next) {
		Waiter *w = l->data;

		if (w->id != id)
			continue;
		note("cancel %s", service->name);
		waiters = g_list_delete_link(waiters, l);
		g_free(w);
		return;
	}
	g_assert_not_reached();
}

gboolean service_check_status(guint32 status, const char *what, GError **error)
{
	if (status == HVIS_S_OK)
		return TRUE;
	return hvis_fail(error,
		status == HVIS_E_NOT_FOUND ? HVIS_ERROR_NOT_FOUND : HVIS_ERROR_FAILED,
		"%s: the guest answers %#x", what, status);
}

/* --- timesync.h, shutdown.h --- */

static void call_done(guint32 status, const GError *error, const void *done, gpointer data)
{
	ServiceDone func = *(const ServiceDone *)done;

	func(status, error, data);
}

/* Functions cannot be kept in a data pointer: a table of those that come by. */
static ServiceDone done_funcs[16];
static guint n_done_funcs;

static const void *keep_done(ServiceDone done)
{
	for (guint i = 0; i < n_done_funcs; i++)
		if (done_funcs[i] == done)
			return &done_funcs[i];
	g_assert_cmpuint(n_done_funcs, <, G_N_ELEMENTS(done_funcs));
	done_funcs[n_done_funcs] = done;
	return &done_funcs[n_done_funcs++];
}

void timesync_set_offset(HostService *service, gint64 offset_us)
{
	time_offset = offset_us;
}

gint64 timesync_offset(const HostService *service)
{
	return time_offset;
}

void timesync_send(HostService *service, gboolean step, ServiceDone done, gpointer data)
{
	note("timesync_send %s", step ? "step" : "sample");
	will_answer(call_done, keep_done(done), data);
}

void shutdown_request(
	HostService *service, const ShutdownRequest *request, ServiceDone done, gpointer data)
{
	note("shutdown %d force=%d reason=%#x timeout=%u %s", request->action, request->force,
		request->reason, request->timeout_s, request->message ? request->message : "-");
	will_answer(call_done, keep_done(done), data);
}

/* --- kvp.h --- */

static void note_pair(const char *what, guint8 pool, const char *key, const KvpValue *value)
{
	g_autofree char *text = value ? kvp_value_text(value) : NULL;

	note("%s %u %s%s%s", what, pool, key, text ? "=" : "", text ? text : "");
}

void kvp_set(HostService *kvp, guint8 pool, const char *key, const KvpValue *value,
	ServiceDone done, gpointer data)
{
	note_pair("kvp_set", pool, key, value);
	will_answer(call_done, keep_done(done), data);
}

void kvp_add(HostService *kvp, guint8 pool, const char *key, const KvpValue *value,
	ServiceDone done, gpointer data)
{
	note_pair("kvp_add", pool, key, value);
	will_answer(call_done, keep_done(done), data);
}

void kvp_modify(HostService *kvp, guint8 pool, const char *key, const KvpValue *value,
	ServiceDone done, gpointer data)
{
	note_pair("kvp_modify", pool, key, value);
	will_answer(call_done, keep_done(done), data);
}

void kvp_remove(HostService *kvp, guint8 pool, const char *key, ServiceDone done, gpointer data)
{
	note_pair("kvp_remove", pool, key, NULL);
	will_answer(call_done, keep_done(done), data);
}

/* Two pairs, one of which would like to drive a terminal. */
static const struct {
	const char *key;
	KvpValue value;
} pairs[] = {
	{ "OSName", { .type = HVIS_KVP_REG_SZ, .text = (char[]){ "Debian \x1b[1m GNU" } } },
	{ "Boots", { .type = HVIS_KVP_REG_U32, .number = 7 } },
};

static KvpItem *item_new(guint i)
{
	KvpItem *item = g_new0(KvpItem, 1);

	item->key = g_strdup(pairs[i].key);
	item->value = pairs[i].value;
	item->value.text = g_strdup(pairs[i].value.text);
	return item;
}

static void call_item(guint32 status, const GError *error, const void *done, gpointer data)
{
	KvpItemDone func = *(const KvpItemDone *)done;
	KvpItem *item = error || status ? NULL : item_new(0);

	func(status, item, error, data);
	g_clear_pointer(&item, kvp_item_free);
}

void kvp_get(HostService *kvp, guint8 pool, const char *key, KvpItemDone done, gpointer data)
{
	static KvpItemDone kept;

	kept = done;
	note_pair("kvp_get", pool, key, NULL);
	will_answer(call_item, &kept, data);
}

void kvp_get_raw(HostService *kvp, guint8 pool, const char *key, KvpItemDone done, gpointer data)
{
	static KvpItemDone kept;

	kept = done;
	note_pair("kvp_get_raw", pool, key, NULL);
	will_answer(call_item, &kept, data);
}

static void free_item(gpointer item)
{
	kvp_item_free(item);
}

static void call_list(guint32 status, const GError *error, const void *done, gpointer data)
{
	KvpListDone func = *(const KvpListDone *)done;
	g_autoptr(GPtrArray) items = NULL;

	if (!error && !status) {
		items = g_ptr_array_new_with_free_func(free_item);
		for (guint i = list_from; i < MIN(list_size, list_from + list_most); i++)
			g_ptr_array_add(items, item_new(i % G_N_ELEMENTS(pairs)));
	}
	func(status, items, error, data);
}

void kvp_list_part(
	HostService *kvp, guint8 pool, guint from, guint most, KvpListDone done, gpointer data)
{
	static KvpListDone kept;

	kept = done;
	list_from = from;
	list_most = most;
	if (from == 0)
		note("kvp_list %u", pool);
	will_answer(call_list, &kept, data);
}

void fake_set_list(guint n)
{
	list_size = n;
}

/* --- IP --- */

static void call_ip(guint32 status, const GError *error, const void *done, gpointer data)
{
	KvpIpDone func = *(const KvpIpDone *)done;
	KvpOrigin origins[] = { KVP_ORIGIN_STATIC, KVP_ORIGIN_OTHER };
	g_autoptr(GArray) array = g_array_new(FALSE, FALSE, sizeof(KvpOrigin));
	KvpIpInfo ip = {
		.adapter_id = (char[]){ "00:15:5d:00:00:01" },
		.family = HVIS_KVP_FAMILY_IPV4 | HVIS_KVP_FAMILY_IPV6,
		.dhcp = TRUE,
		.addresses = (char *[]){ (char[]){ "192.0.2.5" }, (char[]){ "2001:db8::5" }, NULL },
		.subnets = (char *[]){ (char[]){ "255.255.255.0" }, (char[]){ "64" }, NULL },
		.gateways = (char *[]){ (char[]){ "192.0.2.1" }, NULL },
		.dns = (char *[]){ NULL },
		.origins = array,
	};

	g_array_append_vals(array, origins, 2);
	func(status, error || status ? NULL : &ip, error, data);
}

void kvp_ip_get(HostService *kvp, const char *adapter_id, KvpIpDone done, gpointer data)
{
	static KvpIpDone kept;

	kept = done;
	note("kvp_ip_get %s", adapter_id);
	will_answer(call_ip, &kept, data);
}

void kvp_ip_set(HostService *kvp, const KvpIpInfo *ip, ServiceDone done, gpointer data)
{
	g_autofree char *addresses = g_strjoinv(",", ip->addresses);
	g_autofree char *subnets = g_strjoinv(",", ip->subnets);
	g_autofree char *gateways = g_strjoinv(",", ip->gateways);
	g_autofree char *dns = g_strjoinv(",", ip->dns);

	note("kvp_ip_set %s family=%u dhcp=%d %s|%s|%s|%s", ip->adapter_id, ip->family, ip->dhcp,
		addresses, subnets, gateways, dns);
	will_answer(call_done, keep_done(done), data);
}

void kvp_ip_info_clear(KvpIpInfo *ip)
{
	g_free(ip->adapter_id);
	g_strfreev(ip->addresses);
	g_strfreev(ip->subnets);
	g_strfreev(ip->gateways);
	g_strfreev(ip->dns);
}

const char *kvp_origin_name(KvpOrigin origin)
{
	static const char *const names[] = { "unknown", "other", "static" };

	return names[origin];
}

/* --- vss.h --- */

const char *vss_step_name(VssStep step)
{
	static const char *const names[] = { "check", "freeze", "hold", "thaw" };

	return names[step];
}

const char *vss_result_name(VssResult result)
{
	static const char *const names[] = { "done", "aborted", "silent", "refused", "timeout",
		"gone", "failed", "impossible" };

	return names[result];
}

/* A guest that refuses, does not answer, or leaves, does so when it is to thaw. */
static void call_report(guint32 status, const GError *error, const void *done, gpointer data)
{
	VssDone func = *(const VssDone *)done;
	VssReport report = {
		.check_flags = HVIS_VSS_NO_AUTO_RECOVERY,
		.step = { { TRUE, TRUE, HVIS_S_OK, 1200 }, { TRUE, TRUE, HVIS_S_OK, 34500 },
			{ TRUE, FALSE, HVIS_S_OK, 1000000 },
			{ TRUE, error == NULL, status, 6700 } },
	};

	if (status)
		report.result = VSS_FAILED;
	else if (error)
		report.result = hvis_error_is(error, HVIS_ERROR_TIMEOUT)  ? VSS_TIMEOUT
				: hvis_error_is(error, HVIS_ERROR_CLOSED) ? VSS_GONE
									  : VSS_IMPOSSIBLE;
	report.message = report.result == VSS_DONE ? NULL : "thaw: it went wrong";
	func(&report, data);
}

gboolean vss_backup(
	HostService *vss, const VssBackup *backup, VssDone done, gpointer data, GError **error)
{
	static VssDone kept;

	if (holding)
		return hvis_fail(error, HVIS_ERROR_BUSY, "a backup is under way");
	kept = done;
	note("vss_backup hold=%u abort=%d silent=%d", backup->hold_ms, backup->abort,
		backup->silent_after);
	for (guint i = 0; i < backup->n_luns; i++)
		note("disk %u %u:%u:%u", backup->luns[i].bus, backup->luns[i].port,
			backup->luns[i].target, backup->luns[i].lun);
	holding = backup->hold_ms >= 60000;
	will_answer(call_report, &kept, data);
	return TRUE;
}

void vss_abort(HostService *vss)
{
	note("vss_abort");
	fake_release();
}

/* --- fcopy.h, and messages as they are --- */

const char *fcopy_result_name(FcopyResult result)
{
	static const char *const names[] = { "done", "cancelled", "refused", "failed", "source",
		"timeout", "gone", "impossible" };

	return names[result];
}

/* A guest that refuses, does not answer, or leaves, does so with the second fragment. */
static void call_copied(guint32 status, const GError *error, const void *done, gpointer data)
{
	FcopyDone func = *(const FcopyDone *)done;
	FcopyReport report = { .op = HVIS_FCOPY_OP_N, .status = status, .size = 10000, .us = 2000 };

	if (status)
		report.result = FCOPY_FAILED;
	else if (error)
		report.result = hvis_error_is(error, HVIS_ERROR_TIMEOUT)  ? FCOPY_TIMEOUT
				: hvis_error_is(error, HVIS_ERROR_CLOSED) ? FCOPY_GONE
									  : FCOPY_IMPOSSIBLE;
	report.sent = report.result == FCOPY_DONE ? 10000 : HVIS_FCOPY_FRAGMENT;
	report.fragments = report.result == FCOPY_DONE ? 2 : 1;
	if (report.result == FCOPY_DONE) {
		report.sha256 = "5ba93c9d";
	} else {
		report.op = HVIS_FCOPY_OP_WRITE;
		report.message = "WRITE: it went wrong";
		report.cancel_sent = TRUE;
	}
	func(&report, data);
}

gboolean fcopy_copy(HostService *fcopy, const FcopyJob *job, FcopyProgress progress, FcopyDone done,
	gpointer data, GError **error)
{
	static FcopyDone kept;

	if (holding)
		return hvis_fail(error, HVIS_ERROR_BUSY, "a copy is under way");
	kept = done;
	note("fcopy_copy %s|%s flags=%u cancel=%" G_GINT64_FORMAT, job->path, job->name, job->flags,
		(gint64)job->cancel_after);
	progress(HVIS_FCOPY_FRAGMENT, 10000, data);
	holding = g_str_equal(job->name, "slow");
	will_answer(call_copied, &kept, data);
	return TRUE;
}

void fcopy_cancel(HostService *fcopy)
{
	note("fcopy_cancel");
	fake_release();
}

static void call_answered(guint32 status, const GError *error, const void *done, gpointer data)
{
	(*(const ServiceAnswered *)done)(status, (const guint8 *)"\xbe\xef", 2, error, data);
}

void service_send_raw(
	HostService *s, const guint8 *body, gsize len, ServiceAnswered done, gpointer data)
{
	static ServiceAnswered kept;
	g_autoptr(GString) hex = g_string_new(NULL);

	kept = done;
	for (gsize i = 0; i < MIN(len, 8); i++)
		g_string_append_printf(hex, "%02x", body[i]);
	note("send_raw %s %zu %s", s->name, len, hex->str);
	will_answer(call_answered, &kept, data);
}
