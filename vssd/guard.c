/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One thread, no memory of its own but what is static, no library. While the worker lives its threads
 * may still be within a freeze that the kernel ends only later: so thawing is repeated until the
 * worker's end of the socket is closed, which is when the last of its threads has gone, and once more
 * after that.
 */
#include "config.h"

#include "vssd/guard.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vssd/hurry.h"
#include "vssd/marker.h"
#include "vssd/prove.h"

#define AGAIN_MS 50 /* between two rounds of thawing */
#define ROUNDS_MAX 12000 /* ten minutes: then it is given up, and the marker stays */

struct guard {
	const struct vss_fs_ops *ops;
	void *data;
	int worker, daemon; /* -1 once it is gone */
	const char *marker;
	int64_t deadline_us;
	bool armed, done;
	struct vss_hurry hurry;
	unsigned int n;
	struct vss_target targets[VSS_TARGETS_MAX];
	int fds[VSS_TARGETS_MAX];
	bool frozen[VSS_TARGETS_MAX]; /* or may be */
};

static void take_target(struct guard *guard, const struct vss_msg *msg, int fd)
{
	if (fd < 0)
		return;
	if (guard->n == VSS_TARGETS_MAX || msg->index != guard->n || guard->armed) {
		close(fd);
		return;
	}
	guard->targets[guard->n] = msg->target;
	guard->fds[guard->n++] = fd;
}

/* An errno; with 0 *@ret_held is for the worker. */
static int write_marker(const struct guard *guard, int *ret_held)
{
	int err = vss_marker_write(guard->marker, guard->targets, guard->n);

	if (err != 0)
		return err;
	*ret_held = vss_marker_hold(guard->marker);
	if (*ret_held >= 0)
		return 0;
	err = errno;
	unlink(guard->marker);
	return err;
}

/* The time runs from here, a little before the first freeze. */
static void arm(struct guard *guard, struct vss_msg *msg)
{
	int held = -1;

	msg->err = write_marker(guard, &held);
	if (msg->err == 0) {
		guard->armed = true;
		vss_hurry_begin(&guard->hurry, vss_prove_hurry(guard->ops->hurry), guard->marker);
		guard->deadline_us = vss_now() + (int64_t)msg->value * 1000 + VSS_GUARD_GRACE_US;
	}
	vss_send(guard->worker, msg, held);
	if (held >= 0)
		close(held);
}

static void handle(struct guard *guard, struct vss_msg *msg, int fd)
{
	vss_prove_step("guard");
	switch (msg->type) {
	case VSS_MSG_TARGET:
		take_target(guard, msg, fd);
		break;
	case VSS_MSG_ARM:
		arm(guard, msg);
		break;
	case VSS_MSG_FREEZING:
	case VSS_MSG_NOT_FROZEN:
		if (msg->index < guard->n)
			guard->frozen[msg->index] = msg->type == VSS_MSG_FREEZING;
		break;
	case VSS_MSG_HELD:
		vss_hurry_end(&guard->hurry);
		break;
	case VSS_MSG_DONE:
		guard->done = true;
		break;
	}
}

/* One message of the worker, or its end. */
static void listen_to_worker(struct guard *guard)
{
	static struct vss_msg msg;
	int fd = -1, err = vss_receive(guard->worker, &msg, &fd);

	if (err == 0)
		handle(guard, &msg, fd);
	else if (err != EPROTO)
		guard->worker = -1;
}

/* Wait for worker or daemon; at most @ms. FALSE where the time is over. */
static bool wait_for_either(struct guard *guard, int ms)
{
	struct pollfd polled[] = {
		{ .fd = guard->worker, .events = POLLIN },
		{ .fd = guard->daemon, .events = POLLIN },
	};
	int n = poll(polled, 2, ms);

	if (n > 0 && polled[0].revents)
		listen_to_worker(guard);
	if (n > 0 && polled[1].revents)
		guard->daemon = -1;
	return n != 0;
}

/* In reverse order, once each. Returns how many could not be thawed. */
static unsigned int thaw_round(struct guard *guard)
{
	unsigned int failed = 0;

	for (unsigned int i = guard->n; i > 0; i--) {
		int err;

		if (!guard->frozen[i - 1])
			continue;
		err = guard->ops->thaw(guard->data, guard->fds[i - 1]);
		if (err != 0 && err != EINVAL)
			failed++;
	}
	return failed;
}

/* Thaw until the worker is gone, or says that it has done so itself. */
static unsigned int thaw_all(struct guard *guard)
{
	unsigned int failed = 0;

	for (unsigned int round = 0; round < ROUNDS_MAX && !guard->done; round++) {
		bool gone = guard->worker < 0;

		failed = thaw_round(guard);
		if (gone && failed == 0)
			return 0;
		while (wait_for_either(guard, AGAIN_MS) && guard->worker >= 0 && !guard->done)
			;
	}
	return guard->done ? 0 : failed + (guard->worker >= 0);
}

static bool must_act(const struct guard *guard)
{
	return guard->worker < 0 || guard->daemon < 0 ||
	       (guard->armed && vss_now() >= guard->deadline_us);
}

int vss_guard_run(
	const struct vss_fs_ops *ops, void *data, int worker, int daemon, const char *marker)
{
	static struct guard guard;
	unsigned int failed = 0;
	bool acted;

	guard = (struct guard){
		.ops = ops,
		.data = data,
		.worker = worker,
		.daemon = daemon,
		.marker = marker,
		.hurry = VSS_HURRY_INIT,
	};
	while (!guard.done && !must_act(&guard))
		wait_for_either(&guard, guard.armed ? vss_poll_ms(guard.deadline_us) : 1000);
	acted = !guard.done && guard.armed;
	vss_hurry_end(&guard.hurry);
	if (acted)
		failed = thaw_all(&guard);
	vss_hurry_forget(&guard.hurry); /* its note may be on what was frozen */
	if (guard.armed && failed == 0)
		unlink(marker);
	for (unsigned int i = 0; i < guard.n; i++)
		close(guard.fds[i]);
	return failed > 0 ? 2 : acted && !guard.done ? 1 : 0;
}
