/* SPDX-License-Identifier: GPL-2.0-only */
/* IP information and IP injection over the control socket: KvpIpInfo to JSON and back. */
#include "config.h"

#include <string.h>

#include "host/control-private.h"
#include "host/service/kvp.h"
#include "util/error.h"

static const struct {
	const char *name;
	guint8 bit;
} families[] = {
	{ "ipv4", HVIS_KVP_FAMILY_IPV4 },
	{ "ipv6", HVIS_KVP_FAMILY_IPV6 },
};

static struct json_object *strings_json(char *const *strings)
{
	struct json_object *list = json_object_new_array();

	for (; strings && *strings; strings++)
		json_object_array_add(list, json_object_new_string(*strings));
	return list;
}

static struct json_object *families_json(guint8 family)
{
	struct json_object *list = json_object_new_array();

	for (gsize i = 0; i < G_N_ELEMENTS(families); i++)
		if (family & families[i].bit)
			json_object_array_add(list, json_object_new_string(families[i].name));
	return list;
}

static struct json_object *origins_json(const GArray *origins)
{
	struct json_object *list = json_object_new_array();

	for (guint i = 0; i < origins->len; i++)
		json_object_array_add(list, json_object_new_string(kvp_origin_name(
						    g_array_index(origins, KvpOrigin, i))));
	return list;
}

static struct json_object *ip_json(const KvpIpInfo *ip)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(
		o, "adapter", json_object_new_string(ip->adapter_id ? ip->adapter_id : ""));
	json_object_object_add(o, "families", families_json(ip->family));
	json_object_object_add(o, "dhcp", json_object_new_boolean(ip->dhcp));
	json_object_object_add(o, "addresses", strings_json(ip->addresses));
	json_object_object_add(o, "subnets", strings_json(ip->subnets));
	json_object_object_add(o, "gateways", strings_json(ip->gateways));
	json_object_object_add(o, "dns", strings_json(ip->dns));
	if (ip->origins)
		json_object_object_add(o, "origins", origins_json(ip->origins));
	return o;
}

static void on_ip(guint32 status, const KvpIpInfo *ip, const GError *error, gpointer data)
{
	if (error || status)
		request_end_status(data, status, "IP information", error);
	else
		request_end(data, control_wrap("ip", ip_json(ip)), NULL);
}

CONTROL_METHOD(ip_get)
{
	HostService *service = control_service(data, call, NULL, "kvp");
	const char *adapter;
	Request *request;

	if (!service || !varlink_param_string(call, "adapter", &adapter))
		return;
	request = request_new(data, call);
	if (request)
		kvp_ip_get(service, adapter, on_ip, request);
}

/* The list of strings @name; absent is empty. */
static gboolean parse_strings(struct json_object *o, const char *name, char ***ret, GError **error)
{
	struct json_object *list = json_object_object_get(o, name);
	gsize n = list && json_object_is_type(list, json_type_array)
			  ? json_object_array_length(list)
			  : 0;
	g_auto(GStrv) strings = g_new0(char *, n + 1);

	if (list && !json_object_is_type(list, json_type_array))
		return hvis_fail(error, HVIS_ERROR_INVALID, "ip.%s: a list is wanted", name);
	for (gsize i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (!json_object_is_type(item, json_type_string))
			return hvis_fail(error, HVIS_ERROR_INVALID,
				"ip.%s: a list of strings is wanted", name);
		strings[i] = g_strdup(json_object_get_string(item));
	}
	*ret = g_steal_pointer(&strings);
	return TRUE;
}

static gboolean parse_families(struct json_object *o, guint8 *ret, GError **error)
{
	g_auto(GStrv) names = NULL;

	if (!parse_strings(o, "families", &names, error))
		return FALSE;
	for (char **name = names; *name; name++) {
		gsize i = 0;

		while (i < G_N_ELEMENTS(families) && strcmp(families[i].name, *name))
			i++;
		if (i == G_N_ELEMENTS(families))
			return hvis_fail(error, HVIS_ERROR_INVALID,
				"ip.families: \"%s\" is neither ipv4 nor ipv6", *name);
		*ret |= families[i].bit;
	}
	return TRUE;
}

/* @ret may be half filled on failure; the caller clears it either way. */
static gboolean parse_ip(struct json_object *o, KvpIpInfo *ret, GError **error)
{
	struct json_object *adapter = json_object_object_get(o, "adapter");

	if (!json_object_is_type(o, json_type_object) ||
		!json_object_is_type(adapter, json_type_string))
		return hvis_fail(error, HVIS_ERROR_INVALID, "ip.adapter: a string is wanted");
	ret->adapter_id = g_strdup(json_object_get_string(adapter));
	ret->dhcp = json_object_get_boolean(json_object_object_get(o, "dhcp"));
	if (!parse_families(o, &ret->family, error) ||
		!parse_strings(o, "addresses", &ret->addresses, error) ||
		!parse_strings(o, "subnets", &ret->subnets, error) ||
		!parse_strings(o, "gateways", &ret->gateways, error) ||
		!parse_strings(o, "dns", &ret->dns, error))
		return FALSE;
	if (g_strv_length(ret->addresses) != g_strv_length(ret->subnets))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"ip: %u addresses and %u subnets; one subnet per address is wanted",
			g_strv_length(ret->addresses), g_strv_length(ret->subnets));
	return TRUE;
}

static void on_ip_set(guint32 status, const GError *error, gpointer data)
{
	request_end_status(data, status, "IP injection", error);
}

CONTROL_METHOD(ip_set)
{
	HostService *service = control_service(data, call, NULL, "kvp");
	g_autoptr(GError) error = NULL;
	KvpIpInfo ip = { 0 };
	Request *request = NULL;

	if (!service)
		return;
	if (!parse_ip(json_object_object_get(params, "ip"), &ip, &error))
		varlink_call_gerror(call, CONTROL_INTERFACE, error);
	else
		request = request_new(data, call);
	if (request)
		kvp_ip_set(service, &ip, on_ip_set, request);
	kvp_ip_info_clear(&ip);
}
