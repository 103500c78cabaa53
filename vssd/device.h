/* SPDX-License-Identifier: GPL-2.0-only */
/* What the daemon's device and lib/service want to know of the messages: functions of HvisServiceOps. */
#pragma once

#include <service/service.h>

gsize vss_device_build_register(guint8 *buf, gpointer data);
gboolean vss_device_is_handshake(const guint8 *msg, gsize len, gpointer data);
gboolean vss_device_on_handshake(const guint8 *msg, gsize len, gpointer data, GError **error);

/* A malformed request is an invalid argument for the host, one that is overdue a failure. */
gsize vss_device_build_failure(HvisFailure why, guint8 *buf, gpointer data);
