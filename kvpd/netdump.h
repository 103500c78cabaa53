/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One look at the kernel's network by netlink: interfaces, addresses, default routes. Waits for the
 * kernel alone, but may take long where there are many routes, so it belongs in a thread.
 */
#pragma once

#include "kvpd/netstate.h"

/*
 * Everything as it is now, files below @root included; the interfaces stand in the order of their
 * indices. HVIS_ERROR_IO where netlink is not to be had; HVIS_ERROR_BUSY where it changed all the
 * time. @ret_state is then what there is, with the name servers at least.
 */
gboolean net_dump(const char *root, NetState **ret_state, GError **error);
