/* SPDX-License-Identifier: GPL-2.0-only */
/* hv_vss_daemon: options, start, run, exit status. Everything else is in vssd.c and below. */
#include "config.h"

#include <locale.h>
#include <stdio.h>

#include <util/error.h>
#include <util/fd.h>
#include <util/log.h>
#include <util/messages.h>

#include "vssd/undo.h"
#include "vssd/vssd.h"

static int run(const VssdOptions *options)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Vssd) vssd = vssd_new(options, &error);

	if (!vssd)
		return hvis_log_die(HVIS_MESSAGE_CONFIG_WRONG, error);
	vssd_catch_signals(vssd);
	if (!vssd_start(vssd, &error))
		return hvis_log_die(NULL, error);
	vssd_run(vssd);
	return HVIS_EXIT_OK;
}

int main(int argc, char **argv)
{
	g_auto(VssdOptions) options = { 0 };
	g_autoptr(GError) error = NULL;

	hvis_fd_fill_standard();
	setlocale(LC_CTYPE, ""); /* for what GLib prints; numbers stay as they are */
	if (!vssd_options_parse(&options, argc, argv, &error))
		return hvis_die(HVIS_EXIT_USAGE, error);
	if (options.version)
		return printf("hv_vss_daemon %s\n", PACKAGE_VERSION) < 0 ? HVIS_EXIT_IO : 0;
	hvis_log_init("vss", options.debug);
	if (options.thaw_left_over)
		return vss_undo_and_wait(&options) ? HVIS_EXIT_OK : HVIS_EXIT_IO;
	return run(&options);
}
