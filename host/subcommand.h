/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommands of hvis-host. Each takes its own words, argv[0] being its name, prints its own
 * errors and returns the program's exit status.
 */
#pragma once

int host_run(int argc, char **argv);
int host_link(int argc, char **argv);
int host_probe(int argc, char **argv);
int host_ctl(int argc, char **argv);
