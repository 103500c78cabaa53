/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ifupdown: a file in interfaces.d, which interfaces(5) must read. Several stanzas for one interface
 * add up, so those that it has elsewhere become comments, whatever else is in these files stays.
 *
 * ifdown needs the stanzas that were in force, so it runs before the files change. Both programs are
 * run by the service manager where there is one: what they leave running (dhclient) is then no
 * child of ours, and they have the rights that they are used to.
 */
#include "config.h"

#include "ipd/backend.h"

#include <string.h>
#include <sys/stat.h>

#include <util/error.h>

#define INTERFACES "/etc/network/interfaces"
#define INTERFACES_D INTERFACES ".d"
#define FILES_MAX 60u /* ours: files of interfaces.d that are looked at */

/* --- text --- */

static gboolean is_word(const char *line, const char *word)
{
	gsize len = strlen(word);

	return strncmp(line, word, len) == 0 && (line[len] == '\0' || g_ascii_isspace(line[len]));
}

static const char *skip_space(const char *text)
{
	while (*text == ' ' || *text == '\t')
		text++;
	return text;
}

/* Does this line end the stanza before it? */
static gboolean starts_stanza(const char *line)
{
	static const char *const words[] = { "iface", "auto", "mapping", "source",
		"source-directory", "source-dir", "rename", "no-auto-down", "no-scripts",
		"template" };

	line = skip_space(line);
	for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
		if (is_word(line, words[i]))
			return TRUE;
	}
	return g_str_has_prefix(line, "allow-");
}

static gboolean is_iface_of(const char *line, const char *name)
{
	line = skip_space(line);
	return is_word(line, "iface") && is_word(skip_space(line + strlen("iface")), name);
}

static gboolean is_comment_or_empty(const char *line)
{
	line = skip_space(line);
	return *line == '#' || *line == '\0' || *line == '\n' || *line == '\r';
}

/* Up to and with the newline, 0 at the end. */
static gsize line_len(const char *text)
{
	const char *end = strchr(text, '\n');

	return end ? (gsize)(end - text) + 1 : strlen(text);
}

static gboolean ends_in_backslash(const char *text, gsize len)
{
	if (len > 0 && text[len - 1] == '\n')
		len--;
	return len > 0 && text[len - 1] == '\\';
}

/*
 * The bytes of the next line as ifupdown takes it: a backslash at its very end makes it go on, unless
 * it is a comment. *@ret_line is it in one piece, new; words may have been cut anywhere.
 */
static gsize take_line(const char *text, char **ret_line)
{
	gsize len = line_len(text);
	g_autofree char *bytes = NULL;
	g_auto(GStrv) pieces = NULL;

	if (!is_comment_or_empty(text))
		while (ends_in_backslash(text, len) && text[len] != '\0')
			len += line_len(text + len);
	bytes = g_strndup(text, len);
	pieces = g_strsplit(bytes, "\\\n", -1);
	*ret_line = g_strjoinv("", pieces);
	return len;
}

/* Append @len bytes of @text, every line in them a comment: what follows one is read by itself. */
static void comment_out(GString *out, const char *text, gsize len)
{
	const char *end = text + len;

	for (; text < end; text += len) {
		len = line_len(text);
		g_string_append(out, "#hvis# ");
		g_string_append_len(out, text, (gssize)len);
	}
}

char *ip_ifupdown_take_out(const char *text, const char *name, gboolean *ret_found)
{
	GString *out = g_string_new(NULL);
	gboolean inside = FALSE;

	*ret_found = FALSE;
	while (*text) {
		g_autofree char *line = NULL;
		gsize len = take_line(text, &line);

		if (starts_stanza(line)) {
			inside = is_iface_of(line, name);
			*ret_found |= inside;
		}
		if (inside && !is_comment_or_empty(text))
			comment_out(out, text, len);
		else
			g_string_append_len(out, text, (gssize)len);
		text += len;
	}
	return g_string_free(out, FALSE);
}

/* --- the files that are there --- */

static gboolean names(const char *root, const char *path, const char *name)
{
	g_autofree char *text = ip_system_read(root, path);
	g_autofree char *without = NULL;
	gboolean found = FALSE;

	if (text)
		without = ip_ifupdown_take_out(text, name, &found);
	return found;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The files of interfaces.d that ifupdown reads, in their order. */
static GPtrArray *list_files(const char *root)
{
	g_autofree char *path = g_strconcat(root, INTERFACES_D, NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)) && list->len < FILES_MAX) {
		if (name[0] != '.')
			g_ptr_array_add(list, g_strdup_printf(INTERFACES_D "/%s", name));
	}
	g_ptr_array_sort(list, by_name);
	return list;
}

gboolean ip_ifupdown_names(const char *root, const IpTarget *target)
{
	g_autoptr(GPtrArray) files = list_files(root);
	g_autofree char *up = ip_system_value(root, "/run/network/ifstate", target->name);

	if (up || names(root, INTERFACES, target->name))
		return TRUE;
	for (guint i = 0; i < files->len; i++) {
		if (names(root, files->pdata[i], target->name))
			return TRUE;
	}
	return FALSE;
}

/* Without the folder that paths are relative to. */
static const char *relative(const char *path)
{
	const char *folder = "/etc/network/";

	return g_str_has_prefix(path, folder) ? strstr(path, folder) + strlen(folder) : path;
}

/* Does this line make ifupdown read the file @own? */
static gboolean is_source_of(const char *line, const char *own)
{
	g_auto(GStrv) words = g_strsplit_set(line, " \t", -1);
	const char *name = strrchr(own, '/') + 1;
	guint n = g_strv_length(words);
	const char *where;

	if (n < 2)
		return FALSE;
	where = relative(words[n - 1]);
	if (strcmp(words[0], "source") == 0)
		return strcmp(where, "interfaces.d/*") == 0 || strcmp(where, relative(own)) == 0;
	if (strcmp(words[0], "source-directory") != 0 && strcmp(words[0], "source-dir") != 0)
		return FALSE;
	/* of which it takes plain names only */
	return name[strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-")] == '\0' &&
	       (strcmp(where, "interfaces.d") == 0 || strcmp(where, "interfaces.d/") == 0);
}

static gboolean sources(const char *text, const char *own)
{
	while (*text) {
		g_autofree char *line = NULL;

		text += take_line(text, &line);
		if (is_source_of(g_strstrip(line), own))
			return TRUE;
	}
	return FALSE;
}

static mode_t mode_of(const char *root, const char *path)
{
	g_autofree char *real = g_strconcat(root, path, NULL);
	struct stat st;

	return stat(real, &st) == 0 ? st.st_mode & 0777 : 0644;
}

/* The main file without the stanzas of @target, and reading @own. */
static void edit_main(const char *root, const IpTarget *target, const char *own, IpWork *work)
{
	g_autofree char *text = ip_system_read(root, INTERFACES);
	g_autoptr(GString) edited = NULL;
	g_autofree char *without = NULL;
	gboolean found, reads;

	without = ip_ifupdown_take_out(text ? text : "", target->name, &found);
	reads = sources(without, own);
	if (!found && reads)
		return;
	edited = g_string_new(without);
	if (!reads) {
		if (edited->len && edited->str[edited->len - 1] != '\n')
			g_string_append_c(edited, '\n');
		g_string_append_printf(edited, "source %s\n", own);
	}
	ip_work_file(work, INTERFACES, edited->str, text ? mode_of(root, INTERFACES) : 0644);
}

static void edit_others(const char *root, const IpTarget *target, const char *own, IpWork *work)
{
	g_autoptr(GPtrArray) files = list_files(root);

	for (guint i = 0; i < files->len; i++) {
		const char *path = files->pdata[i];
		g_autofree char *text = strcmp(path, own) == 0 ? NULL : ip_system_read(root, path);
		g_autofree char *without = NULL;
		gboolean found = FALSE;

		if (text)
			without = ip_ifupdown_take_out(text, target->name, &found);
		if (found)
			ip_work_file(work, path, without, mode_of(root, path));
	}
}

/* --- the new one --- */

static void add_gateway(GString *text, const IpTarget *target, const IpPlan *plan, int family)
{
	guint i = ip_plan_index(family);
	g_autofree char *gateway = plan->has_gateway[i] ? ip_address_text(&plan->gateway[i]) : NULL;

	if (gateway && plan->off_link[i])
		g_string_append_printf(text, "\tup ip -%c route add default via %s dev %s onlink\n",
			"46"[i], gateway, target -> name);
	else if (gateway)
		g_string_append_printf(text, "\tgateway %s\n", gateway);
}

/* Gateway, name servers and the rest stand with the first address of a family. */
static void add_family(GString *text, const IpTarget *target, const IpPlan *plan, int family)
{
	g_autofree char *dns = ip_render_list(plan->dns, AF_UNSPEC, ip_address_text, " ", "");
	gboolean dns_here = family == AF_INET || ip_plan_count(plan, AF_INET) == 0, first = TRUE;

	for (guint i = 0; i < plan->addresses->len; i++) {
		const IpAddress *address = &g_array_index(plan->addresses, IpAddress, i);
		g_autofree char *cidr = ip_address_cidr(address);

		if (address->family != family)
			continue;
		g_string_append_printf(text, "\niface %s inet%s static\n\taddress %s\n",
			target->name, family == AF_INET ? "" : "6", cidr);
		if (first && family == AF_INET6)
			g_string_append(text, "\taccept_ra 0\n");
		if (family == AF_INET6) /* without a carrier ifup would fail, even to go back */
			g_string_append(text, "\tdad-attempts 0\n");
		if (first)
			add_gateway(text, target, plan, family);
		if (first && dns[0] && dns_here)
			g_string_append_printf(text, "\tdns-nameservers%s\n", dns);
		first = FALSE;
	}
}

static char *stanzas(const IpTarget *target, const IpPlan *plan)
{
	GString *text = g_string_new(NULL);

	g_string_append_printf(text,
		"# Written by hvis for the Hyper-V host (SET_IP_INFO); \"hvctl ip rollback\" takes "
		"it "
		"back.\n"
		"auto %s\n",
		target->name);
	if (plan->dhcp)
		g_string_append_printf(text, "\niface %s inet dhcp\n", target->name);
	add_family(text, target, plan, AF_INET);
	add_family(text, target, plan, AF_INET6);
	return g_string_free(text, FALSE);
}

static void warn_dns(const char *root, const IpPlan *plan, IpWork *work)
{
	if (plan->dns->len && !ip_system_has(root, "/sbin/resolvconf") &&
		!ip_system_has(root, "/usr/sbin/resolvconf") &&
		!ip_system_has(root, "/etc/network/if-up.d/resolved"))
		ip_work_warn(work, "ifupdown sets name servers by resolvconf or systemd-resolved, "
				   "and neither is "
				   "there");
}

/* @program is "ifup" or "ifdown". */
static void add_run(
	const char *root, GPtrArray *list, gboolean optional, const char *program, const char *name)
{
	void (*add)(GPtrArray *, const char *, ...) = optional ? ip_command_optional : ip_command;
	g_autofree char *unit = g_strdup_printf("hvis-%s@%s.service", program, name);

	if (ip_system_has(root, "/run/systemd/system"))
		add(list, "systemctl", "start", unit, NULL);
	else
		add(list, program, "--force", name, NULL);
}

gboolean ip_ifupdown_render(const char *root, const IpTarget *target, const IpPlan *plan,
	IpWork *work, GError **error G_GNUC_UNUSED)
{
	g_autofree char *own = g_strdup_printf(INTERFACES_D "/hvis-%s", target->name);
	g_autofree char *text = stanzas(target, plan);

	warn_dns(root, plan, work);
	ip_work_file(work, own, text, 0644);
	edit_others(root, target, own, work);
	edit_main(root, target, own, work); /* last: it makes the others count */
	add_run(root, work->before, TRUE, "ifdown", target->name);
	add_run(root, work->after, FALSE, "ifup", target->name);
	add_run(root, work->undo_before, TRUE, "ifdown", target->name);
	add_run(root, work->undo_after, FALSE, "ifup", target->name);
	return TRUE;
}
