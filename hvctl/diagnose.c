/* SPDX-License-Identifier: GPL-2.0-only */
#include "hvctl/diagnose.h"

#include <string.h>

#include "transport/find.h"

#define BUS "/sys/bus/vmbus/devices"

const HvctlService hvctl_service_kvp = {
	.device = HVCTL_KVP_DEVICE,
	.class = HVCTL_KVP_CLASS,
	.unit = "hv-kvp-daemon",
	.no_offer = "the host does not offer key-value pairs: switch on the VM's integration "
		    "service \"Data Exchange\" (Key-Value Pair Exchange)",
	.no_driver = "the host offers key-value pairs, but there is no " HVCTL_KVP_DEVICE
		     ": load the driver with \"modprobe hv_utils\"",
};

const HvctlService hvctl_service_vss = {
	.device = HVCTL_VSS_DEVICE,
	.class = HVCTL_VSS_CLASS,
	.unit = "hv-vss-daemon",
	.no_offer = "the host does not offer backups: switch on the VM's integration service "
		    "\"Backup (volume shadow copy)\"; Azure never does",
	.no_driver = "the host offers backups, but there is no " HVCTL_VSS_DEVICE
		     ": load the driver with \"modprobe hv_utils\"",
};

const HvctlService hvctl_service_fcopy = {
	.device = HVCTL_FCOPY_DEVICE,
	.class = HVCTL_FCOPY_CLASS,
	.uio = TRUE,
	.unit = "hv-fcopy-daemon",
	.no_offer = "the host does not offer file copy: switch on the VM's integration service "
		    "\"Guest services\" (Guest Service Interface), which is off unless somebody "
		    "has; Azure never does",
	.no_driver = "the host offers file copy, but no driver has made a device of it: load it "
		     "with \"modprobe hv_utils\" (Linux up to 6.9) or \"modprobe "
		     "uio_hv_generic\" (later)",
};

gboolean hvctl_is_device(const HvctlService *service, const char *path)
{
	return g_str_equal(path, service->device) ||
	       (service->uio && g_str_has_prefix(path, "/dev/uio"));
}

static gboolean is_of(const HvctlService *service, const char *devices, const char *name)
{
	g_autofree char *wanted = g_strconcat("{", service->class, "}", NULL);
	g_autofree char *path = g_build_filename(devices, name, "class_id", NULL);
	g_autofree char *class = NULL;

	return g_file_get_contents(path, &class, NULL, NULL) &&
	       g_str_equal(g_strstrip(class), wanted);
}

static gboolean has_uio(const HvctlService *service, const char *devices, const char *name)
{
	g_autofree char *path = g_build_filename(devices, name, NULL);
	g_autofree char *uio = service->uio ? hvis_find_uio(path) : NULL;

	return uio != NULL;
}

HvctlDevice hvctl_find_device(const char *root, const HvctlService *service)
{
	g_autofree char *node = g_strconcat(root, service->device, NULL);
	g_autofree char *devices = g_strconcat(root, BUS, NULL);
	g_autoptr(GDir) dir = NULL;
	const char *name;

	if (g_file_test(node, G_FILE_TEST_EXISTS))
		return HVCTL_DEVICE_THERE;
	dir = g_dir_open(devices, 0, NULL);
	if (!dir)
		return HVCTL_DEVICE_NO_BUS;
	while ((name = g_dir_read_name(dir)))
		if (is_of(service, devices, name))
			return has_uio(service, devices, name) ? HVCTL_DEVICE_THERE
							       : HVCTL_DEVICE_NO_DRIVER;
	return HVCTL_DEVICE_NO_OFFER;
}

const char *hvctl_device_text(const HvctlService *service, HvctlDevice device)
{
	switch (device) {
	case HVCTL_DEVICE_THERE:
		break;
	case HVCTL_DEVICE_NO_BUS:
		return "the kernel has no VMBus: \"hvctl doctor\" says whether this is a Hyper-V "
		       "guest; "
		       "where it is none there is nothing to do, else load the driver with "
		       "\"modprobe hv_vmbus\"";
	case HVCTL_DEVICE_NO_OFFER:
		return service->no_offer;
	case HVCTL_DEVICE_NO_DRIVER:
		return service->no_driver;
	case HVCTL_DEVICE_N:
		break;
	}
	return NULL;
}
