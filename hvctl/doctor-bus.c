/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl doctor: the machine itself, its kernel, and the VMBus. */
#include "hvctl/doctor-checks.h"

#include <string.h>

#define LEAF_FEATURES 0x1u
#define FEATURES_C_HYPERVISOR (1u << 31)
#define LEAF_VENDOR 0x40000000u

/* --- is this a guest? --- */

/* The hypervisor's twelve letters, new; NULL where the processor names none. */
static char *hypervisor(Doctor *doctor)
{
	HvisCpuid r;
	char name[13] = { 0 };

	if (!(doctor_cpuid(LEAF_FEATURES, 0, doctor).c & FEATURES_C_HYPERVISOR))
		return NULL;
	r = doctor_cpuid(LEAF_VENDOR, 0, doctor);
	memcpy(name, (const guint32[]){ r.b, r.c, r.d }, 12);
	return g_str_to_ascii(name, "C");
}

/* As a processor of another kind would have it, whose hypervisor has no CPUID. */
static gboolean firmware_says(const Doctor *doctor)
{
	g_autofree char *vendor = doctor_read(doctor, "/sys/class/dmi/id/sys_vendor");
	g_autofree char *product = doctor_read(doctor, "/sys/class/dmi/id/product_name");

	return g_strcmp0(vendor, "Microsoft Corporation") == 0 &&
	       g_strcmp0(product, "Virtual Machine") == 0;
}

static gboolean in_container(const Doctor *doctor)
{
	return doctor_exists(doctor, "/run/systemd/container") ||
	       doctor_exists(doctor, "/run/.containerenv") || doctor_exists(doctor, "/.dockerenv");
}

void doctor_check_guest(Doctor *doctor)
{
	g_autofree char *vendor = hypervisor(doctor);
	gboolean is_guest = g_strcmp0(vendor, "Microsoft Hv") == 0 || firmware_says(doctor) ||
			    doctor_exists(doctor, "/sys/bus/vmbus");

	doctor->ended = !is_guest || in_container(doctor);
	if (!is_guest && vendor)
		doctor_say(doctor, "none", NULL, NULL,
			"this is no guest of Hyper-V (its hypervisor is \"%s\"): there is nothing "
			"for these services to do",
			vendor);
	else if (!is_guest)
		doctor_say(doctor, "none", NULL, NULL,
			"this is no guest of Hyper-V, nor of any other hypervisor: there is "
			"nothing "
			"for these services to do");
	else if (doctor->ended)
		doctor_say(doctor, "container", NULL,
			"run it in the guest, outside of the container",
			"this is a container; the host's services are for the guest that it is in");
	else
		doctor_say(doctor, "ok", NULL, NULL, "a guest of Hyper-V%s",
			doctor_on_azure(doctor) ? ", on Azure" : "");
}

/* --- the kernel --- */

void doctor_check_kernel(Doctor *doctor)
{
	g_autofree char *release = doctor_release(doctor);

	if (!doctor_kernel_is(doctor, 4, 2))
		doctor_say(doctor, "old", NULL, "boot a newer kernel; 4.2 is the first one",
			"Linux %s has no devices for these daemons", release);
	else if (!doctor_exists(doctor, "/lib/modules/%s", release) &&
		 doctor_exists(doctor, "/lib/modules"))
		doctor_say(doctor, "replaced", NULL, "systemctl reboot",
			"the modules of the running kernel %s are gone, as after an upgrade: what "
			"is not loaded yet cannot be",
			release);
	else
		doctor_say(doctor, "ok", NULL, NULL, "Linux %s", release);
}

/* --- the bus --- */

static gboolean has_devices(const Doctor *doctor)
{
	g_autofree char *path = doctor_path(doctor, "/sys/bus/vmbus/devices");
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

	return dir && g_dir_read_name(dir);
}

void doctor_check_vmbus(Doctor *doctor)
{
	if (has_devices(doctor))
		doctor_say(doctor, "ok", NULL, NULL, "the VMBus is there");
	else if (doctor_exists(doctor, "/sys/bus/vmbus"))
		doctor_say(doctor, "empty", NULL, "dmesg | grep -i vmbus",
			"the VMBus is there, but the host offers no device on it");
	else if (doctor_has_module(doctor, "hv_vmbus"))
		doctor_say(doctor, "unloaded", NULL, "modprobe hv_vmbus",
			"the VMBus is not there: its driver hv_vmbus is not loaded");
	else
		doctor_say(doctor, "absent", NULL,
			"install the distribution's usual kernel, or one with CONFIG_HYPERV",
			"the VMBus is not there, and this kernel has no driver hv_vmbus");
}

void doctor_check_utils(Doctor *doctor)
{
	if (!doctor_exists(doctor, "/sys/bus/vmbus"))
		return; /* that it depends on, and vmbus has told */
	if (doctor_exists(doctor, "/sys/bus/vmbus/drivers/hv_utils") ||
		doctor_exists(doctor, "/sys/module/hv_utils"))
		doctor_say(doctor, "ok", NULL, NULL, "hv_utils is loaded");
	else if (doctor_has_module(doctor, "hv_utils"))
		doctor_say(doctor, "unloaded", NULL, "modprobe hv_utils",
			"hv_utils, the driver of the services, is not loaded");
	else
		doctor_say(doctor, "absent", NULL,
			"install the distribution's usual kernel, or one with CONFIG_HYPERV_UTILS",
			"this kernel has no hv_utils, the driver of the services");
}
