/* SPDX-License-Identifier: GPL-2.0-only */
/* What lib/service wants to know of the messages, and needs nothing of the daemon: functions of HvisServiceOps. */
#pragma once

#include <hvis/fcopy.h>
#include <service/service.h>

/* The longest message of a device, and the longest one to it. */
#define FCOPY_DEVICE_RECEIVE_SIZE sizeof(struct hvis_fcopy_write)
#define FCOPY_DEVICE_SEND_SIZE sizeof(hvis_le32)

gsize fcopy_device_build_register(guint8 *buf, gpointer data);
gboolean fcopy_device_is_handshake(const guint8 *msg, gsize len, gpointer data);

/* A malformed request is an invalid argument for the host, one that is overdue a failure. */
gsize fcopy_device_build_failure(HvisFailure why, guint8 *buf, gpointer data);
