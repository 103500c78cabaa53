/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket: io.hvis.Host (host/io.hvis.Host.varlink) over the services, the trace, the
 * fault table and the watchdog of a running host. Knows nothing of machines: what there is beyond
 * the services comes through ControlHost. Main context only.
 */
#pragma once

#include <glib.h>
#include "host/service/service.h"

#define CONTROL_INTERFACE "io.hvis.Host"

typedef struct Control Control;

typedef struct {
	const char *mode; /* "run", "link" */
	HostServices *services;
	/* Add "machine", "bus" or "directory" to the answer of GetInfo. */
	void (*describe)(struct json_object *info, gpointer data);
	/* The reset button; NULL where there is none. */
	gboolean (*reset)(gpointer data, GError **error);
	gpointer data;
	void (*quit)(gpointer data);
	gpointer quit_data;
} ControlHost;

/* @host is copied; what it points to must outlive the control, except that the services are freed
 * first: that ends every request that is under way. */
Control *control_new(const ControlHost *host);
void control_free(Control *control);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Control, control_free)

/* Listen on @path, for root and the own user. */
gboolean control_listen(Control *control, const char *path, GError **error);

/*
 * Something became of the guest: "poweroff", "hibernate", "reset", "crash", "triple-fault",
 * "error", "quit". It answers those who wait for it, and with @last, after which the host ends,
 * also those who wait for that.
 */
void control_event(Control *control, const char *kind, const char *text, gboolean last);
