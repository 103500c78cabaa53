/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of the backup service: a body of the host's wire, and a message of the device as request
 * and as answer. What decodes must survive encoding and decoding again.
 */
#include <stdlib.h>
#include <string.h>

#include <wire/vss.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
	if (!good)
		abort();
}

static void wire(const uint8_t *data, size_t size)
{
	static VssMessage first, second;
	static struct hvis_vss_wire_luns again;

	if (!vss_wire_decode(data, size, &first, NULL))
		return;
	check(first.n_luns <= HVIS_VSS_LUNS_MAX);
	check(vss_wire_decode(&again, vss_wire_encode(&first, &again), &second, NULL));
	check(memcmp(&first, &second, sizeof(first)) == 0);
}

static void device(const uint8_t *data, size_t size)
{
	struct hvis_vss_dev_msg again;
	uint32_t status, status2;
	uint8_t op, op2;

	check(vss_request_decode(data, size, &op, NULL) == (size == sizeof(again)));
	check(vss_answer_decode(data, size, &status, NULL) == (size == sizeof(again)));
	check(!vss_is_register(data, size) || (size == 4 && data[0] == HVIS_VSS_OP_REGISTER1));
	if (size != sizeof(again))
		return;
	vss_request_encode(op, &again);
	check(vss_request_decode(&again, sizeof(again), &op2, NULL) && op == op2);
	vss_answer_encode(status, &again);
	check(vss_answer_decode(&again, sizeof(again), &status2, NULL) && status == status2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wire(data, size);
	device(data, size);
	return 0;
}
