/* SPDX-License-Identifier: GPL-2.0-only */
/* How files from the host are shown: as a table, and within a status. */
#pragma once

#include <json-c/json.h>
#include <stdio.h>

#include <glib.h>

/* "12 bytes", "1.5 KiB", "340 MiB"; "-" for NULL. New string. */
char *hvctl_size_text(struct json_object *bytes);

/*
 * Add to @view what "hvctl fcopy status" shows of @status as text: what is under way, and how the last
 * one went. Nothing where that is of another daemon.
 */
void hvctl_fcopy_add_status(struct json_object *view, struct json_object *status, gint64 now_us);

/* Print how one that was to be given up has ended, and which it was. */
void hvctl_fcopy_print_end(FILE *out, struct json_object *transfer);

/* Print @transfers as a table. */
void hvctl_fcopy_print_history(FILE *out, struct json_object *transfers);
