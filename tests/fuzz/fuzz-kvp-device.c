/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of the KVP device, as a request, as an answer to every operation, and its IP info as it
 * lies on the wire. What decodes must survive encoding and decoding again. Short inputs stand for a
 * message whose rest is zero, so that the fuzzer gets past the length check.
 */
#include <stdlib.h>
#include <string.h>

#include <wire/kvp-device.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
	if (!good)
		abort();
}

static void request(const struct hvis_kvp_dev_msg *msg)
{
	static KvpRequest first, second;
	struct hvis_kvp_dev_msg again;

	if (!kvp_request_decode(msg, sizeof(*msg), &first, NULL))
		return;
	check(g_utf8_validate(first.key, -1, NULL) && g_utf8_validate(first.value, -1, NULL));
	check(g_utf8_validate(first.ip.address, -1, NULL));
	check(kvp_request_encode(&first, &again, NULL));
	check(kvp_request_decode(&again, sizeof(again), &second, NULL));
	check(memcmp(&first, &second, sizeof(first)) == 0);
}

static void reply(const struct hvis_kvp_dev_msg *msg)
{
	static const guint8 ops[] = { HVIS_KVP_OP_GET, HVIS_KVP_OP_SET, HVIS_KVP_OP_ENUMERATE,
		HVIS_KVP_OP_GET_IP_INFO };
	static KvpReply first, second;

	for (gsize i = 0; i < G_N_ELEMENTS(ops); i++) {
		struct hvis_kvp_dev_msg again;
		KvpAnswer a = { .op = ops[i] };

		if (!kvp_reply_decode(msg, sizeof(*msg), ops[i], &first, NULL))
			continue;
		a.status = first.status;
		a.key = first.key;
		a.value = first.value;
		a.ip = &first.ip;
		check(kvp_answer_encode(&a, &again, NULL));
		check(kvp_reply_decode(&again, sizeof(again), ops[i], &second, NULL));
		check(memcmp(&first, &second, sizeof(first)) == 0);
	}
}

static void ip(const struct hvis_kvp_ip *wire)
{
	static KvpIp first, second;
	struct hvis_kvp_ip again;

	if (!kvp_ip_wire_decode(wire, &first, NULL))
		return;
	check(kvp_ip_wire_encode(&first, &again, NULL));
	check(kvp_ip_wire_decode(&again, &second, NULL));
	check(memcmp(&first, &second, sizeof(first)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hvis_kvp_dev_msg msg = { .body.raw = { 0 } };
	static KvpRequest ignored;

	if (size > sizeof(msg))
		return 0;
	check(kvp_request_decode(data, size, &ignored, NULL) == FALSE || size == sizeof(msg));
	if (size)
		memcpy(&msg, data, size);
	request(&msg);
	reply(&msg);
	ip(&msg.body.ip);
	return 0;
}
