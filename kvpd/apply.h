/* SPDX-License-Identifier: GPL-2.0-only */
/* Method Apply of io.hvis.Kvp: several changes of one pool, all or none. */
#pragma once

#include <varlink/varlink.h>

#include "kvpd/store.h"

/*
 * Answer @call, whose parameters are @params, with what becomes of pool @pool, which its caller may
 * write. The file is changed by @worker's threads.
 */
void kvp_apply(VarlinkCall *call, struct json_object *params, KvpStore *store, guint pool,
	KvpWorker *worker);
