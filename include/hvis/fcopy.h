/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File copy from the host: the bodies that the host puts on the wire, and the messages of the character
 * device of Linux up to 6.9, which are the same but for their text. Layouts only; decoding is in
 * lib/wire, where files go is the daemon's.
 *
 * Source: linux/hyperv.h (UAPI, Debian linux-headers 6.1); what differs between device and wire was
 * measured with Linux 6.1.
 */
#pragma once

#include <hvis/types.h>

enum hvis_fcopy_op {
	HVIS_FCOPY_OP_START = 0,
	HVIS_FCOPY_OP_WRITE = 1,
	HVIS_FCOPY_OP_COMPLETE = 2,
	HVIS_FCOPY_OP_CANCEL = 3,
	HVIS_FCOPY_OP_N,
};

/* In the flags of START; no others are known. */
#define HVIS_FCOPY_OVERWRITE 1u
#define HVIS_FCOPY_CREATE_PATH 2u

#define HVIS_FCOPY_TEXT 520u /* bytes of a name: 260 UTF-16 units, the NUL among them */
#define HVIS_FCOPY_FRAGMENT 6144u /* the most that one WRITE carries */

/* What a guest's kernel gives its daemon for each message (hv_utils 6.1). */
#define HVIS_FCOPY_TIMEOUT_MS 30000u

/* Registration with the character device: a version, alone, both ways. */
#define HVIS_FCOPY_DEVICE_VERSION 1u

/*
 * Ours: the answer of a transport that speaks with the host itself, where the kernel has no device for it. It
 * begins like the device's, and says that requests are as on the wire. It comes again whenever the host has
 * negotiated again; what was under way before has then no answer any more.
 */
enum hvis_fcopy_text {
	HVIS_FCOPY_UTF16 = 0, /* the host's wire */
	HVIS_FCOPY_UTF8 = 1, /* the character device */
};

struct hvis_fcopy_welcome {
	hvis_le32 version;
	hvis_le32 text; /* enum hvis_fcopy_text */
};

struct hvis_fcopy_hdr {
	hvis_le32 op;
	struct hvis_guid service[2]; /* not read by any known guest */
};

/*
 * Wire: UTF-16LE, ended by NUL. Device: the kernel has made UTF-8 of it in the same room, 259 bytes and a NUL
 * at most, and has cut off what did not fit there without a word.
 */
#define HVIS_FCOPY_DEVICE_TEXT_MAX 259u
/* So much of it, or more, may be what was left: a character has up to four bytes, and the next ones may have fitted. */
#define HVIS_FCOPY_DEVICE_TEXT_CUT 256u

struct hvis_fcopy_start {
	struct hvis_fcopy_hdr hdr;
	uint8_t name[HVIS_FCOPY_TEXT];
	uint8_t path[HVIS_FCOPY_TEXT];
	hvis_le32 flags;
	hvis_le64 size; /* bytes of the whole file */
};

struct hvis_fcopy_write {
	struct hvis_fcopy_hdr hdr;
	hvis_le32 reserved;
	hvis_le64 offset;
	hvis_le32 size; /* of data, from its beginning */
	uint8_t data[HVIS_FCOPY_FRAGMENT];
};

/* COMPLETE and CANCEL are the header alone. The device's answer to each is the status, four bytes. */

static_assert(sizeof(struct hvis_fcopy_welcome) == 8, "wire layout");
static_assert(sizeof(struct hvis_fcopy_hdr) == 36, "wire layout");
static_assert(sizeof(struct hvis_fcopy_start) == 1088, "wire layout");
static_assert(offsetof(struct hvis_fcopy_start, name) == 36, "wire layout");
static_assert(offsetof(struct hvis_fcopy_start, path) == 556, "wire layout");
static_assert(offsetof(struct hvis_fcopy_start, flags) == 1076, "wire layout");
static_assert(offsetof(struct hvis_fcopy_start, size) == 1080, "wire layout");
static_assert(sizeof(struct hvis_fcopy_write) == 6196, "wire layout");
static_assert(offsetof(struct hvis_fcopy_write, offset) == 40, "wire layout");
static_assert(offsetof(struct hvis_fcopy_write, size) == 48, "wire layout");
static_assert(offsetof(struct hvis_fcopy_write, data) == 52, "wire layout");
