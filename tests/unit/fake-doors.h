/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small doubles of host/trace.h, host/fault.h and host/owed.h, for tests that want to see what is
 * traced and owed, and to lose or hold a message on its way.
 */
#pragma once

#include <glib.h>
#include "host/fault.h"
#include "host/owed.h"
#include "host/trace.h"

/* Was a line with @text in it traced since the last fake_trace_clear()? */
gboolean fake_trace_seen(const char *text);
void fake_trace_clear(void);

/* Answers that are due now and contain @text; "" counts all. */
guint fake_owed_count(const char *text);

/* What happens to the next message or packet with @subject; then things are as before. */
typedef enum { FAKE_FAULT_NONE, FAKE_FAULT_DROP, FAKE_FAULT_TWICE, FAKE_FAULT_HOLD } FakeFault;
void fake_fault_set(const char *subject, FakeFault fault);
void fake_fault_release(void); /* deliver what was held */
