/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backup (volume snapshots): the message of the kernel's character device, and the bodies that the
 * host puts on the wire. Layouts only; decoding is in lib/wire, what is frozen is the daemon's.
 *
 * Sources: linux/hyperv.h (UAPI) for the character device and the operations; OpenVMM's protocol
 * description for the bodies with disks; Linux 6.1 and 6.12 for what a guest answers.
 */
#pragma once

#include <hvis/types.h>

enum hvis_vss_op {
	HVIS_VSS_OP_CREATE = 0,
	HVIS_VSS_OP_DELETE = 1,
	HVIS_VSS_OP_HOT_BACKUP = 2, /* can this guest be backed up while it runs? */
	HVIS_VSS_OP_GET_DM_INFO = 3, /* has it disks that the host cannot see? */
	HVIS_VSS_OP_BU_COMPLETE = 4,
	HVIS_VSS_OP_FREEZE = 5, /* this and the next two from message version 5.0 on */
	HVIS_VSS_OP_THAW = 6,
	HVIS_VSS_OP_AUTO_RECOVER = 7,
	HVIS_VSS_OP_QUERY_CLUSTER = 8, /* from 6.0 on; no known guest of Linux answers it */
	HVIS_VSS_OP_REGISTER = 128, /* character device only: handshake of the netlink days */
	HVIS_VSS_OP_REGISTER1 = 129, /* character device only: handshake */
};

#define HVIS_VSS_FREEZE_MAJOR 5u /* message version that brought FREEZE and THAW */

/* Of the answer to HOT_BACKUP: the host must not let the guest recover the snapshot by itself. */
#define HVIS_VSS_NO_AUTO_RECOVERY 5u

/*
 * Time limits. Linux gives its daemon 15 minutes for FREEZE and 30 seconds for the others (hv_utils
 * 6.1 and 6.12), then it answers HVIS_E_FAIL; a Windows host waits about a minute for each answer
 * (field reports), and its providers hold a snapshot for 10 seconds at most (Microsoft KB 975688).
 */
#define HVIS_VSS_FREEZE_TIMEOUT_MS 900000u
#define HVIS_VSS_TIMEOUT_MS 30000u
#define HVIS_VSS_HOST_TIMEOUT_MS 60000u

/*
 * The message of /dev/vmbus/hv_vss, both ways, always whole: the kernel takes no other size. An
 * answer carries its status in the first four bytes, over the operation. The kernel's answer to
 * REGISTER1 is HVIS_VSS_OP_REGISTER1 as four bytes, alone.
 */
struct hvis_vss_dev_hdr {
	uint8_t op;
	uint8_t reserved[7];
};

struct hvis_vss_dev_msg {
	union {
		struct hvis_vss_dev_hdr hdr;
		hvis_le32 status;
	};
	hvis_le32 flags; /* 0 on every known kernel, and not read of an answer */
};

static_assert(sizeof(struct hvis_vss_dev_hdr) == 8, "wire layout");
static_assert(sizeof(struct hvis_vss_dev_msg) == 12, "wire layout");
static_assert(offsetof(struct hvis_vss_dev_msg, flags) == 8, "wire layout");

/* The host's body of every operation but those with disks; the guest answers in place. */
struct hvis_vss_wire {
	struct hvis_vss_dev_hdr hdr;
	hvis_le32 flags;
};

static_assert(sizeof(struct hvis_vss_wire) == 12, "wire layout");

#define HVIS_VSS_LUNS_MAX 260u
#define HVIS_VSS_BUS_SCSI 1u /* Windows' STORAGE_BUS_TYPE */
#define HVIS_VSS_BACKUP_FULL 1u /* Windows' VSS_BACKUP_TYPE */

struct hvis_vss_lun {
	uint8_t bus;
	uint8_t reserved[3];
	struct hvis_guid controller;
	uint8_t port, target, lun;
	uint8_t reserved2;
};

/* The body of FREEZE, and the first half of AUTO_RECOVER's: which disks the snapshot is of. */
struct hvis_vss_wire_luns {
	struct hvis_vss_dev_hdr hdr;
	hvis_le32 backup_type;
	hvis_le32 flags;
	hvis_le32 n_luns;
	struct hvis_vss_lun luns[HVIS_VSS_LUNS_MAX];
};

static_assert(sizeof(struct hvis_vss_lun) == 24, "wire layout");
static_assert(offsetof(struct hvis_vss_lun, port) == 20, "wire layout");
static_assert(sizeof(struct hvis_vss_wire_luns) == 6260, "wire layout");
static_assert(offsetof(struct hvis_vss_wire_luns, luns) == 20, "wire layout");
