/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl logs: the journal of the services, by journalctl in our place. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "hvctl/command.h"

/*
 * What our daemons log, and what the service manager says about them. Fields that are joined by "+"
 * are alternatives. SYSLOG_IDENTIFIER is for a daemon that was started by hand.
 */
static const char *const matches[] = { "_SYSTEMD_UNIT=hv-kvp-daemon.service", "+",
	"UNIT=hv-kvp-daemon.service", "+", "SYSLOG_IDENTIFIER=hv_kvp_daemon", "+",
	"_SYSTEMD_UNIT=hv-vss-daemon.service", "+", "UNIT=hv-vss-daemon.service", "+",
	"SYSLOG_IDENTIFIER=hv_vss_daemon", "+", "_SYSTEMD_UNIT=hv-fcopy-daemon.service", "+",
	"UNIT=hv-fcopy-daemon.service", "+", "SYSLOG_IDENTIFIER=hv_fcopy_daemon", "+",
	"_SYSTEMD_UNIT=hvis-ip.service", "+", "UNIT=hvis-ip.service", "+",
	"SYSLOG_IDENTIFIER=hvis_ip_helper" };

char **hvctl_logs_argv(const HvctlRequest *request)
{
	GPtrArray *argv = g_ptr_array_new();

	g_ptr_array_add(argv, g_strdup("journalctl"));
	if (request->follow)
		g_ptr_array_add(argv, g_strdup("--follow"));
	if (request->lines >= 0)
		g_ptr_array_add(argv, g_strdup_printf("--lines=%" G_GINT64_FORMAT, request->lines));
	if (request->json)
		g_ptr_array_add(argv, g_strdup("--output=json"));
	for (guint i = 0; i < G_N_ELEMENTS(matches); i++)
		g_ptr_array_add(argv, g_strdup(matches[i]));
	g_ptr_array_add(argv, NULL);
	return (char **)g_ptr_array_free(argv, FALSE);
}

HvisExit hvctl_logs(const HvctlRequest *request, GError **error)
{
	g_auto(GStrv) argv = hvctl_logs_argv(request);

	fflush(request->out);
	execvp(argv[0], argv);
	hvis_fail(error, HVIS_ERROR_IO,
		"run journalctl, which reads the journal of systemd (without systemd the daemon "
		"logs to standard error): %s",
		g_strerror(errno));
	return HVIS_EXIT_IO;
}
