/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checks of "hvctl doctor" on machines of doctor.cases: each finding is provoked by its case and by no healthy
 * machine, and what is wrong has something to do beside it.
 */
#include <hvis/services.h>
#include <string.h>
#include <unistd.h>

#include "doctor-tree.h"
#include "hvctl/doctor-checks.h"
#include "remove-tree.h"
#include "util/output.h"

#define NOBODY 65534

static char *cases_file;

/* What @doctor has found with @id, borrowed; NULL where it has not. */
static struct json_object *find(const Doctor *doctor, const char *id)
{
	for (gsize i = 0; i < json_object_array_length(doctor->findings); i++) {
		struct json_object *finding = json_object_array_get_idx(doctor->findings, i);

		if (g_str_equal(json_object_get_string(output_member(finding, "id")), id))
			return finding;
	}
	return NULL;
}

static void look(Doctor *doctor, const DoctorTree *tree, const char *check)
{
	gboolean drops = tree->nobody && geteuid() == 0;

	g_assert_true(!drops || seteuid(NOBODY) == 0);
	doctor_init(doctor, tree->root);
	doctor->is_root = !tree->nobody;
	for (const DoctorCheck *c = doctor_checks; c->name; c++)
		if (c == doctor_checks || !check || g_str_equal(c->name, check))
			doctor_run(doctor, c);
	g_assert_true(!drops || seteuid(0) == 0);
}

static const DoctorKind *kind_of(const char *id)
{
	g_auto(GStrv) words = g_strsplit(id, ".", 2);
	const DoctorCheck *check = doctor_find(words[0]);

	for (const DoctorKind *kind = check ? check->kinds : NULL; kind && kind->word; kind++)
		if (g_strcmp0(kind->word, words[1]) == 0)
			return kind;
	g_error("%s is no finding", id);
}

static void test_case(gconstpointer data)
{
	const char *id = data;
	g_auto(GStrv) words = g_strsplit(id, ".", 2);
	const DoctorKind *kind = kind_of(id);
	g_auto(Doctor) doctor = { 0 };
	struct json_object *finding;
	DoctorTree tree;

	doctor_tree_make(&tree, cases_file, id);
	look(&doctor, &tree, words[0]);
	finding = find(&doctor, id);
	if (!finding)
		g_error("no %s in %s", id, json_object_to_json_string(doctor.findings));
	g_assert_cmpstr(json_object_get_string(output_member(finding, "severity")), ==,
		doctor_severity_name(kind->severity));
	g_assert_cmpuint(doctor.counts[kind->severity], >, 0);
	if (kind->severity == DOCTOR_OK)
		g_assert_cmpuint(
			json_object_array_length(doctor.findings), ==, doctor.counts[DOCTOR_OK]);
	doctor_tree_remove(&tree);
}

/* Of the machine with which all is well nothing is said but that. */
static void test_healthy(void)
{
	g_auto(Doctor) doctor = { 0 };
	DoctorTree tree;

	doctor_tree_make(&tree, cases_file, "guest.ok");
	look(&doctor, &tree, NULL);
	if (json_object_array_length(doctor.findings) != doctor.counts[DOCTOR_OK])
		g_error("%s", json_object_to_json_string(doctor.findings));
	doctor_tree_remove(&tree);
}

/* Without systemd there is less to look at, and no more to complain about. */
static void test_without_systemd(void)
{
	g_auto(Doctor) doctor = { 0 };
	g_autofree char *run = NULL;
	DoctorTree tree;

	doctor_tree_make(&tree, cases_file, "guest.ok");
	run = g_build_filename(tree.root, "run", "systemd", NULL);
	remove_tree(run);
	look(&doctor, &tree, NULL);
	g_assert_nonnull(find(&doctor, "daemon.ok"));
	g_assert_null(find(&doctor, "unit.ok"));
	g_assert_null(find(&doctor, "boot.ok"));
	if (doctor.counts[DOCTOR_WARNING] + doctor.counts[DOCTOR_PROBLEM] > 0)
		g_error("%s", json_object_to_json_string(doctor.findings));
	doctor_tree_remove(&tree);
}

/* Who is not root hears of no trouble where there is none, but of what cannot be known. */
static void test_nobody(void)
{
	g_auto(Doctor) doctor = { 0 };
	DoctorTree tree;

	doctor_tree_make(&tree, cases_file, "guest.ok");
	tree.nobody = TRUE;
	look(&doctor, &tree, NULL);
	g_assert_cmpuint(doctor.counts[DOCTOR_UNKNOWN], >, 0);
	if (doctor.counts[DOCTOR_NOTE] + doctor.counts[DOCTOR_WARNING] +
			doctor.counts[DOCTOR_PROBLEM] >
		0)
		g_error("%s", json_object_to_json_string(doctor.findings));
	doctor_tree_remove(&tree);
}

/* The unit's own process without a socket is no stranger. */
static void test_own_process(void)
{
	g_auto(Doctor) doctor = { 0 };
	g_autofree char *socket = NULL;
	DoctorTree tree;

	doctor_tree_make(&tree, cases_file, "guest.ok");
	socket = g_build_filename(tree.root, "run", "hvis", "vss", NULL);
	g_assert_cmpint(g_unlink(socket), ==, 0);
	look(&doctor, &tree, "daemon");
	g_assert_nonnull(find(&doctor, "daemon.silent"));
	g_assert_null(find(&doctor, "daemon.held"));
	doctor_tree_remove(&tree);
}

/* In a confidential VM the configuration decides. */
static void test_trusted(void)
{
	g_auto(Doctor) doctor = { 0 };
	g_autofree char *dir = NULL, *file = NULL;
	DoctorTree tree;

	doctor_tree_make(&tree, cases_file, "trust.off");
	dir = g_strconcat(tree.root, HVIS_SYSCONF_DIR, NULL);
	file = g_build_filename(dir, "hvis.conf", NULL);
	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_true(g_file_set_contents(file, "[kvp]\nConfidentialVM=strict\n", -1, NULL));
	look(&doctor, &tree, "trust");
	g_assert_nonnull(find(&doctor, "trust.ok"));
	g_assert_null(find(&doctor, "trust.off"));
	doctor_tree_remove(&tree);
}

/* A systemd that hangs is asked once, by one process, and is no reason to say that something is wrong. */
static void test_hangs(void)
{
	static const char script[] = "#!/bin/sh\necho x >>\"${0%/*}/asked\"\nexec sleep 1000\n";
	g_auto(Doctor) doctor = { 0 };
	g_autofree char *systemctl = NULL, *asked = NULL, *text = NULL;
	DoctorTree tree;

	doctor_tree_make(&tree, cases_file, "guest.ok");
	systemctl = g_build_filename(tree.root, "usr", "bin", "systemctl", NULL);
	asked = g_build_filename(tree.root, "usr", "bin", "asked", NULL);
	g_assert_true(g_file_set_contents(systemctl, script, -1, NULL));
	g_assert_cmpint(g_chmod(systemctl, 0755), ==, 0);
	look(&doctor, &tree, NULL);
	g_assert_true(g_file_get_contents(asked, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "x\n");
	g_assert_nonnull(find(&doctor, "unit.unknown"));
	g_assert_null(find(&doctor, "boot.ok"));
	g_assert_cmpuint(doctor.counts[DOCTOR_WARNING] + doctor.counts[DOCTOR_PROBLEM], ==, 0);
	doctor_tree_remove(&tree);
}

static void check_kernel(const char *release, gboolean wanted)
{
	g_auto(Doctor) doctor = { 0 };
	g_autofree char *file = NULL;
	DoctorTree tree;

	doctor_tree_make(&tree, cases_file, "guest.ok");
	file = g_build_filename(tree.root, "proc", "sys", "kernel", "osrelease", NULL);
	g_assert_true(g_file_set_contents(file, release, -1, NULL));
	doctor_init(&doctor, tree.root);
	if (doctor_kernel_is(&doctor, 6, 10) != wanted)
		g_error("%s", release);
	doctor_tree_remove(&tree);
}

static void test_kernels(void)
{
	check_kernel("5.10.0-30-amd64\n", FALSE);
	check_kernel("6.9.12\n", FALSE);
	check_kernel("6.10.0-rc1\n", TRUE);
	check_kernel("6.12.48+deb13-amd64\n", TRUE);
	check_kernel("7.0\n", TRUE);
	check_kernel("of our own\n", TRUE);
}

/* Where there is no patient, nothing else is looked at. */
static void test_ends(void)
{
	g_auto(Doctor) doctor = { 0 };
	DoctorTree tree;

	doctor_tree_make(&tree, cases_file, "guest.none");
	look(&doctor, &tree, NULL);
	g_assert_cmpuint(json_object_array_length(doctor.findings), ==, 1);
	doctor_tree_remove(&tree);
}

/* Each finding has a case, and the other way round (kind_of() ends the program). */
static void test_all(void)
{
	g_autoptr(GPtrArray) cases = doctor_tree_cases(cases_file);
	guint n = 0;

	for (const DoctorCheck *check = doctor_checks; check->name; check++)
		for (const DoctorKind *kind = check->kinds; kind->word; kind++, n++) {
			g_autofree char *id = g_strjoin(".", check->name, kind->word, NULL);

			if (!g_ptr_array_find_with_equal_func(cases, id, g_str_equal, NULL))
				g_error("%s has no case", id);
		}
	g_assert_cmpuint(cases->len, ==, n);
}

/* The classes that sysfs shows are the types of the wire. */
static void test_classes(void)
{
	static const struct hvis_guid types[] = { HVIS_KVP_TYPE, HVIS_VSS_TYPE, HVIS_FCOPY_TYPE,
		HVIS_HEARTBEAT_TYPE, HVIS_SHUTDOWN_TYPE, HVIS_TIMESYNC_TYPE };

	for (guint i = 0; doctor_services[i].name; i++) {
		const guint8 *b = types[i].b;
		g_autofree char *text = g_strdup_printf(
			"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11],
			b[12], b[13], b[14], b[15]);

		g_assert_cmpuint(i, <, G_N_ELEMENTS(types));
		g_assert_cmpstr(doctor_services[i].class, ==, text);
	}
}

int main(int argc, char **argv)
{
	g_autoptr(GPtrArray) cases = NULL;

	g_test_init(&argc, &argv, NULL);
	cases_file = g_build_filename(g_getenv("top_srcdir") ? g_getenv("top_srcdir") : ".",
		"tests", "unit", "doctor.cases", NULL);
	cases = doctor_tree_cases(cases_file);
	for (guint i = 0; i < cases->len; i++) {
		g_autofree char *path =
			g_strconcat("/hvctl/doctor/", (const char *)cases->pdata[i], NULL);

		g_strdelimit(path + strlen("/hvctl/doctor/"), ".", '/');
		g_test_add_data_func(path, cases->pdata[i], test_case);
	}
	g_test_add_func("/hvctl/doctor/healthy", test_healthy);
	g_test_add_func("/hvctl/doctor/without-systemd", test_without_systemd);
	g_test_add_func("/hvctl/doctor/nobody", test_nobody);
	g_test_add_func("/hvctl/doctor/own-process", test_own_process);
	g_test_add_func("/hvctl/doctor/trusted", test_trusted);
	g_test_add_func("/hvctl/doctor/hangs", test_hangs);
	g_test_add_func("/hvctl/doctor/kernels", test_kernels);
	g_test_add_func("/hvctl/doctor/ends", test_ends);
	g_test_add_func("/hvctl/doctor/all", test_all);
	g_test_add_func("/hvctl/doctor/classes", test_classes);
	return g_test_run();
}
