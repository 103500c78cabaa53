/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ask the guest to power off, restart or hibernate. Takes the "shutdown" service of the registry.
 */
#pragma once

#include <hvis/shutdown.h>
#include "host/service/service.h"

typedef enum {
	SHUTDOWN_POWER_OFF,
	SHUTDOWN_RESTART,
	SHUTDOWN_HIBERNATE,
	SHUTDOWN_ACTION_N,
} ShutdownAction;

typedef struct {
	ShutdownAction action;
	gboolean force;
	guint32 reason; /* 0 = HVIS_SHUTDOWN_REASON_PLANNED */
	guint32 timeout_s;
	const char *message; /* UTF-8, at most 2047 bytes; NULL = none */
} ShutdownRequest;

/* An answer of HVIS_S_OK means that the guest will act, not that it has. */
void shutdown_request(
	HostService *service, const ShutdownRequest *request, ServiceDone done, gpointer data);
