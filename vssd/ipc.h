/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What daemon, worker and guard tell each other, over sequenced-packet sockets: one struct vss_msg
 * each, both ends from one build. Plain C without libraries: worker and guard have nothing else.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VSS_TARGETS_MAX 256 /* file systems that are frozen at once */
#define VSS_MARKER "/run/hvis/vss.frozen"

enum vss_msg_type {
	VSS_MSG_TARGET = 1, /* daemon to worker, in the order of levels; worker to guard, with its
			       descriptor */
	VSS_MSG_START, /* daemon to worker: begin; value: deadline in ms */
	VSS_MSG_THAW, /* daemon to worker */
	VSS_MSG_FROZEN, /* worker to daemon: value: how many */
	VSS_MSG_ENDED, /* worker to daemon: nothing is frozen (any more); err: why, 0 after THAW */
	VSS_MSG_EVENT, /* worker to daemon, after the end: an entry of its log */
	VSS_MSG_ARM, /* worker to guard: value: deadline in ms; answered by the same with err, or
			the marker */
	VSS_MSG_FREEZING, /* worker to guard: index is about to be frozen */
	VSS_MSG_NOT_FROZEN, /* worker to guard: index has not been, or is not any more */
	VSS_MSG_HELD, /* worker to guard: all are frozen that will be */
	VSS_MSG_DONE, /* worker to guard: nothing is frozen, and nothing will be */
};

enum vss_flag {
	VSS_FLAG_REQUIRED = 1, /* of a target: that it cannot be frozen is a failure */
	VSS_FLAG_ALLOW_NOTHING = 2, /* of START: freezing nothing is a success */
	VSS_FLAG_ELSEWHERE =
		4, /* of a target: in a view of others; left out where they keep it from us */
};

/* A file system to freeze. */
struct vss_target {
	uint32_t major, minor; /* of the superblock */
	int32_t mount_id, pid; /* of the mount that is opened, and whose view it is */
	uint32_t level; /* 0 is frozen first */
	char path[PATH_MAX];
};

enum vss_action {
	VSS_OPEN,
	VSS_SYNC,
	VSS_FREEZE,
	VSS_THAW,
	VSS_ACTION_N,
};

struct vss_msg {
	uint32_t type, flags;
	uint32_t index, action; /* of EVENT; of ENDED with err: what failed */
	int32_t err; /* an errno */
	uint32_t value;
	int64_t at_us, took_us; /* of EVENT: CLOCK_BOOTTIME */
	struct vss_target target; /* sent with VSS_MSG_TARGET alone */
};

/* No target of its own: the whole. */
#define VSS_INDEX_NONE UINT32_MAX

/* Send @msg; @fd goes with it unless it is -1. An errno, 0 for success. */
int vss_send(int sock, const struct vss_msg *msg, int fd);

/* The same by write(2) alone, for when nothing else is allowed; never with a target. */
int vss_tell(int sock, const struct vss_msg *msg);

/*
 * Receive one message; *@ret_fd is the descriptor that came with it, or -1. An errno: ECONNRESET
 * where the other end is gone, EPROTO where it is no message.
 */
int vss_receive(int sock, struct vss_msg *ret, int *ret_fd);

/* Receive by read(2) alone; never a target. ECONNRESET, EPROTO as above. */
int vss_hear(int sock, struct vss_msg *ret);

/* CLOCK_BOOTTIME in microseconds: it goes on while the machine is suspended. */
int64_t vss_now(void);

/* Until @deadline in milliseconds, for poll(2): at most a second, so that a suspension is seen. */
int vss_poll_ms(int64_t deadline_us);
