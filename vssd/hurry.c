/* SPDX-License-Identifier: GPL-2.0-only */
/* The note is an empty file: which switch it is about is known. */
#include "config.h"

#include "vssd/hurry.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
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

/* Whatever else has its name is replaced, and not followed. */
static bool make_note(const char *note)
{
	int fd;

	unlink(note);
	fd = open(note, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
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
	if (name_note(hurry->note, sizeof(hurry->note), marker) && make_note(hurry->note)) {
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
	if (hurry->on && set(hurry->fd, '0'))
		hurry->on = false; /* from here on it is somebody else's who has it on */
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

void vss_hurry_undo(const char *path, const char *marker)
{
	char note[PATH_MAX];
	int fd;

	if (!name_note(note, sizeof(note), marker) || access(note, F_OK) < 0)
		return;
	fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	if (fd >= 0 && !set(fd, '0'))
		fprintf(stderr, "%s: cannot be switched off\n", path);
	if (fd >= 0)
		close(fd);
	unlink(note);
}
