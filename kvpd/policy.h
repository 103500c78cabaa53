/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host gets from this guest. An ordinary guest trusts its host. A confidential VM does not:
 * there the configuration (ConfidentialVM=) decides, and nothing at all is what it says by itself.
 *
 *   off     the device is not opened
 *   strict  the host may read pool guest, which is what programs left for it; no facts, no writing
 *   on      as in any other guest
 */
#pragma once

#include <glib.h>

#include <util/confidential.h>
#include <wire/kvp-device.h>

typedef enum {
	KVP_POLICY_OFF,
	KVP_POLICY_STRICT,
	KVP_POLICY_ON,
	KVP_POLICY_N,
} KvpPolicy;

/* The values of ConfidentialVM=, in the order of the enum; NULL-terminated. */
extern const char *const kvp_policy_names[];

/* @configured is a value of ConfidentialVM=; it counts in a confidential VM only. */
KvpPolicy kvp_policy_for(HvisIsolation isolation, const char *configured);

/* HVIS_ERROR_UNSUPPORTED where the host may not ask for that. */
gboolean kvp_policy_check(KvpPolicy policy, guint8 op, guint8 pool, GError **error);
