/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the device of a service is that has two: the character device of hv_utils, with some kernels, or
 * with others the node that uio_hv_generic makes for the VMBus device itself, whose number is whatever was free.
 * Reads sysfs and waits for nothing; opening is transport.h.
 */
#pragma once

#include <glib.h>

#include <hvis/types.h>

typedef struct {
	const char *device; /* of hv_utils; taken where both are there */
	struct hvis_guid type; /* of the VMBus device */
	const char *sysfs, *dev; /* "/sys", "/dev" */
	const char
		*near[3]; /* something changes beside one of these when it comes; NULL at the end */
} HvisFinder;

/* File copy: /dev/vmbus/hv_fcopy, or /dev/uioN. */
extern const HvisFinder hvis_fcopy_finder;

/*
 * The path as of now, newly allocated. HVIS_ERROR_NOT_FOUND where neither is there; the message says what there is of
 * the VMBus device, which may be without a driver.
 */
char *hvis_finder_find(const HvisFinder *finder, GError **error);

/*
 * The directory in @sysfs of the VMBus device of @type, newly allocated; NULL where there is none. Of
 * several, which no host has, one that has a UIO node.
 */
char *hvis_find_vmbus(const char *sysfs, const struct hvis_guid *type);
/* The name of the UIO node ("uio0") of the VMBus device at @dir; NULL: it has none. */
char *hvis_find_uio(const char *dir);

/* As sysfs prints it, without braces, lower case. */
char *hvis_guid_text(const struct hvis_guid *guid);
