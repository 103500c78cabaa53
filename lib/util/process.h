/* SPDX-License-Identifier: GPL-2.0-only */
/* What other processes are called. Any of them gives itself whatever name it likes, in any bytes. */
#pragma once

#include <glib.h>

/*
 * The command name of process @pid, below @proc ("/proc"): in one line, printable and valid UTF-8, for messages
 * and JSON. NULL where there is no such process, or none that may be seen.
 */
char *hvis_process_name(const char *proc, gint64 pid);
