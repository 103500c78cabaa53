/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arguments of the commands of "hvis-host ctl", declared as a table and parsed into the JSON
 * parameters of the method that the command calls. The same table makes the help.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

typedef enum {
	CTL_WORD, /* a word that must be there: string */
	CTL_WORD_OPT, /* a word that may be there: string */
	CTL_STRING, /* --name VALUE: string */
	CTL_INT, /* --name N: integer, 0 or more */
	CTL_DURATION, /* --name S: milliseconds, from a decimal number of seconds */
	CTL_HOLD, /* --name S: the same, 0 to an hour */
	CTL_FLAG, /* --name: true */
	CTL_CONST, /* --name: the string @constant */
	CTL_LIST, /* --name VALUE, many times or joined by commas: list of strings */
	CTL_ARG_N,
} CtlArgKind;

typedef struct {
	const char *name; /* "pool"; for words as the help shows them: "KEY"; NULL ends a table */
	CtlArgKind kind;
	const char *member; /* of the parameters; with a leading '.' for the client itself */
	const char *constant; /* CTL_CONST */
} CtlArg;

/* Options that every command takes besides its own: --json, --timeout. */
extern const CtlArg ctl_common_args[];

/*
 * Parse @words (NULL-terminated, without the command's name) by @args and the common ones. Members
 * for the method go into @params, those of the client, without the dot, into @local. INVALID names
 * what is wrong. "--" ends the options.
 */
gboolean ctl_args_parse(const CtlArg *args, const char *const *words, struct json_object *params,
	struct json_object *local, GError **error);

/* The host's @error about a parameter, in the words of the command line: "silent_after" becomes "--silent-after". */
void ctl_args_rename(const CtlArg *args, GError *error);

/* " KEY VALUE [--pool POOL]", for the help. New string. */
char *ctl_args_usage(const CtlArg *args);
