/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMBus channel messages: what guest and host post to each other through the SynIC, payload only.
 *
 * Layouts and limits, no behaviour. Every structure begins with the message header, so offsets are
 * those of the payload. Sources: linux/hyperv.h (kernel, 6.1 and 6.12 headers) and measurements
 * with stock guests; lengths that Linux insists on are multiples of 8 ("message too short").
 */
#pragma once

#include <hvis/types.h>

#define HVIS_PAGE_SIZE 4096u
#define HVIS_MESSAGE_MAX 240u /* payload of one SynIC message (hypervisor specification) */
#define HVIS_MESSAGE_TYPE 1u /* SynIC message type of VMBus */
#define HVIS_SINT 2u /* SINT that carries messages and event flags */
#define HVIS_RELID_MAX 2047u /* event flags per SINT less the reserved first */
#define HVIS_USER_DATA_SIZE 120u
#define HVIS_PORT_PRE_5_0 1u /* connection ids that HvPostMessage may name */
#define HVIS_PORT_5_0 4u

#define HVIS_VERSION(major, minor) ((uint32_t)(major) << 16 | (minor))
#define HVIS_VERSION_3_0 HVIS_VERSION(3, 0)
#define HVIS_VERSION_4_0 HVIS_VERSION(4, 0)
#define HVIS_VERSION_4_1 HVIS_VERSION(4, 1)
#define HVIS_VERSION_5_0 HVIS_VERSION(5, 0)
#define HVIS_VERSION_5_1 HVIS_VERSION(5, 1)
#define HVIS_VERSION_5_2 HVIS_VERSION(5, 2)
#define HVIS_VERSION_5_3 HVIS_VERSION(5, 3)

enum hvis_message {
	HVIS_MSG_INVALID = 0,
	HVIS_MSG_OFFER = 1,
	HVIS_MSG_RESCIND = 2,
	HVIS_MSG_REQUEST_OFFERS = 3,
	HVIS_MSG_ALL_OFFERS = 4,
	HVIS_MSG_OPEN = 5,
	HVIS_MSG_OPEN_RESULT = 6,
	HVIS_MSG_CLOSE = 7,
	HVIS_MSG_GPADL_HEADER = 8,
	HVIS_MSG_GPADL_BODY = 9,
	HVIS_MSG_GPADL_CREATED = 10,
	HVIS_MSG_GPADL_TEARDOWN = 11,
	HVIS_MSG_GPADL_TORNDOWN = 12,
	HVIS_MSG_RELID_RELEASED = 13,
	HVIS_MSG_INITIATE_CONTACT = 14,
	HVIS_MSG_VERSION_RESPONSE = 15,
	HVIS_MSG_UNLOAD = 16,
	HVIS_MSG_UNLOAD_RESPONSE = 17,
	HVIS_MSG_TL_CONNECT = 21,
	HVIS_MSG_MODIFY_CHANNEL = 22,
	HVIS_MSG_TL_CONNECT_RESULT = 23,
	HVIS_MSG_MODIFY_RESPONSE = 24,
};

struct hvis_msg_hdr {
	hvis_le32 type;
	hvis_le32 pad;
};

struct hvis_msg_initiate_contact {
	struct hvis_msg_hdr hdr;
	hvis_le32 version;
	hvis_le32 target_vcpu;
	uint8_t sint, vtl; /* meaningful from 5.0 on */
	uint8_t reserved[6];
	hvis_le64 monitor_page[2]; /* parent to child, child to parent */
};

struct hvis_msg_version_response {
	struct hvis_msg_hdr hdr;
	uint8_t supported;
	uint8_t connection_state;
	uint8_t pad[2];
	hvis_le32 message_port; /* from 5.0 on: connection id for later messages */
};

enum {
	HVIS_OFFER_ENUMERATE_INTERFACE = 1,
	HVIS_OFFER_NAMED_PIPE = 0x10,
};
#define HVIS_PIPE_MODE_MESSAGE 4u /* first word of user_data when NAMED_PIPE is set */

struct hvis_msg_offer {
	struct hvis_msg_hdr hdr;
	struct hvis_guid type, instance;
	hvis_le64 reserved[2];
	hvis_le16 flags;
	hvis_le16 mmio_mb;
	uint8_t user_data[HVIS_USER_DATA_SIZE];
	hvis_le16 subchannel;
	hvis_le16 reserved2;
	hvis_le32 relid;
	uint8_t monitor_id; /* 0xff = none */
	uint8_t monitor_allocated; /* bit 0 */
	hvis_le16 dedicated; /* bit 0: the channel has an interrupt of its own */
	hvis_le32 connection_id; /* for HvSignalEvent */
};

struct hvis_msg_relid { /* RESCIND, CLOSE, RELID_RELEASED */
	struct hvis_msg_hdr hdr;
	hvis_le32 relid;
};

struct hvis_msg_open {
	struct hvis_msg_hdr hdr;
	hvis_le32 relid;
	hvis_le32 open_id;
	hvis_le32 gpadl;
	hvis_le32 target_vp; /* 0xffffffff = no interrupts */
	hvis_le32 downstream_page; /* page of the GPADL where the host's ring begins */
	uint8_t user_data[HVIS_USER_DATA_SIZE];
};

struct hvis_msg_open_result {
	struct hvis_msg_hdr hdr;
	hvis_le32 relid;
	hvis_le32 open_id;
	hvis_le32 status;
};

struct hvis_gpa_range { /* followed by pfn[] */
	hvis_le32 byte_count;
	hvis_le32 byte_offset;
};

struct hvis_msg_gpadl_header { /* followed by pfn[] of the range, up to the end of the message */
	struct hvis_msg_hdr hdr;
	hvis_le32 relid;
	hvis_le32 gpadl;
	hvis_le16 range_buflen; /* bytes of all ranges with their pfns: 8 + 8 * pages for one */
	hvis_le16 range_count;
	struct hvis_gpa_range range;
};

struct hvis_msg_gpadl_body { /* followed by pfn[], up to the end of the message */
	struct hvis_msg_hdr hdr;
	hvis_le32 number;
	hvis_le32 gpadl;
};

struct hvis_msg_gpadl_created {
	struct hvis_msg_hdr hdr;
	hvis_le32 relid;
	hvis_le32 gpadl;
	hvis_le32 status;
};

struct hvis_msg_gpadl_teardown {
	struct hvis_msg_hdr hdr;
	hvis_le32 relid;
	hvis_le32 gpadl;
};

struct hvis_msg_gpadl_torndown {
	struct hvis_msg_hdr hdr;
	hvis_le32 gpadl;
};

struct hvis_msg_modify_channel {
	struct hvis_msg_hdr hdr;
	hvis_le32 relid;
	hvis_le32 target_vp;
};

struct hvis_msg_modify_response {
	struct hvis_msg_hdr hdr;
	hvis_le32 relid;
	hvis_le32 status;
};

struct hvis_msg_tl_connect { /* hv_sock; later guests append a silo identifier */
	struct hvis_msg_hdr hdr;
	struct hvis_guid endpoint, service;
};

struct hvis_msg_tl_connect_result {
	struct hvis_msg_hdr hdr;
	struct hvis_guid endpoint, service;
	hvis_le32 status;
};

/* Page that the guest shares for monitored channels: it sets a trigger bit and makes no hypercall. */
enum {
	HVIS_MONITOR_STATE = 0, /* bit n: group n is looked at */
	HVIS_MONITOR_PENDING = 8, /* u32 per group, 8 bytes apart: the trigger bits */
	HVIS_MONITOR_LATENCY = 576, /* u16 per trigger, 100 ns units */
	HVIS_MONITOR_PARAM = 1088, /* 8 bytes per trigger: connection id u32, flag u16, u16 */
	HVIS_MONITOR_GROUPS = 4,
	HVIS_MONITOR_GROUP_BITS = 32,
	HVIS_MONITOR_N = HVIS_MONITOR_GROUPS * HVIS_MONITOR_GROUP_BITS,
};
#define HVIS_MONITOR_NONE 0xffu
#define HVIS_VP_NONE 0xffffffffu /* as a target: no interrupts */

enum { /* connection_state of VERSION_RESPONSE */
	HVIS_CONTACT_OK = 0,
	HVIS_CONTACT_NO_RESOURCES = 1,
	HVIS_CONTACT_FAILED = 2,
};

enum { /* NTSTATUS in answers */
	HVIS_NT_OK = 0,
	HVIS_NT_INVALID_PARAMETER = 0xc000000du,
	HVIS_NT_NO_RESOURCES = 0xc000009au,
	HVIS_NT_INVALID_STATE = 0xc0000184u,
	HVIS_NT_REFUSED = 0xc0000236u,
};

static_assert(sizeof(struct hvis_msg_initiate_contact) == 40, "wire layout");
static_assert(sizeof(struct hvis_msg_version_response) == 16, "wire layout");
static_assert(sizeof(struct hvis_msg_offer) == 196, "wire layout");
static_assert(offsetof(struct hvis_msg_offer, flags) == 56, "wire layout");
static_assert(offsetof(struct hvis_msg_offer, relid) == 184, "wire layout");
static_assert(sizeof(struct hvis_msg_open) == 148, "wire layout");
static_assert(sizeof(struct hvis_msg_open_result) == 20, "wire layout");
static_assert(sizeof(struct hvis_msg_gpadl_header) == 28, "wire layout");
static_assert(sizeof(struct hvis_msg_gpadl_body) == 16, "wire layout");
static_assert(sizeof(struct hvis_msg_gpadl_created) == 20, "wire layout");
static_assert(sizeof(struct hvis_msg_modify_channel) == 16, "wire layout");
static_assert(sizeof(struct hvis_msg_tl_connect) == 40, "wire layout");
static_assert(sizeof(struct hvis_msg_tl_connect_result) == 44, "wire layout");
