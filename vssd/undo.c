/* SPDX-License-Identifier: GPL-2.0-only */
/* "hv_vss_guard --thaw-left-over", as a child. */
#include "config.h"

#include "vssd/undo.h"

#include <util/messages.h>

#include "vssd/journal.h"
#include "vssd/marker.h"

struct VssUndo {
	guint source; /* of the child's end, or of that there is no child */
	char *problem; /* that there is none */
	void (*done)(const char *problem, gpointer data);
	gpointer data;
};

static void on_child(GPid pid, gint status, gpointer data)
{
	VssUndo *undo = data;
	g_autoptr(GError) error = NULL;

	undo->source = 0;
	g_spawn_check_wait_status(status, &error);
	undo->done(error ? error->message : NULL, undo->data); /* may free it */
}

static gboolean on_no_child(gpointer data)
{
	VssUndo *undo = data;

	undo->source = 0;
	undo->done(undo->problem, undo->data); /* may free it */
	return G_SOURCE_REMOVE;
}

VssUndo *vss_undo_new(const VssSessionOptions *options,
	void (*done)(const char *problem, gpointer data), gpointer data)
{
	g_autofree char *path = vss_session_program(options, "guard");
	const char *argv[] = { path, "--thaw-left-over", options->marker, NULL };
	g_autoptr(GError) error = NULL;
	VssUndo *undo = g_new0(VssUndo, 1);
	GPid pid;

	undo->done = done;
	undo->data = data;
	if (g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid,
		    &error)) {
		undo->source = g_child_watch_add(pid, on_child, undo);
	} else {
		undo->problem = g_strdup(error->message);
		undo->source = g_idle_add(on_no_child, undo);
	}
	return undo;
}

void vss_undo_free(VssUndo *undo)
{
	if (!undo)
		return;
	if (undo->source != 0)
		g_source_remove(undo->source);
	g_free(undo->problem);
	g_free(undo);
}

void vss_undo_say(const char *problem)
{
	g_autofree char *text = NULL;

	if (!problem) {
		vss_journal_say_now(HVIS_LOG_WARNING, HVIS_MESSAGE_BACKUP_LEFT_OVER,
			"A backup had been cut off: what it had left frozen is thawed");
		return;
	}
	text = g_strdup_printf("Something may have been left frozen: %s", problem);
	vss_journal_say_now(HVIS_LOG_ERROR, HVIS_MESSAGE_BACKUP_LEFT_OVER, text);
}

gboolean vss_undo_and_wait(const VssdOptions *options)
{
	const VssSessionOptions session = { options->programs, options->prefix, options->marker,
		0 };
	g_autofree char *path = vss_session_program(&session, "guard");
	const char *argv[] = { path, "--thaw-left-over", options->marker, NULL };
	g_autoptr(GError) error = NULL;
	gint status;

	vss_marker_forget_unfinished(options->marker);
	if (!vss_marker_is_there(options->marker))
		return TRUE;
	if (g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL,
		    NULL, &status, &error))
		g_spawn_check_wait_status(status, &error);
	vss_undo_say(error ? error->message : NULL);
	return !error;
}
