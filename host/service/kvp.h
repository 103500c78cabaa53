/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Key-value pairs, the host's requests. All of them take the "kvp" service of the registry; a
 * completion's pointers live until it returns. See service.h for when it is called.
 */
#pragma once

#include <hvis/kvp.h>
#include "host/service/service.h"

#define KVP_LIST_MAX 65536u /* ours: records after which an enumeration is cut off with an error */

typedef struct {
	guint32 type; /* enum hvis_kvp_type */
	char *text; /* strings: UTF-8, owned; NULL for numbers */
	guint64 number;
} KvpValue;

typedef struct {
	char *key;
	KvpValue value;
} KvpItem;

void kvp_value_clear(KvpValue *value);
void kvp_item_free(KvpItem *item);

/*
 * Make a value of @type ("string", "expand", "u32", "u64" = 11, "u64-linux" = 8, or a number; NULL
 * = string) from @text. INVALID where it does not fit; the lengths are those of host to guest.
 */
gboolean kvp_value_parse(const char *type, const char *text, KvpValue *ret, GError **error);
char *kvp_value_text(const KvpValue *value); /* numbers in decimal */
const char *kvp_type_name(guint32 type); /* NULL if unknown */

/* "external", "guest", "auto", "auto-external", "auto-internal" or 0..255: hosts may be wrong. */
gboolean kvp_pool_parse(const char *text, guint8 *ret, GError **error);
const char *kvp_pool_name(guint8 pool); /* NULL if unknown */

/* --- one message each --- */

void kvp_set(HostService *kvp, guint8 pool, const char *key, const KvpValue *value,
	ServiceDone done, gpointer data);
void kvp_remove(HostService *kvp, guint8 pool, const char *key, ServiceDone done, gpointer data);

/* @item is NULL unless @status is HVIS_S_OK. HVIS_E_NO_MORE_ITEMS is the end of a pool. */
typedef void (*KvpItemDone)(
	guint32 status, const KvpItem *item, const GError *error, gpointer data);
void kvp_enumerate(HostService *kvp, guint8 pool, guint32 index, KvpItemDone done, gpointer data);

/* The GET operation, which no known host sends and stock guests answer badly. */
void kvp_get_raw(HostService *kvp, guint8 pool, const char *key, KvpItemDone done, gpointer data);

/* --- built of several --- */

/*
 * Enumerate @pool until the guest says that there is no more. @items (of KvpItem) is NULL on error
 * and on a status other than HVIS_S_OK. The intrinsic items are those of HVIS_KVP_POOL_AUTO.
 */
typedef void (*KvpListDone)(guint32 status, GPtrArray *items, const GError *error, gpointer data);
void kvp_list(HostService *kvp, guint8 pool, KvpListDone done, gpointer data);
/* The same from record @from on; where there are @most, ask for the next part. */
void kvp_list_part(
	HostService *kvp, guint8 pool, guint from, guint most, KvpListDone done, gpointer data);

/* Look for @key by enumerating; HVIS_ERROR_NOT_FOUND where it is not there. */
void kvp_get(HostService *kvp, guint8 pool, const char *key, KvpItemDone done, gpointer data);

/* SET that wants the key absent (HVIS_ERROR_EXISTS), or present (HVIS_ERROR_NOT_FOUND). */
void kvp_add(HostService *kvp, guint8 pool, const char *key, const KvpValue *value,
	ServiceDone done, gpointer data);
void kvp_modify(HostService *kvp, guint8 pool, const char *key, const KvpValue *value,
	ServiceDone done, gpointer data);

/* --- IP --- */

typedef enum { KVP_ORIGIN_UNKNOWN, KVP_ORIGIN_OTHER, KVP_ORIGIN_STATIC, KVP_ORIGIN_N } KvpOrigin;

/* Both wire forms as one. Strings are NULL-terminated vectors, never NULL after a decode. */
typedef struct {
	char *adapter_id; /* GET: MAC address or GUID text; SET: "{guid}" */
	guint8 family; /* HVIS_KVP_FAMILY_… bits */
	gboolean dhcp;
	char **addresses, **subnets; /* pairs; "255.255.255.0", or a prefix length for IPv6 */
	char **gateways, **dns;
	GArray *origins; /* of KvpOrigin, one per address; NULL in the text form */
} KvpIpInfo;

void kvp_ip_info_clear(KvpIpInfo *ip);
const char *kvp_origin_name(KvpOrigin origin);

/* @ip is NULL unless @status is HVIS_S_OK. */
typedef void (*KvpIpDone)(guint32 status, const KvpIpInfo *ip, const GError *error, gpointer data);
void kvp_ip_get(HostService *kvp, const char *adapter_id, KvpIpDone done, gpointer data);

/* From message version 5 on addresses must be valid ones, for they travel in binary. */
void kvp_ip_set(HostService *kvp, const KvpIpInfo *ip, ServiceDone done, gpointer data);
