/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command lines of "hvis-host run" and "hvis-host link" as structures. Everything that can be
 * checked without touching the machine is checked here, and an error names the option.
 */
#pragma once

#include <glib.h>
#include "host/vm/vm.h"

typedef struct {
	char **services; /* --service, NULL = all of them */
	char **faults; /* --fault */
	char *control; /* --control, a path */
	char *trace; /* --trace, a path */
	guint owed_limit_ms; /* --wait-limit, 0 = as each waiter has it */
	guint timeout_ms; /* --timeout, 0 = none */
} CommonOptions;

/* Where a serial port leads: "-", "file:PATH", "unix:PATH", or a PATH that is a file. */
typedef struct {
	gboolean terminal;
	char *file, *socket;
} SerialOption;

typedef struct {
	CommonOptions common; /* first: options.c relies on it */
	char *kernel, *append;
	char **initrds;
	guint cpus, memory_mb;
	VmSynic synic;
	guint32 max_version; /* HVIS_VERSION_…; 0 = the newest */
	SerialOption console, serial2;
	gboolean no_reboot;
} RunOptions;

typedef struct {
	CommonOptions common; /* first */
	char *dir;
} LinkOptions;

/* @argv[0] is the subcommand. Errors are INVALID or of G_OPTION_ERROR. --help prints and exits. */
gboolean run_options_parse(RunOptions *ret, int argc, char **argv, GError **error);
gboolean link_options_parse(LinkOptions *ret, int argc, char **argv, GError **error);
gboolean probe_options_parse(gboolean *json, int argc, char **argv, GError **error);
void run_options_clear(RunOptions *options);
void link_options_clear(LinkOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RunOptions, run_options_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LinkOptions, link_options_clear)
