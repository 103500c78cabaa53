/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's answers to any sequence of messages of the kernel. Input: messages, each a length
 * (two bytes, little-endian) and as many bytes, the rest of it zero. Whatever comes, there is one whole
 * answer that the kernel can read.
 */
#include "config.h"

#include "kvp-scratch.h"

#include <hvis/hresult.h>

#include "kvpd/dispatch.h"

#define MESSAGES_MAX 16

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static KvpRecords *facts(gpointer data)
{
	KvpRecords *records = kvp_records_new();

	kvp_records_add(records, "OSName", -1, "Linux", -1);
	return records;
}

static NetState *state;

static const NetState *network(gpointer data)
{
	static const NetAddress address = { .bytes = { 192, 0, 2, 1 }, .family = 2, .prefix = 24 };
	NetInterface *interface;

	if (state)
		return state;
	state = net_state_new();
	interface = net_state_interface(state, 1);
	interface->name = g_strdup("eth0");
	interface->up = interface->has_mac = TRUE;
	g_array_append_val(interface->addresses, address);
	return state;
}

static KvpDispatch *dispatch;

static void make_dispatch(void)
{
	static const KvpDispatchOps ops = { facts, network };
	g_autoptr(KvpPools) pools = kvp_pools_new(scratch_dir(), &scratch_ops);
	g_autoptr(KvpStore) store = kvp_store_new(pools, NULL, NULL);

	dispatch = kvp_dispatch_new(&ops, store, hvis_clock_default(), NULL);
}

static void answer(const void *bytes)
{
	static KvpReply reply;
	KvpRequest *request = kvp_request_new(bytes, HVIS_KVP_DEV_MSG_SIZE, NULL);
	struct hvis_kvp_dev_msg msg;
	guint32 status;
	KvpJob *job;

	if (!request)
		return;
	job = kvp_job_new(dispatch, request);
	if (kvp_job_needs_files(job))
		kvp_job_run(job);
	memset(&msg, 0xff, sizeof(msg));
	status = kvp_job_finish(dispatch, job, &msg);
	check(kvp_reply_decode(&msg, sizeof(msg), request->op, &reply, NULL));
	check(reply.status == status);
	check((kvp_job_error(job) == NULL) ==
		(status == HVIS_S_OK || status == HVIS_E_NO_MORE_ITEMS));
	kvp_job_free(job);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	if (!dispatch)
		make_dispatch();
	scratch_empty(scratch_dir());
	for (int i = 0; i < MESSAGES_MAX && size >= 2; i++) {
		struct hvis_kvp_dev_msg msg = { .body.raw = { 0 } };
		gsize len = MIN((gsize)(data[0] | data[1] << 8), size - 2);

		memcpy(&msg, data + 2, MIN(len, sizeof(msg)));
		data += 2 + len;
		size -= 2 + len;
		answer(&msg);
	}
	return 0;
}
