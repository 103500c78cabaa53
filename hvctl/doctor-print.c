/* SPDX-License-Identifier: GPL-2.0-only */
/* The command "hvctl doctor": which checks are run, how findings are printed, and what the exit status is. */
#include <string.h>

#include "hvctl/command.h"
#include "hvctl/doctor-checks.h"
#include "util/output.h"

#define SCHEMA 1 /* of the JSON; grows when a member changes its meaning or goes */

static gboolean is_named(const HvctlRequest *request, const DoctorCheck *check)
{
	return !request->args[0] ||
	       g_strv_contains((const char *const *)request->args, check->name);
}

/* --- the list of checks --- */

static struct json_object *kinds_of(const DoctorCheck *check)
{
	struct json_object *kinds = json_object_new_array();

	for (const DoctorKind *kind = check->kinds; kind->word; kind++) {
		struct json_object *object = json_object_new_object();
		g_autofree char *id = g_strjoin(".", check->name, kind->word, NULL);

		json_object_object_add(object, "id", json_object_new_string(id));
		json_object_object_add(object, "severity",
			json_object_new_string(doctor_severity_name(kind->severity)));
		json_object_array_add(kinds, object);
	}
	return kinds;
}

static void print_list(const HvctlRequest *request)
{
	static const OutputColumn columns[] = { { .heading = "CHECK", .member = "check" },
		{ .heading = "AREA", .member = "area" },
		{ .heading = "WHETHER", .member = "summary" }, { .heading = NULL } };
	struct json_object *list = json_object_new_array();

	for (const DoctorCheck *check = doctor_checks; check->name; check++) {
		struct json_object *row;

		if (!is_named(request, check))
			continue;
		row = json_object_new_object();
		json_object_object_add(row, "check", json_object_new_string(check->name));
		json_object_object_add(row, "area", json_object_new_string(check->area));
		json_object_object_add(row, "summary", json_object_new_string(check->summary));
		json_object_object_add(row, "findings", kinds_of(check));
		json_object_array_add(list, row);
	}
	if (request->json)
		output_json(request->out, list, FALSE);
	else
		output_table(request->out, list, columns);
	json_object_put(list);
}

/* --- findings --- */

static gboolean is_good(const Doctor *doctor)
{
	return doctor->counts[DOCTOR_WARNING] + doctor->counts[DOCTOR_PROBLEM] == 0;
}

static void print_json(const HvctlRequest *request, const Doctor *doctor)
{
	struct json_object *all = json_object_new_object();
	struct json_object *summary = json_object_new_object();

	for (guint i = 0; i < DOCTOR_N; i++)
		json_object_object_add(summary, doctor_severity_name((DoctorSeverity)i),
			json_object_new_int64(doctor->counts[i]));
	json_object_object_add(all, "schema", json_object_new_int(SCHEMA));
	json_object_object_add(all, "good", json_object_new_boolean(is_good(doctor)));
	json_object_object_add(all, "summary", summary);
	json_object_object_add(all, "findings", json_object_get(doctor->findings));
	output_json(request->out, all, FALSE);
	json_object_put(all);
}

static const char *style_of(const char *severity)
{
	if (g_str_equal(severity, "ok"))
		return OUTPUT_GREEN;
	return g_str_equal(severity, "problem") ? OUTPUT_RED : OUTPUT_YELLOW;
}

static const char *word_of(struct json_object *finding, const char *member)
{
	const char *word = json_object_get_string(output_member(finding, member));

	return word ? word : "";
}

static void print_finding(const HvctlRequest *request, struct json_object *finding)
{
	const char *severity = word_of(finding, "severity"), *about = word_of(finding, "about");
	g_autofree char *what = output_escape(word_of(finding, "what"));
	g_autofree char *todo = output_escape(word_of(finding, "do"));
	int pad = (int)(sizeof("problem") - 1 - strlen(severity));

	fprintf(request->out, "  %s%s%s%s%s%*s  %-11s  %s%s%s\n", request->color ? "\033[" : "",
		request->color ? style_of(severity) : "", request->color ? "m" : "", severity,
		request->color ? "\033[0m" : "", pad, "", word_of(finding, "check"), about,
		*about ? ": " : "", what);
	if (*todo)
		fprintf(request->out, "           %-11s  %s\n", "do:", todo);
}

static void count(GString *text, guint n, const char *one, const char *many)
{
	if (n > 0)
		g_string_append_printf(
			text, "%s%u %s", text->len ? ", " : "", n, n == 1 ? one : many);
}

static void print_summary(const HvctlRequest *request, const Doctor *doctor)
{
	g_autoptr(GString) text = g_string_new(NULL);

	count(text, doctor->counts[DOCTOR_PROBLEM], "problem", "problems");
	count(text, doctor->counts[DOCTOR_WARNING], "warning", "warnings");
	fprintf(request->out, "\n%s.\n", text->len ? text->str : "All is well");
	if (doctor->counts[DOCTOR_UNKNOWN] > 0)
		fprintf(request->out, "%u could not be known%s.\n", doctor->counts[DOCTOR_UNKNOWN],
			doctor->is_root ? "" : "; root sees more: \"sudo hvctl doctor\"");
}

static void print_text(const HvctlRequest *request, const Doctor *doctor)
{
	gsize n = json_object_array_length(doctor->findings);
	const char *area = "";

	for (gsize i = 0; i < n; i++) {
		struct json_object *finding = json_object_array_get_idx(doctor->findings, i);

		if (!g_str_equal(word_of(finding, "area"), area)) {
			area = word_of(finding, "area");
			fprintf(request->out, "%s%s\n", i > 0 ? "\n" : "", area);
		}
		print_finding(request, finding);
	}
	print_summary(request, doctor);
}

/* --- the command --- */

static gboolean check_names(const HvctlRequest *request, GError **error)
{
	for (char **name = request->args; *name; name++)
		if (!doctor_find(*name))
			return hvis_fail(error, HVIS_ERROR_INVALID,
				"no check \"%s\": \"hvctl doctor --list\" shows which there are",
				*name);
	return TRUE;
}

/* Of a slip in it every check would tell as if it were of a machine that has nothing. */
static gboolean check_root(const HvctlRequest *request, GError **error)
{
	if (!*request->root || g_file_test(request->root, G_FILE_TEST_IS_DIR))
		return TRUE;
	return hvis_fail(
		error, HVIS_ERROR_INVALID, "--root %s: there is no such directory", request->root);
}

HvisExit hvctl_doctor(const HvctlRequest *request, GError **error)
{
	g_auto(Doctor) doctor = { 0 };

	if (!check_names(request, error) || !check_root(request, error))
		return HVIS_EXIT_USAGE;
	if (request->list) {
		print_list(request);
		output_finish(request->out, error);
		return HVIS_EXIT_OK;
	}
	doctor_init(&doctor, request->root);
	/* nothing can be said without the first */
	for (const DoctorCheck *check = doctor_checks; check->name; check++)
		if (check == doctor_checks || is_named(request, check))
			doctor_run(&doctor, check);
	if (request->json)
		print_json(request, &doctor);
	else
		print_text(request, &doctor);
	output_finish(request->out, error);
	return is_good(&doctor) ? HVIS_EXIT_OK : HVIS_EXIT_FALSE;
}
