/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registry: services by name, between their bus below and the administrator above. What a
 * service says and means is in a file of its own; how its messages are exchanged, in ic.c.
 */
#include <hvis/hresult.h>
#include <util/error.h>
#include "host/service/class.h"

struct HostServices {
	ServiceBus *bus;
	HvisClock *clock;
	gint64 (*wall_us)(void);
	GPtrArray *services; /* of HostService, in the order in which they were added */
	ServicesObserver observer;
	gpointer observer_data;
};

typedef struct {
	guint id;
	ServiceReady ready;
	gpointer data;
} Waiter;

static const ServiceClass *const classes[] = {
	&heartbeat_class,
	&shutdown_class,
	&timesync_class,
	&kvp_class,
	&vss_class,
	&fcopy_class,
};

const char *service_state_name(ServiceState state)
{
	static const char *const names[SERVICE_STATE_N] = {
		"disabled",
		"offered",
		"open",
		"negotiating",
		"ready",
		"refused",
	};

	return names[state];
}

/* --- the two sides of an Ic --- */

static gboolean to_port(gpointer data, guint64 xid, const guint8 *bytes, gsize len, GError **error)
{
	HostService *s = data;

	return s->port->bus->ops->send(s->port, xid, bytes, len, error);
}

static void wake_waiters(HostService *s, const GError *error)
{
	GPtrArray *waiters = s->waiters;

	s->waiters = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < waiters->len; i++) {
		Waiter *w = waiters->pdata[i];

		w->ready(s, error, w->data);
	}
	g_ptr_array_unref(waiters);
}

/* Ready, or refused, which is @error then: there is nothing to wait for. */
static gboolean is_settled(const HostService *s, GError **error)
{
	ServiceState state = ic_state(s->ic);

	if (state == SERVICE_REFUSED)
		hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "%s", ic_last_error(s->ic));
	return state == SERVICE_READY || state == SERVICE_REFUSED;
}

static void on_state(gpointer data, ServiceState state)
{
	HostService *s = data;
	HostServices *all = s->services;
	g_autoptr(GError) error = NULL;

	if (s->class->state)
		s->class->state(s, state);
	if (all->observer)
		all->observer(s, state, all->observer_data);
	if (is_settled(s, &error))
		wake_waiters(s, error);
}

static void describe_message(
	gpointer data, const IcMessage *message, gboolean to_guest, GString *line)
{
	HostService *s = data;

	s->class->describe(s, message, to_guest, line);
}

static const IcOps ic_ops = { to_port, on_state, describe_message };

static void port_opened(gpointer data)
{
	ic_opened(((HostService *)data)->ic);
}

static void port_packet(gpointer data, guint64 xid, const guint8 *bytes, gsize len)
{
	ic_packet(((HostService *)data)->ic, xid, bytes, len);
}

static void port_writable(gpointer data)
{
	ic_writable(((HostService *)data)->ic);
}

static void port_closed(gpointer data)
{
	ic_closed(((HostService *)data)->ic);
}

static const ServicePortClient port_client = {
	port_opened,
	port_packet,
	port_writable,
	port_closed,
};

/* --- life --- */

static void service_apply_options(HostService *s)
{
	ic_set_versions(s->ic, &s->options.offer);
	ic_set_timeouts(s->ic, s->options.timeout_ms, s->options.negotiate_ms);
}

static void service_free(HostService *s)
{
	g_autoptr(GError) error = NULL;

	if (s->port)
		s->port->bus->ops->detach(s->port);
	if (s->ic)
		ic_rescinded(s->ic);
	hvis_fail(&error, HVIS_ERROR_CLOSED, "%s: the host ends", s->class->name);
	wake_waiters(s, error);
	ic_free(s->ic);
	g_ptr_array_unref(s->waiters);
	g_free(s->self);
	g_free(s);
}

static HostService *service_new(
	HostServices *all, const ServiceClass *class, const ServiceOptions *options, GError **error)
{
	HostService *s = g_new0(HostService, 1);
	ServicePortInfo info = {
		.name = class->name,
		.device = class->device,
		.type = class->type_guid,
		.instance = class->instance_guid,
		.monitored = options->monitored,
		.no_dedicated = options->no_dedicated,
	};

	s->services = all;
	s->class = class;
	s->options = *options;
	s->clock = all->clock;
	s->waiters = g_ptr_array_new_with_free_func(g_free);
	s->self = g_malloc0(class->size);
	s->ic = ic_new(class->name, class->type, all->clock, &ic_ops, s);
	if (class->unnumbered)
		ic_allow_unnumbered(s->ic);
	service_apply_options(s);
	s->port = all->bus->ops->attach(all->bus, &info, &port_client, s, error);
	if (!s->port)
		g_clear_pointer(&s, service_free);
	return s;
}

HostServices *services_new_bus(ServiceBus *bus, HvisClock *clock)
{
	HostServices *all = g_new0(HostServices, 1);

	all->bus = bus;
	all->clock = clock ? clock : hvis_clock_default();
	all->wall_us = g_get_real_time;
	all->services = g_ptr_array_new();
	return all;
}

HostServices *services_new(VmbusHost *vmbus, HvisClock *clock)
{
	return services_new_bus(vmbus_bus_new(vmbus), clock);
}

HostServices *services_new_link(Link *link, HvisClock *clock)
{
	return services_new_bus(link_bus(link), clock);
}

void services_free(HostServices *all)
{
	if (!all)
		return;
	all->observer = NULL;
	for (guint i = 0; i < all->services->len; i++)
		service_free(all->services->pdata[i]);
	g_ptr_array_unref(all->services);
	if (all->bus->ops->free)
		all->bus->ops->free(all->bus);
	g_free(all);
}

ServiceBus *services_bus(HostServices *all)
{
	return all->bus;
}

void services_set_wall(HostServices *all, gint64 (*wall_us)(void))
{
	all->wall_us = wall_us;
}

gint64 services_wall_us(const HostServices *all)
{
	return all->wall_us();
}

void services_observe(HostServices *all, ServicesObserver observer, gpointer data)
{
	all->observer = observer;
	all->observer_data = data;
}

/* --- by name --- */

static HostService *find(const HostServices *all, const char *name)
{
	for (guint i = 0; i < all->services->len; i++) {
		HostService *s = all->services->pdata[i];

		if (g_str_equal(s->class->name, name))
			return s;
	}
	return NULL;
}

static const ServiceClass *find_class(const char *name, GError **error)
{
	g_autoptr(GString) have = g_string_new(NULL);

	for (guint i = 0; i < G_N_ELEMENTS(classes); i++) {
		if (g_str_equal(classes[i]->name, name))
			return classes[i];
		g_string_append_printf(have, "%s%s", i ? ", " : "", classes[i]->name);
	}
	hvis_fail(error, HVIS_ERROR_INVALID, "no service \"%s\"; there are %s", name, have->str);
	return NULL;
}

gboolean services_add(HostServices *all, const char *spec, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(spec, "=", 2);
	const ServiceClass *class = find_class(parts[0] ? parts[0] : "", error);
	ServiceOptions options;
	HostService *s;

	if (!class)
		return FALSE;
	if (find(all, class->name))
		return hvis_fail(
			error, HVIS_ERROR_EXISTS, "service %s is there already", class->name);
	service_options_init(class, &options);
	if (parts[1] && !service_options_parse(class, parts[1], &options, error))
		return FALSE;
	s = service_new(all, class, &options, error);
	if (!s)
		return FALSE;
	g_ptr_array_add(all->services, s);
	return options.disabled || service_enable(s, error);
}

gboolean services_add_missing(HostServices *all, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(classes); i++) {
		g_autoptr(GError) why = NULL;

		if (find(all, classes[i]->name) || services_add(all, classes[i]->name, &why) ||
			hvis_error_is(why, HVIS_ERROR_UNSUPPORTED))
			continue;
		g_propagate_error(error, g_steal_pointer(&why));
		return FALSE;
	}
	return TRUE;
}

HostService *services_get(HostServices *all, const char *name, GError **error)
{
	HostService *s = find(all, name);
	g_autoptr(GString) have = NULL;

	if (s)
		return s;
	have = g_string_new(NULL);
	for (guint i = 0; i < all->services->len; i++)
		g_string_append_printf(
			have, "%s%s", i ? ", " : "", service_name(all->services->pdata[i]));
	hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no service \"%s\"; there are %s", name,
		have->len ? have->str : "none");
	return NULL;
}

guint services_count(const HostServices *all)
{
	return all->services->len;
}

HostService *services_nth(const HostServices *all, guint n)
{
	return n < all->services->len ? all->services->pdata[n] : NULL;
}

/* --- one service --- */

const char *service_name(const HostService *s)
{
	return s->class->name;
}

ServiceState service_state(const HostService *s)
{
	return ic_state(s->ic);
}

const ServiceCounters *service_counters(const HostService *s)
{
	return ic_counters(s->ic);
}

gboolean service_versions(const HostService *s, IcVersion *framework, IcVersion *message)
{
	return ic_versions(s->ic, framework, message);
}

gboolean service_enable(HostService *s, GError **error)
{
	if (ic_state(s->ic) != SERVICE_DISABLED)
		return TRUE;
	ic_offered(s->ic); /* first: the guest may open it before offer() returns */
	if (s->port->bus->ops->offer(s->port, error))
		return TRUE;
	ic_rescinded(s->ic);
	return FALSE;
}

/* First told to the Ic, so that its requests fail before the port's end reaches it. */
void service_disable(HostService *s)
{
	ic_rescinded(s->ic);
	s->port->bus->ops->rescind(s->port);
}

gboolean service_configure(HostService *s, const char *options, GError **error)
{
	ServiceOptions new = s->options;

	if (!service_options_parse(s->class, options, &new, error))
		return FALSE;
	if (new.monitored != s->options.monitored || new.no_dedicated != s->options.no_dedicated)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"service %s: how it is offered is settled when the host starts",
			s->class->name);
	if (new.disabled != s->options.disabled)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"service %s: \"disabled\" is for the start; disable it instead",
			s->class->name);
	s->options = new;
	service_apply_options(s);
	return TRUE;
}

gboolean service_renegotiate(HostService *s, GError **error)
{
	return ic_renegotiate(s->ic, error);
}

guint service_on_ready(HostService *s, ServiceReady ready, gpointer data)
{
	static guint last_id;
	g_autoptr(GError) error = NULL;
	Waiter *w;

	if (is_settled(s, &error)) {
		ready(s, error, data);
		return 0;
	}
	w = g_new(Waiter, 1);
	*w = (Waiter){ ++last_id, ready, data };
	g_ptr_array_add(s->waiters, w);
	return w->id;
}

void service_on_ready_cancel(HostService *s, guint id)
{
	for (guint i = 0; i < s->waiters->len; i++)
		if (((Waiter *)s->waiters->pdata[i])->id == id) {
			g_ptr_array_remove_index(s->waiters, i);
			return;
		}
}

static HvisErrorCode code_of_status(guint32 status)
{
	switch ((enum hvis_status)status) {
	case HVIS_E_NO_MORE_ITEMS:
	case HVIS_E_NOT_FOUND:
		return HVIS_ERROR_NOT_FOUND;
	case HVIS_E_NOT_SUPPORTED:
		return HVIS_ERROR_UNSUPPORTED;
	case HVIS_E_INVALIDARG:
		return HVIS_ERROR_INVALID;
	case HVIS_E_ALREADY_EXISTS:
		return HVIS_ERROR_EXISTS;
	case HVIS_E_DISK_FULL:
		return HVIS_ERROR_NO_SPACE;
	case HVIS_E_MACHINE_LOCKED:
		return HVIS_ERROR_BUSY;
	case HVIS_E_NOT_CONNECTED:
		return HVIS_ERROR_CLOSED;
	case HVIS_S_OK:
	case HVIS_E_FAIL:
		break;
	}
	return HVIS_ERROR_FAILED;
}

gboolean service_check_status(guint32 status, const char *what, GError **error)
{
	const char *name = hvis_status_name(status);

	if (status == HVIS_S_OK)
		return TRUE;
	return hvis_fail(error, code_of_status(status), "%s: the guest answers %s (0x%08x)", what,
		name ? name : "an unknown status", status);
}
