/* SPDX-License-Identifier: GPL-2.0-only */
/* The interface that the host means by a MAC address, found in /sys/class/net. */
#pragma once

#include <glib.h>
#include <net/if.h>

typedef struct {
	char name[IF_NAMESIZE]; /* letters, digits, '.', '_' and '-' only */
	int index;
	guint8 mac[6];
	gboolean permanent; /* the MAC is the device's own, which managers can match by */
	gboolean netvsc; /* a synthetic adapter: a virtual function has the same MAC */
} IpTarget;

/*
 * The adapter with @mac below @root ("" or a directory). Of several it is the synthetic one, not its
 * virtual function, and the adapter, not the VLAN or bridge on it. HVIS_ERROR_NOT_FOUND;
 * HVIS_ERROR_UNSUPPORTED where it is a part of a bridge or bond, or has a strange name.
 */
gboolean ip_target_find(const char *root, const guint8 mac[6], IpTarget *ret, GError **error);

/* The same by name. */
gboolean ip_target_named(const char *root, const char *name, IpTarget *ret, GError **error);

/* May this name stand in files and arguments? */
gboolean ip_target_name_ok(const char *name);
