/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host end of the integration services: a registry by name, what each is doing, and the
 * requests of an administrator. "run" fills it over VMBus, "link" over sockets (host/link.h); those
 * who ask cannot tell the difference. Requests are in shutdown.h, timesync.h, heartbeat.h,
 * kvp.h, vss.h, fcopy.h.
 *
 * Main context only. A completion is called exactly once, also when the service closes or is freed,
 * and may be called before the function that takes it returns.
 */
#pragma once

#include <glib.h>
#include "host/vmbus/vmbus.h"
#include <util/clock.h>
#include <wire/icmsg.h>

typedef struct HostServices HostServices;
typedef struct HostService HostService;
typedef struct Link Link;

typedef enum {
	SERVICE_DISABLED, /* not offered */
	SERVICE_OFFERED, /* offered; the guest has not opened it */
	SERVICE_OPEN, /* open; versions not settled and nobody is being asked */
	SERVICE_NEGOTIATING, /* versions offered, answer due */
	SERVICE_READY,
	SERVICE_REFUSED, /* the guest wants none of the versions */
	SERVICE_STATE_N,
} ServiceState;

typedef struct {
	guint64 sent, received; /* messages, negotiation included */
	guint64 completed, failed; /* transactions: answered ok or "no more", or otherwise */
	guint64 timeouts, late; /* not answered in time; answered too late and dropped */
	guint64 unexpected; /* well-formed, but not what was due; dropped */
	guint64 malformed; /* dropped */
	guint64 negotiations, opens;
} ServiceCounters;

/* @clock NULL = the real one; it and @vmbus or @link must outlive the registry. */
HostServices *services_new(VmbusHost *vmbus, HvisClock *clock);
HostServices *services_new_link(Link *link, HvisClock *clock);
void services_free(HostServices *services);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostServices, services_free)

/*
 * Add a service as --service describes it: "NAME[=option,…]", and offer it unless "disabled" is
 * among the options. hvis-host(1) lists the options: versions=3.0-4.0, framework=1.0-3.0,
 * timeout-ms=N, negotiate-ms=N, period-ms=N, dedicated=no, monitored, disabled.
 */
gboolean services_add(HostServices *services, const char *spec, GError **error);

/* Add every known service that is not there yet, with its defaults; but for those that the bus
 * cannot carry. */
gboolean services_add_missing(HostServices *services, GError **error);

/* NOT_FOUND, naming those there are. */
HostService *services_get(HostServices *services, const char *name, GError **error);
guint services_count(const HostServices *services);
HostService *services_nth(const HostServices *services, guint n);

/* Every change of any service's state. One observer. */
typedef void (*ServicesObserver)(HostService *service, ServiceState state, gpointer data);
void services_observe(HostServices *services, ServicesObserver observer, gpointer data);

/* All services as a JSON object by name; each as service_describe() gives it. New references. */
struct json_object *services_describe(HostServices *services);
struct json_object *service_describe(HostService *service);

const char *service_name(const HostService *service);
ServiceState service_state(const HostService *service);
const char *service_state_name(ServiceState state); /* "negotiating" */
const ServiceCounters *service_counters(const HostService *service);

/* The versions agreed on; FALSE unless ready. */
gboolean service_versions(const HostService *service, IcVersion *framework, IcVersion *message);

/*
 * Offer, or rescind; idempotent. Requests that are under way fail with HVIS_ERROR_CLOSED. Only link
 * mode can fail to offer: a socket may not be made.
 */
gboolean service_enable(HostService *service, GError **error);
void service_disable(HostService *service);

/* Change options by the same words; versions count from the next negotiation on. */
gboolean service_configure(HostService *service, const char *options, GError **error);

/* Offer the versions again, as a host does after a restore. HVIS_ERROR_CLOSED where not open. */
gboolean service_renegotiate(HostService *service, GError **error);

/*
 * Call @ready once when @service is ready, or with an error when the guest refuses it or the
 * registry goes away; at once if it is, or has refused. Returns an id to cancel with, 0 if called.
 */
typedef void (*ServiceReady)(HostService *service, const GError *error, gpointer data);
guint service_on_ready(HostService *service, ServiceReady ready, gpointer data);
void service_on_ready_cancel(HostService *service, guint id);

/*
 * How a request ended. @error is set where no answer came (TIMEOUT, CLOSED, UNSUPPORTED, BUSY) or
 * none could be sent (INVALID); otherwise @status is the guest's: HVIS_S_OK or enum hvis_status.
 */
typedef void (*ServiceDone)(guint32 status, const GError *error, gpointer data);

/*
 * Send @body as it is, at its turn among the requests of the service. @done is as ServiceDone, with the body of the
 * answer. HVIS_ERROR_INVALID where it is too long.
 */
#define SERVICE_RAW_MAX 8192u /* ours: fits the rings that guests have */
typedef void (*ServiceAnswered)(
	guint32 status, const guint8 *body, gsize len, const GError *error, gpointer data);
void service_send_raw(
	HostService *service, const guint8 *body, gsize len, ServiceAnswered done, gpointer data);

/* HVIS_ERROR with the code that fits @status and its name; FALSE as hvis_fail(). TRUE for ok. */
gboolean service_check_status(guint32 status, const char *what, GError **error);
