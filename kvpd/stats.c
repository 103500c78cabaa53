/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "kvpd/stats.h"

#include <util/json.h>

#include "kvpd/dispatch.h"
#include "kvpd/pools.h"

static const guint64 bounds[KVP_STATS_BUCKETS] = { 100, 300, 1000, 3000, 10000, 100000, 1000000,
	0 };

guint64 kvp_stats_bound(guint index)
{
	return index < KVP_STATS_BUCKETS ? bounds[index] : 0;
}

void kvp_stats_add(KvpStats *stats, guint pool, guint op, gboolean failed, gint64 took_us)
{
	guint row = MIN(pool, HVIS_KVP_POOL_N), bucket = 0;

	if (op >= HVIS_KVP_OP_GET_IP_INFO) /* these have no pool */
		row = HVIS_KVP_POOL_N;
	if (op < KVP_STATS_OPS)
		stats->count[row][op]++;
	stats->failed[row] += failed;
	while (bounds[bucket] && took_us >= (gint64)bounds[bucket])
		bucket++;
	stats->latency[bucket]++;
}

static void add_count(struct json_object *object, const char *name, guint64 count)
{
	json_object_object_add(object, name, hvis_json_count(count));
}

static struct json_object *pool_json(const KvpStats *stats, guint row)
{
	static const guint8 ops[] = { HVIS_KVP_OP_GET, HVIS_KVP_OP_SET, HVIS_KVP_OP_DELETE,
		HVIS_KVP_OP_ENUMERATE };
	static const char *const names[] = { "get", "set", "delete", "enumerate" };
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(kvp_pools_name(row)));
	for (guint i = 0; i < G_N_ELEMENTS(ops); i++)
		add_count(object, names[i], stats->count[row][ops[i]]);
	add_count(object, "failed", stats->failed[row]);
	return object;
}

struct json_object *kvp_stats_json(const KvpStats *stats, gint64 now)
{
	struct json_object *reply = json_object_new_object();
	struct json_object *latency = json_object_new_array(), *pools = json_object_new_array();
	const guint64 *others = stats->count[HVIS_KVP_POOL_N];

	for (guint i = 0; i < KVP_STATS_BUCKETS; i++) {
		struct json_object *bucket = json_object_new_object();

		json_object_object_add(bucket, "below_us",
			bounds[i] ? json_object_new_int64((gint64)bounds[i]) : NULL);
		add_count(bucket, "count", stats->latency[i]);
		json_object_array_add(latency, bucket);
	}
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		json_object_array_add(pools, pool_json(stats, i));
	add_count(reply, "uptime_us", (guint64)MAX(now - stats->since, 0));
	json_object_object_add(reply, "latency", latency);
	json_object_object_add(reply, "pools", pools);
	add_count(reply, "get_ip_info", others[HVIS_KVP_OP_GET_IP_INFO]);
	add_count(reply, "set_ip_info", others[HVIS_KVP_OP_SET_IP_INFO]);
	add_count(reply, "failed_elsewhere", stats->failed[HVIS_KVP_POOL_N]);
	return reply;
}
