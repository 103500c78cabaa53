/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timesync, host end: a step as soon as the service is ready, then samples. The time is taken when
 * the message is made, not when it is asked for; from version 4 on it comes with the guest's own
 * reference counter, so that the guest can tell how old it is.
 */
#include "host/service/timesync.h"
#include <hvis/hresult.h>
#include <hvis/services.h>
#include "host/service/class.h"

typedef struct {
	guint timer;
	gint64 offset_us;
	guint64 steps, samples; /* answered ok */
	gboolean due; /* the answer to the last message of our own accord */
} Timesync;

typedef struct {
	HostService *service;
	gboolean step;
	ServiceDone done;
	gpointer data;
} Job;

static guint64 parent_time(const HostService *s)
{
	const Timesync *t = s->self;

	return HVIS_TIME_EPOCH_DELTA + (guint64)(services_wall_us(s->services) + t->offset_us) * 10;
}

static gboolean build_time(IcVersion message, GByteArray *body, gpointer data, GError **error)
{
	const Job *job = data;
	ServiceBus *bus = services_bus(job->service->services);
	guint8 flags = job->step ? HVIS_TIMESYNC_SYNC : HVIS_TIMESYNC_SAMPLE;
	struct hvis_timesync_v3 v3 = { .flags = flags };
	struct hvis_timesync_v4 v4 = { .flags = flags };

	if (message.major < 4) {
		v3.parent_time = hvis_le64_make(parent_time(job->service));
		g_byte_array_append(body, (const guint8 *)&v3, sizeof(v3));
		return TRUE;
	}
	v4.reference_time = hvis_le64_make(bus->ops->reference_time(bus));
	v4.parent_time = hvis_le64_make(parent_time(job->service));
	g_byte_array_append(body, (const guint8 *)&v4, sizeof(v4));
	return TRUE;
}

static void time_done(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	g_autofree Job *job = data;
	Timesync *t = job->service->self;

	if (!error && status == HVIS_S_OK && job->step)
		t->steps++;
	else if (!error && status == HVIS_S_OK)
		t->samples++;
	if (job->done)
		job->done(status, error, job->data);
	else
		t->due = FALSE;
}

static void send_time(HostService *s, gboolean step, ServiceDone done, gpointer data)
{
	Job *job = g_new(Job, 1);

	*job = (Job){ s, step, done, data };
	ic_request(s->ic, build_time, time_done, job);
}

void timesync_send(HostService *s, gboolean step, ServiceDone done, gpointer data)
{
	g_assert(s->class == &timesync_class);
	send_time(s, step, done, data);
}

static void on_period(gpointer data)
{
	HostService *s = data;
	Timesync *t = s->self;

	t->timer = s->clock->add(s->clock, s->options.period_ms, on_period, s);
	if (t->due)
		return; /* a guest that does not answer gets no heap of old samples */
	t->due = TRUE;
	send_time(s, FALSE, NULL, NULL);
}

static void timesync_state(HostService *s, ServiceState state)
{
	Timesync *t = s->self;

	if (t->timer)
		s->clock->remove(s->clock, t->timer);
	t->timer = 0;
	if (state != SERVICE_READY)
		return;
	t->timer = s->clock->add(s->clock, s->options.period_ms, on_period, s);
	t->due = TRUE;
	send_time(s, TRUE, NULL, NULL);
}

void timesync_set_offset(HostService *s, gint64 offset_us)
{
	Timesync *t = service_self(s, &timesync_class);

	t->offset_us = offset_us;
}

gint64 timesync_offset(const HostService *s)
{
	const Timesync *t = service_self(s, &timesync_class);

	return t->offset_us;
}

static void timesync_describe(
	HostService *s, const IcMessage *message, gboolean to_guest, GString *line)
{
	WireCursor cursor = message->body;
	struct hvis_timesync_v3 v3;
	struct hvis_timesync_v4 v4;
	guint8 flags;

	if (!to_guest)
		return;
	if (message->message.major < 4) {
		if (!wire_take(&cursor, &v3, sizeof(v3)))
			return;
		flags = v3.flags;
		g_string_append_printf(
			line, "time %" G_GUINT64_FORMAT, hvis_le64_get(v3.parent_time));
	} else {
		if (!wire_take(&cursor, &v4, sizeof(v4)))
			return;
		flags = v4.flags;
		g_string_append_printf(line,
			"time %" G_GUINT64_FORMAT " at reference %" G_GUINT64_FORMAT,
			hvis_le64_get(v4.parent_time), hvis_le64_get(v4.reference_time));
	}
	g_string_append_printf(line, "%s%s", flags & HVIS_TIMESYNC_SYNC ? " SYNC" : "",
		flags & HVIS_TIMESYNC_SAMPLE ? " SAMPLE" : "");
}

static void timesync_json(HostService *s, struct json_object *into)
{
	const Timesync *t = s->self;
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "offset_us", json_object_new_int64(t->offset_us));
	json_object_object_add(json, "steps", json_object_new_uint64(t->steps));
	json_object_object_add(json, "samples", json_object_new_uint64(t->samples));
	json_object_object_add(into, "timesync", json);
}

static const IcVersion versions[] = { { 1, 0 }, { 3, 0 }, { 4, 0 } };

const ServiceClass timesync_class = {
	.name = "timesync",
	.type = HVIS_IC_TIMESYNC,
	.type_guid = HVIS_TIMESYNC_TYPE,
	.instance_guid = HVIS_TIMESYNC_INSTANCE,
	.versions = versions,
	.n_versions = G_N_ELEMENTS(versions),
	.period_ms = HVIS_TIMESYNC_PERIOD_MS,
	.size = sizeof(Timesync),
	.state = timesync_state,
	.describe = timesync_describe,
	.json = timesync_json,
};
