/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl kvp stats: the daemon's counters since it started. */
#include "hvctl/call.h"
#include "util/output.h"

static char *bound_text(struct json_object *value)
{
	gint64 us = json_object_get_int64(value);

	if (!value)
		return g_strdup("more");
	if (us < 1000)
		return g_strdup_printf("under %" G_GINT64_FORMAT " us", us);
	if (us < 1000000)
		return g_strdup_printf("under %" G_GINT64_FORMAT " ms", us / 1000);
	return g_strdup_printf("under %" G_GINT64_FORMAT " s", us / 1000000);
}

static char *seconds_text(struct json_object *value)
{
	return g_strdup_printf("%" G_GINT64_FORMAT " s", json_object_get_int64(value) / 1000000);
}

static const OutputColumn fields[] = {
	{ .heading = "Running for", .member = "uptime_us", .format = seconds_text },
	{ .heading = "IP info asked", .member = "get_ip_info" },
	{ .heading = "IP info set", .member = "set_ip_info" },
	{ .heading = "Connections", .member = "connections" },
	{ .heading = "Watchers", .member = "watchers" },
	{ .heading = NULL },
};

static const OutputColumn pool_columns[] = {
	{ .heading = "POOL", .member = "name" },
	{ .heading = "GET", .member = "get", .right = TRUE },
	{ .heading = "SET", .member = "set", .right = TRUE },
	{ .heading = "DELETE", .member = "delete", .right = TRUE },
	{ .heading = "ENUMERATE", .member = "enumerate", .right = TRUE },
	{ .heading = "FAILED", .member = "failed", .right = TRUE },
	{ .heading = NULL },
};

static const OutputColumn latency_columns[] = {
	{ .heading = "ANSWERED IN", .member = "below_us", .format = bound_text },
	{ .heading = "REQUESTS", .member = "count", .right = TRUE },
	{ .heading = NULL },
};

HvisExit hvctl_kvp_stats(const HvctlRequest *request, GError **error)
{
	struct json_object *stats = hvctl_call(request, "Stats", NULL, error), *pools = NULL;

	if (stats)
		pools = hvctl_answer_member(stats, "pools", json_type_array, error);
	if (pools && request->json) {
		output_json(request->out, stats, FALSE);
	} else if (pools) {
		output_fields(request->out, stats, fields);
		fputc('\n', request->out);
		output_table(request->out, pools, pool_columns);
		fputc('\n', request->out);
		output_table(request->out, output_member(stats, "latency"), latency_columns);
	}
	if (pools)
		output_finish(request->out, error);
	json_object_put(stats);
	return HVIS_EXIT_OK;
}
