/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Temporary names, for file systems without unnamed files and for replacing a file: each is noted on the disk, in a
 * file of its own in the state directory, before it is made, and the note goes after it. A daemon that was killed has
 * left both, and the next one removes what the notes name; nothing else is ever removed.
 */
#pragma once

#include <glib.h>

#include "fcopyd/place.h"

/* A temporary name and its note, which is locked as long as this is here. */
typedef struct FcopyNote FcopyNote;

/* Note a new name for the directory of @place. HVIS_ERROR_UNSUPPORTED without a state directory. */
FcopyNote *fcopy_note_new(const char *state_dir, const FcopyPlace *place, GError **error);
const char *fcopy_note_name(const FcopyNote *note);
/* Where the file is @gone, so is its note; another one stays for a sweep. NULL is fine. */
void fcopy_note_free(FcopyNote *note, gboolean gone);

/*
 * Remove what a daemon that was killed has left, told by the notes in @state_dir. @root: an open directory that
 * stands for "/". How many files it were. A directory that is not there now is looked for at the next start.
 */
guint fcopy_sweep(int root, const char *state_dir);
