/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bus for the host's services without anything below it: what they send is kept for the test to
 * look at, and the test answers. Nothing is asserted here but that the test asks for what there is.
 */
#pragma once

#include "host/service/class.h"

typedef struct FakeBus FakeBus;

FakeBus *fake_bus_new(void);
void fake_bus_free(FakeBus *bus); /* after the registry */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeBus, fake_bus_free)
ServiceBus *fake_bus_get(FakeBus *bus);
void fake_bus_set_time(FakeBus *bus, guint64 reference_time);

/* The guest's side of service @name's port. */
gboolean fake_bus_offered(FakeBus *bus, const char *name);
void fake_bus_open(FakeBus *bus, const char *name);
void fake_bus_close(FakeBus *bus, const char *name);
void fake_bus_set_room(FakeBus *bus, const char *name, gboolean room);
/* All is answered well from now on, with its own body, before the call that sends it returns. */
void fake_bus_set_prompt(FakeBus *bus, const char *name);
void fake_bus_break_offers(FakeBus *bus); /* offer() fails from now on */

/* A message that the service has sent. */
typedef struct {
	guint64 xid;
	IcMessage m; /* points into bytes */
	GByteArray *bytes;
} FakeSent;

/* The oldest that was not taken; NULL where there is none. */
FakeSent *fake_bus_take(FakeBus *bus, const char *name);
void fake_sent_free(FakeSent *sent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeSent, fake_sent_free)

/* Answer @sent with @status and @body, as a guest does. */
void fake_bus_answer(FakeBus *bus, const char *name, const FakeSent *sent, guint32 status,
	const void *body, gsize len);
void fake_bus_inject(FakeBus *bus, const char *name, guint64 xid, const void *bytes, gsize len);

/* Take the NEGOTIATE message that must be there, and agree to these, or refuse. */
void fake_bus_agree(FakeBus *bus, const char *name, IcVersion framework, IcVersion message);
void fake_bus_refuse(FakeBus *bus, const char *name);
