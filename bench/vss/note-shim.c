/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preloaded into daemons and into fsfreeze(8) by vss-bench: notes when a file system was frozen and thawed
 * (notes.h). It changes nothing of what they do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/vss/notes.h"

static struct notes *notes;

__attribute__((constructor)) static void map_notes(void)
{
	const char *path = getenv("HVIS_BENCH_NOTES");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(*notes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED)
		notes = at;
	close(fd);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int ioctl_noted(int fd, unsigned long request, void *argument)
{
	struct note note = { .request = request, .from_ns = now_ns() };
	long result = syscall(SYS_ioctl, fd, request, argument);
	int err = errno;
	uint32_t place = __atomic_fetch_add(&notes->n, 1, __ATOMIC_SEQ_CST);

	note.to_ns = now_ns();
	note.err = result < 0 ? err : 0;
	if (place < NOTES_MAX) {
		notes->notes[place] = note;
		__atomic_store_n(&notes->notes[place].done, 1, __ATOMIC_SEQ_CST);
	}
	errno = err;
	return (int)result;
}

int ioctl(int fd, unsigned long request, ...)
{
	void *argument;
	va_list ap;

	va_start(ap, request);
	argument = va_arg(ap, void *);
	va_end(ap);
	if (notes && (request == FIFREEZE || request == FITHAW))
		return ioctl_noted(fd, request, argument);
	return (int)syscall(SYS_ioctl, fd, request, argument);
}
