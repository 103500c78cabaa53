/* SPDX-License-Identifier: GPL-2.0-only */
/* The note is the path of the switch, in a line. */
#include "config.h"

#include "vssd/hurry.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool set(int fd, char value)
{
	const char text[] = { value, '\n' };

	return pwrite(fd, text, sizeof(text), 0) == sizeof(text);
}

/* An open switch that is off; -1 where there is none. */
static int open_switch(const char *path)
{
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	char value;

	if (fd >= 0 && (pread(fd, &value, 1, 0) != 1 || value != '0')) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool write_note(const char *note, const char *path)
{
	FILE *file = fopen(note, "we");
	bool written;

	if (!file)
		return false;
	written = fprintf(file, "%s\n", path) > 0;
	written = fclose(file) == 0 && written;
	if (!written)
		unlink(note);
	return written;
}

static bool name_note(char *note, size_t size, const char *marker)
{
	return snprintf(note, size, "%s" VSS_HURRY_NOTE, marker) < (int)size;
}

void vss_hurry_begin(struct vss_hurry *hurry, const char *path, const char *marker)
{
	*hurry = VSS_HURRY_INIT;
	hurry->fd = open_switch(path);
	if (hurry->fd < 0)
		return;
	if (name_note(hurry->note, sizeof(hurry->note), marker) && write_note(hurry->note, path)) {
		hurry->on = set(hurry->fd, '1');
		if (hurry->on)
			return;
		unlink(hurry->note);
	}
	close(hurry->fd);
	hurry->fd = -1;
}

void vss_hurry_end(struct vss_hurry *hurry)
{
	if (hurry->fd >= 0 && set(hurry->fd, '0'))
		hurry->on = false;
}

void vss_hurry_forget(struct vss_hurry *hurry)
{
	if (hurry->fd < 0)
		return;
	vss_hurry_end(hurry);
	close(hurry->fd);
	hurry->fd = -1;
	if (!hurry->on)
		unlink(hurry->note);
}

void vss_hurry_undo(const char *marker)
{
	char note[PATH_MAX], path[PATH_MAX];
	FILE *file = name_note(note, sizeof(note), marker) ? fopen(note, "re") : NULL;
	int fd = -1;

	if (!file)
		return;
	if (fgets(path, sizeof(path), file)) {
		path[strcspn(path, "\n")] = '\0';
		fd = open(path, O_WRONLY | O_CLOEXEC);
	}
	fclose(file);
	if (fd >= 0 && !set(fd, '0'))
		fprintf(stderr, "%s: cannot be switched off\n", path);
	if (fd >= 0)
		close(fd);
	unlink(note);
}
