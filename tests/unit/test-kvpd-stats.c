/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters: where a request is counted, and into which bucket its answer falls. */
#include "config.h"

#include "kvpd/stats.h"

static void test_buckets(void)
{
	static const struct {
		gint64 us;
		guint bucket;
	} cases[] = { { -5, 0 }, { 0, 0 }, { 99, 0 }, { 100, 1 }, { 999, 2 }, { 1000, 3 },
		{ 9999, 4 }, { 10000, 5 }, { 999999, 6 }, { 1000000, 7 }, { G_MAXINT64, 7 } };

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		KvpStats stats = { 0 };

		kvp_stats_add(&stats, 0, HVIS_KVP_OP_GET, FALSE, cases[i].us);
		for (guint b = 0; b < KVP_STATS_BUCKETS; b++)
			g_assert_cmpuint(stats.latency[b], ==, b == cases[i].bucket);
	}
}

static void test_rows(void)
{
	KvpStats stats = { .since = 100 };
	struct json_object *reply;

	kvp_stats_add(&stats, HVIS_KVP_POOL_GUEST, HVIS_KVP_OP_SET, FALSE, 1);
	kvp_stats_add(&stats, HVIS_KVP_POOL_GUEST, HVIS_KVP_OP_SET, TRUE, 1);
	kvp_stats_add(&stats, 0, HVIS_KVP_OP_GET_IP_INFO, TRUE, 1);
	kvp_stats_add(&stats, 200, HVIS_KVP_OP_GET, TRUE, 1); /* what a hostile host may send */
	kvp_stats_add(&stats, 200, 77, TRUE, 1);
	reply = kvp_stats_json(&stats, 1100);
	g_assert_cmpstr(
		json_object_to_json_string_ext(
			json_object_array_get_idx(json_object_object_get(reply, "pools"), 1),
			JSON_C_TO_STRING_PLAIN),
		==,
		"{\"name\":\"guest\",\"get\":0,\"set\":2,\"delete\":0,\"enumerate\":0,\"failed\":"
		"1}");
	g_assert_cmpint(json_object_get_int64(json_object_object_get(reply, "get_ip_info")), ==, 1);
	g_assert_cmpint(
		json_object_get_int64(json_object_object_get(reply, "failed_elsewhere")), ==, 3);
	g_assert_cmpint(
		json_object_get_int64(json_object_object_get(reply, "uptime_us")), ==, 1000);
	json_object_put(reply);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/stats/buckets", test_buckets);
	g_test_add_func("/kvpd/stats/rows", test_rows);
	return g_test_run();
}
