/* SPDX-License-Identifier: GPL-2.0-only */
/* The server under test of the Varlink tests. */
#include "tests/unit/varlink-fixture.h"

#include <unistd.h>

#include <glib/gstdio.h>

#include <util/error.h>
#include <util/fd.h>

/* --- the interface under test --- */

static void on_echo(VarlinkCall *call, struct json_object *params, gpointer data G_GNUC_UNUSED)
{
	varlink_call_reply(call, json_object_get(params));
}

static void on_gone(VarlinkCall *call, gpointer data)
{
	VarlinkFixture *f = data;

	f->hung_up++;
	g_ptr_array_remove(f->parked, call);
}

static void on_park(VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data)
{
	VarlinkFixture *f = data;

	g_ptr_array_add(f->parked, varlink_call_ref(call));
	varlink_call_on_hangup(call, on_gone, f);
}

static void on_touch(VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data)
{
	VarlinkFixture *f = data;

	f->touched++;
	varlink_call_reply(call, NULL);
}

/* Answers with how often its caller has called it on this connection. */
static void on_remember(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	GArray *calls = varlink_call_steal_data(call);
	struct json_object *reply = json_object_new_object();
	gint64 now = g_get_monotonic_time();

	if (!calls)
		calls = g_array_new(FALSE, FALSE, sizeof(now));
	g_array_append_val(calls, now);
	json_object_object_add(reply, "n", json_object_new_int64(calls->len));
	varlink_call_set_data(call, calls, (GDestroyNotify)g_array_unref);
	varlink_call_reply(call, reply);
}

static void on_fail(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	gint64 code = 0;

	if (!varlink_param_int(call, "code", &code))
		return;
	error = g_error_new(HVIS_ERROR, (gint)code, "code %d", (int)code);
	varlink_call_gerror(call, "io.test", error);
}

static void on_forget(VarlinkCall *call G_GNUC_UNUSED, struct json_object *params G_GNUC_UNUSED,
	gpointer data G_GNUC_UNUSED)
{
}

static void on_count(VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data)
{
	VarlinkFixture *f = data;
	gint64 to = 3;

	if (!varlink_param_int_opt(call, "to", &to))
		return;
	for (gint64 i = 1; i < to; i++) {
		struct json_object *n = json_object_new_object();

		json_object_object_add(n, "n", json_object_new_int64(i));
		if (!varlink_call_notify(call, n))
			return;
		f->notified++;
	}
	varlink_call_reply(call, NULL);
}

static void on_big(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	gint64 size = 0;
	struct json_object *reply;
	g_autofree char *text = NULL;

	if (!varlink_param_int(call, "size", &size))
		return;
	text = g_strnfill((gsize)size, 'x');
	reply = json_object_new_object();
	json_object_object_add(reply, "text", json_object_new_string(text));
	varlink_call_reply(call, reply);
}

static void on_typed(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	struct json_object *reply;
	const char *s, *so = "none";
	gint64 i, io = -1;
	gboolean bo = TRUE;

	if (!varlink_param_string(call, "s", &s) || !varlink_param_int(call, "i", &i) ||
		!varlink_param_string_opt(call, "so", &so) ||
		!varlink_param_int_opt(call, "io", &io) || !varlink_param_bool_opt(call, "bo", &bo))
		return;
	reply = json_object_new_object();
	json_object_object_add(reply, "s", json_object_new_string(s));
	json_object_object_add(reply, "i", json_object_new_int64(i));
	json_object_object_add(reply, "so", json_object_new_string(so));
	json_object_object_add(reply, "io", json_object_new_int64(io));
	json_object_object_add(reply, "bo", json_object_new_boolean(bo));
	varlink_call_reply(call, reply);
}

/* Answers with what is in the file that came along: NULL where none did. */
static void on_read(
	VarlinkCall *call, struct json_object *params G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	hvis_autofd int fd = varlink_call_take_fd(call);
	struct json_object *reply = json_object_new_object();
	char text[64] = "";

	if (fd >= 0)
		g_assert_cmpint(pread(fd, text, sizeof(text) - 1, 0), >=, 0);
	json_object_object_add(reply, "text", fd >= 0 ? json_object_new_string(text) : NULL);
	varlink_call_reply(call, reply);
}

static const VarlinkMethod methods[] = {
	{ .name = "Echo", .handle = on_echo },
	{ .name = "Park", .handle = on_park },
	{ .name = "Touch", .handle = on_touch },
	{ .name = "Secret", .handle = on_touch, .privileged = TRUE },
	{ .name = "Fail", .handle = on_fail },
	{ .name = "Remember", .handle = on_remember },
	{ .name = "Forget", .handle = on_forget },
	{ .name = "Count", .handle = on_count, .streams = TRUE },
	{ .name = "Big", .handle = on_big },
	{ .name = "Typed", .handle = on_typed },
	{ .name = "Read", .handle = on_read },
	{ 0 },
};

/* --- fixture --- */

void varlink_fixture_set_up(VarlinkFixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	f->dir = g_dir_make_tmp("hvis-varlink-XXXXXX", &error);
	g_assert_no_error(error);
	f->path = g_build_filename(f->dir, "run", "test", NULL);
	f->parked = g_ptr_array_new_with_free_func((GDestroyNotify)varlink_call_unref);
	f->server = varlink_server_new("test", "1.2");
	varlink_server_add(f->server, "io.test", "interface io.test\n", methods, f);
	g_assert_true(varlink_server_listen(f->server, f->path, 0666, &error));
	g_assert_no_error(error);
}

void varlink_fixture_tear_down(VarlinkFixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *run = g_path_get_dirname(f->path);

	varlink_server_free(f->server);
	g_assert_cmpuint(f->parked->len, ==, 0);
	g_ptr_array_unref(f->parked);
	g_assert_cmpint(g_rmdir(run), ==, 0); /* socket and lock are gone */
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->path);
	g_free(f->dir);
}

void varlink_fixture_settle(void)
{
	for (int quiet = 0; quiet < 3;)
		quiet = g_main_context_iteration(NULL, FALSE) ? 0 : quiet + 1;
}
