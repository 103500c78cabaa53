/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is the guest alive: what its last answers say. Takes the "heartbeat" service of the registry.
 */
#pragma once

#include <hvis/heartbeat.h>
#include "host/service/service.h"

typedef struct {
	gboolean seen; /* at least one answer since the channel opened */
	guint64 sequence; /* of the last answer, less one */
	gint64 age_us; /* since that answer */
	guint32 app_state; /* enum hvis_app_state */
	guint missed; /* periods without a right answer, in a row */
} HeartbeatStatus;

void heartbeat_status(const HostService *service, HeartbeatStatus *ret);
/* "ok", "no-contact", "lost-communication"; as Hyper-V tells them apart. */
const char *heartbeat_summary(const HeartbeatStatus *status);
const char *heartbeat_app_name(guint32 app_state);
