/* SPDX-License-Identifier: GPL-2.0-only */
/* The administrator's program that is run after a change that stayed. */
#pragma once

#include "ipd/change.h"

/*
 * Run [ip] Hook= (@path) if it is there: HVIS_IP_INTERFACE, HVIS_IP_ADAPTER and HVIS_IP_MANAGER in
 * its environment, the change as JSON on its standard input. HVIS_ERROR_PERMISSION where somebody
 * else than root (or who we are) owns it, or may write it or a directory above it.
 */
gboolean ip_hook_run(const char *root, const char *path, const IpChange *change, GError **error);
