/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the actions of the table do. post() is the only writer of the state; every action runs with
 * the new state in place and may post again. One timer serves all states, since each needs one at
 * most: the back-off delay, the handshake's deadline, the reply's.
 *
 * The service owns its transport, its timer and the watch on the path, and drops all three on every
 * way out of the states that need them.
 */
#include <service/service.h>

#include <poll.h>
#include <string.h>

#include <glib-unix.h>

#include <service/appear.h>
#include <util/error.h>

struct HvisService {
	const HvisServiceOps *ops;
	gpointer data;
	char *path;
	const HvisFinder *finder; /* NULL: it is at the path, or nowhere */
	HvisClock *clock;
	HvisServiceOpener open;
	gpointer open_data;
	guint (*settle_ms)(const char *path);

	HvisServiceState state;
	HvisServiceState shown; /* what on_state was told last … */
	char *shown_reason;
	gint64 since; /* … and when */
	char *reason;

	HvisTransport *transport;
	guint source;
	GPtrArray *appear; /* watches of the places where it may come */
	guint timer;
	HvisServiceEvent timer_event;
	guint failures; /* opens or registrations that failed in a row */
	gint64 opened_at;

	guint64 txn; /* the one open transaction, 0 = none */
	guint64 last_txn;
	guint8 *rx, *tx;
	const guint8 *msg; /* the message that an event is about; NULL = one too long to keep */
	gsize msg_len;
	HvisServiceCounters counters;
};

static void post(HvisService *s, HvisServiceEvent event);

/* --- small parts --- */

static void set_reason(HvisService *s, const char *reason)
{
	char *copy = g_strdup(reason);

	g_free(s->reason);
	s->reason = copy;
}

static void on_timer(gpointer data)
{
	HvisService *s = data;

	s->timer = 0;
	if (s->timer_event == HVIS_EVENT_DEADLINE && s->state == HVIS_SERVICE_REGISTERING)
		set_reason(s, "the kernel did not answer the registration");
	post(s, s->timer_event);
}

static void drop_timer(HvisService *s)
{
	s->clock->remove(s->clock, s->timer);
	s->timer = 0;
}

static void set_timer(HvisService *s, guint ms, HvisServiceEvent event)
{
	drop_timer(s);
	s->timer_event = event;
	s->timer = s->clock->add(s->clock, ms, on_timer, s);
}

static guint backoff_ms(const HvisService *s)
{
	guint doublings = MIN(s->failures, 10u);

	return MIN(HVIS_SERVICE_BACKOFF_MIN_MS << doublings, HVIS_SERVICE_BACKOFF_MAX_MS);
}

/* The transaction is over without the daemon's reply. */
static void drop_transaction(HvisService *s)
{
	guint64 txn = s->txn;

	s->txn = 0;
	if (txn && s->ops->on_dropped)
		s->ops->on_dropped(s, txn, s->data);
}

static void drop_transport(HvisService *s)
{
	g_clear_handle_id(&s->source, g_source_remove);
	g_clear_pointer(&s->transport, hvis_transport_close);
	drop_timer(s);
	drop_transaction(s);
}

static void send_failure(HvisService *s, HvisFailure why)
{
	g_autoptr(GError) error = NULL;
	gsize len;

	memset(s->tx, 0, s->ops->send_size);
	len = s->ops->build_failure(why, s->tx, s->data);
	if (!hvis_transport_send(s->transport, s->tx, len, &error))
		g_debug("%s: failure not delivered: %s", s->ops->name, error->message);
}

/* --- receiving --- */

/* The transport failed in some way; what that means depends on how far we are. */
static void note_failure(HvisService *s, const GError *error)
{
	gboolean registering = s->state == HVIS_SERVICE_REGISTERING;

	if (hvis_error_is(error, HVIS_ERROR_PROTOCOL) && !registering) {
		s->counters.late++; /* the kernel had given our reply up */
		return;
	}
	set_reason(s, error->message);
	post(s, registering && hvis_error_is(error, HVIS_ERROR_BUSY) ? HVIS_EVENT_TAKEN
								     : HVIS_EVENT_GONE);
}

static void take_message(HvisService *s, gsize len)
{
	s->msg = s->rx;
	s->msg_len = len;
	post(s, s->ops->is_handshake(s->msg, len, s->data) ? HVIS_EVENT_HANDSHAKE
							   : HVIS_EVENT_REQUEST);
}

static void receive(HvisService *s, gboolean readable)
{
	g_autoptr(GError) error = NULL;
	gssize n;

	s->transport->readable = readable;
	n = hvis_transport_receive(s->transport, s->rx, s->ops->receive_size, &error);
	if (n > 0) {
		take_message(s, (gsize)n);
	} else if (n < 0 && hvis_error_is(error, HVIS_ERROR_NO_SPACE)) {
		s->msg = NULL; /* it is owed an answer all the same */
		s->msg_len = 0;
		s->counters.oversized++;
		post(s, HVIS_EVENT_REQUEST);
	} else if (n < 0) {
		note_failure(s, error);
	}
}

/* Whether there is another message soon. What is no message is for the main loop to find. */
static gboolean linger(HvisService *s)
{
	return hvis_transport_wait(s->transport, HVIS_SERVICE_LINGER_MS);
}

static gboolean on_readable(gint fd G_GNUC_UNUSED, GIOCondition condition, gpointer data)
{
	HvisService *s = data;
	guint left = s->ops->burst;
	guint64 before = s->last_txn;

	s->transport->bursting = left > 0;
	receive(s, (condition & G_IO_IN) != 0);
	for (; left > 0 && s->state == HVIS_SERVICE_READY && s->last_txn != before; left--) {
		before = s->last_txn;
		if (linger(s))
			receive(s, TRUE);
	}
	if (s->transport && s->transport->bursting)
		hvis_transport_rest(s->transport);
	return G_SOURCE_CONTINUE; /* where the source was removed, GLib knows */
}

/* --- actions --- */

static HvisServiceEvent event_of_failure(const GError *error)
{
	if (hvis_error_is(error, HVIS_ERROR_NOT_FOUND))
		return HVIS_EVENT_MISSING;
	if (hvis_error_is(error, HVIS_ERROR_BUSY))
		return HVIS_EVENT_TAKEN;
	return HVIS_EVENT_BROKEN;
}

/* Where it is now. What becomes of the old path is nobody's business: it is the new one that is opened. */
static gboolean find_device(HvisService *s, GError **error)
{
	char *path;

	if (!s->finder)
		return TRUE;
	path = hvis_finder_find(s->finder, error);
	if (!path)
		return FALSE;
	g_free(s->path);
	s->path = path;
	return TRUE;
}

static void open_now(HvisService *s)
{
	g_autoptr(GError) error = NULL;
	gsize len;

	s->transport = s->open(s->path, s->open_data, &error);
	if (s->transport) {
		memset(s->tx, 0, s->ops->send_size);
		len = s->ops->build_register(s->tx, s->data);
		if (hvis_transport_send(s->transport, s->tx, len, &error)) {
			set_reason(s, NULL);
			post(s, HVIS_EVENT_OPENED);
			return;
		}
		g_clear_pointer(&s->transport, hvis_transport_close);
	}
	set_reason(s, error->message);
	post(s, event_of_failure(error));
}

/* It is no failure to be early: nobody is told, and who waits for us to be ready waits a moment longer. */
static void act_open(HvisService *s)
{
	g_autoptr(GError) error = NULL;
	guint early_ms;

	g_ptr_array_set_size(s->appear, 0);
	drop_timer(s);
	s->opened_at = s->clock->now(s->clock);
	if (!find_device(s, &error)) {
		set_reason(s, error->message);
		post(s, event_of_failure(error));
		return;
	}
	early_ms = s->settle_ms(s->path);
	if (early_ms > 0)
		set_timer(s, early_ms, HVIS_EVENT_RETRY);
	else
		open_now(s);
}

/* A path that was there a moment ago is not tried again at once: it would be a busy loop. */
static void on_appeared(gpointer data)
{
	HvisService *s = data;
	gint64 ago_ms = (s->clock->now(s->clock) - s->opened_at) / 1000;

	if (ago_ms >= HVIS_SERVICE_BACKOFF_MIN_MS)
		post(s, HVIS_EVENT_RETRY);
	else if (!s->timer)
		set_timer(s, HVIS_SERVICE_BACKOFF_MIN_MS - (guint)MAX(ago_ms, 0), HVIS_EVENT_RETRY);
}

static gboolean has_come(gpointer data)
{
	const HvisService *s = data;
	g_autofree char *path = hvis_finder_find(s->finder, NULL);

	return path != NULL;
}

static void act_watch(HvisService *s)
{
	s->failures = 0;
	if (!s->finder) {
		g_ptr_array_add(s->appear, hvis_appear_new(s->path, s->clock, on_appeared, s));
		return;
	}
	for (const char *const *near = s->finder->near; *near; near++)
		g_ptr_array_add(
			s->appear, hvis_appear_new_near(*near, s->clock, has_come, on_appeared, s));
}

static void act_delay(HvisService *s)
{
	set_timer(s, backoff_ms(s), HVIS_EVENT_RETRY);
	s->failures++;
}

/*
 * GLib takes the descriptor of a source that cannot recurse out of its poll for as long as the source is
 * dispatched, and wakes itself up for both. Ours never runs a main loop, so it may as well say that it can.
 */
static guint watch_transport(HvisService *s)
{
	g_autoptr(GSource) source = g_unix_fd_source_new(
		hvis_transport_fd(s->transport), G_IO_IN | G_IO_HUP | G_IO_ERR);

	g_source_set_callback(source, G_SOURCE_FUNC(on_readable), s, NULL);
	g_source_set_can_recurse(source, TRUE);
	return g_source_attach(source, NULL);
}

static void act_await(HvisService *s)
{
	s->source = watch_transport(s);
	set_timer(s, HVIS_SERVICE_HANDSHAKE_MS, HVIS_EVENT_DEADLINE);
}

static void act_welcome(HvisService *s)
{
	g_autoptr(GError) error = NULL;

	if (s->state == HVIS_SERVICE_READY)
		drop_timer(s); /* the handshake's; a transaction keeps its own */
	s->counters.handshakes++;
	if (s->ops->on_handshake(s->msg, s->msg_len, s->data, &error))
		return;
	set_reason(s, error->message);
	post(s, HVIS_EVENT_GONE);
}

/* The deadline of what arrived at @since and is not answered yet, where it was not extended already. */
static void await_reply(HvisService *s, gint64 since)
{
	guint ms = s->ops->deadline_ms ? s->ops->deadline_ms : HVIS_SERVICE_DEADLINE_MS;
	gint64 spent_ms = (s->clock->now(s->clock) - since) / 1000;

	if (!s->timer)
		set_timer(s, spent_ms < ms ? ms - (guint)spent_ms : 0, HVIS_EVENT_DEADLINE);
}

/* What is answered at once, as most is, needs no timer: none could fire in between. */
static void act_dispatch(HvisService *s)
{
	g_autoptr(GError) error = NULL;
	gint64 since = s->clock->now(s->clock);
	guint64 txn = ++s->last_txn;
	gboolean taken;

	drop_timer(s);
	s->txn = txn;
	s->counters.requests++;
	taken = s->msg && s->ops->on_request(s, txn, s->msg, s->msg_len, s->data, &error);
	if (s->txn != txn)
		return;
	if (taken) {
		await_reply(s, since);
		return;
	}
	if (error)
		g_debug("%s: malformed request: %s", s->ops->name, error->message);
	s->counters.malformed++;
	send_failure(s, HVIS_FAILURE_MALFORMED);
	post(s, HVIS_EVENT_REPLIED);
}

static void act_supersede(HvisService *s)
{
	s->counters.superseded++;
	drop_transaction(s);
	act_dispatch(s);
}

static void act_finish(HvisService *s)
{
	drop_timer(s);
	s->txn = 0;
}

static void act_overdue(HvisService *s)
{
	s->counters.overdue++;
	send_failure(s, HVIS_FAILURE_DEADLINE);
	drop_transaction(s);
}

/* A device that worked for a while is worth a quick return; one that keeps failing is not. */
static void act_reopen(HvisService *s)
{
	gint64 lasted_ms = (s->clock->now(s->clock) - s->opened_at) / 1000;

	drop_transport(s);
	s->counters.reopened++;
	if (lasted_ms >= HVIS_SERVICE_BACKOFF_MAX_MS)
		s->failures = 0;
	act_delay(s);
}

static void act_close(HvisService *s)
{
	drop_transport(s);
	g_ptr_array_set_size(s->appear, 0);
	set_reason(s, NULL);
	s->failures = 0;
}

static void act(HvisService *s, HvisServiceAction action)
{
	switch (action) {
	case HVIS_ACT_OPEN:
		return act_open(s);
	case HVIS_ACT_WATCH:
		return act_watch(s);
	case HVIS_ACT_DELAY:
		return act_delay(s);
	case HVIS_ACT_AWAIT:
		return act_await(s);
	case HVIS_ACT_WELCOME:
		return act_welcome(s);
	case HVIS_ACT_DISPATCH:
		return act_dispatch(s);
	case HVIS_ACT_SUPERSEDE:
		return act_supersede(s);
	case HVIS_ACT_FINISH:
		return act_finish(s);
	case HVIS_ACT_OVERDUE:
		return act_overdue(s);
	case HVIS_ACT_REOPEN:
		return act_reopen(s);
	case HVIS_ACT_CLOSE:
		return act_close(s);
	case HVIS_ACT_REFUSE:
	case HVIS_ACT_NONE:
	case HVIS_SERVICE_N_ACTIONS:
		return;
	}
}

/*
 * Tell the daemon once per change. A transaction is not one; opening and registering are on the way
 * to somewhere, so that a device that stays taken or broken is explained once and not on every try.
 */
static void show(HvisService *s)
{
	HvisServiceState state = s->state == HVIS_SERVICE_SERVING ? HVIS_SERVICE_READY : s->state;

	if (state == HVIS_SERVICE_OPENING || state == HVIS_SERVICE_REGISTERING ||
		(state == s->shown && g_strcmp0(s->reason, s->shown_reason) == 0))
		return;
	s->shown = state;
	g_free(s->shown_reason);
	s->shown_reason = g_strdup(s->reason);
	s->since = s->clock->now(s->clock);
	if (s->ops->on_state)
		s->ops->on_state(s, state, s->shown_reason, s->data);
}

static void post(HvisService *s, HvisServiceEvent event)
{
	HvisServiceCell cell = hvis_service_cell(s->state, event);

	if (cell.action == HVIS_ACT_REFUSE) {
		g_critical("%s: %s while %s", s->ops->name, hvis_service_event_name(event),
			hvis_service_state_name(s->state));
		return;
	}
	s->state = cell.next;
	act(s, cell.action);
	show(s);
}

/* --- the door --- */

static HvisTransport *open_path(const char *path, gpointer data G_GNUC_UNUSED, GError **error)
{
	return hvis_transport_open_path(path, error);
}

HvisService *hvis_service_new(
	const HvisServiceOps *ops, const char *path, HvisClock *clock, gpointer data)
{
	HvisService *s = g_new0(HvisService, 1);

	s->ops = ops;
	s->data = data;
	s->path = g_strdup(path);
	s->clock = clock ? clock : hvis_clock_default();
	s->open = open_path;
	s->settle_ms = hvis_transport_settle_ms;
	s->appear = g_ptr_array_new_with_free_func((GDestroyNotify)hvis_appear_free);
	s->rx = g_malloc(ops->receive_size);
	s->tx = g_malloc(ops->send_size);
	s->since = s->clock->now(s->clock);
	return s;
}

void hvis_service_free(HvisService *s)
{
	if (!s)
		return;
	hvis_service_stop(s);
	g_ptr_array_unref(s->appear);
	g_free(s->path);
	g_free(s->reason);
	g_free(s->shown_reason);
	g_free(s->rx);
	g_free(s->tx);
	g_free(s);
}

void hvis_service_set_finder(HvisService *s, const HvisFinder *finder)
{
	s->finder = finder;
}

void hvis_service_set_opener(HvisService *s, HvisServiceOpener opener, gpointer data)
{
	s->open = opener;
	s->open_data = data;
}

void hvis_service_set_settle(HvisService *s, guint (*settle_ms)(const char *path))
{
	s->settle_ms = settle_ms;
}

void hvis_service_start(HvisService *s)
{
	post(s, HVIS_EVENT_START);
}

void hvis_service_stop(HvisService *s)
{
	post(s, HVIS_EVENT_STOP);
}

gboolean hvis_service_reply(HvisService *s, guint64 txn, const void *msg, gsize len)
{
	g_autoptr(GError) error = NULL;

	if (txn == 0 || txn != s->txn) {
		s->counters.late++;
		return FALSE;
	}
	if (hvis_transport_send(s->transport, msg, len, &error)) {
		s->counters.replies++;
		post(s, HVIS_EVENT_REPLIED);
		return TRUE;
	}
	if (hvis_error_is(error, HVIS_ERROR_PROTOCOL)) {
		s->counters.late++;
		drop_transaction(s);
		post(s, HVIS_EVENT_REPLIED);
		return FALSE;
	}
	set_reason(s, error->message);
	post(s, HVIS_EVENT_GONE);
	return FALSE;
}

gboolean hvis_service_extend(HvisService *s, guint64 txn, guint ms)
{
	if (txn == 0 || txn != s->txn)
		return FALSE;
	set_timer(s, ms, HVIS_EVENT_DEADLINE);
	return TRUE;
}

HvisServiceState hvis_service_state(HvisService *s)
{
	return s->state;
}

const char *hvis_service_reason(HvisService *s)
{
	return s->reason;
}

HvisServiceState hvis_service_shown(HvisService *s, const char **reason)
{
	*reason = s->shown_reason;
	return s->shown;
}

gint64 hvis_service_since(HvisService *s)
{
	return s->since;
}

const HvisServiceCounters *hvis_service_counters(HvisService *s)
{
	return &s->counters;
}

const char *hvis_service_transport(HvisService *s)
{
	return s->transport ? s->transport->ops->kind : NULL;
}

const char *hvis_service_path(HvisService *s)
{
	return s->path;
}
