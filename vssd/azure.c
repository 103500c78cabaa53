/* SPDX-License-Identifier: GPL-2.0-only */
/* A lock of POSIX, on the whole file, as the extension takes it. Its folder is the extension's to make. */
#include "config.h"

#include "vssd/azure.h"

#include <errno.h>
#include <fcntl.h>

#include <util/error.h>
#include <util/fd.h>

#define LOCK_FILE "/etc/azure/MicrosoftRecoverySvcsSafeFreezeLock/SafeFreezeLockFile"

/* Who has it, as it was a moment ago. */
static int owner_of(int fd)
{
	struct flock other = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_GETLK, &other) == 0 && other.l_type != F_UNLCK ? (int)other.l_pid : 0;
}

gboolean vss_azure_lock(const char *root, int *ret_fd, GError **error)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	g_autofree char *path = g_strconcat(root, LOCK_FILE, NULL);
	hvis_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && fcntl(fd, F_SETLK, &whole) < 0) {
		if (errno == EACCES || errno == EAGAIN)
			return hvis_fail(error, HVIS_ERROR_BUSY,
				"Azure's backup extension is freezing: process %d has %s locked",
				owner_of(fd), path);
		hvis_fd_clear(&fd);
	}
	*ret_fd = hvis_fd_steal(&fd);
	return TRUE;
}
