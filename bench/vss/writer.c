/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/vss/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <util/error.h>

#define BLOCK 512
#define PAUSE_NS 200000 /* between two writes, at least */
#define PAUSE_MIN                                                                                  \
	32 /* and as many times what a write takes: eight of them leave most of a processor to others */
#define PATIENCE_US (60 * G_USEC_PER_SEC)

/* Each member is written by one thread, but for longest_ns. */
struct Writer {
	pthread_t thread;
	int fd;
	gint stop; /* by who has it */
	gint error; /* an errno */
	gint64 longest_ns;
	guint64 writes;
};

static gint64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (gint64)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pause_for(gint64 ns)
{
	const struct timespec pause = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	nanosleep(&pause, NULL);
}

static void *write_on(void *data)
{
	gint64 shortest_ns = G_MAXINT64;
	static const char block[BLOCK] = "written";
	Writer *writer = data;

	while (!g_atomic_int_get(&writer->stop)) {
		gint64 from = now_ns(), took;

		if (pwrite(writer->fd, block, BLOCK, 0) != BLOCK) {
			g_atomic_int_set(&writer->error, errno ? errno : EIO);
			break;
		}
		took = now_ns() - from;
		if (took > __atomic_load_n(&writer->longest_ns, __ATOMIC_SEQ_CST))
			__atomic_store_n(&writer->longest_ns, took, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&writer->writes, 1, __ATOMIC_SEQ_CST);
		shortest_ns = MIN(shortest_ns, took);
		pause_for(MAX(PAUSE_NS, PAUSE_MIN * shortest_ns));
	}
	return NULL;
}

Writer *writer_new(const char *dir, GError **error)
{
	const struct sched_param urgent = { .sched_priority = 1 };
	g_autofree char *path = g_build_filename(dir, "writer", NULL);
	Writer *writer = g_new0(Writer, 1);
	int err;

	writer->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	err = writer->fd < 0 ? errno : pthread_create(&writer->thread, NULL, write_on, writer);
	if (err != 0) {
		hvis_fail_errno(error, err, "%s", path);
		if (writer->fd >= 0)
			close(writer->fd);
		g_free(writer);
		return NULL;
	}
	pthread_setschedparam(writer->thread, SCHED_FIFO, &urgent); /* or as it is */
	return writer;
}

void writer_free(Writer *writer)
{
	if (!writer)
		return;
	g_atomic_int_set(&writer->stop, 1);
	pthread_join(writer->thread, NULL);
	close(writer->fd);
	g_free(writer);
}

void writer_reset(Writer *writer)
{
	__atomic_store_n(&writer->longest_ns, 0, __ATOMIC_SEQ_CST);
}

gboolean writer_longest(Writer *writer, double *ret_ms, GError **error)
{
	/* The one that is under way may have begun before. */
	guint64 enough = __atomic_load_n(&writer->writes, __ATOMIC_SEQ_CST) + 2;
	gint64 until = g_get_monotonic_time() + PATIENCE_US;

	while (__atomic_load_n(&writer->writes, __ATOMIC_SEQ_CST) < enough) {
		int err = g_atomic_int_get(&writer->error);

		if (err != 0)
			return hvis_fail_errno(error, err, "a writer");
		if (g_get_monotonic_time() > until)
			return hvis_fail(error, HVIS_ERROR_TIMEOUT, "a write does not end");
		g_usleep(PAUSE_NS / 1000);
	}
	*ret_ms = (double)__atomic_load_n(&writer->longest_ns, __ATOMIC_SEQ_CST) / 1e6;
	return TRUE;
}
