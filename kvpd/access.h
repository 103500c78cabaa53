/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may write through the socket: the list of Writers=, made into numbers once. A word is a user's
 * name or number, or @ and a group's. Names are those of /etc/passwd and /etc/group alone: asking a
 * directory service could block the daemon, so its users and groups are given by number.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct KvpAccess KvpAccess;

/* Files are looked for below @root ("" = the system's). Names that are in none are in *@ret_unknown, a
 * list for people, NULL where there is none; they give nobody anything. */
KvpAccess *kvp_access_new(const char *const *words, const char *root, char **ret_unknown);
void kvp_access_free(KvpAccess *access);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpAccess, kvp_access_free)

/* Is @uid, or one of @groups, in the list? */
gboolean kvp_access_allows(const KvpAccess *access, uid_t uid, const gid_t *groups, gsize n_groups);
