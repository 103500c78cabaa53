/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the backup service: the device's and the host's wire, raw offsets, every wrong length. */
#include <string.h>

#include <hvis/hresult.h>
#include <util/error.h>
#include <wire/vss.h>

static const guint8 zero[sizeof(struct hvis_vss_wire_luns)];

/* --- the device --- */

static void test_request(void)
{
	struct hvis_vss_dev_msg msg;
	guint8 op;

	for (guint i = 0; i < 256; i++) {
		memset(&msg, 0xee, sizeof(msg)); /* must not shine through */
		vss_request_encode((guint8)i, &msg);
		g_assert_cmpuint(((const guint8 *)&msg)[0], ==, i);
		g_assert_cmpmem((const guint8 *)&msg + 1, sizeof(msg) - 1, zero, sizeof(msg) - 1);
		g_assert_true(vss_request_decode(&msg, sizeof(msg), &op, NULL));
		g_assert_cmpuint(op, ==, i);
	}
	vss_register_encode(&msg);
	g_assert_cmpuint(msg.hdr.op, ==, 129);
}

static void test_answer(void)
{
	static const guint8 fail[12] = { 0x05, 0x40, 0x00, 0x80 };
	struct hvis_vss_dev_msg msg;
	guint32 status;

	memset(&msg, 0xee, sizeof(msg));
	vss_answer_encode(HVIS_E_FAIL, &msg);
	g_assert_cmpmem(&msg, sizeof(msg), fail, sizeof(fail));
	g_assert_true(vss_answer_decode(&msg, sizeof(msg), &status, NULL));
	g_assert_cmphex(status, ==, HVIS_E_FAIL);
}

static void test_device_lengths(void)
{
	guint8 bytes[64] = { HVIS_VSS_OP_FREEZE };

	for (gsize len = 0; len < sizeof(bytes); len++) {
		g_autoptr(GError) error = NULL;
		guint8 op = 77;
		guint32 status = 77;

		if (len == sizeof(struct hvis_vss_dev_msg))
			continue;
		g_assert_false(vss_request_decode(bytes, len, &op, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
		g_clear_error(&error);
		g_assert_false(vss_answer_decode(bytes, len, &status, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
		g_assert_cmpuint(op, ==, 77);
		g_assert_cmpuint(status, ==, 77);
	}
}

static void test_register_answer(void)
{
	static const guint8 good[12] = { 129 };
	static const guint8 other[4] = { 128 };

	for (gsize len = 0; len <= sizeof(good); len++)
		g_assert_true(vss_is_register(good, len) == (len == 4));
	g_assert_false(vss_is_register(other, sizeof(other)));
}

/* --- the host's wire --- */

static void test_wire_plain(void)
{
	static const guint8 ops[] = { HVIS_VSS_OP_CREATE, HVIS_VSS_OP_HOT_BACKUP,
		HVIS_VSS_OP_GET_DM_INFO, HVIS_VSS_OP_BU_COMPLETE, HVIS_VSS_OP_THAW,
		HVIS_VSS_OP_QUERY_CLUSTER, 200 };

	for (gsize i = 0; i < G_N_ELEMENTS(ops); i++) {
		VssMessage m = { .op = ops[i], .flags = 0x01020305 }, back;
		const guint8 want[12] = { ops[i], 0, 0, 0, 0, 0, 0, 0, 5, 3, 2, 1 };
		struct hvis_vss_wire_luns wire;

		memset(&wire, 0xee, sizeof(wire));
		g_assert_cmpuint(vss_wire_encode(&m, &wire), ==, sizeof(want));
		g_assert_cmpmem(&wire, sizeof(want), want, sizeof(want));
		for (gsize len = 0; len < sizeof(want); len++) {
			g_autoptr(GError) error = NULL;

			back.op = 77;
			g_assert_false(vss_wire_decode(want, len, &back, &error));
			g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
			g_assert_cmpuint(back.op, ==, 77);
		}
		g_assert_true(vss_wire_decode(&wire, sizeof(wire), &back, NULL)); /* longer */
		g_assert_cmpmem(&back, sizeof(back), &m, sizeof(m));
	}
}

static void test_wire_luns(void)
{
	static VssMessage m = {
		.op = HVIS_VSS_OP_FREEZE, .flags = 2, .backup_type = 5, .n_luns = 2
	};
	static VssMessage back;
	struct hvis_vss_wire_luns wire;
	const guint8 *raw = (const guint8 *)&wire;
	const gsize used = 20 + 2 * 24;

	m.luns[0].bus = HVIS_VSS_BUS_SCSI;
	m.luns[1].port = 3;
	m.luns[1].target = 4;
	m.luns[1].lun = 5;
	memset(&wire, 0xee, sizeof(wire));
	g_assert_cmpuint(vss_wire_encode(&m, &wire), ==, 6260);
	g_assert_cmpuint(raw[0], ==, 5);
	g_assert_cmpuint(raw[8], ==, 5);
	g_assert_cmpuint(raw[12], ==, 2);
	g_assert_cmpuint(raw[16], ==, 2);
	g_assert_cmpuint(raw[20], ==, 1);
	g_assert_cmpmem(raw + 64, 4, "\3\4\5", 4);
	g_assert_cmpmem(raw + used, sizeof(wire) - used, zero, sizeof(wire) - used);
	for (gsize len = 0; len < used; len++) {
		g_autoptr(GError) error = NULL;

		back.op = 77;
		g_assert_false(vss_wire_decode(raw, len, &back, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
		g_assert_cmpuint(back.op, ==, 77);
	}
	for (gsize len = used; len <= sizeof(wire); len++)
		g_assert_true(vss_wire_decode(raw, len, &back, NULL));
	g_assert_cmpmem(&back, sizeof(back), &m, sizeof(m));
}

static void test_wire_most_luns(void)
{
	static VssMessage m = { .op = HVIS_VSS_OP_AUTO_RECOVER, .n_luns = HVIS_VSS_LUNS_MAX };
	static VssMessage back;
	static struct hvis_vss_wire_luns wire[2]; /* the other half is the shadow disks' */
	g_autoptr(GError) error = NULL;

	m.luns[HVIS_VSS_LUNS_MAX - 1].lun = 9;
	g_assert_cmpuint(vss_wire_encode(&m, wire), ==, sizeof(*wire));
	g_assert_true(vss_wire_decode(wire, 12500, &back, NULL));
	g_assert_cmpmem(&back, sizeof(back), &m, sizeof(m));
	wire->n_luns = hvis_le32_make(HVIS_VSS_LUNS_MAX + 1);
	g_assert_false(vss_wire_decode(wire, sizeof(wire), &back, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
}

static void test_names(void)
{
	guint known = 0;

	for (guint i = 0; i < 256; i++)
		known += strcmp(vss_op_name((guint8)i), "?") != 0;
	g_assert_cmpuint(known, ==, 11);
	g_assert_cmpstr(vss_op_name(HVIS_VSS_OP_THAW), ==, "THAW");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wire/vss/request", test_request);
	g_test_add_func("/wire/vss/answer", test_answer);
	g_test_add_func("/wire/vss/device-lengths", test_device_lengths);
	g_test_add_func("/wire/vss/register-answer", test_register_answer);
	g_test_add_func("/wire/vss/wire/plain", test_wire_plain);
	g_test_add_func("/wire/vss/wire/luns", test_wire_luns);
	g_test_add_func("/wire/vss/wire/most-luns", test_wire_most_luns);
	g_test_add_func("/wire/vss/names", test_names);
	return g_test_run();
}
