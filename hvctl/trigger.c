/* SPDX-License-Identifier: GPL-2.0-only */
#include "hvctl/trigger.h"

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>

#include "hvctl/call.h"
#include "util/fd.h"
#include "util/output.h"

#define SETTLE_US 5000 /* ours: a record that is written in pieces is one change */

static int left_ms(gint64 deadline)
{
	gint64 left = deadline - g_get_monotonic_time();

	return deadline < 0 ? -1 : left <= 0 ? 0 : (int)MIN((left + 999) / 1000, G_MAXINT);
}

/* --- the daemon --- */

static gboolean next_event(HvctlTrigger *trigger, int timeout_ms, GError **error)
{
	gboolean continues = FALSE;
	struct json_object *event;

	event = varlink_client_next(trigger->client, timeout_ms, &continues, error);
	if (!event)
		return FALSE;
	json_object_put(event);
	return continues ||
	       hvis_fail(error, HVIS_ERROR_PROTOCOL, "the daemon's Watch ended by itself");
}

static gboolean start_watch(HvctlTrigger *trigger, GError **error)
{
	const HvctlRequest *request = trigger->source->request;
	struct json_object *params = hvctl_params(request);

	trigger->client = hvctl_connect(request, error);
	if (!trigger->client) {
		json_object_put(params);
		return FALSE;
	}
	return varlink_client_start(
		       trigger->client, "io.hvis.Kvp.Watch", params, HVCTL_TIMEOUT_MS, error) &&
	       next_event(trigger, HVCTL_TIMEOUT_MS, error); /* "start" */
}

static gboolean wait_daemon(HvctlTrigger *trigger, gint64 deadline, GError **error)
{
	g_autoptr(GError) failed = NULL;

	if (next_event(trigger, left_ms(deadline), &failed))
		return TRUE;
	if (hvis_error_is(failed, HVIS_ERROR_BUSY)) { /* we were too slow: begin anew */
		g_clear_pointer(&trigger->client, varlink_client_free);
		return start_watch(trigger, error);
	}
	if (hvis_error_is(failed, HVIS_ERROR_CLOSED))
		return hvis_fail(error, HVIS_ERROR_IO, "hv_kvp_daemon has ended");
	g_propagate_error(error, g_steal_pointer(&failed));
	return FALSE;
}

/* --- the files --- */

static gboolean start_inotify(HvctlTrigger *trigger, GError **error)
{
	const char *dir = trigger->source->request->pool_dir;

	trigger->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (trigger->inotify < 0)
		return hvis_fail_errno(error, errno, "inotify");
	/* Status 1 is for keys that are not there. */
	if (inotify_add_watch(trigger->inotify, dir,
		    IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVE | IN_ATTRIB | IN_DELETE_SELF |
			    IN_MOVE_SELF) < 0)
		return errno == ENOENT ? hvis_fail(error, HVIS_ERROR_IO, "watch %s: %s", dir,
						 g_strerror(errno))
				       : hvis_fail_errno(error, errno, "watch %s", dir);
	return TRUE;
}

/* Take all events; FALSE where the directory itself is gone. */
static gboolean drain(int fd)
{
	_Alignas(struct inotify_event) char buf[4096];
	gboolean there = TRUE;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(buf + at);

			there &= !(event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED));
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	return there;
}

static gboolean wait_files(HvctlTrigger *trigger, gint64 deadline, GError **error)
{
	struct pollfd pfd = { .fd = trigger->inotify, .events = POLLIN };
	int n;

	do
		n = poll(&pfd, 1, left_ms(deadline));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return hvis_fail_errno(error, errno, "wait");
	if (n == 0)
		return hvis_fail(error, HVIS_ERROR_TIMEOUT, "nothing happened in time");
	g_usleep(SETTLE_US);
	if (drain(trigger->inotify))
		return TRUE;
	return hvis_fail(error, HVIS_ERROR_IO, "%s is gone", trigger->source->request->pool_dir);
}

/* --- either --- */

gboolean hvctl_trigger_open(HvctlTrigger *ret, const HvctlSource *source, GError **error)
{
	HvctlTrigger trigger = { .source = source, .inotify = -1 };

	if (source->files ? start_inotify(&trigger, error) : start_watch(&trigger, error)) {
		*ret = trigger;
		return TRUE;
	}
	hvctl_trigger_close(&trigger);
	return FALSE;
}

void hvctl_trigger_close(HvctlTrigger *trigger)
{
	if (!trigger->source) /* never opened */
		return;
	varlink_client_free(trigger->client);
	hvis_fd_clear(&trigger->inotify);
	*trigger = (HvctlTrigger){ 0 };
}

gboolean hvctl_trigger_wait(HvctlTrigger *trigger, gint64 deadline, GError **error)
{
	return trigger->client ? wait_daemon(trigger, deadline, error)
			       : wait_files(trigger, deadline, error);
}
