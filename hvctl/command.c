/* SPDX-License-Identifier: GPL-2.0-only */
/* The command table, and the way from a command line to an exit status. */
#include "config.h"

#include "hvctl/command.h"

#include "hvctl/complete.h"
#include "util/output.h"

const HvctlCommand hvctl_commands[] = {
	{ .path = "status",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_CALL,
		.summary = "show what the services do, and why one does not work",
		.help = "The exit status is that of hv_kvp_daemon: 0 where it serves the host, 1 "
			"where it runs but does not serve it yet, 3 where it does not run, and 5 "
			"where it does not answer. With --socket hv_kvp_daemon alone is shown.",
		.run = hvctl_status },
	{ .path = "info",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_FIELD | HVCTL_OPT_CALL,
		.summary = "show what host and guest have told each other",
		.help = "With --field the value alone; the host's comes first. The exit status is "
			"1 where neither has told it.",
		.run = hvctl_info },
	{ .path = "info nics",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_EXPLAIN | HVCTL_OPT_CALL,
		.summary = "show the network interfaces as the host sees them",
		.help = "With --explain all interfaces and addresses, whether the host is told of "
			"each, and why not.",
		.run = hvctl_info_nics },
	{ .path = "kvp list",
		.usage = "",
		.options = HVCTL_OPT_KVP | HVCTL_OPT_JSON | HVCTL_OPT_FORMAT | HVCTL_OPT_RAW,
		.summary = "list records: pool, key and value, in the order of the file",
		.help = "Keys that occur more than once are listed as often. Values that were "
			"stored in parts are joined.",
		.run = hvctl_kvp_list },
	{ .path = "kvp get",
		.usage = "KEY",
		.n_args = 1,
		.options = HVCTL_OPT_KVP | HVCTL_OPT_JSON | HVCTL_OPT_FORMAT | HVCTL_OPT_RAW,
		.summary = "print the value of a key",
		.help = "Without --pool the pools are searched in the order external, "
			"auto-external, guest, auto, auto-internal. Where there is no KEY, KEY0, "
			"KEY1, … are joined. The exit status is 1 where no pool has the key.",
		.run = hvctl_kvp_get },
	{ .path = "kvp set",
		.usage = "KEY VALUE",
		.n_args = 2,
		.options = HVCTL_OPT_KVP | HVCTL_OPT_SPLIT | HVCTL_OPT_APPEND,
		.summary = "add or replace a record",
		.help = "The pool is guest, which the host reads, unless --pool says external. The "
			"value - is read from standard input.",
		.run = hvctl_kvp_set },
	{ .path = "kvp delete",
		.usage = "KEY…",
		.n_args_max = HVCTL_ARGS_MAX,
		.options = HVCTL_OPT_KVP | HVCTL_OPT_RAW | HVCTL_OPT_ALL | HVCTL_OPT_IF_STALE,
		.summary = "delete the records of keys",
		.help = "The pool is guest unless --pool says external. The exit status is 1 where "
			"it does not have a key. With --all every record goes; with --if-stale "
			"only where \"kvp stale\" says yes.",
		.run = hvctl_kvp_delete },
	{ .path = "kvp stale",
		.usage = "",
		.options = HVCTL_OPT_KVP | HVCTL_OPT_JSON,
		.summary = "was a pool last written before this boot?",
		.help = "The pool is guest unless --pool says another. The exit status is 0 for "
			"yes and 1 for no.",
		.run = hvctl_kvp_stale },
	{ .path = "kvp watch",
		.usage = "",
		.options = HVCTL_OPT_KVP | HVCTL_OPT_JSON | HVCTL_OPT_FORMAT | HVCTL_OPT_RAW,
		.summary = "show what changes, as it changes",
		.help = "A line per change, with --json an object per line, until it is "
			"interrupted, or until the time of --timeout is over, which is no failure.",
		.is_long = TRUE,
		.run = hvctl_kvp_watch },
	{ .path = "kvp wait",
		.usage = "KEY",
		.n_args = 1,
		.options = HVCTL_OPT_KVP | HVCTL_OPT_JSON | HVCTL_OPT_RAW | HVCTL_OPT_VALUE,
		.summary = "wait until a key is there, and print its value",
		.help = "With --value until it has this value. Without --timeout for ever, else "
			"the exit status is 5 when the time is over.",
		.is_long = TRUE,
		.run = hvctl_kvp_wait },
	{ .path = "kvp export",
		.usage = "",
		.options = HVCTL_OPT_KVP | HVCTL_OPT_JSON, /* which it prints anyway */
		.summary = "print the stored records as JSON that import reads",
		.run = hvctl_kvp_export },
	{ .path = "kvp import",
		.usage = "[FILE]",
		.n_args_max = 1,
		.options = HVCTL_OPT_KVP | HVCTL_OPT_JSON | HVCTL_OPT_APPEND | HVCTL_OPT_REPLACE |
			   HVCTL_OPT_DRY_RUN,
		.summary = "set the records that a file, or standard input, has",
		.help = "What export has printed, an array of records, or an object of keys and "
			"values. A key that is there is replaced. Of each pool all records are "
			"set or none.",
		.run = hvctl_kvp_import },
	{ .path = "kvp check",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_POOL | HVCTL_OPT_POOL_DIR | HVCTL_OPT_REPAIR,
		.summary = "look for what is wrong with the pool files",
		.help = "Needs no daemon, and may be used beside one. What --repair removes goes "
			"to a backup file. The exit status is 1 where something stays wrong.",
		.run = hvctl_kvp_check },
	{ .path = "kvp events",
		.usage = "",
		.options = HVCTL_OPT_KVP | HVCTL_OPT_JSON,
		.summary = "show what cloud-init has told the host about the boot",
		.run = hvctl_kvp_events },
	{ .path = "kvp report",
		.usage = "OUTCOME [REASON] [NAME=VALUE…]",
		.n_args = 1,
		.n_args_max = HVCTL_ARGS_MAX,
		.options = HVCTL_OPT_KVP,
		.summary = "tell Azure's host how provisioning went",
		.help = "OUTCOME is success, or failure with a REASON. agent=, vm_id=, pps_type= "
			"and documentation_url= replace what is told anyway, other names are told "
			"beside it. The pool is guest unless --pool says external; a report that "
			"is there is replaced.",
		.run = hvctl_kvp_report },
	{ .path = "kvp stats",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_CALL,
		.summary = "show what the host has asked, and how long answers took",
		.run = hvctl_kvp_stats },
	{ .path = "logs",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_FOLLOW | HVCTL_OPT_LINES,
		.summary = "show what the services have logged",
		.help = "It is journalctl that shows it.",
		.run = hvctl_logs },
	{ .path = "ip set",
		.usage = "ADAPTER WORD…",
		.n_args = 2,
		.n_args_max = HVCTL_ARGS_MAX,
		.options = HVCTL_OPT_JSON | HVCTL_OPT_DRY_RUN | HVCTL_OPT_CALL,
		.summary = "give an adapter addresses, as the host would",
		.help = "ADAPTER is an interface or a MAC address, the words are "
			"ADDRESS/PREFIX, \"via GATEWAY\", \"dns SERVER\" or \"dhcp\". A change "
			"that does not work is taken back. Waits 30 seconds. With --dry-run the "
			"files and programs are shown. For root.",
		.run = hvctl_ip_set },
	{ .path = "ip show",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_CALL,
		.summary = "show which addresses the host has set, and what became of that",
		.help = "For root.",
		.run = hvctl_ip_show },
	{ .path = "ip rollback",
		.usage = "",
		.options = HVCTL_OPT_CALL,
		.summary = "take the last change of addresses back",
		.help = "Where somebody has changed the files since, nothing is done. For root.",
		.run = hvctl_ip_rollback },
	{ .path = "vss plan",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_CALL,
		.summary = "show what a backup would freeze, what not, and why",
		.help = "Where hv_vss_daemon does not run hvctl looks itself. The exit status is 1 "
			"where no backup is possible.",
		.run = hvctl_vss_plan },
	{ .path = "vss status",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_CALL,
		.summary = "show whether something is frozen, and how the last backup went",
		.help = "The exit status is as of \"hvctl status\", of hv_vss_daemon.",
		.run = hvctl_vss_status },
	{ .path = "vss history",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_LINES | HVCTL_OPT_CALL,
		.summary = "show the last backups and rehearsals, and how each ended",
		.help = "The last one first; 50 at most, since the daemon started. With --json "
			"the times of each mount, too.",
		.run = hvctl_vss_history },
	{ .path = "vss rehearse",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_DURATION | HVCTL_OPT_YES | HVCTL_OPT_CALL,
		.summary = "freeze and thaw as for a backup, and show how long it took",
		.help = "It is a real freeze: what writes stands still meanwhile, and backups of "
			"the host are refused. A process writes to one of the file systems to see "
			"how long that is held up. Who interrupts it thaws. The exit status is 1 "
			"where it did not go well, and 3 where it could not begin, as during a "
			"backup. For root.",
		.is_long = TRUE,
		.run = hvctl_vss_rehearse },
	{ .path = "vss thaw",
		.usage = "",
		.options = HVCTL_OPT_MARKER | HVCTL_OPT_CALL,
		.summary = "thaw what a backup has frozen, by hand",
		.help = "The host is told that its backup has failed. Where hv_vss_daemon does not "
			"run or answer, what was left frozen is found by its marker. The exit "
			"status is 1 where nothing is frozen. For root.",
		.run = hvctl_vss_thaw },
	{ .path = "fcopy status",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_CALL,
		.summary = "show the file that the host copies, and how the last one went",
		.help = "The exit status is as of \"hvctl status\", of hv_fcopy_daemon.",
		.run = hvctl_fcopy_status },
	{ .path = "fcopy history",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_LINES | HVCTL_OPT_CALL,
		.summary = "show the last files from the host, and how each ended",
		.help = "The last one first; 50 at most, since the daemon started. With --json "
			"sizes in bytes, and the SHA-256 of each, too.",
		.run = hvctl_fcopy_history },
	{ .path = "fcopy cancel",
		.usage = "",
		.options = HVCTL_OPT_CALL,
		.summary = "give up the file that the host is copying",
		.help = "Nothing is left of it, and the host is told that it failed. The exit "
			"status is 1 where the host copies none. For root.",
		.run = hvctl_fcopy_cancel },
	{ .path = "doctor",
		.usage = "[CHECK…]",
		.n_args_max = HVCTL_ARGS_MAX,
		.options = HVCTL_OPT_JSON | HVCTL_OPT_LIST | HVCTL_OPT_ROOT,
		.summary = "look for what is wrong, and say what to do about it",
		.help = "Looks at everything, or at what CHECK names, changes nothing, and takes "
			"seconds at most. Whoever is not root is told less. The exit status is 0 "
			"where all is well, and 1 where there is a problem or a warning, or where "
			"this is no guest of Hyper-V.",
		.run = hvctl_doctor },
	{ .path = "config check",
		.usage = "",
		.options = HVCTL_OPT_JSON,
		.summary = "check the configuration files",
		.help = "A key that does not exist and a bad value are wrong, and so is a file "
			"that the daemon's user may not read; file and line are named, and the "
			"exit status is 1. The daemon need not run.",
		.run = hvctl_config_check },
	{ .path = "config show",
		.usage = "",
		.options = HVCTL_OPT_JSON | HVCTL_OPT_ORIGIN,
		.summary = "show every configuration value",
		.help = "The daemon need not run.",
		.run = hvctl_config_show },
	{ .path = NULL },
};

static HvisExit run_request(const HvctlRequest *request, GError **error)
{
	g_autofree char *text = NULL;

	output_use_color(request->color);
	if (request->command && !request->help)
		return request->command->run(request, error);
	text = request->help ? hvctl_help(request->command, request->group)
			     : g_strdup("hvctl (hvis) " PACKAGE_VERSION "\n");
	fputs(text, request->out);
	output_finish(request->out, error);
	return HVIS_EXIT_OK;
}

/* The error, and for a usage that is wrong, which a file's content is not, where the right one is told. */
static int fail(
	const char *const *argv, const HvctlCommand *command, HvisExit status, const GError *error)
{
	hvis_die(status, error);
	if (status == HVIS_EXIT_USAGE && !(command && command->run == hvctl_config_show)) {
		g_autofree char *about = hvctl_about(argv);

		fprintf(stderr, "see 'hvctl %s--help'\n", about);
	}
	return (int)status;
}

int hvctl_main(const char *const *argv)
{
	g_auto(HvctlRequest) request = { 0 };
	g_autoptr(GError) error = NULL;
	HvisExit status;

	if (argv[0] && argv[1] && g_str_equal(argv[1], HVCTL_COMPLETE)) {
		g_autofree char *lines = hvctl_complete(argv + 2);

		fputs(lines, stdout);
		return HVIS_EXIT_OK;
	}
	if (!hvctl_parse(argv, &request, &error))
		return fail(argv, NULL, HVIS_EXIT_USAGE, error);
	status = run_request(&request, &error);
	if (!error)
		return (int)status;
	fail(argv, request.command, hvis_exit_status(error), error);
	if (hvis_error_is(error, HVIS_ERROR_CLOSED))
		fputs("\"hvctl status\" says why and what to do\n", stderr);
	return (int)hvis_exit_status(error);
}
