/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine in a scratch directory: its mount tables below proc, its devices below sys, its fstab.
 * For tests of vssd/; nothing in it is mounted.
 */
#pragma once

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include <util/config.h>

#include "vssd/options.h"
#include "vssd/plan.h"
#include "vssd/stack.h"
#include "tests/unit/remove-tree.h"

typedef struct {
	char *root, *proc, *sys;
	VssMounts *mounts;
	HvisConfig *config;
	VssPolicy *policy;
	VssPlan *plan;
	gboolean helped; /* as VssMounts.helped */
} Tree;

static inline void tree_init(Tree *tree)
{
	g_autoptr(GError) error = NULL;

	*tree = (Tree){ .root = g_dir_make_tmp("hvis-vssd-XXXXXX", &error) };
	g_assert_no_error(error);
	tree->proc = g_build_filename(tree->root, "proc", NULL);
	tree->sys = g_build_filename(tree->root, "sys", NULL);
}

static inline void tree_deinit(Tree *tree)
{
	vss_plan_free(tree->plan);
	vss_policy_free(tree->policy);
	hvis_config_free(tree->config);
	vss_mounts_free(tree->mounts);
	remove_tree(tree->root);
	g_free(tree->root);
	g_free(tree->proc);
	g_free(tree->sys);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Tree, tree_deinit)

static inline char *tree_path(const Tree *tree, const char *path)
{
	char *full = g_build_filename(tree->root, path, NULL);
	g_autofree char *dir = g_path_get_dirname(full);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	return full;
}

static inline void tree_file(const Tree *tree, const char *path, const char *text)
{
	g_autofree char *full = tree_path(tree, path);

	g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

static inline void tree_link(const Tree *tree, const char *path, const char *target)
{
	g_autofree char *full = tree_path(tree, path);

	g_assert_cmpint(symlink(target, full), ==, 0);
}

/* A process with the mount table @text, in the mount namespace @space. */
static inline void tree_process(const Tree *tree, int pid, int space, const char *text)
{
	g_autofree char *table = g_strdup_printf("proc/%d/mountinfo", pid);
	g_autofree char *link = g_strdup_printf("proc/%d/ns/mnt", pid);
	g_autofree char *name = g_strdup_printf("mnt:[%d]", space);

	tree_file(tree, table, text);
	tree_link(tree, link, name);
}

/* A block device @number, "7:0", with the directory sys/devices/@name. */
static inline void tree_device(const Tree *tree, const char *number, const char *name)
{
	g_autofree char *link = g_build_filename("sys/dev/block", number, NULL);
	g_autofree char *target = g_build_filename("../../devices", name, NULL);
	g_autofree char *dev = g_build_filename("sys/devices", name, "dev", NULL);
	g_autofree char *text = g_strconcat(number, "\n", NULL);

	tree_link(tree, link, target);
	tree_file(tree, dev, text);
}

/* The device @below as one that @name is made of. */
static inline void tree_slave(const Tree *tree, const char *name, const char *below)
{
	g_autofree char *link = g_build_filename("sys/devices", name, "slaves", below, NULL);
	g_autofree char *target = g_build_filename("../..", below, NULL);

	tree_link(tree, link, target);
}

/* Read all there is, with [vss] @config. */
static inline void tree_plan(Tree *tree, const char *config)
{
	g_autofree char *text = g_strconcat("[vss]\n", config, "\n", NULL);
	g_autoptr(GError) error = NULL;

	tree->mounts = vss_mounts_read(tree->proc, &error);
	g_assert_no_error(error);
	tree->mounts->helped = tree->helped;
	vss_stack_read(tree->mounts, tree->sys);
	tree->config = hvis_config_parse(vss_config_keys, "test.conf", text, strlen(text), &error);
	g_assert_no_error(error);
	tree->policy = vss_policy_read(tree->config, tree->root, &error);
	g_assert_no_error(error);
	tree->plan = vss_plan_new(tree->mounts, tree->policy);
}

/* The entry of the file system that is best reached by @target. */
static inline VssEntry *tree_entry(const Tree *tree, const char *target)
{
	for (guint i = 0; i < tree->mounts->supers->len; i++)
		if (strcmp(vss_super_mount(vss_mounts_super(tree->mounts, i))->target, target) == 0)
			return vss_plan_entry(tree->plan, i);
	g_error("no file system at %s", target);
}
