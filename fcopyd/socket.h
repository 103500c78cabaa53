/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io.hvis.Fcopy on the daemon's socket: what hvctl and other programs of the guest may ask. It is answered from memory;
 * what is done is up to the coordinator.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#include <varlink/varlink.h>

typedef struct FcopySocket FcopySocket;

typedef struct {
	struct json_object *(*status)(gpointer data); /* type Status of the interface; new */
	/* As hvis_recent_list(). */
	struct json_object *(*history)(guint count, gsize room, gpointer data);
	/*
	 * Give up what is under way: fcopy_socket_ended() follows, perhaps before this returns. FALSE with
	 * HVIS_ERROR_NOT_FOUND: it does not.
	 */
	gboolean (*cancel)(gpointer data, GError **error);
} FcopySocketOps;

/* @ops must outlive it. */
FcopySocket *fcopy_socket_new(const FcopySocketOps *ops, gpointer data);

/* Callers who wait are hung up on. NULL is fine. */
void fcopy_socket_free(FcopySocket *socket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FcopySocket, fcopy_socket_free)

/* Borrowed: it is to listen. */
VarlinkServer *fcopy_socket_server(FcopySocket *socket);

/* A file has ended: tell @entry to who has cancelled it. */
void fcopy_socket_ended(FcopySocket *socket, struct json_object *entry);
