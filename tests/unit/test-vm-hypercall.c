// SPDX-License-Identifier: GPL-2.0-only
/* Hypercall input: everything in it is hostile. */
#include "config.h"

#include <glib.h>
#include <string.h>
#include "host/vm/hypercall.h"

#define MEMORY (1u << 20)
#define GPA 0x3000u
#define FAST HYPERCALL_FAST

typedef struct {
	Ram *ram;
	guint posts, signals;
	guint32 port, connection;
	guint8 payload[HVIS_MESSAGE_MAX];
	gsize len;
} Calls;

static guint16 on_post(gpointer data, guint32 port, const guint8 *payload, gsize len)
{
	Calls *c = data;

	c->posts++;
	c->port = port;
	c->len = len;
	g_assert_cmpuint(len, <=, sizeof(c->payload));
	memcpy(c->payload, payload, len);
	return port == 4 ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_CONNECTION_ID;
}

static guint16 on_signal(gpointer data, guint32 connection_id)
{
	Calls *c = data;

	c->signals++;
	c->connection = connection_id;
	return HV_STATUS_SUCCESS;
}

static const HypercallOps ops = { on_post, on_signal };

static void set_up(Calls *c, gconstpointer data G_GNUC_UNUSED)
{
	memset(c, 0, sizeof(*c));
	c->ram = ram_new(MEMORY, NULL);
}

static void tear_down(Calls *c, gconstpointer data G_GNUC_UNUSED)
{
	ram_free(c->ram);
}

static guint16 run(Calls *c, guint64 input, guint64 parameter)
{
	Hypercall call = { input, parameter, FALSE };

	return hypercall_run(c->ram, &call, &ops, c);
}

static void put(Calls *c, guint64 gpa, guint32 connection, guint32 type, guint32 size)
{
	struct hypercall_post_message in = { hvis_le32_make(connection), hvis_le32_make(0),
		hvis_le32_make(type), hvis_le32_make(size), { 0 } };

	for (guint i = 0; i < sizeof(in.payload); i++)
		in.payload[i] = (guint8)i;
	g_assert_true(ram_write(c->ram, gpa, &in, sizeof(in)));
}

static void test_post(Calls *c, gconstpointer data G_GNUC_UNUSED)
{
	guint8 want[HVIS_MESSAGE_MAX];

	for (guint i = 0; i < sizeof(want); i++)
		want[i] = (guint8)i;
	for (guint size = 0; size <= HVIS_MESSAGE_MAX; size++) {
		put(c, GPA, 4, HVIS_MESSAGE_TYPE, size);
		g_assert_cmpuint(run(c, HYPERCALL_POST_MESSAGE, GPA), ==, HV_STATUS_SUCCESS);
		g_assert_cmpmem(c->payload, c->len, want, size);
	}
	g_assert_cmpuint(c->posts, ==, HVIS_MESSAGE_MAX + 1);
	put(c, GPA, 9, HVIS_MESSAGE_TYPE, 8);
	g_assert_cmpuint(run(c, HYPERCALL_POST_MESSAGE, GPA), ==, HV_STATUS_INVALID_CONNECTION_ID);
	g_assert_cmpuint(c->port, ==, 9);
}

static void test_post_size(Calls *c, gconstpointer data G_GNUC_UNUSED)
{
	static const guint32 sizes[] = { 241, 255, 256, 4096, 0x7fffffff, 0x80000000, 0xffffffff };

	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
		put(c, GPA, 4, HVIS_MESSAGE_TYPE, sizes[i]);
		g_assert_cmpuint(
			run(c, HYPERCALL_POST_MESSAGE, GPA), ==, HV_STATUS_INVALID_PARAMETER);
	}
	g_assert_cmpuint(c->posts, ==, 0);
}

static void test_post_type(Calls *c, gconstpointer data G_GNUC_UNUSED)
{
	static const guint32 types[] = { 0, 2, 0x80000000, 0x80000010, 0xffffffff };

	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		put(c, GPA, 4, types[i], 8);
		g_assert_cmpuint(
			run(c, HYPERCALL_POST_MESSAGE, GPA), ==, HV_STATUS_INVALID_PARAMETER);
	}
	g_assert_cmpuint(c->posts, ==, 0);
}

static void test_post_address(Calls *c, gconstpointer data G_GNUC_UNUSED)
{
	static const guint64 no_ram[] = { MEMORY, MEMORY + 8, 0xc0000000, 0xfee00000, 1ull << 32,
		1ull << 52, 1ull << 63, ~0xfffull };

	for (guint64 gpa = GPA + 1; gpa < GPA + 8; gpa++)
		g_assert_cmpuint(
			run(c, HYPERCALL_POST_MESSAGE, gpa), ==, HV_STATUS_INVALID_ALIGNMENT);
	/* It must not cross a page, not even into one that is there. */
	for (guint64 gpa = GPA + 4096 - 256 + 8; gpa < GPA + 4096; gpa += 8)
		g_assert_cmpuint(
			run(c, HYPERCALL_POST_MESSAGE, gpa), ==, HV_STATUS_INVALID_ALIGNMENT);
	g_assert_cmpuint(run(c, HYPERCALL_POST_MESSAGE, ~7ull), ==, HV_STATUS_INVALID_ALIGNMENT);
	for (guint i = 0; i < G_N_ELEMENTS(no_ram); i++)
		g_assert_cmpuint(
			run(c, HYPERCALL_POST_MESSAGE, no_ram[i]), ==, HV_STATUS_INVALID_PARAMETER);
	g_assert_cmpuint(c->posts, ==, 0);
	put(c, GPA + 4096 - 256, 4, HVIS_MESSAGE_TYPE, 8);
	g_assert_cmpuint(run(c, HYPERCALL_POST_MESSAGE, GPA + 4096 - 256), ==, HV_STATUS_SUCCESS);
	put(c, MEMORY - 256, 4, HVIS_MESSAGE_TYPE, 8);
	g_assert_cmpuint(run(c, HYPERCALL_POST_MESSAGE, MEMORY - 256), ==, HV_STATUS_SUCCESS);
}

static void test_post_fast(Calls *c, gconstpointer data G_GNUC_UNUSED)
{
	put(c, GPA, 4, HVIS_MESSAGE_TYPE, 8);
	g_assert_cmpuint(
		run(c, HYPERCALL_POST_MESSAGE | FAST, GPA), ==, HV_STATUS_INVALID_HYPERCALL_INPUT);
	g_assert_cmpuint(c->posts, ==, 0);
}

static void test_signal(Calls *c, gconstpointer data G_GNUC_UNUSED)
{
	hvis_le64 value = hvis_le64_make(0x2003);
	Hypercall resolved = { HYPERCALL_SIGNAL_EVENT, 0x2005, TRUE };

	g_assert_cmpuint(run(c, HYPERCALL_SIGNAL_EVENT | FAST, 0x2001), ==, HV_STATUS_SUCCESS);
	g_assert_cmphex(c->connection, ==, 0x2001);
	g_assert_true(ram_write(c->ram, GPA, &value, sizeof(value)));
	g_assert_cmpuint(run(c, HYPERCALL_SIGNAL_EVENT, GPA), ==, HV_STATUS_SUCCESS);
	g_assert_cmphex(c->connection, ==, 0x2003);
	/* KVM has fetched a slow call's input already, and says "slow" all the same. */
	g_assert_cmpuint(hypercall_run(c->ram, &resolved, &ops, c), ==, HV_STATUS_SUCCESS);
	g_assert_cmphex(c->connection, ==, 0x2005);
	g_assert_cmpuint(run(c, HYPERCALL_SIGNAL_EVENT, GPA + 4), ==, HV_STATUS_INVALID_ALIGNMENT);
	g_assert_cmpuint(run(c, HYPERCALL_SIGNAL_EVENT, MEMORY), ==, HV_STATUS_INVALID_PARAMETER);
	g_assert_cmpuint(
		run(c, HYPERCALL_SIGNAL_EVENT, ~0xfffull), ==, HV_STATUS_INVALID_PARAMETER);
	g_assert_cmpuint(c->signals, ==, 3);
}

static void test_signal_bits(Calls *c, gconstpointer data G_GNUC_UNUSED)
{
	for (guint bit = 0; bit < 64; bit++) {
		guint16 status = run(c, HYPERCALL_SIGNAL_EVENT | FAST, 1ull << bit);
		guint16 want = bit < 24                ? HV_STATUS_SUCCESS
			       : bit >= 32 && bit < 48 ? HV_STATUS_INVALID_PARAMETER
						       : HV_STATUS_INVALID_HYPERCALL_INPUT;

		g_assert_cmpuint(status, ==, want);
	}
	g_assert_cmpuint(c->signals, ==, 24);
}

/* Variable header, nesting, repeat count and start have no meaning for these calls. */
static void test_control_bits(Calls *c, gconstpointer data G_GNUC_UNUSED)
{
	put(c, GPA, 4, HVIS_MESSAGE_TYPE, 8);
	for (guint bit = 17; bit < 64; bit++) {
		g_assert_cmpuint(run(c, HYPERCALL_POST_MESSAGE | 1ull << bit, GPA), ==,
			HV_STATUS_INVALID_HYPERCALL_INPUT);
		g_assert_cmpuint(run(c, HYPERCALL_SIGNAL_EVENT | FAST | 1ull << bit, 1), ==,
			HV_STATUS_INVALID_HYPERCALL_INPUT);
	}
	g_assert_cmpuint(c->posts + c->signals, ==, 0);
}

static void test_codes(Calls *c, gconstpointer data G_GNUC_UNUSED)
{
	for (guint code = 0; code < 0x10000; code++) {
		if (code == HYPERCALL_POST_MESSAGE || code == HYPERCALL_SIGNAL_EVENT)
			continue;
		g_assert_cmpuint(run(c, code, GPA), ==, HV_STATUS_INVALID_HYPERCALL_CODE);
		g_assert_null(hypercall_name(code));
	}
	g_assert_cmpstr(hypercall_name(HYPERCALL_POST_MESSAGE), ==, "HvPostMessage");
	g_assert_cmpstr(hypercall_name(HYPERCALL_SIGNAL_EVENT | FAST), ==, "HvSignalEvent");
}

#define ADD(path, func) g_test_add(path, Calls, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/vm/hypercall/post", test_post);
	ADD("/vm/hypercall/post-size", test_post_size);
	ADD("/vm/hypercall/post-type", test_post_type);
	ADD("/vm/hypercall/post-address", test_post_address);
	ADD("/vm/hypercall/post-fast", test_post_fast);
	ADD("/vm/hypercall/signal", test_signal);
	ADD("/vm/hypercall/signal-bits", test_signal_bits);
	ADD("/vm/hypercall/control-bits", test_control_bits);
	ADD("/vm/hypercall/codes", test_codes);
	return g_test_run();
}
