/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every file system of the machine, once however often it is mounted, as the mount tables of all
 * mount namespaces tell it. Only tables are read: no mount point is looked at, so that an autofs
 * or a dead server cannot hold this up.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "vssd/fstype.h"

/* A place where a superblock can be seen. */
typedef struct {
	int id; /* of the mount: unique in the machine, as statx(2) tells it */
	int parent;
	guint super; /* its superblock's place in VssMounts.supers */
	pid_t pid; /* the process whose view it is; 1 for the system's own */
	char *target, *root;
	gboolean hidden; /* something is over it or over the way to it, or that is too long */
	gboolean risky; /* the way to it leads through what may hang */
	gboolean read_only; /* the mount, whatever the superblock is */
	gboolean barred; /* we have not the right to enter the view that it is in */
} VssMount;

typedef struct {
	dev_t dev; /* of the superblock: what makes it one */
	char *type, *source, *options; /* options of the superblock, not of a mount */
	VssType kind;
	gboolean read_only;
	GPtrArray *mounts; /* of VssMount, the best way to it first; never empty */
	GArray *below; /* guint: places in VssMounts.supers of what it stands on */
} VssSuper;

typedef struct {
	GPtrArray *supers; /* of VssSuper, in the order of the tables */
	GHashTable *by_device; /* dev_t, as guint64, to place in supers */
	GHashTable *views; /* pid_t to GPtrArray of VssMount: its table */
	guint n_others; /* mounts of other tables than the first one */
	guint unseen; /* processes whose mount table could not be read, or was one too many */
	gboolean helped; /* what is barred is opened all the same, by enter.h */
} VssMounts;

/*
 * Ours: whoever has mount namespaces of his own fills tables as he likes. When there are so many mounts no
 * further table is read; a machine that has a hundred services and a thousand containers has a tenth of it.
 */
#define VSS_MOUNTS_OTHERS_MAX 1000000u

/* Read the tables below @proc ("/proc"). NULL where that of process 1 cannot be read. */
VssMounts *vss_mounts_read(const char *proc, GError **error);

/* Read that of @process ("self") alone. NULL where it cannot be read. */
VssMounts *vss_mounts_read_view(const char *proc, const char *process, GError **error);

/* Whether the root of @process's view may be opened: 0, or an errno (proc(5) on /proc/PID/root). Waits for no server. */
int vss_mounts_enter(const char *proc, const char *process);
void vss_mounts_free(VssMounts *mounts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssMounts, vss_mounts_free)

static inline VssSuper *vss_mounts_super(const VssMounts *mounts, guint place)
{
	return (VssSuper *)g_ptr_array_index(mounts->supers, place);
}

/* The best place to reach @super by. */
static inline VssMount *vss_super_mount(const VssSuper *super)
{
	return (VssMount *)g_ptr_array_index(super->mounts, 0);
}

/* Whether the system, process 1, has @super mounted: then not only others have, in views of their own. */
gboolean vss_super_in_view(const VssSuper *super);

/*
 * The place of the superblock that absolute @path is on, in the view of process @pid (1, or one of
 * VssMount.pid), told from the table alone; that at @except does not count. -1 where there is none.
 */
int vss_mounts_find(const VssMounts *mounts, pid_t pid, const char *path, int except);

/* Whether @path is @dir or below it. */
gboolean vss_path_below(const char *path, const char *dir);
