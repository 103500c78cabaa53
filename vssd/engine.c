/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One thread thinks, the others do: each waits at a pipe for an action, does it to its file system
 * and reports through a common pipe. From the first FIFREEZE to the last FITHAW nobody allocates,
 * logs or waits for a lock: what is to be told is kept in a ring and sent afterwards.
 */
#include "config.h"

#include "vssd/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vssd/prove.h"

#define SYNC_US (600 * 1000000LL) /* the host waits for 15 minutes */
#define ARM_US (5 * 1000000)
#define STACK_SIZE (128 * 1024) /* is locked in memory, once for each file system */
#define THAW_TRIES 3
#define RING_LEN (4 * VSS_TARGETS_MAX) /* each file system's actions, once each */

enum state {
	THAWED, /* also what has not been frozen yet */
	FROZEN, /* by us, through this descriptor */
	SHARED, /* by us, through another one of the same superblock */
	UNFROZEN, /* it cannot be frozen */
	LEFT_OUT, /* it could not be opened, and need not be */
};

struct item {
	struct vss_engine *engine;
	struct vss_target target;
	uint32_t flags;
	uint32_t place; /* among those that the guard has */
	int fd;
	int orders[2]; /* a pipe of bytes, an action each */
	pthread_t thread;
	bool running; /* the thread is */
	bool busy;
	enum vss_action action; /* while busy */
	enum state state;
	unsigned int thaw_tries;
};

struct result {
	uint32_t index;
	enum vss_action action;
	int err;
	int64_t at_us, took_us;
};

struct vss_engine {
	const struct vss_fs_ops *ops;
	void *data;
	int daemon, guard;
	uint32_t flags;
	int64_t limit_us, deadline_us;
	int results[2];
	unsigned int n, n_levels, n_frozen;
	struct vss_msg end; /* the first failure, if there is one */
	bool guard_gone;
	int held; /* the marker, locked for as long as there is a thread of ours; -1: not yet */
	unsigned int n_log;
	struct result log[RING_LEN]; /* of results as they came */
	struct item items[VSS_TARGETS_MAX];
};

/* The first failure is what is told. */
static void fail(struct vss_engine *engine, int err, uint32_t index, enum vss_action action)
{
	if (engine->end.err != 0)
		return;
	engine->end.err = err;
	engine->end.index = index;
	engine->end.action = action;
}

static int do_action(struct item *item, enum vss_action action)
{
	const struct vss_fs_ops *ops = item->engine->ops;
	void *data = item->engine->data;

	switch (action) {
	case VSS_OPEN:
		return ops->open(data, &item->target, &item->fd);
	case VSS_SYNC:
		return ops->sync(data, item->fd);
	case VSS_FREEZE:
		return ops->freeze(data, item->fd);
	case VSS_THAW:
		return ops->thaw(data, item->fd);
	case VSS_ACTION_N:
		break;
	}
	return EINVAL;
}

static void *work(void *data)
{
	struct item *item = data;
	struct vss_engine *engine = item->engine;
	unsigned char order;

	while (read(item->orders[0], &order, 1) == 1) {
		struct result result = { .index = (uint32_t)(item - engine->items),
			.action = order,
			.at_us = vss_now() };

		result.err = do_action(item, order);
		result.took_us = vss_now() - result.at_us;
		if (write(engine->results[1], &result, sizeof(result)) != sizeof(result))
			break;
	}
	return NULL;
}

static void order(struct item *item, enum vss_action action)
{
	unsigned char byte = (unsigned char)action;

	item->busy = true;
	item->action = action;
	if (write(item->orders[1], &byte, 1) != 1)
		item->busy = false; /* a pipe of ours that is empty: cannot be */
}

/* @item: NULL where it is about none. */
static void tell_guard(struct vss_engine *engine, enum vss_msg_type type, const struct item *item)
{
	struct vss_msg msg = { .type = type, .index = item ? item->place : VSS_INDEX_NONE };

	if (vss_tell(engine->guard, &msg) != 0)
		engine->guard_gone = true;
}

/* Whether another one of the same superblock is frozen by us, or about to be. */
static bool is_ours(const struct vss_engine *engine, const struct item *item)
{
	for (unsigned int i = 0; i < engine->n; i++) {
		const struct item *other = &engine->items[i];

		if (other != item && other->target.major == item->target.major &&
			other->target.minor == item->target.minor &&
			(other->state == FROZEN || (other->busy && other->action == VSS_FREEZE)))
			return true;
	}
	return false;
}

static void settle_freeze(struct vss_engine *engine, struct item *item, int err)
{
	uint32_t index = (uint32_t)(item - engine->items);

	if (err == 0) {
		item->state = FROZEN;
		engine->n_frozen++;
		return;
	}
	tell_guard(engine, VSS_MSG_NOT_FROZEN, item);
	if (err == EBUSY && is_ours(engine, item)) {
		item->state = SHARED;
		return;
	}
	if (err == EOPNOTSUPP || err == ENOTTY)
		item->state = UNFROZEN;
	if (item->state != UNFROZEN || (item->flags & VSS_FLAG_REQUIRED))
		fail(engine, err, index, VSS_FREEZE);
}

/* Frozen no more where somebody else thawed it: that is no consistent backup. */
static void settle_thaw(struct vss_engine *engine, struct item *item, int err)
{
	uint32_t index = (uint32_t)(item - engine->items);

	if (err != 0)
		fail(engine, err, index, VSS_THAW);
	if (err != 0 && err != EINVAL)
		return;
	item->state = THAWED;
	tell_guard(engine, VSS_MSG_NOT_FROZEN, item);
}

/* Whoever has it in a view of his own can hinder that it is opened, and hinders no backup by that. */
static void settle_open(struct vss_engine *engine, struct item *item, int err)
{
	if (err == 0)
		return;
	if ((item->flags & VSS_FLAG_ELSEWHERE) && !(item->flags & VSS_FLAG_REQUIRED))
		item->state = LEFT_OUT;
	else
		fail(engine, err, (uint32_t)(item - engine->items), VSS_OPEN);
}

static void settle(struct vss_engine *engine, const struct result *result)
{
	struct item *item = &engine->items[result->index];

	item->busy = false;
	if (engine->n_log < RING_LEN)
		engine->log[engine->n_log++] = *result;
	switch (result->action) {
	case VSS_OPEN:
		settle_open(engine, item, result->err);
		break;
	case VSS_SYNC:
		if (result->err != 0)
			fail(engine, result->err, result->index, result->action);
		break;
	case VSS_FREEZE:
		settle_freeze(engine, item, result->err);
		break;
	case VSS_THAW:
		settle_thaw(engine, item, result->err);
		break;
	case VSS_ACTION_N:
		break;
	}
}

/* The first that does @action; VSS_INDEX_NONE where there is none. */
static uint32_t busy_with(const struct vss_engine *engine, enum vss_action action)
{
	for (uint32_t i = 0; i < engine->n; i++)
		if (engine->items[i].busy && engine->items[i].action == action)
			return i;
	return VSS_INDEX_NONE;
}

static bool is_any_busy(const struct vss_engine *engine, enum vss_action action)
{
	return busy_with(engine, action) != VSS_INDEX_NONE;
}

/* What a message or an end of daemon and guard means while we do not wait for one: stop. */
static int interruption(struct vss_engine *engine, const struct pollfd *polled)
{
	struct vss_msg msg;

	if (polled[1].revents && vss_hear(engine->daemon, &msg) != 0)
		return EPIPE;
	if (polled[1].revents)
		return ECANCELED; /* a THAW: the host does not wait any longer */
	if (polled[2].revents) {
		engine->guard_gone = true;
		return EOWNERDEAD;
	}
	return 0;
}

static int wait_for_any(struct vss_engine *engine, int64_t until, bool stoppable)
{
	struct pollfd polled[] = {
		{ .fd = engine->results[0], .events = POLLIN },
		{ .fd = stoppable ? engine->daemon : -1, .events = POLLIN },
		{ .fd = stoppable ? engine->guard : -1, .events = POLLIN },
	};
	struct result result;

	if (poll(polled, 3, vss_poll_ms(until)) < 0)
		return errno == EINTR ? 0 : errno;
	if (polled[0].revents &&
		read(engine->results[0], &result, sizeof(result)) == sizeof(result))
		settle(engine, &result);
	return interruption(engine, polled);
}

/* What has not been opened by now counts as what cannot be: its thread is left behind. */
static void give_up_opening(struct vss_engine *engine)
{
	for (uint32_t i = 0; i < engine->n; i++) {
		const struct result late = { .index = i,
			.action = VSS_OPEN,
			.err = ETIMEDOUT,
			.at_us = vss_now(),
			.took_us = (int64_t)engine->ops->open_ms * 1000 };

		if (engine->items[i].busy && engine->items[i].action == VSS_OPEN)
			settle(engine, &late);
	}
}

/* Wait until all that do @action have done it. An errno where we shall not wait any longer. */
static int gather(struct vss_engine *engine, enum vss_action action, int64_t until, bool stoppable)
{
	int err = 0;

	while (err == 0 && is_any_busy(engine, action)) {
		err = wait_for_any(engine, until, stoppable);
		if (err == 0 && is_any_busy(engine, action) && vss_now() >= until)
			err = ETIMEDOUT;
	}
	if (err == ETIMEDOUT && action == VSS_OPEN)
		give_up_opening(engine);
	else if (err != 0)
		fail(engine, err, err == ETIMEDOUT ? busy_with(engine, action) : VSS_INDEX_NONE,
			action);
	return engine->end.err;
}

static int do_all(struct vss_engine *engine, enum vss_action action, int64_t until)
{
	for (unsigned int i = 0; i < engine->n; i++)
		if (engine->items[i].state != LEFT_OUT)
			order(&engine->items[i], action);
	return gather(engine, action, until, true);
}

static int start_thread(struct item *item)
{
	pthread_attr_t attr;
	int err;

	if (pipe2(item->orders, O_CLOEXEC) < 0)
		return errno;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	err = pthread_create(&item->thread, &attr, work, item);
	pthread_attr_destroy(&attr);
	item->running = err == 0;
	return err;
}

static int add_target(struct vss_engine *engine, const struct vss_msg *msg)
{
	struct item *item = &engine->items[engine->n];

	if (engine->n == VSS_TARGETS_MAX)
		return E2BIG;
	if (msg->target.level >= VSS_TARGETS_MAX || msg->target.level + 1 < engine->n_levels)
		return EPROTO; /* the guard has no levels, but this order */
	item->engine = engine;
	item->target = msg->target;
	item->flags = msg->flags;
	if (msg->target.level >= engine->n_levels)
		engine->n_levels = msg->target.level + 1;
	engine->n++;
	return 0;
}

/* Everything up to START. */
static int take_targets(struct vss_engine *engine)
{
	static struct vss_msg msg; /* too long for a stack */
	int fd, err;

	while ((err = vss_receive(engine->daemon, &msg, &fd)) == 0) {
		if (fd >= 0)
			close(fd);
		if (msg.type == VSS_MSG_START)
			break;
		err = msg.type == VSS_MSG_TARGET ? add_target(engine, &msg) : EPROTO;
		if (err != 0)
			break;
	}
	engine->flags = msg.flags;
	engine->limit_us = (int64_t)msg.value * 1000;
	for (unsigned int i = 0; err == 0 && i < engine->n; i++)
		err = start_thread(&engine->items[i]);
	if (err != 0)
		fail(engine, err, VSS_INDEX_NONE, VSS_OPEN);
	return err;
}

/* The guard has every descriptor, and has said so, before anything is frozen. */
static int arm_guard(struct vss_engine *engine)
{
	struct vss_msg arm = { .type = VSS_MSG_ARM, .value = (uint32_t)(engine->limit_us / 1000) };
	static struct vss_msg msg;
	struct pollfd answer = { .fd = engine->guard, .events = POLLIN };
	uint32_t n = 0;
	int err = 0;

	for (unsigned int i = 0; err == 0 && i < engine->n; i++) {
		struct item *item = &engine->items[i];

		if (item->state == LEFT_OUT)
			continue;
		item->place = n++;
		msg = (struct vss_msg){ .type = VSS_MSG_TARGET, .index = item->place };
		msg.target = item->target;
		err = vss_send(engine->guard, &msg, item->fd);
	}
	if (err == 0)
		err = vss_tell(engine->guard, &arm);
	if (err == 0 && poll(&answer, 1, ARM_US / 1000) != 1)
		err = ETIMEDOUT;
	msg.err = 0;
	if (err == 0)
		err = vss_receive(engine->guard, &msg, &engine->held);
	if (err == 0)
		err = msg.err;
	if (err != 0)
		fail(engine, msg.err != 0 ? msg.err : EOWNERDEAD, VSS_INDEX_NONE, VSS_FREEZE);
	return engine->end.err;
}

static int freeze_level(struct vss_engine *engine, uint32_t level)
{
	for (unsigned int i = 0; i < engine->n; i++) {
		struct item *item = &engine->items[i];

		if (item->target.level != level || item->state == LEFT_OUT)
			continue;
		tell_guard(engine, VSS_MSG_FREEZING, item);
		if (engine->guard_gone) {
			fail(engine, EOWNERDEAD, VSS_INDEX_NONE, VSS_FREEZE);
			break;
		}
		order(item, VSS_FREEZE);
	}
	return gather(engine, VSS_FREEZE, engine->deadline_us, true);
}

static int freeze_all(struct vss_engine *engine)
{
	int err = 0;

	engine->deadline_us = vss_now() + engine->limit_us;
	for (uint32_t level = 0; err == 0 && level < engine->n_levels; level++)
		err = freeze_level(engine, level);
	if (err == 0 && engine->n_frozen == 0 && !(engine->flags & VSS_FLAG_ALLOW_NOTHING))
		fail(engine, ENOENT, VSS_INDEX_NONE, VSS_FREEZE);
	return engine->end.err;
}

/* Say that all are frozen, and wait until they shall not be any longer. */
static void hold(struct vss_engine *engine)
{
	struct vss_msg frozen = { .type = VSS_MSG_FROZEN, .value = engine->n_frozen };
	struct vss_msg msg = { 0 };
	int err = vss_tell(engine->daemon, &frozen);

	tell_guard(engine, VSS_MSG_HELD, NULL);
	while (err == 0) {
		struct pollfd polled[] = {
			{ .fd = engine->daemon, .events = POLLIN },
			{ .fd = engine->guard, .events = POLLIN },
		};

		if (vss_now() >= engine->deadline_us)
			err = ETIMEDOUT;
		else if (poll(polled, 2, vss_poll_ms(engine->deadline_us)) < 0)
			err = errno == EINTR ? 0 : errno;
		else if (polled[1].revents)
			err = EOWNERDEAD;
		else if (polled[0].revents) {
			err = vss_hear(engine->daemon, &msg);
			if (err == 0 && msg.type == VSS_MSG_THAW)
				return;
		}
	}
	fail(engine, err, VSS_INDEX_NONE, VSS_THAW);
}

static bool can_thaw(const struct item *item)
{
	return item->state == FROZEN && !item->busy && item->thaw_tries < THAW_TRIES;
}

static void order_thaws_of(struct vss_engine *engine, uint32_t level)
{
	for (unsigned int i = 0; i < engine->n; i++) {
		struct item *item = &engine->items[i];

		if (item->target.level != level || !can_thaw(item))
			continue;
		item->thaw_tries++;
		order(item, VSS_THAW);
	}
}

static bool is_level_thawing(const struct vss_engine *engine, uint32_t level)
{
	for (unsigned int i = 0; i < engine->n; i++) {
		const struct item *item = &engine->items[i];

		if (item->target.level == level && item->busy && item->action == VSS_THAW)
			return true;
	}
	return false;
}

/* From the last level down to one of which a thaw is under way: the lower ones may stand on that. */
static void order_thaws(struct vss_engine *engine)
{
	for (uint32_t level = engine->n_levels; level > 0; level--) {
		order_thaws_of(engine, level - 1);
		if (is_level_thawing(engine, level - 1))
			return;
	}
}

/*
 * From the last level to the first. What hangs in a freeze holds the lower levels up in their thaw if they stand on
 * it, and not otherwise: so they are not waited for, and it is thawed as soon as its freeze has ended.
 */
static void thaw_all(struct vss_engine *engine)
{
	order_thaws(engine);
	while (is_any_busy(engine, VSS_FREEZE) || is_any_busy(engine, VSS_THAW)) {
		wait_for_any(engine, INT64_MAX, false);
		order_thaws(engine);
	}
}

static bool is_any_frozen(const struct vss_engine *engine)
{
	for (unsigned int i = 0; i < engine->n; i++)
		if (engine->items[i].state == FROZEN)
			return true;
	return false;
}

/* The end, then the log. A guard that is not told so sees to what is left. */
static void report(struct vss_engine *engine)
{
	if (!is_any_frozen(engine))
		tell_guard(engine, VSS_MSG_DONE, NULL);
	engine->end.type = VSS_MSG_ENDED;
	vss_tell(engine->daemon, &engine->end);
	for (unsigned int i = 0; i < engine->n_log; i++) {
		const struct result *entry = &engine->log[i];
		struct vss_msg event = { .type = VSS_MSG_EVENT,
			.index = entry->index,
			.action = entry->action,
			.err = entry->err,
			.at_us = entry->at_us,
			.took_us = entry->took_us };

		if (vss_tell(engine->daemon, &event) != 0)
			break;
	}
}

static int prepare(struct vss_engine *engine)
{
	int err = take_targets(engine);

	if (err == 0)
		err = do_all(engine, VSS_OPEN, vss_now() + (int64_t)engine->ops->open_ms * 1000);
	vss_prove_step("opened");
	if (err == 0)
		err = do_all(engine, VSS_SYNC, vss_now() + SYNC_US);
	vss_prove_step("synced");
	if (err == 0)
		err = arm_guard(engine);
	vss_prove_step("armed");
	if (err == 0) {
		err = engine->ops->lock_down(engine->data);
		if (err != 0)
			fail(engine, err, VSS_INDEX_NONE, VSS_FREEZE);
	}
	return engine->end.err;
}

int vss_engine_run(struct vss_engine *engine)
{
	if (prepare(engine) == 0) {
		vss_prove_step("locked");
		if (freeze_all(engine) == 0) {
			vss_prove_step("frozen");
			hold(engine);
		}
		vss_prove_step("thawing");
		thaw_all(engine);
		vss_prove_step("thawed");
	}
	report(engine);
	return engine->end.err;
}

struct vss_engine *vss_engine_new(const struct vss_fs_ops *ops, void *data, int daemon, int guard)
{
	struct vss_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return NULL;
	engine->ops = ops;
	engine->data = data;
	engine->daemon = daemon;
	engine->guard = guard;
	engine->held = -1;
	/* No child has them: the guard takes the end of its own for that of this process. */
	fcntl(daemon, F_SETFD, FD_CLOEXEC);
	fcntl(guard, F_SETFD, FD_CLOEXEC);
	for (unsigned int i = 0; i < VSS_TARGETS_MAX; i++)
		engine->items[i].fd = engine->items[i].orders[0] = engine->items[i].orders[1] = -1;
	if (pipe2(engine->results, O_CLOEXEC) < 0) {
		free(engine);
		return NULL;
	}
	return engine;
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void vss_engine_free(struct vss_engine *engine)
{
	for (unsigned int i = 0; i < engine->n; i++) {
		struct item *item = &engine->items[i];

		if (item->orders[1] >= 0)
			close(item->orders[1]); /* the thread reads the end, and ends */
		if (item->running)
			pthread_join(item->thread, NULL);
		close_all(item->orders, 1);
		close_all(&item->fd, 1);
	}
	close_all(engine->results, 2);
	close_all(&engine->held, 1);
	free(engine);
}
