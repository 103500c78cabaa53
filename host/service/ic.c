/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The conversation of one service; see ic.h. The state is a table and ic_post() alone writes it. What
 * is due from the guest sits in a slot: one for the versions, one for the transaction, because a
 * guest that is busy with a transaction answers a new offer of versions after it.
 */
#include <hvis/hresult.h>
#include <util/duration.h>
#include <util/error.h>
#include "host/owed.h"
#include "host/service/ic.h"
#include "host/trace.h"

#define OWED_AFTER_MS 5000u
#define EXPIRED_KEPT 16u /* ids of transactions that timed out, to know a late answer by */
#define HEAD_BYTES                                                                                 \
	52u /* of a body, to know an answer's request by: those of a file's fragment but for its data */

typedef enum {
	EV_OFFERED,
	EV_RESCINDED,
	EV_OPENED,
	EV_CLOSED,
	EV_ASK,
	EV_AGREED,
	EV_REFUSED,
	EV_EXPIRED, /* no answer to the versions offered */
	EV_N,
} IcEvent;

static const char *const event_name[EV_N] = {
	"offered",
	"rescinded",
	"opened",
	"closed",
	"ask",
	"agreed",
	"refused",
	"expired",
};

/* A message whose answer is due. */
typedef struct {
	GByteArray *bytes; /* kept while it waits for room in the pipe */
	guint64 xid; /* 0 = nothing is due */
	guint head; /* head_of() its body */
	guint timer;
	guint64 owed;
	gint64 since;
} IcSlot;

typedef struct {
	IcBuild build;
	IcDone done;
	gpointer data;
} IcTransaction;

struct Ic {
	const char *name;
	guint16 type;
	HvisClock *clock;
	const IcOps *ops;
	gpointer data;
	IcVersions offer, asked; /* for the next negotiation; what the last one offered */
	guint timeout_ms, negotiate_ms;
	ServiceState state;
	IcVersion framework, message;
	guint64 last_xid;
	IcSlot versions_slot, slot;
	IcTransaction *current;
	GQueue queue; /* of IcTransaction */
	guint64 expired[EXPIRED_KEPT];
	guint n_expired;
	gboolean may_be_unnumbered, unnumbered; /* the guest's answers; see ic.h */
	guint owed_heads[EXPIRED_KEPT]; /* of requests that have timed out, the oldest first, … */
	guint n_owed; /* … while answers are unnumbered */
	ServiceCounters counters;
	char *last_error;
};

/* --- slots --- */

/* A digest of how a body begins. */
static guint head_of(WireCursor body)
{
	guint hash = 5381;

	for (gsize i = 0; i < MIN(body.left, HEAD_BYTES); i++)
		hash = hash * 33 + body.pos[i];
	return hash;
}

static void slot_clear(Ic *ic, IcSlot *slot)
{
	g_clear_pointer(&slot->bytes, g_byte_array_unref);
	if (slot->timer)
		ic->clock->remove(ic->clock, slot->timer);
	owed_done(slot->owed);
	*slot = (IcSlot){ 0 };
}

static void slot_fill(Ic *ic, IcSlot *slot, const IcMessage *message)
{
	gsize size = HVIS_IC_BODY_OFFSET + message->body.left, len = 0;

	slot_clear(ic, slot);
	slot->bytes = g_byte_array_sized_new(size);
	g_byte_array_set_size(slot->bytes, size);
	if (!icmsg_encode(message, slot->bytes->data, size, &len, NULL))
		g_assert_not_reached(); /* the services' bodies are far below the limit */
	slot->xid = ++ic->last_xid;
	slot->head = head_of(message->body);
	slot->since = ic->clock->now(ic->clock);
	slot->owed = owed_add("host", OWED_AFTER_MS, "%s answer of the guest's %s service",
		ic_type_name(message->type), ic->name);
}

/*
 * Send what is in @slot, or leave it there for lack of room: TRUE either way. The bytes are out of
 * the slot during the call, for a pipe may answer before it returns.
 */
static gboolean slot_push(Ic *ic, IcSlot *slot, GError **error)
{
	g_autoptr(GByteArray) bytes = g_steal_pointer(&slot->bytes);
	g_autoptr(GError) local = NULL;
	guint64 xid = slot->xid;

	if (!ic->ops->send(ic->data, xid, bytes->data, bytes->len, &local)) {
		if (!hvis_error_is(local, HVIS_ERROR_BUSY)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
		slot->bytes = g_steal_pointer(&bytes);
		return TRUE;
	}
	ic->counters.sent++;
	ic_trace(ic->name, TRUE, xid, bytes->data, bytes->len, "", ic->ops->describe, ic->data);
	return TRUE;
}

/* --- transactions --- */

static void ic_kick(Ic *ic);

static void note_error(Ic *ic, const GError *error)
{
	g_free(ic->last_error);
	ic->last_error = g_strdup(error->message);
}

static void transaction_end(
	IcTransaction *t, guint32 status, const IcMessage *answer, const GError *error)
{
	if (answer)
		t->done(status, answer->body, error, t->data);
	else
		t->done(status, wire_cursor(NULL, 0), error, t->data);
	g_free(t);
}

static void fail_current(Ic *ic, const GError *error)
{
	IcTransaction *t = g_steal_pointer(&ic->current);

	slot_clear(ic, &ic->slot);
	if (t)
		transaction_end(t, HVIS_E_FAIL, NULL, error);
}

/* Only what is queued now: a completion may ask again. */
static void fail_queue(Ic *ic, const GError *error)
{
	GQueue queue = ic->queue;
	IcTransaction *t;

	g_queue_init(&ic->queue);
	while ((t = g_queue_pop_head(&queue)))
		transaction_end(t, HVIS_E_FAIL, NULL, error);
}

static void on_transaction_timeout(gpointer data)
{
	Ic *ic = data;
	g_autofree char *limit = hvis_duration_text(ic->timeout_ms * 1000LL);
	g_autoptr(GError) error = NULL;

	ic->slot.timer = 0;
	ic->counters.timeouts++;
	ic->expired[ic->n_expired++ % EXPIRED_KEPT] = ic->slot.xid;
	if (ic->unnumbered && !ic->slot.bytes && ic->n_owed < EXPIRED_KEPT)
		ic->owed_heads[ic->n_owed++] = ic->slot.head;
	hvis_fail(&error, HVIS_ERROR_TIMEOUT, "%s: no answer from the guest within %s", ic->name,
		limit);
	note_error(ic, error);
	fail_current(ic, error);
	ic_kick(ic);
}

static gboolean transaction_start(Ic *ic, IcTransaction *t, GError **error)
{
	g_autoptr(GByteArray) body = g_byte_array_new();
	IcMessage m = {
		.type = ic->type,
		.framework = ic->framework,
		.message = ic->message,
		.flags = HVIS_IC_TRANSACTION | HVIS_IC_REQUEST,
	};

	if (!t->build(ic->message, body, t->data, error))
		return FALSE;
	m.body = wire_cursor(body->data, body->len);
	slot_fill(ic, &ic->slot, &m);
	ic->slot.timer = ic->clock->add(ic->clock, ic->timeout_ms, on_transaction_timeout, ic);
	return slot_push(ic, &ic->slot, error);
}

static void ic_kick(Ic *ic)
{
	while (ic->state == SERVICE_READY && !ic->current && !g_queue_is_empty(&ic->queue)) {
		IcTransaction *t = g_queue_pop_head(&ic->queue);
		g_autoptr(GError) error = NULL;

		ic->current = t;
		if (!transaction_start(ic, t, &error))
			fail_current(ic, error);
	}
}

/* --- state --- */

static void enter_hangup(Ic *ic)
{
	g_autoptr(GError) error = NULL;

	hvis_fail(&error, HVIS_ERROR_CLOSED, "%s: the service was closed meanwhile", ic->name);
	slot_clear(ic, &ic->versions_slot);
	fail_current(ic, error);
	fail_queue(ic, error);
}

static gboolean ic_post(Ic *ic, IcEvent event);

static void on_negotiate_timeout(gpointer data)
{
	Ic *ic = data;

	ic->versions_slot.timer = 0;
	ic->counters.timeouts++;
	ic_post(ic, EV_EXPIRED);
}

static void enter_ask(Ic *ic)
{
	guint8 body[sizeof(struct hvis_ic_negotiate) +
		    2 * HVIS_IC_MAX_VERSIONS * sizeof(struct hvis_ic_version)];
	g_autoptr(GError) error = NULL;
	IcMessage m = {
		.type = HVIS_IC_NEGOTIATE,
		.flags = HVIS_IC_TRANSACTION | HVIS_IC_REQUEST,
	};
	gsize len = 0;

	ic->asked = ic->offer;
	if (!icmsg_negotiate_encode(&ic->asked, body, sizeof(body), &len, NULL))
		g_assert_not_reached();
	m.body = wire_cursor(body, len);
	ic->counters.negotiations++;
	slot_fill(ic, &ic->versions_slot, &m);
	ic->versions_slot.timer =
		ic->clock->add(ic->clock, ic->negotiate_ms, on_negotiate_timeout, ic);
	if (!slot_push(ic, &ic->versions_slot, &error))
		note_error(ic, error); /* the timer ends it */
}

static void enter_open(Ic *ic)
{
	ic->counters.opens++;
	ic->unnumbered = FALSE;
	ic->n_owed = 0;
	g_clear_pointer(&ic->last_error, g_free);
	enter_ask(ic);
}

/* The slot stays: an answer that comes yet is as good. */
static void enter_expired(Ic *ic)
{
	g_autofree char *limit = hvis_duration_text(ic->negotiate_ms * 1000LL);
	g_autoptr(GError) error = NULL;

	hvis_fail(&error, HVIS_ERROR_TIMEOUT,
		"%s: the guest has not answered the versions offered within %s", ic->name, limit);
	note_error(ic, error);
	fail_queue(ic, error);
}

static void enter_refused(Ic *ic)
{
	g_autoptr(GError) error = NULL;

	hvis_fail(&error, HVIS_ERROR_UNSUPPORTED,
		"%s: the guest takes none of the versions offered", ic->name);
	note_error(ic, error);
	fail_current(ic, error);
	fail_queue(ic, error);
}

#define GO(next, enter)                                                                            \
	{                                                                                          \
		TRUE, next, enter                                                                  \
	}

static const struct {
	gboolean valid;
	ServiceState next;
	void (*enter)(Ic *ic);
} step[SERVICE_STATE_N][EV_N] = {
	[SERVICE_DISABLED] = {
		[EV_OFFERED] = GO(SERVICE_OFFERED, NULL),
		[EV_RESCINDED] = GO(SERVICE_DISABLED, NULL),
		[EV_CLOSED] = GO(SERVICE_DISABLED, NULL),
	},
	[SERVICE_OFFERED] = {
		[EV_OFFERED] = GO(SERVICE_OFFERED, NULL),
		[EV_RESCINDED] = GO(SERVICE_DISABLED, NULL),
		[EV_OPENED] = GO(SERVICE_NEGOTIATING, enter_open),
	},
	[SERVICE_OPEN] = {
		[EV_OFFERED] = GO(SERVICE_OPEN, NULL),
		[EV_RESCINDED] = GO(SERVICE_DISABLED, enter_hangup),
		[EV_CLOSED] = GO(SERVICE_OFFERED, enter_hangup),
		[EV_ASK] = GO(SERVICE_NEGOTIATING, enter_ask),
		[EV_AGREED] = GO(SERVICE_READY, NULL),
		[EV_REFUSED] = GO(SERVICE_REFUSED, enter_refused),
	},
	[SERVICE_NEGOTIATING] = {
		[EV_OFFERED] = GO(SERVICE_NEGOTIATING, NULL),
		[EV_RESCINDED] = GO(SERVICE_DISABLED, enter_hangup),
		[EV_CLOSED] = GO(SERVICE_OFFERED, enter_hangup),
		[EV_ASK] = GO(SERVICE_NEGOTIATING, enter_ask),
		[EV_AGREED] = GO(SERVICE_READY, NULL),
		[EV_REFUSED] = GO(SERVICE_REFUSED, enter_refused),
		[EV_EXPIRED] = GO(SERVICE_OPEN, enter_expired),
	},
	[SERVICE_READY] = {
		[EV_OFFERED] = GO(SERVICE_READY, NULL),
		[EV_RESCINDED] = GO(SERVICE_DISABLED, enter_hangup),
		[EV_CLOSED] = GO(SERVICE_OFFERED, enter_hangup),
		[EV_ASK] = GO(SERVICE_NEGOTIATING, enter_ask),
	},
	[SERVICE_REFUSED] = {
		[EV_OFFERED] = GO(SERVICE_REFUSED, NULL),
		[EV_RESCINDED] = GO(SERVICE_DISABLED, enter_hangup),
		[EV_CLOSED] = GO(SERVICE_OFFERED, enter_hangup),
		[EV_ASK] = GO(SERVICE_NEGOTIATING, enter_ask),
	},
};

/*
 * The only writer of the state. An event without a cell changes nothing and is traced: either the
 * guest did something out of turn, or the bus below has told us something twice.
 */
static gboolean ic_post(Ic *ic, IcEvent event)
{
	ServiceState was = ic->state, next = step[was][event].next;

	if (!step[was][event].valid) {
		ic->counters.unexpected++;
		trace_emit(TRACE_SERVICE, TRACE_NOTE, ic->name, NULL, 0, "%s while %s",
			event_name[event], service_state_name(was));
		return FALSE;
	}
	ic->state = next;
	if (step[was][event].enter)
		step[was][event].enter(ic);
	if (was != next && ic->state == next)
		ic->ops->state(ic->data, next);
	ic_kick(ic);
	return TRUE;
}

/* --- from below --- */

void ic_offered(Ic *ic)
{
	ic_post(ic, EV_OFFERED);
}

void ic_rescinded(Ic *ic)
{
	ic_post(ic, EV_RESCINDED);
}

void ic_opened(Ic *ic)
{
	ic_post(ic, EV_OPENED);
}

void ic_closed(Ic *ic)
{
	ic_post(ic, EV_CLOSED);
}

void ic_writable(Ic *ic)
{
	g_autoptr(GError) error = NULL;

	if (ic->versions_slot.bytes && !slot_push(ic, &ic->versions_slot, &error)) {
		note_error(ic, error);
		return;
	}
	if (ic->slot.bytes && !slot_push(ic, &ic->slot, &error)) {
		fail_current(ic, error);
		ic_kick(ic);
	}
}

static gboolean was_offered(const IcVersion *list, guint n, IcVersion chosen)
{
	for (guint i = 0; i < n; i++)
		if (icmsg_version_cmp(list[i], chosen) == 0)
			return TRUE;
	return FALSE;
}

static void take_versions(Ic *ic, const IcMessage *m)
{
	g_autoptr(GError) error = NULL;
	IcVersion framework, message;
	gboolean agreed;

	if (!icmsg_negotiate_decode_answer(m->body, &agreed, &framework, &message, &error)) {
		ic->counters.malformed++;
		note_error(ic, error);
		return;
	}
	slot_clear(ic, &ic->versions_slot);
	if (!agreed || !was_offered(ic->asked.framework, ic->asked.n_framework, framework) ||
		!was_offered(ic->asked.message, ic->asked.n_message, message)) {
		ic_post(ic, EV_REFUSED);
		return;
	}
	ic->framework = framework;
	ic->message = message;
	ic_post(ic, EV_AGREED);
}

static void take_answer(Ic *ic, const IcMessage *m)
{
	IcTransaction *t = g_steal_pointer(&ic->current);

	slot_clear(ic, &ic->slot);
	if (m->status == HVIS_S_OK || m->status == HVIS_E_NO_MORE_ITEMS)
		ic->counters.completed++;
	else
		ic->counters.failed++;
	transaction_end(t, m->status, m, NULL);
	ic_kick(ic);
}

/* Why an answer that nobody waits for came. */
static const char *classify_stray(Ic *ic, guint64 xid)
{
	for (guint i = 0; i < MIN(ic->n_expired, EXPIRED_KEPT); i++)
		if (ic->expired[i] == xid) {
			ic->counters.late++;
			return " (late, dropped)";
		}
	ic->counters.unexpected++;
	return " (unexpected, dropped)";
}

static gboolean was_handed_out(const Ic *ic, guint64 xid)
{
	return xid != 0 && xid <= ic->last_xid;
}

static gboolean is_owed(const Ic *ic, guint head)
{
	for (guint i = 0; i < ic->n_owed; i++)
		if (ic->owed_heads[i] == head)
			return TRUE;
	return FALSE;
}

/*
 * The answer @m has an id that says nothing, and requests have timed out. FALSE where it is for the current one;
 * else it is for the oldest of those, whose answer is owed no more.
 */
static gboolean is_late(Ic *ic, const IcMessage *m)
{
	guint head = head_of(m->body);

	if (ic->slot.xid && head == ic->slot.head && !is_owed(ic, head)) {
		ic->n_owed = 0; /* answers come in their order: older ones never will */
		return FALSE;
	}
	ic->n_owed--;
	memmove(ic->owed_heads, ic->owed_heads + 1, ic->n_owed * sizeof(*ic->owed_heads));
	return TRUE;
}

/* As if the guest had sent back the id, where it can be told. */
static guint64 numbered(Ic *ic, guint64 xid, const IcMessage *m)
{
	if (!ic->may_be_unnumbered || was_handed_out(ic, xid))
		return xid;
	if (m->type == HVIS_IC_NEGOTIATE && ic->versions_slot.xid) {
		ic->unnumbered = TRUE;
		return ic->versions_slot.xid;
	}
	if (!ic->unnumbered || m->type != ic->type)
		return xid;
	if (ic->n_owed && is_late(ic, m))
		return ic->expired[(ic->n_expired - 1) % EXPIRED_KEPT];
	return ic->slot.xid ? ic->slot.xid : xid;
}

static gboolean is_answer(Ic *ic, const guint8 *bytes, gsize len, IcMessage *ret)
{
	const guint8 want = HVIS_IC_TRANSACTION | HVIS_IC_RESPONSE;
	g_autoptr(GError) error = NULL;

	if (icmsg_decode(bytes, len, ret, &error)) {
		if (ret->txn == 0 && (ret->flags & want) == want)
			return TRUE;
		hvis_fail(&error, HVIS_ERROR_PROTOCOL, "not an answer: id %u, flags 0x%x", ret->txn,
			ret->flags);
	}
	ic->counters.malformed++;
	note_error(ic, error);
	trace_emit(
		TRACE_SERVICE, TRACE_TO_HOST, ic->name, bytes, len, "dropped: %s", error->message);
	return FALSE;
}

void ic_packet(Ic *ic, guint64 xid, const guint8 *bytes, gsize len)
{
	gboolean versions, answer;
	const char *note = "";
	IcMessage m;

	ic->counters.received++;
	if (!is_answer(ic, bytes, len, &m))
		return;
	xid = numbered(ic, xid, &m);
	versions = m.type == HVIS_IC_NEGOTIATE && xid == ic->versions_slot.xid && xid != 0;
	answer = m.type == ic->type && xid == ic->slot.xid && xid != 0;
	if (!versions && !answer)
		note = classify_stray(ic, xid);
	ic_trace(ic->name, FALSE, xid, bytes, len, note, ic->ops->describe, ic->data);
	if (versions)
		take_versions(ic, &m);
	else if (answer)
		take_answer(ic, &m);
}

/* --- from above --- */

ServiceState ic_state(const Ic *ic)
{
	return ic->state;
}

const ServiceCounters *ic_counters(const Ic *ic)
{
	return &ic->counters;
}

gboolean ic_versions(const Ic *ic, IcVersion *framework, IcVersion *message)
{
	if (ic->state != SERVICE_READY)
		return FALSE;
	*framework = ic->framework;
	*message = ic->message;
	return TRUE;
}

const char *ic_last_error(const Ic *ic)
{
	return ic->last_error;
}

guint ic_waiting(const Ic *ic)
{
	return g_queue_get_length((GQueue *)&ic->queue) + (ic->current ? 1 : 0);
}

gint64 ic_busy_us(const Ic *ic)
{
	return ic->current ? ic->clock->now(ic->clock) - ic->slot.since : 0;
}

gboolean ic_renegotiate(Ic *ic, GError **error)
{
	if (ic->state == SERVICE_DISABLED || ic->state == SERVICE_OFFERED)
		return hvis_fail(error, HVIS_ERROR_CLOSED, "%s is %s, not open in the guest",
			ic->name, service_state_name(ic->state));
	return ic_post(ic, EV_ASK);
}

static gboolean may_request(const Ic *ic, GError **error)
{
	switch (ic->state) {
	case SERVICE_NEGOTIATING:
	case SERVICE_READY:
		if (g_queue_get_length((GQueue *)&ic->queue) < IC_QUEUE_MAX)
			return TRUE;
		return hvis_fail(error, HVIS_ERROR_BUSY, "%s: %u requests are queued already",
			ic->name, IC_QUEUE_MAX);
	case SERVICE_OPEN:
		return hvis_fail(error, HVIS_ERROR_TIMEOUT,
			"%s: the guest has not answered the versions offered", ic->name);
	case SERVICE_REFUSED:
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"%s: the guest takes none of the versions offered", ic->name);
	case SERVICE_DISABLED:
		return hvis_fail(error, HVIS_ERROR_CLOSED, "%s is disabled", ic->name);
	case SERVICE_OFFERED:
		return hvis_fail(error, HVIS_ERROR_CLOSED,
			"%s is not open in the guest: no program there serves it", ic->name);
	case SERVICE_STATE_N:
		break;
	}
	g_assert_not_reached();
}

void ic_request(Ic *ic, IcBuild build, IcDone done, gpointer data)
{
	g_autoptr(GError) error = NULL;
	IcTransaction *t;

	if (!may_request(ic, &error)) {
		done(HVIS_E_FAIL, wire_cursor(NULL, 0), error, data);
		return;
	}
	t = g_new(IcTransaction, 1);
	*t = (IcTransaction){ build, done, data };
	g_queue_push_tail(&ic->queue, t);
	ic_kick(ic);
}

void ic_set_versions(Ic *ic, const IcVersions *offer)
{
	ic->offer = *offer;
}

void ic_allow_unnumbered(Ic *ic)
{
	ic->may_be_unnumbered = TRUE;
}

void ic_set_timeouts(Ic *ic, guint transaction_ms, guint negotiate_ms)
{
	ic->timeout_ms = transaction_ms;
	ic->negotiate_ms = negotiate_ms;
}

Ic *ic_new(const char *name, guint16 type, HvisClock *clock, const IcOps *ops, gpointer data)
{
	Ic *ic = g_new0(Ic, 1);

	ic->name = name;
	ic->type = type;
	ic->clock = clock;
	ic->ops = ops;
	ic->data = data;
	ic->timeout_ms = IC_TIMEOUT_MS;
	ic->negotiate_ms = IC_NEGOTIATE_TIMEOUT_MS;
	g_queue_init(&ic->queue);
	return ic;
}

void ic_free(Ic *ic)
{
	if (!ic)
		return;
	ic->state = SERVICE_DISABLED; /* completions that ask again are told so */
	enter_hangup(ic);
	g_free(ic->last_error);
	g_free(ic);
}
