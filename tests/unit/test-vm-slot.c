// SPDX-License-Identifier: GPL-2.0-only
/* SynIC message slots and event flags on a bare page, and the queue in front of them. */
#include "config.h"

#include <glib.h>
#include <string.h>
#include "host/vm/delivery.h"
#include "host/vm/slot.h"

#define VPS 2u

static void test_layout(void)
{
	static struct slot_message_page page;
	const guint8 *raw = (const guint8 *)&page;

	memset(&page, 0, sizeof(page));
	g_assert_true(slot_post(&page, HVIS_SINT, 1, 0x1122334455667788, "abcde", 5));
	raw += 2 * 256;
	g_assert_cmpmem(raw, 4, "\1\0\0\0", 4);
	g_assert_cmpuint(raw[4], ==, 8); /* rounded up */
	g_assert_cmpuint(raw[5], ==, 0);
	g_assert_cmpmem(raw + 8, 8, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	g_assert_cmpmem(raw + 16, 8, "abcde\0\0\0", 8);
	for (guint i = 0; i < SLOT_SINTS; i++)
		if (i != HVIS_SINT)
			g_assert_cmpuint(page.slot[i].type, ==, SLOT_FREE);
}

static void test_sizes(void)
{
	guint8 payload[HVIS_MESSAGE_MAX];

	memset(payload, 0xee, sizeof(payload));
	for (gsize len = 0; len <= sizeof(payload); len++) {
		struct slot_message_page page;

		memset(&page, 0x77, sizeof(page));
		page.slot[HVIS_SINT].type = SLOT_FREE;
		g_assert_true(slot_post(&page, HVIS_SINT, 1, 0, payload, len));
		g_assert_cmpuint(page.slot[HVIS_SINT].size, ==, (len + 7) / 8 * 8);
		g_assert_cmpmem(page.slot[HVIS_SINT].payload, len, payload, len);
		for (gsize i = len; i < page.slot[HVIS_SINT].size; i++)
			g_assert_cmpuint(page.slot[HVIS_SINT].payload[i], ==, 0);
		g_assert_cmphex(page.slot[HVIS_SINT + 1].type, ==, 0x77777777);
	}
}

static void test_busy(void)
{
	struct slot_message_page page = { 0 };
	struct slot_message before;

	g_assert_true(slot_post(&page, HVIS_SINT, 1, 7, "first", 5));
	before = page.slot[HVIS_SINT];
	g_assert_false(slot_post(&page, HVIS_SINT, 1, 8, "second", 6));
	before.flags |= SLOT_PENDING; /* and nothing else */
	g_assert_cmpmem(&page.slot[HVIS_SINT], sizeof(before), &before, sizeof(before));
	page.slot[HVIS_SINT].type = SLOT_FREE;
	g_assert_true(slot_post(&page, HVIS_SINT, 1, 8, "second", 6));
	g_assert_cmpuint(page.slot[HVIS_SINT].flags, ==, 0);
	/* A timer message of the hypervisor is in the way just so. */
	page.slot[HVIS_SINT].type = 0x80000010;
	g_assert_false(slot_post(&page, HVIS_SINT, 1, 8, "third", 5));
}

static void test_flags(void)
{
	struct slot_flag_page page = { 0 };
	const guint8 *raw = (const guint8 *)&page;

	for (guint flag = 0; flag < SLOT_FLAGS; flag++) {
		g_assert_true(slot_set_flag(&page, HVIS_SINT, flag));
		g_assert_false(slot_set_flag(&page, HVIS_SINT, flag));
		g_assert_cmphex(raw[2 * 256 + flag / 8] >> flag % 8, ==, 1);
	}
	for (guint i = 0; i < sizeof(page); i++)
		g_assert_cmphex(raw[i], ==, i / 256 == 2 ? 0xff : 0);
}

/* A machine of two processors that is only their pages. */
typedef struct {
	struct slot_message_page messages[VPS];
	struct slot_flag_page flags[VPS];
	gboolean off[VPS], masked, awaited[VPS];
	guint raised[VPS];
	Delivery *delivery;
} Pages;

static SlotMessagePage *message_page(gpointer data, guint vp)
{
	Pages *p = data;

	return p->off[vp] ? NULL : &p->messages[vp];
}

static SlotFlagPage *flag_page(gpointer data, guint vp)
{
	Pages *p = data;

	return p->off[vp] ? NULL : &p->flags[vp];
}

static gboolean raise_sint(gpointer data, guint vp)
{
	Pages *p = data;

	if (p->masked)
		return FALSE;
	p->raised[vp]++;
	return TRUE;
}

static void await(gpointer data, guint vp, gboolean wanted)
{
	Pages *p = data;

	g_assert_cmpint(p->awaited[vp], !=, wanted);
	p->awaited[vp] = wanted;
}

static const DeliveryOps ops = { message_page, flag_page, raise_sint, await };

static void set_up(Pages *p, gconstpointer data G_GNUC_UNUSED)
{
	memset(p, 0, sizeof(*p));
	p->delivery = delivery_new(VPS, &ops, p);
}

static void tear_down(Pages *p, gconstpointer data G_GNUC_UNUSED)
{
	delivery_free(p->delivery);
}

/* What the guest does with a message: take it, and say so. */
static void take(Pages *p, guint vp, const char *want)
{
	struct slot_message *slot = &p->messages[vp].slot[HVIS_SINT];
	gboolean pending = slot->flags & SLOT_PENDING;

	g_assert_cmpuint(slot->type, ==, HVIS_MESSAGE_TYPE);
	g_assert_cmpstr((const char *)slot->payload, ==, want);
	slot->type = SLOT_FREE;
	if (pending)
		delivery_pump(p->delivery, vp);
}

static void post(Pages *p, guint vp, const char *text)
{
	delivery_post(p->delivery, vp, text, strlen(text) + 1);
}

static void test_order(Pages *p, gconstpointer data G_GNUC_UNUSED)
{
	char text[16];

	for (guint i = 0; i < 100; i++) {
		g_snprintf(text, sizeof(text), "message %u", i);
		post(p, 0, text);
	}
	post(p, 1, "other"); /* has a slot of its own */
	take(p, 1, "other");
	g_assert_true(p->awaited[0]);
	g_assert_cmpuint(delivery_waiting(p->delivery, 0), ==, 99);
	for (guint i = 0; i < 100; i++) {
		g_snprintf(text, sizeof(text), "message %u", i);
		take(p, 0, text);
	}
	g_assert_false(p->awaited[0]);
	g_assert_cmpuint(p->messages[0].slot[HVIS_SINT].type, ==, SLOT_FREE);
	g_assert_cmpuint(p->raised[0], ==, 100);
	g_assert_cmpuint(delivery_counters(p->delivery)->messages, ==, 101);
	g_assert_cmpuint(delivery_counters(p->delivery)->retries, ==, 0);
}

static void test_not_enabled_yet(Pages *p, gconstpointer data G_GNUC_UNUSED)
{
	p->off[0] = TRUE;
	post(p, 0, "early");
	g_assert_cmpuint(p->raised[0], ==, 0);
	g_assert_false(p->awaited[0]);
	p->off[0] = FALSE;
	delivery_pump(p->delivery, 0); /* as the register write does */
	take(p, 0, "early");
}

static void test_flush(Pages *p, gconstpointer data G_GNUC_UNUSED)
{
	post(p, 0, "one");
	post(p, 0, "two");
	post(p, 0, "three");
	delivery_flush(p->delivery);
	g_assert_false(p->awaited[0]);
	take(p, 0, "one"); /* what is in the slot stays */
	delivery_pump(p->delivery, 0);
	g_assert_cmpuint(p->messages[0].slot[HVIS_SINT].type, ==, SLOT_FREE);
	post(p, 0, "four");
	take(p, 0, "four");
}

/* The guest frees the slot without an end-of-message, as Linux does while it panics. */
static void test_retry(Pages *p, gconstpointer data G_GNUC_UNUSED)
{
	gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

	post(p, 0, "one");
	post(p, 0, "two");
	p->messages[0].slot[HVIS_SINT].type = SLOT_FREE;
	while (p->awaited[0] && g_get_monotonic_time() < deadline)
		g_main_context_iteration(NULL, TRUE);
	take(p, 0, "two");
	g_assert_cmpuint(delivery_counters(p->delivery)->retries, >=, 1);
	/* And the timer is gone: nothing is pending in the main loop. */
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_null(g_main_context_find_source_by_user_data(NULL, p->delivery));
}

static void test_refused(Pages *p, gconstpointer data G_GNUC_UNUSED)
{
	guint8 large[HVIS_MESSAGE_MAX + 1] = { 0 };

	delivery_post(p->delivery, VPS, "x", 1);
	delivery_post(p->delivery, 0, large, sizeof(large));
	delivery_set_flag(p->delivery, VPS, 1);
	delivery_set_flag(p->delivery, G_MAXUINT32, 1);
	delivery_set_flag(p->delivery, 0, SLOT_FLAGS);
	p->off[1] = TRUE;
	delivery_set_flag(p->delivery, 1, 1);
	g_assert_cmpuint(delivery_counters(p->delivery)->messages_dropped, ==, 2);
	g_assert_cmpuint(delivery_counters(p->delivery)->flags_dropped, ==, 4);
	g_assert_cmpuint(p->raised[0] + p->raised[1], ==, 0);
}

static void test_flag_interrupts(Pages *p, gconstpointer data G_GNUC_UNUSED)
{
	delivery_set_flag(p->delivery, 1, 5);
	delivery_set_flag(p->delivery, 1, 5);
	g_assert_cmpuint(p->raised[1], ==, 1); /* only where it was clear */
	p->flags[1].word[HVIS_SINT][0] = 0;
	delivery_set_flag(p->delivery, 1, 5);
	delivery_set_flag(p->delivery, 1, 6);
	g_assert_cmpuint(p->raised[1], ==, 3);
	p->masked = TRUE;
	delivery_set_flag(p->delivery, 1, 7);
	g_assert_cmpuint(delivery_counters(p->delivery)->interrupts_masked, ==, 1);
	g_assert_cmphex(p->flags[1].word[HVIS_SINT][0], ==, 0xe0);
}

#define ADD(path, func) g_test_add(path, Pages, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vm/slot/layout", test_layout);
	g_test_add_func("/vm/slot/sizes", test_sizes);
	g_test_add_func("/vm/slot/busy", test_busy);
	g_test_add_func("/vm/slot/flags", test_flags);
	ADD("/vm/delivery/order", test_order);
	ADD("/vm/delivery/not-enabled-yet", test_not_enabled_yet);
	ADD("/vm/delivery/flush", test_flush);
	ADD("/vm/delivery/retry", test_retry);
	ADD("/vm/delivery/refused", test_refused);
	ADD("/vm/delivery/flag-interrupts", test_flag_interrupts);
	return g_test_run();
}
