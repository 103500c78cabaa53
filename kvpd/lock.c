/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking both locks with a deadline. Neither system call has a time-out, so both are tried without
 * blocking, in growing steps. The flock is kept while the OFD lock is waited for: who obeys the
 * order can never deadlock, and who does not is outlasted by the deadline.
 */
#include "config.h"

#include "kvpd/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <util/duration.h>
#include <util/error.h>
#include <util/process.h>

#define STEP_MIN_US 100
#define STEP_MAX_US 2000

typedef int (*TryLock)(int fd, KvpLockKind kind);

static int try_flock(int fd, KvpLockKind kind)
{
	return flock(fd, (kind == KVP_LOCK_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB);
}

static int set_ofd(int fd, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock);
}

static int try_ofd(int fd, KvpLockKind kind)
{
	return set_ofd(fd, kind == KVP_LOCK_SHARED ? F_RDLCK : F_WRLCK);
}

gint64 kvp_lock_holder(const char *locks, guint major, guint minor, guint64 inode, gint64 except)
{
	g_auto(GStrv) lines = g_strsplit(locks, "\n", -1);
	gint64 found = 0;

	for (char **line = lines; *line; line++) {
		char kind[16], mode[16], access[16];
		unsigned int maj, min;
		long long pid;
		unsigned long long ino;

		/* A waiter's line has "->" where the kind is, and so does not match. */
		if (sscanf(*line, "%*d: %15[A-Z] %15s %15s %lld %x:%x:%llu", kind, mode, access,
			    &pid, &maj, &min, &ino) != 7)
			continue;
		if (maj != major || min != minor || ino != inode || (except && pid == except))
			continue;
		if (pid > 0)
			return pid;
		found = -1;
	}
	return found;
}

static gboolean fail_busy(int fd, guint timeout_ms, GError **error)
{
	g_autofree char *locks = NULL, *name = NULL;
	g_autofree char *limit = hvis_duration_text(timeout_ms * 1000LL);
	struct stat st;
	gint64 pid = 0;

	if (fstat(fd, &st) == 0 && g_file_get_contents("/proc/locks", &locks, NULL, NULL))
		pid = kvp_lock_holder(locks, major(st.st_dev), minor(st.st_dev), st.st_ino, 0);
	if (pid <= 0)
		return hvis_fail(error, HVIS_ERROR_BUSY,
			"locked by another process for more than %s", limit);
	name = hvis_process_name("/proc", pid);
	return hvis_fail(error, HVIS_ERROR_BUSY,
		"locked by process %" G_GINT64_FORMAT " (%s) for more than %s", pid,
		name ? name : "unknown", limit);
}

/* 0, or the errno of a failure; ETIMEDOUT where somebody else has it until @deadline. */
static int take(TryLock try, int fd, KvpLockKind kind, gint64 deadline)
{
	gulong step = STEP_MIN_US;

	while (try(fd, kind) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EACCES)
			return errno;
		if (g_get_monotonic_time() >= deadline)
			return ETIMEDOUT;
		g_usleep(step);
		step = MIN(2 * step, STEP_MAX_US);
	}
	return 0;
}

static gint64 deadline_of(guint timeout_ms)
{
	return g_get_monotonic_time() + (gint64)timeout_ms * 1000;
}

static gboolean is_taken(int err, int fd, guint timeout_ms, GError **error)
{
	if (err == ETIMEDOUT)
		return fail_busy(fd, timeout_ms, error);
	return err == 0 || hvis_fail_errno(error, err, "lock");
}

gboolean kvp_lock(int fd, KvpLockKind kind, guint timeout_ms, GError **error)
{
	gint64 deadline = deadline_of(timeout_ms);
	int err = take(try_flock, fd, kind, deadline);

	if (err == 0) {
		err = take(try_ofd, fd, kind, deadline);
		if (err != 0)
			flock(fd, LOCK_UN);
	}
	return is_taken(err, fd, timeout_ms, error);
}

gboolean kvp_lock_own(int fd, guint timeout_ms, GError **error)
{
	int err = take(try_flock, fd, KVP_LOCK_EXCLUSIVE, deadline_of(timeout_ms));

	return is_taken(err, fd, timeout_ms, error);
}

void kvp_unlock(int fd)
{
	set_ofd(fd, F_UNLCK);
	flock(fd, LOCK_UN);
}
