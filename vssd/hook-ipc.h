/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the daemon and hv_vss_hook tell each other over a sequenced-packet socket, which is the
 * program's standard input: an order, its answer, the next order. Both ends are from one build; but
 * hv_vss_hook may be run by the hook's user, so that an answer is not to be trusted.
 */
#pragma once

#include <stdint.h>

#define VSS_HOOK_OUTPUT_MAX 8192u /* ours: bytes of a call's output that are kept, the last ones */
#define VSS_HOOK_ORDER_MAX                                                                         \
	81920u /* ours: a packet, well below the least size of a socket's buffer */
#define VSS_HOOK_TERM_MS 1000u /* ours: from SIGTERM to SIGKILL */
#define VSS_HOOK_KILL_MS 2000u /* ours: until what does not die of SIGKILL is left alone */

enum vss_hook_flag {
	VSS_HOOK_STAYS = 1, /* where the daemon dies after it, thaw is still to be called */
	VSS_HOOK_CANCEL = 2, /* no call: the one that runs is to end now */
};

/*
 * Followed by the path of a file that is there while something is frozen, the verb, and the environment,
 * NAME=VALUE, each with a NUL byte behind it. A descriptor that comes with it is kept until the program ends.
 */
struct vss_hook_order {
	uint32_t timeout_ms, flags;
	uint32_t thaw_ms; /* the limit of the thaw that is called where the daemon dies */
};

enum vss_hook_end {
	VSS_HOOK_EXITED, /* value: its status */
	VSS_HOOK_SIGNALLED, /* value: the signal, which was not ours */
	VSS_HOOK_TIMED_OUT, /* it has been killed, and all that it started */
	VSS_HOOK_CANCELLED, /* the same, because the daemon wanted it */
	VSS_HOOK_STUCK, /* value: after which of the two; something of it does not die */
	VSS_HOOK_NOT_RUN, /* value: an errno */
	VSS_HOOK_END_N,
};

struct vss_hook_answer {
	uint32_t end, value;
	uint32_t len; /* of the text */
	uint32_t reserved;
	uint64_t dropped; /* bytes of output before the text that were too much */
	int64_t took_us;
	char text[VSS_HOOK_OUTPUT_MAX]; /* what it has written to its standard output and error */
};
