/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fcopyd/file.h in memory, in the place of the library's, and at the word of a test: a call that it holds up returns
 * when it is let go, or never. One file at a time is looked at; each one that is made counts. Include it once.
 */
#pragma once

#include <string.h>

#include <hvis/fcopy.h>
#include <util/error.h>

#include "fcopyd/file.h"

typedef enum { FILE_CREATE, FILE_WRITE, FILE_FINISH, FILE_FREE, FILE_N } FileCall;

struct FcopyFile {
	char *target;
	GByteArray *bytes;
	guint64 received;
	guint test; /* in which it was made */
};

static struct {
	GMutex lock;
	GCond changed;
	gboolean held[FILE_N]; /* who calls it waits */
	guint waiting[FILE_N]; /* that are doing so */
	HvisErrorCode fails[FILE_N]; /* it fails, with this; 0: it does not */
	gboolean names_late; /* finish() does not look at cancelled any more */
	guint test; /* counts them: a thread may outlive the one that it was for, and is not counted in the next */
	guint made, named, freed, writes;
	GByteArray *last; /* what the file that was named last has in it; NULL: there is none */
} files;

static void files_reset(void)
{
	g_mutex_lock(&files.lock);
	memset(files.held, 0, sizeof(files.held));
	memset(files.fails, 0, sizeof(files.fails));
	files.names_late = FALSE;
	files.test++;
	files.made = files.named = files.freed = files.writes = 0;
	g_clear_pointer(&files.last, g_byte_array_unref);
	g_cond_broadcast(&files.changed);
	g_mutex_unlock(&files.lock);
}

static void files_hold(FileCall call, gboolean held)
{
	g_mutex_lock(&files.lock);
	files.held[call] = held;
	g_cond_broadcast(&files.changed);
	g_mutex_unlock(&files.lock);
}

static void files_fail(FileCall call, HvisErrorCode code)
{
	g_mutex_lock(&files.lock);
	files.fails[call] = code;
	g_mutex_unlock(&files.lock);
}

static guint files_count(const guint *what)
{
	guint count;

	g_mutex_lock(&files.lock);
	count = *what;
	g_mutex_unlock(&files.lock);
	return count;
}

/* FALSE where it fails. Returns with the lock. */
static gboolean files_enter(FileCall call, GError **error)
{
	g_mutex_lock(&files.lock);
	files.waiting[call]++;
	while (files.held[call])
		g_cond_wait(&files.changed, &files.lock);
	files.waiting[call]--;
	return files.fails[call] == 0 || hvis_fail(error, files.fails[call], "the test says no");
}

FcopyFile *fcopy_file_create(
	int root, const FcopyPolicy *policy, const FcopyWanted *wanted, GError **error)
{
	guint test = files_count(&files.test);
	FcopyFile *file = NULL;

	if (files_enter(FILE_CREATE, error)) {
		file = g_new0(FcopyFile, 1);
		file->test = test;
		file->target = g_strconcat(wanted->path, wanted->name, NULL);
		file->bytes = g_byte_array_new();
		files.made += test == files.test;
	}
	g_mutex_unlock(&files.lock);
	return file;
}

const char *fcopy_file_target(const FcopyFile *file)
{
	return file->target;
}

gboolean fcopy_file_write(
	FcopyFile *file, guint64 offset, const void *data, gsize len, GError **error)
{
	gboolean well = files_enter(FILE_WRITE, error);

	files.writes += file->test == files.test;
	if (well) {
		if (file->bytes->len < offset + len)
			g_byte_array_set_size(file->bytes, (guint)(offset + len));
		memcpy(file->bytes->data + offset, data, len);
		file->received += len;
	}
	g_mutex_unlock(&files.lock);
	return well;
}

guint64 fcopy_file_received(const FcopyFile *file)
{
	return file->received;
}

gboolean fcopy_file_finish(FcopyFile *file, const gint *cancelled, FcopySum *ret, GError **error)
{
	gboolean well = files_enter(FILE_FINISH, error);

	if (well && !files.names_late && g_atomic_int_get(cancelled))
		well = hvis_fail(error, HVIS_ERROR_CLOSED, "it was given up");
	if (well)
		*ret = (FcopySum){ .sha256 = "0123", .repeated = 7 };
	if (well && file->test == files.test) {
		files.named++;
		g_clear_pointer(&files.last, g_byte_array_unref);
		files.last = g_byte_array_ref(file->bytes);
	}
	g_mutex_unlock(&files.lock);
	return well;
}

void fcopy_file_free(FcopyFile *file)
{
	if (!file)
		return;
	files_enter(FILE_FREE, NULL);
	files.freed += file->test == files.test;
	g_mutex_unlock(&files.lock);
	g_free(file->target);
	g_byte_array_unref(file->bytes);
	g_free(file);
}
