/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's network as plain data at one moment, and what the host is told of it. Made by
 * netdump.c and netfiles.c, by tests by hand; nothing here talks to the kernel or reads a file. What
 * of it is told is decided in netpolicy.c.
 */
#pragma once

#include <glib.h>

#include <wire/kvp-device.h>

#include "kvpd/netpolicy.h"

struct NetAddress {
	guint8 bytes[16]; /* 4 of them for IPv4, network order */
	int family; /* AF_INET or AF_INET6 */
	guint8 prefix;
	gboolean dynamic; /* has a lifetime that somebody renews */
	gboolean temporary, deprecated; /* as the kernel's flags have it */
	gboolean unusable; /* duplicate address detection goes on or has failed */
	guint8 proto; /* where it is from: IFAPROT_… of linux/if_addr.h; 0 before Linux 5.18 */
};

struct NetInterface {
	int index;
	int master; /* index of the interface that it is a part of; 0 = none */
	char *name; /* NULL where the kernel told of no link: nothing is reported of it */
	guint8 mac[6];
	gboolean has_mac, loopback, up;
	gboolean
		is_hardware; /* it stands for a device, not for something made of other interfaces */
	gboolean is_synthetic; /* its driver is hv_netvsc */
	int function_of; /* SR-IOV: index of the synthetic interface whose function it is; 0 = none */
	GArray *addresses; /* of NetAddress, the kernel's order */
	GArray *gateways; /* of NetAddress, default routes of the main table, best first … */
	GArray *other_gateways; /* … and those of other tables */
	char **dns; /* name servers of its own, as text; NULL = those of all */
	const char *dhcp; /* what tells that it is configured by DHCP; NULL = nothing does */
};

typedef struct {
	GPtrArray *interfaces; /* of NetInterface, by index */
	GHashTable *by_index; /* the same */
	char **dns; /* name servers for all interfaces, as text */
	const NetPolicy *policy; /* borrowed; NULL is the built-in one */
} NetState;

NetState *net_state_new(void);
void net_state_free(NetState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetState, net_state_free)

/* The interface with @index, added where it is new. */
NetInterface *net_state_interface(NetState *state, int index);

/* The same, but NULL where there is none. */
const NetInterface *net_state_get(const NetState *state, int index);

/*
 * When all interfaces are there: put them in the order of their indices, and find the SR-IOV
 * functions. Such a function has the hardware address of its synthetic master; it is known by
 * being a part of it, or by being the hardware device that it shares the address with.
 */
void net_state_complete(NetState *state);

/*
 * The addresses of @family on all interfaces that are reported, joined by ';', each once; whole
 * addresses only, as many as the host takes in a value.
 */
char *net_state_list(const NetState *state, int family);

/*
 * The interface with the MAC address in @text ("00:15:5D:…", with ':', '-' or nothing between),
 * NULL if none is reported. Where several have it (a port and its bridge, an interface and its
 * VLANs) it is the one that is not a part of another, and among those one with addresses.
 */
const NetInterface *net_state_find(const NetState *state, const char *text);

/* What the host asks about an adapter. @ret->adapter is left alone. */
void net_state_fill(const NetState *state, const NetInterface *interface, KvpIp *ret);

/* The gateways and the name servers of @interface. Borrowed. */
const GArray *net_interface_gateways(const NetInterface *interface);
char **net_state_dns(const NetState *state, const NetInterface *interface);

/* What tells that an address of @interface came by DHCP, a few words; NULL = nothing. */
const char *net_interface_dhcp(const NetInterface *interface);

/* Where the kernel has @address from, a few words; NULL where it does not tell. */
const char *net_address_origin(const NetAddress *address);

/* An address as text, in a buffer of INET6_ADDRSTRLEN. */
const char *net_address_text(const NetAddress *address, char *text);

/* TRUE where @interface has the IPv4 address @text. */
gboolean net_interface_has_ipv4(const NetInterface *interface, const char *text);
