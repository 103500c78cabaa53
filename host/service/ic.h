/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One integration service's conversation with its guest: versions are settled first, then one
 * transaction at a time, the others waiting in a queue; each has its time-out. What the messages
 * mean is the services' business, how they travel is the pipe's.
 *
 * Answers are told apart by the packet's transaction id, which guests echo: the id in the message
 * is 0 on every known host. One that comes after its time-out is counted and dropped.
 *
 * There are guests whose daemon reaches the ring itself and puts the same id on all that it sends
 * (hv_fcopy_uio_daemon: 2^64 - 1). Where a service allows it, an answer to the versions with an id that
 * was never handed out says that this is such a guest, until the channel closes. Its answers are told
 * apart by their order and by their bodies, in which a guest sends back the request: as long as answers
 * are owed to requests that have timed out, one that does not begin as the current request does is for
 * the oldest of those. What that cannot tell apart is an answer to a request that was repeated word
 * for word; it is taken for the late one.
 */
#pragma once

#include "host/service/ic-trace.h"
#include "host/service/service.h"

#define IC_TIMEOUT_MS 40000u /* a guest's kernel gives up after 30 s and says so */
#define IC_NEGOTIATE_TIMEOUT_MS 70000u /* and delays its versions for 55 s at most */
#define IC_QUEUE_MAX 4096u /* ours */

typedef struct Ic Ic;

typedef struct {
	/* Put one message into the pipe. HVIS_ERROR_BUSY: no room, ic_writable() will follow. */
	gboolean (*send)(
		gpointer data, guint64 xid, const guint8 *bytes, gsize len, GError **error);
	void (*state)(gpointer data, ServiceState state);
	IcDescribe describe;
} IcOps;

/* @name must outlive the Ic. @type: enum hvis_ic_type. */
Ic *ic_new(const char *name, guint16 type, HvisClock *clock, const IcOps *ops, gpointer data);
void ic_free(Ic *ic); /* whatever waits fails with HVIS_ERROR_CLOSED */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ic, ic_free)

/* Ascending; from the next negotiation on. */
void ic_set_versions(Ic *ic, const IcVersions *offer);
/* The guest may be one that puts the same transaction id on all its answers. */
void ic_allow_unnumbered(Ic *ic);
void ic_set_timeouts(Ic *ic, guint transaction_ms, guint negotiate_ms);

/* --- from below --- */

void ic_offered(Ic *ic);
void ic_rescinded(Ic *ic);
void ic_opened(Ic *ic);
void ic_closed(Ic *ic);
void ic_writable(Ic *ic);
void ic_packet(Ic *ic, guint64 xid, const guint8 *bytes, gsize len);

/* --- from above --- */

ServiceState ic_state(const Ic *ic);
const ServiceCounters *ic_counters(const Ic *ic);
gboolean ic_versions(const Ic *ic, IcVersion *framework, IcVersion *message);
const char *ic_last_error(const Ic *ic); /* NULL = none since the channel opened */
guint ic_waiting(const Ic *ic); /* transactions under way or queued */
gint64 ic_busy_us(const Ic *ic); /* how long the current one has been; 0 = none */
gboolean ic_renegotiate(Ic *ic, GError **error);

/*
 * Queue a transaction. @build makes the body for the version agreed on, when its turn has come, and
 * fails with HVIS_ERROR_INVALID or _UNSUPPORTED. @done is called once; @body is the answer's.
 * @build is not called after @done.
 */
typedef gboolean (*IcBuild)(IcVersion message, GByteArray *body, gpointer data, GError **error);
typedef void (*IcDone)(guint32 status, WireCursor body, const GError *error, gpointer data);
void ic_request(Ic *ic, IcBuild build, IcDone done, gpointer data);
