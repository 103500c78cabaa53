/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to the service manager, and what it left for us in the environment. */
#include <util/manager.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <util/fd.h>
#include <util/output.h>

#define FIRST_SOCKET 3

/* --- messages --- */

/*
 * A path, or a name with an "@" in front; @flags are of send(2). A message that does not arrive is no
 * failure of ours.
 */
static void notify_with(const char *message, int flags)
{
	const char *path = g_getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	hvis_autofd int fd = -1;
	gsize len = path ? strlen(path) : 0;

	if (len < 2 || len > sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, message, strlen(message), MSG_NOSIGNAL | flags,
			      (const struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		g_debug("%s: %s", path, g_strerror(errno));
}

static void notify(const char *message)
{
	notify_with(message, 0);
}

/* The number in variable @name, 0 where there is none. */
static guint64 number_in(const char *name)
{
	const char *text = g_getenv(name);
	guint64 number = 0;

	if (!text || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &number, NULL))
		return 0;
	return number;
}

/* What is left for one process is inherited by those that it starts. */
static gboolean is_for_us(const char *pid_name)
{
	return number_in(pid_name) == (guint64)getpid();
}

/* A manager that does not read cannot miss it: it is not waited for. */
static void ping(void)
{
	notify_with("WATCHDOG=1", MSG_DONTWAIT);
}

static gboolean on_half_period(gpointer data G_GNUC_UNUSED)
{
	ping();
	return G_SOURCE_CONTINUE;
}

void hvis_watchdog_attach(void)
{
	guint64 usec = number_in("WATCHDOG_USEC");

	if (usec == 0 || (g_getenv("WATCHDOG_PID") && !is_for_us("WATCHDOG_PID")))
		return;
	ping();
	g_timeout_add((guint)CLAMP(usec / 2000, 1, G_MAXUINT), on_half_period, NULL);
}

void hvis_notify_ready(void)
{
	notify("READY=1");
}

/* The time lets the manager tell this reload from one before (systemd.service(5), notify-reload). */
void hvis_notify_reloading(void)
{
	g_autofree char *message = g_strdup_printf(
		"RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());

	notify(message);
}

void hvis_notify_reloaded(void)
{
	hvis_notify_ready();
}

void hvis_notify_stopping(void)
{
	notify("STOPPING=1");
}

void hvis_notify_status(const char *format, ...)
{
	static char *last;
	g_autofree char *message = NULL, *raw = NULL, *text = NULL;
	va_list ap;

	va_start(ap, format);
	raw = g_strdup_vprintf(format, ap);
	va_end(ap);
	/* a newline would start another assignment, and systemctl shows the rest to a terminal as it is */
	text = output_escape(raw);
	if (g_strcmp0(text, last) == 0)
		return;
	message = g_strconcat("STATUS=", text, NULL);
	notify(message);
	g_free(last);
	last = g_steal_pointer(&text);
}

/* --- the socket --- */

int hvis_socket_of_manager(void)
{
	gboolean is_one = is_for_us("LISTEN_PID") && number_in("LISTEN_FDS") == 1;

	g_unsetenv("LISTEN_PID");
	g_unsetenv("LISTEN_FDS");
	g_unsetenv("LISTEN_FDNAMES");
	if (!is_one || fcntl(FIRST_SOCKET, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	return FIRST_SOCKET;
}
