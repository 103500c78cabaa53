/* SPDX-License-Identifier: GPL-2.0-only */
/* From the host's strings to a call of io.hvis.Ip; see the header. */
#include "config.h"

#include "kvpd/setip.h"

#include <string.h>

#include <util/clock.h>
#include <util/error.h>
#include <util/file.h>
#include <util/log.h>
#include <util/output.h>
#include <varlink/varlink.h>
#include <wire/ip-plan.h>

struct KvpSetIp {
	char *socket, *root;
	VarlinkPending *pending; /* NULL: nothing is under way */
	KvpSetIpDone done;
	gpointer data;
	struct {
		HvisLogLimit asked, answered, untried;
	} told; /* a host may ask as often as it likes */
};

KvpSetIp *kvp_setip_new(const char *socket, const char *root)
{
	KvpSetIp *setip = g_new0(KvpSetIp, 1);

	setip->socket = g_strdup(socket);
	setip->root = g_strdup(root);
	return setip;
}

static void end(KvpSetIp *setip, const char *why)
{
	g_autoptr(GError) error = NULL;

	if (!setip->pending)
		return;
	varlink_pending_cancel(g_steal_pointer(&setip->pending));
	hvis_fail(&error, HVIS_ERROR_CLOSED, "%s", why);
	setip->done(error, setip->data);
}

void kvp_setip_cancel(KvpSetIp *setip)
{
	end(setip, "the host does not wait for it any more");
}

void kvp_setip_free(KvpSetIp *setip)
{
	if (!setip)
		return;
	end(setip, "the daemon stops");
	g_free(setip->socket);
	g_free(setip->root);
	hvis_log_limit_clear(&setip->told.asked);
	hvis_log_limit_clear(&setip->told.answered);
	hvis_log_limit_clear(&setip->told.untried);
	g_free(setip);
}

/* --- the adapter --- */

/* The one interface below /sys/bus/vmbus/devices/GUID/net. */
static char *interface_of(const char *root, const char *guid)
{
	g_autofree char *path = g_strdup_printf("%s/sys/bus/vmbus/devices/%s/net", root, guid);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name = dir ? g_dir_read_name(dir) : NULL;

	return name ? g_build_filename(path, name, NULL) : NULL;
}

static gboolean mac_of_device(const char *root, const char *guid, guint8 mac[6], GError **error)
{
	g_autofree char *interface = interface_of(root, guid);
	g_autofree char *path = interface ? g_strconcat(interface, "/address", NULL) : NULL;
	g_autofree char *text = path ? hvis_file_read(path, 4096, NULL, NULL) : NULL;

	if (!text)
		return hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no adapter {%s}", guid);
	return ip_mac_parse(g_strchomp(text), mac, error);
}

/* With braces or without; GUIDs of sysfs are in small letters. */
static char *take_guid(const char *text)
{
	gsize len = strlen(text);
	gboolean braces = text[0] == '{' && len > 2 && text[len - 1] == '}';
	g_autofree char *guid = braces ? g_strndup(text + 1, len - 2) : g_strdup(text);
	g_autofree char *small = g_ascii_strdown(guid, -1);

	return g_uuid_string_is_valid(small) ? g_steal_pointer(&small) : NULL;
}

gboolean kvp_setip_adapter(const char *root, const char *adapter, guint8 mac[6], GError **error)
{
	g_autofree char *guid = take_guid(adapter);
	g_autofree char *shown = NULL;

	if (guid)
		return mac_of_device(root, guid, mac, error);
	if (ip_mac_parse(adapter, mac, NULL))
		return TRUE;
	shown = output_escape(adapter);
	return hvis_fail(
		error, HVIS_ERROR_INVALID, "\"%s\" is neither a GUID nor a MAC address", shown);
}

/* --- the call --- */

/* Nobody at the socket means that the host's wish is not supported here. */
static void fix_code(GError **error)
{
	if (!hvis_error_is(*error, HVIS_ERROR_NOT_FOUND) &&
		!hvis_error_is(*error, HVIS_ERROR_CLOSED))
		return;
	g_prefix_error(error, "IP injection is not set up: ");
	(*error)->code = HVIS_ERROR_UNSUPPORTED;
}

static void tell(HvisLogLimit *limit, HvisLogLevel level, const char *text)
{
	HvisClock *clock = hvis_clock_default();

	if (!text[0])
		return;
	if (!hvis_log_limit(limit, text, clock->now(clock)))
		level = HVIS_LOG_DEBUG;
	hvis_log(level, "IP injection: %s", text);
}

static void log_answer(KvpSetIp *setip, struct json_object *answer)
{
	g_autoptr(GString) all = g_string_new(NULL);
	struct json_object *warnings = output_member(answer, "change.warnings");
	const char *state = json_object_get_string(output_member(answer, "change.state"));
	const char *name = json_object_get_string(output_member(answer, "change.interface"));

	for (gsize i = 0; json_object_is_type(warnings, json_type_array) &&
			  i < json_object_array_length(warnings);
		i++) {
		g_autofree char *text = output_value(json_object_array_get_idx(warnings, i));

		g_string_append_printf(all, "%s%s", all->len ? "; " : "", text);
	}
	tell(&setip->told.answered, HVIS_LOG_INFO, all->str);
	if (g_strcmp0(state, "done") != 0) {
		g_autofree char *untried =
			g_strdup_printf("%s is not known to work yet, the host is told that it is "
					"done; \"hvctl ip show\" has the result",
				name ? name : "?");

		tell(&setip->told.untried, HVIS_LOG_NOTICE, untried);
	}
}

static void on_answer(struct json_object *params, const GError *error, gpointer data)
{
	KvpSetIp *setip = data;

	setip->pending = NULL;
	if (!error)
		log_answer(setip, params);
	setip->done(error, setip->data);
}

static struct json_object *make_call(const IpPlan *plan)
{
	struct json_object *call = ip_plan_to_json(plan);
	gint64 until = g_get_monotonic_time() + (gint64)KVP_SETIP_ANSWER_MS * 1000;

	json_object_object_add(call, "answer_by_us", json_object_new_int64(until));
	return call;
}

static void tell_warnings(KvpSetIp *setip, const IpPlan *plan)
{
	g_autoptr(GString) all = g_string_new(NULL);

	for (guint i = 0; i < plan->warnings->len; i++)
		g_string_append_printf(
			all, "%s%s", i ? "; " : "", (char *)plan->warnings->pdata[i]);
	tell(&setip->told.asked, HVIS_LOG_INFO, all->str);
}

static gboolean start(KvpSetIp *setip, const KvpIp *ip, GError **error)
{
	g_autoptr(IpPlan) plan = NULL;
	g_autoptr(GError) failed = NULL;
	guint8 mac[6];

	if (setip->pending)
		return hvis_fail(error, HVIS_ERROR_BUSY, "another change is under way");
	if (!kvp_setip_adapter(setip->root, ip->adapter, mac, error))
		return FALSE;
	plan = ip_plan_from_host(ip, mac, error);
	if (!plan)
		return FALSE;
	tell_warnings(setip, plan);
	setip->pending = varlink_call_later(setip->socket, "io.hvis.Ip.Set", make_call(plan),
		KVP_SETIP_MS, on_answer, setip, &failed);
	if (setip->pending)
		return TRUE;
	fix_code(&failed);
	g_propagate_error(error, g_steal_pointer(&failed));
	return FALSE;
}

void kvp_setip_start(KvpSetIp *setip, const KvpIp *ip, KvpSetIpDone done, gpointer data)
{
	g_autoptr(GError) error = NULL;
	KvpSetIpDone busy_done = setip->done;
	gpointer busy_data = setip->data;

	setip->done = done;
	setip->data = data;
	if (start(setip, ip, &error))
		return;
	if (setip->pending) { /* the one before this one goes on */
		setip->done = busy_done;
		setip->data = busy_data;
	}
	done(error, data);
}
