/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a channel as a table, and its only writer. An empty cell is an event without a place
 * in that state: channel_post() says so and changes nothing.
 *
 * The state is written before the action runs, for an action tells devices, and these may post
 * again or rescind the very channel.
 */
#include "config.h"

#include "host/vmbus/parts.h"

typedef struct {
	void (*enter)(VmbusChannel *channel);
	ChannelState next;
} Step;

static void nothing(VmbusChannel *channel)
{
}

static void start(VmbusChannel *channel)
{
	channel->opens++;
	if (channel->monitor_id != HVIS_MONITOR_NONE)
		monitor_start(channel);
}

/* Sub-channels end with their primary. Linux closes its own before, and waits for no RESCIND. */
static void close_open(VmbusChannel *channel)
{
	VmbusDevice *device = channel->index ? NULL : channel->device;

	channel_stop(channel);
	if (device)
		offer_rescind_subchannels(device);
}

static void close_broken(VmbusChannel *channel)
{
	if (channel->index == 0)
		offer_rescind_subchannels(channel->device);
}

static void rescind(VmbusChannel *channel)
{
	monitor_release(channel);
	channel_detach(channel);
	channel_send_rescind(channel);
}

static void rescind_open(VmbusChannel *channel)
{
	VmbusChannel *self = g_rc_box_acquire(channel);

	channel_stop(channel);
	if (channel->state == CHANNEL_RESCINDED)
		rescind(channel);
	channel_unref(self);
}

static void forget(VmbusChannel *channel)
{
	monitor_release(channel);
	if (channel->index) /* the device offers its sub-channels anew when it is open again */
		channel_post(channel, CHANNEL_EVENT_RESCIND);
}

static void forget_open(VmbusChannel *channel)
{
	VmbusChannel *self = g_rc_box_acquire(channel);

	channel_stop(channel);
	if (channel->state == CHANNEL_IDLE)
		forget(channel);
	channel_unref(self);
}

static void withdraw(VmbusChannel *channel)
{
	channel_detach(channel);
	channel_remove(channel);
}

static const Step steps[CHANNEL_N][CHANNEL_EVENT_N] = {
	[CHANNEL_IDLE] = {
		[CHANNEL_EVENT_OFFER] = { channel_send_offer, CHANNEL_OFFERED },
		[CHANNEL_EVENT_RESCIND] = { withdraw, CHANNEL_GONE },
		[CHANNEL_EVENT_FORGET] = { nothing, CHANNEL_IDLE },
	},
	[CHANNEL_OFFERED] = {
		[CHANNEL_EVENT_OPEN] = { start, CHANNEL_OPEN },
		[CHANNEL_EVENT_RESCIND] = { rescind, CHANNEL_RESCINDED },
		[CHANNEL_EVENT_FORGET] = { forget, CHANNEL_IDLE },
	},
	[CHANNEL_OPEN] = {
		[CHANNEL_EVENT_CLOSE] = { close_open, CHANNEL_OFFERED },
		[CHANNEL_EVENT_BREAK] = { channel_stop, CHANNEL_BROKEN },
		[CHANNEL_EVENT_RESCIND] = { rescind_open, CHANNEL_RESCINDED },
		[CHANNEL_EVENT_FORGET] = { forget_open, CHANNEL_IDLE },
	},
	[CHANNEL_BROKEN] = {
		[CHANNEL_EVENT_CLOSE] = { close_broken, CHANNEL_OFFERED },
		[CHANNEL_EVENT_RESCIND] = { rescind, CHANNEL_RESCINDED },
		[CHANNEL_EVENT_FORGET] = { forget, CHANNEL_IDLE },
	},
	[CHANNEL_RESCINDED] = {
		/* Crossed our RESCIND on its way, or the guest puts its end in order. */
		[CHANNEL_EVENT_CLOSE] = { nothing, CHANNEL_RESCINDED },
		[CHANNEL_EVENT_RELEASE] = { channel_remove, CHANNEL_GONE },
		[CHANNEL_EVENT_FORGET] = { channel_remove, CHANNEL_GONE },
	},
	[CHANNEL_GONE] = { { NULL, CHANNEL_GONE } },
};

gboolean channel_post(VmbusChannel *channel, ChannelEvent event)
{
	const Step *step = &steps[channel->state][event];

	if (!step->enter)
		return FALSE;
	channel->state = step->next;
	step->enter(channel);
	return TRUE;
}
