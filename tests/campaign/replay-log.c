/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads what dm-log-writes has logged and applies it, entry by entry, to a copy of what the device held before:
 * after each, the copy is what a disk may hold when the power fails there.
 *
 *   replay-log count LOG               "ENTRIES BYTES": how many there are, and how much of LOG they take
 *   replay-log apply LOG DISK ENTRY    apply that one (from 0); prints "write", "flush", "discard" or "mark TEXT"
 *
 * The log is in sectors of the size that its first one names. That sector holds magic, version, the number of
 * entries and the sector size; each entry is a sector with sector, number of sectors, flags and length
 * of the text of a mark, which follows in the same sector; the data of a write follows in the next ones.
 * (drivers/md/dm-log-writes.c of Linux 6.1.)
 */
#include "config.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x6a736677736872ull
#define VERSION_1 1
#define SECTOR_MAX 4096
#define WRITE_MAX (64u << 20) /* bytes of one write: a block layer's request is far smaller */

enum { FLAG_FLUSH = 1, FLAG_FUA = 2, FLAG_DISCARD = 4, FLAG_MARK = 8, FLAG_METADATA = 16 };

struct super {
	uint64_t magic, version, entries;
	uint32_t sector_size;
} __attribute__((packed));

struct entry {
	uint64_t sector, sectors, flags, text;
} __attribute__((packed));

static struct {
	int fd;
	uint64_t entries, sector_size;
	uint64_t at; /* bytes: the next entry */
} log_;

static void die(const char *what)
{
	fprintf(stderr, "replay-log: %s: %s\n", what, errno ? strerror(errno) : "is no log");
	exit(1);
}

static void get(void *to, size_t len, uint64_t from)
{
	errno = 0;
	if (pread(log_.fd, to, len, (off_t)from) != (ssize_t)len)
		die("read");
}

static void open_log(const char *path)
{
	struct super super;

	log_.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (log_.fd < 0)
		die(path);
	get(&super, sizeof(super), 0);
	log_.entries = le64toh(super.entries);
	log_.sector_size = le32toh(super.sector_size);
	if (le64toh(super.magic) != MAGIC || le64toh(super.version) != VERSION_1 ||
		log_.sector_size < sizeof(struct entry) || log_.sector_size > SECTOR_MAX)
		die(path);
	log_.at = log_.sector_size;
}

/* The entry at log_.at, in host order; bytes of data that follow its sector in @data. */
static struct entry next_entry(uint64_t *data)
{
	struct entry raw, entry;

	get(&raw, sizeof(raw), log_.at);
	entry = (struct entry){ le64toh(raw.sector), le64toh(raw.sectors), le64toh(raw.flags),
		le64toh(raw.text) };
	*data = entry.flags & (FLAG_MARK | FLAG_DISCARD) ? 0 : entry.sectors * log_.sector_size;
	if (*data > WRITE_MAX || entry.text > log_.sector_size - sizeof(raw))
		die("entry");
	return entry;
}

static void skip_entries(uint64_t count)
{
	uint64_t data;

	while (count-- > 0) {
		next_entry(&data);
		log_.at += log_.sector_size + data;
	}
}

static void put(int disk, const void *bytes, size_t len, uint64_t at)
{
	if (pwrite(disk, bytes, len, (off_t)at) != (ssize_t)len)
		die("write");
}

static void discard(int disk, const struct entry *entry)
{
	if (fallocate(disk, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		    (off_t)(entry->sector * log_.sector_size),
		    (off_t)(entry->sectors * log_.sector_size)) < 0)
		die("discard");
}

static void apply(int disk)
{
	char text[SECTOR_MAX + 1] = { 0 };
	uint64_t len;
	struct entry entry = next_entry(&len);

	if (entry.flags & FLAG_MARK) {
		get(text, entry.text, log_.at + sizeof(entry));
		printf("mark %s\n", text);
	} else if (entry.flags & FLAG_DISCARD) {
		discard(disk, &entry);
		puts("discard");
	} else if (len == 0) {
		puts("flush");
	} else {
		char *bytes = malloc(len);

		if (!bytes)
			die("memory");
		get(bytes, len, log_.at + log_.sector_size);
		put(disk, bytes, len, entry.sector * log_.sector_size);
		free(bytes);
		puts("write");
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "count") == 0) {
		open_log(argv[2]);
		skip_entries(log_.entries);
		printf("%llu %llu\n", (unsigned long long)log_.entries,
			(unsigned long long)log_.at);
	} else if (argc == 5 && strcmp(argv[1], "apply") == 0) {
		uint64_t entry = strtoull(argv[4], NULL, 10);
		int disk = open(argv[3], O_WRONLY | O_CLOEXEC);

		if (disk < 0)
			die(argv[3]);
		open_log(argv[2]);
		if (entry >= log_.entries)
			die("entry");
		skip_entries(entry);
		apply(disk);
		close(disk);
	} else {
		fprintf(stderr, "see the head of replay-log.c\n");
		return 2;
	}
	return 0;
}
