/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happened to a pool between two lists of its records, as far as those who look up keys can
 * see it. Of a key that occurs more than once the last value counts; one that was added is an event
 * even where its value is the same.
 */
#pragma once

#include "kvpd/records.h"

/* @old: the value before, NULL = none. @value: NULL = the key is gone. Texts are the lists'. */
typedef void (*KvpDiffEach)(const char *key, const char *old, const char *value, gpointer data);

/* Keys that were set in the order of @after, then those that are gone in the order of @before. */
void kvp_records_diff(
	const KvpRecords *before, const KvpRecords *after, KvpDiffEach each, gpointer data);
