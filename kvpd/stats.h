/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host has asked since the daemon started: how often, of which pool, and how long answers
 * took. Counts only; never fails and never waits.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#include <hvis/kvp.h>

#define KVP_STATS_OPS 6u /* HVIS_KVP_OP_GET to HVIS_KVP_OP_SET_IP_INFO */
#define KVP_STATS_BUCKETS 8u

typedef struct {
	gint64 since; /* monotonic time */
	/* by pool and op, the last row for what has none or a wrong one */
	guint64 count[HVIS_KVP_POOL_N + 1][KVP_STATS_OPS];
	guint64 failed[HVIS_KVP_POOL_N + 1];
	guint64 latency[KVP_STATS_BUCKETS];
} KvpStats;

/* Below how many microseconds an answer falls into bucket @index; 0 = the last, which has no end. */
guint64 kvp_stats_bound(guint index);

void kvp_stats_add(KvpStats *stats, guint pool, guint op, gboolean failed, gint64 took_us);

/* Members uptime_us, latency and pools of method Stats. */
struct json_object *kvp_stats_json(const KvpStats *stats, gint64 now);
