/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Key-value pairs: the pool record on disk, the message of the kernel's character device, and the
 * body the host puts on the wire. Layouts only; decoding is in lib/wire, policy in kvpd/.
 *
 * Sources: linux/hyperv.h (UAPI) for the character device; the host's wire from the fields seen on
 * Linux 6.1/6.12 and OpenVMM's protocol description (type numbers, version 5).
 */
#pragma once

#include <hvis/types.h>

#define HVIS_KVP_KEY_MAX 512u /* bytes, both on the wire (UTF-16) and in a record (UTF-8) */
#define HVIS_KVP_VALUE_MAX 2048u /* bytes, as above */
#define HVIS_KVP_KEY_UNITS_MAX 254u /* UTF-16 units that survive the kernel's conversion, */
#define HVIS_KVP_VALUE_UNITS_MAX 1022u /* guest to host (hv_kvp.c 6.12: MAX / 2 - 2) */

enum hvis_kvp_op {
	HVIS_KVP_OP_GET = 0,
	HVIS_KVP_OP_SET = 1,
	HVIS_KVP_OP_DELETE = 2,
	HVIS_KVP_OP_ENUMERATE = 3,
	HVIS_KVP_OP_GET_IP_INFO = 4,
	HVIS_KVP_OP_SET_IP_INFO = 5,
	HVIS_KVP_OP_REGISTER1 = 100, /* character device only: handshake */
};

enum hvis_kvp_pool {
	HVIS_KVP_POOL_EXTERNAL = 0, /* host to guest */
	HVIS_KVP_POOL_GUEST = 1, /* guest to host */
	HVIS_KVP_POOL_AUTO = 2, /* facts about the guest, computed */
	HVIS_KVP_POOL_AUTO_EXTERNAL = 3, /* facts about the host */
	HVIS_KVP_POOL_AUTO_INTERNAL = 4,
	HVIS_KVP_POOL_N = 5,
};

enum hvis_kvp_type {
	HVIS_KVP_REG_SZ = 1,
	HVIS_KVP_REG_EXPAND_SZ = 2,
	HVIS_KVP_REG_U32 = 4,
	HVIS_KVP_REG_U64_LINUX = 8, /* what Linux' UAPI says */
	HVIS_KVP_REG_U64 = 11, /* what Windows and OpenVMM say */
};

enum {
	HVIS_KVP_FAMILY_NONE = 0,
	HVIS_KVP_FAMILY_IPV4 = 1,
	HVIS_KVP_FAMILY_IPV6 = 2,
};

/* A record of a pool file; a file is nothing but these. */
struct hvis_kvp_record {
	char key[HVIS_KVP_KEY_MAX];
	char value[HVIS_KVP_VALUE_MAX];
};

static_assert(sizeof(struct hvis_kvp_record) == 2560, "file layout: a public contract");

/* Sizes are bytes including the terminating NUL; text is UTF-8 on the device, UTF-16LE on the wire. */
struct hvis_kvp_pair {
	hvis_le32 type;
	hvis_le32 key_size;
	hvis_le32 value_size;
	uint8_t key[HVIS_KVP_KEY_MAX];
	uint8_t value[HVIS_KVP_VALUE_MAX];
};

struct hvis_kvp_enumerate {
	hvis_le32 index;
	struct hvis_kvp_pair pair;
};

struct hvis_kvp_delete {
	hvis_le32 key_size;
	uint8_t key[HVIS_KVP_KEY_MAX];
};

/*
 * The strings of IP info: NUL-terminated, entries joined by ';'. UTF-16LE on the host's wire; on the
 * character device the kernel has made UTF-8 of them, in fields of the same size.
 */
struct hvis_kvp_ip {
	uint8_t adapter_id[256];
	uint8_t family; /* HVIS_KVP_FAMILY_… bits */
	uint8_t dhcp;
	uint8_t address[2048];
	uint8_t subnet[2048];
	uint8_t gateway[1024];
	uint8_t dns[2048];
};

static_assert(sizeof(struct hvis_kvp_pair) == 2572, "wire layout");
static_assert(sizeof(struct hvis_kvp_enumerate) == 2576, "wire layout");
static_assert(sizeof(struct hvis_kvp_delete) == 516, "wire layout");
static_assert(sizeof(struct hvis_kvp_ip) == 7426, "wire layout");

/*
 * The message of /dev/vmbus/hv_kvp, both ways, always whole. An answer carries its status in the
 * first four bytes, over op and pool. The kernel reads the value of an answer to GET through the view
 * of ENUMERATE, four bytes after GET's own: a value can only be in one of them.
 */
#define HVIS_KVP_DEV_MSG_SIZE 7432u

struct hvis_kvp_dev_hdr {
	uint8_t op;
	uint8_t pool;
	uint8_t pad[2];
};

union hvis_kvp_dev_body {
	struct hvis_kvp_pair set, get;
	struct hvis_kvp_enumerate enumerate;
	struct hvis_kvp_delete del;
	struct hvis_kvp_ip ip;
	uint8_t version[HVIS_KVP_KEY_MAX]; /* REGISTER1, from the kernel: text */
	uint8_t raw[HVIS_KVP_DEV_MSG_SIZE - sizeof(struct hvis_kvp_dev_hdr)];
};

struct hvis_kvp_dev_msg {
	union {
		struct hvis_kvp_dev_hdr hdr;
		hvis_le32 status;
	};
	union hvis_kvp_dev_body body;
};

static_assert(sizeof(struct hvis_kvp_dev_msg) == HVIS_KVP_DEV_MSG_SIZE, "wire layout");
static_assert(offsetof(struct hvis_kvp_dev_msg, body.enumerate.pair.key) == 20, "wire layout");
static_assert(offsetof(struct hvis_kvp_dev_msg, body.enumerate.pair.value) == 532, "wire layout");
static_assert(offsetof(struct hvis_kvp_dev_msg, body.get.value) == 528, "wire layout");
static_assert(offsetof(struct hvis_kvp_dev_msg, body.del.key) == 8, "wire layout");
static_assert(offsetof(struct hvis_kvp_dev_msg, body.ip.address) == 262, "wire layout");

/*
 * The body of the host's IC message: the same header and views, except that the IP strings follow
 * op and pool at once. All of the other operations have bodies of one size.
 */
#define HVIS_KVP_WIRE_SIZE 2580u

struct hvis_kvp_ip_wire {
	uint8_t op;
	uint8_t pool;
	struct hvis_kvp_ip ip;
};

static_assert(sizeof(struct hvis_kvp_ip_wire) == 7428, "wire layout");

/*
 * From message version 5 on, IP info travels in binary, four bytes into the body (OpenVMM). Addresses
 * are in network order. Subnets pair with addresses; origins run over the IPv4 addresses, then over
 * the IPv6 ones, without a gap. The body is as long as the text form: the rest is zero.
 */
#define HVIS_KVP_IP_ADDRESSES_MAX 64u
#define HVIS_KVP_IP_GATEWAYS_MAX 5u

enum {
	HVIS_KVP_ORIGIN_UNKNOWN = 0,
	HVIS_KVP_ORIGIN_OTHER = 1, /* most likely DHCP */
	HVIS_KVP_ORIGIN_STATIC = 2,
};

struct hvis_kvp_ip_v5 {
	hvis_le32 n_ipv4, n_ipv6;
	hvis_le32 n_ipv4_gateways, n_ipv6_gateways;
	hvis_le32 n_ipv4_dns, n_ipv6_dns;
	uint8_t adapter_id[256];
	uint8_t family; /* HVIS_KVP_FAMILY_… bits */
	uint8_t dhcp;
	uint8_t pad[2];
	uint8_t ipv4[HVIS_KVP_IP_ADDRESSES_MAX][4];
	uint8_t ipv6[HVIS_KVP_IP_ADDRESSES_MAX][16];
	uint8_t ipv4_subnet[HVIS_KVP_IP_ADDRESSES_MAX][4];
	hvis_le32 ipv6_prefix[HVIS_KVP_IP_ADDRESSES_MAX];
	uint8_t ipv4_gateway[HVIS_KVP_IP_GATEWAYS_MAX][4];
	uint8_t ipv6_gateway[HVIS_KVP_IP_GATEWAYS_MAX][16];
	uint8_t ipv4_dns[HVIS_KVP_IP_ADDRESSES_MAX][4];
	uint8_t ipv6_dns[HVIS_KVP_IP_ADDRESSES_MAX][16];
	hvis_le16 origin[2 * HVIS_KVP_IP_ADDRESSES_MAX];
};

struct hvis_kvp_ip_v5_wire {
	uint8_t op;
	uint8_t pool;
	uint8_t pad[2];
	struct hvis_kvp_ip_v5 ip;
};

static_assert(sizeof(struct hvis_kvp_ip_v5) == 3712, "wire layout");
static_assert(offsetof(struct hvis_kvp_ip_v5, ipv4) == 284, "wire layout");
static_assert(offsetof(struct hvis_kvp_ip_v5, ipv4_gateway) == 2076, "wire layout");
static_assert(offsetof(struct hvis_kvp_ip_v5, origin) == 3456, "wire layout");
static_assert(sizeof(struct hvis_kvp_ip_v5_wire) <= sizeof(struct hvis_kvp_ip_wire), "wire layout");
