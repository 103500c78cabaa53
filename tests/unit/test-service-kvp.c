/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's KVP requests against a guest in memory. */
#include <hvis/hresult.h>
#include <util/clock.h>
#include <util/error.h>
#include "host/service/kvp.h"
#include "tests/unit/fake-bus.h"
#include "tests/unit/fake-kvp.h"

typedef struct {
	FakeBus *bus;
	HvisFakeClock *clock;
	HostServices *all;
	HostService *s;
	FakeKvp *guest;
	/* the last completion */
	guint calls;
	guint32 status;
	int code;
	char *text; /* "key=value;…", or the addresses */
} Fixture;

static void setup(Fixture *f, gconstpointer major)
{
	f->bus = fake_bus_new();
	f->clock = hvis_fake_clock_new();
	f->guest = fake_kvp_new();
	f->all = services_new_bus(fake_bus_get(f->bus), hvis_fake_clock_get(f->clock));
	g_assert_true(services_add(f->all, "kvp", NULL));
	f->s = services_get(f->all, "kvp", NULL);
	fake_bus_open(f->bus, "kvp");
	fake_bus_agree(f->bus, "kvp", (IcVersion){ 3, 0 },
		(IcVersion){ (guint16)GPOINTER_TO_UINT(major), 0 });
	g_assert_cmpint(service_state(f->s), ==, SERVICE_READY);
}

static void teardown(Fixture *f, gconstpointer major)
{
	services_free(f->all);
	fake_kvp_free(f->guest);
	hvis_fake_clock_free(f->clock);
	fake_bus_free(f->bus);
	g_free(f->text);
}

/* Let the guest answer until the host asks for nothing more. */
static void run(Fixture *f)
{
	FakeSent *sent;

	while ((sent = fake_bus_take(f->bus, "kvp"))) {
		gsize len = sent->m.body.left;
		g_autofree guint8 *body = g_memdup2(sent->m.body.pos, len);
		guint32 status = fake_kvp_answer(f->guest, body, len);

		g_assert_cmpuint(sent->m.type, ==, HVIS_IC_KVP);
		fake_bus_answer(f->bus, "kvp", sent, status, body, len);
		fake_sent_free(sent);
	}
}

static void record(Fixture *f, guint32 status, const GError *error, char *text)
{
	f->calls++;
	f->status = status;
	f->code = error ? error->code : -1;
	g_free(f->text);
	f->text = text;
}

static void on_done(guint32 status, const GError *error, gpointer data)
{
	record(data, status, error, NULL);
}

static char *item_text(const KvpItem *item)
{
	g_autofree char *value = kvp_value_text(&item->value);

	return g_strdup_printf("%s=%s", item->key, value);
}

static void on_item(guint32 status, const KvpItem *item, const GError *error, gpointer data)
{
	g_assert_cmpint(item != NULL, ==, !error && status == HVIS_S_OK);
	record(data, status, error, item ? item_text(item) : NULL);
}

static void on_list(guint32 status, GPtrArray *items, const GError *error, gpointer data)
{
	GString *text = g_string_new(NULL);

	g_assert_cmpint(items != NULL, ==, !error && status == HVIS_S_OK);
	for (guint i = 0; items && i < items->len; i++) {
		g_autofree char *one = item_text(items->pdata[i]);

		g_string_append_printf(text, "%s%s", i ? ";" : "", one);
	}
	record(data, status, error, g_string_free(text, FALSE));
}

static void on_ip(guint32 status, const KvpIpInfo *ip, const GError *error, gpointer data)
{
	record(data, status, error, ip ? g_strjoinv(";", ip->addresses) : NULL);
}

static void assert_done(Fixture *f, guint32 status)
{
	run(f);
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(f->code, ==, -1);
	g_assert_cmphex(f->status, ==, status);
	f->calls = 0;
}

static void assert_error(Fixture *f, HvisErrorCode code)
{
	run(f);
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(f->code, ==, (int)code);
	f->calls = 0;
}

static KvpValue text_value(const char *text)
{
	return (KvpValue){ .type = HVIS_KVP_REG_SZ, .text = (char *)text };
}

/* --- one message each --- */

static void test_set(Fixture *f, gconstpointer major)
{
	KvpValue v = text_value("v\360\237\230\200");

	kvp_set(f->s, HVIS_KVP_POOL_EXTERNAL, "key", &v, on_done, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(fake_kvp_find(f->guest, 0, "key"), ==, "v\360\237\230\200");
	g_assert_cmpuint(f->guest->last_op, ==, HVIS_KVP_OP_SET);
	v = text_value("other");
	kvp_set(f->s, HVIS_KVP_POOL_EXTERNAL, "key", &v, on_done, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(fake_kvp_find(f->guest, 0, "key"), ==, "other");
}

static void test_set_typed(Fixture *f, gconstpointer major)
{
	static const struct {
		const char *type, *text;
		guint32 wire;
	} cases[] = {
		{ "u32", "4294967295", 4 },
		{ "u64", "18446744073709551615", 11 },
		{ "u64-linux", "9", 8 },
		{ "expand", "%PATH%", 2 },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		KvpValue v = { 0 };

		g_assert_true(kvp_value_parse(cases[i].type, cases[i].text, &v, NULL));
		kvp_set(f->s, HVIS_KVP_POOL_EXTERNAL, "n", &v, on_done, f);
		assert_done(f, HVIS_S_OK);
		g_assert_cmpstr(fake_kvp_find(f->guest, 0, "n"), ==, cases[i].text);
		g_assert_cmpuint(f->guest->last_type, ==, cases[i].wire);
		kvp_value_clear(&v);
	}
}

static void test_set_too_long(Fixture *f, gconstpointer major)
{
	g_autofree char *key = g_strnfill(256, 'k');
	KvpValue v = text_value("v");

	kvp_set(f->s, 0, key, &v, on_done, f);
	assert_error(f, HVIS_ERROR_INVALID);
	g_assert_cmpuint(f->guest->requests, ==, 0);
	key[255] = '\0';
	kvp_set(f->s, 0, key, &v, on_done, f);
	assert_done(f, HVIS_S_OK);
}

static void test_remove(Fixture *f, gconstpointer major)
{
	fake_kvp_add(f->guest, 0, "key", "v");
	kvp_remove(f->s, 0, "key", on_done, f);
	assert_done(f, HVIS_S_OK);
	g_assert_null(fake_kvp_find(f->guest, 0, "key"));
	kvp_remove(f->s, 0, "key", on_done, f);
	assert_done(f, HVIS_E_NO_MORE_ITEMS);
}

static void test_wrong_pool(Fixture *f, gconstpointer major)
{
	KvpValue v = text_value("v");

	kvp_set(f->s, 200, "k", &v, on_done, f);
	assert_done(f, HVIS_E_INVALIDARG);
	g_assert_cmpuint(f->guest->last_pool, ==, 200);
}

static void test_get_raw(Fixture *f, gconstpointer major)
{
	fake_kvp_add(f->guest, 1, "key", "v");
	kvp_get_raw(f->s, 1, "key", on_item, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(f->text, ==, "key=v");
	g_assert_cmpuint(f->guest->last_op, ==, HVIS_KVP_OP_GET);
	kvp_get_raw(f->s, 1, "none", on_item, f);
	assert_done(f, HVIS_E_NO_MORE_ITEMS);
}

static void test_malformed_answer(Fixture *f, gconstpointer major)
{
	g_autoptr(FakeSent) sent = NULL;

	kvp_enumerate(f->s, 2, 0, on_item, f);
	sent = fake_bus_take(f->bus, "kvp");
	fake_bus_answer(f->bus, "kvp", sent, HVIS_S_OK, "short", 5);
	assert_error(f, HVIS_ERROR_PROTOCOL);
}

/* --- built of several --- */

static void test_list(Fixture *f, gconstpointer major)
{
	kvp_list(f->s, 2, on_list, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(f->text, ==, "");
	fake_kvp_add(f->guest, 2, "OSName", "Debian");
	fake_kvp_add(f->guest, 2, "OSVersion", "6.1");
	kvp_list(f->s, HVIS_KVP_POOL_AUTO, on_list, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(f->text, ==, "OSName=Debian;OSVersion=6.1");
	kvp_list(f->s, 77, on_list, f);
	assert_done(f, HVIS_E_INVALIDARG);
}

static void test_list_500(Fixture *f, gconstpointer major)
{
	g_auto(GStrv) parts = NULL;

	for (guint i = 0; i < 500; i++) {
		g_autofree char *key = g_strdup_printf("key%u", i);

		fake_kvp_add(f->guest, 1, key, "v");
	}
	kvp_list(f->s, 1, on_list, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpuint(f->guest->requests, ==, 501);
	parts = g_strsplit(f->text, ";", -1);
	g_assert_cmpuint(g_strv_length(parts), ==, 500);
	g_assert_cmpstr(parts[499], ==, "key499=v");
}

static void test_list_parts(Fixture *f, gconstpointer major)
{
	fake_kvp_add(f->guest, 1, "a", "1");
	fake_kvp_add(f->guest, 1, "b", "2");
	fake_kvp_add(f->guest, 1, "c", "3");
	kvp_list_part(f->s, 1, 0, 2, on_list, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(f->text, ==, "a=1;b=2");
	kvp_list_part(f->s, 1, 2, 2, on_list, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(f->text, ==, "c=3");
	kvp_list_part(f->s, 1, 4, 2, on_list, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(f->text, ==, "");
	f->guest->endless = TRUE; /* parts do not make a pool longer than it may be */
	kvp_list_part(f->s, 1, KVP_LIST_MAX, 2, on_list, f);
	assert_error(f, HVIS_ERROR_PROTOCOL);
}

static void test_list_endless(Fixture *f, gconstpointer major)
{
	fake_kvp_add(f->guest, 1, "k", "v");
	f->guest->endless = TRUE;
	kvp_list(f->s, 1, on_list, f);
	assert_error(f, HVIS_ERROR_PROTOCOL);
	g_assert_cmpuint(f->guest->requests, ==, KVP_LIST_MAX + 1);
}

static void test_list_closed(Fixture *f, gconstpointer major)
{
	fake_kvp_add(f->guest, 1, "k", "v");
	kvp_list(f->s, 1, on_list, f);
	fake_bus_close(f->bus, "kvp");
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_CLOSED);
}

static void test_list_timeout(Fixture *f, gconstpointer major)
{
	kvp_list(f->s, 1, on_list, f);
	hvis_fake_clock_advance(f->clock, IC_TIMEOUT_MS);
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_TIMEOUT);
}

static void test_get(Fixture *f, gconstpointer major)
{
	fake_kvp_add(f->guest, 1, "a", "1");
	fake_kvp_add(f->guest, 1, "b", "2");
	kvp_get(f->s, 1, "b", on_item, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(f->text, ==, "b=2");
	kvp_get(f->s, 1, "c", on_item, f);
	assert_error(f, HVIS_ERROR_NOT_FOUND);
}

static void test_add_modify(Fixture *f, gconstpointer major)
{
	KvpValue one = text_value("1"), two = text_value("2");

	kvp_modify(f->s, 0, "k", &one, on_done, f);
	assert_error(f, HVIS_ERROR_NOT_FOUND);
	kvp_add(f->s, 0, "k", &one, on_done, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(fake_kvp_find(f->guest, 0, "k"), ==, "1");
	kvp_add(f->s, 0, "k", &two, on_done, f);
	assert_error(f, HVIS_ERROR_EXISTS);
	g_assert_cmpstr(fake_kvp_find(f->guest, 0, "k"), ==, "1");
	kvp_modify(f->s, 0, "k", &two, on_done, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(fake_kvp_find(f->guest, 0, "k"), ==, "2");
}

/* --- IP --- */

static void test_ip(Fixture *f, gconstpointer major)
{
	char *addresses[] = { (char *)"10.0.0.9", (char *)"fe80::9", NULL };
	char *subnets[] = { (char *)"255.0.0.0", (char *)"64", NULL };
	KvpIpInfo ip = {
		.adapter_id = (char *)"{x}", .family = 3, .addresses = addresses, .subnets = subnets
	};
	gboolean binary = GPOINTER_TO_UINT(major) >= 5;

	kvp_ip_set(f->s, &ip, on_done, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpuint(f->guest->last_op, ==, HVIS_KVP_OP_SET_IP_INFO);
	if (binary)
		g_assert_cmpmem(f->guest->last_ip + 4, 4, "\1\0\0\0", 4);
	else
		g_assert_cmpmem(f->guest->last_ip + 2, 6, "{\0x\0}\0", 6);
	kvp_ip_get(f->s, "00:15:5D:00:00:01", on_ip, f);
	assert_done(f, HVIS_S_OK);
	g_assert_cmpstr(f->text, ==, "10.0.0.9;fe80::9");
}

static void test_ip_invalid(Fixture *f, gconstpointer major)
{
	char *addresses[] = { (char *)"not-an-address", NULL };
	KvpIpInfo ip = {
		.adapter_id = (char *)"{x}", .addresses = addresses, .subnets = addresses
	};

	kvp_ip_set(f->s, &ip, on_done, f);
	if (GPOINTER_TO_UINT(major) >= 5)
		assert_error(f, HVIS_ERROR_INVALID);
	else
		assert_done(f, HVIS_S_OK);
}

static void test_check_status(void)
{
	static const struct {
		guint32 status;
		HvisErrorCode code;
	} cases[] = {
		{ HVIS_E_FAIL, HVIS_ERROR_FAILED },
		{ HVIS_E_NO_MORE_ITEMS, HVIS_ERROR_NOT_FOUND },
		{ HVIS_E_NOT_SUPPORTED, HVIS_ERROR_UNSUPPORTED },
		{ HVIS_E_INVALIDARG, HVIS_ERROR_INVALID },
		{ HVIS_E_NOT_FOUND, HVIS_ERROR_NOT_FOUND },
		{ HVIS_E_ALREADY_EXISTS, HVIS_ERROR_EXISTS },
		{ HVIS_E_DISK_FULL, HVIS_ERROR_NO_SPACE },
		{ HVIS_E_MACHINE_LOCKED, HVIS_ERROR_BUSY },
		{ HVIS_E_NOT_CONNECTED, HVIS_ERROR_CLOSED },
		{ 0x12345678, HVIS_ERROR_FAILED },
	};

	g_assert_true(service_check_status(HVIS_S_OK, "x", NULL));
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(service_check_status(cases[i].status, "x", &error));
		g_assert_true(hvis_error_is(error, cases[i].code));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(path, major, func)                                                                       \
	g_test_add("/service/kvp/" path, Fixture, GUINT_TO_POINTER(major), setup, func, teardown)
	T("set", 4, test_set);
	T("set/v3", 3, test_set);
	T("set/v5", 5, test_set);
	T("set/typed", 4, test_set_typed);
	T("set/too-long", 4, test_set_too_long);
	T("remove", 4, test_remove);
	T("wrong-pool", 4, test_wrong_pool);
	T("get-raw", 4, test_get_raw);
	T("malformed-answer", 4, test_malformed_answer);
	T("list", 4, test_list);
	T("list/500", 4, test_list_500);
	T("list/parts", 4, test_list_parts);
	T("list/endless", 4, test_list_endless);
	T("list/closed", 4, test_list_closed);
	T("list/timeout", 4, test_list_timeout);
	T("get", 4, test_get);
	T("add-modify", 4, test_add_modify);
	T("ip/v3", 3, test_ip);
	T("ip/v4", 4, test_ip);
	T("ip/v5", 5, test_ip);
	T("ip/invalid/v4", 4, test_ip_invalid);
	T("ip/invalid/v5", 5, test_ip_invalid);
#undef T
	g_test_add_func("/service/kvp/check-status", test_check_status);
	return g_test_run();
}
