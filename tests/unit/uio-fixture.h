/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words of the tests of the UIO transport: what the service does with it, and what its host sees. Each function
 * fails the test where it is not so.
 */
#pragma once

#include "tests/unit/fake-uio.h"

#define PAGES 5u /* control page and 16 KiB, as Linux 6.12 has them */

typedef struct {
	FakeUio fake;
	/* the last packet of the guest, or the last message of the transport */
	guint8 got[HVIS_IC_MAX_MESSAGE];
	guint64 xid;
} Fixture;

/* For g_test_add(); settled: host and guest have agreed on versions. */
void set_up(Fixture *f, gconstpointer data);
void set_up_settled(Fixture *f, gconstpointer data);
void tear_down(Fixture *f, gconstpointer data);

/* --- what the service does --- */

void register_now(Fixture *f);
gssize receive(Fixture *f, gsize size); /* one call; no error */
void expect_nothing(Fixture *f); /* nor that the descriptor stays readable */
gssize next_message(Fixture *f); /* as a main loop would come by it */
void expect_welcome(Fixture *f);
void expect_asked(Fixture *f, guint8 n, gsize len);
void expect_closed(Fixture *f, const char *words);
void reply(Fixture *f, guint32 status);
void reply_is_stale(Fixture *f);

/* --- what the host does and sees --- */

/* @len bytes that are all @n, into @buf; returns @len. */
gsize request(guint8 n, guint8 *buf, gsize len);
/* Such a request. */
void ask(Fixture *f, guint64 xid, guint8 n, gsize len);
/* Its answer: as long as the request, and nothing but zeros behind the header. */
void expect_status(Fixture *f, guint64 xid, guint32 status, gsize body);
/* The answer to a negotiation in @len bytes: 3.0 and 1.1, or none where they are not @wanted. */
void expect_versions(Fixture *f, guint64 xid, gsize len, gboolean wanted);
void expect_silence(Fixture *f);

HvisUioCounters counters(Fixture *f);
