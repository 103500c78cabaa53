/* SPDX-License-Identifier: GPL-2.0-only */
/* SET_IP_INFO between the host's strings and a helper that the test plays. */
#include "kvpd/setip.h"

#include "tests/unit/ipd-scratch.h"

#include <varlink/varlink.h>

#define GUID "242ff919-07db-4180-9c2e-b86cb68c8c56"

typedef struct {
	Scratch s;
	char *socket;
	VarlinkServer *server;
	GPtrArray *calls; /* VarlinkCall, not answered yet */
	char *params; /* of the last call */
	KvpSetIp *setip;
	KvpIp ip;
	guint ends;
	GError *error; /* of the last end */
	gint64 due; /* monotonic time, of the last call's answer */
	guint hangups; /* on a call */
} Fixture;

static void on_hangup(VarlinkCall *call, gpointer data)
{
	((Fixture *)data)->hangups++;
}

static void on_set(VarlinkCall *call, struct json_object *params, gpointer data)
{
	Fixture *f = data;

	f->due = json_object_get_int64(json_object_object_get(params, "answer_by_us"));
	json_object_object_del(params, "answer_by_us");
	varlink_call_on_hangup(call, on_hangup, f);
	g_free(f->params);
	f->params = g_strdup(json_object_to_json_string_ext(
		params, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	g_ptr_array_add(f->calls, varlink_call_ref(call));
}

static const VarlinkMethod methods[] = { { .name = "Set", .handle = on_set }, { 0 } };

static void start_helper(Fixture *f)
{
	g_autoptr(GError) error = NULL;

	f->server = varlink_server_new("helper", "0");
	varlink_server_add(f->server, "io.hvis.Ip", "", methods, f);
	g_assert_true(varlink_server_listen(f->server, f->socket, 0600, &error));
}

static void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	scratch_init(&f->s);
	f->socket = scratch_path(&f->s, "/ip");
	f->calls = g_ptr_array_new_with_free_func((GDestroyNotify)varlink_call_unref);
	f->setip = kvp_setip_new(f->socket, f->s.root);
	scratch_write(
		&f->s, "/sys/bus/vmbus/devices/" GUID "/net/eth0/address", "00:15:5d:00:00:07\n");
	g_strlcpy(f->ip.adapter, "{" GUID "}", sizeof(f->ip.adapter));
	g_strlcpy(f->ip.address, "192.0.2.7;2001:db8::7", sizeof(f->ip.address));
	g_strlcpy(f->ip.subnet, "255.255.255.0;64", sizeof(f->ip.subnet));
	g_strlcpy(f->ip.gateway, "192.0.2.1", sizeof(f->ip.gateway));
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	kvp_setip_free(f->setip);
	g_ptr_array_unref(f->calls);
	varlink_server_free(f->server);
	scratch_deinit(&f->s);
	g_free(f->socket);
	g_free(f->params);
	g_clear_error(&f->error);
}

static void on_end(const GError *error, gpointer data)
{
	Fixture *f = data;

	f->ends++;
	g_clear_error(&f->error);
	f->error = error ? g_error_copy(error) : NULL;
}

static void start(Fixture *f)
{
	kvp_setip_start(f->setip, &f->ip, on_end, f);
}

static void wait_call(Fixture *f, guint n)
{
	while (f->calls->len < n)
		g_main_context_iteration(NULL, TRUE);
}

static void wait_end(Fixture *f, guint n)
{
	while (f->ends < n)
		g_main_context_iteration(NULL, TRUE);
}

static void reply(Fixture *f, const char *text)
{
	varlink_call_reply(f->calls->pdata[f->calls->len - 1], json_tokener_parse(text));
}

static void test_done(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	const gint64 patience = (gint64)KVP_SETIP_ANSWER_MS * 1000;
	gint64 before = g_get_monotonic_time();

	start_helper(f);
	start(f);
	g_assert_cmpint(KVP_SETIP_ANSWER_MS, <, KVP_SETIP_MS);
	wait_call(f, 1);
	g_assert_cmpint(f->due, >=, before + patience);
	g_assert_cmpint(f->due, <=, g_get_monotonic_time() + patience);
	g_assert_cmpuint(f->ends, ==, 0);
	g_assert_cmpstr(f->params, ==,
		"{\"adapter\":\"00:15:5d:00:00:07\",\"dhcp\":false,"
		"\"addresses\":[\"192.0.2.7/24\",\"2001:db8::7/64\"],"
		"\"gateways\":[\"192.0.2.1\"],\"dns\":[]}");
	reply(f, "{\"change\":{\"state\":\"done\",\"interface\":\"eth0\",\"warnings\":[\"w\"]}}");
	wait_end(f, 1);
	g_assert_no_error(f->error);
}

/* The host's patience is over before the network is known to work. */
static void test_confirming(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const answers[] = { "{\"change\":{\"state\":\"confirming\"}}", "{}",
		"{\"change\":7}", "{\"change\":{\"state\":7,\"warnings\":[7,null]}}" };

	start_helper(f);
	for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
		start(f);
		wait_call(f, i + 1);
		reply(f, answers[i]);
		wait_end(f, i + 1);
		g_assert_no_error(f->error);
	}
}

static void test_fails(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const HvisErrorCode codes[] = { HVIS_ERROR_TIMEOUT, HVIS_ERROR_BUSY,
		HVIS_ERROR_UNSUPPORTED, HVIS_ERROR_INVALID };

	start_helper(f);
	for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
		g_autoptr(GError) error = g_error_new(HVIS_ERROR, (gint)codes[i], "no carrier");

		start(f);
		wait_call(f, i + 1);
		varlink_call_gerror(f->calls->pdata[i], "io.hvis.Ip", error);
		wait_end(f, i + 1);
		g_assert_error(f->error, HVIS_ERROR, (gint)codes[i]);
	}
}

static void test_no_helper(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	start(f);
	g_assert_cmpuint(f->ends, ==, 1);
	g_assert_error(f->error, HVIS_ERROR, HVIS_ERROR_UNSUPPORTED);
}

/* A second one does not disturb the first. */
static void test_busy(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	start_helper(f);
	start(f);
	wait_call(f, 1);
	start(f);
	g_assert_cmpuint(f->ends, ==, 1);
	g_assert_error(f->error, HVIS_ERROR, HVIS_ERROR_BUSY);
	reply(f, "{}");
	wait_end(f, 2);
	g_assert_no_error(f->error);
	g_assert_cmpuint(f->calls->len, ==, 1);
}

static void test_stopped(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	start_helper(f);
	start(f);
	wait_call(f, 1);
	g_clear_pointer(&f->setip, kvp_setip_free);
	g_assert_cmpuint(f->ends, ==, 1);
	g_assert_error(f->error, HVIS_ERROR, HVIS_ERROR_CLOSED);
}

/* The helper has to hear of it; and the next request is none too many. */
static void test_cancelled(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	start_helper(f);
	kvp_setip_cancel(f->setip);
	start(f);
	wait_call(f, 1);
	kvp_setip_cancel(f->setip);
	g_assert_cmpuint(f->ends, ==, 1);
	g_assert_error(f->error, HVIS_ERROR, HVIS_ERROR_CLOSED);
	while (f->hangups < 1)
		g_main_context_iteration(NULL, TRUE);
	start(f);
	wait_call(f, 2);
	reply(f, "{}");
	wait_end(f, 2);
	g_assert_no_error(f->error);
}

/* The helper never hears of what is wrong. */
static void test_refused(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	start_helper(f);
	g_strlcpy(f->ip.gateway, "192.0.2.1;192.0.2.2", sizeof(f->ip.gateway));
	start(f);
	g_assert_error(f->error, HVIS_ERROR, HVIS_ERROR_INVALID);
	g_strlcpy(f->ip.adapter, "eth0", sizeof(f->ip.adapter));
	start(f);
	g_assert_error(f->error, HVIS_ERROR, HVIS_ERROR_INVALID);
	g_assert_cmpuint(f->ends, ==, 2);
	g_assert_cmpuint(f->calls->len, ==, 0);
}

static void test_adapter(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const struct {
		const char *text;
		int code; /* -1: good */
	} cases[] = {
		{ "{" GUID "}", -1 },
		{ GUID, -1 },
		{ "{242FF919-07DB-4180-9C2E-B86CB68C8C56}", -1 },
		{ "00:15:5D:00:00:07", -1 },
		{ "00155d000007", -1 },
		{ "{00000000-0000-0000-0000-000000000000}", HVIS_ERROR_NOT_FOUND },
		{ "{../../../../../etc}", HVIS_ERROR_INVALID },
		{ "{" GUID, HVIS_ERROR_INVALID },
		{ "{}", HVIS_ERROR_INVALID },
		{ "", HVIS_ERROR_INVALID },
		{ "\n\x1b[2J", HVIS_ERROR_INVALID },
	};
	static const guint8 wanted[6] = { 0x00, 0x15, 0x5d, 0, 0, 7 };

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		guint8 mac[6] = { 0 };

		kvp_setip_adapter(f->s.root, cases[i].text, mac, &error);
		if (cases[i].code < 0)
			g_assert_cmpmem(mac, sizeof(mac), wanted, sizeof(wanted));
		else
			g_assert_error(error, HVIS_ERROR, cases[i].code);
	}
}

#define TEST(path, func) g_test_add("/kvpd/setip/" path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("done", test_done);
	TEST("confirming", test_confirming);
	TEST("fails", test_fails);
	TEST("no-helper", test_no_helper);
	TEST("busy", test_busy);
	TEST("stopped", test_stopped);
	TEST("cancelled", test_cancelled);
	TEST("refused", test_refused);
	TEST("adapter", test_adapter);
	return g_test_run();
}
