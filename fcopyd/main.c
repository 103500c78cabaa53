/* SPDX-License-Identifier: GPL-2.0-only */
/* hv_fcopy_daemon: options, start, run, exit status. Everything else is in fcopyd.c and below. */
#include "config.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include <util/error.h>
#include <util/fd.h>
#include <util/log.h>
#include <util/messages.h>

#include "fcopyd/fcopyd.h"

static int run(const FcopydOptions *options)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Fcopyd) fcopyd = fcopyd_new(options, &error);

	if (!fcopyd)
		return hvis_log_die(HVIS_MESSAGE_CONFIG_WRONG, error);
	fcopyd_catch_signals(fcopyd);
	if (!fcopyd_start(fcopyd, &error))
		return hvis_log_die(NULL, error);
	fcopyd_run(fcopyd);
	return HVIS_EXIT_OK;
}

int main(int argc, char **argv)
{
	g_auto(FcopydOptions) options = { 0 };
	g_autoptr(GError) error = NULL;

	hvis_fd_fill_standard();
	/* a file beyond LimitFSIZE= is refused, by EFBIG, and kills nobody */
	signal(SIGXFSZ, SIG_IGN);
	setlocale(LC_CTYPE, ""); /* for what GLib prints; numbers stay as they are */
	if (!fcopyd_options_parse(&options, argc, argv, &error))
		return hvis_die(HVIS_EXIT_USAGE, error);
	if (options.version)
		return printf("hv_fcopy_daemon %s\n", PACKAGE_VERSION) < 0 || fflush(stdout) < 0
			       ? HVIS_EXIT_IO
			       : 0;
	hvis_log_init("fcopy", options.debug);
	return run(&options);
}
