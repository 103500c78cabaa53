/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's network, followed by netlink events and by the files of those who configure it, so
 * that a question of the host is answered from memory. Runs on the default main context; looking is
 * done in a thread. Needs no privilege.
 */
#pragma once

#include "kvpd/netstate.h"

#define KVP_NET_PAUSE_MS 100u /* ours: at least this long from one look to the next */
#define KVP_NET_SETTLE_MS 1000u /* ours: after the last news, look once more */

typedef struct KvpNet KvpNet;

/* Called on the main context after something that the host is told has changed. */
typedef void (*KvpNetChanged)(gpointer data);

/*
 * Take a first look at the network (the only time that anything here waits) and follow it. @root is
 * "/" but in tests; files are read below it. Without netlink there are no interfaces, and opening
 * is tried again from time to time.
 */
KvpNet *kvp_net_new(const char *root, KvpNetChanged changed, gpointer data);
void kvp_net_free(KvpNet *net);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpNet, kvp_net_free)

/* What to report, from now on. Takes @policy. */
void kvp_net_set_policy(KvpNet *net, NetPolicy *policy);

/* Look again, soon. */
void kvp_net_refresh(KvpNet *net);

/* Valid until the main context runs again. */
const NetState *kvp_net_state(KvpNet *net);

/* All addresses of @family, as net_state_list() has them. Valid as long. */
const char *kvp_net_addresses(KvpNet *net, int family);

/* How often it has looked, for tests. */
guint kvp_net_looks(const KvpNet *net);
