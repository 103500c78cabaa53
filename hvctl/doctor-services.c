/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl doctor: what the host offers, what drives it, and the devices for our daemons. */
#include "hvctl/doctor-checks.h"

#include <string.h>
#include <sys/stat.h>

#define DRIVER "hv_utils"
#define UIO_DRIVER "uio_hv_generic"
#define FCOPY_NAME "/dev/hvis/fcopy"

const DoctorService doctor_services[] = {
	{ "kvp", "key-value pairs", HVCTL_KVP_CLASS, "Key-Value Pair Exchange", &hvctl_service_kvp,
		&hvctl_kvp_daemon, TRUE, TRUE },
	{ "vss", "backups", HVCTL_VSS_CLASS, "VSS", &hvctl_service_vss, &hvctl_vss_daemon, TRUE,
		FALSE },
	{ "fcopy", "file copy", HVCTL_FCOPY_CLASS, "Guest Service Interface", &hvctl_service_fcopy,
		&hvctl_fcopy_daemon, FALSE, FALSE },
	{ "heartbeat", "heartbeat", "57164f39-9115-4e78-ab55-382f3bd5422d", "Heartbeat", NULL, NULL,
		TRUE, TRUE },
	{ "shutdown", "shutdown by the host", "0e0b6031-5213-4934-818b-38d90ced39db", "Shutdown",
		NULL, NULL, TRUE, TRUE },
	{ "timesync", "time synchronization", "9527e630-d0ae-497b-adce-e80ab0175caf",
		"Time Synchronization", NULL, NULL, TRUE, TRUE },
	{ NULL, NULL, NULL, NULL, NULL, NULL, FALSE, FALSE },
};

const DoctorService *doctor_service(const char *name)
{
	const DoctorService *service = doctor_services;

	while (!g_str_equal(service->name, name))
		service++;
	return service;
}

gboolean doctor_wants(Doctor *doctor, const DoctorService *service)
{
	g_autofree char *unit = g_strconcat(service->served->unit, ".service", NULL);
	const char *state = doctor_unit(doctor, unit, "UnitFileState");

	return g_str_equal(state, "enabled") || g_str_equal(state, "enabled-runtime");
}

/* From then on file copy is no device of hv_utils. */
static gboolean is_by_uio(const Doctor *doctor, const DoctorService *service)
{
	return service->served == &hvctl_service_fcopy && doctor_kernel_is(doctor, 6, 10) &&
	       !doctor_exists(doctor, HVCTL_FCOPY_DEVICE);
}

/* --- what the host offers --- */

static void say_not_offered(Doctor *doctor, const DoctorService *service)
{
	gboolean is_usual = doctor_on_azure(doctor) ? service->is_on_azure : service->is_default;
	g_autofree char *todo = g_strdup_printf(
		"on the host: Enable-VMIntegrationService -VMName NAME -Name \"%s\"",
		service->setting);

	if (is_usual)
		doctor_say(doctor, "missing", service->name, todo, "the host does not offer %s",
			service->title);
	else if (doctor_on_azure(doctor))
		doctor_say(doctor, "off", service->name, NULL, "Azure does not offer %s",
			service->title);
	else
		doctor_say(doctor, "off", service->name, todo,
			"the host does not offer %s, which it does only where told to",
			service->title);
}

void doctor_check_offer(Doctor *doctor)
{
	g_autoptr(GString) offered = g_string_new(NULL);

	if (!doctor_exists(doctor, "/sys/bus/vmbus/devices"))
		return;
	for (const DoctorService *service = doctor_services; service->name; service++) {
		g_autofree char *device = doctor_offer(doctor, service->class);

		if (device)
			g_string_append_printf(
				offered, "%s%s", offered->len ? ", " : "", service->name);
		else
			say_not_offered(doctor, service);
	}
	if (offered->len)
		doctor_say(doctor, "ok", NULL, NULL, "the host offers %s", offered->str);
}

/* --- what drives it --- */

static gboolean has_driver(Doctor *doctor, const DoctorService *service, const char *device)
{
	g_autofree char *driver = doctor_link(doctor, "%s/driver", device);
	g_autofree char *id = g_path_get_basename(device);
	g_autofree char *todo = g_strdup_printf(
		"echo %s >/sys/bus/vmbus/drivers/" DRIVER "/bind; dmesg | grep hv_util", id);

	if (!driver)
		doctor_say(doctor, "none", service->name, todo,
			"nothing drives %s, though the host offers it", service->title);
	else if (!g_str_equal(driver, DRIVER) && !g_str_has_prefix(driver, "hvis_"))
		doctor_say(doctor, "other", service->name, NULL,
			"%s is driven by %s, not by " DRIVER, service->title, driver);
	else
		return TRUE;
	return FALSE;
}

void doctor_check_driver(Doctor *doctor)
{
	gboolean any = FALSE, all = TRUE;

	if (!doctor_exists(doctor, "/sys/bus/vmbus/drivers/" DRIVER))
		return; /* which utils has told */
	for (const DoctorService *service = doctor_services; service->name; service++) {
		g_autofree char *device = doctor_offer(doctor, service->class);

		if (!device || is_by_uio(doctor, service))
			continue;
		any = TRUE;
		all = has_driver(doctor, service, device) && all;
	}
	if (any && all)
		doctor_say(doctor, "ok", NULL, NULL, DRIVER " drives what is offered");
}

/* --- devices --- */

/* The number of group @name of the machine, -1 where there is none. */
static gint64 group_id(const Doctor *doctor, const char *name)
{
	g_autofree char *text = doctor_read(doctor, "/etc/group");
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, ":", -1);

		if (g_strv_length(fields) > 2 && g_str_equal(fields[0], name))
			return g_ascii_strtoll(fields[2], NULL, 10);
	}
	return -1;
}

/* The daemon has no right to open it but as its group, which udev's rule gives it. */
static gboolean has_rights(Doctor *doctor, const DoctorService *service)
{
	g_autofree char *path = doctor_path(doctor, "%s", service->served->device);
	gint64 gid = group_id(doctor, HVCTL_KVP_USER);
	struct stat st;

	if (service->served != &hvctl_service_kvp || gid < 0 || stat(path, &st) < 0 ||
		(st.st_gid == gid && (st.st_mode & 0060) == 0060))
		return TRUE;
	doctor_say(doctor, "rights", service->name,
		"udevadm control --reload; udevadm trigger --action=add --subsystem-match=misc",
		"%s is not group " HVCTL_KVP_USER "'s to read and write: udev's rule 60-hvis.rules "
		"has not been applied",
		service->served->device);
	return FALSE;
}

/* By this name the unit is started; udev's rule gives it to whichever device there is. */
static gboolean is_named(Doctor *doctor, const char *word, const char *subsystem)
{
	g_autofree char *todo = g_strdup_printf(
		"udevadm control --reload; udevadm trigger --action=add --subsystem-match=%s",
		subsystem);

	if (!doctor_has_systemd(doctor) || doctor_exists(doctor, FCOPY_NAME))
		return TRUE;
	doctor_say(doctor, word, "fcopy", todo,
		"the device of file copy has not the name " FCOPY_NAME
		", by which its daemon is started: udev's rule 60-hvis.rules has not been applied");
	return FALSE;
}

static gboolean has_node(Doctor *doctor, const DoctorService *service)
{
	if (doctor_exists(doctor, "%s", service->served->device))
		return has_rights(doctor, service) && (service->served != &hvctl_service_fcopy ||
							      is_named(doctor, "unnamed", "misc"));
	doctor_say(doctor, "missing", service->name,
		"udevadm trigger --action=add --subsystem-match=misc; dmesg | grep -i hv_util",
		"%s is offered and has a driver, but %s is not there", service->title,
		service->served->device);
	return FALSE;
}

void doctor_check_device(Doctor *doctor)
{
	g_autoptr(GString) there = g_string_new(NULL);

	for (const DoctorService *service = doctor_services; service->name; service++) {
		g_autofree char *device = doctor_offer(doctor, service->class);
		g_autofree char *driver = device ? doctor_link(doctor, "%s/driver", device) : NULL;

		if (!service->served || !driver || is_by_uio(doctor, service))
			continue;
		if (has_node(doctor, service))
			g_string_append_printf(
				there, "%s%s", there->len ? ", " : "", service->served->device);
	}
	if (there->len)
		doctor_say(doctor, "ok", NULL, NULL, "%s", there->str);
}

/* --- file copy from Linux 6.10 on --- */

#define BIND "modprobe " UIO_DRIVER "; udevadm trigger --action=add --subsystem-match=vmbus"

/* What keeps it from being used. */
static void say_no_uio(Doctor *doctor, const char *device, const char *driver)
{
	g_autofree char *id = g_path_get_basename(device);
	g_autofree char *take = g_strdup_printf(
		"echo %s >/sys/bus/vmbus/drivers/%s/unbind; " BIND, id, driver ? driver : "");

	if (driver)
		doctor_say(doctor, "other", "fcopy", take,
			"file copy is driven by %s, not by " UIO_DRIVER, driver);
	else if (doctor_exists(doctor, "/sys/bus/vmbus/drivers/" UIO_DRIVER))
		doctor_say(doctor, "unbound", "fcopy", BIND,
			UIO_DRIVER " is loaded, but does not drive file copy");
	else if (doctor_has_module(doctor, UIO_DRIVER))
		doctor_say(doctor, "unloaded", "fcopy", BIND,
			UIO_DRIVER ", which drives file copy from Linux 6.10 on, is not loaded");
	else
		doctor_say(doctor, "absent", "fcopy",
			"install the distribution's usual kernel, or one with "
			"CONFIG_UIO_HV_GENERIC",
			"this kernel has no " UIO_DRIVER ", which drives file copy from Linux 6.10 "
			"on");
}

/* Whether anybody wants it: without systemd there is nobody to say no. */
static gboolean is_wanted(Doctor *doctor, const DoctorService *service)
{
	return doctor_has_systemd(doctor) ? doctor_wants(doctor, service)
					  : doctor_is_installed(doctor, service);
}

void doctor_check_uio(Doctor *doctor)
{
	const DoctorService *service = doctor_service("fcopy");
	g_autofree char *device = doctor_offer(doctor, service->class);
	g_autofree char *driver = device ? doctor_link(doctor, "%s/driver", device) : NULL;

	if (!device || !is_by_uio(doctor, service))
		return;
	if (g_strcmp0(driver, UIO_DRIVER) != 0) {
		if (is_wanted(doctor, service)) /* else unit tells of it */
			say_no_uio(doctor, device, driver);
	} else if (is_named(doctor, "unnamed", "uio"))
		doctor_say(doctor, "ok", "fcopy", NULL, UIO_DRIVER " drives file copy");
}
