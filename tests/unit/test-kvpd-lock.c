/* SPDX-License-Identifier: GPL-2.0-only */
/* Both locks: who takes only one of them is kept out, and keeps us out until the deadline. */
#include "config.h"

#include "kvpd/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <util/error.h>
#include <util/fd.h>

#include "tests/unit/kvpd-scratch.h"

typedef enum { HOLD_FLOCK, HOLD_POSIX, HOLD_OFD } Holder;

static int lock_as(int fd, Holder holder, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	switch (holder) {
	case HOLD_FLOCK:
		return flock(fd, (type == F_RDLCK ? LOCK_SH : LOCK_EX) | LOCK_NB);
	case HOLD_POSIX:
		return fcntl(fd, F_SETLK, &lock);
	case HOLD_OFD:
		return fcntl(fd, F_OFD_SETLK, &lock);
	}
	g_assert_not_reached();
}

/* A process that holds a lock until it is sent a byte. Not until its pipe is closed: a second such
 * process inherits the first one's write end. */
typedef struct {
	pid_t pid;
	int release; /* write end */
} Other;

static Other other_start(const char *path, Holder holder, short type)
{
	int up[2], down[2];
	Other other;
	char byte;

	g_assert_cmpint(pipe(up), ==, 0);
	g_assert_cmpint(pipe(down), ==, 0);
	other.pid = fork();
	g_assert_cmpint(other.pid, >=, 0);
	if (other.pid == 0) {
		int fd = open(path, O_RDWR);

		close(down[1]);
		if (lock_as(fd, holder, type) < 0 || write(up[1], "", 1) != 1)
			_exit(1);
		_exit(read(down[0], &byte, 1) != 1);
	}
	close(up[1]);
	close(down[0]);
	g_assert_cmpint(read(up[0], &byte, 1), ==, 1);
	close(up[0]);
	other.release = down[1];
	return other;
}

static void other_stop(Other other)
{
	int status;

	g_assert_cmpint(write(other.release, "", 1), ==, 1);
	close(other.release);
	g_assert_cmpint(waitpid(other.pid, &status, 0), ==, other.pid);
	g_assert_cmpint(status, ==, 0);
}

static char *new_file(const char *dir)
{
	char *path = g_build_filename(dir, "file", NULL);

	g_assert_true(g_file_set_contents(path, "x", 1, NULL));
	return path;
}

static void test_keeps_others_out(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autofree char *path = new_file(dir);
	hvis_autofd int mine = hvis_open(path, O_RDWR, NULL);
	g_autoptr(GError) error = NULL;

	for (int round = 0; round < 2; round++) {
		kvp_lock(mine, KVP_LOCK_EXCLUSIVE, 1000, &error);
		g_assert_no_error(error);
		for (Holder holder = HOLD_FLOCK; holder <= HOLD_OFD; holder++) {
			hvis_autofd int theirs = hvis_open(path, O_RDWR, NULL);
			pid_t pid = fork();
			int status;

			if (pid == 0)
				_exit(lock_as(theirs, holder, F_RDLCK) == 0);
			g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
			g_assert_cmpint(status, ==, 0);
		}
		kvp_unlock(mine);
	}
	for (Holder holder = HOLD_FLOCK; holder <= HOLD_OFD; holder++) {
		hvis_autofd int theirs = hvis_open(path, O_RDWR, NULL);

		g_assert_cmpint(lock_as(theirs, holder, F_WRLCK), ==, 0);
	}
}

static void assert_busy(const char *path, KvpLockKind kind, Other other)
{
	hvis_autofd int fd = hvis_open(path, O_RDWR, NULL);
	g_autofree char *pid = g_strdup_printf("process %d (", other.pid);
	g_autoptr(GError) error = NULL;

	g_assert_false(kvp_lock(fd, kind, 20, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_BUSY);
	g_assert_nonnull(strstr(error->message, pid));
	g_assert_nonnull(strstr(error->message, "test-kvpd-lock"));
}

/* Neither kind of writer is overrun, and each is named; afterwards nothing of ours is left. */
static void test_is_kept_out(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autofree char *path = new_file(dir);

	for (Holder holder = HOLD_FLOCK; holder <= HOLD_POSIX; holder++) {
		Other other = other_start(path, holder, F_WRLCK);
		hvis_autofd int fd = hvis_open(path, O_RDWR, NULL);
		g_autoptr(GError) error = NULL;

		assert_busy(path, KVP_LOCK_EXCLUSIVE, other);
		assert_busy(path, KVP_LOCK_SHARED, other);
		other_stop(other);
		kvp_lock(fd, KVP_LOCK_EXCLUSIVE, 0, &error);
		g_assert_no_error(error);
	}
}

/* Whoever has the lock calls itself what it likes: bytes that are no text made answers that are no JSON. */
static void test_odd_name(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autofree char *path = new_file(dir);
	hvis_autofd int fd = hvis_open(path, O_RDWR, NULL);
	g_autoptr(GError) error = NULL;
	char name[16];
	Other other;

	g_assert_cmpint(prctl(PR_GET_NAME, name), ==, 0);
	g_assert_cmpint(prctl(PR_SET_NAME, "\xff\033[2J\nroot"), ==, 0); /* the child inherits it */
	other = other_start(path, HOLD_FLOCK, F_WRLCK);
	g_assert_cmpint(prctl(PR_SET_NAME, name), ==, 0);
	g_assert_false(kvp_lock(fd, KVP_LOCK_EXCLUSIVE, 20, &error));
	g_assert_nonnull(strstr(error->message, "(\\xff\\x1b[2J\\nroot)"));
	other_stop(other);
}

/* The kernel does not say who has an OFD lock; the error must not invent somebody. */
static void test_unknown_holder(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autofree char *path = new_file(dir);
	Other other = other_start(path, HOLD_OFD, F_WRLCK);
	hvis_autofd int fd = hvis_open(path, O_RDWR, NULL);
	g_autoptr(GError) error = NULL;

	g_assert_false(kvp_lock(fd, KVP_LOCK_EXCLUSIVE, 20, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_BUSY);
	g_assert_nonnull(strstr(error->message, "another process"));
	other_stop(other);
}

static void test_readers_share(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autofree char *path = new_file(dir);
	Other flocker = other_start(path, HOLD_FLOCK, F_RDLCK);
	Other locker = other_start(path, HOLD_POSIX, F_RDLCK);
	hvis_autofd int fd = hvis_open(path, O_RDONLY, NULL);
	g_autoptr(GError) error = NULL;

	kvp_lock(fd, KVP_LOCK_SHARED, 0, &error);
	g_assert_no_error(error);
	other_stop(locker); /* the later child first: it has a copy of the other's pipe */
	other_stop(flocker);
}

static gpointer stop_soon(gpointer data)
{
	Other *other = data;

	g_usleep(30000);
	other_stop(*other);
	return NULL;
}

static void test_waits(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autofree char *path = new_file(dir);
	Other other = other_start(path, HOLD_FLOCK, F_WRLCK);
	GThread *thread = g_thread_new("release", stop_soon, &other);
	hvis_autofd int fd = hvis_open(path, O_RDWR, NULL);
	g_autoptr(GError) error = NULL;

	kvp_lock(fd, KVP_LOCK_EXCLUSIVE, 60000, &error);
	g_assert_no_error(error);
	g_thread_join(thread);
}

static void test_holder(void)
{
	const char *locks = "1: FLOCK  ADVISORY  WRITE 90 08:01:777 0 EOF\n"
			    "1: -> FLOCK  ADVISORY  WRITE 91 fe:2a:4294967297 0 EOF\n"
			    "2: OFDLCK ADVISORY  WRITE -1 fe:2a:4294967297 0 EOF\n"
			    "3: POSIX  ADVISORY  WRITE 92 fe:2a:4294967297 0 EOF\n"
			    "4: OFDLCK ADVISORY  WRITE -1 fe:2a:5 0 EOF\n"
			    "nonsense\n4: \n";

	g_assert_cmpint(kvp_lock_holder(locks, 0x08, 0x01, 777, 0), ==, 90);
	g_assert_cmpint(kvp_lock_holder(locks, 0xfe, 0x2a, 4294967297, 0), ==, 92);
	g_assert_cmpint(kvp_lock_holder(locks, 0xfe, 0x2b, 4294967297, 0), ==, 0);
	g_assert_cmpint(kvp_lock_holder(locks, 0xfe, 0x2a, 5, 0), ==, -1);
	g_assert_cmpint(kvp_lock_holder(locks, 0xfe, 0x2a, 4294967297, 92), ==, -1);
	g_assert_cmpint(kvp_lock_holder(locks, 0x08, 0x01, 777, 90), ==, 0);
	g_assert_cmpint(kvp_lock_holder("", 0, 0, 0, 0), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/lock/keeps-others-out", test_keeps_others_out);
	g_test_add_func("/kvpd/lock/is-kept-out", test_is_kept_out);
	g_test_add_func("/kvpd/lock/odd-name", test_odd_name);
	g_test_add_func("/kvpd/lock/unknown-holder", test_unknown_holder);
	g_test_add_func("/kvpd/lock/readers-share", test_readers_share);
	g_test_add_func("/kvpd/lock/waits", test_waits);
	g_test_add_func("/kvpd/lock/holder", test_holder);
	return g_test_run();
}
