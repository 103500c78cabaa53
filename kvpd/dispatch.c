/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests by the two tables. What needs a file is a task of the store, the only thing that happens
 * outside of the main context.
 */
#include "config.h"

#include "kvpd/dispatch.h"

#include <string.h>

#include <hvis/hresult.h>
#include <util/error.h>

/* An enumeration on its way. */
typedef struct {
	KvpRecords *records;
	gint64 at; /* clock time of its last use */
} Cursor;

struct KvpDispatch {
	KvpPolicy policy;
	const KvpDispatchOps *ops;
	gpointer data;
	KvpStore *store;
	HvisClock *clock;
	Cursor cursors[HVIS_KVP_POOL_N];
};

struct KvpJob {
	KvpRequest *request;
	KvpTask *task; /* what it needs of the files; NULL = nothing */
	gboolean is_snapshot; /* @records were taken for this request */
	KvpRecords *records;
	KvpIp *ip; /* the answer to GET_IP_INFO */
	GError *error;
};

#define POOLS_ALL 0x1f
#define POOLS_SET                                                                                  \
	(1 << HVIS_KVP_POOL_EXTERNAL | 1 << HVIS_KVP_POOL_AUTO_EXTERNAL |                          \
		1 << HVIS_KVP_POOL_AUTO_INTERNAL)
#define POOLS_DELETE (POOLS_SET | 1 << HVIS_KVP_POOL_GUEST)

static const struct {
	const char *name;
	guint pools; /* bit by bit */
	gboolean has_pool;
} operations[] = {
	[HVIS_KVP_OP_GET] = { "get", POOLS_ALL, TRUE },
	[HVIS_KVP_OP_SET] = { "set", POOLS_SET, TRUE },
	[HVIS_KVP_OP_DELETE] = { "delete", POOLS_DELETE, TRUE },
	[HVIS_KVP_OP_ENUMERATE] = { "enumerate", POOLS_ALL, TRUE },
	[HVIS_KVP_OP_GET_IP_INFO] = { "get-ip", POOLS_ALL, FALSE },
	[HVIS_KVP_OP_SET_IP_INFO] = { "set-ip", POOLS_ALL, FALSE },
};

static const guint32 statuses[HVIS_ERROR_N] = {
	[HVIS_ERROR_FAILED] = HVIS_E_FAIL,
	[HVIS_ERROR_NOT_FOUND] = HVIS_E_NOT_FOUND,
	[HVIS_ERROR_EXISTS] = HVIS_E_ALREADY_EXISTS,
	[HVIS_ERROR_INVALID] = HVIS_E_INVALIDARG,
	[HVIS_ERROR_PROTOCOL] = HVIS_E_INVALIDARG,
	[HVIS_ERROR_IO] = HVIS_E_FAIL,
	[HVIS_ERROR_NO_SPACE] = HVIS_E_DISK_FULL,
	[HVIS_ERROR_PERMISSION] = HVIS_E_FAIL,
	[HVIS_ERROR_BUSY] = HVIS_E_MACHINE_LOCKED,
	[HVIS_ERROR_TIMEOUT] = HVIS_E_FAIL,
	[HVIS_ERROR_CLOSED] = HVIS_E_NOT_CONNECTED,
	[HVIS_ERROR_UNSUPPORTED] = HVIS_E_NOT_SUPPORTED,
};

guint32 kvp_dispatch_status(const GError *error)
{
	if (!error)
		return HVIS_S_OK;
	if (error->domain != HVIS_ERROR || error->code < 0 || error->code >= HVIS_ERROR_N)
		return HVIS_E_FAIL;
	return statuses[error->code];
}

const char *kvp_dispatch_op_name(guint8 op)
{
	return op < G_N_ELEMENTS(operations) ? operations[op].name : "unknown";
}

gboolean kvp_dispatch_check(guint8 op, guint8 pool, GError **error)
{
	if (op >= G_N_ELEMENTS(operations))
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "unknown operation %u", op);
	if (!operations[op].has_pool)
		return TRUE;
	if (pool >= HVIS_KVP_POOL_N)
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s: there is no pool %u",
			operations[op].name, pool);
	if ((operations[op].pools & 1u << pool) == 0)
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"%s: the host may not do that to pool %s", operations[op].name,
			kvp_pools_name(pool));
	return TRUE;
}

KvpDispatch *kvp_dispatch_new(
	const KvpDispatchOps *ops, KvpStore *store, HvisClock *clock, gpointer data)
{
	KvpDispatch *dispatch = g_new0(KvpDispatch, 1);

	dispatch->ops = ops;
	dispatch->store = kvp_store_ref(store);
	dispatch->clock = clock;
	dispatch->policy = KVP_POLICY_ON;
	dispatch->data = data;
	return dispatch;
}

void kvp_dispatch_set_policy(KvpDispatch *dispatch, KvpPolicy policy)
{
	dispatch->policy = policy;
}

void kvp_dispatch_free(KvpDispatch *dispatch)
{
	if (!dispatch)
		return;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		kvp_records_unref(dispatch->cursors[i].records);
	kvp_store_unref(dispatch->store);
	g_free(dispatch);
}

/* --- a job's first step --- */

static void start_ip(KvpDispatch *dispatch, KvpJob *job)
{
	const NetState *state = dispatch->ops->network(dispatch->data);
	const NetInterface *interface = net_state_find(state, job->request->ip.adapter);

	if (!interface) {
		hvis_fail(&job->error, HVIS_ERROR_NOT_FOUND, "no interface has the address \"%s\"",
			job->request->ip.adapter);
		return;
	}
	job->ip = g_new0(KvpIp, 1);
	memcpy(job->ip->adapter, job->request->ip.adapter, sizeof(job->ip->adapter));
	net_state_fill(state, interface, job->ip);
}

/* The snapshot that an enumeration goes on with, NULL where it starts or started too long ago. */
static KvpRecords *cursor_at(KvpDispatch *dispatch, guint8 pool, guint32 index)
{
	Cursor *cursor = &dispatch->cursors[pool];
	gint64 now = dispatch->clock->now(dispatch->clock);

	if (index == 0 || !cursor->records || now - cursor->at > KVP_CURSOR_MS * 1000)
		return NULL;
	cursor->at = now;
	return kvp_records_ref(cursor->records);
}

static void start_read(KvpDispatch *dispatch, KvpJob *job)
{
	const KvpRequest *request = job->request;

	if (request->op == HVIS_KVP_OP_ENUMERATE)
		job->records = cursor_at(dispatch, request->pool, request->index);
	if (job->records)
		return;
	job->is_snapshot = TRUE;
	if (request->pool == HVIS_KVP_POOL_AUTO)
		job->records = dispatch->ops->facts(dispatch->data);
	else
		job->records = kvp_store_peek(dispatch->store, request->pool);
	if (!job->records)
		job->task = kvp_store_read(dispatch->store, request->pool);
}

static void start_set(KvpDispatch *dispatch, KvpJob *job)
{
	const KvpRequest *request = job->request;

	if (!request->has_value)
		hvis_fail(&job->error, HVIS_ERROR_UNSUPPORTED,
			"the kernel cannot read a value of type %u", request->type);
	else
		job->task = kvp_store_change(
			dispatch->store, request->pool, request->key, request->value);
}

KvpJob *kvp_job_new(KvpDispatch *dispatch, KvpRequest *request)
{
	KvpJob *job = g_new0(KvpJob, 1);

	job->request = request;
	if (!kvp_dispatch_check(request->op, request->pool, &job->error) ||
		!kvp_policy_check(dispatch->policy, request->op, request->pool, &job->error))
		return job;
	switch (request->op) {
	case HVIS_KVP_OP_SET:
		start_set(dispatch, job);
		break;
	case HVIS_KVP_OP_DELETE:
		job->task = kvp_store_change(dispatch->store, request->pool, request->key, NULL);
		break;
	case HVIS_KVP_OP_GET:
	case HVIS_KVP_OP_ENUMERATE:
		start_read(dispatch, job);
		break;
	case HVIS_KVP_OP_GET_IP_INFO:
		start_ip(dispatch, job);
		break;
	case HVIS_KVP_OP_SET_IP_INFO:
		hvis_fail(&job->error, HVIS_ERROR_UNSUPPORTED, "nobody here sets addresses");
		break;
	}
	return job;
}

void kvp_job_free(KvpJob *job)
{
	if (!job)
		return;
	kvp_task_free(job->task);
	kvp_records_unref(job->records);
	g_free(job->ip);
	g_free(job->request);
	g_clear_error(&job->error);
	g_free(job);
}

/* --- its second --- */

gboolean kvp_job_needs_files(const KvpJob *job)
{
	return job->task != NULL;
}

void kvp_job_run(KvpJob *job)
{
	kvp_task_run(job->task);
}

const KvpIp *kvp_job_ip(const KvpJob *job)
{
	return job->request->op == HVIS_KVP_OP_SET_IP_INFO ? &job->request->ip : NULL;
}

void kvp_job_ip_done(KvpJob *job, const GError *error)
{
	g_clear_error(&job->error);
	job->error = error ? g_error_copy(error) : NULL;
}

/* --- its third --- */

gsize kvp_dispatch_fit(const char *text, gsize units, gsize bytes)
{
	const char *pos = text;

	while (*pos) {
		const char *next = g_utf8_next_char(pos);
		gsize takes = g_utf8_get_char(pos) > 0xffff ? 2 : 1;

		if (takes > units || (gsize)(next - text) > bytes)
			break;
		units -= takes;
		pos = next;
	}
	return (gsize)(pos - text);
}

static char *fit_key(const char *key)
{
	return g_strndup(key, kvp_dispatch_fit(key, HVIS_KVP_KEY_UNITS_MAX, HVIS_KVP_KEY_MAX - 1));
}

static char *fit_value(const char *value)
{
	return g_strndup(
		value, kvp_dispatch_fit(value, HVIS_KVP_VALUE_UNITS_MAX, HVIS_KVP_VALUE_MAX - 1));
}

static void set_cursor(KvpDispatch *dispatch, guint8 pool, KvpRecords *records)
{
	Cursor *cursor = &dispatch->cursors[pool];

	kvp_records_unref(cursor->records);
	cursor->records = records ? kvp_records_ref(records) : NULL;
	cursor->at = dispatch->clock->now(dispatch->clock);
}

/* The end of a pool gives its snapshot back. */
static guint32 finish_enumerate(KvpDispatch *dispatch, KvpJob *job, char **key, char **value)
{
	guint32 index = job->request->index;

	if (index >= kvp_records_count(job->records)) {
		set_cursor(dispatch, job->request->pool, NULL);
		return HVIS_E_NO_MORE_ITEMS;
	}
	if (job->is_snapshot)
		set_cursor(dispatch, job->request->pool, job->records);
	*key = fit_key(kvp_records_key(job->records, index));
	*value = fit_value(kvp_records_value(job->records, index));
	return HVIS_S_OK;
}

static guint32 finish_get(KvpJob *job, char **key, char **value)
{
	const char *found = kvp_records_get(job->records, job->request->key);

	if (!found) {
		hvis_fail(&job->error, HVIS_ERROR_NOT_FOUND, "no key \"%s\" in pool %s",
			job->request->key, kvp_pools_name(job->request->pool));
		return kvp_dispatch_status(job->error);
	}
	*key = fit_key(job->request->key);
	*value = fit_value(found);
	return HVIS_S_OK;
}

static void finish_task(KvpJob *job)
{
	KvpRecords *records;

	if (!kvp_task_finish(job->task, &job->error))
		return;
	records = kvp_task_records(job->task);
	if (job->request->op == HVIS_KVP_OP_GET || job->request->op == HVIS_KVP_OP_ENUMERATE)
		job->records = kvp_records_ref(records);
}

guint32 kvp_job_finish(KvpDispatch *dispatch, KvpJob *job, struct hvis_kvp_dev_msg *msg)
{
	KvpAnswer answer = { .op = job->request->op, .ip = job->ip };
	g_autofree char *key = NULL, *value = NULL;
	GError *failed = NULL;

	if (job->task)
		finish_task(job);
	answer.status = kvp_dispatch_status(job->error);
	if (!job->error && job->request->op == HVIS_KVP_OP_ENUMERATE)
		answer.status = finish_enumerate(dispatch, job, &key, &value);
	else if (!job->error && job->request->op == HVIS_KVP_OP_GET)
		answer.status = finish_get(job, &key, &value);
	answer.key = key;
	answer.value = value;
	if (kvp_answer_encode(&answer, msg, &failed))
		return answer.status;
	g_clear_error(&job->error);
	g_propagate_error(&job->error, failed);
	answer = (KvpAnswer){ .op = job->request->op, .status = kvp_dispatch_status(failed) };
	kvp_answer_encode(&answer, msg, NULL); /* a bare status always fits */
	return answer.status;
}

const KvpRequest *kvp_job_request(const KvpJob *job)
{
	return job->request;
}

const GError *kvp_job_error(const KvpJob *job)
{
	return job->error;
}
