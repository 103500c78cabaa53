/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last backup as a key that the host can read: HvisLastBackup of pool guest. It is "hvctl kvp set" that
 * writes it, by hv_kvp_daemon, or to the file where that does not run: a process of its own, for a file
 * system that is frozen again meanwhile may hold it up, and must not hold the daemon up. Where that fails it is
 * tried again: a machine that is busy with its backup may be too slow for it, or hv_kvp_daemon be about to start.
 */
#pragma once

#include <util/clock.h>

#include "vssd/machine.h"

#define VSS_RECORD_KEY "HvisLastBackup"

typedef struct VssRecord VssRecord;

/* The last attempt is some two minutes after the first one. */
#define VSS_RECORD_TRIES 8
#define VSS_RECORD_RETRY_MS 1000 /* after the first one; each further time twice as long, */
#define VSS_RECORD_RETRY_MAX_MS 60000 /* and no longer than that */

/*
 * Below @root: hvctl, the socket of hv_kvp_daemon, the pools. Nothing is tried again unless @machine is at rest. @failed
 * is told, in a sentence, of a value that is given up. @clock and @machine must outlive it.
 */
VssRecord *vss_record_new(const char *root, HvisClock *clock, const VssMachine *machine,
	void (*failed)(const char *text, gpointer data), gpointer data);

/* @ended is called whenever the newest value has been written or is given up: nothing is to be written then. */
void vss_record_on_end(VssRecord *record, void (*ended)(gpointer data), gpointer data);

/* What is being written is written all the same; what is to be tried again is not. */
void vss_record_free(VssRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssRecord, vss_record_free)

/*
 * Write @value, now or once what is being written is done, as often as it takes; of several that wait the last one
 * counts. Only while nothing is frozen, which further attempts see to.
 */
void vss_record_put(VssRecord *record, const char *value);
