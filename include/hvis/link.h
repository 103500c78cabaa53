/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A character device of hv_utils, played over a SOCK_SEQPACKET socket: what a daemon's socket
 * transport must know of "hvis-host link" beyond the messages themselves.
 *
 * connect() is open(2). The first packet that the link sends is always a notice with the result:
 * 0, or EBUSY because another daemon has the device; after an error the link closes. From then on
 * packets are the device's messages, whole, both ways. A packet of the size and with the magic of a
 * notice, at any later time, says that write(2) of a message was refused with that errno (EINVAL:
 * too short, or nothing was asked). No message of any device has this size. End of file is what
 * read(2) returns as EBADF: the service was taken away. While it is away the socket does not exist.
 */
#pragma once

#include <hvis/types.h>

#define HVIS_LINK_MAGIC 0x4b4e4c48u /* "HLNK" */

struct hvis_link_notice {
	hvis_le32 magic;
	hvis_le32 error; /* errno, 0 = done */
};

static_assert(sizeof(struct hvis_link_notice) == 8, "wire layout");
