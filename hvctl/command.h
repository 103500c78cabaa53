/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands of hvctl and what a command line comes to. One table names every command, its
 * arguments and its options; parsing, help and the commands themselves all go by it.
 */
#pragma once

#include <glib.h>
#include <stdio.h>
#include "util/error.h"

/* The options that mean something to a command. Those of HVCTL_OPT_CALL go to the daemon's socket. */
enum {
	HVCTL_OPT_JSON = 1u << 0,
	HVCTL_OPT_POOL = 1u << 1,
	HVCTL_OPT_ORIGIN = 1u << 2,
	HVCTL_OPT_SOCKET = 1u << 3,
	HVCTL_OPT_TIMEOUT = 1u << 4,
	HVCTL_OPT_HELP = 1u << 5, /* every command has it */
	HVCTL_OPT_CALL = HVCTL_OPT_SOCKET | HVCTL_OPT_TIMEOUT,
};

#define HVCTL_SOCKET "/run/hvis/kvp"
#define HVCTL_TIMEOUT_MS 10000

typedef struct HvctlRequest HvctlRequest;

typedef struct {
	const char *path; /* the words that name it: "kvp get" */
	const char *usage; /* its arguments: "KEY", "" where it has none */
	guint n_args;
	guint options; /* HVCTL_OPT_… bits */
	const char *summary;
	const char *help; /* a paragraph, NULL where the summary says it all */
	/* Does the work and prints the answer. @error is not NULL; the status counts where it is
	 * left alone. */
	HvisExit (*run)(const HvctlRequest *request, GError **error);
} HvctlCommand;

extern const HvctlCommand hvctl_commands[]; /* a NULL path ends it */

struct HvctlRequest {
	gboolean help, version;
	/* The command; NULL where only help or the version is asked for. */
	const HvctlCommand *command;
	char *group; /* the words before --help that are no whole command: "kvp"; or NULL */
	char **args; /* command->n_args of them, valid UTF-8 */
	gboolean json;
	gboolean origin;
	char *socket;
	int timeout_ms;
	const char *pool; /* a name that the daemon knows; NULL where none was given */
	const char *root; /* what to look at in place of "/": for tests, "" otherwise */
	FILE *out; /* where the answer goes: standard output */
};

/*
 * Read a command line, @argv[0] being the program. HVIS_ERROR_INVALID or a G_OPTION_ERROR for what
 * is no command line of ours; *@ret is then left alone. On success hvctl_request_clear() frees it.
 */
gboolean hvctl_parse(const char *const *argv, HvctlRequest *ret, GError **error);
void hvctl_request_clear(HvctlRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HvctlRequest, hvctl_request_clear)

/* The help for @command, for the commands that begin with @group, or (both NULL) for all. */
char *hvctl_help(const HvctlCommand *command, const char *group);

/* Parse, run, report: what main() does. Returns the exit status. */
int hvctl_main(const char *const *argv);

HvisExit hvctl_status(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_list(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_get(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_set(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_delete(const HvctlRequest *request, GError **error);
HvisExit hvctl_config_check(const HvctlRequest *request, GError **error);
HvisExit hvctl_config_show(const HvctlRequest *request, GError **error);
