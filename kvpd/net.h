/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's network, followed by netlink events, so that a question of the host is answered from
 * memory. Runs on the default main context; needs no privilege.
 */
#pragma once

#include "kvpd/netstate.h"

typedef struct KvpNet KvpNet;

/* Called on the main context after the state has changed. */
typedef void (*KvpNetChanged)(gpointer data);

/*
 * Take a first look at the network (a dump; the only time that anything here waits) and follow it.
 * @root is "/" but in tests; ROOT/etc/resolv.conf is read. Without netlink the state is empty, and
 * opening is tried again from time to time.
 */
KvpNet *kvp_net_new(const char *root, KvpNetChanged changed, gpointer data);
void kvp_net_free(KvpNet *net);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpNet, kvp_net_free)

/* Valid until the main context runs again. */
const NetState *kvp_net_state(KvpNet *net);
