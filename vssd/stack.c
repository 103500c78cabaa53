/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a superblock downwards: its block devices, theirs in turn (slaves/ of device-mapper and md,
 * the disk of a partition), until a loop device names the file that it stands on. A loop's file is
 * found in the mount table by its path, in the view of the system where the file system is seen there,
 * else in that of the container that has it: each has its own /. A file system that is mounted over the
 * directory of its own image does not count as what it stands on.
 */
#include "config.h"

#include "vssd/stack.h"

#include <libmount/libmount.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <util/file.h>

#define ATTRIBUTE_MAX 8192 /* a page of sysfs, and some */

typedef struct {
	VssMounts *mounts;
	const char *sys;
	guint place; /* whose devices these are */
	pid_t view; /* the process whose paths its are */
	GHashTable *visited; /* of device numbers as text */
} Walk;

static void stand_on(Walk *walk, int below)
{
	GArray *list = vss_mounts_super(walk->mounts, walk->place)->below;
	guint value = (guint)below;

	if (below < 0 || value == walk->place)
		return;
	for (guint i = 0; i < list->len; i++)
		if (g_array_index(list, guint, i) == value)
			return;
	g_array_append_val(list, value);
}

static void stand_on_path(Walk *walk, const char *path)
{
	if (g_path_is_absolute(path))
		stand_on(walk, vss_mounts_find(walk->mounts, walk->view, path, (int)walk->place));
}

static char *attribute(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	char *text = hvis_file_read(path, ATTRIBUTE_MAX, NULL, NULL);

	return text ? g_strchomp(text) : NULL;
}

static void walk_device(Walk *walk, const char *number);

/* Every entry of @dir that has a file "dev". */
static void walk_devices_of(Walk *walk, const char *dir)
{
	g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
	const char *name;

	while (open && (name = g_dir_read_name(open))) {
		g_autofree char *below = g_build_filename(dir, name, NULL);
		g_autofree char *number = attribute(below, "dev");

		if (number)
			walk_device(walk, number);
	}
}

/* @number as in sysfs, "7:0". */
static void walk_device(Walk *walk, const char *number)
{
	g_autofree char *dir = g_build_filename(walk->sys, "dev", "block", number, NULL);
	g_autofree char *slaves = g_build_filename(dir, "slaves", NULL);
	g_autofree char *file = attribute(dir, "loop/backing_file");
	g_autofree char *partition = attribute(dir, "partition");

	if (!g_hash_table_add(walk->visited, g_strdup(number)))
		return;
	if (file)
		stand_on_path(walk, file);
	walk_devices_of(walk, slaves);
	if (partition) {
		g_autofree char *disk = attribute(dir, "../dev");

		if (disk)
			walk_device(walk, disk);
	}
}

/* Whether @dir of a btrfs's devices has the one that the mount table calls @source. */
static gboolean has_source(const char *dir, const char *source)
{
	g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
	g_autofree char *wanted = g_path_get_basename(source);
	gboolean mapped = g_str_has_prefix(source, "/dev/mapper/");
	const char *name;

	while (open && (name = g_dir_read_name(open))) {
		g_autofree char *device = g_build_filename(dir, name, NULL);
		g_autofree char *mapper = mapped ? attribute(device, "dm/name") : NULL;

		if (g_strcmp0(mapped ? mapper : name, wanted) == 0)
			return TRUE;
	}
	return FALSE;
}

/* A btrfs has a number of its own; its disks are listed below its identifier. */
static void walk_btrfs(Walk *walk, const VssSuper *super)
{
	g_autofree char *top = g_build_filename(walk->sys, "fs", "btrfs", NULL);
	g_autoptr(GDir) open = g_dir_open(top, 0, NULL);
	const char *name;

	while (open && (name = g_dir_read_name(open))) {
		g_autofree char *devices = g_build_filename(top, name, "devices", NULL);

		if (has_source(devices, super->source))
			walk_devices_of(walk, devices);
	}
}

/* lowerdir= has a list; a colon of a path's own is escaped, and such a path is not found. */
static void walk_overlay(Walk *walk, const VssSuper *super)
{
	static const char *const names[] = { "upperdir", "workdir", "lowerdir" };

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *text = NULL;
		g_auto(GStrv) paths = NULL;
		char *value;
		size_t len;

		if (mnt_optstr_get_option(super->options, names[i], &value, &len) != 0 || !value)
			continue;
		text = g_strndup(value, len);
		paths = g_strsplit(text, ":", -1);
		for (char **path = paths; *path; path++)
			stand_on_path(walk, *path);
	}
}

/* The best way to it may be that of a container although the system sees it, too. */
static pid_t view_of(const VssSuper *super)
{
	return vss_super_in_view(super) ? 1 : vss_super_mount(super)->pid;
}

static void walk_super(Walk *walk, const VssSuper *super)
{
	g_autofree char *number = g_strdup_printf("%u:%u", major(super->dev), minor(super->dev));

	if (major(super->dev) != 0)
		walk_device(walk, number);
	else if (strcmp(super->type, "btrfs") == 0)
		walk_btrfs(walk, super);
	else if (strcmp(super->type, "overlay") == 0)
		walk_overlay(walk, super);
	else if (strcmp(super->type, "ecryptfs") == 0)
		stand_on_path(walk, super->source);
}

static void note(GArray *places, guint8 *noted, guint place)
{
	if (!noted[place])
		g_array_append_val(places, place);
	noted[place] = 1;
}

static void read_one(VssMounts *mounts, const char *sys, guint place)
{
	g_autoptr(GHashTable) visited =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const VssSuper *super = vss_mounts_super(mounts, place);
	Walk walk = { mounts, sys, place, view_of(super), visited };

	walk_super(&walk, super);
}

void vss_stack_read(VssMounts *mounts, const char *sys)
{
	g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint));
	g_autofree guint8 *noted = g_new0(guint8, MAX(mounts->supers->len, 1));

	for (guint i = 0; i < mounts->supers->len; i++) {
		const VssSuper *super = vss_mounts_super(mounts, i);

		if (super->kind == VSS_TYPE_LOCAL || vss_super_in_view(super))
			note(places, noted, i);
	}
	for (guint i = 0; i < places->len; i++) {
		guint place = g_array_index(places, guint, i);
		GArray *below = vss_mounts_super(mounts, place)->below;

		read_one(mounts, sys, place);
		for (guint j = 0; j < below->len; j++)
			note(places, noted, g_array_index(below, guint, j));
	}
}
