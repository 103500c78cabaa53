/* SPDX-License-Identifier: GPL-2.0-only */
/* Names out of /proc. */
#include <util/process.h>

#include <string.h>

#include <util/output.h>

char *hvis_process_name(const char *proc, gint64 pid)
{
	g_autofree char *path = g_strdup_printf("%s/%" G_GINT64_FORMAT "/comm", proc, pid);
	g_autofree char *name = NULL;

	if (!g_file_get_contents(path, &name, NULL, NULL))
		return NULL;
	if (g_str_has_suffix(name, "\n"))
		name[strlen(name) - 1] = '\0'; /* the kernel's; others are the process's */
	return output_escape(name);
}
