/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Link mode: the guest kernel's hv_utils without a guest. Each service that has a character device
 * gets a socket DIR/hv_NAME that behaves as the device does, so that a daemon can be driven by the
 * host's services in seconds, without a VM.
 *
 * Above, the link is a channel: it takes integration-service messages and answers them as hv_utils
 * of Linux 6.12 does, for file copy that of 6.1, with its versions, conversions, limits and time-outs. Below, it is the device
 * by the contract of hvis/link.h. What it reproduces:
 *
 *  - one opener; the next gets EBUSY and is closed;
 *  - the first message must be REGISTER1 (KVP: op 100, VSS: 129); it is answered with REGISTER1 and
 *    the text "3.1" (KVP), or with the number 129 (VSS). Anything else: EINVAL, and the device waits
 *    on. REGISTER (4, 128) is not taken: netlink only. VSS takes it again while nothing is asked.
 *    That of file copy is the number 1, both ways; later it is an answer like any other;
 *  - KVP: the host's first negotiation is answered when the daemon registers, or after 55 s;
 *  - a message shorter than the device's: EINVAL; a longer one is taken, its tail ignored (KVP), or
 *    EINVAL too (VSS, file copy);
 *  - a request of file copy that is shorter than its header is not answered at all;
 *  - one transaction at a time, 30 s for the daemon, 15 minutes for FREEZE; then the host gets
 *    HVIS_E_FAIL, and the daemon's late answer EINVAL;
 *  - close by the daemon: the transaction fails with HVIS_E_FAIL, and the next one to open must
 *    register again. Requests while nobody is registered fail with HVIS_E_FAIL.
 *
 * One departure: to the registry a service is "offered" while no daemon has the device open, where a
 * kernel would have the channel open all the time.
 */
#pragma once

#include <glib.h>
#include "host/service/service.h"

/*
 * @clock NULL = the real one. Sockets appear in @dir, made with mode 0700 if absent, as services are
 * enabled. HVIS_ERROR_BUSY where another process has a link in @dir.
 */
Link *link_new(const char *dir, HvisClock *clock, GError **error);
void link_free(Link *link); /* removes the sockets; free the registry first */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Link, link_free)

const char *link_dir(const Link *link);
