/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a Type=notify service tells its manager: that it runs, how it is, that its main loop turns.
 * All of it is nothing without a manager.
 */
#pragma once

#include <glib.h>

/* Send WATCHDOG=1 at half of the unit's WatchdogSec= from the default main loop; call once. */
void hvis_watchdog_attach(void);

void hvis_notify_ready(void);

/* Around a reload: the manager waits for the second before the next job. */
void hvis_notify_reloading(void);
void hvis_notify_reloaded(void);

void hvis_notify_stopping(void);

/* STATUS= in words, one line; sent only when it changed. */
void hvis_notify_status(const char *format, ...) G_GNUC_PRINTF(1, 2);
