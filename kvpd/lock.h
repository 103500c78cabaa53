/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Both locks of a pool file, as one. cloud-init and azure-init take flock(2), the kernel's own
 * daemon takes fcntl(2); neither sees the other, so who wants to be seen by all takes both: flock
 * first, then an OFD lock on the same descriptor, always in this order.
 */
#pragma once

#include <glib.h>

typedef enum { KVP_LOCK_SHARED, KVP_LOCK_EXCLUSIVE } KvpLockKind;

/*
 * Take both locks on @fd within @timeout_ms. HVIS_ERROR_BUSY when that is over, with the name of
 * the process that holds one of them where the kernel tells; nothing is held then. May sleep: not
 * for the main thread. An exclusive lock needs a descriptor open for writing.
 */
gboolean kvp_lock(int fd, KvpLockKind kind, guint timeout_ms, GError **error);

/* The first of the two alone, exclusive: for files that nobody else knows of. */
gboolean kvp_lock_own(int fd, guint timeout_ms, GError **error);

/* Release both. Closing the descriptor does the same. */
void kvp_unlock(int fd);

/*
 * Who holds a lock on @inode by the text of /proc/locks in @locks, beside the process @except (0 =
 * none): a PID, -1 where somebody does and the text does not say who (an OFD lock), 0 = nobody.
 */
gint64 kvp_lock_holder(const char *locks, guint major, guint minor, guint64 inode, gint64 except);
