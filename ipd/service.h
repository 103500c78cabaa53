/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvis_ip_helper as an object: io.hvis.Ip on a socket, one change at a time, an end when nobody has
 * wanted anything for a while. Everything on the default main context but the change itself.
 */
#pragma once

#include <glib.h>

#include "ipd/options.h"

#define IP_ANSWER_MS 20000u /* ours: a caller is answered by then, sooner where it says so */
#define IP_IDLE_MS 30000u /* ours: after that without a caller the helper ends */

typedef struct IpService IpService;

/* @options must outlive it. A wrong configuration is logged and switches the host off. */
IpService *ip_service_new(const IpOptions *options);
/* Takes a change under way back, and waits for that. */
void ip_service_free(IpService *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpService, ip_service_free)

/* Listen on the socket of the options, or on the service manager's; recover; tell the manager. */
gboolean ip_service_start(IpService *service, GError **error);

/* Until SIGTERM, SIGINT, or idleness. */
void ip_service_run(IpService *service);
