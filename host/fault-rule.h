/* SPDX-License-Identifier: GPL-2.0-only */
/* A rule of the fault table as a structure, and its text form. Used by fault.c and its tests only. */
#pragma once

#include "host/fault.h"

typedef enum {
	FAULT_DROP,
	FAULT_DELAY,
	FAULT_DUPLICATE,
	FAULT_TRUNCATE,
	FAULT_CORRUPT,
	FAULT_REORDER,
	FAULT_RESCIND,
	FAULT_ACTION_N,
} FaultAction;

typedef struct {
	FaultAction action;
	FaultPoint point;
	char *text; /* as it was given */
	char *subject; /* "*" = any */
	guint64 count; /* 0 = no limit */
	guint64 after;
	double probability;
	guint32 seed;
	guint32 time_ms;
	gint64 length; /* truncate: bytes that stay; -1 = half */
	gint64 offset; /* corrupt: which byte; -1 = random */
	guint8 mask; /* corrupt: bits to flip; 0 = random */
} FaultRule;

/* @ret is filled on success only; fault_rule_clear() frees its members. */
gboolean fault_rule_parse(const char *text, FaultRule *ret, GError **error);
void fault_rule_clear(FaultRule *rule);
gboolean fault_rule_matches(const FaultRule *rule, FaultPoint point, const char *subject);

const char *fault_action_name(FaultAction action);
const char *fault_point_name(FaultPoint point);
