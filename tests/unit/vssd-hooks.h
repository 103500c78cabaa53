/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A folder of hooks in a scratch directory, and the program that runs them, of this build; for tests of
 * vssd/. Its root is the directory, so that nobody's /tmp counts.
 */
#pragma once

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vssd/hook-run.h"
#include "tests/unit/remove-tree.h"

#define PATIENCE_S 60 /* of a test; what takes longer than this hangs */

typedef struct {
	char *root, *program;
	VssHookRunOptions options;
} Folder;

static inline char *folder_path(const Folder *folder, const char *name)
{
	return g_build_filename(folder->root, "freeze.d", name, NULL);
}

static inline void folder_init(Folder *folder)
{
	const char *build = g_getenv("top_builddir");
	g_autofree char *dir = NULL;
	g_autoptr(GError) error = NULL;

	folder->root = g_dir_make_tmp("hvis-vssd-XXXXXX", &error);
	g_assert_no_error(error);
	g_assert_cmpint(g_chmod(folder->root, 0755), ==, 0); /* for users of hooks */
	folder->program = g_build_filename(build ? build : ".", "vssd/hv_vss_hook", NULL);
	folder->options = (VssHookRunOptions){ folder->program, folder->root, "/not/frozen" };
	dir = folder_path(folder, "");
	g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
	g_assert_cmpint(g_chmod(dir, 0755), ==, 0);
}

static inline void folder_deinit(Folder *folder)
{
	remove_tree(folder->root);
	g_free(folder->root);
	g_free(folder->program);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Folder, folder_deinit)

static inline void folder_file(const Folder *folder, const char *name, int mode, const char *text)
{
	g_autofree char *path = folder_path(folder, name);

	g_assert_true(
		g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, mode, NULL));
	g_assert_cmpint(g_chmod(path, (mode_t)mode), ==, 0);
}

/* A hook: a shell script, with $R for the root. */
static inline void folder_hook(const Folder *folder, const char *name, const char *script)
{
	g_autofree char *text = g_strdup_printf("#!/bin/sh\nR=%s\n%s\n", folder->root, script);

	folder_file(folder, name, 0755, text);
}

static inline GPtrArray *folder_read(const Folder *folder)
{
	g_autoptr(GError) error = NULL;
	GPtrArray *hooks = vss_hooks_read(folder->root, "/freeze.d", &error);

	g_assert_no_error(error);
	return hooks;
}

/* What the file @name of the root has, "" where there is none; to be freed. */
static inline char *folder_text(const Folder *folder, const char *name)
{
	g_autofree char *path = g_build_filename(folder->root, name, NULL);
	char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

/* Let the main loop run until *@flag; the test fails where that takes too long. */
static inline gboolean folder_on_patience(gpointer data)
{
	g_error("this takes too long");
	return G_SOURCE_REMOVE;
}

static inline void wait_until(const gboolean *flag)
{
	guint timer = g_timeout_add_seconds(PATIENCE_S, folder_on_patience, NULL);

	while (!*flag)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(timer);
}

/* Wait until process @pid has gone: a zombie that nobody waits for has too. */
static inline void wait_until_gone(int pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);

	for (int i = 0; i < PATIENCE_S * 50; i++) {
		g_autofree char *text = NULL;

		if (kill(pid, 0) < 0 || !g_file_get_contents(path, &text, NULL, NULL) ||
			strstr(text, ") Z "))
			return;
		g_usleep(20000);
	}
	g_error("process %d is still there", pid);
}
