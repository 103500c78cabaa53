/* SPDX-License-Identifier: GPL-2.0-only */
/* The checks of "hvctl doctor", one function each, and what they share: the services. For doctor*.c. */
#pragma once

#include "hvctl/call.h"
#include "hvctl/doctor.h"

const char *doctor_severity_name(DoctorSeverity severity);

/* A service that the host may offer, whether a daemon of ours or the kernel serves it. */
typedef struct {
	const char *name; /* "kvp" */
	const char *title; /* "key-value pairs" */
	const char *class; /* as sysfs writes it */
	const char *setting; /* what PowerShell calls it */
	const HvctlService *served; /* by a daemon of ours; NULL: by the kernel */
	const HvctlDaemon *daemon; /* that one */
	gboolean is_default; /* Hyper-V offers it unless told not to */
	gboolean is_on_azure;
} DoctorService;

extern const DoctorService doctor_services[]; /* a NULL name ends it */

/* What a daemon has answered to GetStatus. */
typedef struct {
	struct json_object *status; /* NULL: it has not, because of error */
	GError *error;
} DoctorAnswer;

/* The status of @service's daemon, borrowed; NULL where it does not answer, and *@why (may be NULL) says why. */
struct json_object *doctor_status(Doctor *doctor, const DoctorService *service, const GError **why);

/* The service called @name. */
const DoctorService *doctor_service(const char *name);

gboolean doctor_is_offered(const Doctor *doctor, const DoctorService *service);
/* Whether there is a systemd, and it answers. */
gboolean doctor_hears_systemd(Doctor *doctor);
gboolean doctor_is_installed(Doctor *doctor, const DoctorService *service);

/* Whether the unit of @service is enabled, by itself or by a link; without systemd it is not. */
gboolean doctor_wants(Doctor *doctor, const DoctorService *service);

void doctor_check_guest(Doctor *doctor);
void doctor_check_kernel(Doctor *doctor);
void doctor_check_vmbus(Doctor *doctor);
void doctor_check_utils(Doctor *doctor);
void doctor_check_offer(Doctor *doctor);
void doctor_check_driver(Doctor *doctor);
void doctor_check_device(Doctor *doctor);
void doctor_check_uio(Doctor *doctor);
void doctor_check_unit(Doctor *doctor);
void doctor_check_daemon(Doctor *doctor);
void doctor_check_conflict(Doctor *doctor);
void doctor_check_request(Doctor *doctor);
void doctor_check_version(Doctor *doctor);
void doctor_check_trust(Doctor *doctor);
void doctor_check_pools(Doctor *doctor);
void doctor_check_sockets(Doctor *doctor);
void doctor_check_config(Doctor *doctor);
void doctor_check_plan(Doctor *doctor);
void doctor_check_frozen(Doctor *doctor);
void doctor_check_sandbox(Doctor *doctor);
void doctor_check_hooks(Doctor *doctor);
void doctor_check_backup(Doctor *doctor);
void doctor_check_clocksource(Doctor *doctor);
void doctor_check_ptp(Doctor *doctor);
void doctor_check_clock(Doctor *doctor);
void doctor_check_jumps(Doctor *doctor);
void doctor_check_boot(Doctor *doctor);
void doctor_check_journal(Doctor *doctor);
void doctor_check_denials(Doctor *doctor);
