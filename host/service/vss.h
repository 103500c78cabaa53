/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backup, host end: ask the guest whether it can be backed up, let it freeze its file systems, hold
 * them for as long as a snapshot takes, and thaw them. Takes the "vss" service of the registry.
 */
#pragma once

#include <hvis/vss.h>
#include "host/service/service.h"

#define VSS_HOLD_MS 1000u /* ours: about what a snapshot of some disks takes */

typedef enum {
	VSS_STEP_CHECK, /* HOT_BACKUP and GET_DM_INFO */
	VSS_STEP_FREEZE,
	VSS_STEP_HOLD,
	VSS_STEP_THAW,
	VSS_STEP_N,
} VssStep;

const char *vss_step_name(VssStep step); /* "check" */

typedef enum {
	VSS_DONE,
	VSS_ABORTED, /* thawed before the hold was over, because that was wanted */
	VSS_SILENT, /* the host has said no more, because that was wanted */
	VSS_REFUSED, /* the guest's answer to check or freeze is a failure: nothing was begun */
	VSS_TIMEOUT, /* no answer to a step in time */
	VSS_GONE, /* the service is not open, or was closed meanwhile */
	VSS_FAILED, /* the guest's answer to the thaw is a failure: the snapshot is not consistent */
	VSS_IMPOSSIBLE, /* what the guest agreed to has no backup, or nothing could be sent */
	VSS_RESULT_N,
} VssResult;

const char *vss_result_name(VssResult result); /* "refused" */

typedef struct {
	guint hold_ms; /* how long the snapshot takes */
	gboolean abort; /* thaw at once instead */
	VssStep silent_after; /* say nothing more after this step; VSS_STEP_N = do */
	guint n_luns; /* of which disks the guest is told; 0 = it is not */
	const struct hvis_vss_lun *luns;
} VssBackup;

typedef struct {
	gboolean taken;
	gboolean answered; /* a hold is not */
	guint32 status; /* of the answer */
	gint64 us; /* until the answer or the end of the hold */
} VssStepReport;

typedef struct {
	VssResult result;
	const char *message; /* what went wrong; NULL where nothing did */
	guint32 check_flags; /* of the answer to HOT_BACKUP: HVIS_VSS_NO_AUTO_RECOVERY */
	VssStepReport step[VSS_STEP_N];
} VssReport;

/* Called exactly once; @report lives until it returns. */
typedef void (*VssDone)(const VssReport *report, gpointer data);

/*
 * Begin a backup. @backup's disks are copied. FALSE and no call of @done: HVIS_ERROR_BUSY where one
 * is under way, HVIS_ERROR_INVALID for too many disks.
 */
gboolean vss_backup(
	HostService *vss, const VssBackup *backup, VssDone done, gpointer data, GError **error);

/* End the one under way: a frozen guest is thawed, and an unfrozen one not frozen any more. */
void vss_abort(HostService *vss);
