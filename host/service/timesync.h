/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's clock for the guest: a step when the service opens, samples afterwards, and what an
 * administrator asks for in between. Takes the "timesync" service of the registry.
 */
#pragma once

#include <hvis/timesync.h>
#include "host/service/service.h"

/* Some 126 years, either way: the sum with any time of today is a time. */
#define TIMESYNC_OFFSET_MAX_US (G_GINT64_CONSTANT(4000000000) * G_USEC_PER_SEC)

/* The clock that the guest is told is the host's plus this, from now on. */
void timesync_set_offset(HostService *service, gint64 offset_us);
gint64 timesync_offset(const HostService *service);

/* Step the guest's clock (@step), or send one sample out of turn. */
void timesync_send(HostService *service, gboolean step, ServiceDone done, gpointer data);
