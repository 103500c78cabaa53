/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of "hvis-host ctl", in one table; see ctl.h. */
#include "config.h"

#include <string.h>

#include "host/ctl-private.h"

#define ARGS(...)                                                                                  \
	(const CtlArg[])                                                                           \
	{                                                                                          \
		__VA_ARGS__                                                                        \
		{                                                                                  \
			NULL, CTL_ARG_N, NULL, NULL                                                \
		}                                                                                  \
	}
#define NO_ARGS ARGS()
#define WORD(name, member) { name, CTL_WORD, member, NULL },
#define STRING(name, member) { name, CTL_STRING, member, NULL },
#define INT(name, member) { name, CTL_INT, member, NULL },
#define HOLD(name, member) { name, CTL_HOLD, member, NULL },
#define FLAG(name, member) { name, CTL_FLAG, member, NULL },
#define LIST(name, member) { name, CTL_LIST, member, NULL },
#define CONST(name, member, constant) { name, CTL_CONST, member, constant },

const CtlCommand ctl_commands[] = {
	{
		.name = "info",
		.method = "GetInfo",
		.summary = "the host, its services, and what is being waited for",
		.args = NO_ARGS,
		.print = ctl_print_info,
	},
	{
		.name = "services",
		.method = "ListServices",
		.summary = "the integration services and their state",
		.args = NO_ARGS,
		.member = "services",
		.columns = ctl_service_columns,
	},
	{
		.name = "service enable",
		.method = "EnableService",
		.summary = "offer a service to the guest",
		.args = ARGS(WORD("NAME", "name")),
	},
	{
		.name = "service disable",
		.method = "DisableService",
		.summary = "take a service away (rescind its offer)",
		.args = ARGS(WORD("NAME", "name")),
	},
	{
		.name = "service configure",
		.method = "ConfigureService",
		.summary = "change a service's options while it runs",
		.args = ARGS(WORD("NAME", "name") WORD("OPTIONS", "options")),
	},
	{
		.name = "renegotiate",
		.method = "Renegotiate",
		.summary = "offer a service's versions again",
		.args = ARGS(WORD("SERVICE", "name")),
		.waits = TRUE,
		.print = ctl_print_service,
	},
	{
		.name = "wait exit",
		.method = "WaitExit",
		.summary = "until the host ends",
		.args = NO_ARGS,
		.waits = TRUE,
		.print = ctl_print_event,
	},
	{
		.name = "wait",
		.method = "WaitService",
		.summary = "until a service is ready",
		.args = ARGS(WORD("SERVICE", "name")),
		.waits = TRUE,
		.patient = TRUE,
		.print = ctl_print_service,
	},
	{
		.name = "heartbeat",
		.method = "GetHeartbeat",
		.summary = "is the guest alive; status 1 if not",
		.args = NO_ARGS,
		.member = "heartbeat",
		.columns = ctl_heartbeat_columns,
		.judge = ctl_judge_heartbeat,
	},
	{
		.name = "time sync",
		.method = "SendTime",
		.summary = "set the guest's clock now",
		.args = NO_ARGS,
		.prepare = ctl_prepare_step,
		.waits = TRUE,
	},
	{
		.name = "time sample",
		.method = "SendTime",
		.summary = "send one sample of the host's clock",
		.args = NO_ARGS,
		.waits = TRUE,
	},
	{
		.name = "time offset",
		.method = "SetTimeOffset",
		.summary = "let the guest believe in another time: SECONDS from now",
		.args = ARGS(WORD("SECONDS", ".seconds")),
		.prepare = ctl_prepare_offset,
	},
	{
		.name = "time",
		.method = "GetTime",
		.summary = "what the guest is told the time is",
		.args = NO_ARGS,
		.print = ctl_print_offset,
	},
	{
		.name = "kvp get",
		.method = "KvpGet",
		.summary = "the value of a key",
		.args = ARGS(WORD("KEY", "key") STRING("pool", "pool") FLAG("direct", "direct")),
		.waits = TRUE,
		.print = ctl_print_value,
	},
	{
		.name = "kvp set",
		.method = "KvpSet",
		.summary = "add or replace a key",
		.args = ARGS(WORD("KEY", "key") WORD("VALUE", "value") STRING("pool", "pool")
				STRING("type", "type")),
		.waits = TRUE,
	},
	{
		.name = "kvp add",
		.method = "KvpSet",
		.summary = "add a key that is not there",
		.args = ARGS(WORD("KEY", "key") WORD("VALUE", "value") STRING("pool", "pool")
				STRING("type", "type")),
		.prepare = ctl_prepare_add,
		.waits = TRUE,
	},
	{
		.name = "kvp modify",
		.method = "KvpSet",
		.summary = "replace the value of a key that is there",
		.args = ARGS(WORD("KEY", "key") WORD("VALUE", "value") STRING("pool", "pool")
				STRING("type", "type")),
		.prepare = ctl_prepare_modify,
		.waits = TRUE,
	},
	{
		.name = "kvp remove",
		.method = "KvpRemove",
		.summary = "remove a key",
		.args = ARGS(WORD("KEY", "key") STRING("pool", "pool")),
		.waits = TRUE,
	},
	{
		.name = "kvp list",
		.method = "KvpList",
		.summary = "all keys of a pool",
		.args = ARGS(STRING("pool", "pool")),
		.waits = TRUE,
		.pages = TRUE,
		.member = "pairs",
		.columns = ctl_pair_columns,
	},
	{
		.name = "kvp intrinsic",
		.method = "KvpList",
		.summary = "what the guest says of itself",
		.args = NO_ARGS,
		.prepare = ctl_prepare_intrinsic,
		.waits = TRUE,
		.pages = TRUE,
		.member = "pairs",
		.columns = ctl_pair_columns,
	},
	{
		.name = "ip get",
		.method = "IpGet",
		.summary = "an adapter's addresses",
		.args = ARGS(WORD("ADAPTER", "adapter")),
		.waits = TRUE,
		.member = "ip",
		.columns = ctl_ip_columns,
	},
	{
		.name = "ip set",
		.method = "IpSet",
		.summary = "give an adapter addresses (ADDRESS/PREFIX), or DHCP",
		.args = ARGS(WORD("ADAPTER", ".adapter") FLAG("dhcp", ".dhcp")
				LIST("address", ".addresses") LIST("gateway", ".gateways")
					LIST("dns", ".dns") LIST("family", ".families")),
		.prepare = ctl_prepare_ip,
		.waits = TRUE,
	},
	{
		.name = "backup",
		.method = "Backup",
		.summary = "let the guest freeze its file systems, hold them, thaw them",
		.help = "  --hold TIME          hold them so long, 0 to 1 h [1s]\n"
			"  --abort              thaw at once, as where the snapshot failed\n"
			"  --silent-after STEP  say nothing more after check or freeze\n"
			"  --luns LUNS          PORT:TARGET:LUN of the disks to tell the guest of\n"
			"  --timeout TIME       abort it where it takes longer\n",
		.args = ARGS(HOLD("hold", "hold_ms") FLAG("abort", "abort")
				STRING("silent-after", "silent_after") LIST("luns", "luns")),
		.waits = TRUE,
		.print = ctl_print_backup,
		.judge = ctl_judge_backup,
	},
	{
		.name = "copy",
		.method = "Copy",
		.summary = "copy a file to the guest: into the directory DEST/, or as DEST",
		.help = "  --overwrite       replace a file that is there\n"
			"  --create-path     make directories that are missing\n"
			"  --cancel-after N  give up when the guest has N bytes\n"
			"  --timeout TIME    give up where it takes longer\n",
		.args = ARGS(WORD("FILE", ".source") WORD("DEST", ".dest")
				FLAG("overwrite", "overwrite") FLAG("create-path", "create_path")
					INT("cancel-after", "cancel_after")),
		.prepare = ctl_prepare_copy,
		.open = ctl_open_source,
		.waits = TRUE,
		.progress = ctl_progress_copy,
		.print = ctl_print_copy,
		.judge = ctl_judge_copy,
	},
	{
		.name = "fcopy-raw",
		.method = "SendMessage",
		.summary = "send a message of the file copy service as it is, for tests of guests",
		.help = "  OP is start, write, complete, cancel or a number.\n\n"
			"  --name, --path TEXT   of start; --name-hex, --path-hex: bytes of "
			"UTF-16\n"
			"  --flags N             of start: 1 overwrite, 2 create path\n"
			"  --size N              of start\n"
			"  --offset N            of write\n"
			"  --data TEXT           of write; --fill N: that many bytes of 'x'\n"
			"  --declare N           the size that a write declares [of its data]\n"
			"  --length N            of the message, zeros behind it or its end cut "
			"off\n",
		.args = ARGS(WORD("OP", ".op") STRING("name", ".name") STRING("path", ".path")
				STRING("name-hex", ".name_hex") STRING("path-hex", ".path_hex") INT(
					"flags", ".flags") STRING("size", ".size") STRING("offset",
					".offset") STRING("data", ".data") INT("fill", ".fill")
					INT("declare", ".declare") INT("length", ".length")),
		.prepare = ctl_prepare_fcopy_raw,
		.waits = TRUE,
		.print = ctl_print_answer,
		.judge = ctl_judge_answer,
	},
	{
		.name = "shutdown",
		.method = "Shutdown",
		.summary = "ask the guest to power off",
		.args = ARGS(CONST("reboot", "action", "restart") CONST("hibernate", "action",
			"hibernate") FLAG("force", "force") STRING("reason", ".reason")
				STRING("message", "message") FLAG("wait", "wait")),
		.prepare = ctl_prepare_shutdown,
		.waits = TRUE,
		.print = ctl_print_event,
	},
	{
		.name = "trace",
		.method = "Trace",
		.summary = "what passes between host and guest",
		.args = ARGS(STRING("layer", "layers") FLAG("follow", "follow") FLAG(
			"bytes", "bytes") STRING("file", ".file") INT("count", ".count")),
		.waits = TRUE,
		.stream = TRUE,
		.print = ctl_print_trace,
	},
	{
		.name = "fault add",
		.method = "FaultAdd",
		.summary = "add a fault rule; prints its number",
		.args = ARGS(WORD("RULE", "rule")),
		.print = ctl_print_id,
	},
	{
		.name = "fault list",
		.method = "FaultList",
		.summary = "the fault rules and how often they struck",
		.args = NO_ARGS,
		.member = "faults",
		.columns = ctl_fault_columns,
	},
	{
		.name = "fault remove",
		.method = "FaultRemove",
		.summary = "remove a fault rule",
		.args = ARGS(WORD("NUMBER", ".id")),
		.prepare = ctl_prepare_fault_id,
	},
	{
		.name = "fault clear",
		.method = "FaultClear",
		.summary = "remove all fault rules",
		.args = NO_ARGS,
	},
	{
		.name = "reset",
		.method = "Reset",
		.summary = "press the reset button",
		.args = NO_ARGS,
	},
	{
		.name = "quit",
		.method = "Quit",
		.summary = "end the host, and with it the guest",
		.args = NO_ARGS,
	},
	{ .name = NULL },
};

static gboolean matches(const char *name, const char *const *words, guint *n_words)
{
	g_auto(GStrv) parts = g_strsplit(name, " ", -1);
	guint i = 0;

	for (; parts[i]; i++)
		if (!words[i] || strcmp(words[i], parts[i]))
			return FALSE;
	*n_words = i;
	return TRUE;
}

/* "kvp" alone, or with a word that is none of its own: say which there are. */
static void fail_unknown(const char *const *words, GError **error)
{
	g_autofree char *start = g_strconcat(words[0], " ", NULL);
	g_autoptr(GString) list = g_string_new(NULL);

	for (const CtlCommand *command = ctl_commands; command->name; command++)
		if (g_str_has_prefix(command->name, start))
			g_string_append_printf(list, "%s%s", list->len ? ", " : "", command->name);
	if (list->len && !words[1])
		hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" needs a command after it: %s",
			words[0], list->str);
	else if (list->len)
		hvis_fail(error, HVIS_ERROR_INVALID, "unknown command \"%s %s\"; there are %s",
			words[0], words[1], list->str);
	else
		hvis_fail(error, HVIS_ERROR_INVALID,
			"unknown command \"%s\"; \"hvis-host ctl --help\" lists them", words[0]);
}

const CtlCommand *ctl_find(const char *const *words, guint *n_words, GError **error)
{
	if (!words[0]) {
		hvis_fail(error, HVIS_ERROR_INVALID,
			"a command is wanted; \"hvis-host ctl --help\" lists them");
		return NULL;
	}
	/* Of "wait exit" and "wait" the longer stands first. */
	for (const CtlCommand *command = ctl_commands; command->name; command++)
		if (matches(command->name, words, n_words))
			return command;
	fail_unknown(words, error);
	return NULL;
}

void ctl_print_help(FILE *stream)
{
	fprintf(stream, "usage: hvis-host ctl SOCKET COMMAND [--json] [--timeout TIME]\n\n");
	for (const CtlCommand *command = ctl_commands; command->name; command++) {
		g_autofree char *usage = ctl_args_usage(command->args);

		fprintf(stream, "  %s%s\n      %s\n", command->name, usage, command->summary);
	}
	fprintf(stream,
		"\nExit status: 0 done, 1 not found or false, 2 usage, 3 IO or guest error, "
		"4 permission, 5 timeout\n");
}
