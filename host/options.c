/* SPDX-License-Identifier: GPL-2.0-only */
/* Command lines by GOption; see options.h. */
#include "config.h"

#include <string.h>

#include "host/options.h"
#include "host/vmbus/vmbus.h"
#include "util/duration.h"
#include "util/error.h"
#include "util/options.h"

/* @data is the structure of the subcommand, whose first member these are. */
static gboolean on_common(const char *option, const char *text, gpointer data, GError **error)
{
	CommonOptions *options = data;

	if (!strcmp(option, "--timeout"))
		return hvis_duration_parse_option(option, text, &options->timeout_ms, error);
	return hvis_duration_parse_option(option, text, &options->owed_limit_ms, error);
}

static gboolean parse_cpus(const char *text, RunOptions *options, GError **error)
{
	guint64 n;

	if (!g_ascii_string_to_unsigned(text, 10, 1, VM_CPUS_MAX, &n, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID, "--cpus %s: 1 to %u is wanted", text,
			VM_CPUS_MAX);
	options->cpus = (guint)n;
	return TRUE;
}

/* "512", "512M", "2G" */
static gboolean parse_memory(const char *text, RunOptions *options, GError **error)
{
	g_autofree char *digits = g_strdup(text);
	gsize len = strlen(text);
	guint64 n, unit = 1;

	if (len && strchr("MG", text[len - 1])) {
		unit = text[len - 1] == 'G' ? 1024 : 1;
		digits[len - 1] = '\0';
	}
	if (!g_ascii_string_to_unsigned(digits, 10, 1, VM_MEMORY_MB_MAX, &n, NULL) ||
		n * unit < VM_MEMORY_MB_MIN || n * unit > VM_MEMORY_MB_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"--memory %s: %uM to %uG is wanted, such as 512M or 2G", text,
			VM_MEMORY_MB_MIN, VM_MEMORY_MB_MAX / 1024);
	options->memory_mb = (guint)(n * unit);
	return TRUE;
}

static gboolean parse_version(const char *text, RunOptions *options, GError **error)
{
	if (vmbus_version_parse(text, &options->max_version))
		return TRUE;
	return hvis_fail(error, HVIS_ERROR_INVALID,
		"--max-version %s: 3.0, 4.0, 4.1, 5.0, 5.1, 5.2 or 5.3 is wanted", text);
}

static gboolean parse_synic(const char *text, RunOptions *options, GError **error)
{
	if (vm_synic_parse(text, &options->synic, NULL))
		return TRUE;
	return hvis_fail(
		error, HVIS_ERROR_INVALID, "--synic %s: auto, kvm or user is wanted", text);
}

static void serial_clear(SerialOption *serial)
{
	g_clear_pointer(&serial->file, g_free);
	g_clear_pointer(&serial->socket, g_free);
	serial->terminal = FALSE;
}

static gboolean parse_serial(
	const char *option, const char *text, SerialOption *ret, GError **error)
{
	serial_clear(ret);
	if (!strcmp(text, "-"))
		ret->terminal = TRUE;
	else if (g_str_has_prefix(text, "unix:"))
		ret->socket = g_strdup(text + strlen("unix:"));
	else
		ret->file =
			g_strdup(g_str_has_prefix(text, "file:") ? text + strlen("file:") : text);
	if ((ret->file && !*ret->file) || (ret->socket && !*ret->socket))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"%s \"%s\": -, file:PATH or unix:PATH is wanted", option, text);
	return TRUE;
}

static gboolean on_run(const char *option, const char *text, gpointer data, GError **error)
{
	RunOptions *options = data;

	if (!strcmp(option, "--cpus"))
		return parse_cpus(text, options, error);
	if (!strcmp(option, "--memory"))
		return parse_memory(text, options, error);
	if (!strcmp(option, "--max-version"))
		return parse_version(text, options, error);
	if (!strcmp(option, "--synic"))
		return parse_synic(text, options, error);
	if (!strcmp(option, "--serial2"))
		return parse_serial(option, text, &options->serial2, error);
	return parse_serial(option, text, &options->console, error);
}

#define CALLBACK(func) G_OPTION_FLAG_NONE, G_OPTION_ARG_CALLBACK, (gpointer)(func)

/* In the main group as well: options of another would not be shown by --help. */
static void add_common(GOptionGroup *group, CommonOptions *options)
{
	const GOptionEntry entries[] = {
		{ "service", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->services,
			"Offer this service (again for more); without it all", "NAME[=OPTIONS]" },
		{ "control", 0, 0, G_OPTION_ARG_FILENAME, &options->control,
			"Socket for \"hvis-host ctl\"", "SOCKET" },
		{ "fault", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->faults,
			"Inject a fault (again for more)", "RULE" },
		{ "trace", 0, 0, G_OPTION_ARG_FILENAME, &options->trace,
			"Write all traffic to this file, as JSON if it ends in .json", "FILE" },
		{ "wait-limit", 0, CALLBACK(on_common),
			"Complain of an answer that is due for longer", "TIME" },
		{ "timeout", 0, CALLBACK(on_common), "End after this long, with status 5", "TIME" },
		G_OPTION_ENTRY_NULL
	};

	g_option_group_add_entries(group, entries);
}

/* By @entries and, unless it is NULL, by those of @common; @options is what callbacks get. */
static gboolean parse(const GOptionEntry *entries, CommonOptions *common, gpointer options,
	int argc, char **argv, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	GOptionGroup *group = g_option_group_new(argv[0], "", "", options, NULL);
	g_autofree char *name = g_strdup_printf("hvis-host %s", argv[0]);
	gboolean parsed;

	g_option_group_add_entries(group, entries);
	if (common)
		add_common(group, common);
	g_option_context_set_main_group(context, group);
	if (!hvis_options_check(entries, argc, argv, error))
		return FALSE;
	g_set_prgname(name); /* for the first line of --help */
	parsed = g_option_context_parse(context, &argc, &argv, error);
	g_set_prgname("hvis-host");
	if (parsed && argc > 1)
		return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" is no option", argv[1]);
	return parsed;
}

static gboolean parse_run(RunOptions *options, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = { { "kernel", 0, 0, G_OPTION_ARG_FILENAME, &options->kernel,
						 "Linux kernel (bzImage)", "FILE" },
		{ "initrd", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->initrds,
			"Initramfs (again for more, joined in this order)", "FILE" },
		{ "append", 0, 0, G_OPTION_ARG_STRING, &options->append, "Kernel command line",
			"TEXT" },
		{ "cpus", 0, CALLBACK(on_run), "Virtual processors, 1 to 4 (1)", "N" },
		{ "memory", 0, CALLBACK(on_run), "Guest memory (512M)", "N[M|G]" },
		{ "synic", 0, CALLBACK(on_run), "Who plays the SynIC: auto, kvm, user (auto)",
			"WHO" },
		{ "max-version", 0, CALLBACK(on_run), "Newest VMBus version to offer (5.3)",
			"VERSION" },
		{ "console", 0, CALLBACK(on_run),
			"First serial port: -, file:PATH or unix:PATH (-)", "WHERE" },
		{ "serial2", 0, CALLBACK(on_run), "Second serial port: file:PATH or unix:PATH",
			"WHERE" },
		{ "no-reboot", 0, 0, G_OPTION_ARG_NONE, &options->no_reboot,
			"End when the guest asks for a reset", NULL },
		G_OPTION_ENTRY_NULL };

	return parse(entries, &options->common, options, argc, argv, error);
}

gboolean run_options_parse(RunOptions *ret, int argc, char **argv, GError **error)
{
	g_auto(RunOptions)
		options = { .cpus = 1, .memory_mb = 512, .console = { .terminal = TRUE } };

	if (!parse_run(&options, argc, argv, error))
		return FALSE;
	if (!options.kernel)
		return hvis_fail(error, HVIS_ERROR_INVALID, "--kernel FILE is missing");
	if (options.serial2.terminal)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"--serial2 -: only the console can have the terminal");
	*ret = options;
	memset(&options, 0, sizeof(options)); /* its strings are *ret's now */
	return TRUE;
}

gboolean link_options_parse(LinkOptions *ret, int argc, char **argv, GError **error)
{
	g_auto(LinkOptions) options = { 0 };
	const GOptionEntry entries[] = { { "dir", 0, 0, G_OPTION_ARG_FILENAME, &options.dir,
						 "Directory for the sockets", "DIR" },
		G_OPTION_ENTRY_NULL };

	if (!parse(entries, &options.common, &options, argc, argv, error))
		return FALSE;
	if (!options.dir)
		return hvis_fail(error, HVIS_ERROR_INVALID, "--dir DIR is missing");
	if (!options.common.control)
		options.common.control = g_build_filename(options.dir, "control", NULL);
	*ret = options;
	memset(&options, 0, sizeof(options));
	return TRUE;
}

gboolean probe_options_parse(gboolean *json, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = { { "json", 0, 0, G_OPTION_ARG_NONE, json,
						 "Print JSON instead of text", NULL },
		G_OPTION_ENTRY_NULL };

	return parse(entries, NULL, NULL, argc, argv, error);
}

static void common_clear(CommonOptions *options)
{
	g_clear_pointer(&options->services, g_strfreev);
	g_clear_pointer(&options->faults, g_strfreev);
	g_clear_pointer(&options->control, g_free);
	g_clear_pointer(&options->trace, g_free);
}

void run_options_clear(RunOptions *options)
{
	common_clear(&options->common);
	g_clear_pointer(&options->kernel, g_free);
	g_clear_pointer(&options->append, g_free);
	g_clear_pointer(&options->initrds, g_strfreev);
	serial_clear(&options->console);
	serial_clear(&options->serial2);
}

void link_options_clear(LinkOptions *options)
{
	common_clear(&options->common);
	g_clear_pointer(&options->dir, g_free);
}
