/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a service is at its device, in the words that all daemons' sockets and journals have for it. Only
 * formats, from what is in memory.
 */
#pragma once

#include <json-c/json.h>

#include <service/service.h>

/* "waiting", "busy", "registering", "ready", "retrying", "stopped" */
const char *hvis_service_word(HvisServiceState state);

/* The message id with which the journal is told of the change to @state (static); NULL where it has none. */
const char *hvis_service_message(HvisServiceState state, gboolean was_ready);

/*
 * Add to @object the members device, state, state_since_us (real time; null on the way to a state) and
 * detail (the reason, or null). @now_us is of the service's clock.
 */
void hvis_service_add_status(struct json_object *object, HvisService *service, gint64 now_us);
