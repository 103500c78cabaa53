/* SPDX-License-Identifier: GPL-2.0-only */
/* UTF-16 of the host as a Linux driver hands it to its daemon. */
#pragma once

#include <glib.h>

/*
 * The text in the @bytes bytes at @field, up to its NUL, into @out of @size bytes, with a NUL. Half of a pair is
 * skipped, and so is a character that does not fit: a shorter one behind it may.
 */
void link_text_narrow(const guint8 *field, gsize bytes, char *out, gsize size);
