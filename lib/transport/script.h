/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A transport for tests that plays the kernel from a table: bytes that arrive, bytes that must be
 * sent, in order. A send that differs from the table aborts the test.
 */
#pragma once

#include <transport/transport.h>

typedef enum {
	HVIS_SCRIPT_END = 0, /* nothing more comes; the transport stays open */
	HVIS_SCRIPT_ARRIVES, /* the kernel sends these bytes */
	HVIS_SCRIPT_SENT, /* the program must send exactly these bytes */
	HVIS_SCRIPT_SENT_ANY, /* the program must send something */
	HVIS_SCRIPT_SEND_REFUSED, /* its next send fails with HVIS_ERROR_PROTOCOL */
	HVIS_SCRIPT_GONE, /* the next send or receive fails with HVIS_ERROR_CLOSED */
} HvisScriptKind;

typedef struct {
	HvisScriptKind kind;
	const void *bytes;
	gsize len;
} HvisScriptStep;

/* @steps end with HVIS_SCRIPT_END and must outlive the transport. */
HvisTransport *hvis_script_new(const HvisScriptStep *steps);

/* TRUE once every step has been played. */
gboolean hvis_script_done(HvisTransport *transport);
