/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What carries the services' messages: VMBus channels, sockets in link mode, a script in tests. A
 * port is one service on it: offered or not, open or not.
 */
#pragma once

#include <hvis/types.h>
#include "host/vmbus/vmbus.h"

typedef struct ServiceBus ServiceBus;
typedef struct ServicePort ServicePort;

typedef struct {
	const char *name;
	const char *device; /* of its character device in the guest: "hv_kvp"; NULL = none */
	struct hvis_guid type, instance;
	gboolean monitored, no_dedicated;
} ServicePortInfo;

typedef struct {
	void (*opened)(gpointer data);
	void (*packet)(gpointer data, guint64 xid, const guint8 *bytes, gsize len);
	void (*writable)(gpointer data);
	void (*closed)(gpointer data);
} ServicePortClient;

typedef struct {
	/* Not offered yet. @client and @info's strings must outlive the port. */
	ServicePort *(*attach)(ServiceBus *bus, const ServicePortInfo *info,
		const ServicePortClient *client, gpointer data, GError **error);
	void (*detach)(ServicePort *port); /* rescinds; no call to the client follows */
	gboolean (*offer)(ServicePort *port, GError **error);
	void (*rescind)(ServicePort *port);
	/* HVIS_ERROR_BUSY where there is no room; writable() follows. */
	gboolean (*send)(
		ServicePort *port, guint64 xid, const guint8 *bytes, gsize len, GError **error);
	guint64 (*reference_time)(ServiceBus *bus); /* the guest's TIME_REF_COUNT */
	void (*free)(ServiceBus *bus); /* called by services_free(); may be NULL */
} ServiceBusOps;

/* First member of every implementation, as is that of the port. */
struct ServiceBus {
	const ServiceBusOps *ops;
};

struct ServicePort {
	ServiceBus *bus;
};

ServiceBus *vmbus_bus_new(VmbusHost *vmbus);
