/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests to answers: both tables whole, every operation, snapshots, limits, broken files. */
#include "config.h"

#include "kvpd/dispatch.h"

#include <fcntl.h>
#include <sys/file.h>

#include <hvis/hresult.h>
#include <util/error.h>
#include <util/fd.h>

#include "tests/unit/kvpd-scratch.h"

typedef struct {
	char *dir;
	KvpPools *pools;
	KvpStore *store;
	HvisFakeClock *clock;
	KvpDispatch *dispatch;
	NetState *network;
	const char *fact; /* value of the first fact */
	KvpReply reply;
} Fixture;

static KvpRecords *facts(gpointer data)
{
	Fixture *f = data;
	KvpRecords *records = kvp_records_new();

	kvp_records_add(records, "FullyQualifiedDomainName", -1, f->fact, -1);
	kvp_records_add(records, "OSName", -1, "Linux", -1);
	return records;
}

static const NetState *network(gpointer data)
{
	return ((Fixture *)data)->network;
}

static const KvpDispatchOps ops = { facts, network };

static void set_up(Fixture *f, gconstpointer data)
{
	f->dir = scratch_new();
	f->pools = kvp_pools_new(f->dir, NULL);
	f->clock = hvis_fake_clock_new();
	f->store = kvp_store_new(f->pools, NULL, hvis_fake_clock_get(f->clock));
	f->dispatch = kvp_dispatch_new(&ops, f->store, hvis_fake_clock_get(f->clock), f);
	f->network = net_state_new();
	f->fact = "vm";
}

static void tear_down(Fixture *f, gconstpointer data)
{
	kvp_dispatch_free(f->dispatch);
	kvp_store_unref(f->store);
	kvp_pools_unref(f->pools);
	hvis_fake_clock_free(f->clock);
	net_state_free(f->network);
	scratch_free(f->dir);
}

static guint32 ask(Fixture *f, const KvpRequest *request)
{
	KvpJob *job = kvp_job_new(f->dispatch, g_memdup2(request, sizeof(*request)));
	struct hvis_kvp_dev_msg msg;
	g_autoptr(GError) error = NULL;
	guint32 status;

	if (kvp_job_needs_files(job))
		kvp_job_run(job);
	status = kvp_job_finish(f->dispatch, job, &msg);
	g_assert_true((kvp_job_error(job) != NULL) ==
		      (status != HVIS_S_OK && status != HVIS_E_NO_MORE_ITEMS));
	kvp_job_free(job);
	kvp_reply_decode(&msg, sizeof(msg), request->op, &f->reply, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(f->reply.status, ==, status);
	return status;
}

static guint32 set(Fixture *f, guint8 pool, const char *key, const char *value)
{
	KvpRequest request = { .op = HVIS_KVP_OP_SET, .pool = pool, .has_value = TRUE };

	g_strlcpy(request.key, key, sizeof(request.key));
	g_strlcpy(request.value, value, sizeof(request.value));
	return ask(f, &request);
}

static guint32 with_key(Fixture *f, guint8 op, guint8 pool, const char *key)
{
	KvpRequest request = { .op = op, .pool = pool };

	g_strlcpy(request.key, key, sizeof(request.key));
	return ask(f, &request);
}

static guint32 enumerate(Fixture *f, guint8 pool, guint32 index)
{
	KvpRequest request = { .op = HVIS_KVP_OP_ENUMERATE, .pool = pool, .index = index };

	return ask(f, &request);
}

/* --- the tables --- */

static void test_allowed(void)
{
	static const char *const allowed[] = { /* pools 0 to 4, then 5, 255 */
		[HVIS_KVP_OP_GET] = "yyyyyii",
		[HVIS_KVP_OP_SET] = "ynnyyii",
		[HVIS_KVP_OP_DELETE] = "yynyyii",
		[HVIS_KVP_OP_ENUMERATE] = "yyyyyii",
		[HVIS_KVP_OP_GET_IP_INFO] = "yyyyyyy",
		[HVIS_KVP_OP_SET_IP_INFO] = "yyyyyyy"
	};

	for (int op = 0; op < 256; op++) {
		const char *row = op < (int)G_N_ELEMENTS(allowed) ? allowed[op] : "nnnnnnn";

		for (int i = 0; i < 7; i++) {
			guint8 pool = i == 6 ? 255 : (guint8)i;
			g_autoptr(GError) error = NULL;
			gboolean ok = kvp_dispatch_check((guint8)op, pool, &error);

			g_assert_true(ok == (row[i] == 'y'));
			if (row[i] == 'i')
				g_assert_error(error, HVIS_ERROR, HVIS_ERROR_INVALID);
			else if (row[i] == 'n')
				g_assert_error(error, HVIS_ERROR, HVIS_ERROR_UNSUPPORTED);
		}
	}
}

static void test_statuses(void)
{
	static const guint32 wanted[HVIS_ERROR_N] = {
		[HVIS_ERROR_FAILED] = 0x80004005,
		[HVIS_ERROR_NOT_FOUND] = 0x80041002,
		[HVIS_ERROR_EXISTS] = 0x80070050,
		[HVIS_ERROR_INVALID] = 0x80070057,
		[HVIS_ERROR_PROTOCOL] = 0x80070057,
		[HVIS_ERROR_IO] = 0x80004005,
		[HVIS_ERROR_NO_SPACE] = 0x80070070,
		[HVIS_ERROR_PERMISSION] = 0x80004005,
		[HVIS_ERROR_BUSY] = 0x800704f7,
		[HVIS_ERROR_TIMEOUT] = 0x80004005,
		[HVIS_ERROR_CLOSED] = 0x8007048f,
		[HVIS_ERROR_UNSUPPORTED] = 0x80070032,
	};
	g_autoptr(GError) foreign = g_error_new(G_FILE_ERROR, G_FILE_ERROR_EXIST, "x");

	for (int code = 0; code < HVIS_ERROR_N; code++) {
		g_autoptr(GError) error = g_error_new(HVIS_ERROR, code, "x");

		g_assert_cmphex(wanted[code], !=, 0);
		g_assert_cmphex(kvp_dispatch_status(error), ==, wanted[code]);
	}
	g_assert_cmphex(kvp_dispatch_status(foreign), ==, 0x80004005);
	g_assert_cmphex(kvp_dispatch_status(NULL), ==, 0);
}

static void test_fit(void)
{
	static const struct {
		const char *text;
		gsize units, bytes, fits;
	} cases[] = {
		{ "", 5, 5, 0 },
		{ "abc", 3, 3, 3 },
		{ "abc", 2, 9, 2 },
		{ "abc", 9, 2, 2 },
		{ "a\xc3\xa9z", 9, 2, 1 }, /* no half character */
		{ "a\xc3\xa9z", 2, 9, 3 },
		{ "\xf0\x9d\x84\x9e!", 1, 9, 0 }, /* no half surrogate pair */
		{ "\xf0\x9d\x84\x9e!", 2, 9, 4 },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpuint(kvp_dispatch_fit(cases[i].text, cases[i].units, cases[i].bytes),
			==, cases[i].fits);
}

static void test_op_names(void)
{
	g_assert_cmpstr(kvp_dispatch_op_name(HVIS_KVP_OP_GET), ==, "get");
	g_assert_cmpstr(kvp_dispatch_op_name(HVIS_KVP_OP_SET_IP_INFO), ==, "set-ip");
	g_assert_cmpstr(kvp_dispatch_op_name(6), ==, "unknown");
	g_assert_cmpstr(kvp_dispatch_op_name(255), ==, "unknown");
}

/* --- operations --- */

static void test_refused(Fixture *f, gconstpointer data)
{
	g_assert_cmphex(set(f, HVIS_KVP_POOL_GUEST, "k", "v"), ==, HVIS_E_NOT_SUPPORTED);
	g_assert_cmphex(set(f, HVIS_KVP_POOL_AUTO, "k", "v"), ==, HVIS_E_NOT_SUPPORTED);
	g_assert_cmphex(set(f, 5, "k", "v"), ==, HVIS_E_INVALIDARG);
	g_assert_cmphex(set(f, 255, "k", "v"), ==, HVIS_E_INVALIDARG);
	g_assert_cmphex(enumerate(f, 200, 0), ==, HVIS_E_INVALIDARG);
	g_assert_cmphex(with_key(f, 6, 0, "k"), ==, HVIS_E_NOT_SUPPORTED);
	g_assert_cmphex(with_key(f, 255, 255, "k"), ==, HVIS_E_NOT_SUPPORTED);
	/* as long as nobody has done it */
	g_assert_cmphex(with_key(f, HVIS_KVP_OP_SET_IP_INFO, 0, ""), ==, HVIS_E_NOT_SUPPORTED);
	g_assert_cmphex(set(f, HVIS_KVP_POOL_EXTERNAL, "", "v"), ==, HVIS_E_INVALIDARG);
}

/* Linux hands a number of the host's own type 11 over without a value. */
static void test_set_without_value(Fixture *f, gconstpointer data)
{
	KvpRequest request = { .op = HVIS_KVP_OP_SET, .type = HVIS_KVP_REG_U64, .key = "k" };

	g_assert_cmphex(ask(f, &request), ==, HVIS_E_NOT_SUPPORTED);
	g_assert_cmphex(enumerate(f, 0, 0), ==, HVIS_E_NO_MORE_ITEMS);
}

static void test_life_of_a_pair(Fixture *f, gconstpointer data)
{
	const guint8 pools[] = { HVIS_KVP_POOL_EXTERNAL, HVIS_KVP_POOL_AUTO_EXTERNAL,
		HVIS_KVP_POOL_AUTO_INTERNAL };

	for (guint i = 0; i < G_N_ELEMENTS(pools); i++) {
		guint8 pool = pools[i];

		g_assert_cmphex(with_key(f, HVIS_KVP_OP_GET, pool, "k"), ==, HVIS_E_NOT_FOUND);
		g_assert_cmphex(with_key(f, HVIS_KVP_OP_DELETE, pool, "k"), ==, HVIS_E_NOT_FOUND);
		g_assert_cmphex(set(f, pool, "k", "one"), ==, HVIS_S_OK);
		g_assert_cmphex(set(f, pool, "l", ""), ==, HVIS_S_OK);
		g_assert_cmphex(set(f, pool, "k", "two"), ==, HVIS_S_OK);
		g_assert_cmphex(with_key(f, HVIS_KVP_OP_GET, pool, "k"), ==, HVIS_S_OK);
		g_assert_cmpstr(f->reply.value, ==, "two");
		g_assert_cmphex(enumerate(f, pool, 0), ==, HVIS_S_OK);
		g_assert_cmpstr(f->reply.key, ==, "k");
		g_assert_cmpstr(f->reply.value, ==, "two");
		g_assert_cmphex(enumerate(f, pool, 1), ==, HVIS_S_OK);
		g_assert_cmpstr(f->reply.key, ==, "l");
		g_assert_cmphex(enumerate(f, pool, 2), ==, HVIS_E_NO_MORE_ITEMS);
		g_assert_cmphex(enumerate(f, pool, G_MAXUINT32), ==, HVIS_E_NO_MORE_ITEMS);
		g_assert_cmphex(with_key(f, HVIS_KVP_OP_DELETE, pool, "k"), ==, HVIS_S_OK);
		g_assert_cmphex(with_key(f, HVIS_KVP_OP_GET, pool, "k"), ==, HVIS_E_NOT_FOUND);
	}
}

static void append(Fixture *f, guint pool, const char *key, const char *value)
{
	g_autoptr(GByteArray) record = scratch_records(key, value, NULL);
	const char *path = kvp_pool_path(kvp_pools_get(f->pools, pool));
	FILE *file = fopen(path, "ab");

	g_assert_nonnull(file);
	g_assert_cmpuint(fwrite(record->data, 1, record->len, file), ==, record->len);
	g_assert_cmpint(fclose(file), ==, 0);
}

/* The host may take away from the guest's pool, all records of a key at once, and not put there. */
static void test_guest_pool(Fixture *f, gconstpointer data)
{
	append(f, HVIS_KVP_POOL_GUEST, "k", "1");
	append(f, HVIS_KVP_POOL_GUEST, "k", "2");
	g_assert_cmphex(with_key(f, HVIS_KVP_OP_GET, HVIS_KVP_POOL_GUEST, "k"), ==, HVIS_S_OK);
	g_assert_cmpstr(f->reply.value, ==, "2");
	g_assert_cmphex(set(f, HVIS_KVP_POOL_GUEST, "k", "3"), ==, HVIS_E_NOT_SUPPORTED);
	g_assert_cmphex(with_key(f, HVIS_KVP_OP_DELETE, HVIS_KVP_POOL_GUEST, "k"), ==, HVIS_S_OK);
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 0), ==, HVIS_E_NO_MORE_ITEMS);
}

static void test_auto_pool(Fixture *f, gconstpointer data)
{
	append(f, HVIS_KVP_POOL_AUTO, "InTheFile", "not shown");
	g_assert_cmphex(with_key(f, HVIS_KVP_OP_GET, HVIS_KVP_POOL_AUTO, "OSName"), ==, HVIS_S_OK);
	g_assert_cmpstr(f->reply.value, ==, "Linux");
	g_assert_cmphex(with_key(f, HVIS_KVP_OP_GET, HVIS_KVP_POOL_AUTO, "InTheFile"), ==,
		HVIS_E_NOT_FOUND);
	g_assert_cmphex(with_key(f, HVIS_KVP_OP_DELETE, HVIS_KVP_POOL_AUTO, "OSName"), ==,
		HVIS_E_NOT_SUPPORTED);
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_AUTO, 2), ==, HVIS_E_NO_MORE_ITEMS);
}

/* Nothing that changes during an enumeration is seen by it; the next one sees all of it. */
static void test_snapshot(Fixture *f, gconstpointer data)
{
	append(f, HVIS_KVP_POOL_GUEST, "a", "1");
	append(f, HVIS_KVP_POOL_GUEST, "b", "2");
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_AUTO, 0), ==, HVIS_S_OK);
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 0), ==, HVIS_S_OK);
	g_assert_cmphex(with_key(f, HVIS_KVP_OP_DELETE, HVIS_KVP_POOL_GUEST, "a"), ==, HVIS_S_OK);
	append(f, HVIS_KVP_POOL_GUEST, "c", "3");
	append(f, HVIS_KVP_POOL_GUEST, "d", "4");
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 1), ==, HVIS_S_OK);
	g_assert_cmpstr(f->reply.key, ==, "b");
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 2), ==, HVIS_E_NO_MORE_ITEMS);
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 2), ==, HVIS_S_OK);
	g_assert_cmpstr(f->reply.key, ==, "d");

	f->fact = "renamed";
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_AUTO, 1), ==, HVIS_S_OK);
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_AUTO, 0), ==, HVIS_S_OK);
	g_assert_cmpstr(f->reply.value, ==, "renamed");
}

static void test_snapshot_ages(Fixture *f, gconstpointer data)
{
	append(f, HVIS_KVP_POOL_GUEST, "a", "1");
	append(f, HVIS_KVP_POOL_GUEST, "b", "2");
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 0), ==, HVIS_S_OK);
	append(f, HVIS_KVP_POOL_GUEST, "c", "3");
	for (int i = 0; i < 3; i++) { /* slow, but not too slow */
		hvis_fake_clock_advance(f->clock, KVP_CURSOR_MS - 1);
		g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 1), ==, HVIS_S_OK);
	}
	hvis_fake_clock_advance(f->clock, KVP_CURSOR_MS + 1);
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 2), ==, HVIS_S_OK);
	g_assert_cmpstr(f->reply.key, ==, "c");
}

/* KVP_Max_Read of the old test suite: more records than anybody's buffer. */
static void test_many(Fixture *f, gconstpointer data)
{
	for (int i = 0; i < 500; i++) {
		g_autofree char *key = g_strdup_printf("key%d", i);

		append(f, HVIS_KVP_POOL_GUEST, key, key + 3);
	}
	for (guint32 i = 0; i < 500; i++) {
		g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, i), ==, HVIS_S_OK);
		g_assert_cmpuint(g_ascii_strtoull(f->reply.value, NULL, 10), ==, i);
	}
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 500), ==, HVIS_E_NO_MORE_ITEMS);
}

/* What others wrote fails no enumeration: it is cut to what the kernel passes on. */
static void test_others_text(Fixture *f, gconstpointer data)
{
	g_autofree char *key = g_strnfill(512, 'k'), *value = g_strnfill(2048, 'v');
	g_autofree char *bad = g_strnfill(2048, '\xff');

	append(f, HVIS_KVP_POOL_GUEST, key, value);
	append(f, HVIS_KVP_POOL_GUEST, "bad\x80", bad);
	append(f, HVIS_KVP_POOL_GUEST, "good", "value");
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 0), ==, HVIS_S_OK);
	g_assert_cmpuint(strlen(f->reply.key), ==, 254);
	g_assert_cmpuint(strlen(f->reply.value), ==, 1022);
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 1), ==, HVIS_S_OK);
	g_assert_cmpstr(f->reply.key, ==, "bad\xef\xbf\xbd");
	g_assert_cmpuint(strlen(f->reply.value), ==, 2046);
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_GUEST, 2), ==, HVIS_S_OK);
	g_assert_cmpstr(f->reply.value, ==, "value");
}

static void test_ip(Fixture *f, gconstpointer data)
{
	NetInterface *interface = net_state_interface(f->network, 1);
	const NetAddress address = { .bytes = { 192, 0, 2, 1 }, .family = 2, .prefix = 24 };
	KvpRequest request = { .op = HVIS_KVP_OP_GET_IP_INFO, .pool = 99 };

	memcpy(interface->mac, "\x00\x15\x5d\x01\x02\x03", 6);
	interface->name = g_strdup("eth0");
	interface->up = interface->has_mac = TRUE;
	g_array_append_val(interface->addresses, address);
	g_strlcpy(request.ip.adapter, "00:15:5D:01:02:03", sizeof(request.ip.adapter));
	g_assert_cmphex(ask(f, &request), ==, HVIS_S_OK);
	g_assert_cmpstr(f->reply.ip.adapter, ==, "00:15:5D:01:02:03");
	g_assert_cmpstr(f->reply.ip.address, ==, "192.0.2.1");
	g_assert_cmpstr(f->reply.ip.subnet, ==, "255.255.255.0");
	g_assert_cmpuint(f->reply.ip.family, ==, HVIS_KVP_FAMILY_IPV4);
	g_strlcpy(request.ip.adapter, "00:15:5D:01:02:04", sizeof(request.ip.adapter));
	g_assert_cmphex(ask(f, &request), ==, HVIS_E_NOT_FOUND);
}

/* --- trouble --- */

static void test_locked(Fixture *f, gconstpointer data)
{
	KvpPool *pool = kvp_pools_get(f->pools, HVIS_KVP_POOL_EXTERNAL);
	hvis_autofd int theirs = -1;

	g_assert_cmphex(set(f, HVIS_KVP_POOL_EXTERNAL, "k", "v"), ==, HVIS_S_OK);
	theirs = hvis_open(kvp_pool_path(pool), O_RDWR, NULL);
	g_assert_cmpint(flock(theirs, LOCK_EX), ==, 0);
	kvp_pool_set_lock_timeout(pool, 20);
	g_assert_cmphex(set(f, HVIS_KVP_POOL_EXTERNAL, "k", "w"), ==, HVIS_E_MACHINE_LOCKED);
	g_assert_cmphex(enumerate(f, HVIS_KVP_POOL_EXTERNAL, 0), ==, HVIS_S_OK);
	g_assert_cmpstr(f->reply.value, ==, "v");
}

static void test_no_directory(void)
{
	Fixture f = { .fact = "vm", .network = net_state_new(), .clock = hvis_fake_clock_new() };

	f.pools = kvp_pools_new("/dev/null/hyperv", NULL);
	f.store = kvp_store_new(f.pools, NULL, hvis_fake_clock_get(f.clock));
	f.dispatch = kvp_dispatch_new(&ops, f.store, hvis_fake_clock_get(f.clock), &f);
	g_assert_false(kvp_pools_create(f.pools, NULL));
	/* kept in memory until there is one */
	g_assert_cmphex(set(&f, HVIS_KVP_POOL_EXTERNAL, "k", "v"), ==, HVIS_S_OK);
	g_assert_cmphex(enumerate(&f, HVIS_KVP_POOL_EXTERNAL, 0), ==, HVIS_S_OK);
	g_assert_cmpstr(f.reply.value, ==, "v");
	g_assert_cmphex(enumerate(&f, HVIS_KVP_POOL_EXTERNAL, 1), ==, HVIS_E_NO_MORE_ITEMS);
	g_assert_cmphex(enumerate(&f, HVIS_KVP_POOL_AUTO, 0), ==, HVIS_S_OK);
	kvp_dispatch_free(f.dispatch);
	kvp_store_unref(f.store);
	kvp_pools_unref(f.pools);
	net_state_free(f.network);
	hvis_fake_clock_free(f.clock);
}

/* The dispatch goes away while a thread is at work: the job has what it needs for itself. */
static void test_outlived(Fixture *f, gconstpointer data)
{
	const KvpRequest request = {
		.op = HVIS_KVP_OP_SET, .key = "k", .value = "v", .has_value = TRUE
	};
	g_autoptr(KvpJob) job = kvp_job_new(f->dispatch, g_memdup2(&request, sizeof(request)));

	g_clear_pointer(&f->dispatch, kvp_dispatch_free);
	g_assert_true(kvp_job_needs_files(job));
	kvp_job_run(job);
	g_assert_null(kvp_job_error(job));
}

static void test_pools(void)
{
	static const char *const names[] = { "external", "guest", "auto", "auto-external",
		"auto-internal" };
	static const char *const bad[] = { "", "5", "-1", "00", "Guest", "guest ", "aut" };
	guint number = 99;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		char digit[2] = { (char)('0' + i), '\0' };

		g_assert_cmpstr(kvp_pools_name(i), ==, names[i]);
		g_assert_true(kvp_pools_parse(names[i], &number, NULL));
		g_assert_cmpuint(number, ==, i);
		g_assert_true(kvp_pools_parse(digit, &number, NULL));
		g_assert_cmpuint(number, ==, i);
	}
	g_assert_null(kvp_pools_name(5));
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(kvp_pools_parse(bad[i], &number, &error));
		g_assert_error(error, HVIS_ERROR, HVIS_ERROR_INVALID);
	}
	g_assert_cmpuint(number, ==, 4);
}

static void test_create(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	kvp_pools_create(f->pools, &error);
	g_assert_no_error(error);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		g_assert_true(g_file_test(
			kvp_pool_path(kvp_pools_get(f->pools, i)), G_FILE_TEST_IS_REGULAR));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/dispatch/allowed", test_allowed);
	g_test_add_func("/kvpd/dispatch/statuses", test_statuses);
	g_test_add_func("/kvpd/dispatch/fit", test_fit);
	g_test_add_func("/kvpd/dispatch/op-names", test_op_names);
	g_test_add_func("/kvpd/dispatch/no-directory", test_no_directory);
	g_test_add_func("/kvpd/pools/names", test_pools);
#define ADD(name, func) g_test_add("/kvpd/" name, Fixture, NULL, set_up, func, tear_down)
	ADD("pools/create", test_create);
	ADD("dispatch/refused", test_refused);
	ADD("dispatch/set-without-value", test_set_without_value);
	ADD("dispatch/life-of-a-pair", test_life_of_a_pair);
	ADD("dispatch/guest-pool", test_guest_pool);
	ADD("dispatch/auto-pool", test_auto_pool);
	ADD("dispatch/snapshot", test_snapshot);
	ADD("dispatch/snapshot-ages", test_snapshot_ages);
	ADD("dispatch/many", test_many);
	ADD("dispatch/others-text", test_others_text);
	ADD("dispatch/ip", test_ip);
	ADD("dispatch/locked", test_locked);
	ADD("dispatch/outlived", test_outlived);
	return g_test_run();
}
