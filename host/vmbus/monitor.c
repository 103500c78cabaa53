/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Monitored channels. For these the guest only sets a trigger bit in a page of its own and makes no
 * hypercall; it is the protocol that the host looks, as often as the latency in that page says. The
 * timer for it runs while such a channel is open and at no other time.
 *
 * The page is the guest's: we write latency and parameters into it and never read them back.
 */
#include "config.h"

#include "host/vmbus/parts.h"

#define LATENCY_MS 1u /* what the main loop can do; Hyper-V has 0.1 ms and more */
#define LATENCY_UNITS (LATENCY_MS * 10000u)

gboolean monitor_map(VmbusHost *host, guint64 address, GError **error)
{
	guint64 pfn = address / HVIS_PAGE_SIZE;

	host->monitor = host->machine->ops->map(host->machine, &pfn, 1, error);
	return host->monitor != NULL;
}

void monitor_unmap(VmbusHost *host)
{
	if (host->monitor)
		host->machine->ops->unmap(host->machine, host->monitor, 1);
	host->monitor = NULL;
}

void monitor_assign(VmbusChannel *channel)
{
	VmbusHost *host = channel->host;

	if (!channel->device->info.monitored || !host->monitor)
		return;
	for (guint8 i = 0; i < HVIS_MONITOR_N; i++)
		if (!host->monitored[i]) {
			host->monitored[i] = channel;
			channel->monitor_id = i;
			return;
		}
}

void monitor_release(VmbusChannel *channel)
{
	if (channel->monitor_id != HVIS_MONITOR_NONE)
		channel->host->monitored[channel->monitor_id] = NULL;
	channel->monitor_id = HVIS_MONITOR_NONE;
}

static gboolean on_timer(gpointer data)
{
	monitor_look(data);
	return G_SOURCE_CONTINUE;
}

void monitor_start(VmbusChannel *channel)
{
	VmbusHost *host = channel->host;
	hvis_shared *page = host->monitor;
	guint32 id = channel->monitor_id;
	hvis_le16 latency = hvis_le16_make(LATENCY_UNITS);
	hvis_le32 connection = hvis_le32_make(VMBUS_CONNECTION_BASE + channel->relid);

	hvis_shared_put(
		page, HVIS_MONITOR_LATENCY + id * sizeof(latency), &latency, sizeof(latency));
	hvis_shared_put(page, HVIS_MONITOR_PARAM + id * 8, &connection, sizeof(connection));
	hvis_shared_store(page, HVIS_MONITOR_STATE, (1u << HVIS_MONITOR_GROUPS) - 1);
	if (!host->monitor_open++)
		host->monitor_source = g_timeout_add(LATENCY_MS, on_timer, host);
}

void monitor_stop(VmbusChannel *channel)
{
	VmbusHost *host = channel->host;

	if (!--host->monitor_open)
		g_clear_handle_id(&host->monitor_source, g_source_remove);
}

static guint32 take_group(VmbusHost *host, guint32 group)
{
	hvis_shared *page = host->monitor;
	guint32 offset = HVIS_MONITOR_PENDING + group * 8;

	if (!hvis_shared_load(page, offset))
		return 0;
	return __atomic_exchange_n(
		(volatile guint32 *)hvis_shared_at(page, offset), 0, __ATOMIC_SEQ_CST);
}

/* A device may close any channel with what it gets; the host's pointers are looked at anew each time. */
static void look_at_group(VmbusHost *host, guint32 group)
{
	guint32 bits = take_group(host, group);

	for (guint32 bit = 0; bit < HVIS_MONITOR_GROUP_BITS; bit++) {
		const VmbusChannel *channel =
			host->monitored[group * HVIS_MONITOR_GROUP_BITS + bit];

		if (bits >> bit & 1 && channel)
			traffic_signalled(host, VMBUS_CONNECTION_BASE + channel->relid);
	}
}

void monitor_look(VmbusHost *host)
{
	for (guint32 group = 0; host->monitor && group < HVIS_MONITOR_GROUPS; group++)
		look_at_group(host, group);
}
