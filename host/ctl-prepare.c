/* SPDX-License-Identifier: GPL-2.0-only */
/* Arguments that need more than a table to become a method's parameters. */
#include "config.h"

#include <string.h>

#include <hvis/shutdown.h>
#include <wire/ip-address.h>

#include "host/ctl-private.h"
#include "host/service/timesync.h"

#define OFFSET_MAX_SECONDS ((double)TIMESYNC_OFFSET_MAX_US / G_USEC_PER_SEC)

static void add_string(struct json_object *o, const char *name, const char *value)
{
	json_object_object_add(o, name, json_object_new_string(value));
}

static const char *local_string(const CtlCall *call, const char *name)
{
	return json_object_get_string(json_object_object_get(call->local, name));
}

gboolean ctl_prepare_add(CtlCall *call, GError **error)
{
	add_string(call->params, "must_be", "absent");
	return TRUE;
}

gboolean ctl_prepare_modify(CtlCall *call, GError **error)
{
	add_string(call->params, "must_be", "present");
	return TRUE;
}

gboolean ctl_prepare_intrinsic(CtlCall *call, GError **error)
{
	add_string(call->params, "pool", "auto");
	return TRUE;
}

gboolean ctl_prepare_step(CtlCall *call, GError **error)
{
	json_object_object_add(call->params, "step", json_object_new_boolean(TRUE));
	return TRUE;
}

gboolean ctl_prepare_offset(CtlCall *call, GError **error)
{
	const char *text = local_string(call, "seconds");
	char *end;
	double seconds = g_ascii_strtod(text, &end);

	if (end == text || *end ||
		!(seconds >= -OFFSET_MAX_SECONDS && seconds <= OFFSET_MAX_SECONDS))
		return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" is no number of seconds", text);
	json_object_object_add(call->params, "offset_us",
		json_object_new_int64((gint64)(seconds * G_USEC_PER_SEC)));
	return TRUE;
}

gboolean ctl_prepare_fault_id(CtlCall *call, GError **error)
{
	const char *text = local_string(call, "id");
	guint64 id;

	if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT32, &id, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" is no rule's number", text);
	json_object_object_add(call->params, "id", json_object_new_int64((gint64)id));
	return TRUE;
}

/* --- shutdown --- */

/* The major reasons of Windows' shutdown reason codes; all of them count as planned here. */
static const struct {
	const char *name;
	guint32 code;
} reasons[] = {
	{ "planned", 0 },
	{ "hardware", 0x00010000 },
	{ "operating-system", 0x00020000 },
	{ "software", 0x00030000 },
	{ "application", 0x00040000 },
	{ "system", 0x00050000 },
	{ "power", 0x00060000 },
};

static gboolean parse_reason(const char *text, guint64 *ret, GError **error)
{
	const char *digits = g_str_has_prefix(text, "0x") ? text + 2 : text;

	for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++)
		if (!strcmp(reasons[i].name, text)) {
			*ret = reasons[i].code | HVIS_SHUTDOWN_REASON_PLANNED;
			return TRUE;
		}
	if (g_ascii_string_to_unsigned(digits, digits == text ? 10 : 16, 0, G_MAXUINT32, ret, NULL))
		return TRUE;
	return hvis_fail(error, HVIS_ERROR_INVALID,
		"--reason %s: a number, planned, hardware, operating-system, software, "
		"application, "
		"system or power is wanted",
		text);
}

gboolean ctl_prepare_shutdown(CtlCall *call, GError **error)
{
	const char *reason = local_string(call, "reason");
	guint64 code;

	if (!json_object_object_get_ex(call->params, "action", NULL))
		add_string(call->params, "action", "power-off");
	if (!reason)
		return TRUE;
	if (!parse_reason(reason, &code, error))
		return FALSE;
	json_object_object_add(call->params, "reason", json_object_new_int64((gint64)code));
	return TRUE;
}

/* --- ip set --- */

/* "ADDRESS/PREFIX" into its two lists, and its family into @families; a prefix of IPv4 goes as a mask. */
static gboolean split_address(const char *text, struct json_object *addresses,
	struct json_object *subnets, gboolean *v6, GError **error)
{
	g_autofree char *given = g_strndup(text, strcspn(text, "/"));
	g_autofree char *subnet = NULL;
	IpAddress address;

	if (!ip_address_parse_cidr(text, &address, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"--address %s: ADDRESS/PREFIX is wanted, such as 192.0.2.5/24", text);
	*v6 = address.family == AF_INET6;
	subnet = *v6 ? g_strdup_printf("%u", address.prefix) : ip_prefix_mask(&address);
	json_object_array_add(addresses, json_object_new_string(given));
	json_object_array_add(subnets, json_object_new_string(subnet));
	return TRUE;
}

static struct json_object *local_list(const CtlCall *call, const char *name)
{
	struct json_object *list = json_object_object_get(call->local, name);

	return list ? json_object_get(list) : json_object_new_array();
}

static gboolean add_addresses(CtlCall *call, struct json_object *ip, GError **error)
{
	struct json_object *given = json_object_object_get(call->local, "addresses");
	struct json_object *addresses = json_object_new_array(), *subnets = json_object_new_array();
	struct json_object *families = local_list(call, "families");
	gboolean derive = json_object_array_length(families) == 0, seen[2] = { FALSE, FALSE };

	json_object_object_add(ip, "addresses", addresses);
	json_object_object_add(ip, "subnets", subnets);
	json_object_object_add(ip, "families", families);
	for (gsize i = 0; given && i < json_object_array_length(given); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(given, i));
		gboolean v6 = FALSE;

		if (!split_address(text, addresses, subnets, &v6, error))
			return FALSE;
		if (derive && !seen[v6])
			json_object_array_add(
				families, json_object_new_string(v6 ? "ipv6" : "ipv4"));
		seen[v6] = TRUE;
	}
	return TRUE;
}

gboolean ctl_prepare_ip(CtlCall *call, GError **error)
{
	struct json_object *ip = json_object_new_object();
	gboolean dhcp = json_object_get_boolean(json_object_object_get(call->local, "dhcp"));

	json_object_object_add(call->params, "ip", ip);
	add_string(ip, "adapter", local_string(call, "adapter"));
	json_object_object_add(ip, "dhcp", json_object_new_boolean(dhcp));
	json_object_object_add(ip, "gateways", local_list(call, "gateways"));
	json_object_object_add(ip, "dns", local_list(call, "dns"));
	if (!add_addresses(call, ip, error))
		return FALSE;
	if (!dhcp && !json_object_array_length(json_object_object_get(ip, "addresses")))
		return hvis_fail(
			error, HVIS_ERROR_INVALID, "--address ADDRESS/PREFIX or --dhcp is wanted");
	return TRUE;
}
