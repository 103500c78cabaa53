/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl ip set, show and rollback: what the host does by SET_IP_INFO, by hand, by the same helper and
 * with the same care. The words of "ip set" are those of ip(8), so that nobody has to learn others.
 */
#include <string.h>

#include "hvctl/command.h"

#include "ipd/target.h"
#include "util/output.h"
#include "varlink/varlink.h"
#include "wire/ip-plan.h"

#define IP_TIMEOUT_MS 30000 /* ours: the helper answers within 20 s */

/* Call io.hvis.Ip.@method; takes @params. */
static struct json_object *call(
	const HvctlRequest *request, const char *method, struct json_object *params, GError **error)
{
	gboolean is_default = g_str_equal(request->socket, HVCTL_SOCKET);
	int timeout_ms =
		request->timeout_ms == HVCTL_TIMEOUT_MS ? IP_TIMEOUT_MS : request->timeout_ms;
	g_autofree char *name = g_strconcat("io.hvis.Ip.", method, NULL);
	g_autoptr(GError) cause = NULL;
	g_autoptr(VarlinkClient) client =
		varlink_client_connect(is_default ? HVCTL_IP_SOCKET : request->socket, &cause);

	if (client)
		return varlink_client_call(client, name, params, timeout_ms, error);
	json_object_put(params);
	if (hvis_error_is(cause, HVIS_ERROR_NOT_FOUND) || hvis_error_is(cause, HVIS_ERROR_CLOSED))
		hvis_fail(error, HVIS_ERROR_IO,
			"IP injection is not set up: %s; \"systemctl enable --now hvis-ip.socket\" "
			"does it",
			cause->message);
	else
		g_propagate_error(error, g_steal_pointer(&cause));
	return NULL;
}

/* --- ip set --- */

static gboolean add_adapter(
	const HvctlRequest *request, struct json_object *params, const char *word, GError **error)
{
	char text[IP_MAC_TEXT_SIZE];
	IpTarget target;
	guint8 mac[6];

	if (!ip_mac_parse(word, mac, NULL)) {
		if (!ip_target_named(request->root, word, &target, error))
			return FALSE;
		memcpy(mac, target.mac, sizeof(mac));
	}
	ip_mac_text(mac, text);
	json_object_object_add(params, "adapter", json_object_new_string(text));
	return TRUE;
}

static void add_to(struct json_object *params, const char *list, const char *word)
{
	struct json_object *array = NULL;

	if (!json_object_object_get_ex(params, list, &array)) {
		array = json_object_new_array();
		json_object_object_add(params, list, array);
	}
	json_object_array_add(array, json_object_new_string(word));
}

const char *const hvctl_ip_words[] = { "via", "dns", "dhcp", NULL };

/* "ADDRESS/PREFIX", "via GATEWAY", "dns SERVER", "dhcp", in any order. What they are worth is checked
 * by the helper. */
static gboolean add_words(struct json_object *params, char **words, GError **error)
{
	for (char **word = words; *word; word++) {
		const char *list = g_str_equal(*word, "via")   ? "gateways"
				   : g_str_equal(*word, "dns") ? "dns"
							       : NULL;

		if (g_str_equal(*word, "dhcp")) {
			json_object_object_add(params, "dhcp", json_object_new_boolean(TRUE));
		} else if (!list) {
			add_to(params, "addresses", *word);
		} else if (word[1]) {
			add_to(params, list, *++word);
		} else {
			return hvis_fail(
				error, HVIS_ERROR_INVALID, "an address is wanted after %s", *word);
		}
	}
	return TRUE;
}

static void print_strings(FILE *out, const char *before, struct json_object *list)
{
	gsize n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (gsize i = 0; i < n; i++) {
		g_autofree char *text = output_value(json_object_array_get_idx(list, i));

		fprintf(out, "%s%s\n", before, text);
	}
}

static void print_file(FILE *out, struct json_object *file)
{
	g_autofree char *path = output_value(output_member(file, "path"));
	struct json_object *content = output_member(file, "content");
	g_auto(GStrv) lines = g_strsplit(content ? json_object_get_string(content) : "", "\n", -1);

	fprintf(out, "\n%s (mode %04o):\n", path,
		(guint)json_object_get_int(output_member(file, "mode")));
	for (char **line = lines; *line && (line[1] || **line); line++) {
		g_autofree char *shown = output_escape(*line);

		fprintf(out, "    %s\n", shown);
	}
}

static void print_change(FILE *out, struct json_object *change)
{
	struct json_object *files = output_member(change, "files");
	g_autofree char *name = output_value(output_member(change, "interface"));
	g_autofree char *manager = output_value(output_member(change, "manager"));
	g_autofree char *state = output_value(output_member(change, "state"));

	fprintf(out, "%s: %s, by %s\n", name, state, manager);
	print_strings(out, "warning: ", output_member(change, "warnings"));
	if (!json_object_is_type(files, json_type_array))
		return;
	for (gsize i = 0; i < json_object_array_length(files); i++)
		print_file(out, json_object_array_get_idx(files, i));
	fputs("\nPrograms:\n", out);
	print_strings(out, "    ", output_member(change, "commands"));
}

HvisExit hvctl_ip_set(const HvctlRequest *request, GError **error)
{
	struct json_object *params = json_object_new_object(), *answer, *change;

	if (!add_adapter(request, params, request->args[0], error) ||
		!add_words(params, request->args + 1, error)) {
		json_object_put(params);
		return HVIS_EXIT_USAGE;
	}
	if (request->dry_run)
		json_object_object_add(params, "dry_run", json_object_new_boolean(TRUE));
	answer = call(request, "Set", params, error);
	change = answer ? output_member(answer, "change") : NULL;
	if (change && request->json)
		output_json(request->out, change, FALSE);
	else if (change)
		print_change(request->out, change);
	else if (answer)
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "the helper's answer has no change");
	json_object_put(answer);
	if (!*error)
		output_finish(request->out, error);
	return HVIS_EXIT_OK;
}

/* --- ip show --- */

static char *format_time(struct json_object *value)
{
	g_autoptr(GDateTime) time =
		value ? g_date_time_new_from_unix_local(json_object_get_int64(value) / 1000000)
		      : NULL;

	return time ? g_date_time_format(time, "%F %T") : NULL;
}

static const OutputColumn columns[] = {
	{ .heading = "TIME", .member = "time_us", .format = format_time },
	{ .heading = "INTERFACE", .member = "interface" },
	{ .heading = "MANAGER", .member = "manager" },
	{ .heading = "DHCP", .member = "plan.dhcp" },
	{ .heading = "ADDRESSES", .member = "plan.addresses" },
	{ .heading = "RESULT", .member = "result" },
	{ .heading = "REASON", .member = "reason" },
	{ .heading = NULL },
};

static void print_status(FILE *out, struct json_object *answer)
{
	struct json_object *off = output_member(answer, "off");
	struct json_object *interface = output_member(answer, "interface");
	struct json_object *history = output_member(answer, "history");
	g_autofree char *step = output_value(output_member(answer, "step"));
	g_autofree char *why = output_value(off), *name = output_value(interface);

	if (off)
		fprintf(out, "The host may not set addresses: %s\n", why);
	if (interface)
		fprintf(out, "%s: %s\n", name, step);
	if (!off && !interface && json_object_array_length(history) == 0)
		fputs("no addresses have been set\n", out);
	output_table(out, history, columns);
}

HvisExit hvctl_ip_show(const HvctlRequest *request, GError **error)
{
	struct json_object *answer = call(request, "GetStatus", NULL, error);

	if (answer && request->json)
		output_json(request->out, answer, FALSE);
	else if (answer && json_object_is_type(output_member(answer, "history"), json_type_array))
		print_status(request->out, answer);
	else if (answer)
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "the helper's answer has no history");
	json_object_put(answer);
	if (!*error)
		output_finish(request->out, error);
	return HVIS_EXIT_OK;
}

/* --- ip rollback --- */

HvisExit hvctl_ip_rollback(const HvctlRequest *request, GError **error)
{
	struct json_object *answer = call(request, "Rollback", NULL, error);
	g_autofree char *name = answer ? output_value(output_member(answer, "interface")) : NULL;

	if (name)
		fprintf(request->out, "%s: the last change was taken back\n", name);
	json_object_put(answer);
	if (!*error)
		output_finish(request->out, error);
	return HVIS_EXIT_OK;
}
