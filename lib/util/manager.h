/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The service manager: what a Type=notify service tells it, and the socket that it hands over. By its
 * documented protocols (sd_notify(3), sd_listen_fds(3)), which are two variables and a datagram: its library would
 * bring six more into every daemon. All of it is nothing without a manager.
 */
#pragma once

#include <glib.h>

/*
 * Send WATCHDOG=1 at half of the unit's WatchdogSec= from the default main loop; call once. It waits for nobody, so
 * that it may be sent while file systems are frozen.
 */
void hvis_watchdog_attach(void);

void hvis_notify_ready(void);

/* Around a reload: the manager waits for the second before the next job. */
void hvis_notify_reloading(void);
void hvis_notify_reloaded(void);

void hvis_notify_stopping(void);

/* STATUS= in words, one line; sent only when it changed. */
void hvis_notify_status(const char *format, ...) G_GNUC_PRINTF(1, 2);

/*
 * The socket that this process was started for, close-on-exec, -1 where there is none or more than one.
 * Takes the variables out of the environment, so only once.
 */
int hvis_socket_of_manager(void);
