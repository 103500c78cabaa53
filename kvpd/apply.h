/* SPDX-License-Identifier: GPL-2.0-only */
/* Method Apply of io.hvis.Kvp: several changes of one pool, all or none. */
#pragma once

#include <varlink/varlink.h>

#include "kvpd/store.h"

#define KVP_APPLY_CHANGES_MAX 65536u /* ours: of one Apply, in how many messages ever */
#define KVP_APPLY_BYTES_MAX (128u * 1024u * 1024u) /* ours: kept of all that are not complete */

/*
 * Answer @call with what becomes of pool @pool, which its caller may write. What is "partial" is kept with
 * its connection, for the next that is not.
 */
void kvp_apply(VarlinkCall *call, KvpStore *store, guint pool);
