/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A daemon that does nothing: it registers, then every message is its own answer. What a request to it takes is
 * the way there and back, which no daemon can save.
 */
#pragma once

#include <glib.h>

typedef struct {
	double best, median; /* microseconds of a request */
} EchoTimes;

/* Makes a socket at @path, for as long as it takes. */
gboolean echo_measure(const char *path, EchoTimes *ret, GError **error);
