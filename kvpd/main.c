/* SPDX-License-Identifier: GPL-2.0-only */
/* hv_kvp_daemon: options, start, run, exit status. Everything else is in kvpd.c and below. */
#include "config.h"

#include <locale.h>
#include <stdio.h>

#include <util/error.h>
#include <util/fd.h>
#include <util/log.h>
#include <util/messages.h>

#include "kvpd/kvpd.h"

static int run(const KvpdOptions *options)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Kvpd) kvpd = kvpd_new(options, &error);

	if (!kvpd)
		return hvis_log_die(HVIS_MESSAGE_CONFIG_WRONG, error);
	kvpd_catch_signals(kvpd);
	if (!kvpd_start(kvpd, &error))
		return hvis_log_die(NULL, error);
	kvpd_run(kvpd);
	return HVIS_EXIT_OK;
}

int main(int argc, char **argv)
{
	g_auto(KvpdOptions) options = { 0 };
	g_autoptr(GError) error = NULL;

	hvis_fd_fill_standard();
	setlocale(LC_CTYPE, ""); /* for what GLib prints; numbers stay as they are */
	if (!kvpd_options_parse(&options, argc, argv, &error))
		return hvis_die(HVIS_EXIT_USAGE, error);
	if (options.version)
		return printf("hv_kvp_daemon %s\n", PACKAGE_VERSION) < 0 || fflush(stdout) < 0
			       ? HVIS_EXIT_IO
			       : 0;
	hvis_log_init("kvp", options.debug);
	return run(&options);
}
