/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io.hvis.Kvp on the daemon's socket: what hvctl and other programs of the guest may ask. Reading
 * is for everyone, writing for root. Files are read and changed by the worker's threads.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#include <varlink/varlink.h>

#include "kvpd/access.h"
#include "kvpd/look.h"
#include "kvpd/netstate.h"
#include "kvpd/store.h"
#include "kvpd/worker.h"

typedef struct KvpSocket KvpSocket;

/* Where a key is looked for that comes without a pool. */
extern const guint kvp_search_order[HVIS_KVP_POOL_N];

typedef struct {
	KvpRecords *(*facts)(gpointer data); /* pool "auto" as it is now; a new reference */
	/* Type Status of the interface; @files as for KvpLookAnswer. */
	struct json_object *(*status)(const KvpPoolFiles *files, gpointer data);
	const NetState *(*network)(gpointer data);
	struct json_object *(*stats)(gpointer data); /* what the host has asked: members of Stats */
} KvpSocketOps;

/* @worker must outlive the calls: free it, which waits for them, before the socket. */
KvpSocket *kvp_socket_new(
	const KvpSocketOps *ops, KvpStore *store, KvpWorker *worker, gpointer data);
void kvp_socket_free(KvpSocket *socket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpSocket, kvp_socket_free)

/* Borrowed: it is to listen. */
VarlinkServer *kvp_socket_server(KvpSocket *socket);

/* May programs of the guest write pool @pool? */
gboolean kvp_pool_is_writable(guint pool);

/* Who may write besides root and our own user: borrowed, until another is set. */
void kvp_socket_set_writers(KvpSocket *socket, const KvpAccess *writers);

/* HVIS_ERROR_INVALID where the host could not be given all of @key or @value, with the limit. */
gboolean kvp_socket_check(const char *key, const char *value, GError **error);
