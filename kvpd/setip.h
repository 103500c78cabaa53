/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SET_IP_INFO on the daemon's side: what the host says is checked and handed to hvis_ip_helper, which
 * alone may change the network. Nothing waits here.
 *
 * The helper answers when the change is known to work or has been taken back, KVP_SETIP_ANSWER_MS after
 * the request came at the latest, however late it was started: a change that is still being tried then
 * counts as done for the host, which has no more patience. What becomes of it is in the helper's journal.
 * A change whose request ends in another way is not wanted any more, which the helper learns by our
 * hanging up: what the host takes for failed does not stay.
 */
#pragma once

#include <glib.h>

#include <wire/kvp-device.h>

#define KVP_SETIP_ANSWER_MS 20000u /* ours: the kernel waits for 30 s, the service for 25 */
#define KVP_SETIP_MS 23000u /* ours: no answer of the helper by then, and we hang up */

typedef struct KvpSetIp KvpSetIp;

/*
 * The end of one request: @error is NULL where the helper took it, HVIS_ERROR_UNSUPPORTED where there
 * is no helper, or it is switched off. Called once, from the main context.
 */
typedef void (*KvpSetIpDone)(const GError *error, gpointer data);

/* @socket is the helper's, @root "" or the directory whose /sys is looked at. */
KvpSetIp *kvp_setip_new(const char *socket, const char *root);
/* A request under way ends with HVIS_ERROR_CLOSED, as for kvp_setip_cancel(). */
void kvp_setip_free(KvpSetIp *setip);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpSetIp, kvp_setip_free)

/* @done may be called before this returns. One at a time: else HVIS_ERROR_BUSY. */
void kvp_setip_start(KvpSetIp *setip, const KvpIp *ip, KvpSetIpDone done, gpointer data);

/* Where a request is under way: the host does not wait for it any more. It ends with HVIS_ERROR_CLOSED. */
void kvp_setip_cancel(KvpSetIp *setip);

/*
 * The MAC address of the adapter that a host names: "00:15:5d:…", or "{…}", the GUID of its device, as
 * kernels from 6.1 on say it. HVIS_ERROR_NOT_FOUND, HVIS_ERROR_INVALID where it is neither.
 */
gboolean kvp_setip_adapter(const char *root, const char *adapter, guint8 mac[6], GError **error);
