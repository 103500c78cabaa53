/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How processor threads tell the main context something: messages of the guest in a bounded queue,
 * processors whose SynIC wants a look, and what ends or disturbs the machine. The main context is
 * woken once for all that is there.
 */
#pragma once

#include <glib.h>
#include <hvis/vmbus.h>
#include "host/vm/vm.h"

#define MAIL_MESSAGES_MAX 64u
#define MAIL_CRASHES_MAX                                                                           \
	8u /* Linux reports one panic twice at most; and it may go on all the same */

typedef struct Mail Mail;

/* All on the main context, in the order: SynIC, messages, event. */
typedef struct {
	void (*synic)(gpointer data, guint vp); /* end of message, or registers changed */
	void (*message)(gpointer data, guint32 port, const guint8 *payload, gsize len);
	void (*event)(gpointer data, const VmEvent *event);
} MailOps;

Mail *mail_new(const MailOps *ops, gpointer data);
void mail_free(Mail *mail);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mail, mail_free)

/* From any thread. FALSE: the queue is full. */
gboolean mail_message(Mail *mail, guint32 port, const guint8 *payload, gsize len);
void mail_synic(Mail *mail, guint vp);
/* Copied. Of a guest that crashes again and again only the first crashes are taken. */
void mail_event(Mail *mail, const VmEvent *event);

/* Forget what has not been delivered: another guest begins. Main context. */
void mail_clear(Mail *mail);
/* How often a message found the queue full, how long the queue ever was. */
void mail_counters(Mail *mail, guint64 *refused, guint *longest);
