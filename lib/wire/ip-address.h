/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One IP or MAC address, from text and back. All text is inet_pton(3)'s: no names, no short forms,
 * no zone, nothing around it. What an address may be used for is asked by the functions below.
 */
#pragma once

#include <glib.h>
#include <sys/socket.h>

#define IP_MAC_TEXT_SIZE 18u /* "00:15:5d:00:00:07" and a NUL */

typedef struct {
	int family; /* AF_INET or AF_INET6 */
	guint8 bytes[16]; /* 4 of them for IPv4, network order; the rest is zero */
	guint8 prefix; /* bits of the network; all of them for a single address */
} IpAddress;

guint ip_family_bits(int family); /* 32 or 128 */

/* @ret->prefix is all bits. HVIS_ERROR_INVALID. */
gboolean ip_address_parse(const char *text, IpAddress *ret, GError **error);

/* "192.0.2.7/24"; the prefix must be there. */
gboolean ip_address_parse_cidr(const char *text, IpAddress *ret, GError **error);

/*
 * A prefix length in the ways that hosts write it: "24", "/24", and as a mask, "255.255.255.0" or
 * "ffff:ffff:ffff:ffff::". A mask with a hole and one of the other family are HVIS_ERROR_INVALID.
 */
gboolean ip_prefix_parse(const char *text, int family, guint8 *ret, GError **error);

char *ip_address_text(const IpAddress *address); /* "192.0.2.7" */
char *ip_address_cidr(const IpAddress *address); /* "192.0.2.7/24" */
char *ip_prefix_mask(const IpAddress *address); /* IPv4 only: "255.255.255.0" */

/* The same address, whatever the prefixes. */
gboolean ip_address_equal(const IpAddress *a, const IpAddress *b);
/* Is @address in the network of @network? */
gboolean ip_address_in(const IpAddress *address, const IpAddress *network);
/* fe80::/10 or 169.254.0.0/16 */
gboolean ip_address_is_link_local(const IpAddress *address);
/* One host's: not 0.0.0.0/8, loopback, multicast, reserved or IPv4 inside IPv6. */
gboolean ip_address_is_host(const IpAddress *address);
/* The first or (IPv4) the last address of its own network, which no host can have. */
gboolean ip_address_is_network(const IpAddress *address);

/* Six bytes in hexadecimal with ':', '-' or nothing between them. Returns what follows; NULL = none there. */
const char *ip_mac_read(const char *text, guint8 mac[6]);
/* The whole text as an adapter's address: not all zero, not multicast. */
gboolean ip_mac_parse(const char *text, guint8 mac[6], GError **error);
void ip_mac_text(const guint8 mac[6], char ret[IP_MAC_TEXT_SIZE]); /* small letters, ':' */
