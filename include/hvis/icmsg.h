/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Framing of the integration services: what every utility channel carries inside a VMBus packet.
 *
 * A message is a pipe header, an IC header and a body whose length the IC header declares. The
 * NEGOTIATE message and its answer are laid out here too; the bodies of the services have their own
 * headers. Sources: field measurements against Linux 6.1 and 6.12; OpenVMM for the host's limits.
 */
#pragma once

#include <hvis/types.h>

#define HVIS_IC_MAX_MESSAGE 13312u /* largest message a Hyper-V host sends (OpenVMM) */
#define HVIS_IC_MAX_VERSIONS 16u /* ours: more than any known peer lists, per kind */

enum hvis_ic_type {
	HVIS_IC_NEGOTIATE = 0,
	HVIS_IC_HEARTBEAT = 1,
	HVIS_IC_KVP = 2,
	HVIS_IC_SHUTDOWN = 3,
	HVIS_IC_TIMESYNC = 4,
	HVIS_IC_VSS = 5,
	HVIS_IC_FCOPY = 7,
};

enum {
	HVIS_IC_TRANSACTION = 1,
	HVIS_IC_REQUEST = 2,
	HVIS_IC_RESPONSE = 4,
};

/* 3.0 is major 3, minor 0; newer is larger, major first */
struct hvis_ic_version {
	hvis_le16 major, minor;
};

struct hvis_pipe_hdr {
	hvis_le32 flags; /* 1 = data */
	hvis_le32 size; /* bytes that follow this header */
};

struct hvis_ic_hdr {
	struct hvis_ic_version framework;
	hvis_le16 type;
	struct hvis_ic_version message;
	hvis_le16 size; /* bytes of body */
	hvis_le32 status; /* enum hvis_status, in answers */
	uint8_t txn; /* 0 on every known host */
	uint8_t flags;
	uint8_t reserved[2];
};

struct hvis_ic_negotiate {
	hvis_le16 n_framework, n_message;
	hvis_le32 reserved;
	/* struct hvis_ic_version, n_framework of them ascending, then n_message ascending */
};

#define HVIS_IC_BODY_OFFSET (sizeof(struct hvis_pipe_hdr) + sizeof(struct hvis_ic_hdr))

static_assert(sizeof(struct hvis_pipe_hdr) == 8, "wire layout");
static_assert(sizeof(struct hvis_ic_hdr) == 20, "wire layout");
static_assert(sizeof(struct hvis_ic_negotiate) == 8, "wire layout");
