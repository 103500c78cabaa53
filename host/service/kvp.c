/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVP, host end: every operation as one transaction. What an administrator asks for that takes
 * several of them is in kvp-list.c.
 */
#include <hvis/hresult.h>
#include <hvis/services.h>
#include <util/error.h>
#include "host/service/class.h"
#include "host/service/kvp-wire.h"

#define BINARY_IP_MAJOR 5u /* message version from which IP info is binary */

typedef struct {
	guint8 op, pool;
	guint32 index;
	char *key;
	KvpValue value;
	KvpIpInfo ip;
	gboolean binary; /* the form that the request was made in */
	ServiceDone done;
	KvpItemDone item_done;
	KvpIpDone ip_done;
	gpointer data;
} Job;

static void job_free(Job *job)
{
	g_free(job->key);
	kvp_value_clear(&job->value);
	kvp_ip_info_clear(&job->ip);
	g_free(job);
}

static Job *job_new(guint8 op, guint8 pool, const char *key, gpointer data)
{
	Job *job = g_new0(Job, 1);

	job->op = op;
	job->pool = pool;
	job->key = g_strdup(key);
	job->data = data;
	return job;
}

static gboolean build(IcVersion message, GByteArray *body, gpointer data, GError **error)
{
	Job *job = data;
	KvpWireRequest request = { job->op, job->pool, job->index, job->key, &job->value };

	job->binary = message.major >= BINARY_IP_MAJOR;
	if (job->op == HVIS_KVP_OP_GET_IP_INFO || job->op == HVIS_KVP_OP_SET_IP_INFO)
		return kvp_ip_wire_put(job->op, &job->ip, job->binary, body, error);
	return kvp_wire_encode(&request, body, error);
}

static void finish_item(Job *job, guint32 status, WireCursor body, const GError *error)
{
	g_autoptr(GError) local = NULL;
	KvpItem *item = NULL;

	if (!error && status == HVIS_S_OK)
		item = kvp_wire_decode(job->op, body, &local);
	job->item_done(local ? HVIS_E_FAIL : status, item, local ? local : error, job->data);
	kvp_item_free(item);
}

static void finish_ip(Job *job, guint32 status, WireCursor body, const GError *error)
{
	g_autoptr(GError) local = NULL;
	KvpIpInfo ip = { 0 };
	gboolean have =
		!error && status == HVIS_S_OK && kvp_ip_wire_take(body, job->binary, &ip, &local);

	job->ip_done(
		local ? HVIS_E_FAIL : status, have ? &ip : NULL, local ? local : error, job->data);
	kvp_ip_info_clear(&ip);
}

static void finish(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	Job *job = data;

	if (job->item_done)
		finish_item(job, status, body, error);
	else if (job->ip_done)
		finish_ip(job, status, body, error);
	else
		job->done(status, error, job->data);
	job_free(job);
}

static void start(HostService *kvp, Job *job)
{
	g_assert(kvp->class == &kvp_class);
	ic_request(kvp->ic, build, finish, job);
}

static void value_copy(KvpValue *to, const KvpValue *from)
{
	*to = *from;
	to->text = g_strdup(from->text);
}

void kvp_set(HostService *kvp, guint8 pool, const char *key, const KvpValue *value,
	ServiceDone done, gpointer data)
{
	Job *job = job_new(HVIS_KVP_OP_SET, pool, key, data);

	value_copy(&job->value, value);
	job->done = done;
	start(kvp, job);
}

void kvp_remove(HostService *kvp, guint8 pool, const char *key, ServiceDone done, gpointer data)
{
	Job *job = job_new(HVIS_KVP_OP_DELETE, pool, key, data);

	job->done = done;
	start(kvp, job);
}

void kvp_enumerate(HostService *kvp, guint8 pool, guint32 index, KvpItemDone done, gpointer data)
{
	Job *job = job_new(HVIS_KVP_OP_ENUMERATE, pool, NULL, data);

	job->index = index;
	job->item_done = done;
	start(kvp, job);
}

void kvp_get_raw(HostService *kvp, guint8 pool, const char *key, KvpItemDone done, gpointer data)
{
	Job *job = job_new(HVIS_KVP_OP_GET, pool, key, data);

	job->item_done = done;
	start(kvp, job);
}

void kvp_ip_get(HostService *kvp, const char *adapter_id, KvpIpDone done, gpointer data)
{
	Job *job = job_new(HVIS_KVP_OP_GET_IP_INFO, 0, NULL, data);

	job->ip.adapter_id = g_strdup(adapter_id);
	job->ip_done = done;
	start(kvp, job);
}

void kvp_ip_set(HostService *kvp, const KvpIpInfo *ip, ServiceDone done, gpointer data)
{
	Job *job = job_new(HVIS_KVP_OP_SET_IP_INFO, 0, NULL, data);

	job->ip = (KvpIpInfo){
		.adapter_id = g_strdup(ip->adapter_id),
		.family = ip->family,
		.dhcp = ip->dhcp,
		.addresses = g_strdupv(ip->addresses),
		.subnets = g_strdupv(ip->subnets),
		.gateways = g_strdupv(ip->gateways),
		.dns = g_strdupv(ip->dns),
		.origins = ip->origins ? g_array_ref(ip->origins) : NULL,
	};
	job->done = done;
	start(kvp, job);
}

static void kvp_describe(HostService *s, const IcMessage *message, gboolean to_guest, GString *line)
{
	kvp_wire_print(message->body, to_guest, message->message.major >= BINARY_IP_MAJOR, line);
}

static const IcVersion versions[] = { { 3, 0 }, { 4, 0 }, { 5, 0 } };

const ServiceClass kvp_class = {
	.name = "kvp",
	.device = "hv_kvp",
	.type = HVIS_IC_KVP,
	.type_guid = HVIS_KVP_TYPE,
	.instance_guid = HVIS_KVP_INSTANCE,
	.versions = versions,
	.n_versions = G_N_ELEMENTS(versions),
	.describe = kvp_describe,
};
