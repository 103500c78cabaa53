/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of "hvctl status", each testable without a daemon. */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdio.h>

#include "hvctl/diagnose.h"
#include "util/confidential.h"

/* What to do about @state on the machine below @root; NULL where nothing is known or needed. */
char *hvctl_status_advice(
	const char *root, const HvctlService *service, const char *state, const char *device);

/* What to do about a daemon that does not run though its device is there. */
char *hvctl_stopped_advice(const HvctlService *service, HvisIsolation isolation);

/* The status to show where no daemon answers. */
struct json_object *hvctl_status_not_running(
	const char *root, const HvctlService *service, const char *detail);

/*
 * Print the status of hv_kvp_daemon and of hv_vss_daemon, either of which may be NULL; ages are reckoned
 * from @now_us, microseconds of the wall clock.
 */
void hvctl_status_print(
	FILE *out, gboolean json, struct json_object *kvp, struct json_object *vss, gint64 now_us);
