/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vss-writer load FOLDER ACKS: writers that fill FOLDER with numbered blocks, each with a sum, flush each of them, and
 * then note its number in ACKS, which is on another file system; until it is killed. WRITERS of them append to a file
 * until that is RING blocks long, and go on from its beginning; one makes a file for each block, under another name
 * first, and keeps the last KEEP.
 *
 * vss-writer check FOLDER ACKS: whether a copy of FOLDER holds every block that ACKS says was acknowledged. It prints
 * how many were and how many are missing, and fails where one is, or where nothing was acknowledged.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WRITERS 3u
#define RING 4096u
#define KEEP 64u
#define MAGIC 0x68766973626c6f63u /* "hvisbloc" */

struct block {
	uint64_t magic, writer, number;
	uint64_t fill[508];
	uint64_t sum;
};
_Static_assert(sizeof(struct block) == 4096, "a page");

static const char *folder;
static volatile uint64_t
	*acks; /* how many blocks of each writer were acknowledged; the last is of the files' */

static void die(const char *what)
{
	perror(what);
	exit(3);
}

/* --- blocks --- */

/* FNV-1a, of all but the sum. */
static uint64_t sum_of(const struct block *block)
{
	uint64_t words[511], sum = 0xcbf29ce484222325u;

	memcpy(words, block, sizeof(words));
	for (unsigned int i = 0; i < 511; i++)
		sum = (sum ^ words[i]) * 0x100000001b3u;
	return sum;
}

static void fill(struct block *block, unsigned int writer, uint64_t number)
{
	block->magic = MAGIC;
	block->writer = writer;
	block->number = number;
	for (unsigned int i = 0; i < 508; i++)
		block->fill[i] = number * 6364136223846793005u + i;
	block->sum = sum_of(block);
}

static bool is_block(const struct block *block, unsigned int writer)
{
	return block->magic == MAGIC && block->writer == writer && block->sum == sum_of(block);
}

static void put(int fd, unsigned int writer, uint64_t number, off_t at)
{
	struct block block;

	fill(&block, writer, number);
	if (pwrite(fd, &block, sizeof(block), at) != sizeof(block) || fsync(fd) < 0)
		die("write");
}

/* --- load --- */

static void write_blocks(unsigned int writer)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/blocks-%u", folder, writer);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		die(path);
	for (uint64_t number = 0;; number++) {
		put(fd, writer, number, (off_t)(number % RING * sizeof(struct block)));
		acks[writer] = number + 1;
	}
}

static void write_file(int dir, uint64_t number)
{
	char temporary[64], name[64];
	int fd;

	snprintf(temporary, sizeof(temporary), "new-%" PRIu64, number);
	snprintf(name, sizeof(name), "file-%" PRIu64, number);
	fd = openat(dir, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		die(temporary);
	put(fd, WRITERS, number, 0);
	close(fd);
	if (renameat(dir, temporary, dir, name) < 0 || fsync(dir) < 0)
		die(name);
}

static void write_files(void)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[64];

	if (dir < 0)
		die(folder);
	for (uint64_t number = 0;; number++) {
		write_file(dir, number);
		acks[WRITERS] = number + 1;
		snprintf(name, sizeof(name), "file-%" PRIu64, number - KEEP);
		if (number >= KEEP && unlinkat(dir, name, 0) < 0)
			die(name);
	}
}

static void *write_all(void *data)
{
	unsigned int writer = (unsigned int)(uintptr_t)data;

	if (writer == WRITERS)
		write_files();
	write_blocks(writer);
	return NULL;
}

static int load(void)
{
	pthread_t thread;

	for (unsigned int writer = 0; writer < WRITERS; writer++) {
		errno = pthread_create(&thread, NULL, write_all, (void *)(uintptr_t)writer);
		if (errno != 0)
			die("start a thread");
	}
	write_all((void *)(uintptr_t)WRITERS);
	return 3;
}

/* --- check --- */

/* Whether the block at @at of @fd is @number, or the one that was to be written over it next. */
static bool has(int fd, unsigned int writer, uint64_t number, off_t at)
{
	struct block block;

	return pread(fd, &block, sizeof(block), at) == sizeof(block) && is_block(&block, writer) &&
	       (block.number == number || block.number == number + RING);
}

static uint64_t missing_blocks(unsigned int writer)
{
	uint64_t count = acks[writer], first = count > RING ? count - RING : 0, missing = 0;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/blocks-%u", folder, writer);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (uint64_t number = first; number < count; number++)
		if (fd < 0 ||
			!has(fd, writer, number, (off_t)(number % RING * sizeof(struct block))))
			missing++;
	if (fd >= 0)
		close(fd);
	return missing;
}

/* The oldest one but one may be gone: the next acknowledgement would have been next. */
static uint64_t missing_files(void)
{
	uint64_t count = acks[WRITERS], first = count > KEEP - 1 ? count - (KEEP - 1) : 0,
		 missing = 0;

	for (uint64_t number = first; number < count; number++) {
		char path[4096];
		int fd;

		snprintf(path, sizeof(path), "%s/file-%" PRIu64, folder, number);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || !has(fd, WRITERS, number, 0))
			missing++;
		if (fd >= 0)
			close(fd);
	}
	return missing;
}

static int check(void)
{
	uint64_t missing = missing_files(), count = acks[WRITERS];
	bool idle = acks[WRITERS] == 0;

	for (unsigned int writer = 0; writer < WRITERS; writer++) {
		missing += missing_blocks(writer);
		count += acks[writer];
		idle |= acks[writer] == 0;
	}
	printf("%" PRIu64 " acknowledged, %" PRIu64 " missing\n", count, missing);
	return missing == 0 && !idle ? 0 : 1;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 4 || (strcmp(argv[1], "load") != 0 && strcmp(argv[1], "check") != 0)) {
		fputs("usage: vss-writer load|check FOLDER ACKS\n", stderr);
		return 2;
	}
	folder = argv[2];
	fd = open(argv[3], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (WRITERS + 1) * sizeof(uint64_t)) < 0)
		die(argv[3]);
	acks = mmap(
		NULL, (WRITERS + 1) * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (acks == MAP_FAILED)
		die(argv[3]);
	return argv[1][0] == 'l' ? load() : check();
}
