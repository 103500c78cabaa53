/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the registry: what a service is made of, and what each kind of service supplies. Only the
 * files of this folder include it.
 */
#pragma once

#include <json-c/json.h>
#include "host/service/bus.h"
#include "host/service/ic.h"

typedef struct {
	const char *name;
	const char *device; /* see ServicePortInfo */
	enum hvis_ic_type type;
	struct hvis_guid type_guid, instance_guid;
	const IcVersion *versions; /* ascending */
	guint n_versions;
	guint timeout_ms, period_ms; /* 0 = IC_TIMEOUT_MS; 0 = sends nothing by itself */
	gboolean unnumbered; /* see ic_allow_unnumbered() */
	gsize size; /* of the kind's own state, zeroed, in HostService.self */
	void (*state)(HostService *service, ServiceState state); /* may be NULL */
	void (*describe)(
		HostService *service, const IcMessage *message, gboolean to_guest, GString *line);
	void (*json)(HostService *service, struct json_object *into); /* may be NULL */
} ServiceClass;

extern const ServiceClass heartbeat_class, shutdown_class, timesync_class, kvp_class, vss_class,
	fcopy_class;

/* What --service may say. Zero and empty mean the class's own. */
typedef struct {
	IcVersions offer;
	guint timeout_ms, negotiate_ms, period_ms;
	gboolean monitored, no_dedicated, disabled;
} ServiceOptions;

struct HostService {
	HostServices *services;
	const ServiceClass *class;
	ServiceOptions options;
	HvisClock *clock;
	ServicePort *port;
	Ic *ic;
	GPtrArray *waiters; /* of service_on_ready() */
	gpointer self;
};

/* @options: comma-separated. *@ret is changed word by word, and not at all on failure. */
gboolean service_options_parse(
	const ServiceClass *class, const char *options, ServiceOptions *ret, GError **error);
void service_options_init(const ServiceClass *class, ServiceOptions *ret);

ServiceBus *link_bus(Link *link); /* stays the link's */

/* A registry on any bus; services_new() and services_new_link() are this. Takes @bus. */
HostServices *services_new_bus(ServiceBus *bus, HvisClock *clock);
ServiceBus *services_bus(HostServices *services);

/* The host's wall clock, microseconds since 1970; tests set their own. */
gint64 services_wall_us(const HostServices *services);
void services_set_wall(HostServices *services, gint64 (*wall_us)(void));

/* The kind's own state. A request for another kind of service is a programmer's error. */
static inline gpointer service_self(const HostService *service, const ServiceClass *class)
{
	g_assert(service->class == class);
	return service->self;
}
