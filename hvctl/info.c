/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl info: what host and guest have told each other, or one value of it. */
#include "hvctl/call.h"
#include "util/output.h"

static const OutputColumn columns[] = {
	{ .heading = "FROM", .member = "from" },
	{ .heading = "FIELD", .member = "field" },
	{ .heading = "VALUE", .member = "value" },
	{ .heading = NULL },
};

static void add_rows(struct json_object *rows, struct json_object *pairs, const char *from)
{
	json_object_object_foreach(pairs, key, value)
	{
		struct json_object *row = json_object_new_object();

		json_object_object_add(row, "from", json_object_new_string(from));
		json_object_object_add(row, "field", json_object_new_string(key));
		json_object_object_add(row, "value", json_object_get(value));
		json_object_array_add(rows, row);
	}
}

static void print_all(const HvctlRequest *request, struct json_object *info,
	struct json_object *host, struct json_object *guest)
{
	struct json_object *rows;

	if (request->json) {
		output_json(request->out, info, FALSE);
		return;
	}
	rows = json_object_new_array();
	add_rows(rows, host, "host");
	add_rows(rows, guest, "guest");
	output_table(request->out, rows, columns);
	json_object_put(rows);
}

/* The value alone, and nothing beside it: for scripts. */
static void print_field(const HvctlRequest *request, struct json_object *host,
	struct json_object *guest, GError **error)
{
	struct json_object *value = NULL;
	g_autofree char *text = NULL;

	if (!json_object_object_get_ex(host, request->field, &value) &&
		!json_object_object_get_ex(guest, request->field, &value)) {
		hvis_fail(error, HVIS_ERROR_NOT_FOUND, "neither host nor guest has told a \"%s\"",
			request->field);
		return;
	}
	if (request->json) {
		output_json(request->out, value, FALSE);
		return;
	}
	text = output_value(value);
	fprintf(request->out, "%s\n", text);
}

HvisExit hvctl_info(const HvctlRequest *request, GError **error)
{
	struct json_object *info = hvctl_call(request, "Info", NULL, error);
	struct json_object *host = NULL, *guest = NULL;

	if (info)
		host = hvctl_answer_member(info, "host", json_type_object, error);
	if (host)
		guest = hvctl_answer_member(info, "guest", json_type_object, error);
	if (guest && request->field)
		print_field(request, host, guest, error);
	else if (guest)
		print_all(request, info, host, guest);
	if (!*error)
		output_finish(request->out, error);
	json_object_put(info);
	return HVIS_EXIT_OK;
}
