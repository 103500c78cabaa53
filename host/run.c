/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * "hvis-host run": a virtual machine, VMBus on it, the services on that, and the control socket.
 * What happens to the guest becomes words for the administrator and an exit status here.
 */
#include "config.h"

#include <unistd.h>

#include <json-c/json.h>

#include "host/session.h"
#include "host/subcommand.h"
#include "host/vm/vm.h"
#include "host/vmbus/vmbus.h"

#define MISUSES_SAID 16u

typedef struct {
	Session *session;
	Vm *vm;
	VmbusHost *vmbus;
	HostServices *services;
	guint misuses; /* channels stopped for the guest's misuse */
} Run;

/* The guest's own message has lines; the crash parameters come first. */
static void report_crash(Run *run, const VmEvent *event)
{
	g_auto(GStrv) lines = g_strsplit(event->text ? event->text : "", "\n", -1);
	g_autofree char *text =
		g_strdup_printf("the guest crashed: P0=%#" G_GINT64_MODIFIER
				"x P1=%#" G_GINT64_MODIFIER "x P2=%#" G_GINT64_MODIFIER
				"x P3=%#" G_GINT64_MODIFIER "x P4=%#" G_GINT64_MODIFIER "x",
			event->crash[0], event->crash[1], event->crash[2], event->crash[3],
			event->crash[4]);

	session_set_status(run->session, HVIS_EXIT_FALSE);
	session_event(run->session, "crash", text);
	for (char **line = lines; *line; line++)
		if (**line)
			session_say("  %s", *line);
}

static void on_reset(Run *run, const VmEvent *event)
{
	if (event->running)
		session_event(run->session, "reset", "the guest restarts");
	else
		session_end(run->session, HVIS_EXIT_OK, "reset",
			"the guest asked for a reset (--no-reboot)");
}

static void on_vm_event(Vm *vm G_GNUC_UNUSED, const VmEvent *event, gpointer data)
{
	Run *run = data;
	const char *text = event->text ? event->text : vm_event_name(event->kind);

	switch (event->kind) {
	case VM_EVENT_POWEROFF:
		session_end(run->session, HVIS_EXIT_OK, event->hibernate ? "hibernate" : "poweroff",
			event->hibernate ? "the guest hibernated" : "the guest powered off");
		break;
	case VM_EVENT_RESET:
		on_reset(run, event);
		break;
	case VM_EVENT_CRASH:
		report_crash(run, event);
		break;
	case VM_EVENT_TRIPLE_FAULT:
		session_end(run->session, HVIS_EXIT_FALSE, "triple-fault", text);
		break;
	case VM_EVENT_ERROR:
		session_end(run->session, HVIS_EXIT_IO, "error", text);
		break;
	case VM_EVENT_ESCAPE:
		session_end(run->session, HVIS_EXIT_OK, "quit", "left by Ctrl-]");
		break;
	case VM_EVENT_LOST:
		session_say("%s; what the guest writes there is lost", text);
		break;
	case VM_EVENT_N:
		g_assert_not_reached();
	}
}

static VmSerial serial_of(const SerialOption *option)
{
	VmSerial serial = VM_SERIAL_NONE;

	if (option->terminal) {
		serial.in_fd = STDIN_FILENO;
		serial.out_fd = STDOUT_FILENO;
	}
	serial.file = option->file;
	serial.socket = option->socket;
	return serial;
}

static Vm *create_vm(const RunOptions *options, Run *run, GError **error)
{
	VmOptions vm = VM_OPTIONS_INIT;

	vm.kernel = options->kernel;
	vm.initrds = (const char *const *)options->initrds;
	vm.append = options->append;
	vm.cpus = options->cpus;
	vm.memory_mb = options->memory_mb;
	vm.synic = options->synic;
	vm.console = serial_of(&options->console);
	vm.agent = serial_of(&options->serial2);
	vm.no_reset = options->no_reboot;
	return vm_new(&vm, on_vm_event, run, error);
}

static void describe(struct json_object *info, gpointer data)
{
	Run *run = data;

	json_object_object_add(info, "machine", vm_describe(run->vm));
	json_object_object_add(info, "bus", vmbus_host_describe(run->vmbus));
}

/* A guest that misuses its channels is worth a line each time, but not a log full of them. */
static void on_misuse(const char *text, gpointer data)
{
	Run *run = data;

	if (run->misuses++ < MISUSES_SAID)
		session_say("%s%s", text,
			run->misuses == MISUSES_SAID ? "; \"ctl info\" counts the next" : "");
}

static gboolean reset(gpointer data, GError **error)
{
	Run *run = data;

	if (!vm_reset(run->vm, error)) {
		session_end(run->session, HVIS_EXIT_IO, "error", (*error)->message);
		return FALSE;
	}
	session_event(run->session, "reset", "the reset button was pressed");
	return TRUE;
}

static gboolean run_open(Run *run, const RunOptions *options, GError **error)
{
	const VmbusOptions bus = {
		.max_version = options->max_version,
		.report = on_misuse,
		.report_data = run,
	};
	ControlHost host = { .mode = "run", .describe = describe, .reset = reset, .data = run };

	run->vm = create_vm(options, run, error);
	if (!run->vm)
		return FALSE;
	run->vmbus = vmbus_host_new(vm_machine(run->vm), &bus);
	run->services = host.services = services_new(run->vmbus, NULL);
	return session_open(run->session, &host, error) && vm_start(run->vm, error);
}

/* In the order that session.h and the doors below want. */
static void run_close(Run *run)
{
	if (run->vm)
		vm_stop(run->vm);
	g_clear_pointer(&run->services, services_free);
	g_clear_pointer(&run->vmbus, vmbus_host_free);
	g_clear_pointer(&run->session, session_free);
	g_clear_pointer(&run->vm, vm_free);
}

int host_run(int argc, char **argv)
{
	g_auto(RunOptions) options = { 0 };
	g_autoptr(GError) error = NULL;
	Run run = { 0 };
	HvisExit status;

	if (!run_options_parse(&options, argc, argv, &error))
		return hvis_die(HVIS_EXIT_USAGE, error);
	run.session = session_new(&options.common, &error);
	if (run.session && run_open(&run, &options, &error))
		status = session_loop(run.session);
	else
		status = session_die(error);
	run_close(&run);
	return status;
}
