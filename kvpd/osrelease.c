/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * os-release files are lines of shell assignments without expansion; the shell's quoting rules
 * apply, and the last assignment of a name counts.
 */
#include "config.h"

#include "kvpd/osrelease.h"

#include <string.h>

#include <util/file.h>

#define FILE_MAX (64 * 1024) /* ours: real ones have less than 1 KiB */

/* The assigned text of one line, or NULL where the line is about something else. */
static char *value_of_line(char *line, const char *key)
{
	gsize len = strlen(key);

	g_strstrip(line);
	if (strncmp(line, key, len) != 0 || line[len] != '=')
		return NULL;
	if (line[len + 1] == '\0')
		return g_strdup("");
	return g_shell_unquote(line + len + 1, NULL);
}

char *os_release_value(const char *text, const char *key)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autofree char *value = NULL;

	for (char **line = lines; *line; line++) {
		char *found = value_of_line(*line, key);

		if (!found)
			continue;
		g_free(value);
		value = found;
	}
	return g_steal_pointer(&value);
}

static char *read_text(const char *root, const char *name)
{
	g_autofree char *path = g_build_filename(root, name, NULL);

	return hvis_file_read(path, FILE_MAX, NULL, NULL);
}

/* "12.5" of Debian's own file, where it belongs to release "12". */
static char *debian_minor(const char *root, const char *major)
{
	g_autofree char *text = read_text(root, "etc/debian_version");
	gsize len = strlen(major);

	if (!text || len == 0)
		return NULL;
	g_strstrip(text);
	if (strncmp(text, major, len) != 0 || text[len] != '.' || text[len + 1] == '\0' ||
		text[len + 1 + strspn(text + len + 1, "0123456789.")] != '\0')
		return NULL;
	return g_strdup(text + len + 1);
}

static void split_version(const char *version, OsRelease *ret)
{
	const char *dot = strchr(version, '.');

	ret->major = dot ? g_strndup(version, (gsize)(dot - version)) : g_strdup(version);
	ret->minor = dot ? g_strdup(dot + 1) : NULL;
}

void os_release_read(const char *root, OsRelease *ret)
{
	g_autofree char *text = read_text(root, "etc/os-release");
	g_autofree char *version = NULL;

	*ret = (OsRelease){ 0 };
	if (!text)
		text = read_text(root, "usr/lib/os-release");
	if (text) {
		ret->name = os_release_value(text, "NAME");
		version = os_release_value(text, "VERSION_ID");
	}
	split_version(version ? version : "", ret);
	if (!ret->minor)
		ret->minor = debian_minor(root, ret->major);
	if (!ret->minor)
		ret->minor = g_strdup("");
	if (!ret->name || ret->name[0] == '\0') {
		g_free(ret->name);
		ret->name = g_strdup("Linux");
	}
}

void os_release_clear(OsRelease *release)
{
	g_clear_pointer(&release->name, g_free);
	g_clear_pointer(&release->major, g_free);
	g_clear_pointer(&release->minor, g_free);
}
