/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages in words: every type has a name, any bytes of any length have a line. */
#include "config.h"

#include "host/vmbus/parts.h"

static void check(const void *message, gsize len, const char *expect)
{
	g_autofree char *text = vmbus_message_text(message, len);

	g_assert_cmpstr(text, ==, expect);
}

static void test_lines(void)
{
	struct hvis_msg_open open = {
		.hdr.type = hvis_le32_make(HVIS_MSG_OPEN),
		.relid = hvis_le32_make(4),
		.open_id = hvis_le32_make(4),
		.gpadl = hvis_le32_make(0xe1e10),
		.target_vp = hvis_le32_make(HVIS_VP_NONE),
		.downstream_page = hvis_le32_make(4),
	};
	struct hvis_msg_open_result result = {
		.hdr.type = hvis_le32_make(HVIS_MSG_OPEN_RESULT),
		.relid = hvis_le32_make(4),
		.open_id = hvis_le32_make(5),
		.status = hvis_le32_make(HVIS_NT_INVALID_STATE),
	};
	struct hvis_msg_initiate_contact contact = {
		.hdr.type = hvis_le32_make(HVIS_MSG_INITIATE_CONTACT),
		.version = hvis_le32_make(HVIS_VERSION_5_3),
		.monitor_page[0] = hvis_le64_make(0x1000),
	};

	check(&open, sizeof(open),
		"OPEN relid 4, open id 4, gpadl 0xe1e10, vp -1, downstream page 4");
	check(&open, sizeof(open) - 1, "OPEN cut to 147 bytes");
	check(&result, sizeof(result), "OPEN_RESULT relid 4, open id 0x5, status 0xc0000184");
	check(&contact, sizeof(contact),
		"INITIATE_CONTACT version 5.3, vp 0, monitor pages 0x1000 0x0");
	check("\1\0\0", 3, "3 bytes, too short for a message");
	check("\x1e\0\0\0\0\0\0\0", 8, "message type 30, 8 bytes");
	check("\xff\xff\xff\xff\0\0\0\0", 8, "message type 4294967295, 8 bytes");
	check("\x11\0\0\0\0\0\0\0", 8, "UNLOAD_RESPONSE");
}

static void test_all_lengths(void)
{
	for (guint32 type = 0; type < VMBUS_MESSAGE_TYPES + 2; type++)
		for (gsize len = 0; len <= HVIS_MESSAGE_MAX; len++) {
			g_autofree guint8 *message = g_malloc0(len);
			g_autofree char *text = NULL;

			if (len)
				message[0] = (guint8)type;
			text = vmbus_message_text(message, len);
			g_assert_cmpuint(strlen(text), >, 0);
			if (len >= 8 && vmbus_message_name(type))
				g_assert_true(g_str_has_prefix(text, vmbus_message_name(type)));
		}
}

static void test_names(void)
{
	g_autofree char *guid = NULL;
	const struct hvis_guid kvp = HVIS_GUID(
		0xa9a0f4e7u, 0x5a45, 0x4d96, 0xb8, 0x27, 0x8a, 0x84, 0x1e, 0x8c, 0x03, 0xe6);

	guid = vmbus_guid_text(&kvp);
	g_assert_cmpstr(guid, ==, "a9a0f4e7-5a45-4d96-b827-8a841e8c03e6");
	g_assert_cmpstr(vmbus_packet_name(HVIS_PACKET_INBAND), ==, "inband");
	g_assert_cmpstr(vmbus_packet_name(HVIS_PACKET_COMP), ==, "completion");
	g_assert_cmpstr(vmbus_packet_name(5), ==, "unknown");
	g_assert_cmpstr(vmbus_packet_name(0xffff), ==, "unknown");
	g_assert_null(vmbus_message_name(18));
	g_assert_cmpstr(vmbus_message_name(HVIS_MSG_MODIFY_RESPONSE), ==, "MODIFY_RESPONSE");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vmbus/text/lines", test_lines);
	g_test_add_func("/vmbus/text/all-lengths", test_all_lengths);
	g_test_add_func("/vmbus/text/names", test_names);
	return g_test_run();
}
