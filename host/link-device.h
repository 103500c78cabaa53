/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a character device of hv_utils does between the host's messages and its daemon's: one of
 * these per device. No IO, no state; link.c is the transport and the state machine.
 */
#pragma once

#include <wire/icmsg.h>

typedef struct {
	const char *name; /* "hv_kvp" */
	IcVersions versions; /* what the driver takes, newest first or not */
	gsize message_size; /* shorter writes are refused */
	/* TRUE where a daemon's first message registers it. */
	gboolean (*registers)(const guint8 *message);
	GByteArray *(*registered)(void); /* the kernel's answer to that */
	/* The daemon's message for @request. */
	GByteArray *(*to_daemon)(const IcMessage *request);
	/*
	 * Make the answer to @request out of the daemon's: *@body begins as a copy of the request's,
	 * for the driver answers in place. Returns the status.
	 */
	guint32 (*to_host)(const IcMessage *request, const guint8 *answer, GByteArray *body);
	void (*describe)(const guint8 *message, GString *line); /* a message for the daemon */
} LinkDevice;

extern const LinkDevice link_kvp;
