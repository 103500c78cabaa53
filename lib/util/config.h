/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration: /usr/lib/hvis/hvis.conf, then /etc/hvis/hvis.conf, then the *.conf files of
 * /etc/hvis/hvis.conf.d in the order of their names; what is read later wins. What may be written
 * there is a table of the caller's; anything else is an error with file and line.
 *
 * The form is that of unit files: [section], key=value, comments start with # or ; in the first
 * column. White space around keys and values does not count; there are no quotes.
 */
#pragma once

#include <glib.h>

typedef enum {
	HVIS_CONFIG_STRING,
	HVIS_CONFIG_BOOL, /* yes no true false on off 1 0 */
	HVIS_CONFIG_INT, /* decimal, from min to max */
	HVIS_CONFIG_SECONDS, /* 90, 90s, 15min, 2h, 500ms: kept in milliseconds, from min to max */
	HVIS_CONFIG_SIZE, /* 4096, 64K, 1M, 2G, powers of 1024: bytes, from min to max */
	HVIS_CONFIG_CHOICE, /* one of choices */
	HVIS_CONFIG_PATH, /* absolute */
	HVIS_CONFIG_LIST, /* words, separated by spaces; may be empty */
	HVIS_CONFIG_N,
} HvisConfigType;

/*
 * A row of the table. A row without a key: the section is somebody else's, do not look inside. Where the
 * first row has the section "" all have, and the file is one without sections.
 */
typedef struct {
	const char *section, *key;
	HvisConfigType type;
	const char *fallback; /* as it would be written; must be valid */
	gint64 min, max;
	const char *const *choices; /* NULL-terminated */
	const char *help; /* one sentence, for "config show" */
} HvisConfigKey;

typedef struct HvisConfig HvisConfig;

/*
 * Read everything below @root ("" for the system's; a directory in tests). @keys ends with a row
 * without a section and must outlive the result. Files that are missing are no error.
 */
HvisConfig *hvis_config_load(const HvisConfigKey *keys, const char *root, GError **error);

/* The same from the @len bytes at @text alone, called @name in errors and origins. */
HvisConfig *hvis_config_parse(
	const HvisConfigKey *keys, const char *name, const char *text, gsize len, GError **error);
void hvis_config_free(HvisConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HvisConfig, hvis_config_free)

/* Values of a key in the table (anything else is a programming error). Borrowed. */
const char *hvis_config_string(HvisConfig *config, const char *section, const char *key);
gboolean hvis_config_bool(HvisConfig *config, const char *section, const char *key);
gint64 hvis_config_int(HvisConfig *config, const char *section, const char *key); /* SECONDS: ms */
const char *const *hvis_config_list(HvisConfig *config, const char *section, const char *key);

/* Where the value comes from: "/etc/hvis/hvis.conf:7", or NULL where it is built in. */
const char *hvis_config_origin(HvisConfig *config, const char *section, const char *key);

/* Every key in the order of the table: its row, its text, its origin (NULL = built in). */
typedef void (*HvisConfigEach)(
	const HvisConfigKey *key, const char *text, const char *origin, gpointer data);
void hvis_config_foreach(HvisConfig *config, HvisConfigEach each, gpointer data);

/* The files that were read, in their order; NULL-terminated, borrowed. */
const char *const *hvis_config_files(HvisConfig *config);
