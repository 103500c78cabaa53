/* SPDX-License-Identifier: GPL-2.0-only */
/* hvis_ip_helper: options, start, run, exit status. Everything else is in service.c and below. */
#include "config.h"

#include <locale.h>
#include <stdio.h>
#include <sys/stat.h>

#include <util/error.h>
#include <util/fd.h>
#include <util/log.h>

#include "ipd/service.h"

static int run(const IpOptions *options)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(IpService) service = ip_service_new(options);

	if (!ip_service_start(service, &error))
		return hvis_log_die(NULL, error);
	ip_service_run(service);
	return HVIS_EXIT_OK;
}

int main(int argc, char **argv)
{
	g_auto(IpOptions) options = { 0 };
	g_autoptr(GError) error = NULL;

	hvis_fd_fill_standard();
	setlocale(LC_CTYPE, ""); /* for what GLib prints */
	umask(0022);
	if (!ip_options_parse(&options, argc, argv, &error))
		return hvis_die(HVIS_EXIT_USAGE, error);
	if (options.version)
		return printf("hvis_ip_helper %s\n", PACKAGE_VERSION) < 0 || fflush(stdout) < 0
			       ? HVIS_EXIT_IO
			       : 0;
	hvis_log_init("ip", options.debug);
	return run(&options);
}
