/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What became of the last backups, rehearsals and refusals: entries are of type Backup of io.hvis.Vss, in
 * memory alone. Times of a session are those of CLOCK_BOOTTIME, and become real time here.
 */
#pragma once

#include <json-c/json.h>

#include "vssd/session.h"

/* Who had it thawed; in the order of the words for them. */
typedef enum {
	VSS_ENDER_FAILURE, /* something went wrong */
	VSS_ENDER_HOST,
	VSS_ENDER_NEXT, /* the host, too: it has begun another backup */
	VSS_ENDER_TIME, /* of a rehearsal */
	VSS_ENDER_DEADLINE,
	VSS_ENDER_HAND,
	VSS_ENDER_CALLER, /* who asked for the rehearsal does not wait for it any more */
	VSS_ENDER_DEVICE, /* it was lost */
	VSS_ENDER_DAEMON, /* it was stopped */
	VSS_ENDER_N,
} VssEnder;

/* What the coordinator knows of a session. */
typedef struct {
	gboolean rehearsal;
	gboolean in_time; /* it was thawed when it was to be, not before */
	gint64 began_us; /* real time */
	VssEnder ender;
} VssRun;

/* A new entry of a session that has ended. */
struct json_object *vss_history_entry(const VssRun *run, const VssOutcome *outcome);

/* A new entry of what was not begun. @kind: "backup", "rehearsal" or "check". */
struct json_object *vss_history_refusal(const char *kind, const char *message);

/*
 * A new entry of what began at @began_us, real time, and was ended by a SIGKILL of this daemon; @thawed: when nothing
 * was left to do but to tell so.
 */
struct json_object *vss_history_killed(gboolean rehearsal, gint64 began_us, gboolean thawed);

/* Its members, borrowed. "ok"; one sentence. */
const char *vss_history_result(struct json_object *entry);
const char *vss_history_message(struct json_object *entry);

gboolean vss_history_is_rehearsal(struct json_object *entry);

/* Whether a hook has failed. */
gboolean vss_history_has_problems(struct json_object *entry);

/*
 * @entry for the host, as the value of a key: JSON of at most what a record holds. The times of the mounts
 * are left out where it would be longer, then the last of the hooks, then the message. New.
 */
char *vss_history_value(struct json_object *entry);
