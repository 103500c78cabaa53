/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running one program to its end: an argument vector, never a shell; a fixed search path and
 * environment; a time limit for it and what it started; its output for the log.
 */
#pragma once

#include <glib.h>

#define IP_COMMAND_LIMIT_MS 90000u /* ours: ifup waits 60 s and more for DHCP */
#define IP_COMMAND_OUTPUT_MAX 4096u /* ours: bytes of output that are kept */

typedef struct {
	const char *root; /* "" or the directory below which programs are looked for */
	char *const *argv;
	const char *const *env; /* "NAME=VALUE" beside PATH and LC_ALL; NULL = none */
	const char *input; /* what it reads on standard input; NULL = nothing */
	guint limit_ms;
} IpRun;

/*
 * Waits. What it prints goes to *@ret_output (may be NULL), also where it fails. HVIS_ERROR_NOT_FOUND
 * where the program is not there, _TIMEOUT, and _FAILED for an exit status other than 0.
 */
gboolean ip_command_run(const IpRun *run, char **ret_output, GError **error);

/* Its words joined by spaces, for the log; odd ones are quoted. */
char *ip_command_text(char *const *argv);
