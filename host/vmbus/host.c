/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMBus host as one object: made, fed by the machine, freed.
 */
#include "config.h"

#include "host/fault.h"
#include "host/owed.h"
#include "host/vmbus/parts.h"

static void on_message(gpointer data, guint32 port, const guint8 *payload, gsize len)
{
	vmbus_dispatch(data, port, payload, len);
}

static void on_signalled(gpointer data, guint32 connection_id)
{
	traffic_signalled(data, connection_id);
}

static void on_reset(gpointer data)
{
	contact_drop(data);
}

static const MachineClient client = {
	.message = on_message,
	.signalled = on_signalled,
	.reset = on_reset,
};

static void device_free(gpointer data)
{
	VmbusDevice *device = data;

	g_ptr_array_unref(device->subchannels);
	g_free(device->name);
	g_free(device);
}

VmbusHost *vmbus_host_new(Machine *machine, const VmbusOptions *options)
{
	VmbusHost *host = g_new0(VmbusHost, 1);

	host->machine = machine;
	if (options)
		host->options = *options;
	host->devices = g_ptr_array_new_with_free_func(device_free);
	host->gpadls = gpadl_table_new();
	host->owed = g_array_new(FALSE, FALSE, sizeof(guint64));
	machine->ops->set_client(machine, &client, host);
	machine->ops->set_ports(machine, contact_ports(host));
	return host;
}

/* Devices are not told: who made them may be gone by now. */
void vmbus_host_free(VmbusHost *host)
{
	if (!host)
		return;
	for (guint i = 0; i < host->devices->len; i++)
		((VmbusDevice *)g_ptr_array_index(host->devices, i))->info.ops = NULL;
	contact_drop(host);
	for (guint32 relid = 1; relid < VMBUS_RELIDS; relid++)
		if (host->channels[relid])
			channel_post(host->channels[relid], CHANNEL_EVENT_RESCIND);
	host->machine->ops->set_client(host->machine, NULL, NULL);
	host->machine->ops->set_ports(host->machine, 0);
	g_ptr_array_unref(host->devices);
	g_hash_table_unref(host->gpadls);
	g_array_unref(host->owed);
	g_free(host->last_violation);
	g_free(host);
}

guint32 vmbus_host_version(const VmbusHost *host)
{
	return host->version;
}

Machine *vmbus_host_machine(const VmbusHost *host)
{
	return host->machine;
}
