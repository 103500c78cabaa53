/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Temporary names, for file systems without unnamed files and for replacing a file: each is noted on the disk, in a
 * file of its own in the state directory, before it is made, and the note goes after it. A daemon that was killed has
 * left both, and the next one removes what the notes name; nothing else is ever removed.
 */
#pragma once

#include <glib.h>

/* A temporary name and its note. */
typedef struct {
	char *path; /* of the note */
	char name[32]; /* random */
} FcopyNote;

/*
 * Note a new name in the directory @base (of Allow=, whose symbolic links are followed) + @below ("a/b", or ""), open as
 * @dir.
 */
FcopyNote *fcopy_note_new(
	const char *state_dir, const char *base, const char *below, int dir, GError **error);
/* Forget it: there is no file of that name any more. */
void fcopy_note_drop(FcopyNote *note);

/*
 * Remove what a daemon that was killed has left, told by the notes in @state_dir. @root: an open directory that
 * stands for "/". How many files it were. A directory that is not there now is looked for at the next start.
 */
guint fcopy_sweep(int root, const char *state_dir);
