/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * "hvis-host ctl": a client of the control socket. One table says which command calls which method
 * with which arguments and how its answer is shown to people; --json shows the answer as it came.
 */
#pragma once

#include <glib.h>
#include <stdio.h>
#include "host/ctl-args.h"
#include "util/error.h"
#include "util/output.h"

typedef struct {
	struct json_object *params; /* for the method */
	struct json_object *local; /* for this program: json, file, count… */
	int fd; /* of the file that goes with the call; -1 = none */
} CtlCall;

typedef struct {
	const char *name; /* "kvp get"; NULL ends the table */
	const char *method;
	const char *summary;
	const char *help; /* its options, lines with an end; NULL where the summary says it all */
	const CtlArg *args;
	gboolean waits; /* the method takes timeout_ms */
	gboolean patient; /* with --timeout: the host may still be starting */
	gboolean stream; /* many answers, each an event */
	gboolean
		pages; /* where an answer has "next" the rest of @member is asked for with "from" */
	/* Turn arguments into what the method wants, where the table alone cannot. */
	gboolean (*prepare)(CtlCall *call, GError **error);
	/* Open what goes with the call as its file: ->fd; this is with the rights of who calls. */
	gboolean (*open)(CtlCall *call, GError **error);
	/* Several answers: show on a terminal how far it has come; NULL = it has ended. */
	void (*progress)(FILE *terminal, struct json_object *answer);
	/* Show member @member of the answer by @columns, or the answer by @print; neither: silence. */
	const char *member;
	const OutputColumn *columns;
	void (*print)(FILE *stream, struct json_object *answer);
	/* The exit status that an answer means, with @error where it is more than 1; NULL = done. */
	HvisExit (*judge)(struct json_object *answer, GError **error);
} CtlCommand;

extern const CtlCommand ctl_commands[];

/* The command that @words begin with, and how many of them are its name. NULL with @error. */
const CtlCommand *ctl_find(const char *const *words, guint *n_words, GError **error);

/*
 * The whole of it: talk to the host at @socket, write to @out. The status is the program's; for
 * anything but 0 and 1 @error is set.
 */
HvisExit ctl_run(const char *socket, const char *const *words, FILE *out, GError **error);

/* Show @answer to people, as @command has it. */
void ctl_print(const CtlCommand *command, FILE *stream, struct json_object *answer);

/* Every command with its arguments, a line each. */
void ctl_print_help(FILE *stream);
