/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A serial port: the UART model, its lock, and what is at the other end of the line (descriptors,
 * a file, a unix socket, a terminal). The register side is called on processor threads; all input
 * and output is done on the main context, and nothing there ever blocks for long.
 */
#pragma once

#include <glib.h>
#include "host/vm/vm.h"

typedef struct Serial Serial;

typedef struct {
	void (*line)(gpointer data, gboolean level); /* any thread, under the port's lock */
	void (*escape)(gpointer data); /* main context */
	/* Main context, once: what the guest writes from now on is lost. "console: No space left" */
	void (*lost)(gpointer data, const char *text);
} SerialOps;

Serial *serial_new(const char *name, const VmSerial *where, const SerialOps *ops, gpointer data,
	GError **error);
void serial_free(Serial *serial);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Serial, serial_free)

guint8 serial_read(Serial *serial, guint reg);
void serial_write(Serial *serial, guint reg, guint8 value);

/* The machine was reset: registers as after power-on. What was sent before still goes out. */
void serial_reset(Serial *serial);
/* Write what the guest has sent so far, as far as the other end takes it. */
void serial_flush(Serial *serial);

/* { "sent": n, "received": n, "lost": n } */
struct json_object *serial_describe(Serial *serial);
