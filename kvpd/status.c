/* SPDX-License-Identifier: GPL-2.0-only */
/* Status as text and as JSON, of what is in memory: nothing in here waits. */
#include "config.h"

#include "kvpd/status.h"

#include <service/status.h>
#include <util/error.h>
#include <util/json.h>

#include "kvpd/facts.h"

char *kvp_status_text(HvisServiceState state, const char *reason, const char *kernel)
{
	g_autofree char *ready = g_strdup_printf("Ready: protocol %s", kernel ? kernel : "unknown");

	return hvis_service_text(state, reason, ready);
}

static void add_count(struct json_object *object, const char *name, guint64 count)
{
	json_object_object_add(object, name, hvis_json_count(count));
}

static struct json_object *counters_json(const KvpStatus *status)
{
	struct json_object *object = hvis_service_counters_json(status->service);

	add_count(object, "refused", status->refused);
	return object;
}

static char *file_problem(const KvpPoolFiles *files, guint number)
{
	const KvpPoolInfo *info = &files->info[number];
	guint64 tail = info->bytes % sizeof(struct hvis_kvp_record);

	if (files->error[number])
		return g_strdup(files->error[number]->message);
	if (info->records > KVP_POOL_RECORDS_MAX)
		return g_strdup_printf("more than %u records: only those are read, none can be "
				       "changed",
			KVP_POOL_RECORDS_MAX);
	if (tail)
		return g_strdup_printf(
			"%" G_GUINT64_FORMAT " bytes of a torn record at the end", tail);
	return NULL;
}

/* What an administrator should know about a pool; NULL where all is well. */
static char *pool_problem(const KvpStatus *status, guint number)
{
	const char *reason;
	guint n = kvp_store_pending(status->store, number, &reason);

	if (number == HVIS_KVP_POOL_AUTO)
		return NULL;
	if (!status->files)
		return g_strdup(KVP_LOOK_LATE);
	if (n)
		return g_strdup_printf(
			"%u change%s not stored yet: %s", n, n == 1 ? "" : "s", reason);
	return file_problem(status->files, number);
}

/* The facts come from no file: the one of that name is there for other programs, and stays empty. */
static struct json_object *pool_json(const KvpStatus *status, guint number)
{
	struct json_object *object = json_object_new_object();
	KvpPool *pool = kvp_pools_get(kvp_store_pools(status->store), number);
	gboolean computed = number == HVIS_KVP_POOL_AUTO;
	g_autofree char *problem = pool_problem(status, number);
	KvpPoolInfo info = { .records = computed ? KVP_FACTS_N : 0 };

	if (!computed && status->files)
		info = status->files->info[number];
	json_object_object_add(object, "name", json_object_new_string(kvp_pools_name(number)));
	json_object_object_add(object, "number", json_object_new_int((int)number));
	json_object_object_add(
		object, "path", hvis_json_text(computed ? NULL : kvp_pool_path(pool)));
	add_count(object, "records", info.records);
	add_count(object, "bytes", info.bytes);
	json_object_object_add(object, "problem", hvis_json_text(problem));
	return object;
}

struct json_object *kvp_status_json(const KvpStatus *status)
{
	struct json_object *object = json_object_new_object();
	struct json_object *pools = json_object_new_array();

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		json_object_array_add(pools, pool_json(status, i));
	json_object_object_add(object, "version", json_object_new_string(PACKAGE_VERSION));
	hvis_service_add_status(object, status->service, status->now_us);
	json_object_object_add(object, "kernel_protocol", hvis_json_text(status->kernel));
	json_object_object_add(object, "last_request", hvis_json_text(status->request));
	json_object_object_add(object, "last_request_time_us",
		status->request ? json_object_new_int64(status->request_time_us) : NULL);
	json_object_object_add(object, "counters", counters_json(status));
	json_object_object_add(object, "pools", pools);
	return object;
}
