/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl kvp delete, and kvp stale, which says whether "delete --all --if-stale" would. */
#include <errno.h>
#include <sys/stat.h>

#include "hvctl/records.h"
#include "util/output.h"

/*
 * What a pool holds from before this boot is old news to the host. Written before it is what
 * cloud-init and azure-init go by too. HVIS_EXIT_OK, _FALSE, or @error.
 */
static HvisExit check_stale(const HvctlSource *source, GError **error)
{
	g_autofree char *path = hvctl_source_path(source, source->request->pool, error);
	g_autofree char *stat_text = NULL;
	const char *btime;
	struct stat st;

	if (!path || !g_file_get_contents("/proc/stat", &stat_text, NULL, error))
		return HVIS_EXIT_IO;
	btime = g_strstr_len(stat_text, -1, "\nbtime ");
	if (stat(path, &st) < 0) {
		if (errno == ENOENT && source->files) /* nobody has written to it */
			return HVIS_EXIT_FALSE;
		hvis_fail(error, errno == EACCES ? HVIS_ERROR_PERMISSION : HVIS_ERROR_IO,
			"look at %s: %s", path, g_strerror(errno));
		return HVIS_EXIT_IO;
	}
	if (!btime) {
		hvis_fail(error, HVIS_ERROR_IO, "/proc/stat has no btime");
		return HVIS_EXIT_IO;
	}
	return st.st_mtime < g_ascii_strtoll(btime + 7, NULL, 10) ? HVIS_EXIT_OK : HVIS_EXIT_FALSE;
}

HvisExit hvctl_kvp_stale(const HvctlRequest *request, GError **error)
{
	g_auto(HvctlSource) source = { 0 };
	struct json_object *answer;
	HvisExit stale;

	if (!hvctl_source_open(&source, request, error))
		return HVIS_EXIT_IO;
	stale = check_stale(&source, error);
	if (*error || !request->json)
		return stale;
	answer = json_object_new_object();
	json_object_object_add(answer, "stale", json_object_new_boolean(stale == HVIS_EXIT_OK));
	output_json(request->out, answer, FALSE);
	output_finish(request->out, error);
	json_object_put(answer);
	return stale;
}

static HvisExit delete_all(const HvctlSource *source, GError **error)
{
	HvctlChanged changed;

	if (source->request->if_stale) {
		HvisExit stale = check_stale(source, error);

		if (stale != HVIS_EXIT_OK)
			return stale;
	}
	hvctl_source_apply(source, source->request->pool, json_object_new_array(), TRUE, FALSE,
		&changed, error);
	return HVIS_EXIT_OK;
}

/* The key itself, and the parts of a value of that name, as one change. */
static gboolean delete_key(const HvctlSource *source, const char *key, GError **error)
{
	const char *pool = source->request->pool;
	struct json_object *parts = source->request->raw ? json_object_new_array()
							 : hvctl_parts(source, pool, key, error);
	struct json_object *changes;
	HvctlChanged changed;

	if (!parts || json_object_array_length(parts) == 0) {
		gboolean done = parts && hvctl_source_delete(source, pool, key, error);

		json_object_put(parts);
		return done;
	}
	changes = json_object_new_array();
	json_object_array_add(changes, hvctl_change_new(key, NULL, FALSE));
	for (gsize i = 0; i < json_object_array_length(parts); i++)
		json_object_array_add(changes,
			hvctl_change_new(
				json_object_get_string(json_object_array_get_idx(parts, i)), NULL,
				FALSE));
	json_object_put(parts);
	return hvctl_source_apply(source, pool, changes, FALSE, FALSE, &changed, error);
}

/* All that are there go; the first that is not there is told. */
static HvisExit delete_keys(const HvctlSource *source, GError **error)
{
	g_autoptr(GError) missing = NULL;

	for (char **key = source->request->args; *key; key++) {
		g_autoptr(GError) failed = NULL;

		if (delete_key(source, *key, &failed))
			continue;
		if (!hvis_error_is(failed, HVIS_ERROR_NOT_FOUND)) {
			g_propagate_error(error, g_steal_pointer(&failed));
			return HVIS_EXIT_IO;
		}
		if (!missing)
			missing = g_steal_pointer(&failed);
	}
	if (missing)
		g_propagate_error(error, g_steal_pointer(&missing));
	return HVIS_EXIT_OK;
}

HvisExit hvctl_kvp_delete(const HvctlRequest *request, GError **error)
{
	g_auto(HvctlSource) source = { 0 };

	if (request->all ? request->args[0] != NULL : !request->args[0] || request->if_stale) {
		hvis_fail(error, HVIS_ERROR_INVALID,
			"usage: hvctl kvp delete KEY…, or hvctl kvp delete --all [--if-stale]");
		return HVIS_EXIT_USAGE;
	}
	if (!hvctl_source_open(&source, request, error))
		return HVIS_EXIT_IO;
	return request->all ? delete_all(&source, error) : delete_keys(&source, error);
}
