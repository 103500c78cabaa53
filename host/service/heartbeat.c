/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heartbeat, host end: a sequence number every period while the service is ready, and what the
 * answers say. A beat that is still unanswered when the next is due counts as missed, and the next
 * is not sent: the guest would only find both of them later.
 */
#include "host/service/heartbeat.h"
#include <hvis/hresult.h>
#include <hvis/services.h>
#include "host/service/class.h"

#define MISSED_MAX 3u /* ours: beats in a row after which communication counts as lost */
#define HEARTBEAT_TIMEOUT_MS 10000u /* ours: then the beat is given up and another is tried */

typedef struct {
	guint timer;
	guint64 sequence; /* last sent */
	gboolean due; /* its answer */
	gboolean seen;
	guint64 answered;
	gint64 answered_at;
	guint32 app_state;
	guint missed;
	guint64 wrong; /* answers that are not "ok" with the sequence number plus one */
} Heartbeat;

static gboolean build_beat(IcVersion message, GByteArray *body, gpointer data, GError **error)
{
	Heartbeat *h = ((HostService *)data)->self;
	struct hvis_heartbeat beat = { .sequence = hvis_le64_make(++h->sequence) };

	g_byte_array_append(body, (const guint8 *)&beat, sizeof(beat));
	return TRUE;
}

static void beat_done(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	HostService *s = data;
	Heartbeat *h = s->self;
	hvis_le64 sequence;
	hvis_le32 app = { { 0 } };

	h->due = FALSE;
	if (error)
		return; /* its periods have been counted */
	if (status != HVIS_S_OK || !wire_take(&body, &sequence, sizeof(sequence)) ||
		hvis_le64_get(sequence) != h->sequence + 1) {
		h->wrong++;
		h->missed++;
		return;
	}
	wire_take(&body, &app, sizeof(app)); /* absent = unknown */
	h->seen = TRUE;
	h->missed = 0;
	h->answered = h->sequence;
	h->answered_at = s->clock->now(s->clock);
	h->app_state = hvis_le32_get(app);
}

static void on_period(gpointer data)
{
	HostService *s = data;
	Heartbeat *h = s->self;

	h->timer = s->clock->add(s->clock, s->options.period_ms, on_period, s);
	if (h->due) {
		h->missed++;
		return;
	}
	h->due = TRUE;
	ic_request(s->ic, build_beat, beat_done, s);
}

static void heartbeat_state(HostService *s, ServiceState state)
{
	Heartbeat *h = s->self;

	if (h->timer)
		s->clock->remove(s->clock, h->timer);
	h->timer = 0;
	if (state == SERVICE_READY)
		on_period(s);
	else if (state != SERVICE_NEGOTIATING) {
		h->seen = FALSE;
		h->missed = 0;
	}
}

static void heartbeat_describe(
	HostService *s, const IcMessage *message, gboolean to_guest, GString *line)
{
	WireCursor body = message->body;
	hvis_le64 sequence;
	hvis_le32 app;

	if (!wire_take(&body, &sequence, sizeof(sequence)))
		return;
	g_string_append_printf(line, "sequence %" G_GUINT64_FORMAT, hvis_le64_get(sequence));
	if (!to_guest && wire_take(&body, &app, sizeof(app)))
		g_string_append_printf(
			line, " application %s", heartbeat_app_name(hvis_le32_get(app)));
}

void heartbeat_status(const HostService *s, HeartbeatStatus *ret)
{
	const Heartbeat *h = service_self(s, &heartbeat_class);

	*ret = (HeartbeatStatus){
		.seen = h->seen,
		.sequence = h->answered,
		.age_us = h->seen ? s->clock->now(s->clock) - h->answered_at : 0,
		.app_state = h->seen ? h->app_state : HVIS_APP_UNKNOWN,
		.missed = h->missed,
	};
}

const char *heartbeat_summary(const HeartbeatStatus *status)
{
	if (status->missed >= MISSED_MAX)
		return status->seen ? "lost-communication" : "no-contact";
	return status->seen ? "ok" : "no-contact";
}

const char *heartbeat_app_name(guint32 app_state)
{
	switch ((enum hvis_app_state)app_state) {
	case HVIS_APP_UNKNOWN:
		return "unknown";
	case HVIS_APP_HEALTHY:
		return "healthy";
	case HVIS_APP_CRITICAL:
		return "critical";
	case HVIS_APP_STOPPED:
		return "stopped";
	}
	return "other";
}

static void heartbeat_json(HostService *s, struct json_object *into)
{
	const Heartbeat *h = s->self;
	struct json_object *json = json_object_new_object();
	HeartbeatStatus status;

	heartbeat_status(s, &status);
	json_object_object_add(json, "summary", json_object_new_string(heartbeat_summary(&status)));
	json_object_object_add(
		json, "application", json_object_new_string(heartbeat_app_name(status.app_state)));
	json_object_object_add(
		json, "sequence", status.seen ? json_object_new_uint64(status.sequence) : NULL);
	json_object_object_add(
		json, "age_ms", status.seen ? json_object_new_int64(status.age_us / 1000) : NULL);
	json_object_object_add(json, "missed", json_object_new_int64(status.missed));
	json_object_object_add(json, "wrong", json_object_new_uint64(h->wrong));
	json_object_object_add(into, "heartbeat", json);
}

static const IcVersion versions[] = { { 1, 0 }, { 3, 0 } };

const ServiceClass heartbeat_class = {
	.name = "heartbeat",
	.type = HVIS_IC_HEARTBEAT,
	.type_guid = HVIS_HEARTBEAT_TYPE,
	.instance_guid = HVIS_HEARTBEAT_INSTANCE,
	.versions = versions,
	.n_versions = G_N_ELEMENTS(versions),
	.timeout_ms = HEARTBEAT_TIMEOUT_MS,
	.period_ms = HVIS_HEARTBEAT_PERIOD_MS,
	.size = sizeof(Heartbeat),
	.state = heartbeat_state,
	.describe = heartbeat_describe,
	.json = heartbeat_json,
};
