/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values that are longer than a record, in parts. Two ways of cutting them are in use:
 *
 *   KEY0, KEY1, … KEYN    the value is cut between characters (libhvee's way for Ignition, and ours)
 *   …|0, …|1, …           cloud-init's events: JSON objects that are alike but for the member msg, a
 *                         piece of the JSON text of the message, and msg_i, its number
 *
 * Parts are joined only where there is no doubt: the numbers run from 0, at least two of them, each
 * once in the same pool; no record has the name that the whole would get, and that name ends in no
 * digit; all parts but the last are full, that is, either another character would not have fitted a
 * record, or they are equally long, at least FOLD_UNITS_MIN units, and the last is not longer. The
 * joined event must be JSON again.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#define FOLD_UNITS_MIN                                                                             \
	512 /* ours: UTF-16 units; nobody cuts a value that fits a record into less */
#define FOLD_PARTS_MAX 4096u /* ours: of one value */

/*
 * The records in their order, joined ones in the place of their first part and with the member
 * parts, the keys that they were made of. New reference; records that are no parts are shared.
 */
struct json_object *hvctl_fold(struct json_object *records);

/*
 * Cut @value into strings that fit a record each, *@ret in their order; one where it fits as it is.
 * HVIS_ERROR_INVALID for text that is no UTF-8, _NO_SPACE for more than FOLD_PARTS_MAX parts.
 */
gboolean hvctl_cut(const char *value, GPtrArray **ret, GError **error);
