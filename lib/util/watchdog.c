/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to the service manager. */
#include <util/watchdog.h>

#include <systemd/sd-daemon.h>

static gboolean on_half_period(gpointer data G_GNUC_UNUSED)
{
	sd_notify(0, "WATCHDOG=1");
	return G_SOURCE_CONTINUE;
}

void hvis_watchdog_attach(void)
{
	uint64_t usec;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return;
	sd_notify(0, "WATCHDOG=1");
	g_timeout_add((guint)MAX(usec / 2000, 1u), on_half_period, NULL);
}

void hvis_notify_ready(void)
{
	sd_notify(0, "READY=1");
}

/* The time lets the manager tell this reload from one before (systemd.service(5), notify-reload). */
void hvis_notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
}

void hvis_notify_reloaded(void)
{
	hvis_notify_ready();
}

void hvis_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void hvis_notify_status(const char *format, ...)
{
	static char *last;
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	g_strdelimit(text, "\n", ' '); /* a newline would start another assignment */
	if (g_strcmp0(text, last) == 0)
		return;
	sd_notifyf(0, "STATUS=%s", text);
	g_free(last);
	last = g_steal_pointer(&text);
}
