/* SPDX-License-Identifier: GPL-2.0-only */
/* The walk to a directory, and what may be at its end. */
#include "config.h"

#include "fcopyd/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <util/error.h>
#include <util/fd.h>
#include <util/output.h>

#include "fcopyd/mount.h"

/* A directory that was made: to be synced, or removed again. */
typedef struct {
	int parent;
	char *name;
	dev_t dev;
	ino_t ino;
} Made;

/* A directory or file that Deny= names. */
typedef struct {
	dev_t dev;
	ino_t ino;
	char *inside; /* of its file system; NULL = nothing tells */
	const char *pattern;
} Denied;

/* One look for a place. */
typedef struct {
	int root;
	const FcopyPolicy *policy;
	const FcopyWanted *wanted;
	FcopyPlace *place;
	char *shown; /* the path for messages */
	char **rest; /* components that are left, the file's not among them */
	GArray *denied; /* of Denied */
} Walk;

static void made_free(gpointer data)
{
	Made *made = data;

	hvis_fd_clear(&made->parent);
	g_free(made->name);
	g_free(made);
}

void fcopy_place_clear(FcopyPlace *place)
{
	hvis_fd_clear(&place->dir);
	g_free(place->name);
	g_free(place->target);
	g_free(place->base);
	g_free(place->below);
	g_clear_pointer(&place->made, g_ptr_array_unref);
	*place = (FcopyPlace)FCOPY_PLACE_INIT;
}

gboolean fcopy_place_fail(int dir, const char *place, int err, const char *what, GError **error)
{
	g_autofree char *shown = output_escape(place);
	g_autofree char *why = NULL;

	if (err == EROFS || err == EACCES || err == EPERM)
		why = fcopy_mount_explain(dir);
	if (why)
		return hvis_fail(error, HVIS_ERROR_PERMISSION, "%s: %s: %s", shown, what, why);
	return hvis_fail_errno(error, err, "%s: %s", shown, what);
}

/* --- words --- */

static gboolean is_component(const char *name)
{
	return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* "/a//b" to { "a", "b" }; NULL and @error where a component is none. */
static char **split_path(const char *path, const char *shown, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	g_autoptr(GPtrArray) taken = g_ptr_array_new_with_free_func(g_free);

	for (char **part = parts; *part; part++) {
		if (!**part)
			continue;
		if (!is_component(*part)) {
			hvis_fail(error, HVIS_ERROR_INVALID, "%s: \".\" and \"..\" are not taken",
				shown);
			return NULL;
		}
		g_ptr_array_add(taken, g_strdup(*part));
	}
	g_ptr_array_add(taken, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&taken), FALSE);
}

static char *join(const char *directory, const char *name)
{
	const char *slash = g_str_has_suffix(directory, "/") || !directory[0] ? "" : "/";

	return g_strconcat(directory, slash, name, NULL);
}

/* --- Deny= --- */

static gboolean fail_denied(const Walk *w, const char *what, GError **error)
{
	return hvis_fail(error, HVIS_ERROR_PERMISSION, "%s: denied by Deny=%s", w->shown, what);
}

static void denied_clear(gpointer data)
{
	Denied *denied = data;

	g_free(denied->inside);
}

/* Directories and files of Deny= by what they are; what else they may be called does not matter then. */
static void find_denied(Walk *w)
{
	w->denied = g_array_new(FALSE, FALSE, sizeof(Denied));
	g_array_set_clear_func(w->denied, denied_clear);
	for (char **pattern = w->policy->deny; *pattern; pattern++) {
		const char *below = (*pattern)[1] ? *pattern + 1 : ".";
		hvis_autofd int fd = -1;
		struct stat st;

		if (strpbrk(*pattern, "*?[\\"))
			continue;
		/* first as a directory: so what is mounted on demand is */
		fd = openat(w->root, below, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno == ENOTDIR)
			fd = openat(w->root, below, O_PATH | O_CLOEXEC);
		if (fd >= 0 && fstat(fd, &st) == 0) {
			const Denied denied = { st.st_dev, st.st_ino, fcopy_mount_inside(fd),
				*pattern };

			g_array_append_val(w->denied, denied);
		}
	}
}

static gboolean check_is_other(const Walk *w, const struct stat *st, GError **error)
{
	for (guint i = 0; i < w->denied->len; i++) {
		const Denied *denied = &g_array_index(w->denied, Denied, i);

		if (denied->dev == st->st_dev && denied->ino == st->st_ino)
			return fail_denied(w, denied->pattern, error);
	}
	return TRUE;
}

static gboolean check_identity(const Walk *w, int dir, GError **error)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return hvis_fail_errno(error, errno, "%s: look at a directory", w->shown);
	return check_is_other(w, &st, error);
}

/* The file that is to be replaced, if there is one. */
static gboolean check_former(const Walk *w, GError **error)
{
	const FcopyPlace *place = w->place;
	struct stat st;

	return fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	       check_is_other(w, &st, error);
}

/* The directory of Allow= may be a link into one of Deny=: all that are really above it. */
static gboolean check_above(const Walk *w, int base, GError **error)
{
	hvis_autofd int at = openat(base, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat was = { 0 }, is;

	if (w->denied->len == 0)
		return TRUE;
	for (;;) {
		int up;

		if (at < 0 || fstat(at, &is) < 0)
			return hvis_fail_errno(error, errno, "%s: look at what is above", w->shown);
		if (is.st_dev == was.st_dev && is.st_ino == was.st_ino)
			return TRUE;
		if (!check_identity(w, at, error))
			return FALSE;
		was = is;
		up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		hvis_fd_clear(&at);
		at = up;
	}
}

/* --- the place to write in --- */

/* Where @dir really is, as seen from @root; NULL where nothing tells. */
static char *real_path(int root, int dir)
{
	g_autofree char *of_root = fcopy_mount_path(root);
	g_autofree char *path = fcopy_mount_path(dir);
	gsize len;

	if (!of_root || !path)
		return NULL;
	len = strcmp(of_root, "/") == 0 ? 0 : strlen(of_root);
	if (strncmp(path, of_root, len) != 0 || (path[len] != '/' && path[len]))
		return NULL;
	return g_strdup(path[len] ? path + len : "/");
}

/* A mount of what is below one of Deny= has none of its directories above it: the file system tells. */
static gboolean check_inside(const Walk *w, GError **error)
{
	g_autofree char *inside = NULL;

	if (w->denied->len == 0)
		return TRUE;
	inside = fcopy_mount_inside(w->place->dir);
	for (guint i = 0; inside && i < w->denied->len; i++) {
		const Denied *denied = &g_array_index(w->denied, Denied, i);

		if (denied->inside && fcopy_mount_is_in(denied->inside, inside))
			return fail_denied(w, denied->pattern, error);
	}
	return TRUE;
}

/* In the place's directory as it is now something is to be made: @below, which may have slashes. */
static gboolean check_spot(const Walk *w, const char *below, GError **error)
{
	g_autofree char *real = real_path(w->root, w->place->dir);
	g_autofree char *whole = real ? join(real, below) : NULL;
	const char *pattern = whole ? fcopy_policy_denied(w->policy, whole) : NULL;
	const char *kind = fcopy_mount_pseudo(w->root, w->place->dir);

	if (pattern)
		return fail_denied(w, pattern, error);
	if (!check_inside(w, error))
		return FALSE;
	return !kind ||
	       hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
		       "%s: there are no files in a file system of type %s", w->shown, kind);
}

/* Of a directory just made: by us, and nothing in it. Somebody may have put another one there meanwhile. */
static gboolean is_fresh(int fd, const struct stat *st)
{
	const struct dirent *entry;
	guint n = 0;
	DIR *list;

	if (st->st_uid != geteuid())
		return FALSE;
	list = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 3));
	while (list && n < 3 && (entry = readdir(list)))
		n++;
	if (list)
		closedir(list);
	return n == 2; /* "." and ".." */
}

static void dress(const FcopyPolicy *policy, int parent, const char *name)
{
	hvis_autofd int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !is_fresh(fd, &st))
		return;
	/* vfat has neither: as they are, then */
	if ((st.st_uid != policy->uid || st.st_gid != policy->gid) &&
		fchown(fd, policy->uid, policy->gid) < 0)
		g_debug("owner of a new directory: %s", g_strerror(errno));
	if ((st.st_mode & 07777) != policy->directory_mode &&
		fchmod(fd, policy->directory_mode) < 0)
		g_debug("mode of a new directory: %s", g_strerror(errno));
}

static gboolean make_directory(Walk *w, char **part, GError **error)
{
	FcopyPlace *place = w->place;
	g_autofree char *directories = g_strjoinv("/", part);
	g_autofree char *below = join(directories, place->name ? place->name : "");
	struct stat st;
	Made *made;

	if (!check_spot(w, below, error))
		return FALSE;
	if (mkdirat(place->dir, *part, w->policy->directory_mode) < 0)
		return errno == EEXIST || fcopy_place_fail(place->dir, w->wanted->path, errno,
						  "make a directory", error);
	dress(w->policy, place->dir, *part);
	if (fstatat(place->dir, *part, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return hvis_fail_errno(error, errno, "%s: look at a new directory", w->shown);
	made = g_new(Made, 1);
	*made = (Made){ .parent = fcntl(place->dir, F_DUPFD_CLOEXEC, 3),
		.name = g_strdup(*part),
		.dev = st.st_dev,
		.ino = st.st_ino };
	g_ptr_array_add(place->made, made);
	return TRUE;
}

/* --- the walk --- */

static int open_component(int dir, const char *name)
{
	return openat(dir, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
}

static gboolean fail_component(int dir, const char *name, int err, const char *path, GError **error)
{
	g_autofree char *shown = output_escape(path), *part = output_escape(name);
	struct stat st;

	if (err == ENOENT)
		return hvis_fail(
			error, HVIS_ERROR_NOT_FOUND, "%s: there is no directory %s", shown, part);
	if ((err == ENOTDIR || err == ELOOP) && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISLNK(st.st_mode))
		return hvis_fail(error, HVIS_ERROR_PERMISSION,
			"%s: %s is a symbolic link, and those are not followed", shown, part);
	if (err == ENOTDIR)
		return hvis_fail(
			error, HVIS_ERROR_NOT_FOUND, "%s: %s is not a directory", shown, part);
	return hvis_fail_errno(error, err, "%s: open %s", shown, part);
}

static int open_base(int root, const char *base, const char *path, GError **error)
{
	int fd = openat(root, base[1] ? base + 1 : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		g_autofree char *shown = output_escape(path);

		hvis_fail_errno(error, errno, "%s: open %s, which Allow= names", shown, base);
	}
	return fd;
}

/* @part is the next of the components. */
static gboolean enter(Walk *w, char **part, GError **error)
{
	FcopyPlace *place = w->place;
	int fd = open_component(place->dir, *part);

	if (fd < 0 && errno == ENOENT && w->wanted->create_path) {
		if (!make_directory(w, part, error))
			return FALSE;
		fd = open_component(place->dir, *part);
	}
	if (fd < 0)
		return fail_component(place->dir, *part, errno, w->wanted->path, error);
	hvis_fd_clear(&place->dir);
	place->dir = fd;
	return check_identity(w, fd, error);
}

int fcopy_place_open(int root, const char *base, const char *below, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(below, "/", -1);
	hvis_autofd int dir = open_base(root, base, base, error);

	for (char **part = parts; dir >= 0 && *part; part++) {
		int fd;

		if (!**part)
			continue;
		fd = open_component(dir, *part);
		if (fd < 0)
			fail_component(dir, *part, errno, below, error);
		hvis_fd_clear(&dir);
		dir = fd;
	}
	return hvis_fd_steal(&dir);
}

/* --- what is there --- */

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFLNK:
		return "a symbolic link";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFBLK:
	case S_IFCHR:
		return "a device";
	}
	return "no regular file";
}

static gboolean check_replaceable(const struct statx *st, const char *shown, GError **error)
{
	if (!S_ISREG(st->stx_mode))
		return hvis_fail(error, HVIS_ERROR_PERMISSION, "%s: is %s, and not replaced", shown,
			kind_of(st->stx_mode));
	if (st->stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND))
		return hvis_fail(error, HVIS_ERROR_PERMISSION,
			"%s: is %s (chattr), and not replaced", shown,
			st->stx_attributes & STATX_ATTR_IMMUTABLE ? "immutable" : "append-only");
	if (st->stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return hvis_fail(error, HVIS_ERROR_PERMISSION,
			"%s: is a mount point, and not replaced", shown);
	return TRUE;
}

gboolean fcopy_place_check(const FcopyPlace *place, gboolean overwrite, GError **error)
{
	g_autofree char *shown = output_escape(place->target);
	struct statx st;

	if (statx(place->dir, place->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		    STATX_TYPE | STATX_MODE, &st) < 0)
		return errno == ENOENT || hvis_fail_errno(error, errno, "%s", shown);
	if (overwrite)
		return check_replaceable(&st, shown, error);
	if (S_ISREG(st.stx_mode))
		return hvis_fail(error, HVIS_ERROR_EXISTS, "%s: is there already", shown);
	return hvis_fail(error, HVIS_ERROR_EXISTS, "%s: is there already, and is %s", shown,
		kind_of(st.stx_mode));
}

/* A directory that is immutable (chattr) would say so only when the file gets its name. */
static gboolean check_directory(const Walk *w, GError **error)
{
	struct statx st;

	if (statx(w->place->dir, "", AT_EMPTY_PATH, STATX_TYPE, &st) < 0)
		return hvis_fail_errno(error, errno, "%s: look at its directory", w->shown);
	if (st.stx_attributes & STATX_ATTR_IMMUTABLE)
		return hvis_fail(error, HVIS_ERROR_PERMISSION,
			"%s: its directory is immutable (chattr)", w->shown);
	if (st.stx_attributes & STATX_ATTR_APPEND && w->wanted->overwrite)
		return hvis_fail(error, HVIS_ERROR_PERMISSION,
			"%s: its directory is append-only (chattr), nothing is replaced there",
			w->shown);
	return TRUE;
}

/* --- the door --- */

static gboolean has_directory(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static gboolean fail_not_allowed(const Walk *w, GError **error)
{
	g_autofree char *all = g_strjoinv(" ", w->policy->allow);

	return hvis_fail(
		error, HVIS_ERROR_PERMISSION, "%s: not in a directory of Allow=%s", w->shown, all);
}

/*
 * Into the directories of @parts, of which the last is perhaps the file. The file's name is known before anything is
 * made, for Deny= may be meant for it.
 */
static gboolean walk(Walk *w, char **parts, gboolean last_is_directory, GError **error)
{
	FcopyPlace *place = w->place;
	guint n = g_strv_length(parts);
	g_autofree char *last = NULL;

	if (!last_is_directory) {
		last = g_steal_pointer(&parts[n - 1]);
		place->name = g_strdup(last);
	} else {
		place->name = g_strdup(w->wanted->name);
	}
	for (char **part = parts; *part; part++) {
		if (!enter(w, part, error))
			return FALSE;
	}
	if (last && has_directory(place->dir, last)) {
		char *one[] = { last, NULL };

		g_free(place->name);
		place->name = g_strdup(w->wanted->name);
		if (!enter(w, one, error))
			return FALSE;
		last_is_directory = TRUE;
	}
	if (!is_component(place->name))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s: the file has no name", w->shown);
	g_free(place->below);
	place->below = g_strjoinv("/", parts);
	if (last && last_is_directory) {
		g_autofree char *above = place->below;

		place->below = join(above, last);
	}
	return TRUE;
}

static gboolean check_words(const FcopyWanted *wanted, const char *shown, GError **error)
{
	if (wanted->path[0] != '/')
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s: not an absolute path",
			wanted->path[0] ? shown : "no path");
	if (wanted->name[0] && !is_component(wanted->name)) {
		g_autofree char *name = output_escape(wanted->name);

		return hvis_fail(error, HVIS_ERROR_INVALID, "%s: not a name of a file", name);
	}
	if (strlen(wanted->path) + strlen(wanted->name) + 2 > PATH_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s: too long", shown);
	return TRUE;
}

/* The whole path as it is spelled, before the disk is looked at; what Deny= has against it. */
static gboolean check_spelled(
	const Walk *w, const char *path, gboolean is_directory, GError **error)
{
	g_autofree char *whole = is_directory ? join(path, w->wanted->name) : g_strdup(path);
	const char *pattern = fcopy_policy_denied(w->policy, whole);

	return !pattern || fail_denied(w, pattern, error);
}

static guint depth_of(const char *base)
{
	guint depth = 0;

	for (const char *at = base; at[0] && at[1]; at++)
		depth += at[0] == '/';
	return depth;
}

static void set_target(FcopyPlace *place)
{
	g_autofree char *directory = join(place->base, place->below);

	place->target = join(directory, place->name);
}

static gboolean find(Walk *w, GError **error)
{
	FcopyPlace *place = w->place;
	g_auto(GStrv) parts = split_path(w->wanted->path, w->shown, error);
	g_autofree char *joined = parts ? g_strjoinv("/", parts) : NULL;
	g_autofree char *clean = g_strconcat("/", joined, NULL);
	gboolean is_directory = g_str_has_suffix(w->wanted->path, "/");
	const char *base;

	if (!parts)
		return FALSE;
	base = fcopy_policy_allowed(w->policy, clean);
	if (!base)
		return fail_not_allowed(w, error);
	is_directory = is_directory || strcmp(base, clean) == 0;
	if (!check_spelled(w, clean, is_directory, error))
		return FALSE;
	place->base = g_strdup(base);
	place->dir = open_base(w->root, base, w->wanted->path, error);
	if (place->dir < 0)
		return FALSE;
	find_denied(w);
	if (!check_above(w, place->dir, error) ||
		!walk(w, parts + depth_of(base), is_directory, error) ||
		!check_spot(w, place->name, error) || !check_directory(w, error))
		return FALSE;
	set_target(place);
	return check_spelled(w, place->target, FALSE, error) && check_former(w, error) &&
	       fcopy_place_check(place, w->wanted->overwrite, error);
}

gboolean fcopy_place_find(int root, const FcopyPolicy *policy, const FcopyWanted *wanted,
	FcopyPlace *ret, GError **error)
{
	g_auto(FcopyPlace) place = FCOPY_PLACE_INIT;
	g_autofree char *shown = output_escape(wanted->path);
	Walk w = {
		.root = root, .policy = policy, .wanted = wanted, .place = &place, .shown = shown
	};
	gboolean found;

	if (!check_words(wanted, shown, error))
		return FALSE;
	place.made = g_ptr_array_new_with_free_func(made_free);
	found = find(&w, error);
	g_clear_pointer(&w.denied, g_array_unref);
	if (!found) {
		fcopy_place_undo(&place);
		return FALSE;
	}
	*ret = place;
	place = (FcopyPlace)FCOPY_PLACE_INIT;
	return TRUE;
}

/* --- directories on the disk --- */

static int sync_directory(int dir)
{
	hvis_autofd int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* some file systems cannot sync a directory and say so by EINVAL: nothing is lost there */
	return fd >= 0 && (fsync(fd) == 0 || errno == EINVAL) ? 0 : errno;
}

gboolean fcopy_place_sync(const FcopyPlace *place, GError **error)
{
	int err = sync_directory(place->dir);

	for (guint i = 0; err == 0 && i < place->made->len; i++) {
		const Made *made = (const Made *)g_ptr_array_index(place->made, i);

		err = sync_directory(made->parent);
	}
	return err == 0 ||
	       fcopy_place_fail(place->dir, place->target, err, "sync its directory", error);
}

void fcopy_place_undo(FcopyPlace *place)
{
	while (place->made && place->made->len > 0) {
		guint last = place->made->len - 1;
		const Made *made = (const Made *)g_ptr_array_index(place->made, last);
		struct stat st;

		if (fstatat(made->parent, made->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			st.st_dev == made->dev && st.st_ino == made->ino)
			unlinkat(made->parent, made->name, AT_REMOVEDIR);
		g_ptr_array_set_size(place->made, (gint)last);
	}
}
