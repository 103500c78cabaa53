/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One inotify queue. The directory tells of names that come and go, each file of what is done to it
 * whatever name it was opened by. Where the directory is missing, the nearest one above it that
 * exists is watched. Two open files of the mount table: poll(2) tells of a change once per open
 * file, and the main loop must not take it away from who asks in between. The other way round, who asks
 * takes events from the queue, and wakes the main loop for them.
 *
 * Paths are resolved without the lock: that may take for ever on a dead file system, and the main
 * thread asks for generations. What happens meanwhile to what is not known yet makes the attempt void.
 */
#include "config.h"

#include "kvpd/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <hvis/kvp.h>
#include <util/fd.h>
#include <util/shortage.h>

#define DIR_EVENTS                                                                                 \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |        \
		IN_MOVE_SELF)
#define FILE_EVENTS (IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
#define TRIES 3
#define MOUNT_TABLE "/proc/self/mountinfo"
#define SMB2_MAGIC 0xfe534d42
#define CIFS_MAGIC 0xff534d42
#define FUSE_MAGIC 0x65735546
#define CEPH_MAGIC 0x00c36400

typedef struct {
	guint64 generation;
	int wd; /* of the file; -1 = none */
	gboolean is_armed; /* nothing that happens to it goes unseen */
	gboolean is_ours; /* what is written now */
} Watched;

struct KvpWatch {
	gatomicrefcount refs;
	char *dir;
	GMutex arming; /* one attempt at a time; before the lock, and held while a disk is waited for */
	GMutex lock; /* of all that follows */
	guint64 surprises; /* grows with what an attempt under way has to know of */
	int inotify; /* -1 = cannot be had; once had it stays */
	int mounts; /* -1 = no mount table */
	int dir_wd; /* of the directory or of one above it; -1 = none */
	guint64 names; /* grows when one in it may have come or gone */
	guint64 no_journal; /* what that was when there was none; 0 = who knows */
	gboolean is_above, is_remote;
	Watched pools[HVIS_KVP_POOL_N];

	int loop_mounts; /* the main loop's own */
	int wake; /* tells it of what others have taken from the queue */
	guint sources[3];
	void (*changed)(gpointer data);
	gpointer data;
};

/* Without a descriptor for it there is none yet; who asks later may get one. */
static gboolean have_queue(KvpWatch *watch)
{
	if (watch->inotify < 0)
		watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->inotify >= 0 && watch->mounts < 0)
		watch->mounts = open(MOUNT_TABLE, O_RDONLY | O_CLOEXEC);
	if (watch->inotify < 0 || watch->mounts < 0)
		hvis_shortage_note(errno);
	return watch->inotify >= 0 && watch->mounts >= 0;
}

KvpWatch *kvp_watch_new(const char *dir)
{
	KvpWatch *watch = g_new0(KvpWatch, 1);

	g_atomic_ref_count_init(&watch->refs);
	g_mutex_init(&watch->arming);
	g_mutex_init(&watch->lock);
	watch->dir = g_strdup(dir);
	watch->inotify = watch->mounts = -1;
	have_queue(watch);
	watch->loop_mounts = -1;
	watch->wake = -1;
	watch->dir_wd = -1;
	watch->names = 1;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		watch->pools[i] = (Watched){ .generation = 1, .wd = -1 };
	return watch;
}

KvpWatch *kvp_watch_ref(KvpWatch *watch)
{
	g_atomic_ref_count_inc(&watch->refs);
	return watch;
}

void kvp_watch_unref(KvpWatch *watch)
{
	if (!watch || !g_atomic_ref_count_dec(&watch->refs))
		return;
	hvis_fd_clear(&watch->inotify);
	hvis_fd_clear(&watch->mounts);
	g_mutex_clear(&watch->lock);
	g_mutex_clear(&watch->arming);
	g_free(watch->dir);
	g_free(watch);
}

/* --- events; all of these with the lock --- */

static void doubt(KvpWatch *watch, Watched *pool)
{
	watch->surprises++;
	pool->generation++;
	pool->is_armed = FALSE;
}

static void doubt_all(KvpWatch *watch)
{
	watch->names++;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		doubt(watch, &watch->pools[i]);
}

static void forget_dir(KvpWatch *watch)
{
	if (watch->dir_wd >= 0)
		inotify_rm_watch(watch->inotify, watch->dir_wd);
	watch->dir_wd = -1;
	doubt_all(watch);
}

static void take_dir_event(KvpWatch *watch, const struct inotify_event *event)
{
	static const char prefix[] = ".kvp_pool_";
	guint number;

	if (watch->is_above || (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED))) {
		forget_dir(watch);
		return;
	}
	/* A file's own events come by its own watch. */
	if (event->len == 0 || (event->mask & IN_ATTRIB))
		return;
	watch->names++;
	if (!g_str_has_prefix(event->name, prefix))
		return;
	number = (guint)(event->name[sizeof(prefix) - 1] - '0');
	if (number < HVIS_KVP_POOL_N)
		doubt(watch, &watch->pools[number]);
}

static void take_event(KvpWatch *watch, const struct inotify_event *event)
{
	gboolean is_known = event->wd == watch->dir_wd;

	if (event->mask & IN_Q_OVERFLOW) {
		doubt_all(watch);
		return;
	}
	if (event->wd == watch->dir_wd)
		take_dir_event(watch, event);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		Watched *pool = &watch->pools[i];

		is_known = is_known || pool->wd == event->wd;
		if (pool->wd != event->wd || (pool->is_ours && event->mask == IN_MODIFY))
			continue;
		if (event->mask & ~(guint32)(IN_MODIFY | IN_ATTRIB))
			doubt(watch, pool);
		pool->generation++;
		if (event->mask & IN_IGNORED)
			pool->wd = -1;
	}
	if (!is_known) /* of something that an attempt is adding */
		watch->surprises++;
}

/* All that is queued: what comes with room for another event left was the last. */
static void take_events(KvpWatch *watch)
{
	guint8 buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const ssize_t full = sizeof(buf) - sizeof(struct inotify_event) - NAME_MAX;
	ssize_t n;

	do {
		n = read(watch->inotify, buf, sizeof(buf));
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(buf + at);

			take_event(watch, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	} while (n >= full);
}

static void drain(KvpWatch *watch)
{
	GPollFD fds[2] = { { .fd = watch->inotify, .events = G_IO_IN },
		{ .fd = watch->mounts, .events = G_IO_PRI } };
	gint ready = g_poll(fds, G_N_ELEMENTS(fds), 0);

	if (ready < 0 && errno == EINVAL) /* the limit of descriptors is below two */
		ready = hvis_shortage_select(fds, G_N_ELEMENTS(fds), 0);
	if (ready <= 0)
		return;
	if (watch->wake >= 0 && eventfd_write(watch->wake, 1) < 0)
		g_debug("eventfd: %s", g_strerror(errno));
	if (fds[0].revents & G_IO_IN)
		take_events(watch);
	if (fds[1].revents & (G_IO_PRI | G_IO_ERR))
		forget_dir(watch);
}

/* --- watching --- */

/* Their servers change files without a word to this kernel. */
static gboolean is_remote(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return FALSE;
	switch ((guint32)fs.f_type) {
	case NFS_SUPER_MAGIC:
	case V9FS_MAGIC:
	case SMB2_MAGIC:
	case CIFS_MAGIC:
	case FUSE_MAGIC:
	case CEPH_MAGIC:
		return TRUE;
	}
	return FALSE;
}

/* What is watched now or would be, while the lock is not held. */
typedef struct {
	int dir_wd; /* -1 = none */
	gboolean is_new, is_above, is_remote; /* the directory's */
	int file_wd; /* -1 = there is no file */
} Attempt;

/* The directory, or what is there of the way to it. A missing one is as well known as one. */
static gboolean add_dir(const KvpWatch *watch, Attempt *attempt)
{
	g_autofree char *path = g_strdup(watch->dir);

	attempt->is_new = TRUE;
	for (attempt->is_above = FALSE;; attempt->is_above = TRUE) {
		char *above;

		attempt->dir_wd = inotify_add_watch(watch->inotify, path, DIR_EVENTS | IN_ONLYDIR);
		attempt->is_remote = attempt->dir_wd >= 0 && is_remote(path);
		if (attempt->dir_wd >= 0)
			return TRUE;
		if ((errno != ENOENT && errno != ENOTDIR) || g_str_equal(path, "/") ||
			g_str_equal(path, "."))
			return FALSE;
		above = g_path_get_dirname(path);
		g_free(path);
		path = above;
	}
}

static gboolean reach_dir(const KvpWatch *watch, Attempt *attempt)
{
	for (int i = 0; attempt->dir_wd < 0 && i < TRIES; i++) {
		if (!add_dir(watch, attempt))
			return FALSE;
		if (attempt->is_above && access(watch->dir, F_OK) == 0) { /* made in between */
			inotify_rm_watch(watch->inotify, attempt->dir_wd);
			attempt->dir_wd = -1;
		}
	}
	return attempt->dir_wd >= 0 && !attempt->is_remote;
}

/* No file is as well known as one: its creation will be seen. */
static gboolean reach_file(const KvpWatch *watch, guint number, Attempt *attempt)
{
	g_autofree char *path = g_strdup_printf("%s/.kvp_pool_%u", watch->dir, number);

	attempt->file_wd = inotify_add_watch(watch->inotify, path, FILE_EVENTS | IN_DONT_FOLLOW);
	return attempt->file_wd >= 0 || errno == ENOENT || errno == ENOTDIR;
}

static void keep_file(KvpWatch *watch, guint number, int wd)
{
	int old = watch->pools[number].wd;

	watch->pools[number].wd = wd;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		if (watch->pools[i].wd == old) /* the same, or one file by two names */
			old = -1;
	}
	if (old >= 0)
		inotify_rm_watch(watch->inotify, old);
}

/* With the lock, which it lets go of meanwhile. FALSE: it cannot be watched, or is to be tried again. */
static gboolean try_arm(KvpWatch *watch, guint number, gboolean *ret_again)
{
	Attempt attempt = { .file_wd = -1 };
	guint64 surprises;
	gboolean is_reached;

	drain(watch); /* with what the attempt before has left */
	surprises = watch->surprises;
	attempt.dir_wd = watch->dir_wd;
	attempt.is_remote = watch->is_remote;
	g_mutex_unlock(&watch->lock);
	is_reached = reach_dir(watch, &attempt) && reach_file(watch, number, &attempt);
	g_mutex_lock(&watch->lock);
	drain(watch); /* what came before the numbers are known */
	*ret_again = surprises != watch->surprises;
	if (attempt.is_new && *ret_again && attempt.dir_wd >= 0) {
		inotify_rm_watch(watch->inotify, attempt.dir_wd);
	} else if (attempt.is_new) {
		watch->dir_wd = attempt.dir_wd;
		watch->is_above = attempt.is_above;
		watch->is_remote = attempt.is_remote;
	}
	if (attempt.file_wd >= 0 || is_reached)
		keep_file(watch, number, attempt.file_wd);
	watch->pools[number].is_armed = is_reached && !*ret_again;
	return watch->pools[number].is_armed;
}

static guint64 generation_of(const Watched *pool)
{
	return pool->is_armed ? pool->generation : 0;
}

guint64 kvp_watch_arm(KvpWatch *watch, guint number)
{
	Watched *pool = &watch->pools[number];
	gboolean again = TRUE;
	guint64 generation;

	g_mutex_lock(&watch->arming);
	g_mutex_lock(&watch->lock);
	if (have_queue(watch)) {
		drain(watch);
		for (int i = 0; i < TRIES && again && !pool->is_armed; i++) {
			if (try_arm(watch, number, &again))
				drain(watch); /* what came of a file that is gone */
		}
	}
	generation = generation_of(pool);
	g_mutex_unlock(&watch->lock);
	g_mutex_unlock(&watch->arming);
	return generation;
}

void kvp_watch_prepare(KvpWatch *watch, guint number)
{
	gboolean is_armed;

	g_mutex_lock(&watch->lock);
	is_armed = watch->pools[number].is_armed;
	g_mutex_unlock(&watch->lock);
	if (!is_armed)
		kvp_watch_arm(watch, number);
}

guint64 kvp_watch_generation(KvpWatch *watch, guint number)
{
	guint64 generation;

	g_mutex_lock(&watch->lock);
	drain(watch);
	generation = generation_of(&watch->pools[number]);
	g_mutex_unlock(&watch->lock);
	return generation;
}

guint64 kvp_watch_count(KvpWatch *watch, guint number)
{
	guint64 count;

	g_mutex_lock(&watch->lock);
	drain(watch);
	count = watch->pools[number].generation;
	g_mutex_unlock(&watch->lock);
	return count;
}

static guint64 names_of(const KvpWatch *watch)
{
	return watch->dir_wd >= 0 && !watch->is_above && !watch->is_remote ? watch->names : 0;
}

guint64 kvp_watch_names(KvpWatch *watch)
{
	guint64 names;

	g_mutex_lock(&watch->lock);
	names = names_of(watch);
	g_mutex_unlock(&watch->lock);
	return names;
}

void kvp_watch_no_journal(KvpWatch *watch, guint64 names)
{
	g_mutex_lock(&watch->lock);
	watch->no_journal = names;
	g_mutex_unlock(&watch->lock);
}

gboolean kvp_watch_lacks_journal(KvpWatch *watch)
{
	gboolean lacks;

	g_mutex_lock(&watch->lock);
	lacks = watch->no_journal && watch->no_journal == names_of(watch);
	g_mutex_unlock(&watch->lock);
	return lacks;
}

guint64 kvp_watch_begin(KvpWatch *watch, guint number)
{
	Watched *pool = &watch->pools[number];
	guint64 before;

	g_mutex_lock(&watch->lock);
	drain(watch);
	before = generation_of(pool);
	pool->generation++;
	pool->is_ours = TRUE;
	g_mutex_unlock(&watch->lock);
	return before;
}

guint64 kvp_watch_end(KvpWatch *watch, guint number)
{
	Watched *pool = &watch->pools[number];
	guint64 after;

	g_mutex_lock(&watch->lock);
	drain(watch);
	pool->is_ours = FALSE;
	pool->generation++;
	after = generation_of(pool);
	g_mutex_unlock(&watch->lock);
	return after;
}

/* --- the main loop --- */

static gboolean on_events(gint fd, GIOCondition condition, gpointer data)
{
	KvpWatch *watch = data;

	eventfd_t ignored;

	g_mutex_lock(&watch->lock);
	drain(watch);
	if (watch->wake >= 0)
		eventfd_read(watch->wake, &ignored);
	g_mutex_unlock(&watch->lock);
	watch->changed(watch->data);
	return G_SOURCE_CONTINUE;
}

void kvp_watch_notify(KvpWatch *watch, void (*changed)(gpointer data), gpointer data)
{
	for (guint i = 0; i < G_N_ELEMENTS(watch->sources); i++)
		g_clear_handle_id(&watch->sources[i], g_source_remove);
	hvis_fd_clear(&watch->loop_mounts);
	g_mutex_lock(&watch->lock);
	hvis_fd_clear(&watch->wake);
	if (changed)
		watch->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	g_mutex_unlock(&watch->lock);
	watch->changed = changed;
	watch->data = data;
	if (!changed)
		return;
	watch->loop_mounts = open(MOUNT_TABLE, O_RDONLY | O_CLOEXEC);
	if (watch->inotify >= 0)
		watch->sources[0] = g_unix_fd_add(watch->inotify, G_IO_IN, on_events, watch);
	if (watch->loop_mounts >= 0)
		watch->sources[1] = g_unix_fd_add(watch->loop_mounts, G_IO_PRI, on_events, watch);
	if (watch->wake >= 0)
		watch->sources[2] = g_unix_fd_add(watch->wake, G_IO_IN, on_events, watch);
}
