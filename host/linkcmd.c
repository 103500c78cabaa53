/* SPDX-License-Identifier: GPL-2.0-only */
/* "hvis-host link": the services over sockets, for daemons, without a machine. */
#include "config.h"

#include <json-c/json.h>

#include "host/link.h"
#include "host/session.h"
#include "host/subcommand.h"

static void describe(struct json_object *info, gpointer data)
{
	json_object_object_add(info, "directory", json_object_new_string(link_dir(data)));
}

static HvisExit run_link(const LinkOptions *options, Session *session, GError **error)
{
	g_autoptr(Link) link = link_new(options->dir, NULL, error);
	g_autoptr(HostServices) services = link ? services_new_link(link, NULL) : NULL;
	ControlHost host = {
		.mode = "link", .services = services, .describe = describe, .data = link
	};

	if (!link || !session_open(session, &host, error))
		return HVIS_EXIT_IO;
	session_say(
		"devices in \"%s\", control socket \"%s\"", options->dir, options->common.control);
	if (services_get(services, "vss", NULL))
		session_say("vss: a backup freezes the disks of the machine that the daemon runs "
			    "on; see hvis-host(1)");
	return session_loop(session);
}

int host_link(int argc, char **argv)
{
	g_auto(LinkOptions) options = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(Session) session = NULL;
	HvisExit status;

	if (!link_options_parse(&options, argc, argv, &error))
		return hvis_die(HVIS_EXIT_USAGE, error);
	session = session_new(&options.common, &error);
	status = session ? run_link(&options, session, &error) : HVIS_EXIT_IO;
	return error ? session_die(error) : (int)status;
}
