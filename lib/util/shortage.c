/* SPDX-License-Identifier: GPL-2.0-only */
/* One flag that any thread sets, a timer that takes it back, and a poll function for the time between. */
#include <util/shortage.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/select.h>
#include <unistd.h>

#include <util/fd.h>

static struct {
	HvisShortageChanged changed; /* NULL: nobody watches */
	gpointer data;
	gint is_on; /* these two: of any thread */
	gint is_noted; /* since the last probe */
	guint good; /* probes in a row */
	guint probe; /* timer; 0 = none */
} shortage;

gboolean hvis_shortage_is_on(void)
{
	return g_atomic_int_get(&shortage.is_on);
}

/* --- when it is over --- */

static gboolean has_descriptor(void)
{
	hvis_autofd int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd >= 0;
}

static gboolean on_probe(gpointer data G_GNUC_UNUSED)
{
	gboolean is_noted = g_atomic_int_compare_and_exchange(&shortage.is_noted, TRUE, FALSE);

	shortage.good = is_noted || !has_descriptor() ? 0 : shortage.good + 1;
	if (shortage.good < HVIS_SHORTAGE_PROBES)
		return G_SOURCE_CONTINUE;
	shortage.probe = 0;
	g_atomic_int_set(&shortage.is_on, FALSE);
	shortage.changed(FALSE, shortage.data);
	return G_SOURCE_REMOVE;
}

/* --- when it begins --- */

static gboolean on_short(gpointer data G_GNUC_UNUSED)
{
	shortage.good = 0;
	shortage.probe = g_timeout_add(HVIS_SHORTAGE_PROBE_MS, on_probe, NULL);
	shortage.changed(TRUE, shortage.data);
	return G_SOURCE_REMOVE;
}

/* TRUE where it begins with this. */
static gboolean begin(void)
{
	g_atomic_int_set(&shortage.is_noted, TRUE);
	if (!g_atomic_pointer_get(&shortage.changed) ||
		!g_atomic_int_compare_and_exchange(&shortage.is_on, FALSE, TRUE))
		return FALSE;
	g_idle_add_full(G_PRIORITY_HIGH, on_short, &shortage, NULL);
	return TRUE;
}

void hvis_shortage_note(int err)
{
	if (err == EMFILE || err == ENFILE)
		begin();
}

/* --- the main loop meanwhile --- */

/* Nothing more is asked of what cannot be looked at; it waits until it can. */
static int fill_sets(const GPollFD *fds, guint n, fd_set sets[3])
{
	int last = -1;

	for (int i = 0; i < 3; i++)
		FD_ZERO(&sets[i]);
	for (guint i = 0; i < n; i++) {
		if (fds[i].fd < 0 || fds[i].fd >= FD_SETSIZE)
			continue;
		if (fds[i].events & G_IO_IN)
			FD_SET(fds[i].fd, &sets[0]);
		if (fds[i].events & G_IO_OUT)
			FD_SET(fds[i].fd, &sets[1]);
		if (fds[i].events & G_IO_PRI)
			FD_SET(fds[i].fd, &sets[2]);
		last = MAX(last, fds[i].fd);
	}
	return last + 1;
}

static gint read_sets(GPollFD *fds, guint n, const fd_set sets[3])
{
	gint ready = 0;

	for (guint i = 0; i < n; i++) {
		fds[i].revents = 0;
		if (fds[i].fd < 0 || fds[i].fd >= FD_SETSIZE)
			continue;
		if (FD_ISSET(fds[i].fd, &sets[0]))
			fds[i].revents |= G_IO_IN;
		if (FD_ISSET(fds[i].fd, &sets[1]))
			fds[i].revents |= G_IO_OUT;
		if (FD_ISSET(fds[i].fd, &sets[2]))
			fds[i].revents |= G_IO_PRI;
		ready += fds[i].revents != 0;
	}
	return ready;
}

gint hvis_shortage_select(GPollFD *fds, guint n, gint timeout_ms)
{
	struct timeval wait = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	fd_set sets[3];
	int end = fill_sets(fds, n, sets);

	if (select(end, &sets[0], &sets[1], &sets[2], timeout_ms < 0 ? NULL : &wait) >= 0)
		return read_sets(fds, n, sets);
	if (errno != EINTR)
		g_usleep(HVIS_SHORTAGE_PROBE_MS * 1000);
	for (guint i = 0; i < n; i++)
		fds[i].revents = 0;
	return 0;
}

/* Where this is the first time, what tells of it has to have its turn at once. */
static gint poll_anyway(GPollFD *fds, guint n, gint timeout_ms)
{
	gint ready = g_poll(fds, n, timeout_ms);

	if (ready >= 0 || errno != EINVAL)
		return ready;
	return hvis_shortage_select(fds, n, begin() ? 0 : timeout_ms);
}

void hvis_shortage_watch(HvisShortageChanged changed, gpointer data)
{
	g_idle_remove_by_data(&shortage);
	g_clear_handle_id(&shortage.probe, g_source_remove);
	g_atomic_int_set(&shortage.is_on, FALSE);
	shortage.data = data;
	g_atomic_pointer_set(&shortage.changed, changed);
	g_main_context_set_poll_func(NULL, changed ? poll_anyway : NULL);
}
