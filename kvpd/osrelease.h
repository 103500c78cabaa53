/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What os-release(5) says about the distribution, as far as the host is told.
 */
#pragma once

#include <glib.h>

typedef struct {
	char *name; /* "Debian GNU/Linux"; "Linux" where nothing is said */
	char *major, *minor; /* of VERSION_ID: "22" and "04"; "" where there is none */
} OsRelease;

/*
 * Read ROOT/etc/os-release, else ROOT/usr/lib/os-release. Debian's VERSION_ID has no minor part; it
 * comes from ROOT/etc/debian_version then. Never fails; free with os_release_clear().
 */
void os_release_read(const char *root, OsRelease *ret);
void os_release_clear(OsRelease *release);

/* The value of @key in the text of an os-release file, unquoted; NULL where it has none. */
char *os_release_value(const char *text, const char *key);
