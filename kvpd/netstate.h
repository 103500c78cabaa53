/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's network as plain data at one moment, and what the host is told of it. Made by net.c
 * from netlink, by tests by hand; nothing here talks to the kernel.
 */
#pragma once

#include <glib.h>

#include <wire/kvp-device.h>

typedef struct {
	guint8 bytes[16]; /* 4 of them for IPv4, network order */
	int family; /* AF_INET or AF_INET6 */
	guint8 prefix;
	gboolean dynamic; /* has a lifetime that somebody renews */
} NetAddress;

typedef struct {
	int index;
	int master; /* index of the interface that it is a part of; 0 = none */
	guint8 mac[6];
	gboolean has_mac, loopback, up;
	gboolean dhcp_route; /* a default route of its own came by DHCP */
	GArray *addresses; /* of NetAddress, the kernel's order, usable ones only */
	GArray *gateways; /* of NetAddress, default routes, best first */
} NetInterface;

typedef struct {
	GPtrArray *interfaces; /* of NetInterface, by index */
	char **dns; /* name servers, as text */
} NetState;

NetState *net_state_new(void);
void net_state_free(NetState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetState, net_state_free)

/* The interface with @index, added where it is new. Add in ascending order. */
NetInterface *net_state_interface(NetState *state, int index);

/*
 * The addresses of @family on all interfaces that are up, but loopback, joined by ';', each once;
 * whole addresses only, as many as the host takes in a value.
 */
char *net_state_list(const NetState *state, int family);

/*
 * The interface with the MAC address in @text ("00:15:5D:…", with ':', '-' or nothing between),
 * NULL if there is none. Where several have it (an SR-IOV function and its synthetic master, a port and
 * its bridge) it is the one that is not a part of another, and among those one with addresses.
 */
const NetInterface *net_state_find(const NetState *state, const char *text);

/* What the host asks about an adapter. @ret->adapter is left alone. */
void net_state_fill(const NetState *state, const NetInterface *interface, KvpIp *ret);

/* The name servers in the text of a resolv.conf(5), those that are addresses. */
char **net_parse_resolv_conf(const char *text);
