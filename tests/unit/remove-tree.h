/* SPDX-License-Identifier: GPL-2.0-only */
/* A directory of a test and all that is in it, removed. Symbolic links are not followed. */
#pragma once

#include <glib/gstdio.h>

static inline void remove_tree(const char *path)
{
	g_autoptr(GDir) dir = NULL;
	const char *name;

	if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK))
		dir = g_dir_open(path, 0, NULL);
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *inside = g_build_filename(path, name, NULL);

		remove_tree(inside);
	}
	g_assert_cmpint(g_remove(path), ==, 0);
}
