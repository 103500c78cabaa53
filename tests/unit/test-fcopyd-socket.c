/* SPDX-License-Identifier: GPL-2.0-only */
/* io.hvis.Fcopy with a coordinator that the test plays: who is answered when, and who may cancel. */
#include "config.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <util/error.h>
#include <util/recent.h>

#include "fcopyd/received.h"
#include "fcopyd/socket.h"
#include "tests/unit/remove-tree.h"

#define NOBODY 65534
#define PATIENCE_MS 60000

typedef struct {
	FcopySocket *socket;
	char *dir, *path;
	gboolean busy; /* something is under way */
	gboolean ends; /* and is over as soon as it is given up */
	guint cancels, count; /* asked for */
	guint answers;
	char *answer; /* the last one */
	HvisErrorCode code; /* or its error */
} Fixture;

static struct json_object *give_status(gpointer data)
{
	return json_object_new_string("well");
}

static struct json_object *give_history(guint count, gsize room, gpointer data)
{
	((Fixture *)data)->count = count;
	g_assert_cmpuint(room, <, VARLINK_MESSAGE_MAX);
	return json_object_new_array();
}

static void tell_end(Fixture *f)
{
	struct json_object *entry = json_object_new_string("gone");

	fcopy_socket_ended(f->socket, entry);
	json_object_put(entry);
}

static gboolean cancel(gpointer data, GError **error)
{
	Fixture *f = data;

	f->cancels++;
	if (!f->busy)
		return hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no file is under way");
	if (f->ends)
		tell_end(f);
	return TRUE;
}

static const FcopySocketOps ops = { give_status, give_history, cancel };

static void setup(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	f->dir = g_dir_make_tmp("hvis-fcopyd-XXXXXX", &error);
	g_assert_no_error(error);
	g_assert_cmpint(g_chmod(f->dir, 0755), ==, 0);
	f->path = g_build_filename(f->dir, "socket", NULL);
	f->socket = fcopy_socket_new(&ops, f);
	g_assert_true(varlink_server_listen(fcopy_socket_server(f->socket), f->path, 0666, &error));
}

static void teardown(Fixture *f, gconstpointer data)
{
	fcopy_socket_free(f->socket);
	remove_tree(f->dir);
	g_free(f->dir);
	g_free(f->path);
	g_free(f->answer);
}

static void on_answer(struct json_object *params, const GError *error, gpointer data)
{
	Fixture *f = data;

	f->answers++;
	f->code = error ? (HvisErrorCode)error->code : HVIS_ERROR_N;
	g_free(f->answer);
	f->answer =
		params ? g_strdup(json_object_to_json_string_ext(params, JSON_C_TO_STRING_PLAIN))
		       : NULL;
}

static void call(Fixture *f, const char *method, struct json_object *params)
{
	g_autofree char *name = g_strconcat("io.hvis.Fcopy.", method, NULL);
	g_autoptr(GError) error = NULL;

	g_assert_nonnull(
		varlink_call_later(f->path, name, params, PATIENCE_MS, on_answer, f, &error));
}

static void await(const guint *count, guint n)
{
	while (*count < n)
		g_main_context_iteration(NULL, TRUE);
}

static void test_questions(Fixture *f, gconstpointer data)
{
	static const struct {
		gint64 count;
		guint wanted;
	} cases[] = { { 0, 0 }, { 7, 7 }, { 1000, HVIS_RECENT_MAX }, { -1, 0 } };

	call(f, "GetStatus", NULL);
	await(&f->answers, 1);
	g_assert_cmpstr(f->answer, ==, "{\"status\":\"well\"}");
	call(f, "History", NULL);
	await(&f->answers, 2);
	g_assert_cmpstr(f->answer, ==, "{\"transfers\":[]}");
	g_assert_cmpuint(f->count, ==, HVIS_RECENT_MAX);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct json_object *params = json_object_new_object();

		json_object_object_add(params, "count", json_object_new_int64(cases[i].count));
		call(f, "History", params);
		await(&f->answers, 3 + i);
		g_assert_cmpuint(f->count, ==, cases[i].wanted);
	}
}

static void test_nothing_to_cancel(Fixture *f, gconstpointer data)
{
	call(f, "Cancel", NULL);
	await(&f->answers, 1);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_NOT_FOUND);
	tell_end(f); /* nobody waits for it */
	call(f, "GetStatus", NULL);
	await(&f->answers, 2);
}

/* All who wait are told of the end, and of no later one. */
static void test_cancel(Fixture *f, gconstpointer data)
{
	f->busy = TRUE;
	call(f, "Cancel", NULL);
	call(f, "Cancel", NULL);
	await(&f->cancels, 2);
	g_assert_cmpuint(f->answers, ==, 0);
	tell_end(f);
	await(&f->answers, 2);
	g_assert_cmpstr(f->answer, ==, "{\"transfer\":\"gone\"}");
	tell_end(f);
	f->ends = TRUE;
	call(f, "Cancel", NULL);
	await(&f->answers, 3);
	g_assert_cmpstr(f->answer, ==, "{\"transfer\":\"gone\"}");
}

/* The exit status of a user who asks for @method: 0 where it is answered. */
static int ask_as_nobody(const Fixture *f, const char *method)
{
	g_autoptr(VarlinkClient) client = NULL;
	struct json_object *answer;

	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 2;
	client = varlink_client_connect(f->path, NULL);
	answer = client ? varlink_client_call(client, method, NULL, PATIENCE_MS, NULL) : NULL;
	return answer ? 0 : 1;
}

static int status_of_nobody(Fixture *f, const char *method)
{
	pid_t pid = fork(), ended = 0;
	int status = 0;

	g_assert_cmpint(pid, >=, 0);
	if (pid == 0)
		_exit(ask_as_nobody(f, method));
	while (ended == 0) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
		ended = waitpid(pid, &status, WNOHANG);
	}
	g_assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_nobody(Fixture *f, gconstpointer data)
{
	if (geteuid() != 0) {
		g_test_skip("needs another user");
		return;
	}
	f->busy = f->ends = TRUE;
	g_assert_cmpint(status_of_nobody(f, "io.hvis.Fcopy.GetStatus"), ==, 0);
	g_assert_cmpint(status_of_nobody(f, "io.hvis.Fcopy.Cancel"), ==, 1);
	g_assert_cmpuint(f->cancels, ==, 0);
}

/* Names of units as "systemd-escape --path --template=hvis-fcopy-received@.service" makes them. */
static void test_units(void)
{
	static const struct {
		const char *target, *instance;
	} cases[] = {
		{ "/srv/a.b_c:D9", "srv-a.b_c:D9" },
		{ "/srv/a b-c", "srv-a\\x20b\\x2dc" },
		{ "/.hidden", "\\x2ehidden" },
		{ "/srv/.hidden", "srv-.hidden" },
		{ "/srv/\xc3\xa9\n", "srv-\\xc3\\xa9\\x0a" },
		{ "/srv/@%", "srv-\\x40\\x25" },
	};
	g_autofree char *name = g_strnfill(250, 'x');
	g_autofree char *path = g_strconcat("/", name, NULL);

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *unit = fcopy_received_unit(cases[i].target);
		g_autofree char *wanted =
			g_strconcat("hvis-fcopy-received@", cases[i].instance, ".service", NULL);

		g_assert_cmpstr(unit, ==, wanted);
	}
	g_assert_null(fcopy_received_unit(path));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/fcopyd/socket/questions", Fixture, NULL, setup, test_questions, teardown);
	g_test_add("/fcopyd/socket/nothing-to-cancel", Fixture, NULL, setup, test_nothing_to_cancel,
		teardown);
	g_test_add("/fcopyd/socket/cancel", Fixture, NULL, setup, test_cancel, teardown);
	g_test_add("/fcopyd/socket/nobody", Fixture, NULL, setup, test_nobody, teardown);
	g_test_add_func("/fcopyd/received/units", test_units);
	return g_test_run();
}
