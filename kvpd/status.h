/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the daemon is, in words for the service manager and the journal, and as type Status of
 * io.hvis.Kvp. Only formats; the numbers belong to others.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#include <service/service.h>

#include "kvpd/look.h"
#include "kvpd/store.h"

typedef struct {
	HvisService *service;
	KvpStore *store;
	const KvpPoolFiles *files; /* NULL: they do not let themselves be looked at */
	gint64 now_us; /* of the service's clock */
	const char *kernel; /* what the kernel said at registration; NULL = nothing yet */
	const char *request; /* the last one: "set external"; NULL = none yet */
	gint64 request_time_us; /* real time */
	guint64 refused; /* requests answered with a failure of ours */
} KvpStatus;

/* One line: "Waiting for the host: open /dev/vmbus/hv_kvp: No such file…", "Ready: protocol 3.1". */
char *kvp_status_text(HvisServiceState state, const char *reason, const char *kernel);

struct json_object *kvp_status_json(const KvpStatus *status);
