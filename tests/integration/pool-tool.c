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
 *   pool-tool fill FILE PREFIX COUNT                 a new file with these records, all at once
 *   pool-tool judge [-t] BEFORE NOW KEY [VALUE]      what a change of KEY (to VALUE; without: its removal)
 *                                                    that may have been cut off has left of BEFORE: "lost L
 *                                                    torn T tail B STATE". L other records are gone or say
 *                                                    something else, T are neither of BEFORE nor the new one
 *                                                    (what has no key is no record),
 *                                                    B bytes follow the last whole one; STATE is before, after
 *                                                    or between. -t: only the text up to the NUL counts.
 *   pool-tool model BEFORE OPS PREFIX                PREFIX0 is BEFORE, PREFIXn the file after n lines of OPS:
 *                                                    "set KEY VALUE" or "remove KEY", without blanks
 *   pool-tool same FILE FILE                         status 0 where both hold the same records
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

static void fill(const char *path, const char *prefix, int count)
{
	FILE *file = fopen(path, "wb");

	if (!file)
		die(path);
	for (int i = 0; i < count; i++) {
		char record[RECORD] = { 0 };

		snprintf(record, KEY, "%s%d", prefix, i);
		snprintf(record + KEY, RECORD - KEY, "value %d", i);
		if (fwrite(record, RECORD, 1, file) != 1)
			die("write");
	}
	if (fclose(file) != 0)
		die("write");
}

/* --- judge --- */

typedef struct {
	char *bytes;
	size_t count, tail;
} Pool;

static Pool load(const char *path)
{
	FILE *file = fopen(path, "rb");
	Pool pool = { 0 };
	long size;

	if (!file || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0)
		die(path);
	rewind(file);
	pool.bytes = calloc(1, (size_t)size + RECORD); /* room for one more */
	if (!pool.bytes || fread(pool.bytes, 1, (size_t)size, file) != (size_t)size)
		die(path);
	fclose(file);
	pool.count = (size_t)size / RECORD;
	pool.tail = (size_t)size % RECORD;
	return pool;
}

static char *at(const Pool *pool, size_t i)
{
	return pool->bytes + i * RECORD;
}

/* Without what has no key at the end: room for the next record, none itself. */
static Pool load_records(const char *path)
{
	Pool pool = load(path);

	while (pool.count > 0 && !at(&pool, pool.count - 1)[0])
		pool.count--;
	return pool;
}

static int same(const char *a, const char *b, int text)
{
	if (!text)
		return memcmp(a, b, RECORD) == 0;
	return strncmp(a, b, KEY) == 0 && strncmp(a + KEY, b + KEY, RECORD - KEY) == 0;
}

static int is_key(const char *record, const char *key)
{
	return strncmp(record, key, KEY) == 0;
}

/* The last one with the key of RECORD, which is the one that counts; NULL: none. */
static const char *last_of(const Pool *pool, const char *record)
{
	for (size_t i = pool->count; i-- > 0;) {
		if (is_key(at(pool, i), record))
			return at(pool, i);
	}
	return NULL;
}

/* What the change makes of BEFORE, in place: RECORD is the new one, or no more than the key. */
static void change(Pool *before, const char *record, int removes)
{
	size_t kept = 0;

	if (!removes) {
		char *last = (char *)last_of(before, record);

		memcpy(last ? last : at(before, before->count++), record, RECORD);
		return;
	}
	for (size_t i = 0; i < before->count; i++) {
		if (!is_key(at(before, i), record))
			memmove(at(before, kept++), at(before, i), RECORD);
	}
	before->count = kept;
}

static int same_pools(const Pool *a, const Pool *b, int text)
{
	if (a->count != b->count || a->tail != b->tail)
		return 0;
	for (size_t i = 0; i < a->count; i++) {
		if (!same(at(a, i), at(b, i), text))
			return 0;
	}
	return 1;
}

static size_t count_lost(const Pool *before, const Pool *now, const char *key, int text)
{
	size_t lost = 0;

	for (size_t i = 0; i < before->count; i++) {
		const char *found, *was = at(before, i);

		if (is_key(was, key) || last_of(before, was) != was)
			continue;
		/* mostly where it was */
		found = i < now->count && same(at(now, i), was, text) ? was : last_of(now, was);
		lost += !found || !same(found, was, text);
	}
	return lost;
}

static int is_one_of(const Pool *pool, size_t guess, const char *record, int text)
{
	if (guess < pool->count && same(at(pool, guess), record, text))
		return 1;
	for (size_t i = 0; i < pool->count; i++) {
		if (same(at(pool, i), record, text))
			return 1;
	}
	return 0;
}

static size_t count_torn(const Pool *before, const Pool *now, const char *new_one, int text)
{
	size_t torn = 0;

	for (size_t i = 0; i < now->count; i++) {
		const char *record = at(now, i);

		torn += record[0] && !same(record, new_one, text) &&
			!is_one_of(before, i, record, text);
	}
	return torn;
}

static void judge(int text, char **argv)
{
	Pool before = load(argv[0]), now = load_records(argv[1]);
	char record[RECORD] = { 0 };
	const char *state;
	size_t lost, torn;

	snprintf(record, KEY, "%s", argv[2]);
	if (argv[3])
		snprintf(record + KEY, RECORD - KEY, "%s", argv[3]);
	lost = count_lost(&before, &now, record, text);
	torn = count_torn(&before, &now, record, text);
	state = same_pools(&before, &now, text) ? "before" : NULL;
	change(&before, record, !argv[3]);
	if (!state)
		state = same_pools(&before, &now, text) ? "after" : "between";
	printf("lost %zu torn %zu tail %zu %s\n", lost, torn, now.tail, state);
	free(before.bytes);
	free(now.bytes);
}

static void save(const Pool *pool, const char *prefix, int n)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s%d", prefix, n);
	file = fopen(path, "wb");
	if (!file || fwrite(pool->bytes, RECORD, pool->count, file) != pool->count || fclose(file))
		die(path);
}

static void model(const char *before, const char *ops_path, const char *prefix)
{
	Pool pool = load(before);
	FILE *ops = fopen(ops_path, "re");
	char verb[16], line[RECORD + 32], key[KEY], value[RECORD - KEY];
	int n = 0;

	if (!ops)
		die(ops_path);
	save(&pool, prefix, n);
	while (fgets(line, sizeof(line), ops)) {
		char record[RECORD] = { 0 };
		int words = sscanf(line, "%15s %511s %2047s", verb, key, value);

		if (words < 2)
			die(ops_path);
		snprintf(record, KEY, "%s", key);
		if (words == 3)
			snprintf(record + KEY, RECORD - KEY, "%s", value);
		change(&pool, record, words == 2);
		pool.bytes = realloc(pool.bytes, (pool.count + 1) * RECORD);
		if (!pool.bytes)
			die("memory");
		save(&pool, prefix, ++n);
	}
	fclose(ops);
	free(pool.bytes);
}

static int same_files(const char *a, const char *b)
{
	Pool first = load_records(a), second = load_records(b);
	int same_records = same_pools(&first, &second, 0);

	free(first.bytes);
	free(second.bytes);
	return same_records;
}

int main(int argc, char **argv)
{
	int text = argc > 2 && strcmp(argv[2], "-t") == 0;

	if (argc == 6 && strcmp(argv[1], "append") == 0) {
		append(argv[2], argv[3], argv[4], atoi(argv[5]));
	} else if (argc == 3 && strcmp(argv[1], "dump") == 0) {
		dump(argv[2]);
	} else if (argc == 5 && strcmp(argv[1], "hold") == 0) {
		open_locked(argv[2], argv[3], O_RDWR);
		puts("locked");
		fflush(stdout);
		sleep((unsigned int)atoi(argv[4]));
	} else if (argc == 5 && strcmp(argv[1], "fill") == 0) {
		fill(argv[2], argv[3], atoi(argv[4]));
	} else if (argc - text >= 5 && argc - text <= 6 && strcmp(argv[1], "judge") == 0) {
		judge(text, argv + 2 + text);
	} else if (argc == 5 && strcmp(argv[1], "model") == 0) {
		model(argv[2], argv[3], argv[4]);
	} else if (argc == 4 && strcmp(argv[1], "same") == 0) {
		return !same_files(argv[2], argv[3]);
	} else {
		fprintf(stderr, "see the head of pool-tool.c\n");
		return 2;
	}
	return 0;
}
