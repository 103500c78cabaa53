/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The doors of host/service/ played by a guest that obeys the test: what it is asked is written
 * down, and it answers at once, later, or never. For the tests of the control socket.
 */
#pragma once

#include <hvis/hresult.h>
#include "host/service/service.h"
#include "util/error.h"

/* "kvp", "heartbeat", "shutdown", "timesync", "vss", "fcopy"; all ready. A backup that holds for a minute or
 * more is held back until it is aborted, and so is a copy named "slow" until it is cancelled. */
HostServices *fake_services_new(void);
/* Completions that are still due are called with HVIS_ERROR_CLOSED, as the real ones do. */
void fake_services_free(HostServices *services);

/* What was asked since the last look: "kvp_set 0 Key=Value", one per line. */
char *fake_take_log(void);

/* How requests end from now on: with @status; or with @code where that is not HVIS_ERROR_N. */
void fake_answer_with(guint32 status, HvisErrorCode code);

/* Hold answers back; fake_release() gives those that are due, and ends the holding. */
void fake_hold(void);
void fake_release(void);

/* What "kvp" finds when asked; ready waiters are called. */
void fake_set_state(const char *service, ServiceState state);
/* How many callers of service_on_ready() still wait. */
guint fake_n_waiters(void);
void fake_set_list(guint n); /* as many pairs are in every pool; 2 unless said */
void fake_set_heartbeat(const char *summary);
