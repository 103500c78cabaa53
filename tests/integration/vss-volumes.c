/* SPDX-License-Identifier: GPL-2.0-only */
/* A thread for each writer; all that they and the test share is in one mapping. */
#include "config.h"

#include "tests/integration/vss-volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVERY_US 4000
#define PATH_LEN 512

enum { RUN, PAUSE, PAUSED };

struct writer {
	char path[PATH_LEN];
	_Atomic int64_t begun_us; /* of the write that is under way; 0 */
	_Atomic int64_t past_us; /* begin of the last one that got through */
	_Atomic int64_t longest_us;
	_Atomic uint64_t done; /* the last number that got through */
	_Atomic int error, order;
	uint64_t frozen_at; /* done, at the last note */
	uint64_t slots[VOLUME_SLOTS];
};

static struct {
	const struct volume *volumes;
	unsigned int n;
	pid_t pid;
	struct writer *writers; /* n and the control; shared */
} all;

int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die(const char *what)
{
	perror(what);
	exit(3);
}

bool volume_parse(char *text, struct volume *ret)
{
	ret->dir = strsep(&text, ":");
	ret->type = strsep(&text, ":");
	ret->image = text;
	return ret->image != NULL;
}

/* --- the writers' process --- */

static int put(int fd, uint64_t number)
{
	ssize_t n = pwrite(
		fd, &number, sizeof(number), (off_t)(number % VOLUME_SLOTS * sizeof(number)));

	return n == sizeof(number) ? 0 : n < 0 ? errno : EIO;
}

/* A write and the wait before it, if @waits counts: what a stalled machine adds to either. */
static void write_next(struct writer *writer, int fd, bool waits)
{
	uint64_t number = writer->done + 1;
	int64_t begin = now_us(), took;
	int err;

	if (waits)
		usleep(EVERY_US);
	atomic_store(&writer->begun_us, begin);
	err = put(fd, number);
	took = now_us() - begin - (waits ? EVERY_US : 0);
	if (took > writer->longest_us)
		atomic_store(&writer->longest_us, took);
	if (err == 0) {
		writer->slots[number % VOLUME_SLOTS] = number;
		atomic_store(&writer->done, number);
		atomic_store(&writer->past_us, begin);
	} else
		atomic_store(&writer->error, err);
	atomic_store(&writer->begun_us, 0);
}

static void *write_on(void *data)
{
	struct writer *writer = data;
	bool control = writer == &all.writers[all.n];
	int fd = -1;

	for (;;) {
		if (writer->order != RUN) {
			if (fd >= 0)
				close(fd);
			fd = -1;
			atomic_store(&writer->order, PAUSED);
			usleep(EVERY_US);
			continue;
		}
		if (fd < 0)
			fd = open(writer->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			atomic_store(&writer->error, errno);
		else if (writer->error == 0)
			write_next(writer, fd, control);
		if (!control)
			usleep(EVERY_US);
	}
	return NULL;
}

static void write_all(void)
{
	pthread_t thread;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDOUT_FILENO); /* who waits for the end of it may have to thaw first */
	dup2(null, STDERR_FILENO);
	for (unsigned int i = 0; i <= all.n; i++)
		if (pthread_create(&thread, NULL, write_on, &all.writers[i]) != 0)
			_exit(3);
	for (;;)
		pause();
}

/* --- the test's --- */

void volumes_start(const struct volume *volumes, unsigned int n, const char *control)
{
	size_t size = (n + 1) * sizeof(struct writer);

	all.volumes = volumes;
	all.n = n;
	all.writers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all.writers == MAP_FAILED)
		die("mmap");
	for (unsigned int i = 0; i < n; i++)
		snprintf(all.writers[i].path, PATH_LEN, "%s/written", volumes[i].dir);
	snprintf(all.writers[n].path, PATH_LEN, "%s", control);
	all.pid = fork();
	if (all.pid < 0)
		die("fork");
	if (all.pid == 0)
		write_all();
}

static void leave_expected(const char *folder, unsigned int i)
{
	const struct writer *writer = &all.writers[i];
	uint64_t len = writer->done < VOLUME_SLOTS ? writer->done + 1 : VOLUME_SLOTS;
	char path[PATH_LEN];
	FILE *file;

	snprintf(path, sizeof(path), "%s/expected-%u", folder, i);
	file = fopen(path, "we");
	if (!file || fwrite(writer->slots, sizeof(uint64_t), len, file) != len || fclose(file) != 0)
		die(path);
}

static void pause_writer(struct writer *writer)
{
	atomic_store(&writer->order, PAUSE);
	while (writer->order != PAUSED)
		usleep(1000);
}

void volumes_stop(const char *folder)
{
	for (unsigned int i = 0; i <= all.n; i++)
		pause_writer(&all.writers[i]);
	kill(all.pid, SIGKILL);
	waitpid(all.pid, NULL, 0);
	for (unsigned int i = 0; i < all.n; i++)
		leave_expected(folder, i);
}

void volumes_reset(void)
{
	for (unsigned int i = 0; i <= all.n; i++)
		atomic_store(&all.writers[i].longest_us, 0);
}

void volumes_note_freeze(void)
{
	for (unsigned int i = 0; i < all.n; i++)
		all.writers[i].frozen_at = all.writers[i].done;
}

bool volume_is_past(unsigned int i, int64_t since)
{
	return all.writers[i].error != 0 || all.writers[i].past_us > since;
}

bool volume_is_stuck(unsigned int i, int64_t us)
{
	int64_t begun = all.writers[i].begun_us;

	return begun != 0 && now_us() - begun > us;
}

int64_t volume_longest(unsigned int i)
{
	int64_t begun = all.writers[i].begun_us, longest = all.writers[i].longest_us;
	int64_t waits = begun != 0 ? now_us() - begun : 0;

	return waits > longest ? waits : longest;
}

int64_t volumes_stall(void)
{
	return all.writers[all.n].longest_us;
}

int volume_error(unsigned int i)
{
	return all.writers[i].error;
}

int volume_thaw(unsigned int i)
{
	int fd = open(all.volumes[i].dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? errno : ioctl(fd, FITHAW, 0) < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* Numbers from before the freeze are there; later ones are put there again. */
static bool restore(struct writer *writer)
{
	int fd = open(writer->path, O_RDWR | O_CLOEXEC);
	bool whole = fd >= 0;

	for (uint64_t i = 1; whole && i < VOLUME_SLOTS; i++) {
		uint64_t want = writer->slots[i], found = 0;

		if (want == 0)
			continue;
		if (want <= writer->frozen_at)
			whole = pread(fd, &found, sizeof(found), (off_t)(i * sizeof(found))) ==
					sizeof(found) &&
				found == want;
		else
			whole = put(fd, want) == 0;
	}
	if (whole && writer->slots[0] != 0)
		whole = put(fd, writer->slots[0]) == 0;
	if (fd >= 0)
		close(fd);
	return whole;
}

bool volume_mend(unsigned int i)
{
	struct writer *writer = &all.writers[i];
	char command[3 * PATH_LEN];
	bool well;

	pause_writer(writer);
	snprintf(command, sizeof(command),
		"btrfs check --readonly %s >/dev/null 2>&1 && mount -o loop %s %s",
		all.volumes[i].image, all.volumes[i].image, all.volumes[i].dir);
	well = umount(all.volumes[i].dir) == 0 && system(command) == 0 && restore(writer);
	atomic_store(&writer->error, 0);
	atomic_store(&writer->order, RUN);
	return well;
}
