/* SPDX-License-Identifier: GPL-2.0-only */
/* Words for states; see the header. */
#include <service/status.h>

#include <util/json.h>
#include <util/messages.h>

const char *hvis_service_word(HvisServiceState state)
{
	switch (state) {
	case HVIS_SERVICE_STOPPED:
	case HVIS_SERVICE_N_STATES:
		break;
	case HVIS_SERVICE_ABSENT:
		return "waiting";
	case HVIS_SERVICE_BUSY:
		return "busy";
	case HVIS_SERVICE_BACKOFF:
		return "retrying";
	case HVIS_SERVICE_OPENING:
	case HVIS_SERVICE_REGISTERING:
		return "registering";
	case HVIS_SERVICE_READY:
	case HVIS_SERVICE_SERVING:
		return "ready";
	}
	return "stopped";
}

const char *hvis_service_message(HvisServiceState state, gboolean was_ready)
{
	switch (state) {
	case HVIS_SERVICE_BUSY:
		return HVIS_MESSAGE_DEVICE_BUSY;
	case HVIS_SERVICE_READY:
	case HVIS_SERVICE_SERVING:
		return HVIS_MESSAGE_SERVING;
	case HVIS_SERVICE_ABSENT:
	case HVIS_SERVICE_BACKOFF:
		return was_ready ? HVIS_MESSAGE_DEVICE_GONE : NULL;
	case HVIS_SERVICE_STOPPED:
	case HVIS_SERVICE_OPENING:
	case HVIS_SERVICE_REGISTERING:
	case HVIS_SERVICE_N_STATES:
		break;
	}
	return NULL;
}

HvisLogLevel hvis_service_level(HvisServiceState state, gboolean was_ready)
{
	switch (state) {
	case HVIS_SERVICE_BUSY:
		return HVIS_LOG_WARNING;
	case HVIS_SERVICE_READY:
	case HVIS_SERVICE_SERVING:
		return HVIS_LOG_NOTICE;
	case HVIS_SERVICE_ABSENT:
	case HVIS_SERVICE_BACKOFF:
		return was_ready ? HVIS_LOG_NOTICE : HVIS_LOG_INFO;
	case HVIS_SERVICE_STOPPED:
	case HVIS_SERVICE_OPENING:
	case HVIS_SERVICE_REGISTERING:
	case HVIS_SERVICE_N_STATES:
		break;
	}
	return HVIS_LOG_DEBUG;
}

char *hvis_service_text(HvisServiceState state, const char *reason, const char *ready)
{
	switch (state) {
	case HVIS_SERVICE_STOPPED:
	case HVIS_SERVICE_N_STATES:
		break;
	case HVIS_SERVICE_ABSENT:
		return g_strdup_printf(
			"Waiting for the host%s%s", reason ? ": " : "", reason ? reason : "");
	case HVIS_SERVICE_BUSY:
		return g_strdup_printf("Waiting: %s", reason ? reason : "the device is taken");
	case HVIS_SERVICE_BACKOFF:
		return g_strdup_printf("Trying again soon: %s", reason ? reason : "device lost");
	case HVIS_SERVICE_OPENING:
	case HVIS_SERVICE_REGISTERING:
		return g_strdup("Registering with the kernel");
	case HVIS_SERVICE_READY:
	case HVIS_SERVICE_SERVING:
		return g_strdup(ready);
	}
	return g_strdup("Stopped");
}

struct json_object *hvis_service_counters_json(HvisService *service)
{
	const HvisServiceCounters *counters = hvis_service_counters(service);
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "requests", hvis_json_count(counters->requests));
	json_object_object_add(object, "answered", hvis_json_count(counters->replies));
	json_object_object_add(object, "malformed", hvis_json_count(counters->malformed));
	json_object_object_add(object, "overdue", hvis_json_count(counters->overdue));
	json_object_object_add(object, "reopened", hvis_json_count(counters->reopened));
	return object;
}

/* The state as it lasts: one more try to get a device that stays taken, or lost, changes nothing. */
void hvis_service_add_status(struct json_object *object, HvisService *service, gint64 now_us)
{
	HvisServiceState state = hvis_service_state(service), shown;
	const char *reason = hvis_service_reason(service), *shown_reason;
	gboolean trying = state == HVIS_SERVICE_OPENING || state == HVIS_SERVICE_REGISTERING;
	gint64 age_us = now_us - hvis_service_since(service);

	shown = hvis_service_shown(service, &shown_reason);
	if (trying && (shown == HVIS_SERVICE_BUSY || shown == HVIS_SERVICE_BACKOFF)) {
		state = shown;
		reason = shown_reason;
		trying = FALSE;
	}
	json_object_object_add(
		object, "device", json_object_new_string(hvis_service_path(service)));
	json_object_object_add(object, "state", json_object_new_string(hvis_service_word(state)));
	json_object_object_add(object, "state_since_us",
		trying ? NULL : json_object_new_int64(g_get_real_time() - age_us));
	json_object_object_add(object, "detail", hvis_json_text(reason));
}
