/* SPDX-License-Identifier: GPL-2.0-only */
/* A system in a scratch directory: files, interfaces, plans by hand. For tests of ipd/. */
#pragma once

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include <util/error.h>
#include <util/file.h>
#include <wire/ip-plan.h>

#include "tests/unit/remove-tree.h"

typedef struct {
	char *root;
} Scratch;

static inline void scratch_init(Scratch *s)
{
	g_autoptr(GError) error = NULL;

	s->root = g_dir_make_tmp("hvis-ipd-XXXXXX", &error);
	g_assert_no_error(error);
}

static inline void scratch_deinit(Scratch *s)
{
	remove_tree(s->root);
	g_clear_pointer(&s->root, g_free);
}

static inline char *scratch_path(Scratch *s, const char *path)
{
	return g_strconcat(s->root, path, NULL);
}

static inline void scratch_write(Scratch *s, const char *path, const char *text)
{
	g_autofree char *real = scratch_path(s, path);
	g_autofree char *dir = g_path_get_dirname(real);
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_true(hvis_file_write(real, text, strlen(text), 0644, &error));
	g_assert_no_error(error);
}

static inline char *scratch_read(Scratch *s, const char *path)
{
	g_autofree char *real = scratch_path(s, path);
	char *text = NULL;

	g_file_get_contents(real, &text, NULL, NULL);
	return text;
}

static inline void scratch_link(Scratch *s, const char *path, const char *to)
{
	g_autofree char *real = scratch_path(s, path);
	g_autofree char *dir = g_path_get_dirname(real);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_cmpint(symlink(to, real), ==, 0);
}

/* An interface of sysfs; @assign as in addr_assign_type. */
static inline void scratch_interface(
	Scratch *s, const char *name, int index, const char *mac, int assign)
{
	g_autofree char *dir = g_strdup_printf("/sys/class/net/%s", name);
	g_autofree char *address = g_strconcat(dir, "/address", NULL);
	g_autofree char *ifindex = g_strconcat(dir, "/ifindex", NULL);
	g_autofree char *type = g_strconcat(dir, "/addr_assign_type", NULL);
	g_autofree char *number = g_strdup_printf("%d\n", index);
	g_autofree char *line = g_strdup_printf("%s\n", mac);
	g_autofree char *kind = g_strdup_printf("%d\n", assign);

	scratch_write(s, address, line);
	scratch_write(s, ifindex, number);
	scratch_write(s, type, kind);
}

/* A plan of lists as the host sends them, for 00:15:5d:00:00:07. "" addresses mean DHCP. */
static inline IpPlan *plan_make(
	const char *address, const char *subnet, const char *gateway, const char *dns)
{
	static const guint8 mac[6] = { 0x00, 0x15, 0x5d, 0, 0, 7 };
	g_autofree KvpIp *ip = g_new0(KvpIp, 1);
	g_autoptr(GError) error = NULL;
	IpPlan *plan;

	ip->dhcp = address[0] == '\0';
	g_strlcpy(ip->address, address, sizeof(ip->address));
	g_strlcpy(ip->subnet, subnet, sizeof(ip->subnet));
	g_strlcpy(ip->gateway, gateway, sizeof(ip->gateway));
	g_strlcpy(ip->dns, dns, sizeof(ip->dns));
	plan = ip_plan_from_host(ip, mac, &error);
	g_assert_no_error(error);
	return plan;
}
