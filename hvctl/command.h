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
	HVCTL_OPT_HELP = 1u << 5, /* every command has it, … */
	HVCTL_OPT_COLOR = 1u << 6, /* … and this */
	HVCTL_OPT_FORMAT = 1u << 7,
	HVCTL_OPT_OFFLINE = 1u << 8,
	HVCTL_OPT_POOL_DIR = 1u << 9,
	HVCTL_OPT_RAW = 1u << 10,
	HVCTL_OPT_SPLIT = 1u << 11,
	HVCTL_OPT_APPEND = 1u << 12,
	HVCTL_OPT_ALL = 1u << 13,
	HVCTL_OPT_IF_STALE = 1u << 14,
	HVCTL_OPT_VALUE = 1u << 15,
	HVCTL_OPT_DRY_RUN = 1u << 16,
	HVCTL_OPT_REPAIR = 1u << 17,
	HVCTL_OPT_REPLACE = 1u << 18,
	HVCTL_OPT_FOLLOW = 1u << 19,
	HVCTL_OPT_LINES = 1u << 20,
	HVCTL_OPT_VERSION = 1u << 21, /* of no command */
	HVCTL_OPT_FIELD = 1u << 22,
	HVCTL_OPT_EXPLAIN = 1u << 23,
	HVCTL_OPT_DURATION = 1u << 24,
	HVCTL_OPT_YES = 1u << 25,
	HVCTL_OPT_MARKER = 1u << 26,
	HVCTL_OPT_LIST = 1u << 27,
	HVCTL_OPT_ROOT = 1u << 28,
	HVCTL_OPT_COMMON = HVCTL_OPT_HELP | HVCTL_OPT_COLOR,
	HVCTL_OPT_CALL = HVCTL_OPT_SOCKET | HVCTL_OPT_TIMEOUT,
	/* of a command that can do without the daemon */
	HVCTL_OPT_KVP = HVCTL_OPT_CALL | HVCTL_OPT_POOL | HVCTL_OPT_OFFLINE | HVCTL_OPT_POOL_DIR,
};

/* What the options are called: for reading them, for help, for completion. */
typedef struct {
	guint bit; /* 0 ends the table */
	char letter; /* 0 = none */
	const char *name;
	const char *value; /* "PATH"; NULL where it takes none */
	const char *words; /* the values it takes, between spaces; NULL = any */
	const char *help;
} HvctlOption;

extern const HvctlOption hvctl_options[];

typedef enum {
	HVCTL_FORMAT_NONE, /* not given: a table, or what the command has */
	HVCTL_FORMAT_PLAIN, /* KEY=VALUE, control characters escaped */
	HVCTL_FORMAT_ENV, /* for a shell to read */
	HVCTL_FORMAT_JSON_LINES, /* an object per line */
	HVCTL_FORMAT_N,
} HvctlFormat;

#define HVCTL_SOCKET "/run/hvis/kvp"
#define HVCTL_IP_SOCKET "/run/hvis/ip" /* of the ip commands */
#define HVCTL_FCOPY_SOCKET "/run/hvis/fcopy"
#define HVCTL_STDIN "standard input"
#define HVCTL_ARGS_MAX 1000u /* ours: of a command that takes several */
#define HVCTL_TIMEOUT_MS 10000
#define HVCTL_DURATION_MS 2000 /* of a rehearsal */

typedef struct HvctlRequest HvctlRequest;

typedef struct {
	const char *path; /* the words that name it: "kvp get" */
	const char *usage; /* its arguments: "KEY", "" where it has none */
	guint n_args, n_args_max; /* how many; n_args_max is 0 where there is one number */
	guint options; /* HVCTL_OPT_… bits */
	const char *summary;
	const char *help; /* a paragraph, NULL where the summary says it all */
	gboolean is_long; /* --timeout is for all of it, and it has none of its own */
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
	gboolean explain, json, origin, offline, raw, split, append, all, if_stale, dry_run, repair,
		replace, follow, yes, list;
	gboolean color; /* what is printed may have colours */
	HvctlFormat format;
	gint64 lines; /* --lines; -1 = not given */
	char *value; /* --value; NULL = not given */
	char *field; /* --field; NULL = not given */
	char *socket, *pool_dir, *marker;
	char *tree; /* --root; NULL = not given */
	gboolean names_marker; /* --marker was given */
	gboolean names_dir; /* --pool-dir was given */
	gboolean fallback; /* the files will do where the daemon does not run */
	gboolean quiet; /* say nothing on standard error */
	guint duration_ms; /* --duration */
	int timeout_ms; /* of an answer; of a command that is_long: of all, -1 = for ever */
	const char *pool; /* a name that the daemon knows; NULL where none was given */
	const char *root; /* what to look at in place of "/": for tests, "" otherwise */
	FILE *in,
		*out; /* where a value comes from and the answer goes: standard input and output */
};

/*
 * Read a command line, @argv[0] being the program. HVIS_ERROR_INVALID or a G_OPTION_ERROR for what
 * is no command line of ours; *@ret is then left alone. On success hvctl_request_clear() frees it.
 */
gboolean hvctl_parse(const char *const *argv, HvctlRequest *ret, GError **error);
/*
 * What a command line that may be wrong is about: "kvp get ", "kvp " where there is no such command of the group, or "".
 * A new string.
 */
char *hvctl_about(const char *const *argv);
void hvctl_request_clear(HvctlRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HvctlRequest, hvctl_request_clear)

/* Whether @command takes the option; every command takes those of HVCTL_OPT_COMMON. */
gboolean hvctl_takes(const HvctlCommand *command, guint bit);
/* What @option is of @command, for its help; @command may be NULL. */
const char *hvctl_option_help(const HvctlCommand *command, const HvctlOption *option);
/* The option that @word names, up to @len bytes of it: "-p", "--pool"; NULL where there is none. */
const HvctlOption *hvctl_find_option(const char *word, gsize len);

/* How many of @words (from the first) name a command, *@ret, at most; 0 where none does. */
guint hvctl_find_command(const char *const *words, const HvctlCommand **ret);

/* Is there a command that begins with the words @group? */
gboolean hvctl_is_group(const char *group);

/* The help for @command, for the commands that begin with @group, or (both NULL) for all. */
char *hvctl_help(const HvctlCommand *command, const char *group);

/* Parse, run, report: what main() does. Returns the exit status. */
int hvctl_main(const char *const *argv);

HvisExit hvctl_status(const HvctlRequest *request, GError **error);
HvisExit hvctl_info(const HvctlRequest *request, GError **error);
HvisExit hvctl_info_nics(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_list(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_get(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_set(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_watch(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_wait(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_export(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_import(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_check(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_events(const HvctlRequest *request, GError **error);
/* The command line of journalctl for @request; NULL-terminated, new. */
char **hvctl_logs_argv(const HvctlRequest *request);
HvisExit hvctl_logs(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_stats(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_report(const HvctlRequest *request, GError **error);
extern const char *const hvctl_report_words[], *const hvctl_report_names[]; /* NULL-terminated */
HvisExit hvctl_kvp_stale(const HvctlRequest *request, GError **error);
HvisExit hvctl_kvp_delete(const HvctlRequest *request, GError **error);
extern const char *const hvctl_ip_words[]; /* of "ip set", beside addresses; NULL-terminated */
HvisExit hvctl_ip_set(const HvctlRequest *request, GError **error);
HvisExit hvctl_ip_show(const HvctlRequest *request, GError **error);
HvisExit hvctl_ip_rollback(const HvctlRequest *request, GError **error);
HvisExit hvctl_vss_plan(const HvctlRequest *request, GError **error);
HvisExit hvctl_vss_status(const HvctlRequest *request, GError **error);
HvisExit hvctl_vss_history(const HvctlRequest *request, GError **error);
HvisExit hvctl_vss_rehearse(const HvctlRequest *request, GError **error);
HvisExit hvctl_vss_thaw(const HvctlRequest *request, GError **error);
HvisExit hvctl_fcopy_status(const HvctlRequest *request, GError **error);
HvisExit hvctl_fcopy_history(const HvctlRequest *request, GError **error);
HvisExit hvctl_fcopy_cancel(const HvctlRequest *request, GError **error);
HvisExit hvctl_doctor(const HvctlRequest *request, GError **error);
HvisExit hvctl_config_check(const HvctlRequest *request, GError **error);
HvisExit hvctl_config_show(const HvctlRequest *request, GError **error);
