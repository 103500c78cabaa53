/* SPDX-License-Identifier: GPL-2.0-only */
/* "hvis-host probe": can this machine's KVM run a guest, in which ways, and if not, why not. */
#include "config.h"

#include "host/options.h"
#include "host/subcommand.h"
#include "host/vm/probe.h"
#include "util/error.h"
#include "util/output.h"

static const OutputColumn columns[] = {
	{ "Capability", "name", FALSE, NULL, NULL },
	{ "Present", "present", FALSE, NULL, NULL },
	{ "Needed for", "needed", FALSE, NULL, NULL },
	{ "Purpose", "purpose", FALSE, NULL, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

static struct json_object *capability_row(const VmCapability *capability)
{
	struct json_object *row = json_object_new_object(), *needed = json_object_new_array();

	for (guint way = VM_SYNIC_AUTO + 1; way < VM_SYNIC_N; way++)
		if (capability->needed[way])
			json_object_array_add(needed, json_object_new_string(vm_synic_name(way)));
	json_object_object_add(row, "name", json_object_new_string(capability->name));
	json_object_object_add(row, "present", json_object_new_boolean(capability->present));
	json_object_object_add(row, "needed", needed);
	json_object_object_add(row, "purpose", json_object_new_string(capability->purpose));
	return row;
}

static void print_text(const VmProbe *probe)
{
	struct json_object *rows = json_object_new_array();

	for (guint i = 0; i < probe->capabilities->len; i++)
		json_object_array_add(
			rows, capability_row(&g_array_index(probe->capabilities, VmCapability, i)));
	output_table(stdout, rows, columns);
	json_object_put(rows);
	fputc('\n', stdout);
	for (guint way = VM_SYNIC_AUTO + 1; way < VM_SYNIC_N; way++)
		printf("--synic %-4s  %s\n", vm_synic_name(way),
			probe->problem[way] ? probe->problem[way] : "can run a guest");
}

int host_probe(int argc, char **argv)
{
	g_autoptr(VmProbe) probe = NULL;
	g_autoptr(GError) error = NULL;
	gboolean json = FALSE;

	if (!probe_options_parse(&json, argc, argv, &error))
		return hvis_die(HVIS_EXIT_USAGE, error);
	probe = vm_probe();
	if (json) {
		struct json_object *o = vm_probe_describe(probe);

		output_json(stdout, o, FALSE);
		json_object_put(o);
	} else if (probe->unopened) {
		hvis_die(HVIS_EXIT_FALSE, probe->unopened);
	} else {
		print_text(probe);
	}
	if (!output_finish(stdout, &error))
		return hvis_die(hvis_exit_status(error), error);
	if (hvis_error_is(probe->unopened, HVIS_ERROR_PERMISSION))
		return HVIS_EXIT_PERMISSION;
	return probe->problem[VM_SYNIC_AUTO] ? HVIS_EXIT_FALSE : HVIS_EXIT_OK;
}
