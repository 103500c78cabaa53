/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two halves of the fake guest share: fake-machine.c below, fake-guest.c above. */
#pragma once

#include <stdio.h>

#include "tests/unit/fake-guest.h"

/* Records of a fuzz input: one of these, a length byte, that many bytes. */
enum {
	FAKE_RECORD_POST, /* on port 4 */
	FAKE_RECORD_POST_OLD, /* on port 1 */
	FAKE_RECORD_SIGNAL, /* connection id u32 */
	FAKE_RECORD_POKE, /* page u16, offset u16, then bytes for guest memory */
	FAKE_RECORD_HOST, /* what the host does: see fuzz-vmbus-message.c */
	FAKE_RECORD_N,
};

struct FakeGuest {
	Machine machine; /* first */
	const MachineClient *client;
	gpointer client_data;
	guint n_vps;
	guint32 ports;
	int fd;
	guint8 *memory;
	guint64 next_page;
	guint mappings;
	guint64 time;
	GQueue messages; /* of FakeMessage */
	GHashTable *connections;
	guint events[HVIS_RELID_MAX + 1];
	guint32 event_vp[HVIS_RELID_MAX + 1];

	guint32 port; /* for messages after the contact */
	guint32 next_gpadl, next_open;
	guint64 monitor_pfn[2];
	GPtrArray *offers; /* of struct hvis_msg_offer */
	FILE *record;
};

gpointer fake_guest_map(FakeGuest *guest, const guint64 *pfns, gsize n);
