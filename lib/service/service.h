/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a daemon at its device: open it, wait while it is absent or taken, register, serve one
 * transaction at a time, answer each exactly once whatever the daemon does, close and open again.
 *
 * The daemon supplies an ops table and sees messages; it never sees the transport. Runs on the
 * default main context of one thread. Nothing here logs: on_state gets the words, once per change.
 */
#pragma once

#include <service/table.h>
#include <transport/find.h>
#include <transport/transport.h>
#include <util/clock.h>

#define HVIS_SERVICE_DEADLINE_MS 25000u /* ours: the kernel gives up after 30 s */
#define HVIS_SERVICE_HANDSHAKE_MS 10000u /* ours: the kernel answers at once */
#define HVIS_SERVICE_BACKOFF_MIN_MS 200u /* ours: doubled on every failure in a row … */
#define HVIS_SERVICE_BACKOFF_MAX_MS 15000u /* … up to this */

/* Ours: nobody else is served meanwhile. Less than a tick of the kernel would set the machine's timer each time. */
#define HVIS_SERVICE_LINGER_MS 10

typedef struct HvisService HvisService;

/* Why the service itself answers a request. */
typedef enum {
	HVIS_FAILURE_MALFORMED, /* on_request() refused it with an error */
	HVIS_FAILURE_DEADLINE, /* no reply in time */
	HVIS_FAILURE_N,
} HvisFailure;

typedef struct {
	const char *name; /* "kvp" */
	gsize receive_size; /* the longest message the kernel sends */
	gsize send_size; /* the longest reply */
	guint deadline_ms; /* for a reply; 0 = HVIS_SERVICE_DEADLINE_MS */
	/*
	 * For a host that sends many in a row: after a request that was answered at once the next one is waited for
	 * right here, HVIS_SERVICE_LINGER_MS at most, as often as this, and only then the main loop has its turn: that
	 * costs more than such an answer. 0: each message is one turn. Then the service must not be freed by an op.
	 */
	guint burst;

	/* Write the registration message to the zeroed @buf of send_size bytes; returns its length. */
	gsize (*build_register)(guint8 *buf, gpointer data);

	/* TRUE where the message is the kernel's answer to a registration. It may come at any time. */
	gboolean (*is_handshake)(const guint8 *msg, gsize len, gpointer data);

	/* Take what the handshake says. FALSE: the kernel is too old or broken; opened again later. */
	gboolean (*on_handshake)(const guint8 *msg, gsize len, gpointer data, GError **error);

	/*
	 * A request, owned by the caller and gone on return. Answer @txn with hvis_service_reply()
	 * now or later; or return FALSE with @error to have it answered as malformed and counted.
	 */
	gboolean (*on_request)(HvisService *service, guint64 txn, const guint8 *msg, gsize len,
		gpointer data, GError **error);

	/* Write the answer for @why to the zeroed @buf of send_size bytes; returns its length. */
	gsize (*build_failure)(HvisFailure why, guint8 *buf, gpointer data);

	/*
	 * The state or its reason changed; may be NULL. @reason is NULL or a sentence ("…/hv_kvp is
	 * in use by hv_kvp_daemon (pid 321)"). Called for STOPPED, ABSENT, BUSY, BACKOFF and READY only.
	 */
	void (*on_state)(
		HvisService *service, HvisServiceState state, const char *reason, gpointer data);

	/* A transaction ended without the daemon's reply reaching the kernel; may be NULL. */
	void (*on_dropped)(HvisService *service, guint64 txn, gpointer data);
} HvisServiceOps;

typedef struct {
	guint64 requests; /* handed to the daemon or refused as malformed */
	guint64 replies; /* the daemon's own, sent */
	guint64 malformed; /* answered with a failure because they could not be decoded */
	guint64 overdue; /* answered with a failure at the deadline */
	guint64 late; /* replies of the daemon that came too late and were dropped */
	guint64 superseded; /* requests that the kernel replaced before we answered */
	guint64 oversized; /* messages longer than receive_size, dropped */
	guint64 handshakes;
	guint64 reopened; /* transports lost and opened again */
} HvisServiceCounters;

/* @ops and @clock (NULL = the real one) must outlive the service. @path: device or socket. */
HvisService *hvis_service_new(
	const HvisServiceOps *ops, const char *path, HvisClock *clock, gpointer data);
void hvis_service_free(HvisService *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HvisService, hvis_service_free)

/*
 * For a device that has one of several paths: looked for before it is opened, and while it is absent whenever
 * something changes where it may come. @finder must outlive the service. Before start.
 */
void hvis_service_set_finder(HvisService *service, const HvisFinder *finder);

/* For tests: how to open, in place of hvis_transport_open_path(). Before start. */
typedef HvisTransport *(*HvisServiceOpener)(const char *path, gpointer data, GError **error);
void hvis_service_set_opener(HvisService *service, HvisServiceOpener opener, gpointer data);

/* For tests: in place of hvis_transport_settle_ms(). Before start. */
void hvis_service_set_settle(HvisService *service, guint (*settle_ms)(const char *path));

void hvis_service_start(HvisService *service);
void hvis_service_stop(HvisService *service);

/*
 * Answer @txn. FALSE where that transaction is over (overdue, superseded, device gone): the reply
 * is dropped and counted, and there is nothing left to do about it.
 */
gboolean hvis_service_reply(HvisService *service, guint64 txn, const void *msg, gsize len);

/* Give @txn another @ms from now (a freeze takes minutes). FALSE where it is over. */
gboolean hvis_service_extend(HvisService *service, guint64 txn, guint ms);

HvisServiceState hvis_service_state(HvisService *service);
const char *hvis_service_reason(HvisService *service); /* of the state; NULL where there is none */
gint64 hvis_service_since(HvisService *service); /* clock time of the last state change */

/*
 * What on_state was told last, and its reason in *@reason: on the way to somewhere, from where. STOPPED
 * at first.
 */
HvisServiceState hvis_service_shown(HvisService *service, const char **reason);
const HvisServiceCounters *hvis_service_counters(HvisService *service);
/* What it talks by: "device", "uio", "socket"; NULL while there is no device. */
const char *hvis_service_transport(HvisService *service);
/* Where the device was last found, or was given to be. */
const char *hvis_service_path(HvisService *service);
