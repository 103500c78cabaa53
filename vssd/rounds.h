/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks of a backup, one after the other: prepare and freeze in ascending order, freeze-failed and
 * thaw in descending order. Who has seen freeze sees thaw, whatever happens: it is noted in a file before
 * freeze is called, for a daemon that starts after one that was killed. When a round is due is the
 * coordinator's to say.
 */
#pragma once

#include <json-c/json.h>

#include <util/log.h>

#include "vssd/hook-run.h"

/* All hooks together; ours. The host gives 30 s for its question and 15 minutes for a freeze. */
#define VSS_ROUNDS_PREPARE_MS 20000u
#define VSS_ROUNDS_FREEZE_MS 600000u

#define VSS_ROUNDS_PROBLEMS_MAX 16u /* ours: of one round, that are told with its backup */

typedef struct {
	VssHookRunOptions run;
	const char *folder; /* below run.root */
	const char *marker;
	gboolean enabled; /* FALSE: none is called but for what one has left to do */
} VssRoundsOptions;

/* @problem: why there can be no backup, "hook 10-a: freeze: exit status 3"; NULL: there can. */
typedef struct {
	void (*prepared)(const char *problem, gpointer data);
	void (*frozen)(
		const char *problem, gpointer data); /* thaw() is due where there is one, too */
	void (*thawed)(gpointer data); /* all that were held have seen thaw */
	void (*idle)(gpointer data); /* all have seen thaw, and nothing runs */
	void (*say)(HvisLogLevel level, const char *text, gpointer data);
} VssRoundsOps;

/* How a backup ended, for its hooks. */
typedef enum {
	VSS_ROUNDS_THAWED, /* well */
	VSS_ROUNDS_BROKEN, /* it was frozen, but not until the host had it thawed */
	VSS_ROUNDS_NOT_FROZEN, /* freeze-failed is due */
} VssRoundsEnd;

typedef struct VssRounds VssRounds;

/* All must outlive it. */
VssRounds *vss_rounds_new(const VssRoundsOptions *options, const VssRoundsOps *ops, gpointer data);

/* Calls that run are killed. NULL is fine. */
void vss_rounds_free(VssRounds *rounds);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssRounds, vss_rounds_free)

/*
 * Begin with prepare or with freeze for a backup of what @mounts (of char) names; a rehearsal has both, one after
 * the other, for no host asks before it. prepared() or frozen() follows, maybe at once. A prepare that runs is
 * dropped, and not told of; a thaw that runs is waited for. Not between freeze and thaw.
 */
void vss_rounds_prepare(VssRounds *rounds, const GPtrArray *mounts);
void vss_rounds_freeze(VssRounds *rounds, const GPtrArray *mounts);
void vss_rounds_rehearse(VssRounds *rounds, const GPtrArray *mounts);

/* Call a freeze or a rehearsal off: frozen() follows with a problem. Drop a prepare. Else nothing. */
void vss_rounds_stop(VssRounds *rounds);

/*
 * The backup is over: tell all who have seen freeze. idle() follows, maybe at once. Nothing where no freeze
 * is held.
 */
void vss_rounds_thaw(VssRounds *rounds, VssRoundsEnd how);

/* Thaw for a daemon that was killed, if the marker says so. idle() follows then. */
void vss_rounds_recover(VssRounds *rounds);

/*
 * What hooks of the round that is held have failed at, VSS_ROUNDS_PROBLEMS_MAX at most: an array of type HookProblem
 * of io.hvis.Vss, which grows until thawed(). Borrowed; NULL where none is held.
 */
struct json_object *vss_rounds_problems(const VssRounds *rounds);

gboolean vss_rounds_is_idle(const VssRounds *rounds);
