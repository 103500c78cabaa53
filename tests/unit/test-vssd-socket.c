/* SPDX-License-Identifier: GPL-2.0-only */
/* io.hvis.Vss with a coordinator that the test plays: who is answered when. Callers are processes of their own. */
#include "config.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <util/error.h>
#include <varlink/varlink.h>

#include "tests/unit/remove-tree.h"
#include "vssd/socket.h"

#define NOBODY 65534
#define PATIENCE_MS 60000

typedef struct {
	VssSocket *socket;
	char *dir, *path;
	guint plans; /* that were made */
	guint rehearsals, thaws; /* that were asked for */
	gboolean ends; /* a rehearsal does at once, but for its hooks */
} Fixture;

static struct json_object *make_plan(gpointer data, GError **error)
{
	Fixture *f = data;
	struct json_object *plan = json_object_new_object();

	if (f->plans++ == 0)
		g_usleep(3 * G_USEC_PER_SEC);
	json_object_object_add(plan, "file_systems", json_object_new_array());
	return plan;
}

/* What was to be called off had not begun, and so it is over at once. */
static VssThaw end_at_once(gpointer data, GError **error)
{
	Fixture *f = data;
	struct json_object *entry = json_object_new_object();

	f->thaws++;
	vss_socket_ended(f->socket, entry);
	json_object_put(entry);
	return VSS_THAW_SESSION;
}

static gboolean rehearse(gint64 ms, gpointer data, GError **error)
{
	Fixture *f = data;
	struct json_object *entry = json_object_new_object();

	f->rehearsals++;
	if (f->ends)
		vss_socket_ended(f->socket, entry);
	json_object_put(entry);
	return TRUE;
}

static void give_up(gpointer data)
{
	end_at_once(data, NULL);
}

static const VssSocketOps ops = {
	.plan = make_plan, .thaw = end_at_once, .rehearse = rehearse, .give_up = give_up
};

static void setup(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	f->dir = g_dir_make_tmp("hvis-vssd-XXXXXX", &error);
	g_assert_no_error(error);
	g_assert_cmpint(g_chmod(f->dir, 0755), ==, 0);
	f->path = g_build_filename(f->dir, "socket", NULL);
	f->socket = vss_socket_new(&ops, f);
	varlink_server_listen(vss_socket_server(f->socket), f->path, 0666, &error);
	g_assert_no_error(error);
}

static void teardown(Fixture *f, gconstpointer data)
{
	vss_socket_free(f->socket);
	remove_tree(f->dir);
	g_free(f->dir);
	g_free(f->path);
}

/* The exit status of who, as @uid, calls @method @n times on one connection: 0 where each is answered. */
static int call(const Fixture *f, uid_t uid, const char *method, int n)
{
	g_autoptr(VarlinkClient) client = NULL;

	if (uid != geteuid() && setresuid(uid, uid, uid) < 0)
		return 2;
	client = varlink_client_connect(f->path, NULL);
	for (int i = 0; client && i < n; i++) {
		struct json_object *answer =
			varlink_client_call(client, method, NULL, PATIENCE_MS, NULL);

		if (!answer)
			return 3;
		json_object_put(answer);
	}
	return client ? 0 : 4;
}

static void assert_answered(Fixture *f, uid_t uid, const char *method, int n)
{
	pid_t pid = fork(), ended = 0;
	int status = 0;

	g_assert_cmpint(pid, >=, 0);
	if (pid == 0)
		_exit(call(f, uid, method, n));
	while (ended == 0) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
		ended = waitpid(pid, &status, WNOHANG);
	}
	g_assert_cmpint(ended, ==, pid);
	g_assert_cmpint(status, ==, 0);
}

/* The end was told before the call was noted, and the caller waited for the next one. */
static void test_thaw_that_ends_at_once(Fixture *f, gconstpointer data)
{
	assert_answered(f, geteuid(), "io.hvis.Vss.Thaw", 2);
}

/* Who rehearses is killed when that has begun. */
static void rehearse_and_hang_up(Fixture *f)
{
	guint before = f->rehearsals;
	pid_t pid = fork();

	g_assert_cmpint(pid, >=, 0);
	if (pid == 0) {
		struct json_object *params = json_object_new_object();
		g_autoptr(VarlinkClient) client = varlink_client_connect(f->path, NULL);

		json_object_object_add(params, "duration_ms", json_object_new_int(1));
		while (client)
			varlink_client_call(client, "io.hvis.Vss.Rehearse", json_object_get(params),
				PATIENCE_MS, NULL);
		_exit(1);
	}
	while (f->rehearsals == before)
		g_main_context_iteration(NULL, TRUE);
	kill(pid, SIGKILL);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

/* What is frozen while hooks of a rehearsal thaw is a backup's: it was thawed because somebody hung up. */
static void test_hangup(Fixture *f, gconstpointer data)
{
	rehearse_and_hang_up(f);
	while (f->thaws == 0)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpuint(f->thaws, ==, 1);
	f->ends = TRUE;
	rehearse_and_hang_up(f);
	rehearse_and_hang_up(f); /* is not refused: the former one is known to have gone */
	g_assert_cmpuint(f->thaws, ==, 1);
}

/* A plan that takes long, asked for again and again, kept the host waiting. */
static void test_plans_of_anybody(Fixture *f, gconstpointer data)
{
	if (geteuid() != 0) {
		g_test_skip("needs another user");
		return;
	}
	assert_answered(f, NOBODY, "io.hvis.Vss.Plan", 5);
	g_assert_cmpuint(f->plans, ==, 1);
	assert_answered(f, 0, "io.hvis.Vss.Plan", 2);
	g_assert_cmpuint(f->plans, ==, 3);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/vssd/socket/thaw-that-ends-at-once", Fixture, NULL, setup,
		test_thaw_that_ends_at_once, teardown);
	g_test_add("/vssd/socket/hangup", Fixture, NULL, setup, test_hangup, teardown);
	g_test_add("/vssd/socket/plans-of-anybody", Fixture, NULL, setup, test_plans_of_anybody,
		teardown);
	return g_test_run();
}
