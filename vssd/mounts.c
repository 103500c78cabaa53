/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mount tables to superblocks. A namespace is read through the first process that is in it; what a
 * process that ended in between had to tell is told by the next one, or is gone with it.
 *
 * Everyone may read a process's table, but only who could trace it may read the link that names its
 * namespace, or open its root. So namespaces are told apart by the link where there is one, else by
 * the number of the first mount, which is the machine's only one; and what cannot be opened is known
 * all the same.
 */
#include "config.h"

#include "vssd/mounts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

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
	g_clear_pointer(&mounts->views, g_hash_table_unref);
	g_ptr_array_unref(mounts->supers);
	g_clear_pointer(&mounts->by_device, g_hash_table_unref);
	g_free(mounts);
}

/* The place of the superblock of @fs, which is made where it is new. */
static guint super_of(VssMounts *mounts, struct libmnt_fs *fs)
{
	const char *source = mnt_fs_get_source(fs), *options = mnt_fs_get_fs_options(fs);
	guint64 dev = mnt_fs_get_devno(fs);
	gpointer place;
	VssSuper *super;

	if (g_hash_table_lookup_extended(mounts->by_device, &dev, NULL, &place))
		return GPOINTER_TO_UINT(place);
	super = g_new0(VssSuper, 1);
	super->dev = dev;
	super->type = g_strdup(mnt_fs_get_fstype(fs));
	super->source = g_strdup(source ? source : "none");
	super->options = g_strdup(options ? options : "");
	super->kind = vss_type_of(super->type, major(dev) != 0);
	super->read_only = mnt_optstr_get_option(super->options, "ro", NULL, NULL) == 0;
	super->mounts = g_ptr_array_new_with_free_func(mount_free);
	super->below = g_array_new(FALSE, FALSE, sizeof(guint));
	place = GUINT_TO_POINTER(mounts->supers->len);
	g_hash_table_insert(mounts->by_device, g_memdup2(&dev, sizeof(dev)), place);
	g_ptr_array_add(mounts->supers, super);
	return GPOINTER_TO_UINT(place);
}

gboolean vss_path_below(const char *path, const char *dir)
{
	gsize len = strlen(dir);

	while (len > 0 && dir[len - 1] == '/')
		len--;
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* --- which places can be reached --- */

/*
 * Whoever has a mount namespace of his own fills its table as he likes, and a look must not take long for
 * that: each mount is found by a search in an order, and each way up is walked once.
 */
typedef struct Node Node;
struct Node {
	VssMount *mount;
	Node *parent; /* NULL: it has none in this table, or is its own */
	gboolean shadowed; /* another mount on the parent takes the way to it */
	gboolean walked;
	gboolean hidden, risky; /* what is above it makes it so */
};

static gint by_id(gconstpointer a, gconstpointer b)
{
	const Node *left = *(Node *const *)a, *right = *(Node *const *)b;

	return (left->mount->id > right->mount->id) - (left->mount->id < right->mount->id);
}

/* Such that what is below a directory comes right behind it: "/a", "/a/b", "/a-b". */
static gint compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == '\0' || *b == '\0')
		return (*a != '\0') - (*b != '\0');
	if (*a == '/' || *b == '/')
		return (*b == '/') - (*a == '/');
	return (guchar)*a - (guchar)*b;
}

static gint compare_places(int parent, const char *target, const VssMount *mount)
{
	if (parent != mount->parent)
		return parent < mount->parent ? -1 : 1;
	return compare_paths(target, mount->target);
}

static gint by_place(gconstpointer a, gconstpointer b)
{
	const Node *left = *(Node *const *)a, *right = *(Node *const *)b;

	return compare_places(left->mount->parent, left->mount->target, right->mount);
}

static Node *node_at(const GPtrArray *nodes, guint i)
{
	return (Node *)g_ptr_array_index(nodes, i);
}

/* @ids is in the order of by_id(). */
static Node *find_parent(const GPtrArray *ids, const VssMount *mount)
{
	guint low = 0, high = ids->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (node_at(ids, middle)->mount->id < mount->parent)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == ids->len || node_at(ids, low)->mount->id != mount->parent ||
		node_at(ids, low)->mount == mount)
		return NULL;
	return node_at(ids, low);
}

/* Whether another mount is on the root of @mount. @places is in the order of by_place(). */
static gboolean is_covered(const GPtrArray *places, const VssMount *mount)
{
	guint low = 0, high = places->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (compare_places(mount->id, mount->target, node_at(places, middle)->mount) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < places->len; low++) {
		const VssMount *other = node_at(places, low)->mount;

		if (compare_places(mount->id, mount->target, other) != 0)
			return FALSE;
		if (other != mount)
			return TRUE;
	}
	return FALSE;
}

/*
 * Those with another mount of the same parent on a directory above theirs; one that is its own parent is
 * on nothing. @places is in the order of by_place().
 */
static void find_shadowed(const GPtrArray *places)
{
	const VssMount *top = NULL; /* the last one that nothing is above: all below it follow */

	for (guint i = 0; i < places->len; i++) {
		Node *node = node_at(places, i);
		const VssMount *mount = node->mount;

		if (mount->id == mount->parent)
			continue;
		if (!top || top->parent != mount->parent ||
			!vss_path_below(mount->target, top->target))
			top = mount;
		node->shadowed = compare_paths(top->target, mount->target) != 0;
	}
}

/* From the last one that is known down to @node; a table that is a circle ends where it began. */
static void walk_way(const VssMounts *mounts, Node *node, GPtrArray *way)
{
	for (Node *at = node; at && !at->walked; at = at->parent) {
		at->walked = TRUE;
		g_ptr_array_add(way, at);
	}
	while (way->len > 0) {
		Node *at = g_ptr_array_steal_index(way, way->len - 1);
		const Node *parent = at->parent;

		if (!parent)
			continue;
		at->hidden = parent->hidden || at->shadowed;
		at->risky = parent->risky ||
			    vss_type_may_hang(vss_mounts_super(mounts, parent->mount->super)->kind);
	}
}

/* Whoever has it in a view of his own can move it so deep that no path leads to it any more. */
static gboolean is_too_long(const VssMount *mount)
{
	return strlen(mount->target) >= PATH_MAX;
}

static void judge_all(const VssMounts *mounts, const GPtrArray *table)
{
	g_autofree Node *nodes = g_new0(Node, MAX(table->len, 1));
	g_autoptr(GPtrArray) ids = g_ptr_array_new(), places = g_ptr_array_new();
	g_autoptr(GPtrArray) way = g_ptr_array_new();

	for (guint i = 0; i < table->len; i++) {
		nodes[i].mount = (VssMount *)g_ptr_array_index(table, i);
		g_ptr_array_add(ids, &nodes[i]);
		g_ptr_array_add(places, &nodes[i]);
	}
	g_ptr_array_sort(ids, by_id);
	g_ptr_array_sort(places, by_place);
	find_shadowed(places);
	for (guint i = 0; i < table->len; i++)
		nodes[i].parent = find_parent(ids, nodes[i].mount);
	for (guint i = 0; i < table->len; i++) {
		walk_way(mounts, &nodes[i], way);
		nodes[i].mount->hidden = nodes[i].hidden || is_covered(places, nodes[i].mount) ||
					 is_too_long(nodes[i].mount);
		nodes[i].mount->risky = nodes[i].risky;
	}
}

/* --- tables --- */

static gboolean add_table(
	VssMounts *mounts, const char *path, pid_t pid, gboolean barred, GError **error)
{
	g_autoptr(MountTable) table = mnt_new_table();
	g_autoptr(MountIter) iter = mnt_new_iter(MNT_ITER_FORWARD);
	g_autoptr(GPtrArray) seen = g_ptr_array_new();
	struct libmnt_fs *fs;
	int rc = mnt_table_parse_file(table, path);

	if (rc != 0)
		return hvis_fail_errno(error, rc < 0 ? -rc : EBADMSG, "read %s", path);
	while (mnt_table_next_fs(table, iter, &fs) == 0) {
		const char *options = mnt_fs_get_vfs_options(fs);
		VssMount *mount;

		if (!mnt_fs_get_target(fs) || !mnt_fs_get_fstype(fs))
			continue;
		mount = g_new0(VssMount, 1);
		mount->id = mnt_fs_get_id(fs);
		mount->parent = mnt_fs_get_parent_id(fs);
		mount->pid = pid;
		mount->barred = barred;
		mount->read_only = options && mnt_optstr_get_option(options, "ro", NULL, NULL) == 0;
		mount->target = g_strdup(mnt_fs_get_target(fs));
		mount->root = g_strdup(mnt_fs_get_root(fs));
		mount->super = super_of(mounts, fs);
		g_ptr_array_add(vss_mounts_super(mounts, mount->super)->mounts, mount);
		g_ptr_array_add(seen, mount);
	}
	judge_all(mounts, seen);
	g_hash_table_insert(mounts->views, GINT_TO_POINTER(pid), g_steal_pointer(&seen));
	return TRUE;
}

static gint better(gconstpointer a, gconstpointer b)
{
	const VssMount *left = *(VssMount *const *)a, *right = *(VssMount *const *)b;

	if (left->barred != right->barred && !left->hidden && !right->hidden)
		return left->barred - right->barred;
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

int vss_mounts_enter(const char *proc, const char *process)
{
	g_autofree char *root = g_build_filename(proc, process, "root", NULL);
	char first;

	/* To open it is to ask the server that it may be on whether it is still there. */
	return readlink(root, &first, 1) < 0 ? errno : 0;
}

/* A process without a root has ended: what is in its way will be seen later. */
static gboolean is_barred(const char *proc, const char *process)
{
	int err = vss_mounts_enter(proc, process);

	return err != 0 && err != ENOENT && err != ESRCH;
}

/* The number of the first mount in the table at @path; an errno, EAGAIN where it has none. */
static int first_mount(const char *path, int *ret_id)
{
	FILE *table = fopen(path, "re");
	int err = 0;

	if (!table)
		return errno;
	errno = 0;
	if (fscanf(table, "%d", ret_id) != 1)
		err = errno != 0 ? errno : EAGAIN;
	fclose(table);
	return err;
}

/*
 * What @process's namespace is known by, or NULL: "mnt:[4026531841]", or "mount 25" where the former
 * may not be read. @ret_err: why it is NULL.
 */
static char *space_of(const char *proc, const char *process, gboolean by_link, int *ret_err)
{
	g_autofree char *link = g_build_filename(proc, process, "ns", "mnt", NULL);
	g_autofree char *path = g_build_filename(proc, process, "mountinfo", NULL);
	char *name = by_link ? g_file_read_link(link, NULL) : NULL;
	int id;

	*ret_err = 0;
	if (name)
		return name;
	*ret_err = first_mount(path, &id);
	return *ret_err == 0 ? g_strdup_printf("mount %d", id) : NULL;
}

/* Both names of @process's namespace are known from here on. */
static void remember(GHashTable *spaces, const char *proc, const char *process)
{
	for (int by_link = 0; by_link < 2; by_link++) {
		int err;
		char *name = space_of(proc, process, by_link, &err);

		if (name)
			g_hash_table_add(spaces, name);
	}
}

/* A process that has ended, or is about to, has no table, and an empty one has nothing to tell. */
static gboolean is_unseen(int err)
{
	return err != ENOENT && err != ESRCH && err != EINVAL && err != EAGAIN;
}

/* The table of process @pid; NULL where it was not read. */
static GPtrArray *view_of(const VssMounts *mounts, pid_t pid)
{
	return g_hash_table_lookup(mounts->views, GINT_TO_POINTER(pid));
}

static void add_other(VssMounts *mounts, const char *proc, const char *process, GHashTable *spaces)
{
	g_autofree char *path = g_build_filename(proc, process, "mountinfo", NULL);
	int err, pid = atoi(process);
	g_autofree char *space = space_of(proc, process, TRUE, &err);

	if (!space) {
		mounts->unseen += is_unseen(err);
		return;
	}
	if (g_hash_table_contains(spaces, space))
		return;
	if (mounts->n_others >= VSS_MOUNTS_OTHERS_MAX) {
		mounts->unseen++;
		return;
	}
	if (!add_table(mounts, path, pid, is_barred(proc, process), NULL))
		return;
	mounts->n_others += view_of(mounts, pid)->len;
	remember(spaces, proc, process);
}

static gboolean is_pid(const char *name)
{
	return *name != '\0' && strspn(name, "0123456789") == strlen(name);
}

static void sort_places(VssMounts *mounts)
{
	for (guint i = 0; i < mounts->supers->len; i++)
		g_ptr_array_sort(vss_mounts_super(mounts, i)->mounts, better);
}

/* @process has the number @pid; its view is never barred, for it is the way in. */
static VssMounts *read_first(const char *proc, const char *process, pid_t pid, GError **error)
{
	g_autofree char *path = g_build_filename(proc, process, "mountinfo", NULL);
	g_autoptr(VssMounts) mounts = g_new0(VssMounts, 1);

	mounts->supers = g_ptr_array_new_with_free_func(super_free);
	mounts->by_device = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	mounts->views = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
	if (!add_table(mounts, path, pid, FALSE, error))
		return NULL;
	return g_steal_pointer(&mounts);
}

VssMounts *vss_mounts_read_view(const char *proc, const char *process, GError **error)
{
	VssMounts *mounts = read_first(proc, process, getpid(), error);

	if (mounts)
		sort_places(mounts);
	return mounts;
}

VssMounts *vss_mounts_read(const char *proc, GError **error)
{
	g_autoptr(GHashTable) spaces = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	VssMounts *mounts = read_first(proc, "1", 1, error);
	g_autoptr(GDir) dir = NULL;
	const char *name;

	if (!mounts)
		return NULL;
	remember(spaces, proc, "1");
	dir = g_dir_open(proc, 0, NULL);
	while (dir && (name = g_dir_read_name(dir)))
		if (is_pid(name))
			add_other(mounts, proc, name, spaces);
	sort_places(mounts);
	return mounts;
}

gboolean vss_super_in_view(const VssSuper *super)
{
	for (guint i = 0; i < super->mounts->len; i++)
		if (((const VssMount *)g_ptr_array_index(super->mounts, i))->pid == 1)
			return TRUE;
	return FALSE;
}

int vss_mounts_find(const VssMounts *mounts, pid_t pid, const char *path, int except)
{
	const GPtrArray *view = view_of(mounts, pid);
	gsize longest = 0;
	int found = -1;

	for (guint i = 0; view && i < view->len; i++) {
		const VssMount *mount = (const VssMount *)g_ptr_array_index(view, i);

		if ((int)mount->super == except || mount->hidden ||
			!vss_path_below(path, mount->target))
			continue;
		if (found < 0 || strlen(mount->target) > longest) {
			found = (int)mount->super;
			longest = strlen(mount->target);
		}
	}
	return found;
}
