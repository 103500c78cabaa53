// SPDX-License-Identifier: GPL-2.0-only
/* From processor threads to the main context: bounded, in order, whole; and event connections. */
#include "config.h"

#include <glib.h>
#include <string.h>
#include "host/vm/mail.h"
#include "host/vm/signals.h"
#include "host/vm/vm.h"
#include "util/error.h"

#define DEADLINE_US (20 * G_USEC_PER_SEC)

typedef struct {
	Mail *mail;
	GString *log;
	GThread *main_thread;
	guint received[2];
	gboolean in_order;
} Box;

static void on_synic(gpointer data, guint vp)
{
	Box *b = data;

	g_string_append_printf(b->log, "synic%u ", vp);
}

static void on_message(gpointer data, guint32 port, const guint8 *payload, gsize len)
{
	Box *b = data;

	g_assert_true(g_thread_self() == b->main_thread);
	if (len == sizeof(guint32)) { /* of a flood: a number that must be the next one */
		guint32 n;

		memcpy(&n, payload, len);
		b->in_order &= n == b->received[port]++;
		return;
	}
	g_string_append_printf(b->log, "%u:%.*s ", port, (int)len, (const char *)payload);
}

static void on_event(gpointer data, const VmEvent *event)
{
	Box *b = data;

	g_string_append_printf(b->log, "%s(%s) ", vm_event_name(event->kind), event->text);
}

static const MailOps ops = { on_synic, on_message, on_event };

static void set_up(Box *b, gconstpointer data G_GNUC_UNUSED)
{
	memset(b, 0, sizeof(*b));
	b->log = g_string_new(NULL);
	b->main_thread = g_thread_self();
	b->in_order = TRUE;
	b->mail = mail_new(&ops, b);
}

static void tear_down(Box *b, gconstpointer data G_GNUC_UNUSED)
{
	mail_free(b->mail);
	g_string_free(b->log, TRUE);
}

static void drain(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static gboolean send_text(Box *b, guint32 port, const char *text)
{
	return mail_message(b->mail, port, (const guint8 *)text, strlen(text));
}

static void test_order(Box *b, gconstpointer data G_GNUC_UNUSED)
{
	char text[] = "bye";
	VmEvent off = { .kind = VM_EVENT_POWEROFF, .text = text };
	VmEvent error = { .kind = VM_EVENT_ERROR, .text = "then" };

	mail_event(b->mail, &off);
	memcpy(text, "xxx", 3); /* it has a copy */
	mail_event(b->mail, &error);
	g_assert_true(send_text(b, 4, "one"));
	g_assert_true(send_text(b, 1, "two"));
	mail_synic(b->mail, 1);
	mail_synic(b->mail, 0);
	mail_synic(b->mail, 1);
	drain();
	g_assert_cmpstr(b->log->str, ==, "synic0 synic1 4:one 1:two power-off(bye) error(then) ");
	drain();
	g_assert_cmpstr(b->log->str, ==, "synic0 synic1 4:one 1:two power-off(bye) error(then) ");
}

static void test_full(Box *b, gconstpointer data G_GNUC_UNUSED)
{
	guint64 refused;
	guint longest;

	for (guint32 i = 0; i < MAIL_MESSAGES_MAX; i++)
		g_assert_true(mail_message(b->mail, 0, (const guint8 *)&i, sizeof(i)));
	g_assert_false(send_text(b, 4, "too many"));
	g_assert_false(send_text(b, 4, "too many"));
	mail_counters(b->mail, &refused, &longest);
	g_assert_cmpuint(refused, ==, 2);
	g_assert_cmpuint(longest, ==, MAIL_MESSAGES_MAX);
	drain();
	g_assert_true(b->in_order);
	g_assert_cmpuint(b->received[0], ==, MAIL_MESSAGES_MAX);
	g_assert_true(send_text(b, 4, "again"));
	drain();
	g_assert_cmpstr(b->log->str, ==, "4:again ");
}

static void test_clear(Box *b, gconstpointer data G_GNUC_UNUSED)
{
	VmEvent event = { .kind = VM_EVENT_RESET, .text = "gone" };

	send_text(b, 4, "gone");
	mail_synic(b->mail, 3);
	mail_event(b->mail, &event);
	mail_clear(b->mail);
	drain();
	g_assert_cmpstr(b->log->str, ==, "");
}

typedef struct {
	Box *box;
	guint32 port;
} Flood;

static gpointer flood(gpointer data)
{
	Flood *f = data;

	for (guint32 i = 0; i < 20000;) {
		if (mail_message(f->box->mail, f->port, (const guint8 *)&i, sizeof(i)))
			i++;
		else
			g_thread_yield(); /* as the guest tries again */
	}
	return NULL;
}

static void test_flood(Box *b, gconstpointer data G_GNUC_UNUSED)
{
	gint64 deadline = g_get_monotonic_time() + 3 * DEADLINE_US;
	Flood floods[2] = { { b, 0 }, { b, 1 } };
	GThread *threads[2];

	for (guint i = 0; i < 2; i++)
		threads[i] = g_thread_new("flood", flood, &floods[i]);
	while (b->received[0] + b->received[1] < 40000 && g_get_monotonic_time() < deadline)
		g_main_context_iteration(NULL, TRUE);
	for (guint i = 0; i < 2; i++)
		g_thread_join(threads[i]);
	drain();
	g_assert_cmpuint(b->received[0], ==, 20000);
	g_assert_cmpuint(b->received[1], ==, 20000);
	g_assert_true(b->in_order);
}

typedef struct {
	Signals *signals;
	guint32 last;
	guint count, remove_on;
} Wires;

static void on_signal(gpointer data, guint32 id)
{
	Wires *w = data;

	w->last = id;
	w->count++;
	if (w->remove_on == id)
		signals_remove(w->signals, id);
}

static void test_signals(void)
{
	Wires w = { 0 };
	g_autoptr(GError) error = NULL;

	w.signals = signals_new(on_signal, &w);
	g_assert_false(signals_raise(w.signals, 0x2001));
	g_assert_cmpint(signals_add(w.signals, 0x2001, &error), >=, 0);
	g_assert_cmpint(signals_add(w.signals, 0x2002, &error), >=, 0);
	g_assert_no_error(error);
	g_assert_cmpint(signals_add(w.signals, 0x2001, &error), ==, -1);
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_EXISTS);
	g_clear_error(&error);
	g_assert_cmpint(signals_add(w.signals, SIGNALS_ID_MAX + 1, &error), ==, -1);
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_INVALID);
	g_assert_true(signals_raise(w.signals, 0x2002));
	g_assert_true(signals_raise(w.signals, 0x2002)); /* two before anybody looks are one */
	drain();
	g_assert_cmphex(w.last, ==, 0x2002);
	g_assert_cmpuint(w.count, ==, 1);
	w.remove_on = 0x2001; /* from within its own notification */
	g_assert_true(signals_raise(w.signals, 0x2001));
	drain();
	g_assert_cmpuint(w.count, ==, 2);
	g_assert_false(signals_raise(w.signals, 0x2001));
	g_assert_cmpuint(signals_count(w.signals), ==, 1);
	g_assert_true(signals_raise(w.signals, 0x2002));
	signals_free(w.signals); /* with a signal on its way */
	drain();
	g_assert_cmpuint(w.count, ==, 2);
}

static void refuse(const VmOptions *options, HvisErrorCode code, const char *says)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(vm_new(options, NULL, NULL, &error));
	g_assert_error(error, HVIS_ERROR, (gint)code);
	if (!strstr(error->message, says))
		g_error("\"%s\" does not say \"%s\"", error->message, says);
}

static void test_options(void)
{
	VmOptions o = VM_OPTIONS_INIT;

	refuse(&o, HVIS_ERROR_INVALID, "no kernel");
	o.kernel = "/nonexistent/bzImage";
	refuse(&o, HVIS_ERROR_NOT_FOUND, "/nonexistent/bzImage");
	o.cpus = 0;
	refuse(&o, HVIS_ERROR_INVALID, "0 processors");
	o.cpus = VM_CPUS_MAX + 1;
	refuse(&o, HVIS_ERROR_INVALID, "5 processors");
	o.cpus = 1;
	o.memory_mb = VM_MEMORY_MB_MIN - 1;
	refuse(&o, HVIS_ERROR_INVALID, "MiB of memory");
	o.memory_mb = G_MAXUINT;
	refuse(&o, HVIS_ERROR_INVALID, "MiB of memory");
}

static void test_synic_names(void)
{
	g_autoptr(GError) error = NULL;
	VmSynic synic = VM_SYNIC_N;

	for (VmSynic s = VM_SYNIC_AUTO; s < VM_SYNIC_N; s++) {
		g_assert_true(vm_synic_parse(vm_synic_name(s), &synic, &error));
		g_assert_cmpint(synic, ==, s);
	}
	g_assert_false(vm_synic_parse("fast", &synic, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_INVALID);
	g_assert_cmpint(synic, ==, VM_SYNIC_USER); /* untouched */
}

/* A guest that does nothing but report panics: neither memory nor the log is its to fill. */
static void test_crash_flood(Box *b, gconstpointer data G_GNUC_UNUSED)
{
	const VmEvent crash = { .kind = VM_EVENT_CRASH, .text = "x" };
	const VmEvent end = { .kind = VM_EVENT_POWEROFF, .text = "y" };

	for (guint i = 0; i < 1000; i++)
		mail_event(b->mail, &crash);
	mail_event(b->mail, &end);
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_cmpuint(
		b->log->len, ==, MAIL_CRASHES_MAX * strlen("crash(x) ") + strlen("power-off(y) "));
	g_assert_true(g_str_has_suffix(b->log->str, "crash(x) power-off(y) "));
	mail_clear(b->mail);
	g_string_set_size(b->log, 0);
	mail_event(b->mail, &crash);
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_cmpstr(b->log->str, ==, "crash(x) ");
}

#define ADD(path, func) g_test_add(path, Box, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/vm/mail/order", test_order);
	ADD("/vm/mail/full", test_full);
	ADD("/vm/mail/clear", test_clear);
	ADD("/vm/mail/flood", test_flood);
	ADD("/vm/mail/crash-flood", test_crash_flood);
	g_test_add_func("/vm/signals", test_signals);
	g_test_add_func("/vm/options", test_options);
	g_test_add_func("/vm/synic-names", test_synic_names);
	return g_test_run();
}
