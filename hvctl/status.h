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

/* How long ago something was, @us microseconds, as a person would say it: "3 s ago". New string. */
char *hvctl_age_text(gint64 us);

/* Of each daemon; NULL where it is not to be shown. */
typedef struct {
	struct json_object *kvp, *vss, *fcopy;
} HvctlStatuses;

/* Print @statuses; ages are reckoned from @now_us, microseconds of the wall clock. */
void hvctl_status_print(FILE *out, gboolean json, const HvctlStatuses *statuses, gint64 now_us);
