/* SPDX-License-Identifier: GPL-2.0-only */
/* One question to the file system, without libraries, for worker and guard ask it too. */
#include "config.h"

#include "vssd/systemd-run.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_booted(const char *root)
{
	char path[PATH_MAX];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/run/systemd/system", root) < (int)sizeof(path) &&
	       lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool vss_systemd_run_find(const char *root, char ret[PATH_MAX])
{
	static const char *const places[] = { "/usr/bin/systemd-run", "/bin/systemd-run" };

	for (size_t i = 0; is_booted(root) && i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(ret, PATH_MAX, "%s%s", root, places[i]) < PATH_MAX &&
			access(ret, X_OK) == 0)
			return true;
	return false;
}
