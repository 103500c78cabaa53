/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fully qualified name of this machine from the name service of the unit: a socket that gives
 * one line and closes. The daemon's sandbox has no network; where it has none, this is how it gets
 * at DNS.
 */
#pragma once

#include <glib.h>

#define KVP_FQDN_SOCKET "/run/hvis/name"
#define KVP_FQDN_WAIT_MS 35000u /* ours: the service ends after 30 s */

typedef enum {
	KVP_FQDN_FOUND,
	KVP_FQDN_UNKNOWN, /* the name does not resolve, or not in time */
	KVP_FQDN_NO_SERVICE, /* nobody there to ask */
} KvpFqdnResult;

/*
 * Ask at @path, waiting up to @wait_ms for each part of an answer; for a thread of its own. *@ret is
 * the name, for the caller to free, where there is one: at most 253 bytes, no white space in it.
 */
KvpFqdnResult kvp_fqdn_ask(const char *path, guint wait_ms, char **ret);
