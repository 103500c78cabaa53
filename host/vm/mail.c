// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one hand-over between processor threads and the main context.
 */
#include "config.h"

#include "host/vm/mail.h"

#include <string.h>

typedef struct {
	guint32 port;
	guint16 len;
	guint8 payload[HVIS_MESSAGE_MAX];
} MailMessage;

struct Mail {
	GSource source;
	const MailOps *ops;
	gpointer data;
	GMutex lock; /* all below */
	MailMessage queue[MAIL_MESSAGES_MAX];
	guint head, count, longest;
	guint64 refused;
	guint32 synic; /* bit n: processor n */
	GQueue events; /* of VmEvent, text owned */
	guint crashes; /* taken since the last mail_clear() */
};

static void mail_event_free(gpointer data)
{
	VmEvent *event = data;

	g_free((char *)event->text);
	g_free(event);
}

static guint32 mail_take_synic(Mail *mail)
{
	guint32 synic;

	g_mutex_lock(&mail->lock);
	synic = mail->synic;
	mail->synic = 0;
	g_mutex_unlock(&mail->lock);
	return synic;
}

static gboolean mail_take_message(Mail *mail, MailMessage *ret)
{
	gboolean any;

	g_mutex_lock(&mail->lock);
	any = mail->count > 0;
	if (any) {
		*ret = mail->queue[mail->head];
		mail->head = (mail->head + 1) % MAIL_MESSAGES_MAX;
		mail->count--;
	}
	g_mutex_unlock(&mail->lock);
	return any;
}

static VmEvent *mail_take_event(Mail *mail)
{
	VmEvent *event;

	g_mutex_lock(&mail->lock);
	event = g_queue_pop_head(&mail->events);
	g_mutex_unlock(&mail->lock);
	return event;
}

static gboolean mail_any(Mail *mail)
{
	gboolean any;

	g_mutex_lock(&mail->lock);
	any = mail->synic || mail->count || !g_queue_is_empty(&mail->events);
	g_mutex_unlock(&mail->lock);
	return any;
}

static gboolean mail_dispatch(GSource *source, GSourceFunc func, gpointer data G_GNUC_UNUSED)
{
	Mail *mail = (Mail *)source;
	guint32 synic;
	MailMessage message;
	VmEvent *event;

	(void)func;
	g_source_set_ready_time(source, -1);
	synic = mail_take_synic(mail);
	for (guint vp = 0; vp < VM_CPUS_MAX; vp++)
		if (synic & 1u << vp)
			mail->ops->synic(mail->data, vp);
	/* At most a queue of messages in a turn: a guest that floods must not stop everything else. */
	for (guint i = 0; i < MAIL_MESSAGES_MAX && mail_take_message(mail, &message); i++)
		mail->ops->message(mail->data, message.port, message.payload, message.len);
	event = mail_take_event(mail);
	if (event) {
		mail->ops->event(mail->data, event);
		mail_event_free(event);
	}
	if (mail_any(mail))
		g_source_set_ready_time(source, 0);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs mail_funcs = { .dispatch = mail_dispatch };

Mail *mail_new(const MailOps *ops, gpointer data)
{
	Mail *mail = (Mail *)g_source_new(&mail_funcs, sizeof(*mail));

	mail->ops = ops;
	mail->data = data;
	g_mutex_init(&mail->lock);
	g_queue_init(&mail->events);
	g_source_set_name(&mail->source, "vm-mail");
	g_source_attach(&mail->source, NULL);
	return mail;
}

void mail_free(Mail *mail)
{
	if (!mail)
		return;
	g_source_destroy(&mail->source);
	g_queue_clear_full(&mail->events, mail_event_free);
	g_mutex_clear(&mail->lock);
	g_source_unref(&mail->source);
}

gboolean mail_message(Mail *mail, guint32 port, const guint8 *payload, gsize len)
{
	gboolean room;

	g_return_val_if_fail(len <= HVIS_MESSAGE_MAX, FALSE);
	g_mutex_lock(&mail->lock);
	room = mail->count < MAIL_MESSAGES_MAX;
	if (room) {
		MailMessage *m = &mail->queue[(mail->head + mail->count) % MAIL_MESSAGES_MAX];

		m->port = port;
		m->len = (guint16)len;
		memcpy(m->payload, payload, len);
		mail->count++;
		mail->longest = MAX(mail->longest, mail->count);
	} else {
		mail->refused++;
	}
	g_mutex_unlock(&mail->lock);
	g_source_set_ready_time(&mail->source, 0);
	return room;
}

void mail_synic(Mail *mail, guint vp)
{
	g_mutex_lock(&mail->lock);
	mail->synic |= 1u << vp;
	g_mutex_unlock(&mail->lock);
	g_source_set_ready_time(&mail->source, 0);
}

/* With the lock held. All others stop the processor that reports them. */
static gboolean mail_takes(Mail *mail, const VmEvent *event)
{
	return event->kind != VM_EVENT_CRASH || mail->crashes++ < MAIL_CRASHES_MAX;
}

void mail_event(Mail *mail, const VmEvent *event)
{
	VmEvent *copy;

	g_mutex_lock(&mail->lock);
	if (mail_takes(mail, event)) {
		copy = g_memdup2(event, sizeof(*event));
		copy->text = g_strdup(event->text);
		g_queue_push_tail(&mail->events, copy);
	}
	g_mutex_unlock(&mail->lock);
	g_source_set_ready_time(&mail->source, 0);
}

void mail_clear(Mail *mail)
{
	g_mutex_lock(&mail->lock);
	mail->count = 0;
	mail->synic = 0;
	mail->crashes = 0;
	g_queue_clear_full(&mail->events, mail_event_free);
	g_mutex_unlock(&mail->lock);
}

void mail_counters(Mail *mail, guint64 *refused, guint *longest)
{
	g_mutex_lock(&mail->lock);
	*refused = mail->refused;
	*longest = mail->longest;
	g_mutex_unlock(&mail->lock);
}
