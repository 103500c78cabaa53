/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A marker without a guard: everybody was killed. What it names is looked for again, first where it
 * was, then in whatever view of the mounts there is, and thawed. What may be frozen after that is kept for
 * the next time, and nothing else is: by then somebody else may have frozen it.
 *
 * A worker that was killed in the middle of a freeze is there until the kernel has done with it, and then
 * it is frozen: for as long as the marker is held what is not frozen is asked again.
 */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vssd/guard.h"
#include "vssd/hurry.h"
#include "vssd/marker.h"
#include "vssd/prove.h"

#define VIEWS_MAX 4u /* that are tried although they keep us out: each takes a while, see enter.h */
#define HELD_ROUNDS_MAX 600u /* ours, a second each: then the marker stays for the next one */
#define KEPT_MAX (3 * VSS_TARGETS_MAX) /* ours: each is of another superblock */

/* A path of mountinfo: blanks and the like are \ and three octal digits. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		if (from[0] == '\\' && isdigit(from[1]) && isdigit(from[2]) && isdigit(from[3])) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
			from += 4;
		} else
			*to = *from++;
	}
	*to = '\0';
}

/* Where @wanted's superblock is in the view of @pid, opened; an errno, ENOENT where it is not there. */
static int open_in_view(const struct vss_target *wanted, int pid, int *ret_fd)
{
	struct vss_target found = *wanted;
	char name[32], line[3 * PATH_MAX];
	int err = ENOENT;
	FILE *table;

	snprintf(name, sizeof(name), "/proc/%d/mountinfo", pid);
	table = fopen(name, "re");
	if (!table)
		return ENOENT; /* it has ended, or is not for us to see */
	found.pid = pid;
	while (err != 0 && fgets(line, sizeof(line), table)) {
		unsigned int major, minor;

		if (sscanf(line, "%d %*d %u:%u %*s %4095s", &found.mount_id, &major, &minor,
			    found.path) != 4 ||
			major != wanted->major || minor != wanted->minor)
			continue;
		unescape(found.path);
		err = vss_fs_open(&found, ret_fd);
		if (err == ENOENT)
			err = ESTALE; /* something else is over it */
	}
	fclose(table);
	return err;
}

static int open_anywhere(const struct vss_target *target, int *ret_fd)
{
	int first = vss_fs_open(target, ret_fd), found = ENOENT;
	DIR *proc = first != 0 ? opendir("/proc") : NULL;
	unsigned int tries = VIEWS_MAX;
	struct dirent *entry;

	if (first == 0)
		return 0;
	while (proc && tries > 0 && (entry = readdir(proc))) {
		int err = isdigit(entry->d_name[0])
				  ? open_in_view(target, atoi(entry->d_name), ret_fd)
				  : ENOENT;

		if (err == 0)
			found = 0;
		else if (err != ENOENT && found == ENOENT)
			found = err; /* it is there, and out of reach */
		if (found == 0)
			break;
		tries -= err == EACCES || err == ETIMEDOUT;
	}
	if (proc)
		closedir(proc);
	return proc ? found : first;
}

/* @path for people: control characters, backslashes and what is no ASCII as \xNN. */
static const char *shown(const char *path)
{
	static char text[4 * PATH_MAX];
	size_t len = 0;

	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (c < ' ' || c == '\\' || c >= 0x7f)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "\\x%02x", c);
		else
			text[len++] = *path;
	}
	text[len] = '\0';
	return text;
}

enum undone { NOTHING_TO_DO, THAWED, NOT_FROZEN, STUCK };

/* Thaw @target, and say so. STUCK where it may still be frozen. */
static enum undone thaw(const struct vss_target *target)
{
	int fd = -1, err = open_anywhere(target, &fd);

	if (err == ENOENT) {
		fprintf(stderr, "%s: not mounted any more\n", shown(target->path));
		return NOTHING_TO_DO;
	}
	if (err == 0) {
		err = vss_fs_thaw(fd);
		close(fd);
	}
	if (err == 0)
		fprintf(stderr, "%s: was left frozen, and is thawed\n", shown(target->path));
	else if (err != EINVAL)
		fprintf(stderr, "%s: thaw: %s\n", shown(target->path), strerror(err));
	return err == 0 ? THAWED : err == EINVAL ? NOT_FROZEN : STUCK;
}

/* What two files name, in the order of freezing. */
struct list {
	unsigned int n;
	struct vss_target targets[KEPT_MAX + VSS_TARGETS_MAX];
};

enum reading { READ, SET_ASIDE, UNREADABLE };

/* One that is damaged tells nobody anything, and must not be in the way of the next one either. */
static enum reading set_aside(const char *path)
{
	char aside[PATH_MAX + sizeof(VSS_MARKER_DAMAGED)];

	snprintf(aside, sizeof(aside), "%s" VSS_MARKER_DAMAGED, path);
	if (rename(path, aside) < 0) {
		fprintf(stderr, "%s: damaged\n", path);
		return UNREADABLE;
	}
	fprintf(stderr, "%s: damaged; it is %s now\n", path, aside);
	return SET_ASIDE;
}

/* Add what @path names to @list, @max at most. */
static enum reading add(struct list *list, const char *path, unsigned int max)
{
	unsigned int n = 0;
	int err = vss_marker_read(path, list->targets + list->n, max, &n);

	list->n += n;
	if (err == EBADMSG)
		return set_aside(path);
	if (err == 0 || err == ENOENT)
		return READ;
	fprintf(stderr, "%s: %s\n", path, strerror(err));
	return UNREADABLE;
}

/* Whether @list has the superblock of the one at @place behind it, too. */
static bool is_again(const struct list *list, unsigned int place)
{
	const struct vss_target *one = &list->targets[place];

	for (unsigned int i = place + 1; i < list->n; i++)
		if (list->targets[i].major == one->major && list->targets[i].minor == one->minor)
			return true;
	return false;
}

/*
 * Thaw from the last to the first; what is stuck remains in @list, and with @held what is not frozen, which
 * is added to *@ret_open. How many were thawed.
 */
static unsigned int thaw_all(struct list *list, bool held, unsigned int *ret_open)
{
	bool stuck[KEPT_MAX + VSS_TARGETS_MAX] = { false };
	unsigned int thawed = 0, n = 0;

	for (unsigned int i = list->n; i > 0; i--) {
		enum undone how =
			is_again(list, i - 1) ? NOTHING_TO_DO : thaw(&list->targets[i - 1]);

		thawed += how == THAWED;
		stuck[i - 1] = how == STUCK || (held && how == NOT_FROZEN);
		*ret_open += held && how == NOT_FROZEN;
	}
	for (unsigned int i = 0; i < list->n; i++)
		if (stuck[i])
			list->targets[n++] = list->targets[i];
	list->n = n;
	return thawed;
}

/* @list is what remains. FALSE where that could not be written down: then both files stay as they are. */
static bool keep(const char *marker, const char *kept, const struct list *list)
{
	int err = list->n > KEPT_MAX ? E2BIG : 0;

	if (err == 0 && list->n > 0)
		err = vss_marker_replace(kept, list->targets, list->n);
	if (err != 0) {
		fprintf(stderr, "%s: %s\n", kept, strerror(err));
		return false;
	}
	unlink(marker);
	if (list->n == 0)
		unlink(kept);
	return true;
}

/* FALSE where what is not frozen now may be soon. */
static bool thaw_until_free(struct list *list, const char *marker, unsigned int *ret_thawed)
{
	for (unsigned int round = 0; round < HELD_ROUNDS_MAX; round++) {
		bool held = vss_marker_is_held(marker);
		unsigned int open = 0;

		*ret_thawed += thaw_all(list, held, &open);
		if (open == 0)
			return true;
		if (round == 0)
			fprintf(stderr, "%s: waiting for a freeze that has not ended yet\n",
				marker);
		sleep(1);
	}
	return false;
}

/* With memory for @list, which the guard of a backup does not lock for it. */
static int undo(struct list *list, const char *marker, const char *kept)
{
	enum reading former = add(list, kept, KEPT_MAX);
	enum reading last = add(list, marker, VSS_TARGETS_MAX);
	unsigned int thawed = 0;

	vss_hurry_undo(vss_prove_hurry(VSS_HURRY_SWITCH), marker);
	if (!thaw_until_free(list, marker, &thawed))
		return 2;
	if (former == UNREADABLE || last == UNREADABLE || !keep(marker, kept, list))
		return 2;
	if (list->n > 0 || former != READ || last != READ)
		return 2;
	return thawed > 0;
}

int vss_guard_thaw_left_over(const char *marker)
{
	struct list *list = calloc(1, sizeof(*list));
	char kept[PATH_MAX];
	int result = 2;

	if (list && snprintf(kept, sizeof(kept), "%s" VSS_MARKER_KEPT, marker) < (int)sizeof(kept))
		result = undo(list, marker, kept);
	free(list);
	return result;
}
