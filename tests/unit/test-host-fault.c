/* SPDX-License-Identifier: GPL-2.0-only */
/* The fault table: every action, every limit, the grammar, and what is held back for a receiver. */
#include "config.h"

#include <string.h>

#include <json-c/json.h>

#include "host/fault-rule.h"
#include "host/fault.h"
#include "util/error.h"

static GString *got; /* what was delivered, separated by blanks */
static char target, other_target;

static void deliver(gpointer to, const guint8 *bytes, gsize len)
{
	g_assert_true(to == &target || to == &other_target);
	if (got->len)
		g_string_append_c(got, ' ');
	g_string_append_len(got, (const char *)bytes, (gssize)len);
}

static guint add(const char *rule)
{
	g_autoptr(GError) error = NULL;
	guint id = fault_add(rule, &error);

	g_assert_no_error(error);
	g_assert_cmpuint(id, !=, 0);
	return id;
}

static void send_as(FaultPoint point, const char *subject, const char *text)
{
	fault_send(point, subject, &target, text, strlen(text), 0, deliver);
}

static void send(const char *text)
{
	send_as(FAULT_AT_PACKET, "kvp", text);
}

static void expect(const char *text)
{
	g_assert_cmpstr(got->str, ==, text);
}

static void wait_for(const char *text)
{
	while (got->len < strlen(text))
		g_main_context_iteration(NULL, TRUE);
	expect(text);
}

static void setup(void)
{
	got = g_string_new(NULL);
}

static void teardown(void)
{
	fault_clear();
	fault_forget(&target);
	fault_forget(&other_target);
	g_assert_false(g_main_context_pending(NULL));
	g_string_free(got, TRUE);
}

static void test_none(void)
{
	setup();
	send("a");
	fault_send(FAULT_AT_LINK, "kvp", &target, NULL, 0, 0, deliver);
	expect("a ");
	teardown();
}

static void test_match(void)
{
	setup();
	add("drop:packet/kvp");
	send_as(FAULT_AT_PACKET, "vss", "a");
	send_as(FAULT_AT_LINK, "kvp", "b");
	send_as(FAULT_AT_MESSAGE, "kvp", "c");
	send_as(FAULT_AT_PACKET, "kvp", "d");
	expect("a b c");
	add("drop:link/*");
	send_as(FAULT_AT_LINK, "anything", "e");
	expect("a b c");
	teardown();
}

static void test_limits(void)
{
	setup();
	add("drop:packet/kvp:after=2,count=2");
	for (const char *c = "abcdef"; *c; c++)
		send((char[]){ *c, '\0' });
	expect("a b e f");
	teardown();
}

static char *run_probability(const char *rule)
{
	setup();
	add(rule);
	for (guint i = 0; i < 200; i++)
		send("x");
	fault_clear();
	return g_string_free(got, FALSE);
}

static void test_probability(void)
{
	g_autofree char *a = run_probability("drop:packet/kvp:probability=0.25,seed=7");
	g_autofree char *b = run_probability("drop:packet/kvp:probability=0.25,seed=7");
	g_autofree char *all = run_probability("drop:packet/kvp:probability=1");
	guint delivered = ((guint)strlen(a) + 1) / 2;

	g_assert_cmpstr(a, ==, b);
	g_assert_cmpuint(delivered, >, 120);
	g_assert_cmpuint(delivered, <, 180);
	g_assert_cmpstr(all, ==, "");
}

static void test_delay(void)
{
	setup();
	add("delay:packet/kvp:time=5,count=1");
	send("late");
	send("early");
	expect("early");
	wait_for("early late");
	teardown();
}

static void test_duplicate(void)
{
	setup();
	add("duplicate:packet/kvp:count=1");
	send("twice");
	expect("twice");
	wait_for("twice twice");
	teardown();
}

static void test_truncate(void)
{
	setup();
	add("truncate:packet/kvp:length=2,count=1");
	add("truncate:packet/kvp:count=1");
	add("truncate:packet/kvp:length=99,count=1");
	add("truncate:packet/kvp:length=1");
	send("abcdef");
	send("abcdef");
	send("abcdef");
	fault_send(FAULT_AT_PACKET, "kvp", &target, "HDRabc", 6, 3, deliver);
	fault_send(FAULT_AT_PACKET, "kvp", &target, "HD", 2, 3, deliver);
	expect("ab abc abcdef HDRa HD");
	teardown();
}

static void test_corrupt(void)
{
	setup();
	add("corrupt:packet/kvp:offset=1,xor=0x20,count=2");
	send("abc");
	fault_send(FAULT_AT_PACKET, "kvp", &target, "HDRabc", 6, 3, deliver);
	expect("aBc HDRaBc");
	add("corrupt:packet/kvp:offset=3,xor=1,count=1");
	send("abc");
	expect("aBc HDRaBc abc"); /* past the end: unchanged */
	fault_send(FAULT_AT_PACKET, "kvp", &target, "", 0, 0, deliver);
	teardown();
}

static char *run_corrupt(void)
{
	setup();
	add("corrupt:packet/kvp:seed=3");
	fault_send(FAULT_AT_PACKET, "kvp", &target, "HDRabcdefgh", 11, 3, deliver);
	fault_clear();
	return g_string_free(got, FALSE);
}

static void test_corrupt_random(void)
{
	g_autofree char *a = run_corrupt(), *b = run_corrupt();
	guint changed = 0;

	g_assert_cmpmem(a, 11, b, 11);
	for (guint i = 0; i < 11; i++)
		changed += a[i] != "HDRabcdefgh"[i];
	g_assert_cmpuint(changed, ==, 1);
	g_assert_cmpmem(a, 3, "HDR", 3);
}

static void test_reorder(void)
{
	setup();
	add("reorder:packet/kvp:count=1");
	send("a");
	fault_send(FAULT_AT_PACKET, "kvp", &other_target, "other", 5, 0, deliver);
	expect("other");
	send("b");
	expect("other b a");
	send("c");
	expect("other b a c");
	teardown();
}

static void test_reorder_always(void)
{
	setup();
	add("reorder:packet/kvp");
	for (const char *c = "abcd"; *c; c++)
		send((char[]){ *c, '\0' });
	expect("b a d c");
	teardown();
}

static void test_reorder_alone(void)
{
	setup();
	add("reorder:packet/kvp:time=2");
	send("a");
	expect("");
	wait_for("a");
	teardown();
}

static void on_rescind(const char *service, gpointer data)
{
	g_string_append_printf(got, " rescind-%s", service);
}

static void test_rescind(void)
{
	setup();
	fault_set_rescind(on_rescind, NULL);
	add("rescind:packet/*:count=1");
	send("a");
	expect("a"); /* not while the sender is on the stack */
	send("b");
	wait_for("a b rescind-kvp");
	fault_set_rescind(NULL, NULL);
	teardown();
}

static void test_forget(void)
{
	setup();
	add("delay:packet/kvp:time=1");
	send("a");
	fault_send(FAULT_AT_PACKET, "kvp", &other_target, "b", 1, 0, deliver);
	fault_forget(&target);
	wait_for("b");
	teardown();
}

static void test_held_outlives_its_rule(void)
{
	setup();
	add("delay:packet/kvp:time=1");
	send("a");
	fault_clear();
	wait_for("a");
	teardown();
}

static void test_table(void)
{
	struct json_object *rules;
	guint first, second;

	setup();
	first = add("drop:packet/kvp:count=1");
	second = add("drop:packet/*");
	send("a");
	send("b");
	send("c");
	rules = fault_describe();
	g_assert_cmpuint(json_object_array_length(rules), ==, 2);
	g_assert_cmpstr(json_object_get_string(json_object_object_get(
				json_object_array_get_idx(rules, 0), "rule")),
		==, "drop:packet/kvp:count=1");
	g_assert_cmpint(json_object_get_int(json_object_object_get(
				json_object_array_get_idx(rules, 0), "matched")),
		==, 3);
	g_assert_cmpint(json_object_get_int(json_object_object_get(
				json_object_array_get_idx(rules, 0), "fired")),
		==, 1);
	g_assert_cmpint(json_object_get_int(json_object_object_get(
				json_object_array_get_idx(rules, 1), "fired")),
		==, 2);
	json_object_put(rules);
	g_assert_true(fault_remove(second));
	g_assert_false(fault_remove(second));
	g_assert_true(fault_remove(first));
	send("d");
	expect("d");
	teardown();
}

static const struct {
	const char *rule, *names; /* what the message must name */
} bad[] = {
	{ "", "ACTION:PLACE" },
	{ "drop", "ACTION:PLACE" },
	{ "lose:packet/kvp", "lose" },
	{ "drop:packet", "packet" },
	{ "drop:packet/", "packet/" },
	{ "drop:disk/kvp", "disk" },
	{ "drop:packet/kvp:", "count=" },
	{ "drop:packet/kvp:count", "count" },
	{ "drop:packet/kvp:count=", "count=" },
	{ "drop:packet/kvp:count=0", "count=0" },
	{ "drop:packet/kvp:count=-1", "count=-1" },
	{ "drop:packet/kvp:count=1x", "count=1x" },
	{ "drop:packet/kvp:count=99999999999", "count=" },
	{ "drop:packet/kvp:colour=1", "colour" },
	{ "drop:packet/kvp:count=1,,after=1", "\"\"" },
	{ "drop:packet/kvp:probability=0", "probability=0" },
	{ "drop:packet/kvp:probability=1.5", "1.5" },
	{ "drop:packet/kvp:probability=nan", "nan" },
	{ "drop:packet/kvp:probability=0.5x", "0.5x" },
	{ "drop:packet/kvp:time=5", "drop takes no time=" },
	{ "delay:packet/kvp:time=3600001", "time=3600001" },
	{ "delay:packet/kvp:length=5", "delay takes no length=" },
	{ "corrupt:packet/kvp:xor=0", "xor=0" },
	{ "corrupt:packet/kvp:xor=256", "xor=256" },
	{ "corrupt:packet/kvp:xor=0x", "xor=0x" },
	{ "rescind:message/OPEN_RESULT", "service" },
};

static void test_bad_rules(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_cmpuint(fault_add(bad[i].rule, &error), ==, 0);
		g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
		if (!strstr(error->message, bad[i].names))
			g_error("\"%s\": \"%s\" does not name \"%s\"", bad[i].rule, error->message,
				bad[i].names);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fault/none", test_none);
	g_test_add_func("/fault/match", test_match);
	g_test_add_func("/fault/limits", test_limits);
	g_test_add_func("/fault/probability", test_probability);
	g_test_add_func("/fault/delay", test_delay);
	g_test_add_func("/fault/duplicate", test_duplicate);
	g_test_add_func("/fault/truncate", test_truncate);
	g_test_add_func("/fault/corrupt", test_corrupt);
	g_test_add_func("/fault/corrupt/random", test_corrupt_random);
	g_test_add_func("/fault/reorder", test_reorder);
	g_test_add_func("/fault/reorder/always", test_reorder_always);
	g_test_add_func("/fault/reorder/alone", test_reorder_alone);
	g_test_add_func("/fault/rescind", test_rescind);
	g_test_add_func("/fault/forget", test_forget);
	g_test_add_func("/fault/held-outlives-its-rule", test_held_outlives_its_rule);
	g_test_add_func("/fault/table", test_table);
	g_test_add_func("/fault/bad-rules", test_bad_rules);
	return g_test_run();
}
