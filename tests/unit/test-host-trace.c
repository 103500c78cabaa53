/* SPDX-License-Identifier: GPL-2.0-only */
/* The event queue: order, layers, threads, the bounded backlog, and both written forms. */
#include "config.h"

#include <string.h>

#include <glib/gstdio.h>
#include <json-c/json.h>

#include "host/trace.h"
#include "util/error.h"

static GPtrArray *seen;
static guint64 last_sequence;

static void collect(const TraceEvent *event, gpointer data)
{
	g_assert_cmpuint(event->sequence, >, last_sequence);
	last_sequence = event->sequence;
	g_ptr_array_add(seen, g_strdup_printf("%s%s", data ? (const char *)data : "", event->text));
}

static void setup(void)
{
	seen = g_ptr_array_new_with_free_func(g_free);
	last_sequence = 0;
}

static void teardown(void)
{
	trace_keep(0, 0);
	g_ptr_array_unref(seen);
	for (guint layer = 0; layer < TRACE_LAYER_N; layer++)
		g_assert_false(trace_wanted(layer));
}

static void emit(TraceLayer layer, const char *text)
{
	trace_emit(layer, TRACE_TO_GUEST, "kvp", "\x01\xff", 2, "%s", text);
}

static void test_nobody_listens(void)
{
	guint id;

	setup();
	emit(TRACE_MESSAGE, "before");
	id = trace_subscribe(TRACE_ALL, collect, NULL);
	g_assert_true(trace_wanted(TRACE_MSR));
	trace_flush();
	g_assert_cmpuint(seen->len, ==, 0);
	trace_unsubscribe(id);
	teardown();
}

static void test_layers(void)
{
	guint id;

	setup();
	id = trace_subscribe(1u << TRACE_PACKET | 1u << TRACE_SERVICE, collect, NULL);
	g_assert_false(trace_wanted(TRACE_MESSAGE));
	emit(TRACE_MESSAGE, "no");
	emit(TRACE_PACKET, "yes");
	emit(TRACE_SERVICE, "too");
	g_assert_cmpuint(seen->len, ==, 0); /* never from within trace_emit() */
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_cmpuint(seen->len, ==, 2);
	g_assert_cmpstr(seen->pdata[0], ==, "yes");
	g_assert_cmpstr(seen->pdata[1], ==, "too");
	trace_unsubscribe(id);
	teardown();
}

static gpointer emit_many(gpointer data)
{
	for (guint i = 0; i < 500; i++)
		trace_emit(TRACE_MSR, TRACE_TO_HOST, "vcpu0", NULL, 0, "%u", i);
	return NULL;
}

static void test_threads(void)
{
	GThread *threads[4];
	guint id;

	setup();
	id = trace_subscribe(TRACE_ALL, collect, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("emitter", emit_many, NULL);
	while (seen->len < 2000)
		g_main_context_iteration(NULL, TRUE);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	trace_flush();
	g_assert_cmpuint(seen->len, ==, 2000);
	trace_unsubscribe(id);
	teardown();
}

static guint inner_id;

static void unsubscribe_all(const TraceEvent *event, gpointer data)
{
	collect(event, data);
	trace_unsubscribe(*(guint *)data);
	trace_unsubscribe(inner_id);
	emit(TRACE_FAULT, "from inside");
}

static void test_unsubscribe_inside(void)
{
	guint id;

	setup();
	id = 0;
	id = trace_subscribe(TRACE_ALL, unsubscribe_all, &id);
	inner_id = trace_subscribe(TRACE_ALL, collect, NULL);
	emit(TRACE_MESSAGE, "one");
	emit(TRACE_MESSAGE, "two");
	trace_flush();
	g_assert_cmpuint(seen->len, ==, 1);
	teardown();
}

static void echo(const TraceEvent *event, gpointer data)
{
	collect(event, data);
	emit(TRACE_PACKET, "again");
}

/* Events that come as fast as they are written down: the main loop must get on all the same. */
static void test_without_end(void)
{
	guint id;

	setup();
	id = trace_subscribe(TRACE_ALL, echo, NULL);
	emit(TRACE_PACKET, "first");
	trace_flush();
	g_assert_cmpuint(seen->len, ==, 1);
	for (guint turn = 2; turn < 10; turn++) {
		g_assert_true(g_main_context_iteration(NULL, FALSE));
		g_assert_cmpuint(seen->len, ==, turn);
	}
	trace_unsubscribe(id);
	g_assert_true(g_main_context_iteration(NULL, FALSE));
	g_assert_false(g_main_context_iteration(NULL, FALSE)); /* and it comes to rest */
	teardown();
}

static void test_backlog(void)
{
	const guint many = 70000, max = 65536;
	guint id;

	setup();
	id = trace_subscribe(TRACE_ALL, collect, NULL);
	for (guint i = 0; i < many; i++)
		emit(TRACE_PACKET, "x");
	trace_flush();
	g_assert_cmpuint(seen->len, ==, max + 1);
	g_assert_cmpstr(
		seen->pdata[max], ==, "4464 events lost: the host was too busy to write them down");
	trace_unsubscribe(id);
	teardown();
}

static void test_recent(void)
{
	setup();
	trace_keep(3, 1u << TRACE_SERVICE | 1u << TRACE_FAULT);
	emit(TRACE_MESSAGE, "not kept");
	for (const char *c = "abcde"; *c; c++)
		emit(*c == 'd' ? TRACE_FAULT : TRACE_SERVICE, (char[]){ *c, '\0' });
	trace_recent(TRACE_ALL, collect, NULL);
	trace_recent(1u << TRACE_MSR, collect, NULL);
	g_assert_cmpuint(seen->len, ==, 3);
	g_assert_cmpstr(seen->pdata[0], ==, "c");
	g_assert_cmpstr(seen->pdata[2], ==, "e");
	teardown();
}

static const TraceEvent sample = {
	.sequence = 7,
	.time_us = G_GINT64_CONSTANT(1700000000000042),
	.layer = TRACE_SERVICE,
	.dir = TRACE_TO_HOST,
	.subject = "kvp",
	.text = "value \x1b[1m \xff",
	.bytes = (const guint8 *)"\x00\x9f",
	.len = 2,
};

static void test_line(void)
{
	g_autofree char *line = trace_event_line(&sample);

	g_assert_cmpstr(line, ==,
		"2023-11-14T22:13:20.000042Z  service    guest > host  kvp        "
		"value \\x1b[1m \\xff");
}

static void test_json(void)
{
	struct json_object *o = trace_event_json(&sample, TRUE);

	g_assert_cmpstr(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), ==,
		"{\"sequence\":7,\"time\":\"2023-11-14T22:13:20.000042Z\","
		"\"layer\":\"service\",\"direction\":\"to-host\",\"subject\":\"kvp\","
		"\"text\":\"value \\u001b[1m \xef\xbf\xbd\",\"bytes\":\"009f\"}");
	json_object_put(o);
	o = trace_event_json(&sample, FALSE);
	g_assert_false(json_object_object_get_ex(o, "bytes", NULL));
	json_object_put(o);
}

static void test_parse(void)
{
	g_autoptr(GError) error = NULL;
	guint layers = 12345;

	g_assert_false(trace_layers_parse("message,bogus", &layers, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_assert_nonnull(strstr(error->message, "bogus"));
	g_assert_cmpuint(layers, ==, 12345);
	g_assert_true(trace_layers_parse("fault,msr", &layers, NULL));
	g_assert_cmpuint(layers, ==, 1u << TRACE_FAULT | 1u << TRACE_MSR);
	g_assert_true(trace_layers_parse("all", &layers, NULL));
	g_assert_cmpuint(layers, ==, TRACE_ALL);
	g_assert_true(trace_layers_parse("", &layers, NULL));
	g_assert_cmpuint(layers, ==, TRACE_ALL);
}

static char *write_file(const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *dir = g_dir_make_tmp("hvis-trace-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, name, NULL);
	char *text = NULL;

	g_assert_true(trace_file_open(path, TRACE_ALL, &error));
	g_assert_false(trace_file_open(path, TRACE_ALL, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_BUSY));
	g_clear_error(&error);
	emit(TRACE_MESSAGE, "one");
	emit(TRACE_MESSAGE, "two");
	g_assert_true(trace_file_close(&error));
	g_assert_no_error(error);
	g_assert_true(trace_file_close(&error));
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_unlink(path);
	g_rmdir(dir);
	return text;
}

static void test_file(void)
{
	g_autofree char *text = NULL, *json = NULL;
	g_auto(GStrv) lines = NULL, objects = NULL;
	struct json_object *o;

	setup();
	text = write_file("trace.txt");
	lines = g_strsplit(text, "\n", -1);
	g_assert_cmpuint(g_strv_length(lines), ==, 3);
	g_assert_true(g_str_has_suffix(lines[1], "  message    host > guest  kvp        two"));

	json = write_file("trace.json");
	objects = g_strsplit(json, "\n", -1);
	g_assert_cmpuint(g_strv_length(objects), ==, 3);
	o = json_tokener_parse(objects[0]);
	g_assert_cmpstr(json_object_get_string(json_object_object_get(o, "text")), ==, "one");
	json_object_put(o);
	teardown();
}

static void test_file_errors(void)
{
	g_autoptr(GError) error = NULL;

	setup();
	g_assert_false(trace_file_open("/nonexistent/trace", TRACE_ALL, &error));
	g_assert_nonnull(strstr(error->message, "/nonexistent/trace"));
	g_clear_error(&error);
	g_assert_true(trace_file_check(NULL)); /* there is none */
	g_assert_true(trace_file_open("/dev/full", TRACE_ALL, &error));
	g_assert_true(trace_file_check(NULL));
	emit(TRACE_MESSAGE, "lost");
	g_assert_false(trace_file_check(NULL));
	g_assert_false(trace_file_close(&error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
	teardown();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/trace/nobody-listens", test_nobody_listens);
	g_test_add_func("/trace/layers", test_layers);
	g_test_add_func("/trace/threads", test_threads);
	g_test_add_func("/trace/unsubscribe-inside", test_unsubscribe_inside);
	g_test_add_func("/trace/without-end", test_without_end);
	g_test_add_func("/trace/backlog", test_backlog);
	g_test_add_func("/trace/recent", test_recent);
	g_test_add_func("/trace/line", test_line);
	g_test_add_func("/trace/json", test_json);
	g_test_add_func("/trace/parse", test_parse);
	g_test_add_func("/trace/file", test_file);
	g_test_add_func("/trace/file/errors", test_file_errors);
	return g_test_run();
}
