/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The other programs that use pool files, for tests: one that appends under flock(2) only, as
 * provisioning agents do, and one that appends under fcntl(2) only, as the kernel's own daemon
 * locks. Shares no code with ours.
 *
 *   pool-tool append flock|fcntl FILE PREFIX COUNT   PREFIX0, PREFIX1, … with the number as value;
 *                                                    0 = until SIGTERM; prints how many
 *   pool-tool dump FILE                              KEY<TAB>VALUE, one record per line
 *   pool-tool hold flock|fcntl FILE SECONDS          keep it locked; prints "locked" first
 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define KEY 512
#define RECORD 2560

static volatile sig_atomic_t stopped;

static void on_stop(int signal)
{
	stopped = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_locked(const char *how, const char *path, int flags)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, flags | O_CREAT, 0644);

	if (fd < 0)
		die(path);
	if (strcmp(how, "flock") == 0 ? flock(fd, LOCK_EX) : fcntl(fd, F_SETLKW, &lock))
		die("lock");
	return fd;
}

/* Each record under a lock of its own, as separate events are; in two writes, to make it harder. */
static void append(const char *how, const char *path, const char *prefix, int count)
{
	int i;

	signal(SIGTERM, on_stop);
	for (i = 0; !stopped && (count == 0 || i < count); i++) {
		char record[RECORD] = { 0 };
		int fd = open_locked(how, path, O_RDWR | O_APPEND);

		snprintf(record, KEY, "%s%d", prefix, i);
		snprintf(record + KEY, RECORD - KEY, "%d", i);
		if (write(fd, record, KEY) != KEY)
			die("write");
		usleep(200);
		if (write(fd, record + KEY, RECORD - KEY) != RECORD - KEY)
			die("write");
		close(fd);
		usleep(500);
	}
	printf("%d\n", i);
}

static void dump(const char *path)
{
	char record[RECORD + 1] = { 0 };
	FILE *file = fopen(path, "rb");

	if (!file)
		die(path);
	while (fread(record, RECORD, 1, file) == 1)
		printf("%.*s\t%s\n", KEY, record, record + KEY);
	fclose(file);
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "append") == 0) {
		append(argv[2], argv[3], argv[4], atoi(argv[5]));
	} else if (argc == 3 && strcmp(argv[1], "dump") == 0) {
		dump(argv[2]);
	} else if (argc == 5 && strcmp(argv[1], "hold") == 0) {
		open_locked(argv[2], argv[3], O_RDWR);
		puts("locked");
		fflush(stdout);
		sleep((unsigned int)atoi(argv[4]));
	} else {
		fprintf(stderr, "see the head of pool-tool.c\n");
		return 2;
	}
	return 0;
}
