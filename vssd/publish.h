/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is told what became of backups, rehearsals and refusals: the history, callers of the socket, and the host
 * by its key. An entry is told at once, and completed where its hooks, which come after that, fail.
 */
#pragma once

#include <util/recent.h>

#include "vssd/history.h"
#include "vssd/record.h"
#include "vssd/socket.h"

typedef struct VssPublisher VssPublisher;

/*
 * @socket must outlive it; @record is its own from here on. ahead.h's file is beside @marker; @failed is told what is wrong
 * with it, a sentence.
 */
VssPublisher *vss_publisher_new(VssSocket *socket, VssRecord *record, const char *marker,
	void (*failed)(const char *text, gpointer data), gpointer data);

/* NULL is fine. */
void vss_publisher_free(VssPublisher *publisher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssPublisher, vss_publisher_free)

/* Borrowed. */
const HvisRecent *vss_publisher_history(const VssPublisher *publisher);

/* Tell what became of the backup that a former daemon was killed in, if it was. */
void vss_publisher_recover(VssPublisher *publisher);

/* A session begins, or has been thawed well, of which vss_publisher_tell() tells; nothing is frozen. */
void vss_publisher_note(
	VssPublisher *publisher, gboolean rehearsal, gint64 began_us, gboolean thawed);

/*
 * Tell @entry, which is taken; nothing is frozen. @hooks is an array of type HookProblem that grows until
 * vss_publisher_complete(), and whoever rehearsed has the answer then; NULL: there is nothing to wait for.
 */
void vss_publisher_tell(
	VssPublisher *publisher, struct json_object *entry, struct json_object *hooks);

/* The hooks of the last entry that had some are through. */
void vss_publisher_complete(VssPublisher *publisher);
