/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl info nics: the network interfaces as the host is told of them; with --explain all of them,
 * with what is not told and why. The reasons are the daemon's.
 */
#include "hvctl/call.h"
#include "util/output.h"

static char *empty_if_null(struct json_object *value)
{
	return value ? output_value(value) : NULL;
}

static const OutputColumn columns[] = {
	{ .heading = "INTERFACE", .member = "name" },
	{ .heading = "MAC", .member = "mac" },
	{ .heading = "ADDRESSES", .member = "address_list" },
	{ .heading = "GATEWAYS", .member = "gateways" },
	{ .heading = "DNS", .member = "dns" },
	{ .heading = "DHCP", .member = "dhcp" },
	{ .heading = NULL },
};

static const OutputColumn explain_columns[] = {
	{ .heading = "INTERFACE", .member = "name" },
	{ .heading = "ADDRESS", .member = "address" },
	{ .heading = "ORIGIN", .member = "origin", .format = empty_if_null },
	{ .heading = "REPORTED", .member = "reported" },
	{ .heading = "WHY", .member = "why", .format = empty_if_null },
	{ .heading = NULL },
};

static gboolean is_reported(struct json_object *object)
{
	return json_object_get_boolean(output_member(object, "reported"));
}

static gsize length(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* "192.0.2.1/24" */
static struct json_object *with_prefix(struct json_object *address)
{
	g_autofree char *text =
		g_strdup_printf("%s/%d", json_object_get_string(output_member(address, "address")),
			json_object_get_int(output_member(address, "prefix")));

	return json_object_new_string(text);
}

/* --- asking --- */

/* Move the interfaces of @answer to @all. Returns where the next answer starts, -1 = nowhere. */
static gint64 take_page(
	struct json_object *all, struct json_object *answer, gint64 from, GError **error)
{
	struct json_object *nics = hvctl_answer_member(answer, "nics", json_type_array, error);
	struct json_object *next = output_member(answer, "next");

	for (gsize i = 0; i < length(nics); i++) {
		struct json_object *nic = json_object_array_get_idx(nics, i);

		if (json_object_is_type(nic, json_type_object))
			json_object_array_add(all, json_object_get(nic));
	}
	if (!nics || !next)
		return -1;
	if (json_object_get_int64(next) > from)
		return json_object_get_int64(next);
	hvis_fail(error, HVIS_ERROR_PROTOCOL, "the daemon's list does not go on where it ended");
	return -1;
}

static struct json_object *ask_all(const HvctlRequest *request, GError **error)
{
	struct json_object *all = json_object_new_array();

	for (gint64 from = 0; from >= 0;) {
		struct json_object *params = json_object_new_object(), *answer;

		json_object_object_add(params, "from", json_object_new_int64(from));
		answer = hvctl_call(request, "Nics", params, error);
		from = answer ? take_page(all, answer, from, error) : -1;
		json_object_put(answer);
	}
	return all;
}

/* --- what the host is told --- */

/* @nic with those of its addresses alone that are reported. */
static struct json_object *reported_part(struct json_object *nic)
{
	struct json_object *part = json_object_new_object();
	struct json_object *addresses = json_object_new_array();
	struct json_object *all = output_member(nic, "addresses");

	for (gsize i = 0; i < length(all); i++) {
		struct json_object *address = json_object_array_get_idx(all, i);

		if (is_reported(address))
			json_object_array_add(addresses, json_object_get(address));
	}
	json_object_object_foreach(nic, name, value)
	{
		json_object_object_add(part, name, json_object_get(value));
	}
	json_object_object_add(part, "addresses", addresses);
	return part;
}

static struct json_object *reported_of(struct json_object *all)
{
	struct json_object *list = json_object_new_array();

	for (gsize i = 0; i < length(all); i++) {
		struct json_object *nic = json_object_array_get_idx(all, i);

		if (is_reported(nic))
			json_object_array_add(list, reported_part(nic));
	}
	return list;
}

static void print_reported(const HvctlRequest *request, struct json_object *all)
{
	struct json_object *list = reported_of(all);

	if (request->json) {
		output_json(request->out, list, FALSE);
		json_object_put(list);
		return;
	}
	for (gsize i = 0; i < length(list); i++) {
		struct json_object *nic = json_object_array_get_idx(list, i);
		struct json_object *addresses = output_member(nic, "addresses");
		struct json_object *texts = json_object_new_array();

		for (gsize k = 0; k < length(addresses); k++)
			json_object_array_add(
				texts, with_prefix(json_object_array_get_idx(addresses, k)));
		json_object_object_add(nic, "address_list", texts);
	}
	output_table(request->out, list, columns);
	json_object_put(list);
}

/* --- what it is not told, and why --- */

/* A row for the interface (@address NULL) or for one of its addresses. */
static struct json_object *explain_row(struct json_object *nic, struct json_object *address)
{
	struct json_object *row = json_object_new_object();
	struct json_object *about = address ? address : nic;

	json_object_object_add(row, "name", json_object_get(output_member(nic, "name")));
	json_object_object_add(row, "address",
		address ? with_prefix(address) : json_object_get(output_member(nic, "mac")));
	json_object_object_add(row, "origin", json_object_get(output_member(about, "origin")));
	json_object_object_add(row, "reported", json_object_get(output_member(about, "reported")));
	json_object_object_add(row, "why", json_object_get(output_member(about, "why")));
	return row;
}

static void print_explained(const HvctlRequest *request, struct json_object *all)
{
	struct json_object *rows;

	if (request->json) {
		output_json(request->out, all, FALSE);
		return;
	}
	rows = json_object_new_array();
	for (gsize i = 0; i < length(all); i++) {
		struct json_object *nic = json_object_array_get_idx(all, i);
		struct json_object *addresses = output_member(nic, "addresses");

		json_object_array_add(rows, explain_row(nic, NULL));
		for (gsize k = 0; k < length(addresses); k++)
			json_object_array_add(
				rows, explain_row(nic, json_object_array_get_idx(addresses, k)));
	}
	output_table(request->out, rows, explain_columns);
	json_object_put(rows);
}

HvisExit hvctl_info_nics(const HvctlRequest *request, GError **error)
{
	struct json_object *all = ask_all(request, error);

	if (!*error && request->explain)
		print_explained(request, all);
	else if (!*error)
		print_reported(request, all);
	if (!*error)
		output_finish(request->out, error);
	json_object_put(all);
	return HVIS_EXIT_OK;
}
