/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The services' bus over VMBus: a port is a device with one channel, which is a message pipe. The
 * VMBus host owns the device, so a detached port stays behind, mute, until the bus is freed.
 */
#include <hvis/ring.h>
#include <hvis/vmbus.h>
#include "host/service/bus.h"
#include "util/error.h"

typedef struct {
	ServiceBus bus;
	VmbusHost *vmbus;
	GPtrArray *ports; /* owned */
} VmbusBus;

typedef struct {
	ServicePort port;
	VmbusDeviceInfo info;
	VmbusDevice *device; /* from the first offer on */
	VmbusChannel *channel;
	const ServicePortClient *client;
	gpointer data;
} VmbusPort;

static void on_opened(VmbusChannel *channel, gpointer data)
{
	VmbusPort *port = data;

	port->channel = channel;
	port->client->opened(port->data);
}

static void on_packet(VmbusChannel *channel, const VmbusPacket *packet, gpointer data)
{
	VmbusPort *port = data;

	if (packet->type == HVIS_PACKET_INBAND)
		port->client->packet(port->data, packet->xid, packet->payload, packet->payload_len);
}

static void on_writable(VmbusChannel *channel, gpointer data)
{
	VmbusPort *port = data;

	port->client->writable(port->data);
}

static void on_closed(VmbusChannel *channel, gpointer data)
{
	VmbusPort *port = data;

	port->channel = NULL;
	port->client->closed(port->data);
}

static const VmbusDeviceOps device_ops = { on_opened, on_packet, on_writable, on_closed };

static ServicePort *vmbus_attach(ServiceBus *bus, const ServicePortInfo *info,
	const ServicePortClient *client, gpointer data, GError **error)
{
	VmbusBus *self = (VmbusBus *)bus;
	VmbusPort *port = g_new0(VmbusPort, 1);
	hvis_le32 mode = hvis_le32_make(HVIS_PIPE_MODE_MESSAGE);

	port->port.bus = bus;
	port->client = client;
	port->data = data;
	port->info = (VmbusDeviceInfo){
		.name = info->name,
		.type = info->type,
		.instance = info->instance,
		.flags = HVIS_OFFER_ENUMERATE_INTERFACE | HVIS_OFFER_NAMED_PIPE,
		.monitored = info->monitored,
		.no_dedicated = info->no_dedicated,
		.ops = &device_ops,
		.data = port,
	};
	memcpy(port->info.user_data, &mode, sizeof(mode));
	g_ptr_array_add(self->ports, port);
	return &port->port;
}

static void vmbus_rescind(ServicePort *base)
{
	VmbusPort *port = (VmbusPort *)base;

	if (port->device)
		vmbus_device_rescind(port->device);
}

static gboolean vmbus_offer(ServicePort *base, GError **error)
{
	VmbusPort *port = (VmbusPort *)base;
	VmbusBus *bus = (VmbusBus *)base->bus;

	if (port->device)
		vmbus_device_offer(port->device);
	else
		port->device = vmbus_device_add(bus->vmbus, &port->info);
	return TRUE;
}

static gboolean vmbus_send(
	ServicePort *base, guint64 xid, const guint8 *bytes, gsize len, GError **error)
{
	VmbusPort *port = (VmbusPort *)base;

	if (!port->channel)
		return hvis_fail(error, HVIS_ERROR_CLOSED, "the channel is closed");
	return vmbus_channel_send(port->channel, HVIS_PACKET_INBAND, 0, xid, bytes, len, error);
}

static guint64 vmbus_reference_time(ServiceBus *bus)
{
	Machine *machine = vmbus_host_machine(((VmbusBus *)bus)->vmbus);

	return machine->ops->reference_time(machine);
}

static void vmbus_bus_free(ServiceBus *base)
{
	VmbusBus *bus = (VmbusBus *)base;

	g_ptr_array_unref(bus->ports);
	g_free(bus);
}

static const ServiceBusOps vmbus_ops = {
	.attach = vmbus_attach,
	.detach = vmbus_rescind,
	.offer = vmbus_offer,
	.rescind = vmbus_rescind,
	.send = vmbus_send,
	.reference_time = vmbus_reference_time,
	.free = vmbus_bus_free,
};

ServiceBus *vmbus_bus_new(VmbusHost *vmbus)
{
	VmbusBus *bus = g_new0(VmbusBus, 1);

	bus->bus.ops = &vmbus_ops;
	bus->vmbus = vmbus;
	bus->ports = g_ptr_array_new_with_free_func(g_free);
	return &bus->bus;
}
