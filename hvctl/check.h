/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is wrong with the pool files: findings about bytes (check-bytes.c) and about the files
 * themselves (check-file.c), and mending them. Reads the files; the daemon need not run.
 *
 * Mending loses nothing of anybody's: records are never joined, sorted or dropped, and bytes that go
 * are first written to a backup file beside the pool.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

typedef struct {
	struct json_object *list; /* of findings */
	const char *path;
	guint remaining; /* findings that are problems and not mended */
} HvctlFindings;

/* What a finding is about; -1 and NULL where it is about the file. */
typedef struct {
	gint64 record;
	const char *key; /* any bytes; shown as UTF-8 */
	const char *problem; /* a word: "torn" */
	const char *meaning; /* a sentence */
	const char *repair; /* what --repair does; NULL = nothing */
	const char *by_hand; /* what to do where --repair does nothing; NULL = not known */
	gboolean mended;
	gboolean note; /* to know, not to mend: does not count */
} HvctlFinding;

void hvctl_findings_add(HvctlFindings *findings, const HvctlFinding *finding);

/* All findings about the pools in @dir; nothing is mended. @findings' path is the directory. */
void hvctl_check_pools(HvctlFindings *findings, const char *dir);

/* Findings about the @len bytes of a pool file. */
void hvctl_check_bytes(HvctlFindings *findings, const guint8 *bytes, gsize len);

/*
 * Make of @bytes what they should be, and add to @backup what was there instead: a line of text and
 * the bytes for each place. Returns how many places; 0 = nothing to mend.
 */
guint hvctl_mend_bytes(GByteArray *bytes, GByteArray *backup);

/* Findings about the file or directory itself: kind, mode, owner, label; mends them where @repair. */
void hvctl_check_file(HvctlFindings *findings, const char *path, gboolean repair);
void hvctl_check_dir(HvctlFindings *findings, const char *path, gboolean repair);

/* Who holds a lock on the file, as a note. */
void hvctl_check_lock(HvctlFindings *findings, const char *path);
