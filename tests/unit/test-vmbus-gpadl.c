/* SPDX-License-Identifier: GPL-2.0-only */
/* Page lists: the validation in hvis/gpadl.h alone, and the host's table through a guest. */
#include "config.h"

#include <json-c/json.h>

#include "host/vmbus/vmbus.h"
#include "tests/unit/fake-guest.h"
#include <hvis/gpadl.h>

static struct hvis_msg_gpadl_header sound(guint32 pages)
{
	return (struct hvis_msg_gpadl_header){
		.relid = hvis_le32_make(7),
		.gpadl = hvis_le32_make(0xe1e10),
		.range_buflen = hvis_le16_make((guint16)(8 + 8 * pages)),
		.range_count = hvis_le16_make(1),
		.range.byte_count = hvis_le32_make(pages * HVIS_PAGE_SIZE),
	};
}

static enum hvis_gpadl_result decode(const struct hvis_msg_gpadl_header *header)
{
	struct hvis_gpadl_shape shape;

	return hvis_gpadl_decode(header, sizeof(*header), &shape);
}

static void test_truncated(void)
{
	struct hvis_msg_gpadl_header header = sound(8);
	struct hvis_gpadl_shape shape = { .pages = 99 };

	for (gsize len = 0; len < sizeof(header); len++) {
		g_autofree guint8 *copy = g_memdup2(&header, len);

		g_assert_cmpint(hvis_gpadl_decode(copy, len, &shape), ==, HVIS_GPADL_TRUNCATED);
		g_assert_cmpuint(shape.pages, ==, 99);
	}
	g_assert_cmpint(hvis_gpadl_decode(&header, sizeof(header), &shape), ==, HVIS_GPADL_OK);
	g_assert_cmpuint(shape.pages, ==, 8);
	g_assert_cmpuint(shape.relid, ==, 7);
	g_assert_cmphex(shape.gpadl, ==, 0xe1e10);
}

static void test_shapes(void)
{
	struct hvis_msg_gpadl_header header;

	for (guint ranges = 0; ranges < 4; ranges++) {
		header = sound(1);
		header.range_count = hvis_le16_make((guint16)ranges);
		g_assert_cmpint(
			decode(&header), ==, ranges == 1 ? HVIS_GPADL_OK : HVIS_GPADL_RANGES);
	}
	header = sound(0);
	g_assert_cmpint(decode(&header), ==, HVIS_GPADL_EMPTY);
	header = sound(1);
	header.range.byte_offset = hvis_le32_make(4096);
	g_assert_cmpint(decode(&header), ==, HVIS_GPADL_OFFSET);
	header.range.byte_offset = hvis_le32_make(0xffffffff);
	g_assert_cmpint(decode(&header), ==, HVIS_GPADL_OFFSET);
	header.range.byte_offset = hvis_le32_make(1); /* reaches into a second page */
	g_assert_cmpint(decode(&header), ==, HVIS_GPADL_BUFLEN);
	header.range_buflen = hvis_le16_make(24);
	g_assert_cmpint(decode(&header), ==, HVIS_GPADL_OK);
	header.range_buflen = hvis_le16_make(32);
	g_assert_cmpint(decode(&header), ==, HVIS_GPADL_BUFLEN);
	header.range_buflen = hvis_le16_make(0);
	g_assert_cmpint(decode(&header), ==, HVIS_GPADL_BUFLEN);
}

static void test_largest(void)
{
	struct hvis_msg_gpadl_header header =
		sound(8190); /* the last that the length field holds */
	struct hvis_gpadl_shape shape;

	g_assert_cmpint(decode(&header), ==, HVIS_GPADL_OK);
	header = sound(HVIS_GPADL_PAGES_MAX);
	g_assert_cmpint(hvis_gpadl_decode(&header, sizeof(header), &shape), ==, HVIS_GPADL_OK);
	g_assert_cmpuint(shape.pages, ==, HVIS_GPADL_PAGES_MAX);
	header = sound(HVIS_GPADL_PAGES_MAX + 1);
	g_assert_cmpint(decode(&header), ==, HVIS_GPADL_TOO_LARGE);
	header.range.byte_count = hvis_le32_make(0xffffffff);
	header.range.byte_offset = hvis_le32_make(4095);
	g_assert_cmpint(decode(&header), ==, HVIS_GPADL_TOO_LARGE);
}

static void test_take(void)
{
	guint8 message[HVIS_MESSAGE_MAX] = { 0 };
	hvis_le64 pfn = hvis_le64_make(1ull << HVIS_GPADL_PFN_BITS);
	guint64 pfns[28];

	g_assert_cmpuint(hvis_gpadl_count(0, 28, 8), ==, 0);
	g_assert_cmpuint(hvis_gpadl_count(28, 28, 8), ==, 0);
	g_assert_cmpuint(hvis_gpadl_count(35, 28, 8), ==, 0);
	g_assert_cmpuint(hvis_gpadl_count(36, 28, 8), ==, 1);
	g_assert_cmpuint(hvis_gpadl_count(240, 28, 8), ==, 8);
	g_assert_cmpuint(hvis_gpadl_count(240, 28, 1000), ==, 26);
	g_assert_cmpuint(hvis_gpadl_count(240, 16, 1000), ==, 28);
	g_assert_cmpint(hvis_gpadl_take(message, 16, 28, pfns), ==, HVIS_GPADL_OK);
	memcpy(message + 16 + 27 * 8, &pfn, sizeof(pfn));
	g_assert_cmpint(hvis_gpadl_take(message, 16, 27, pfns), ==, HVIS_GPADL_OK);
	g_assert_cmpint(hvis_gpadl_take(message, 16, 28, pfns), ==, HVIS_GPADL_BAD_PAGE);
}

/* --- through the host --- */

typedef struct {
	FakeGuest *guest;
	VmbusHost *host;
	guint32 relid[2];
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
	VmbusDeviceInfo info = { .name = "one", .instance = { { 1 } } };

	f->guest = fake_guest_new(1);
	f->host = vmbus_host_new(fake_guest_machine(f->guest), NULL);
	vmbus_device_add(f->host, &info);
	info.name = "two";
	info.instance.b[0] = 2;
	vmbus_device_add(f->host, &info);
	fake_guest_connect(f->guest);
	for (guint i = 0; i < 2; i++)
		f->relid[i] = hvis_le32_get(fake_guest_offer(f->guest, i)->relid);
}

static void tear_down(Fixture *f, gconstpointer data)
{
	vmbus_host_free(f->host);
	g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 0);
	fake_guest_free(f->guest);
}

static guint64 count(Fixture *f, const char *key)
{
	struct json_object *all = vmbus_host_describe(f->host), *value;
	guint64 n;

	g_assert_true(json_object_object_get_ex(all, key, &value));
	n = json_object_is_type(value, json_type_array) ? json_object_array_length(value)
							: json_object_get_uint64(value);
	json_object_put(all);
	return n;
}

static guint32 create(Fixture *f, guint32 gpadl, guint pages)
{
	g_autofree guint64 *pfns = g_new0(guint64, pages);

	return fake_guest_gpadl(f->guest, f->relid[0], gpadl, pfns, pages);
}

static void test_sizes(Fixture *f, gconstpointer data)
{
	static const guint sizes[] = { 1, 2, 25, 26, 27, 26 + 28, 26 + 29, 8190, 8191, 10000,
		65536 };

	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
		g_assert_cmphex(create(f, i + 1, sizes[i]), ==, HVIS_NT_OK);
	g_assert_cmpuint(count(f, "gpadls"), ==, G_N_ELEMENTS(sizes));
	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
		fake_guest_gpadl_teardown(f->guest, f->relid[0], i + 1);
	g_assert_cmpuint(count(f, "gpadls"), ==, 0);
	g_assert_cmpuint(count(f, "violations"), ==, 0);
}

/* Clients that always post 240 bytes: what is behind the last page number is not looked at. */
static void test_full_length(Fixture *f, gconstpointer data)
{
	guint8 message[HVIS_MESSAGE_MAX];
	struct hvis_msg_gpadl_header header = sound(30);
	struct hvis_msg_gpadl_body body = { .gpadl = header.gpadl };
	struct hvis_msg_gpadl_created created;

	header.relid = hvis_le32_make(f->relid[0]);
	memset(message, 0xff, sizeof(message));
	memset(message + sizeof(header), 0, 26 * 8);
	memcpy(message, &header, sizeof(header));
	fake_guest_say(f->guest, HVIS_MSG_GPADL_HEADER, message, sizeof(message));
	fake_guest_expect_nothing(f->guest);
	memset(message, 0xff, sizeof(message));
	memset(message + sizeof(body), 0, 4 * 8);
	memcpy(message, &body, sizeof(body));
	fake_guest_say(f->guest, HVIS_MSG_GPADL_BODY, message, sizeof(message));
	fake_guest_expect(f->guest, HVIS_MSG_GPADL_CREATED, &created, sizeof(created));
	g_assert_cmphex(hvis_le32_get(created.status), ==, HVIS_NT_OK);
	/* One body more than it takes */
	fake_guest_say(f->guest, HVIS_MSG_GPADL_BODY, message, sizeof(message));
	fake_guest_expect_nothing(f->guest);
	g_assert_cmpuint(count(f, "violations"), ==, 1);
}

static guint32 refused(Fixture *f, struct hvis_msg_gpadl_header *header, gsize len)
{
	struct hvis_msg_gpadl_created created;
	guint8 message[HVIS_MESSAGE_MAX] = { 0 };
	guint64 before = count(f, "violations");

	memcpy(message, header, sizeof(*header));
	fake_guest_say(f->guest, HVIS_MSG_GPADL_HEADER, message, len);
	fake_guest_expect(f->guest, HVIS_MSG_GPADL_CREATED, &created, sizeof(created));
	fake_guest_expect_nothing(f->guest);
	g_assert_cmpmem(&created.relid, 4, &header->relid, 4);
	g_assert_cmpmem(&created.gpadl, 4, &header->gpadl, 4);
	g_assert_cmpuint(count(f, "violations"), ==, before + 1);
	return hvis_le32_get(created.status);
}

static void test_refused(Fixture *f, gconstpointer data)
{
	struct hvis_msg_gpadl_header header = sound(1);

	header.relid = hvis_le32_make(f->relid[0]);
	header.range_count = hvis_le16_make(2);
	g_assert_cmphex(refused(f, &header, 36), ==, HVIS_NT_INVALID_PARAMETER);
	header = sound(1);
	header.relid = hvis_le32_make(99); /* nobody's */
	g_assert_cmphex(refused(f, &header, 36), ==, HVIS_NT_INVALID_PARAMETER);
	header.relid = hvis_le32_make(0xffffffff);
	g_assert_cmphex(refused(f, &header, 36), ==, HVIS_NT_INVALID_PARAMETER);
	g_assert_cmpuint(count(f, "gpadls"), ==, 0);

	g_assert_cmphex(create(f, 5, 1), ==, HVIS_NT_OK);
	header = sound(1);
	header.relid = hvis_le32_make(f->relid[1]);
	header.gpadl = hvis_le32_make(5); /* taken */
	g_assert_cmphex(refused(f, &header, 36), ==, HVIS_NT_INVALID_PARAMETER);
	g_assert_cmpuint(count(f, "gpadls"), ==, 1);
}

static void test_bad_page(Fixture *f, gconstpointer data)
{
	guint64 pfns[40] = { 0 };

	pfns[39] = 1ull << HVIS_GPADL_PFN_BITS;
	g_assert_cmphex(fake_guest_gpadl(f->guest, f->relid[0], 1, pfns, 40), ==,
		HVIS_NT_INVALID_PARAMETER);
	g_assert_cmpuint(count(f, "gpadls"), ==, 0);
}

/* More lists than anybody needs: refused, and the host lives on with those it has. */
static void test_too_many(Fixture *f, gconstpointer data)
{
	guint n = 0;

	while (create(f, n + 1, 1) == HVIS_NT_OK)
		g_assert_cmpuint(++n, <=, 16384);
	g_assert_cmpuint(n, ==, 16384);
	g_assert_cmpuint(count(f, "gpadls_in_all"), ==, 16384);
	g_assert_cmpuint(count(f, "gpadl_pages"), ==, 16384);
	g_assert_cmpuint(count(f, "gpadls"), <, 1000); /* so that "ctl info" still has an answer */
	fake_guest_gpadl_teardown(f->guest, f->relid[0], 1);
	g_assert_cmphex(create(f, 1, 1), ==, HVIS_NT_OK);
}

/* A header describes 64 Ki pages and costs the guest nothing: what is described is bounded too. */
static void test_too_many_pages(Fixture *f, gconstpointer data)
{
	struct hvis_msg_gpadl_header header = sound(HVIS_GPADL_PAGES_MAX);

	header.relid = hvis_le32_make(f->relid[0]);
	for (guint i = 1; i <= 64; i++) {
		header.gpadl = hvis_le32_make(i);
		fake_guest_say(f->guest, HVIS_MSG_GPADL_HEADER, &header, sizeof(header));
		fake_guest_expect_nothing(f->guest);
	}
	header.gpadl = hvis_le32_make(65);
	g_assert_cmphex(refused(f, &header, sizeof(header)), ==, HVIS_NT_NO_RESOURCES);
}

static void test_teardown(Fixture *f, gconstpointer data)
{
	struct hvis_msg_gpadl_teardown teardown = {
		.relid = hvis_le32_make(f->relid[1]),
		.gpadl = hvis_le32_make(1),
	};

	/* of nobody: nobody uses it */
	fake_guest_gpadl_teardown(f->guest, f->relid[0], 77);
	g_assert_cmpuint(count(f, "violations"), ==, 1);
	/* of somebody else: not a word */
	g_assert_cmphex(create(f, 1, 1), ==, HVIS_NT_OK);
	fake_guest_say(f->guest, HVIS_MSG_GPADL_TEARDOWN, &teardown, sizeof(teardown));
	fake_guest_expect_nothing(f->guest);
	g_assert_cmpuint(count(f, "violations"), ==, 2);
	g_assert_cmpuint(count(f, "gpadls"), ==, 1);
	fake_guest_gpadl_teardown(f->guest, f->relid[0], 1);
	g_assert_cmpuint(count(f, "gpadls"), ==, 0);
}

static void test_teardown_incomplete(Fixture *f, gconstpointer data)
{
	struct hvis_msg_gpadl_header header = sound(100);

	header.relid = hvis_le32_make(f->relid[0]);
	fake_guest_say(f->guest, HVIS_MSG_GPADL_HEADER, &header, sizeof(header));
	fake_guest_expect_nothing(f->guest);
	fake_guest_gpadl_teardown(f->guest, f->relid[0], 0xe1e10);
	g_assert_cmpuint(count(f, "gpadls"), ==, 0);
	g_assert_cmpuint(count(f, "violations"), ==, 0);
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vmbus/gpadl/decode/truncated", test_truncated);
	g_test_add_func("/vmbus/gpadl/decode/shapes", test_shapes);
	g_test_add_func("/vmbus/gpadl/decode/largest", test_largest);
	g_test_add_func("/vmbus/gpadl/decode/take", test_take);
	ADD("/vmbus/gpadl/sizes", test_sizes);
	ADD("/vmbus/gpadl/full-length", test_full_length);
	ADD("/vmbus/gpadl/refused", test_refused);
	ADD("/vmbus/gpadl/bad-page", test_bad_page);
	ADD("/vmbus/gpadl/too-many", test_too_many);
	ADD("/vmbus/gpadl/too-many-pages", test_too_many_pages);
	ADD("/vmbus/gpadl/teardown", test_teardown);
	ADD("/vmbus/gpadl/teardown-incomplete", test_teardown_incomplete);
	return g_test_run();
}
