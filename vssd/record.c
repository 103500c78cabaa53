/* SPDX-License-Identifier: GPL-2.0-only */
/* One process at a time, and one value: the newest one, until it is written or given up. */
#include "config.h"

#include "vssd/record.h"

struct VssRecord {
	char *program, *socket, *pools;
	HvisClock *clock;
	const VssMachine *machine;
	void (*failed)(const char *text, gpointer data);
	gpointer data;
	void (*ended)(gpointer data); /* or NULL */
	gpointer ended_data;
	char *value; /* is to be written; NULL: nothing is */
	gboolean newer; /* than what the process writes */
	guint tries; /* that failed */
	guint watch; /* of the process that writes; 0: there is none */
	guint timer; /* until the next attempt, or 0 */
};

static void attempt(gpointer data);

static void end(VssRecord *record)
{
	g_clear_pointer(&record->value, g_free);
	if (record->ended)
		record->ended(record->ended_data);
}

static void give_up(VssRecord *record, const GError *error)
{
	g_autofree char *text = g_strdup_printf("%s could not be written, by hvctl, %u times: %s",
		VSS_RECORD_KEY, record->tries, error->message);

	record->failed(text, record->data);
	end(record);
}

/* Set the timer for after @tries that failed, one or more. */
static void wait_for_next(VssRecord *record, guint tries)
{
	guint ms = VSS_RECORD_RETRY_MS;

	while (--tries > 0 && ms < VSS_RECORD_RETRY_MAX_MS)
		ms *= 2;
	record->timer = record->clock->add(
		record->clock, MIN(ms, VSS_RECORD_RETRY_MAX_MS), attempt, record);
}

static void fail(VssRecord *record, const GError *error)
{
	if (++record->tries >= VSS_RECORD_TRIES)
		give_up(record, error);
	else
		wait_for_next(record, record->tries);
}

static void on_written(GPid pid, gint status, gpointer data)
{
	VssRecord *record = data;
	g_autoptr(GError) error = NULL;
	gboolean written = g_spawn_check_wait_status(status, &error);

	record->watch = 0;
	if (record->newer)
		attempt(record);
	else if (written)
		end(record);
	else
		fail(record, error);
}

static void run(VssRecord *record)
{
	const char *argv[] = { record->program, "kvp", "set", VSS_RECORD_KEY, record->value,
		"--pool", "guest", "--socket", record->socket, "--pool-dir", record->pools, NULL };
	g_autoptr(GError) error = NULL;
	GPid pid;

	record->newer = FALSE;
	if (!g_spawn_async(NULL, (char **)argv, NULL,
		    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
			    G_SPAWN_STDERR_TO_DEV_NULL,
		    NULL, NULL, &pid, &error)) {
		fail(record, error);
		return;
	}
	record->watch = g_child_watch_add(pid, on_written, record);
}

/* The next backup may have begun since: then later, which is no attempt. */
static void attempt(gpointer data)
{
	VssRecord *record = data;

	record->timer = 0;
	if (vss_machine_is_at_rest(record->machine))
		run(record);
	else
		wait_for_next(record, 1);
}

VssRecord *vss_record_new(const char *root, HvisClock *clock, const VssMachine *machine,
	void (*failed)(const char *text, gpointer data), gpointer data)
{
	VssRecord *record = g_new0(VssRecord, 1);

	record->clock = clock;
	record->machine = machine;
	record->failed = failed;
	record->data = data;
	record->program = g_strconcat(root, HVIS_BIN_DIR "/hvctl", NULL);
	record->socket = g_strconcat(root, "/run/hvis/kvp", NULL);
	record->pools = g_strconcat(root, HVIS_POOL_DIR, NULL);
	return record;
}

void vss_record_on_end(VssRecord *record, void (*ended)(gpointer data), gpointer data)
{
	record->ended = ended;
	record->ended_data = data;
}

void vss_record_free(VssRecord *record)
{
	if (!record)
		return;
	if (record->watch != 0)
		g_source_remove(record->watch);
	record->clock->remove(record->clock, record->timer);
	g_free(record->program);
	g_free(record->socket);
	g_free(record->pools);
	g_free(record->value);
	g_free(record);
}

void vss_record_put(VssRecord *record, const char *value)
{
	g_free(record->value);
	record->value = g_strdup(value);
	record->newer = TRUE;
	record->tries = 0;
	record->clock->remove(record->clock, record->timer);
	record->timer = 0;
	if (record->watch == 0)
		run(record);
}
