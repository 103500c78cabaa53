/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices and what is offered of them: at contact, at run time, again after a rescind, and their
 * sub-channels. A device without a relid (all 2047 taken) is offered as soon as one is released.
 */
#include "config.h"

#include "host/vmbus/parts.h"
#include "util/error.h"

static void offer_device(VmbusDevice *device)
{
	if (!device->enabled)
		return;
	if (!device->primary)
		device->primary = channel_new(device, 0);
	if (device->primary && device->host->contact == CONTACT_OFFERED)
		channel_post(device->primary, CHANNEL_EVENT_OFFER);
}

void offer_all(VmbusHost *host)
{
	for (guint i = 0; i < host->devices->len; i++)
		offer_device(g_ptr_array_index(host->devices, i));
}

void offer_waiting(VmbusHost *host)
{
	for (guint i = 0; i < host->devices->len; i++) {
		VmbusDevice *device = g_ptr_array_index(host->devices, i);

		if (!device->primary)
			offer_device(device);
	}
}

/* The last first. Taken off before the event, whose closed() may bring us here again. */
void offer_rescind_subchannels(VmbusDevice *device)
{
	while (device->subchannels->len)
		channel_post(
			g_ptr_array_steal_index(device->subchannels, device->subchannels->len - 1),
			CHANNEL_EVENT_RESCIND);
}

VmbusDevice *vmbus_device_add(VmbusHost *host, const VmbusDeviceInfo *info)
{
	VmbusDevice *device = g_new0(VmbusDevice, 1);

	device->host = host;
	device->info = *info;
	device->name = g_strdup(info->name);
	device->info.name = device->name;
	device->subchannels = g_ptr_array_new();
	device->enabled = TRUE;
	g_ptr_array_add(host->devices, device);
	offer_device(device);
	return device;
}

/* closed() may have offered the device again; only now is the old offer out of the way. */
void vmbus_device_rescind(VmbusDevice *device)
{
	device->enabled = FALSE;
	offer_rescind_subchannels(device);
	if (device->primary)
		channel_post(device->primary, CHANNEL_EVENT_RESCIND);
	if (device->enabled && !device->primary)
		offer_device(device);
}

void vmbus_device_offer(VmbusDevice *device)
{
	device->enabled = TRUE;
	offer_device(device);
}

gboolean vmbus_device_offered(const VmbusDevice *device)
{
	return device->enabled;
}

const char *vmbus_device_name(const VmbusDevice *device)
{
	return device->name;
}

gboolean vmbus_device_offer_subchannels(VmbusDevice *device, guint n, GError **error)
{
	if (!device->primary || device->primary->state != CHANNEL_OPEN)
		return hvis_fail(error, HVIS_ERROR_CLOSED, "%s is not open", device->name);
	for (guint i = 0; i < n; i++) {
		guint index = device->subchannels->len + 1;
		VmbusChannel *channel =
			index <= UINT16_MAX ? channel_new(device, (guint16)index) : NULL;

		if (!channel)
			return hvis_fail(error, HVIS_ERROR_NO_SPACE,
				"%s: no relid for sub-channel %u", device->name, index);
		g_ptr_array_add(device->subchannels, channel);
		channel_post(channel, CHANNEL_EVENT_OFFER);
	}
	return TRUE;
}
