/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's watchdog with a clock of our own, and once with the real one. */
#include "config.h"

#include <json-c/json.h>

#include "host/owed.h"

static gint64 fake_now;
static GPtrArray *reports;

static gint64 fake_clock(void)
{
	return fake_now;
}

static void on_report(
	const char *who, const char *what, gint64 waited_ms, gpointer data G_GNUC_UNUSED)
{
	g_ptr_array_add(reports, g_strdup_printf("%s %s %" G_GINT64_FORMAT, who, what, waited_ms));
}

static void setup(void)
{
	fake_now = 1000000;
	reports = g_ptr_array_new_with_free_func(g_free);
	owed_set_clock(fake_clock);
	owed_set_report(on_report, NULL);
}

static void teardown(void)
{
	owed_clear();
	owed_set_report(NULL, NULL);
	owed_set_clock(NULL);
	g_ptr_array_unref(reports);
}

static void check_at(gint64 ms, guint n_reports)
{
	fake_now = 1000000 + ms * 1000;
	owed_check();
	g_assert_cmpuint(reports->len, ==, n_reports);
}

static void test_once(void)
{
	setup();
	g_assert_cmpuint(owed_add("guest", 500, "OPEN_RESULT for %s, relid %d", "kvp", 4), !=, 0);
	check_at(499, 0);
	check_at(500, 1);
	g_assert_cmpstr(reports->pdata[0], ==, "guest OPEN_RESULT for kvp, relid 4 500");
	check_at(50000, 1);
	teardown();
}

static void test_order(void)
{
	setup();
	owed_add("guest", 900, "late");
	owed_add("host", 300, "early");
	check_at(300, 1);
	g_assert_cmpstr(reports->pdata[0], ==, "host early 300");
	check_at(950, 2);
	g_assert_cmpstr(reports->pdata[1], ==, "guest late 950");
	/* both at once: in the order in which they became due */
	owed_add("guest", 900, "second");
	owed_add("host", 300, "first");
	check_at(5000, 4);
	g_assert_cmpstr(reports->pdata[2], ==, "host first 4050");
	g_assert_cmpstr(reports->pdata[3], ==, "guest second 4050");
	teardown();
}

static void test_done(void)
{
	guint64 id;

	setup();
	id = owed_add("host", 100, "answer");
	owed_done(id + 1000);
	owed_done(0);
	owed_done(id);
	owed_done(id);
	check_at(1000, 0);
	teardown();
}

static void test_no_limit(void)
{
	setup();
	owed_add("guest", 0, "whatever");
	check_at(G_MAXINT32, 0);
	teardown();
}

static void test_limit_for_all(void)
{
	setup();
	owed_add("guest", 100, "before");
	owed_set_limit(700);
	owed_add("guest", 100, "after");
	owed_add("guest", 0, "never");
	check_at(100, 1);
	check_at(699, 1);
	check_at(700, 2);
	g_assert_cmpstr(reports->pdata[1], ==, "guest after 700");
	owed_set_limit(0);
	teardown();
}

static void test_describe(void)
{
	struct json_object *list;

	setup();
	owed_add("guest", 100, "a");
	fake_now += 50000;
	owed_add("host", 100, "b");
	check_at(120, 1);
	list = owed_describe();
	g_assert_cmpstr(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN), ==,
		"[{\"who\":\"guest\",\"what\":\"a\",\"waited_ms\":120,\"reported\":true},"
		"{\"who\":\"host\",\"what\":\"b\",\"waited_ms\":70,\"reported\":false}]");
	json_object_put(list);
	owed_clear();
	list = owed_describe();
	g_assert_cmpuint(json_object_array_length(list), ==, 0);
	json_object_put(list);
	teardown();
}

static void reenter(const char *who, const char *what, gint64 waited_ms, gpointer data)
{
	on_report(who, what, waited_ms, data);
	owed_done(*(guint64 *)data);
	owed_add("guest", 100, "another");
}

static void test_report_changes_the_list(void)
{
	guint64 second;

	setup();
	owed_add("guest", 100, "first");
	second = owed_add("guest", 100, "second");
	owed_set_report(reenter, &second);
	check_at(100, 1);
	g_assert_cmpstr(reports->pdata[0], ==, "guest first 100");
	teardown();
}

/* With the real clock the report comes out of the main loop, the earliest deadline first. */
static void test_timer(void)
{
	setup();
	owed_set_clock(NULL);
	owed_add("guest", 20, "later");
	owed_add("guest", 1, "first");
	while (reports->len < 2)
		g_main_context_iteration(NULL, TRUE);
	g_assert_true(g_str_has_prefix(reports->pdata[0], "guest first "));
	g_assert_true(g_str_has_prefix(reports->pdata[1], "guest later "));
	teardown();
	g_assert_false(g_main_context_pending(NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/owed/once", test_once);
	g_test_add_func("/owed/order", test_order);
	g_test_add_func("/owed/done", test_done);
	g_test_add_func("/owed/no-limit", test_no_limit);
	g_test_add_func("/owed/limit-for-all", test_limit_for_all);
	g_test_add_func("/owed/describe", test_describe);
	g_test_add_func("/owed/report-changes-the-list", test_report_changes_the_list);
	g_test_add_func("/owed/timer", test_timer);
	return g_test_run();
}
