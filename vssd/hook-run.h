/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One hook for the length of one backup: hv_vss_hook, which calls it, in a transient unit where systemd
 * runs and as a process of the daemon's own elsewhere. Nothing here waits: the end of a call comes from
 * the main loop, at the latest a little after its time limit, whatever has become of the hook.
 */
#pragma once

#include "vssd/hooks.h"

typedef enum {
	VSS_HOOK_PREPARE, /* whether it could freeze */
	VSS_HOOK_FREEZE,
	VSS_HOOK_FREEZE_FAILED, /* it has seen freeze, and there will be no backup */
	VSS_HOOK_THAW, /* always the last one for who has seen freeze */
	VSS_HOOK_VERB_N,
} VssHookVerb;

/* "freeze-failed": a hook's first argument. */
const char *vss_hook_verb_name(VssHookVerb verb);

/* How a call ended; valid during the call. */
typedef struct {
	char *why; /* what went wrong, "exit status 3"; NULL: nothing */
	char *output; /* what it has written, in UTF-8; never NULL */
	guint64 dropped; /* bytes before that which were too much */
	gint64 took_us;
} VssHookResult;

typedef struct {
	const char *program; /* hv_vss_hook */
	const char *root; /* "", or below which systemd is looked for */
	const char *frozen; /* the path of a file that is there while something is frozen */
} VssHookRunOptions;

typedef struct VssHookRun VssHookRun;

/*
 * Both must outlive it, and @lock: a descriptor that hv_vss_hook has, too, for as long as it is there, or -1.
 * Nothing is started before the first call.
 */
VssHookRun *vss_hook_run_new(const VssHookRunOptions *options, const VssHook *hook, int lock);

/* What it does is killed; thaw is called nevertheless where it is due, by nobody's word. NULL is fine. */
void vss_hook_run_free(VssHookRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssHookRun, vss_hook_run_free)

/*
 * Call the hook with @verb for @limit_ms at most, with @env ("NAME=VALUE") as its whole environment but
 * for what depends on the user; @done comes from the main loop, once, and may free @run. Not while a
 * call is under way.
 */
void vss_hook_run_call(VssHookRun *run, VssHookVerb verb, guint limit_ms, const char *const *env,
	void (*done)(const VssHookResult *result, gpointer data), gpointer data);

/* End the call that is under way, which is a failure; nothing where there is none. */
void vss_hook_run_cancel(VssHookRun *run);
