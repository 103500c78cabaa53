/* SPDX-License-Identifier: GPL-2.0-only */
#include "hvctl/diagnose.h"

#include <string.h>

#define BUS "/sys/bus/vmbus/devices"

static gboolean is_kvp(const char *devices, const char *name)
{
	g_autofree char *path = g_build_filename(devices, name, "class_id", NULL);
	g_autofree char *class = NULL;

	return g_file_get_contents(path, &class, NULL, NULL) &&
	       g_str_equal(g_strstrip(class), "{" HVCTL_KVP_CLASS "}");
}

HvctlDevice hvctl_find_device(const char *root)
{
	g_autofree char *node = g_strconcat(root, HVCTL_KVP_DEVICE, NULL);
	g_autofree char *devices = g_strconcat(root, BUS, NULL);
	g_autoptr(GDir) dir = NULL;
	const char *name;

	if (g_file_test(node, G_FILE_TEST_EXISTS))
		return HVCTL_DEVICE_THERE;
	dir = g_dir_open(devices, 0, NULL);
	if (!dir)
		return HVCTL_DEVICE_NO_BUS;
	while ((name = g_dir_read_name(dir)))
		if (is_kvp(devices, name))
			return HVCTL_DEVICE_NO_DRIVER;
	return HVCTL_DEVICE_NO_OFFER;
}

const char *hvctl_device_text(HvctlDevice device)
{
	switch (device) {
	case HVCTL_DEVICE_THERE:
		break;
	case HVCTL_DEVICE_NO_BUS:
		return "the kernel has no VMBus: this is no Hyper-V guest, or hv_vmbus is not "
		       "loaded";
	case HVCTL_DEVICE_NO_OFFER:
		return "the host does not offer key-value pairs: switch on the VM's integration "
		       "service \"Data Exchange\" (Key-Value Pair Exchange)";
	case HVCTL_DEVICE_NO_DRIVER:
		return "the host offers key-value pairs, but there is no " HVCTL_KVP_DEVICE
		       ": load the driver with \"modprobe hv_utils\"";
	case HVCTL_DEVICE_N:
		break;
	}
	return NULL;
}
