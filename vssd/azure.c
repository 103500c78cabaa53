/* SPDX-License-Identifier: GPL-2.0-only */
/* A lock of POSIX, on the whole file, as the extension takes it. Its folder is the extension's to make. */
#include "config.h"

#include "vssd/azure.h"

#include <fcntl.h>

#include <util/error.h>
#include <util/fd.h>

#define LOCK_FILE "/etc/azure/MicrosoftRecoverySvcsSafeFreezeLock/SafeFreezeLockFile"

/*
 * Whether somebody has it for writing, and who. Whoever may read the file can have a lock for reading, and hinders no
 * backup by that: it is not the extension's, and there cannot be both.
 */
static gboolean is_freezing(int fd, int *ret_pid)
{
	struct flock other = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &other) < 0 || other.l_type != F_WRLCK)
		return FALSE;
	*ret_pid = (int)other.l_pid;
	return TRUE;
}

gboolean vss_azure_lock(const char *root, int *ret_fd, GError **error)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	g_autofree char *path = g_strconcat(root, LOCK_FILE, NULL);
	hvis_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && fcntl(fd, F_SETLK, &whole) < 0) {
		int pid;

		if (is_freezing(fd, &pid))
			return hvis_fail(error, HVIS_ERROR_BUSY,
				"Azure's backup extension is freezing: process %d has %s locked",
				pid, path);
		if (fcntl(fd, F_SETLK, &whole) < 0) /* it may have ended just now */
			hvis_fd_clear(&fd);
	}
	*ret_fd = hvis_fd_steal(&fd);
	return TRUE;
}
