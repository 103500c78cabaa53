/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's fully qualified name. Resolving may take minutes where no name server answers, so it
 * is done in a thread; until there is an answer, and where there is none, the name is the plain
 * host name. Runs on the default main context.
 */
#pragma once

#include <glib.h>

#include <util/clock.h>

#define KVP_HOST_NAME_PAUSE_MS 5000u /* ours: between two lookups of one name */

#define KVP_HOST_NAME_PATIENCE_MS 30000u /* ours: then a lookup is given up */
#define KVP_HOST_NAME_LOOKUPS 2 /* ours: threads that a resolver may keep at most */

typedef struct KvpHostName KvpHostName;

/* Where names come from; the functions return new strings. NULL in tests where not needed. */
typedef struct {
	char *(*host_name)(void);
	char *(*resolve)(const char *host); /* in a thread; NULL = no answer */
	const char *watch; /* becomes readable by POLLPRI when the host name changes; NULL = none */
} KvpHostNameOps;

/* gethostname(2), getaddrinfo(3) and /proc/sys/kernel/hostname. */
const KvpHostNameOps *kvp_host_name_ops(void);

KvpHostName *kvp_host_name_new(const KvpHostNameOps *ops, HvisClock *clock);
void kvp_host_name_free(KvpHostName *name);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpHostName, kvp_host_name_free)

/* Never NULL. Valid until the main context runs again. */
const char *kvp_host_name_get(const KvpHostName *name);

/* Look again, at once where the host name is another, else not more often than the pause allows. */
void kvp_host_name_refresh(KvpHostName *name);
