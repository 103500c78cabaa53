/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A writer on one file system: a thread that writes to a file again and again, in the way most programs do (a
 * block, into the cache, not waited for), and takes the longest time that a write took. It asks for real-time
 * priority: else what it measures is how long it waits for a processor.
 */
#pragma once

#include <glib.h>

typedef struct Writer Writer;

/* Writes to a new file in @dir until it is freed, which waits for the write that is under way. */
Writer *writer_new(const char *dir, GError **error);
void writer_free(Writer *writer);

/* What the longest is asked for begins here. */
void writer_reset(Writer *writer);

/*
 * Wait until a write is done that began after this call: one that was held up is done by then. FALSE where that
 * takes more than a minute, or a write failed. @ret_ms: the longest since writer_reset().
 */
gboolean writer_longest(Writer *writer, double *ret_ms, GError **error);
