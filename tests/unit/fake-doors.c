/* SPDX-License-Identifier: GPL-2.0-only */
/* See fake-doors.h. State is global, as that of the doors themselves is. */
#include "config.h"

#include <string.h>

#include "tests/unit/fake-doors.h"

static GString *traced;
static GHashTable *owed; /* id -> text */
static guint64 last_owed;

static struct {
	const char *subject;
	FakeFault fault;
	gpointer target;
	GBytes *held;
	FaultDeliver deliver;
} next_fault;

gboolean trace_wanted(TraceLayer layer)
{
	return TRUE;
}

void trace_emit(TraceLayer layer, TraceDir dir, const char *subject, const void *bytes, gsize len,
	const char *format, ...)
{
	va_list args;

	if (!traced)
		traced = g_string_new(NULL);
	g_string_append_printf(traced, "%s: ", subject);
	va_start(args, format);
	g_string_append_vprintf(traced, format, args);
	va_end(args);
	g_string_append_c(traced, '\n');
}

gboolean fake_trace_seen(const char *text)
{
	return traced && strstr(traced->str, text);
}

void fake_trace_clear(void)
{
	if (traced)
		g_string_free(g_steal_pointer(&traced), TRUE);
}

guint64 owed_add(const char *who, guint limit_ms, const char *what, ...)
{
	guint64 *id = g_new(guint64, 1);
	va_list args;

	if (!owed)
		owed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	*id = ++last_owed;
	va_start(args, what);
	g_hash_table_insert(owed, id, g_strdup_vprintf(what, args));
	va_end(args);
	return last_owed;
}

void owed_done(guint64 id)
{
	if (owed)
		g_hash_table_remove(owed, &id);
	if (owed && g_hash_table_size(owed) == 0)
		g_clear_pointer(&owed, g_hash_table_unref);
}

void owed_clear(void)
{
	g_clear_pointer(&owed, g_hash_table_unref);
}

guint fake_owed_count(const char *text)
{
	GHashTableIter iter;
	gpointer what;
	guint n = 0;

	if (!owed)
		return 0;
	g_hash_table_iter_init(&iter, owed);
	while (g_hash_table_iter_next(&iter, NULL, &what))
		n += strstr(what, text) != NULL;
	return n;
}

void fake_fault_set(const char *subject, FakeFault fault)
{
	next_fault.subject = subject;
	next_fault.fault = fault;
}

void fault_send(FaultPoint point, const char *subject, gpointer target, const void *bytes, gsize len,
	gsize keep, FaultDeliver deliver)
{
	FakeFault fault = g_strcmp0(subject, next_fault.subject) ? FAKE_FAULT_NONE : next_fault.fault;

	g_assert_cmpuint(keep, <=, len);
	if (fault != FAKE_FAULT_NONE)
		next_fault.subject = NULL;
	switch (fault) {
	case FAKE_FAULT_DROP:
		return;
	case FAKE_FAULT_HOLD:
		next_fault.target = target;
		next_fault.held = g_bytes_new(bytes, len);
		next_fault.deliver = deliver;
		return;
	case FAKE_FAULT_TWICE:
		deliver(target, bytes, len);
		break;
	case FAKE_FAULT_NONE:
		break;
	}
	deliver(target, bytes, len);
}

void fake_fault_release(void)
{
	g_autoptr(GBytes) held = g_steal_pointer(&next_fault.held);

	if (held)
		next_fault.deliver(
			next_fault.target, g_bytes_get_data(held, NULL), g_bytes_get_size(held));
}

void fault_forget(gpointer target)
{
	if (next_fault.held && next_fault.target == target)
		g_clear_pointer(&next_fault.held, g_bytes_unref);
}
