/* SPDX-License-Identifier: GPL-2.0-only */
/* The outcome of a backup for tests of what is made of one; each test makes its own targets. */
#pragma once

#include "vssd/session.h"

static inline VssOutcome *outcome_with(GPtrArray *targets)
{
	VssOutcome *outcome = g_new0(VssOutcome, 1);

	outcome->events = g_array_new(FALSE, FALSE, sizeof(struct vss_msg));
	outcome->targets = targets;
	return outcome;
}

static inline void outcome_free(VssOutcome *outcome)
{
	g_array_unref(outcome->events);
	g_ptr_array_unref(outcome->targets);
	g_free(outcome);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssOutcome, outcome_free)

static inline void add(
	VssOutcome *outcome, guint index, enum vss_action action, gint64 at, gint64 took, int err)
{
	const struct vss_msg event = { .type = VSS_MSG_EVENT,
		.index = index,
		.action = action,
		.err = err,
		.at_us = at,
		.took_us = took };

	g_array_append_val(outcome->events, event);
}
