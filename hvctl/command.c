/* SPDX-License-Identifier: GPL-2.0-only */
/* The command table, and the way from a command line to an exit status. */
#include "config.h"

#include "hvctl/command.h"
#include "util/output.h"

const HvctlCommand hvctl_commands[] = {
	{ "status", "", 0, HVCTL_OPT_JSON | HVCTL_OPT_CALL,
		"show what the services do, and why one does not work",
		"The exit status is 0 where the host is being served, 1 where a daemon runs but "
		"does "
		"not serve it yet, and 3 where the daemon does not run or does not answer.",
		hvctl_status },
	{ "kvp list", "", 0, HVCTL_OPT_JSON | HVCTL_OPT_POOL | HVCTL_OPT_CALL,
		"list records: pool, key and value, in the order of the file",
		"Keys that occur more than once are listed as often.", hvctl_kvp_list },
	{ "kvp get", "KEY", 1, HVCTL_OPT_JSON | HVCTL_OPT_POOL | HVCTL_OPT_CALL,
		"print the value of a key",
		"Without --pool the pools are searched in the order external, auto-external, "
		"guest, "
		"auto, auto-internal. The exit status is 1 where no pool has the key.",
		hvctl_kvp_get },
	{ "kvp set", "KEY VALUE", 2, HVCTL_OPT_POOL | HVCTL_OPT_CALL, "add or replace a record",
		"The pool is guest, which the host reads, unless --pool says external.",
		hvctl_kvp_set },
	{ "kvp delete", "KEY", 1, HVCTL_OPT_POOL | HVCTL_OPT_CALL, "delete the records of a key",
		"The pool is guest unless --pool says external. The exit status is 1 where it does "
		"not have the key.",
		hvctl_kvp_delete },
	{ "config check", "", 0, HVCTL_OPT_JSON, "check the configuration files",
		"A key that does not exist and a bad value are wrong; file and line are named, and "
		"the "
		"exit status is 1. The daemon need not run.",
		hvctl_config_check },
	{ "config show", "", 0, HVCTL_OPT_JSON | HVCTL_OPT_ORIGIN, "show every configuration value",
		"The daemon need not run.", hvctl_config_show },
	{ .path = NULL },
};

static HvisExit run_request(const HvctlRequest *request, GError **error)
{
	g_autofree char *text = NULL;

	if (request->command && !request->help)
		return request->command->run(request, error);
	text = request->help ? hvctl_help(request->command, request->group)
			     : g_strdup("hvctl (hvis) " PACKAGE_VERSION "\n");
	fputs(text, request->out);
	output_finish(request->out, error);
	return HVIS_EXIT_OK;
}

int hvctl_main(const char *const *argv)
{
	g_auto(HvctlRequest) request = { 0 };
	g_autoptr(GError) error = NULL;
	HvisExit status;

	if (!hvctl_parse(argv, &request, &error)) {
		hvis_die(HVIS_EXIT_USAGE, error);
		fputs("hvctl --help shows the commands\n", stderr);
		return HVIS_EXIT_USAGE;
	}
	status = run_request(&request, &error);
	if (!error)
		return (int)status;
	hvis_die(hvis_exit_status(error), error);
	if (hvis_error_is(error, HVIS_ERROR_CLOSED))
		fputs("\"hvctl status\" says why and what to do\n", stderr);
	return (int)hvis_exit_status(error);
}
