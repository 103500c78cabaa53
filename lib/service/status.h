/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a service is at its device, in the words that all daemons' sockets and journals have for it. Only
 * formats, from what is in memory.
 */
#pragma once

#include <json-c/json.h>

#include <service/service.h>
#include <util/log.h>

/* "waiting", "busy", "registering", "ready", "retrying", "stopped" */
const char *hvis_service_word(HvisServiceState state);

/* The message id with which the journal is told of the change to @state (static); NULL where it has none. */
const char *hvis_service_message(HvisServiceState state, gboolean was_ready);

/*
 * How loud the journal is told of it. A guest without the device is no cause for worry; a device that goes away is worth
 * a line.
 */
HvisLogLevel hvis_service_level(HvisServiceState state, gboolean was_ready);

/*
 * One line of @state with @reason, or NULL, for journal and manager: "Waiting for the host: open …: No such file…"; @ready
 * once the host is served. New.
 */
char *hvis_service_text(HvisServiceState state, const char *reason, const char *ready);

/* The members requests, answered, malformed, overdue and reopened of Counters, which all daemons have. New. */
struct json_object *hvis_service_counters_json(HvisService *service);

/*
 * Add to @object the members device, state, state_since_us (real time; null on the way to a state) and
 * detail (the reason, or null). @now_us is of the service's clock.
 */
void hvis_service_add_status(struct json_object *object, HvisService *service, gint64 now_us);
