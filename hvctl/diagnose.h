/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a guest service does not work, from what the machine itself shows: the bus and its devices in
 * sysfs, and the device node. Reads only.
 */
#pragma once

#include <glib.h>

typedef enum {
	HVCTL_DEVICE_THERE,
	HVCTL_DEVICE_NO_BUS, /* the kernel has no VMBus: no Hyper-V guest, or hv_vmbus is not loaded */
	HVCTL_DEVICE_NO_OFFER, /* the host does not offer the service */
	HVCTL_DEVICE_NO_DRIVER, /* offered, but no driver made a device of it */
	HVCTL_DEVICE_N,
} HvctlDevice;

#define HVCTL_KVP_DEVICE "/dev/vmbus/hv_kvp"
#define HVCTL_KVP_CLASS                                                                            \
	"a9a0f4e7-5a45-4d96-b827-8a841e8c03e6" /* HVIS_KVP_TYPE as sysfs writes it */
#define HVCTL_VSS_DEVICE "/dev/vmbus/hv_vss"
#define HVCTL_VSS_CLASS                                                                            \
	"35fa2e29-ea23-4236-96ae-3a6ebacba440" /* HVIS_VSS_TYPE as sysfs writes it */
#define HVCTL_FCOPY_DEVICE "/dev/vmbus/hv_fcopy"
#define HVCTL_FCOPY_NAME "/dev/hvis/fcopy" /* of either device, by udev */
#define HVCTL_FCOPY_CLASS                                                                          \
	"34d14be3-dee4-41c8-9ae7-6b174977c192" /* HVIS_FCOPY_TYPE as sysfs writes it */

#define HVCTL_KVP_USER "hvis-kvp" /* as whom its unit runs hv_kvp_daemon */

typedef struct {
	const char *device, *class;
	gboolean uio; /* with kernels that have no such device it is a node of uio_hv_generic */
	const char *unit; /* "hv-kvp-daemon" */
	const char *no_offer, *no_driver; /* what is said then */
} HvctlService;

extern const HvctlService hvctl_service_kvp, hvctl_service_vss, hvctl_service_fcopy;

/* Is @path where @service's device may be, rather than something else that its daemon was told to open? */
gboolean hvctl_is_device(const HvctlService *service, const char *path);

/* Look for @service's device below @root ("" = the running system). */
HvctlDevice hvctl_find_device(const char *root, const HvctlService *service);

/* What that means, a sentence; NULL for HVCTL_DEVICE_THERE. */
const char *hvctl_device_text(const HvctlService *service, HvctlDevice device);
