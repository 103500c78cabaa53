/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults that the administrator asks for: drop, delay, duplicate, truncate, corrupt, reorder,
 * rescind in the middle. One table of rules for the whole host, filled by --fault and "ctl fault".
 *
 * A sender passes each message through fault_send(), which hands it to @deliver zero, one or two
 * times, now or later, whole or mutilated. Without a rule that is one direct call. All of this
 * belongs to the thread of the default main context.
 */
#pragma once

#include <glib.h>

typedef enum {
	FAULT_AT_MESSAGE, /* SynIC messages to the guest */
	FAULT_AT_PACKET, /* ring packets to the guest, by service name */
	FAULT_AT_LINK, /* messages to a daemon in link mode */
	FAULT_AT_N,
} FaultPoint;

typedef void (*FaultDeliver)(gpointer target, const guint8 *bytes, gsize len);

/*
 * Deliver @bytes to @target through the rules for @point and @subject (service name, or message
 * name such as "OPEN_RESULT"). @target identifies the receiver: fault_forget() drops all that is
 * held back for it. The first @keep bytes are the sender's own (a descriptor, an address): no rule
 * cuts or changes them.
 */
void fault_send(FaultPoint point, const char *subject, gpointer target, const void *bytes,
	gsize len, gsize keep, FaultDeliver deliver);
void fault_forget(gpointer target);

/*
 * Add a rule: "ACTION:PLACE/SUBJECT[:key=value[,key=value]…]" as hvis-host(1) describes it, e.g.
 * "drop:message/OPEN_RESULT:count=1", "corrupt:packet/kvp:after=3". Returns its id, 0 on error.
 * Rules are asked in the order in which they were added; the first that fires decides.
 */
guint fault_add(const char *rule, GError **error);
gboolean fault_remove(guint id);
/* Removes every rule. What is held back already is still delivered in its time. */
void fault_clear(void);
/* [ { id, rule, matched, fired } ] */
struct json_object *fault_describe(void);

/* Rescind rules call this with the service's name, from the main loop, never from fault_send(). */
void fault_set_rescind(void (*rescind)(const char *service, gpointer data), gpointer data);
