/* SPDX-License-Identifier: GPL-2.0-only */
/* See fake-host.h. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>
#include <json-c/json.h>

#include "host/ctl.h"
#include "tests/unit/fake-host.h"
#include "tests/unit/fake-services.h"

struct CtlRun {
	char *socket, *line;
	CtlResult result;
	GThread *thread;
	gint done; /* atomic */
};

static void describe(struct json_object *info, gpointer data)
{
	struct json_object *machine = json_object_new_object();

	json_object_object_add(machine, "synic", json_object_new_string("user"));
	json_object_object_add(machine, "exits", json_object_new_object());
	json_object_object_add(info, "machine", machine);
}

static gboolean reset(gpointer data, GError **error)
{
	FakeHost *host = data;

	host->resets++;
	return !host->reset_fails || hvis_fail(error, HVIS_ERROR_IO, "the machine is broken");
}

static void quit(gpointer data)
{
	((FakeHost *)data)->quits++;
}

void fake_host_start(FakeHost *host, gboolean machine)
{
	g_autoptr(GError) error = NULL;
	ControlHost control = {
		.mode = machine ? "run" : "link", .data = host, .quit = quit, .quit_data = host
	};

	memset(host, 0, sizeof(*host));
	host->dir = g_dir_make_tmp("hvis-control-XXXXXX", NULL);
	host->socket = g_build_filename(host->dir, "control", NULL);
	host->services = control.services = fake_services_new();
	if (machine) {
		control.describe = describe;
		control.reset = reset;
	}
	host->control = control_new(&control);
	g_assert_true(control_listen(host->control, host->socket, &error));
	g_assert_no_error(error);
}

void fake_host_stop(FakeHost *host)
{
	fake_services_free(host->services);
	control_free(host->control);
	g_assert_cmpint(g_rmdir(host->dir), ==, 0); /* the socket is gone */
	g_free(host->dir);
	g_free(host->socket);
}

static gpointer run_thread(gpointer data)
{
	CtlRun *run = data;
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) words = NULL;
	size_t len;
	FILE *out = open_memstream(&run->result.out, &len);

	g_assert_true(g_shell_parse_argv(run->line, NULL, &words, NULL));
	run->result.status = ctl_run(run->socket, (const char *const *)words, out, &error);
	fclose(out);
	if (error)
		run->result.error = g_strdup(error->message);
	g_atomic_int_set(&run->done, TRUE);
	g_main_context_wakeup(NULL);
	return NULL;
}

CtlRun *fake_host_ctl_start(FakeHost *host, const char *line)
{
	CtlRun *run = g_new0(CtlRun, 1);

	run->socket = g_strdup(host->socket);
	run->line = g_strdup(line);
	run->thread = g_thread_new("ctl", run_thread, run);
	return run;
}

CtlResult fake_host_ctl_end(CtlRun *run)
{
	CtlResult result;

	while (!g_atomic_int_get(&run->done))
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(run->thread);
	result = run->result;
	g_free(run->socket);
	g_free(run->line);
	g_free(run);
	return result;
}

CtlResult fake_host_ctl(FakeHost *host, const char *line)
{
	return fake_host_ctl_end(fake_host_ctl_start(host, line));
}

void ctl_result_clear(CtlResult *result)
{
	free(result->out);
	g_free(result->error);
}

void fake_host_until(gboolean (*condition)(gpointer data), gpointer data)
{
	while (!condition(data))
		g_main_context_iteration(NULL, TRUE);
}

void fake_host_expect(
	FakeHost *host, const char *line, HvisExit status, const char *out, const char *error)
{
	CtlResult result = fake_host_ctl(host, line);

	g_test_message("%s: %d %s", line, result.status, result.error ? result.error : "");
	if (error)
		g_assert_nonnull(result.error);
	else
		g_assert_cmpstr(result.error, ==, NULL);
	if (error && !strstr(result.error, error))
		g_error("%s: \"%s\" does not contain \"%s\"", line, result.error, error);
	g_assert_cmpstr(result.out, ==, out);
	g_assert_cmpint(result.status, ==, status);
	ctl_result_clear(&result);
}

void fake_host_expect_asked(const char *log)
{
	g_autofree char *asked = fake_take_log();

	g_assert_cmpstr(asked, ==, log);
}
