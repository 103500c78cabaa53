/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel does not know of the network, from the files of those who configure it: name
 * servers, and whether an address is a lease. And what sysfs says of an interface's driver. Reads
 * files, so it belongs in a thread.
 *
 *   etc/resolv.conf                        name servers; where that is systemd-resolved's stub,
 *   run/systemd/netif/links/INDEX          DNS= of systemd-networkd, of one interface,
 *   run/systemd/resolve/netif/INDEX        SERVERS= of systemd-resolved, the same, or
 *   run/systemd/resolve/resolv.conf        those of all
 *   run/NetworkManager/no-stub-resolv.conf the same for NetworkManager's dnsmasq
 *   run/systemd/netif/leases/INDEX         ADDRESS=
 *   run/NetworkManager/devices/INDEX       [dhcp4] dhcp4.ip_address= (of NetworkManager 1.42)
 *   var/lib/dhcp/dhclient.NAME.leases      ISC dhclient of ifupdown, the last lease
 *   var/lib/dhclient/dhclient-…-NAME.lease ISC dhclient elsewhere
 */
#pragma once

#include "kvpd/netstate.h"

/* What of the above is worth watching, below a root: NULL-terminated. */
extern const char *const net_files_watched[];

/* Fill in what the files below @root tell of @state's interfaces, which are all there. */
void net_files_read(const char *root, NetState *state);

/* Is the interface hardware, and hv_netvsc's? By ROOT/sys/class/net/NAME/device. */
void net_files_driver(const char *root, NetInterface *interface);

/* The name servers in the text of a resolv.conf(5), those that are addresses. */
char **net_parse_resolv_conf(const char *text);

/* The servers in a list as systemd writes it: "192.0.2.53 [2001:db8::53]:53%eth0#name". */
char **net_parse_servers(const char *text);

/* The address of the last lease for interface @name in dhclient.leases(5); NULL = none. */
char *net_parse_dhclient(const char *text, const char *name);
