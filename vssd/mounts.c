/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mount tables to superblocks. A namespace is read through the first process that is in it; what a
 * process that ended in between had to tell is told by the next one, or is gone with it.
 */
#include "config.h"

#include "vssd/mounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <util/error.h>

#include "vssd/mount-table.h"

static void mount_free(gpointer data)
{
	VssMount *mount = data;

	g_free(mount->target);
	g_free(mount->root);
	g_free(mount);
}

static void super_free(gpointer data)
{
	VssSuper *super = data;

	g_free(super->type);
	g_free(super->source);
	g_free(super->options);
	g_ptr_array_unref(super->mounts);
	g_array_unref(super->below);
	g_free(super);
}

void vss_mounts_free(VssMounts *mounts)
{
	if (!mounts)
		return;
	g_ptr_array_unref(mounts->supers);
	g_free(mounts);
}

/* The place of the superblock of @fs, which is made where it is new. */
static guint super_of(VssMounts *mounts, struct libmnt_fs *fs)
{
	const char *source = mnt_fs_get_source(fs), *options = mnt_fs_get_fs_options(fs);
	dev_t dev = mnt_fs_get_devno(fs);
	VssSuper *super;

	for (guint i = 0; i < mounts->supers->len; i++)
		if (vss_mounts_super(mounts, i)->dev == dev)
			return i;
	super = g_new0(VssSuper, 1);
	super->dev = dev;
	super->type = g_strdup(mnt_fs_get_fstype(fs));
	super->source = g_strdup(source ? source : "none");
	super->options = g_strdup(options ? options : "");
	super->kind = vss_type_of(super->type, major(dev) != 0);
	super->read_only = mnt_optstr_get_option(super->options, "ro", NULL, NULL) == 0;
	super->mounts = g_ptr_array_new_with_free_func(mount_free);
	super->below = g_array_new(FALSE, FALSE, sizeof(guint));
	g_ptr_array_add(mounts->supers, super);
	return mounts->supers->len - 1;
}

gboolean vss_path_below(const char *path, const char *dir)
{
	gsize len = strlen(dir);

	while (len > 0 && dir[len - 1] == '/')
		len--;
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static VssMount *by_id(GPtrArray *table, int id)
{
	for (guint i = 0; i < table->len; i++) {
		VssMount *mount = (VssMount *)g_ptr_array_index(table, i);

		if (mount->id == id)
			return mount;
	}
	return NULL;
}

/*
 * Whether another mount on @parent takes the way to @mount: on its root, or on a directory above
 * that of @mount.
 */
static gboolean is_shadowed(GPtrArray *table, const VssMount *mount, const VssMount *parent)
{
	for (guint i = 0; i < table->len; i++) {
		const VssMount *other = (const VssMount *)g_ptr_array_index(table, i);

		if (other == mount || other == parent || other->parent != mount->parent)
			continue;
		if (strcmp(other->target, mount->target) != 0 &&
			vss_path_below(mount->target, other->target))
			return TRUE;
	}
	return FALSE;
}

static gboolean is_covered(GPtrArray *table, const VssMount *mount)
{
	for (guint i = 0; i < table->len; i++) {
		const VssMount *other = (const VssMount *)g_ptr_array_index(table, i);

		if (other != mount && other->parent == mount->id &&
			strcmp(other->target, mount->target) == 0)
			return TRUE;
	}
	return FALSE;
}

/* Walk from @mount to the root of its table; a table that is a circle ends after as many steps. */
static void judge(const VssMounts *mounts, GPtrArray *table, VssMount *mount)
{
	VssMount *at = mount;

	mount->hidden = is_covered(table, mount);
	for (guint step = 0; step < table->len; step++) {
		VssMount *parent = by_id(table, at->parent);

		if (!parent || parent == at)
			break;
		mount->hidden = mount->hidden || is_shadowed(table, at, parent);
		mount->risky = mount->risky ||
			       vss_type_may_hang(vss_mounts_super(mounts, parent->super)->kind);
		at = parent;
	}
}

static void judge_all(const VssMounts *mounts, GPtrArray *table)
{
	for (guint i = 0; i < table->len; i++)
		judge(mounts, table, (VssMount *)g_ptr_array_index(table, i));
}

static gboolean add_table(VssMounts *mounts, const char *path, pid_t pid, GError **error)
{
	g_autoptr(MountTable) table = mnt_new_table();
	g_autoptr(MountIter) iter = mnt_new_iter(MNT_ITER_FORWARD);
	g_autoptr(GPtrArray) seen = g_ptr_array_new();
	struct libmnt_fs *fs;
	int rc = mnt_table_parse_file(table, path);

	if (rc != 0)
		return hvis_fail_errno(error, rc < 0 ? -rc : EBADMSG, "read %s", path);
	while (mnt_table_next_fs(table, iter, &fs) == 0) {
		VssMount *mount;

		if (!mnt_fs_get_target(fs) || !mnt_fs_get_fstype(fs))
			continue;
		mount = g_new0(VssMount, 1);
		mount->id = mnt_fs_get_id(fs);
		mount->parent = mnt_fs_get_parent_id(fs);
		mount->pid = pid;
		mount->target = g_strdup(mnt_fs_get_target(fs));
		mount->root = g_strdup(mnt_fs_get_root(fs));
		mount->super = super_of(mounts, fs);
		g_ptr_array_add(vss_mounts_super(mounts, mount->super)->mounts, mount);
		g_ptr_array_add(seen, mount);
	}
	judge_all(mounts, seen);
	return TRUE;
}

static gint better(gconstpointer a, gconstpointer b)
{
	const VssMount *left = *(VssMount *const *)a, *right = *(VssMount *const *)b;

	if (left->hidden != right->hidden)
		return left->hidden - right->hidden;
	if (left->risky != right->risky)
		return left->risky - right->risky;
	if ((left->pid == 1) != (right->pid == 1))
		return (right->pid == 1) - (left->pid == 1);
	if (!g_str_equal(left->root, right->root))
		return strlen(left->root) < strlen(right->root) ? -1 : 1;
	return (gint)strlen(left->target) - (gint)strlen(right->target);
}

static gboolean is_pid(const char *name)
{
	return *name != '\0' && strspn(name, "0123456789") == strlen(name);
}

/* The other namespaces: each once, told apart by the link of the process. */
static void add_others(VssMounts *mounts, const char *proc, GHashTable *namespaces)
{
	g_autoptr(GDir) dir = g_dir_open(proc, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *link = g_build_filename(proc, name, "ns", "mnt", NULL);
		g_autofree char *path = g_build_filename(proc, name, "mountinfo", NULL);
		g_autoptr(GError) error = NULL;
		char *namespace;

		if (!is_pid(name))
			continue;
		namespace = g_file_read_link(link, &error);
		if (!namespace) {
			if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
				mounts->unseen++;
			continue;
		}
		if (g_hash_table_contains(namespaces, namespace)) {
			g_free(namespace);
			continue;
		}
		if (add_table(mounts, path, atoi(name), NULL))
			g_hash_table_add(namespaces, namespace);
		else
			g_free(namespace);
	}
}

VssMounts *vss_mounts_read(const char *proc, GError **error)
{
	g_autofree char *path = g_build_filename(proc, "1", "mountinfo", NULL);
	g_autofree char *link = g_build_filename(proc, "1", "ns", "mnt", NULL);
	g_autoptr(GHashTable) namespaces =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(VssMounts) mounts = g_new0(VssMounts, 1);
	char *own = g_file_read_link(link, NULL);

	mounts->supers = g_ptr_array_new_with_free_func(super_free);
	if (own)
		g_hash_table_add(namespaces, own);
	if (!add_table(mounts, path, 1, error))
		return NULL;
	add_others(mounts, proc, namespaces);
	for (guint i = 0; i < mounts->supers->len; i++)
		g_ptr_array_sort(vss_mounts_super(mounts, i)->mounts, better);
	return g_steal_pointer(&mounts);
}

int vss_mounts_find(const VssMounts *mounts, pid_t pid, const char *path, int except)
{
	gsize longest = 0;
	int found = -1;

	for (guint i = 0; i < mounts->supers->len; i++) {
		GPtrArray *places = vss_mounts_super(mounts, i)->mounts;

		for (guint j = 0; (int)i != except && j < places->len; j++) {
			const VssMount *mount = (const VssMount *)g_ptr_array_index(places, j);

			if (mount->pid != pid || mount->hidden ||
				!vss_path_below(path, mount->target))
				continue;
			if (found < 0 || strlen(mount->target) > longest) {
				found = (int)i;
				longest = strlen(mount->target);
			}
		}
	}
	return found;
}
