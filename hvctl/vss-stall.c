/* SPDX-License-Identifier: GPL-2.0-only */
/* The two share a page of memory, and nothing else. */
#include "hvctl/vss-stall.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/error.h"

#define PAUSE_US 2000u /* ours: between two writes */
#define LOOK_US 10000u /* ours: between two looks at it */
#define PATIENCE_US (20 * G_USEC_PER_SEC)

/* Each member is written by one of the two. */
typedef struct {
	gint stop; /* by us */
	gint error; /* an errno */
	gint64 longest_us;
	guint64 writes;
} Shared;

struct HvctlStall {
	Shared *shared;
	pid_t pid; /* 0: it has been waited for */
};

/* --- the writer --- */

static int write_once(Shared *shared, int fd)
{
	gint64 began = g_get_monotonic_time(), took;
	guint64 n = shared->writes + 1;

	if (pwrite(fd, &n, sizeof(n), 0) != sizeof(n) || fdatasync(fd) < 0)
		return errno ? errno : EIO;
	took = g_get_monotonic_time() - began;
	if (took > shared->longest_us)
		__atomic_store_n(&shared->longest_us, took, __ATOMIC_SEQ_CST);
	__atomic_store_n(&shared->writes, n, __ATOMIC_SEQ_CST);
	return 0;
}

/* The file is made here, too: on a file system that is frozen already even that waits. */
G_NORETURN static void write_on(Shared *shared, const char *path, pid_t parent)
{
	int fd, err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	syscall(SYS_close_range, 0u, ~0u, 0u);
	fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	err = fd < 0 ? errno : 0;
	while (err == 0 && !g_atomic_int_get(&shared->stop) && getppid() == parent) {
		err = write_once(shared, fd);
		g_usleep(PAUSE_US);
	}
	g_atomic_int_set(&shared->error, err);
	_exit(0);
}

/* --- who looks at it --- */

static guint64 writes_of(HvctlStall *stall)
{
	return __atomic_load_n(&stall->shared->writes, __ATOMIC_SEQ_CST);
}

static gboolean has_ended(HvctlStall *stall)
{
	if (stall->pid != 0 && waitpid(stall->pid, NULL, WNOHANG) == stall->pid)
		stall->pid = 0;
	return stall->pid == 0;
}

static gboolean check(HvctlStall *stall, GError **error)
{
	int err = g_atomic_int_get(&stall->shared->error);

	return err == 0 || hvis_fail_errno(error, err, "write to a new file");
}

static gboolean wait_for_first(HvctlStall *stall, GError **error)
{
	gint64 until = g_get_monotonic_time() + PATIENCE_US;

	while (writes_of(stall) == 0 && !has_ended(stall)) {
		if (g_get_monotonic_time() > until)
			return hvis_fail(error, HVIS_ERROR_TIMEOUT, "not even one write was done");
		g_usleep(LOOK_US);
	}
	return check(stall, error);
}

HvctlStall *hvctl_stall_new(const char *path, GError **error)
{
	g_autoptr(HvctlStall) stall = g_new0(HvctlStall, 1);
	pid_t self = getpid();

	stall->shared = mmap(
		NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stall->shared == MAP_FAILED) {
		stall->shared = NULL;
		hvis_fail_errno(error, errno, "share memory");
		return NULL;
	}
	stall->pid = fork();
	if (stall->pid == 0)
		write_on(stall->shared, path, self);
	if (stall->pid < 0) {
		stall->pid = 0;
		hvis_fail_errno(error, errno, "start a process");
		return NULL;
	}
	return wait_for_first(stall, error) ? g_steal_pointer(&stall) : NULL;
}

gboolean hvctl_stall_stop(HvctlStall *stall, HvctlStallResult *ret, GError **error)
{
	gint64 until = g_get_monotonic_time() + PATIENCE_US;

	g_atomic_int_set(&stall->shared->stop, 1);
	while (!has_ended(stall)) {
		if (g_get_monotonic_time() > until)
			return hvis_fail(error, HVIS_ERROR_TIMEOUT, "a write does not end");
		g_usleep(LOOK_US);
	}
	if (!check(stall, error))
		return FALSE;
	*ret = (HvctlStallResult){ stall->shared->longest_us, stall->shared->writes };
	return TRUE;
}

void hvctl_stall_free(HvctlStall *stall)
{
	if (!stall)
		return;
	if (stall->pid != 0)
		kill(stall->pid, SIGKILL);
	if (stall->shared)
		munmap(stall->shared, sizeof(Shared));
	g_free(stall);
}
