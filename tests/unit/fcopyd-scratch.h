/* SPDX-License-Identifier: GPL-2.0-only */
/* A tree of a test's own that stands for "/", and a policy for it. */
#pragma once

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/error.h>

#include "fcopyd/file.h"
#include "tests/unit/remove-tree.h"

typedef struct {
	char *path;
	char *state; /* beside it */
	int root;
} Scratch;

static const HvisConfigKey scratch_keys[] = {
	FCOPY_POLICY_KEYS,
	{ NULL, NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
};

static inline void scratch_init(Scratch *s)
{
	g_autofree char *above = g_dir_make_tmp("fcopyd-XXXXXX", NULL);

	g_assert_nonnull(above);
	s->path = g_build_filename(above, "root", NULL);
	s->state = g_build_filename(above, "state", NULL);
	g_assert_cmpint(g_mkdir(s->path, 0755), ==, 0);
	g_assert_cmpint(g_mkdir(s->state, 0700), ==, 0);
	s->root = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_assert_cmpint(s->root, >=, 0);
}

static inline void scratch_deinit(Scratch *s)
{
	g_autofree char *above = g_path_get_dirname(s->path);

	close(s->root);
	remove_tree(above);
	g_free(s->path);
	g_free(s->state);
}

/* @lines of [fcopy]; files are the tester's, who may not be root. */
static inline FcopyPolicy *scratch_policy(const Scratch *s, const char *lines)
{
	g_autofree char *text = g_strdup_printf(
		"[fcopy]\nOwner=%u:%u\n%s\n", (guint)geteuid(), (guint)getegid(), lines);
	g_autoptr(GError) error = NULL;
	g_autoptr(HvisConfig) config =
		hvis_config_parse(scratch_keys, "test", text, strlen(text), &error);
	FcopyPolicy *policy;

	g_assert_no_error(error);
	policy = fcopy_policy_new(config, s->state, &error);
	g_assert_no_error(error);
	return policy;
}

static inline void scratch_mkdir(const Scratch *s, const char *path)
{
	g_autofree char *whole = g_strconcat(s->path, path, NULL);

	g_assert_cmpint(g_mkdir_with_parents(whole, 0755), ==, 0);
}

static inline void scratch_put(const Scratch *s, const char *path, const char *text)
{
	g_autofree char *whole = g_strconcat(s->path, path, NULL);

	g_assert_true(g_file_set_contents(whole, text, -1, NULL));
}

/* NULL where there is no such file. */
static inline char *scratch_get(const Scratch *s, const char *path)
{
	g_autofree char *whole = g_strconcat(s->path, path, NULL);
	char *text = NULL;

	g_file_get_contents(whole, &text, NULL, NULL);
	return text;
}

static inline void scratch_link(const Scratch *s, const char *to, const char *path)
{
	g_assert_cmpint(symlinkat(to, s->root, path + 1), ==, 0);
}

/* How many names there are in @path, whatever they are. */
static inline guint scratch_count(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	guint n = 0;

	while (dir && g_dir_read_name(dir))
		n++;
	return n;
}

static inline guint scratch_count_in(const Scratch *s, const char *path)
{
	g_autofree char *whole = g_strconcat(s->path, path, NULL);

	return scratch_count(whole);
}

static inline gboolean scratch_has(const Scratch *s, const char *path)
{
	struct stat st;

	return fstatat(s->root, path + 1, &st, AT_SYMLINK_NOFOLLOW) == 0;
}
