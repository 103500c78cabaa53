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
	gsize message_size; /* shorter writes are refused; */
	gsize request_min; /* of the host, padded as in the ring: what is shorter nobody answers */
	gboolean exact_size; /* so are longer ones, else their tail is ignored */
	/* The host's first negotiation is answered when a daemon has registered, or in the end. */
	gboolean awaits_daemon;
	/* A daemon may register again while nothing is asked; asked, it is refused. Else the first is
	 * refused, and the second is an answer. */
	gboolean registers_again;
	/* TRUE where a daemon's first message registers it. */
	gboolean (*registers)(const guint8 *message);
	GByteArray *(*registered)(void); /* the kernel's answer to that */
	/* TRUE where the driver answers @request itself, ok: @body begins as a copy. NULL = never. */
	gboolean (*alone)(const IcMessage *request, GByteArray *body);
	guint (*timeout_ms)(const IcMessage *request); /* how long the daemon has */
	/* The daemon's message for @request. */
	GByteArray *(*to_daemon)(const IcMessage *request);
	/*
	 * Make the answer to @request out of the daemon's: *@body begins as a copy of the request's,
	 * for the driver answers in place. Returns the status.
	 */
	guint32 (*to_host)(const IcMessage *request, const guint8 *answer, GByteArray *body);
	void (*describe)(const guint8 *message, GString *line); /* a message for the daemon */
} LinkDevice;

extern const LinkDevice link_kvp, link_vss, link_fcopy;
