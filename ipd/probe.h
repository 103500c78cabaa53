/* SPDX-License-Identifier: GPL-2.0-only */
/* Does the network work as planned? One look; who waits, looks again. */
#pragma once

#include <glib.h>

#include <wire/ip-plan.h>

#include "ipd/target.h"

/*
 * TRUE where @target has a carrier, the addresses of @plan (an address at all, with DHCP), none of
 * them in doubt, and its gateways answer. Else what is missing is in *@ret_why. Below a @root other
 * than "" only the carrier can be seen.
 */
gboolean ip_probe(const char *root, const IpTarget *target, const IpPlan *plan, char **ret_why);
