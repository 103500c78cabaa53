/* SPDX-License-Identifier: GPL-2.0-only */
/* One process at a time. */
#include "config.h"

#include "vssd/record.h"

struct VssRecord {
	char *program, *socket, *pools;
	guint watch; /* of the process that writes; 0: there is none */
	char *next; /* waits for its end */
	void (*failed)(const char *text, gpointer data);
	gpointer data;
};

static void tell(VssRecord *record, const GError *error)
{
	g_autofree char *text = g_strdup_printf(
		"%s could not be written, by hvctl: %s", VSS_RECORD_KEY, error->message);

	record->failed(text, record->data);
}

static void run(VssRecord *record, const char *value);

static void on_written(GPid pid, gint status, gpointer data)
{
	VssRecord *record = data;
	g_autofree char *next = g_steal_pointer(&record->next);
	g_autoptr(GError) error = NULL;

	record->watch = 0;
	if (!g_spawn_check_wait_status(status, &error))
		tell(record, error);
	if (next)
		run(record, next);
}

static void run(VssRecord *record, const char *value)
{
	const char *argv[] = { record->program, "kvp", "set", VSS_RECORD_KEY, value, "--pool",
		"guest", "--socket", record->socket, "--pool-dir", record->pools, NULL };
	g_autoptr(GError) error = NULL;
	GPid pid;

	if (!g_spawn_async(NULL, (char **)argv, NULL,
		    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
			    G_SPAWN_STDERR_TO_DEV_NULL,
		    NULL, NULL, &pid, &error)) {
		tell(record, error);
		return;
	}
	record->watch = g_child_watch_add(pid, on_written, record);
}

VssRecord *vss_record_new(
	const char *root, void (*failed)(const char *text, gpointer data), gpointer data)
{
	VssRecord *record = g_new0(VssRecord, 1);

	record->failed = failed;
	record->data = data;
	record->program = g_strconcat(root, HVIS_BIN_DIR "/hvctl", NULL);
	record->socket = g_strconcat(root, "/run/hvis/kvp", NULL);
	record->pools = g_strconcat(root, HVIS_POOL_DIR, NULL);
	return record;
}

void vss_record_free(VssRecord *record)
{
	if (!record)
		return;
	if (record->watch != 0)
		g_source_remove(record->watch);
	g_free(record->program);
	g_free(record->socket);
	g_free(record->pools);
	g_free(record->next);
	g_free(record);
}

void vss_record_put(VssRecord *record, const char *value)
{
	if (record->watch == 0) {
		run(record, value);
		return;
	}
	g_free(record->next);
	record->next = g_strdup(value);
}
