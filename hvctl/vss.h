/* SPDX-License-Identifier: GPL-2.0-only */
/* What the vss commands share: the plan, wherever it comes from, and how a backup is shown. */
#pragma once

#include <json-c/json.h>

#include "hvctl/command.h"

/*
 * All of the plan: from hv_vss_daemon, or, where that does not run and no socket was named, computed here;
 * that is said on standard error. As vss_plan_json(), a new reference.
 */
struct json_object *hvctl_vss_fetch_plan(const HvctlRequest *request, GError **error);

/* Print @plan as a table, and in words whether it can be met. */
void hvctl_vss_print_plan(FILE *out, struct json_object *plan);

/* What hooks of @backup have failed at, as a text; new, NULL where none has. */
struct json_object *hvctl_vss_hooks_text(struct json_object *backup);

/* Print @backups as a table. */
void hvctl_vss_print_history(FILE *out, struct json_object *backups);

/* A table of the mounts of @backup and their times; nothing where there are none. */
void hvctl_vss_print_mounts(FILE *out, struct json_object *backup);

/* "2.1 ms" */
char *hvctl_vss_duration_text(struct json_object *us);

/* OUTPUT_GREEN for "ok", … */
const char *hvctl_vss_result_style(struct json_object *result);
