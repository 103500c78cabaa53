/* SPDX-License-Identifier: GPL-2.0-only */
/* A bus for the host's services without anything below it; see fake-bus.h. */
#include "tests/unit/fake-bus.h"
#include <hvis/hresult.h>
#include <util/error.h>

struct FakeBus {
	ServiceBus bus; /* first */
	GHashTable *ports; /* name to FakePort; kept when the registry is gone */
	guint64 time;
	gboolean broken;
};

typedef struct {
	ServicePort port; /* first */
	const ServicePortClient *client;
	gpointer data;
	gboolean offered, open, full, prompt;
	GQueue sent; /* of FakeSent */
} FakePort;

static ServicePort *fake_attach(ServiceBus *base, const ServicePortInfo *info,
	const ServicePortClient *client, gpointer data, GError **error)
{
	FakeBus *bus = (FakeBus *)base;
	FakePort *port = g_new0(FakePort, 1);

	port->port.bus = base;
	port->client = client;
	port->data = data;
	g_queue_init(&port->sent);
	g_hash_table_insert(bus->ports, g_strdup(info->name), port);
	return &port->port;
}

static gboolean fake_offer(ServicePort *base, GError **error)
{
	if (((FakeBus *)base->bus)->broken)
		return hvis_fail(error, HVIS_ERROR_IO, "the bus is broken");
	((FakePort *)base)->offered = TRUE;
	return TRUE;
}

static void fake_rescind(ServicePort *base)
{
	FakePort *port = (FakePort *)base;

	port->offered = FALSE;
	if (port->open) {
		port->open = FALSE;
		port->client->closed(port->data);
	}
}

static void port_answer(
	FakePort *port, const FakeSent *sent, guint32 status, const void *body, gsize len)
{
	IcMessage m = sent->m;
	gsize size = HVIS_IC_BODY_OFFSET + len, used;
	g_autofree guint8 *bytes = g_malloc(size);

	m.status = status;
	m.flags = HVIS_IC_TRANSACTION | HVIS_IC_RESPONSE;
	m.body = wire_cursor(body, len);
	g_assert_true(icmsg_encode(&m, bytes, size, &used, NULL));
	port->client->packet(port->data, sent->xid, bytes, used);
}

static gboolean fake_send(
	ServicePort *base, guint64 xid, const guint8 *bytes, gsize len, GError **error)
{
	FakePort *port = (FakePort *)base;
	FakeSent *sent;

	if (port->full)
		return hvis_fail(error, HVIS_ERROR_BUSY, "no room");
	g_assert_true(port->open);
	sent = g_new0(FakeSent, 1);
	sent->xid = xid;
	sent->bytes = g_byte_array_append(g_byte_array_new(), bytes, (guint)len);
	g_assert_true(icmsg_decode(sent->bytes->data, len, &sent->m, NULL));
	g_queue_push_tail(&port->sent, sent);
	if (port->prompt)
		port_answer(port, sent, HVIS_S_OK, sent->m.body.pos, sent->m.body.left);
	return TRUE;
}

static guint64 fake_time(ServiceBus *bus)
{
	return ((FakeBus *)bus)->time;
}

static const ServiceBusOps fake_ops = {
	.attach = fake_attach,
	.detach = fake_rescind,
	.offer = fake_offer,
	.rescind = fake_rescind,
	.send = fake_send,
	.reference_time = fake_time,
};

static void port_free(gpointer data)
{
	FakePort *port = data;

	g_queue_clear_full(&port->sent, (GDestroyNotify)fake_sent_free);
	g_free(port);
}

FakeBus *fake_bus_new(void)
{
	FakeBus *bus = g_new0(FakeBus, 1);

	bus->bus.ops = &fake_ops;
	bus->ports = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, port_free);
	return bus;
}

void fake_bus_free(FakeBus *bus)
{
	g_hash_table_unref(bus->ports);
	g_free(bus);
}

ServiceBus *fake_bus_get(FakeBus *bus)
{
	return &bus->bus;
}

void fake_bus_set_time(FakeBus *bus, guint64 reference_time)
{
	bus->time = reference_time;
}

static FakePort *find(FakeBus *bus, const char *name)
{
	FakePort *port = g_hash_table_lookup(bus->ports, name);

	g_assert_nonnull(port);
	return port;
}

gboolean fake_bus_offered(FakeBus *bus, const char *name)
{
	return find(bus, name)->offered;
}

void fake_bus_open(FakeBus *bus, const char *name)
{
	FakePort *port = find(bus, name);

	g_assert_true(port->offered);
	port->open = TRUE;
	port->client->opened(port->data);
}

void fake_bus_close(FakeBus *bus, const char *name)
{
	FakePort *port = find(bus, name);

	port->open = FALSE;
	port->client->closed(port->data);
}

void fake_bus_set_room(FakeBus *bus, const char *name, gboolean room)
{
	FakePort *port = find(bus, name);

	port->full = !room;
	if (room)
		port->client->writable(port->data);
}

void fake_bus_set_prompt(FakeBus *bus, const char *name)
{
	find(bus, name)->prompt = TRUE;
}

void fake_bus_break_offers(FakeBus *bus)
{
	bus->broken = TRUE;
}

FakeSent *fake_bus_take(FakeBus *bus, const char *name)
{
	return g_queue_pop_head(&find(bus, name)->sent);
}

void fake_sent_free(FakeSent *sent)
{
	if (!sent)
		return;
	g_byte_array_unref(sent->bytes);
	g_free(sent);
}

void fake_bus_inject(FakeBus *bus, const char *name, guint64 xid, const void *bytes, gsize len)
{
	FakePort *port = find(bus, name);

	port->client->packet(port->data, xid, bytes, len);
}

void fake_bus_answer(FakeBus *bus, const char *name, const FakeSent *sent, guint32 status,
	const void *body, gsize len)
{
	port_answer(find(bus, name), sent, status, body, len);
}

static void answer_versions(FakeBus *bus, const char *name, const IcVersions *versions)
{
	g_autoptr(FakeSent) sent = fake_bus_take(bus, name);
	guint8 body[64];
	gsize len;

	g_assert_nonnull(sent);
	g_assert_cmpuint(sent->m.type, ==, HVIS_IC_NEGOTIATE);
	g_assert_true(icmsg_negotiate_encode(versions, body, sizeof(body), &len, NULL));
	fake_bus_answer(bus, name, sent, HVIS_S_OK, body, len);
}

void fake_bus_agree(FakeBus *bus, const char *name, IcVersion framework, IcVersion message)
{
	IcVersions v = { 1, 1, { framework }, { message } };

	answer_versions(bus, name, &v);
}

void fake_bus_refuse(FakeBus *bus, const char *name)
{
	IcVersions v = { 0 };

	answer_versions(bus, name, &v);
}
