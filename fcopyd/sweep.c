/* SPDX-License-Identifier: GPL-2.0-only */
/* Notes of temporary names: made, forgotten, and gone by after a daemon that was killed. */
#include "config.h"

#include "fcopyd/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <util/error.h>
#include <util/fd.h>
#include <util/file.h>

#define NOTE_PREFIX "unfinished-" /* and 16 digits, of the note and of what it notes */
#define NAME_PREFIX ".hvis-fcopy-"
#define DIGITS 16
#define NOTE_MAX 65536u /* ours: bytes */

struct FcopyNote {
	int fd; /* locked: its file is in use */
	char *path;
	char *name;
};

static gboolean has_form(const char *name, const char *prefix)
{
	gsize len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 && strlen(name) == len + DIGITS &&
	       strspn(name + len, "0123456789abcdef") == DIGITS;
}

/* --- one of ours --- */

void fcopy_note_free(FcopyNote *note, gboolean gone)
{
	if (!note)
		return;
	if (gone)
		unlink(note->path);
	hvis_fd_clear(&note->fd);
	g_free(note->path);
	g_free(note->name);
	g_free(note);
}

const char *fcopy_note_name(const FcopyNote *note)
{
	return note->name;
}

/* Another daemon's sweep may have come between the writing and the lock: then it is no note any more. */
static gboolean lock(FcopyNote *note, GError **error)
{
	struct stat st;

	note->fd = hvis_open(note->path, O_RDONLY | O_NOFOLLOW, error);
	if (note->fd < 0)
		return FALSE;
	if (flock(note->fd, LOCK_EX | LOCK_NB) < 0 || fstat(note->fd, &st) < 0)
		return hvis_fail_errno(error, errno, "lock %s", note->path);
	return st.st_nlink > 0 || hvis_fail(error, HVIS_ERROR_BUSY, "%s: removed", note->path);
}

FcopyNote *fcopy_note_new(const char *state_dir, const FcopyPlace *place, GError **error)
{
	g_autofree char *base = g_strescape(place->base, NULL);
	g_autofree char *below = g_strescape(place->below, NULL);
	g_autofree char *text = NULL;
	FcopyNote *note;
	struct stat st;
	guint64 number;

	if (!state_dir) {
		hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "no state directory");
		return NULL;
	}
	if (fstat(place->dir, &st) < 0) {
		hvis_fail_errno(error, errno, "look at the directory");
		return NULL;
	}
	number = (guint64)g_random_int() << 32 | g_random_int();
	note = g_new0(FcopyNote, 1);
	note->fd = -1;
	note->name = g_strdup_printf(NAME_PREFIX "%016" G_GINT64_MODIFIER "x", number);
	note->path =
		g_strdup_printf("%s/" NOTE_PREFIX "%016" G_GINT64_MODIFIER "x", state_dir, number);
	text = g_strdup_printf("%s\n%s\n%" G_GUINT64_FORMAT "\n", base, below, (guint64)st.st_ino);
	if (hvis_file_write(note->path, text, strlen(text), 0600, error) && lock(note, error))
		return note;
	fcopy_note_free(note, TRUE);
	return NULL;
}

/* --- those of a daemon that was killed --- */

/*
 * Whether nothing of that name is left in the directory that the note tells of. One that is not there, or is another
 * one, may be back after the next mount.
 */
static gboolean remove_noted(int root, const char *text, const char *name, guint *count)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autofree char *base = NULL, *below = NULL;
	hvis_autofd int dir = -1;
	struct stat st;

	if (g_strv_length(lines) != 4 || lines[0][0] != '/')
		return TRUE; /* no note of ours: nothing to be found by it, ever */
	base = g_strcompress(lines[0]);
	below = g_strcompress(lines[1]);
	dir = fcopy_place_open(root, base, below, NULL);
	if (dir < 0 || fstat(dir, &st) < 0 ||
		st.st_ino != (ino_t)g_ascii_strtoull(lines[2], NULL, 10))
		return FALSE;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	if (!S_ISREG(st.st_mode))
		return TRUE; /* we have made none such */
	if (unlinkat(dir, name, 0) < 0)
		return errno == ENOENT;
	(*count)++;
	return TRUE;
}

static void sweep_note(int root, int state, const char *note, guint *count)
{
	hvis_autofd int fd = openat(state, note, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	g_autofree char *name = g_strconcat(NAME_PREFIX, note + strlen(NOTE_PREFIX), NULL);
	g_autofree char *text = g_malloc0(NOTE_MAX);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		flock(fd, LOCK_EX | LOCK_NB) < 0 || read(fd, text, NOTE_MAX - 1) < 0)
		return;
	if (remove_noted(root, text, name, count))
		unlinkat(state, note, 0);
}

/* hvis_file_write() was cut short: ".unfinished-….XXXXXX" */
static gboolean is_half_note(const char *name)
{
	gsize len = strlen("." NOTE_PREFIX) + DIGITS;

	return g_str_has_prefix(name, "." NOTE_PREFIX) && strlen(name) == len + 7 &&
	       name[len] == '.';
}

guint fcopy_sweep(int root, const char *state_dir)
{
	g_autoptr(GDir) list = g_dir_open(state_dir, 0, NULL);
	hvis_autofd int state = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *name;
	guint count = 0;

	while (list && state >= 0 && (name = g_dir_read_name(list))) {
		if (has_form(name, NOTE_PREFIX))
			sweep_note(root, state, name, &count);
		else if (is_half_note(name))
			unlinkat(state, name, 0);
	}
	return count;
}
