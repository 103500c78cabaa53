/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lease counts only where its address is on the interface: lease files stay behind when somebody
 * turns to a static address. All files are others': too long or unreadable is the same as not there.
 */
#include "config.h"

#include "kvpd/netfiles.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include <util/file.h>

#include "kvpd/osrelease.h"

#define FILE_MAX (64u * 1024u) /* ours: real ones have less than 4 KiB */
#define LEASES_MAX (1024u * 1024u) /* ours: dhclient appends, and starts anew from time to time */
#define NETVSC "hv_netvsc"

#define LINKS "run/systemd/netif/links"
#define LEASES "run/systemd/netif/leases"
#define RESOLVED "run/systemd/resolve"
#define NM "run/NetworkManager"
#define NM_DEVICES NM "/devices"
#define DHCLIENT_DEBIAN "var/lib/dhcp"
#define DHCLIENT_OTHERS "var/lib/dhclient"

const char *const net_files_watched[] = { "etc/resolv.conf", LINKS, LEASES, RESOLVED,
	RESOLVED "/netif", NM "/no-stub-resolv.conf", NM_DEVICES, DHCLIENT_DEBIAN, DHCLIENT_OTHERS,
	NULL };

/* Which of the directories are there: looked at once, not for each of a thousand interfaces. */
typedef struct {
	const char *root;
	gboolean links, leases, resolved, nm_devices, dhclient_debian, dhclient_others;
	gboolean is_stub; /* resolv.conf leads to systemd-resolved */
} Files;

static gboolean has_dir(const char *root, const char *dir)
{
	g_autofree char *path = g_build_filename(root, dir, NULL);

	return g_file_test(path, G_FILE_TEST_IS_DIR);
}

static char *read_text(const char *root, const char *dir, const char *name, gsize max)
{
	g_autofree char *path = g_build_filename(root, dir, name, NULL);

	return hvis_file_read(path, max, NULL, NULL);
}

static char *read_index(const char *root, const char *dir, int index)
{
	g_autofree char *name = g_strdup_printf("%d", index);

	return read_text(root, dir, name, FILE_MAX);
}

/* --- name servers --- */

static gboolean is_address(const char *text)
{
	guint8 bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

char **net_parse_resolv_conf(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GStrvBuilder) servers = g_strv_builder_new();

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit_set(g_strstrip(*line), " \t", -1);
		char **word = words;

		if (!*word || !g_str_equal(*word, "nameserver"))
			continue;
		do
			word++;
		while (*word && **word == '\0');
		if (*word && is_address(*word))
			g_strv_builder_add(servers, *word);
	}
	return g_strv_builder_end(servers);
}

/* "ADDRESS[%LINK][#NAME]", "V4:PORT…", "[V6]:PORT…": cut down to the address. */
static gboolean cut_server(char *text)
{
	text[strcspn(text, "#%")] = '\0';
	if (text[0] == '[') {
		memmove(text, text + 1, strlen(text));
		text[strcspn(text, "]")] = '\0';
	} else if (strchr(text, ':') == strrchr(text, ':')) {
		text[strcspn(text, ":")] = '\0';
	}
	return is_address(text);
}

char **net_parse_servers(const char *text)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);
	g_autoptr(GStrvBuilder) servers = g_strv_builder_new();

	for (char **word = words; *word; word++) {
		if (cut_server(*word))
			g_strv_builder_add(servers, *word);
	}
	return g_strv_builder_end(servers);
}

static char **read_resolv_conf(const char *root, const char *path)
{
	g_autofree char *text = read_text(root, path, NULL, FILE_MAX);

	return text ? net_parse_resolv_conf(text) : g_new0(char *, 1);
}

/* What systemd-resolved listens on itself. */
static gboolean is_resolved(const char *server)
{
	return g_str_equal(server, "127.0.0.53") || g_str_equal(server, "127.0.0.54");
}

static gboolean is_loopback(const char *server)
{
	return g_str_has_prefix(server, "127.") || g_str_equal(server, "::1");
}

static gboolean all(char **servers, gboolean (*is)(const char *server))
{
	for (char **server = servers; *server; server++) {
		if (!is(*server))
			return FALSE;
	}
	return *servers != NULL;
}

/* The servers for all interfaces. A local one stays where nothing tells whom it asks. */
static void read_dns(Files *files, NetState *state)
{
	char **servers = read_resolv_conf(files->root, "etc/resolv.conf");
	char **behind = NULL;

	files->is_stub = all(servers, is_resolved);
	if (files->is_stub)
		behind = read_resolv_conf(files->root, RESOLVED "/resolv.conf");
	else if (all(servers, is_loopback))
		behind = read_resolv_conf(files->root, NM "/no-stub-resolv.conf");
	if (behind && *behind) {
		g_strfreev(servers);
		servers = g_steal_pointer(&behind);
	}
	g_strfreev(behind);
	g_strfreev(state->dns);
	state->dns = servers;
}

/* Takes @text, lines KEY=VALUE. */
static char **servers_of(char *text, const char *key)
{
	g_autofree char *own = text;
	g_autofree char *value = own ? os_release_value(own, key) : NULL;
	char **servers = value ? net_parse_servers(value) : NULL;

	if (servers && !*servers)
		g_clear_pointer(&servers, g_strfreev);
	return servers;
}

static void read_own_dns(const Files *files, NetInterface *interface)
{
	if (!files->is_stub)
		return;
	if (files->links)
		interface->dns =
			servers_of(read_index(files->root, LINKS, interface->index), "DNS");
	if (!interface->dns && files->resolved)
		interface->dns = servers_of(
			read_index(files->root, RESOLVED "/netif", interface->index), "SERVERS");
}

/* --- leases --- */

/* A word of dhclient.leases(5) behind @key, without what ends the statement: new, or NULL. */
static char *statement(const char *line, const char *key)
{
	gsize len = strlen(key);
	g_autofree char *value = NULL;

	if (strncmp(line, key, len) != 0 || (line[len] != ' ' && line[len] != '\t'))
		return NULL;
	value = g_strdup(line + len);
	value[strcspn(value, ";")] = '\0';
	g_strdelimit(value, "\"", ' ');
	return g_steal_pointer(&value);
}

char *net_parse_dhclient(const char *text, const char *name)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autofree char *address = NULL;
	g_autofree char *found = NULL;
	gboolean is_ours = FALSE;

	for (char **line = lines; *line; line++) {
		g_autofree char *of = statement(g_strstrip(*line), "interface");
		char *fixed = statement(*line, "fixed-address");

		if (g_str_has_prefix(*line, "lease")) {
			is_ours = FALSE;
			g_clear_pointer(&address, g_free);
		}
		if (of)
			is_ours = g_str_equal(g_strstrip(of), name);
		if (fixed) {
			g_free(address);
			address = g_strstrip(fixed);
		}
		if ((*line)[0] == '}' && is_ours && address) {
			g_free(found);
			found = g_steal_pointer(&address);
		}
	}
	return g_steal_pointer(&found);
}

static gboolean has_dhclient(
	const char *root, const char *dir, const char *file, const NetInterface *interface)
{
	g_autofree char *text = read_text(root, dir, file, LEASES_MAX);
	g_autofree char *address = text ? net_parse_dhclient(text, interface->name) : NULL;

	return address && net_interface_has_ipv4(interface, address);
}

/* "dhclient-UUID-NAME.lease" of NetworkManager, "dhclient--NAME.lease" and others. */
static gboolean has_dhclient_other(const Files *files, const NetInterface *interface)
{
	g_autofree char *path = g_build_filename(files->root, DHCLIENT_OTHERS, NULL);
	g_autofree char *end = g_strdup_printf("-%s.lease", interface->name);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		if (g_str_has_prefix(name, "dhclient") &&
			(g_str_has_suffix(name, end) || g_str_equal(name, "dhclient.leases")) &&
			has_dhclient(files->root, DHCLIENT_OTHERS, name, interface))
			return TRUE;
	}
	return FALSE;
}

static gboolean has_networkd_lease(const Files *files, const NetInterface *interface)
{
	g_autofree char *text = read_index(files->root, LEASES, interface->index);
	g_autofree char *address = text ? os_release_value(text, "ADDRESS") : NULL;

	return address && net_interface_has_ipv4(interface, address);
}

static gboolean has_nm_lease(const Files *files, const NetInterface *interface)
{
	g_autofree char *text = read_index(files->root, NM_DEVICES, interface->index);
	g_autoptr(GKeyFile) keys = g_key_file_new();
	g_autofree char *address = NULL;

	if (text && g_key_file_load_from_data(keys, text, (gsize)-1, G_KEY_FILE_NONE, NULL))
		address = g_key_file_get_string(keys, "dhcp4", "dhcp4.ip_address", NULL);
	return address && net_interface_has_ipv4(interface, address);
}

static const char *find_lease(const Files *files, const NetInterface *interface)
{
	g_autofree char *debian = g_strdup_printf("dhclient.%s.leases", interface->name);

	if (files->leases && has_networkd_lease(files, interface))
		return "a lease of systemd-networkd";
	if (files->nm_devices && has_nm_lease(files, interface))
		return "a lease of NetworkManager";
	if (files->dhclient_debian && has_dhclient(files->root, DHCLIENT_DEBIAN, debian, interface))
		return "a lease of dhclient";
	if (files->dhclient_others && has_dhclient_other(files, interface))
		return "a lease of dhclient";
	return NULL;
}

/* --- all of it --- */

void net_files_read(const char *root, NetState *state)
{
	Files files = { .root = root,
		.links = has_dir(root, LINKS),
		.leases = has_dir(root, LEASES),
		.resolved = has_dir(root, RESOLVED "/netif"),
		.nm_devices = has_dir(root, NM_DEVICES),
		.dhclient_debian = has_dir(root, DHCLIENT_DEBIAN),
		.dhclient_others = has_dir(root, DHCLIENT_OTHERS) };

	read_dns(&files, state);
	for (guint i = 0; i < state->interfaces->len; i++) {
		NetInterface *interface = g_ptr_array_index(state->interfaces, i);

		if (!interface->name || interface->loopback || interface->function_of != 0 ||
			interface->addresses->len == 0)
			continue;
		read_own_dns(&files, interface);
		if (!interface->dhcp)
			interface->dhcp = find_lease(&files, interface);
	}
}

void net_files_driver(const char *root, NetInterface *interface)
{
	g_autofree char *device =
		g_build_filename(root, "sys/class/net", interface->name, "device", NULL);
	g_autofree char *driver = g_build_filename(device, "driver", NULL);
	g_autofree char *target = g_file_read_link(driver, NULL);
	g_autofree char *name = target ? g_path_get_basename(target) : NULL;

	interface->is_hardware = access(device, F_OK) == 0;
	interface->is_synthetic = name && g_str_equal(name, NETVSC);
}
