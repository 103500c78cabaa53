/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What host and guest have told each other, and the network as the host is told of it, as types Info
 * and Nic of io.hvis.Kvp. Only formats; the data belong to others.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#include "kvpd/netstate.h"
#include "kvpd/records.h"

#define KVP_INFO_ADDRESSES_MAX 1024u /* ours: of one interface in one answer */

/* Keys and values of @host and @guest; either may be NULL. A new reference. */
struct json_object *kvp_info_json(const KvpRecords *host, const KvpRecords *guest);

/*
 * The interfaces from place @from (counted from 0) on, as many as fit @room bytes of JSON: an array,
 * a new reference. *@ret_next becomes the place to go on from, -1 at the end.
 */
struct json_object *kvp_info_nics(const NetState *state, gint64 from, gsize room, gint64 *ret_next);
