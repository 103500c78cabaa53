/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last backup as a key that the host can read: HvisLastBackup of pool guest. It is "hvctl kvp set" that
 * writes it, by hv_kvp_daemon, or to the file where that does not run: a process of its own, for a file
 * system that is frozen again meanwhile may hold it up, and must not hold the daemon up.
 */
#pragma once

#include <glib.h>

#define VSS_RECORD_KEY "HvisLastBackup"

typedef struct VssRecord VssRecord;

/* Below @root: hvctl, the socket of hv_kvp_daemon, the pools. @failed is told what goes wrong, a sentence. */
VssRecord *vss_record_new(
	const char *root, void (*failed)(const char *text, gpointer data), gpointer data);

/* What is being written is written all the same. */
void vss_record_free(VssRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssRecord, vss_record_free)

/*
 * Write @value, now or once what is being written is done; of several that wait the last one counts. Only
 * while nothing is frozen.
 */
void vss_record_put(VssRecord *record, const char *value);
