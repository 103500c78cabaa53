/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * No memory of its own but what is static, no library. While the worker lives its threads may still be
 * within a freeze that the kernel ends only later: so thawing is repeated until the worker's end of the
 * socket is closed, which is when the last of its threads has gone, and once more after that.
 *
 * One thread thinks, and has a thread for each file system from before the first freeze: a thaw may wait for
 * what it stands on, which may have to be thawed again, or for a disk that hangs, and keeps no other one waiting.
 */
#include "config.h"

#include "vssd/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vssd/hurry.h"
#include "vssd/marker.h"
#include "vssd/prove.h"

#define AGAIN_MS 50 /* between two rounds of thawing */
#define STEP_MS 200 /* what a thaw may take before the next one is begun beside it */
#define READY_MS 4000 /* for a thread to begin: the worker waits for a little more */
#define STACK_SIZE (64 * 1024) /* is locked in memory, once for each file system */
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
	bool busy[VSS_TARGETS_MAX]; /* being thawed */
	int errs[VSS_TARGETS_MAX]; /* of the last thaw of each */
	int orders[2],
		results[2]; /* pipes, of places and of struct result; whichever thread is free takes one */
	unsigned int n_threads;
	pthread_t threads[VSS_TARGETS_MAX];
};

struct result {
	uint32_t place;
	int32_t err;
};

static void *work(void *data)
{
	const struct guard *guard = data;
	const struct result ready = { .place = VSS_INDEX_NONE };
	uint32_t place;

	if (write(guard->results[1], &ready, sizeof(ready)) != sizeof(ready))
		return NULL;
	while (read(guard->orders[0], &place, sizeof(place)) == sizeof(place)) {
		struct result result = { .place = place };

		result.err = guard->ops->thaw(guard->data, guard->fds[place]);
		if (write(guard->results[1], &result, sizeof(result)) != sizeof(result))
			break;
	}
	return NULL;
}

/* What a thread does to begin is over when the first freeze begins. */
static int wait_for_threads(const struct guard *guard)
{
	struct pollfd polled = { .fd = guard->results[0], .events = POLLIN };
	struct result result;

	for (unsigned int i = 0; i < guard->n_threads; i++)
		if (poll(&polled, 1, READY_MS) != 1 ||
			read(guard->results[0], &result, sizeof(result)) != sizeof(result))
			return ETIMEDOUT;
	return 0;
}

/* An errno: then there is no freeze. */
static int start_threads(struct guard *guard)
{
	pthread_attr_t attr;
	int err = 0;

	if (pipe2(guard->orders, O_CLOEXEC) < 0 || pipe2(guard->results, O_CLOEXEC) < 0)
		return errno;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	while (err == 0 && guard->n_threads < guard->n) {
		err = pthread_create(&guard->threads[guard->n_threads], &attr, work, guard);
		guard->n_threads += err == 0;
	}
	pthread_attr_destroy(&attr);
	return err == 0 ? wait_for_threads(guard) : err;
}

static bool is_any_busy(const struct guard *guard)
{
	for (unsigned int i = 0; i < guard->n; i++)
		if (guard->busy[i])
			return true;
	return false;
}

static void close_pipe(int *pipe)
{
	for (int i = 0; i < 2; i++)
		if (pipe[i] >= 0)
			close(pipe[i]);
}

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
static int get_ready(struct guard *guard, int *ret_held)
{
	int err = start_threads(guard);

	if (err == 0)
		err = vss_marker_write(guard->marker, guard->targets, guard->n);
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

	msg->err = guard->n_threads == 0 ? get_ready(guard, &held) : EPROTO;
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

/* Take what has been done, for @ms at most, until that at @place has. */
static void wait_for_result(struct guard *guard, uint32_t place, int ms)
{
	int64_t until = vss_now() + ms * 1000LL;
	struct pollfd polled = { .fd = guard->results[0], .events = POLLIN };
	struct result result;

	while (guard->busy[place] && poll(&polled, 1, vss_poll_ms(until)) > 0 &&
		read(guard->results[0], &result, sizeof(result)) == sizeof(result)) {
		guard->busy[result.place] = false;
		guard->errs[result.place] = result.err;
	}
}

/* What was begun before this round may not have seen what it was begun for: it is thawed once more. */
static bool thaw_one(struct guard *guard, uint32_t place)
{
	bool before = guard->busy[place];

	if (!before)
		guard->busy[place] =
			write(guard->orders[1], &place, sizeof(place)) == sizeof(place);
	wait_for_result(guard, place, before ? 0 : STEP_MS);
	return !before && !guard->busy[place] &&
	       (guard->errs[place] == 0 || guard->errs[place] == EINVAL);
}

/* In reverse order, once each. Returns how many could not be thawed, or not yet. */
static unsigned int thaw_round(struct guard *guard)
{
	unsigned int failed = 0;

	for (unsigned int i = guard->n; i > 0; i--)
		failed += guard->frozen[i - 1] && !thaw_one(guard, i - 1);
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

/* Where one does not come back all of them are left to the end of the process. */
static void end_threads(struct guard *guard)
{
	for (unsigned int i = 0; i < guard->n; i++)
		wait_for_result(guard, i, STEP_MS);
	if (is_any_busy(guard))
		return;
	if (guard->orders[1] >= 0)
		close(guard->orders[1]);
	guard->orders[1] = -1;
	for (unsigned int i = 0; i < guard->n_threads; i++)
		pthread_join(guard->threads[i], NULL);
	close_pipe(guard->orders);
	close_pipe(guard->results);
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
		.orders = { -1, -1 },
		.results = { -1, -1 },
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
	end_threads(&guard);
	for (unsigned int i = 0; i < guard.n; i++)
		close(guard.fds[i]);
	return failed > 0 ? 2 : acted && !guard.done ? 1 : 0;
}
