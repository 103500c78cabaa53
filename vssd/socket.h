/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io.hvis.Vss on the daemon's socket: what hvctl and other programs of the guest may ask. It stays answered
 * while file systems are frozen: nothing here opens a file or logs. What is done is up to the coordinator.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#include <varlink/varlink.h>

typedef struct VssSocket VssSocket;

/* What thaws, and what tells that it is over, perhaps before thaw() returns. */
typedef enum {
	VSS_THAW_NOTHING,
	VSS_THAW_SESSION, /* vss_socket_ended() */
	VSS_THAW_LEFT_OVER, /* vss_socket_undone() */
} VssThaw;

typedef struct {
	struct json_object *(*status)(gpointer data); /* type Status of the interface; new */
	struct json_object *(*plan)(gpointer data, GError **error); /* as vss_plan_json(); new */
	/* As hvis_recent_list(). */
	struct json_object *(*history)(guint count, gsize room, gpointer data);
	/*
	 * Begin a rehearsal: vss_socket_ended() and then vss_socket_rehearsed() follow, perhaps before this returns.
	 * FALSE: they do not.
	 */
	gboolean (*rehearse)(gint64 ms, gpointer data, GError **error);
	/* Thaw what is frozen; VSS_THAW_NOTHING with HVIS_ERROR_NOT_FOUND where nothing is. */
	VssThaw (*thaw)(gpointer data, GError **error);
	/* Thaw the rehearsal: who asked for it is gone. */
	void (*give_up)(gpointer data);
} VssSocketOps;

/* @ops must outlive it. */
VssSocket *vss_socket_new(const VssSocketOps *ops, gpointer data);

/* Callers who wait are hung up on; a rehearsal of theirs is thawed by @ops. */
void vss_socket_free(VssSocket *socket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssSocket, vss_socket_free)

/* Borrowed: it is to listen. */
VarlinkServer *vss_socket_server(VssSocket *socket);

/* A session has ended, or could not begin: tell @entry to who thawed it by hand. */
void vss_socket_ended(VssSocket *socket, struct json_object *entry);

/* The hooks of a rehearsal are through, too: tell @entry to whose it was. */
void vss_socket_rehearsed(VssSocket *socket, struct json_object *entry);

/* What was left over has been undone, but for @problem, NULL for none: tell it to who waits for that. */
void vss_socket_undone(VssSocket *socket, const char *problem);
