/* SPDX-License-Identifier: GPL-2.0-only */
/* Every operation on every pool under every policy. */
#include "config.h"

#include "kvpd/policy.h"

#include <hvis/hresult.h>
#include <util/error.h>

#include "tests/unit/kvpd-scratch.h"

#include "kvpd/dispatch.h"
#include "kvpd/kvpd.h"

static void test_choice(void)
{
	for (int i = HVIS_ISOLATION_NONE; i < HVIS_ISOLATION_N; i++) {
		gboolean plain = i == HVIS_ISOLATION_NONE;

		g_assert_cmpint(kvp_policy_for((HvisIsolation)i, "on"), ==, KVP_POLICY_ON);
		g_assert_cmpint(kvp_policy_for((HvisIsolation)i, "strict"), ==,
			plain ? KVP_POLICY_ON : KVP_POLICY_STRICT);
		g_assert_cmpint(kvp_policy_for((HvisIsolation)i, "off"), ==,
			plain ? KVP_POLICY_ON : KVP_POLICY_OFF);
		g_assert_cmpint(kvp_policy_for((HvisIsolation)i, NULL), ==,
			plain ? KVP_POLICY_ON : KVP_POLICY_OFF);
	}
}

static gboolean allows(KvpPolicy policy, guint op, guint pool)
{
	g_autoptr(GError) error = NULL;
	gboolean allowed = kvp_policy_check(policy, (guint8)op, (guint8)pool, &error);

	g_assert_true(allowed || hvis_error_is(error, HVIS_ERROR_UNSUPPORTED));
	g_assert_true(!allowed || !error);
	return allowed;
}

static void test_every_cell(void)
{
	for (guint op = 0; op < 256; op++) {
		for (guint pool = 0; pool < 256; pool++) {
			gboolean read = op == HVIS_KVP_OP_GET || op == HVIS_KVP_OP_ENUMERATE;

			g_assert_true(allows(KVP_POLICY_ON, op, pool));
			g_assert_false(allows(KVP_POLICY_OFF, op, pool));
			g_assert_cmpint(allows(KVP_POLICY_STRICT, op, pool), ==,
				read && pool == HVIS_KVP_POOL_GUEST);
		}
	}
}

/* A request on its way through the dispatcher, as under ConfidentialVM=strict. */
static guint32 answer(KvpDispatch *dispatch, guint8 op, guint8 pool)
{
	KvpRequest *request = g_new0(KvpRequest, 1);
	g_autofree struct hvis_kvp_dev_msg *msg = g_new0(struct hvis_kvp_dev_msg, 1);
	g_autoptr(KvpJob) job = NULL;

	*request = (KvpRequest){ .op = op, .pool = pool, .key = "k", .value = "v", .has_value = 1 };
	job = kvp_job_new(dispatch, request);
	if (kvp_job_needs_files(job))
		kvp_job_run(job);
	return kvp_job_finish(dispatch, job, msg);
}

static void test_strict(void)
{
	static const KvpDispatchOps no_ops; /* nothing of the guest is asked for */
	g_autoptr(Scratch) dir = scratch_new();
	KvpPools *pools = kvp_pools_new(dir, NULL);
	g_autoptr(KvpStore) store = kvp_store_new(pools, NULL, NULL);
	g_autoptr(KvpDispatch) dispatch =
		kvp_dispatch_new(&no_ops, store, hvis_clock_default(), NULL);
	g_autoptr(GByteArray) left = scratch_records("k", "left for the host", NULL);
	g_autofree char *path = g_build_filename(dir, ".kvp_pool_1", NULL);
	g_autofree char *external = g_build_filename(dir, ".kvp_pool_0", NULL);

	g_assert_true(g_file_set_contents(path, (char *)left->data, left->len, NULL));
	kvp_dispatch_set_policy(dispatch, KVP_POLICY_STRICT);
	g_assert_cmphex(answer(dispatch, HVIS_KVP_OP_GET, 1), ==, HVIS_S_OK);
	g_assert_cmphex(answer(dispatch, HVIS_KVP_OP_ENUMERATE, 1), ==, HVIS_S_OK);
	g_assert_cmphex(answer(dispatch, HVIS_KVP_OP_DELETE, 1), ==, HVIS_E_NOT_SUPPORTED);
	g_assert_cmphex(answer(dispatch, HVIS_KVP_OP_SET, 0), ==, HVIS_E_NOT_SUPPORTED);
	g_assert_cmphex(answer(dispatch, HVIS_KVP_OP_ENUMERATE, 0), ==, HVIS_E_NOT_SUPPORTED);
	g_assert_cmphex(answer(dispatch, HVIS_KVP_OP_ENUMERATE, 2), ==, HVIS_E_NOT_SUPPORTED);
	g_assert_cmphex(answer(dispatch, HVIS_KVP_OP_GET_IP_INFO, 0), ==, HVIS_E_NOT_SUPPORTED);
	g_assert_false(g_file_test(external, G_FILE_TEST_EXISTS));
	kvp_pools_unref(pools);
}

/* No device, no socket, no pool: the daemon ends as soon as it runs. */
static void test_off(void)
{
	char *dir = scratch_new();
	g_autofree char *device = g_build_filename(dir, "hv_kvp", NULL);
	g_autofree char *pools = g_build_filename(dir, "pools", NULL);
	g_autofree char *socket = g_build_filename(dir, "kvp", NULL);
	const KvpdOptions options = { .device = device,
		.pool_dir = pools,
		.socket = socket,
		.root = dir,
		.isolation = HVIS_ISOLATION_SNP };
	g_autoptr(GError) error = NULL;
	g_autoptr(Kvpd) kvpd = kvpd_new(&options, &error);

	g_assert_no_error(error);
	g_assert_true(kvpd_start(kvpd, &error));
	g_assert_no_error(error);
	kvpd_run(kvpd);
	g_clear_pointer(&kvpd, kvpd_free);
	g_assert_cmpint(g_rmdir(dir), ==, 0); /* it is as empty as it was */
	g_free(dir);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/policy/choice", test_choice);
	g_test_add_func("/kvpd/policy/every-cell", test_every_cell);
	g_test_add_func("/kvpd/policy/strict", test_strict);
	g_test_add_func("/kvpd/policy/off", test_off);
	return g_test_run();
}
