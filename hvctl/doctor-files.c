/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl doctor: what our daemons keep in files: pools, sockets, configuration. */
#include <string.h>
#include <sys/stat.h>

#include "hvctl/check.h"
#include "hvctl/config-check.h"
#include "hvctl/doctor-checks.h"
#include "kvpd/pools.h"
#include "util/output.h"

#define SOCKETS "/run/hvis"

/* --- pools --- */

/* Which of our findings a problem of "kvp check" is. */
static const struct {
	const char *problem, *word;
} pool_words[] = {
	{ "missing", "missing" },
	{ "locked", "locked" },
	{ "mode", "rights" },
	{ "owner", "rights" },
	{ "label", "rights" },
	{ "too-long", "records" },
	{ "hidden", "records" },
};

static const char *word_for(const char *problem)
{
	for (guint i = 0; i < G_N_ELEMENTS(pool_words); i++)
		if (g_str_equal(pool_words[i].problem, problem))
			return pool_words[i].word;
	return "damaged";
}

/* What is said of all of one kind at once: what the first one means, and in how many places something is. */
typedef struct {
	const char *word, *todo;
	guint n;
	char *first;
} PoolFindings;

static void note_finding(PoolFindings *kinds, const Doctor *doctor, struct json_object *finding)
{
	const char *problem = json_object_get_string(output_member(finding, "problem"));
	const char *meaning = json_object_get_string(output_member(finding, "meaning"));
	g_autofree char *file =
		g_path_get_basename(json_object_get_string(output_member(finding, "file")));
	const char *word = word_for(problem);

	if (*doctor->root && g_str_equal(problem, "owner"))
		return; /* a tree's files are its maker's */
	while (!g_str_equal(kinds->word, word))
		kinds++;
	if (kinds->n++ == 0)
		kinds->first = g_strdup_printf(
			"%s: %s%s%s", file, problem, meaning ? ": " : "", meaning ? meaning : "");
}

/* Whether a dead writer has begun something that nobody has finished: a daemon that runs does that by itself. */
static gboolean is_unfinished(Doctor *doctor, const char *dir)
{
	g_autoptr(KvpPools) pools = kvp_pools_new(dir, NULL);

	if (doctor_status(doctor, doctor_service("kvp"), NULL))
		return FALSE;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		if (kvp_pool_is_unfinished(kvp_pools_get(pools, i)))
			return TRUE;
	return FALSE;
}

static gboolean say_pools(Doctor *doctor, const HvctlFindings *findings)
{
	PoolFindings kinds[] = { { .word = "missing", .todo = "systemctl start hv-kvp-daemon" },
		{ .word = "locked", .todo = "hvctl status" },
		{ .word = "rights", .todo = "hvctl kvp check --repair" },
		{ .word = "records", .todo = "hvctl kvp check" },
		{ .word = "damaged", .todo = "hvctl kvp check; hvctl kvp check --repair" } };
	gboolean good = TRUE;

	for (gsize i = 0; i < json_object_array_length(findings->list); i++)
		note_finding(kinds, doctor, json_object_array_get_idx(findings->list, i));
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autofree char *more = g_strdup_printf(" (and %u more)", kinds[i].n - 1);

		if (kinds[i].n > 0)
			doctor_say(doctor, kinds[i].word, "kvp", kinds[i].todo, "%s%s",
				kinds[i].first, kinds[i].n > 1 ? more : "");
		good = good && kinds[i].n == 0;
		g_free(kinds[i].first);
	}
	return good;
}

void doctor_check_pools(Doctor *doctor)
{
	g_autofree char *dir = doctor_path(doctor, HVIS_POOL_DIR);
	HvctlFindings findings = { .path = dir };
	gboolean good;

	if (!doctor_is_offered(doctor, doctor_service("kvp")) &&
		!doctor_exists(doctor, HVIS_POOL_DIR))
		return;
	findings.list = json_object_new_array();
	hvctl_check_pools(&findings, dir);
	good = say_pools(doctor, &findings);
	json_object_put(findings.list);
	if (is_unfinished(doctor, dir))
		doctor_say(doctor, "unfinished", "kvp",
			"systemctl start hv-kvp-daemon, or: hvctl kvp check --repair",
			"a change of the pools was cut off, and nobody has finished it");
	else if (good)
		doctor_say(doctor, "ok", "kvp", NULL, "the pool files are whole");
}

/* --- the folder of the sockets --- */

void doctor_check_sockets(Doctor *doctor)
{
	g_autofree char *path = doctor_path(doctor, SOCKETS);
	struct stat st;

	if (lstat(path, &st) < 0)
		return; /* nobody has made it yet */
	if (!S_ISDIR(st.st_mode) || (st.st_uid != 0 && !*doctor->root) || (st.st_mode & 0022))
		doctor_say(doctor, "open", NULL, "chown root:root " SOCKETS "; chmod 755 " SOCKETS,
			SOCKETS
			" is not a directory that root alone may write: others could put their "
			"sockets there");
	else if ((st.st_mode & 0055) != 0055)
		doctor_say(doctor, "shut", NULL, "chmod 755 " SOCKETS,
			SOCKETS " has mode %04o: others than root cannot ask the daemons",
			(unsigned)(st.st_mode & 07777));
	else
		doctor_say(doctor, "ok", NULL, NULL, SOCKETS " is root's");
}

/* --- configuration --- */

/* What a daemon that runs goes by is an older one. */
static gboolean is_in_use(Doctor *doctor, const DoctorService *service)
{
	struct json_object *status = doctor_status(doctor, service, NULL);
	const char *problem = json_object_get_string(output_member(status, "config_problem"));

	if (!problem)
		return TRUE;
	doctor_say(doctor, "older", service->name,
		"hvctl config check; then: systemctl reload hv-*-daemon",
		"%s goes by an older configuration, for the files are wrong: %s",
		service->daemon->name, problem);
	return FALSE;
}

void doctor_check_config(Doctor *doctor)
{
	struct json_object *files = json_object_new_array();
	g_autoptr(GError) error = NULL;
	gboolean good = TRUE;

	if (hvctl_config_look(doctor->root, files, &error)) {
		for (const DoctorService *service = doctor_services; service->name; service++)
			good = (!service->served || is_in_use(doctor, service)) && good;
		if (good)
			doctor_say(doctor, "ok", NULL, NULL, "%s",
				json_object_array_length(files) > 0
					? "the configuration files are right"
					: "there is no configuration file, and none is needed");
	} else if (hvis_error_is(error, HVIS_ERROR_PERMISSION) && !doctor->is_root)
		doctor_say(doctor, "hidden", NULL, "sudo hvctl config check", "%s", error->message);
	else
		doctor_say(doctor, "wrong", NULL,
			"mend it, then: hvctl config check; systemctl restart hv-*-daemon", "%s",
			error->message);
	json_object_put(files);
}
