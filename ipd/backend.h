/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network managers: which of them has an interface, and what each of them is told. A back end
 * turns a plan into work and does nothing itself; it reads the system below @root where it must take
 * over what is there.
 */
#pragma once

#include <glib.h>

#include <wire/ip-plan.h>

#include "ipd/target.h"
#include "ipd/work.h"

typedef enum {
	IP_BACKEND_NETWORKD,
	IP_BACKEND_NM,
	IP_BACKEND_IFUPDOWN,
	IP_BACKEND_NETPLAN,
	IP_BACKEND_N,
} IpBackend;

/* As in the configuration: "networkd", "NetworkManager", "ifupdown", "netplan". */
const char *ip_backend_name(IpBackend backend);

/*
 * Which one manages @target: @wanted ("auto", or a name) decides where it is not "auto".
 * HVIS_ERROR_UNSUPPORTED where none of the four does.
 */
gboolean ip_backend_choose(const char *root, const IpTarget *target, const char *wanted,
	IpBackend *ret, GError **error);

/* What to do so that @backend makes @target what @plan says. */
IpWork *ip_backend_render(IpBackend backend, const char *root, const IpTarget *target,
	const IpPlan *plan, GError **error);

/* --- the four --- */

typedef gboolean (*IpRender)(
	const char *root, const IpTarget *target, const IpPlan *plan, IpWork *work, GError **error);

gboolean ip_networkd_render(
	const char *root, const IpTarget *target, const IpPlan *plan, IpWork *work, GError **error);
gboolean ip_nm_render(
	const char *root, const IpTarget *target, const IpPlan *plan, IpWork *work, GError **error);
gboolean ip_ifupdown_render(
	const char *root, const IpTarget *target, const IpPlan *plan, IpWork *work, GError **error);
gboolean ip_netplan_render(
	const char *root, const IpTarget *target, const IpPlan *plan, IpWork *work, GError **error);

/* --- what they share --- */

/* All of a file below @root as text, NULL where there is none or it is longer than 256 KiB. */
char *ip_system_read(const char *root, const char *path);
gboolean ip_system_has(const char *root, const char *path);

/* KEY's value in a file of KEY=VALUE lines (state files, key files of one section); NULL if none. */
char *ip_system_value(const char *root, const char *path, const char *key);

/* Does NetworkManager run and have @target? */
gboolean ip_nm_manages(const char *root, const IpTarget *target);

/* Does an iface stanza of ifupdown name @target? */
gboolean ip_ifupdown_names(const char *root, const IpTarget *target);

/*
 * @text of interfaces(5) with the iface stanzas of @name made comments; everything else stays, byte
 * by byte. *@ret_found is TRUE where there was one.
 */
char *ip_ifupdown_take_out(const char *text, const char *name, gboolean *ret_found);

/* The text of the addresses of one family, each in @format with one %s, joined. */
char *ip_render_list(const GArray *list, int family, char *(*text_of)(const IpAddress *),
	const char *before, const char *after);
