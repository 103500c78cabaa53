/* SPDX-License-Identifier: GPL-2.0-only */
/* --help at every level, out of the command table. */
#include <string.h>
#include "hvctl/command.h"

#define COLUMN_MAX 78
#define CALL_MAX 22 /* characters before the summary of a command */

/* Append @text broken into lines. */
static void add_paragraph(GString *out, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	gsize column = 0;

	for (char **w = words; *w; w++) {
		if (column > 0 && column + 1 + strlen(*w) > COLUMN_MAX) {
			g_string_append_c(out, '\n');
			column = 0;
		}
		g_string_append_printf(out, "%s%s", column > 0 ? " " : "", *w);
		column += (column > 0) + strlen(*w);
	}
	g_string_append_c(out, '\n');
}

static void add_options(GString *out, const HvctlCommand *command)
{
	g_string_append(out, "\nOptions:\n");
	for (const HvctlOption *o = hvctl_options; o->bit; o++) {
		g_autofree char *name = g_strconcat(o->name, o->value ? "=" : NULL, o->value, NULL);

		if (!hvctl_takes(command, o->bit))
			continue;
		g_string_append_printf(out, "  %c%c%c --%-18s %s\n", o->letter ? '-' : ' ',
			o->letter ? o->letter : ' ', o->letter ? ',' : ' ', name,
			hvctl_option_help(command, o));
	}
}

static void add_command(GString *out, const HvctlCommand *c)
{
	g_string_append_printf(
		out, "Usage: hvctl %s%s%s [OPTION]…\n\n", c->path, *c->usage ? " " : "", c->usage);
	g_string_append_c(out, g_ascii_toupper(c->summary[0]));
	g_string_append_printf(
		out, "%s%s\n", c->summary + 1, g_str_has_suffix(c->summary, "?") ? "" : ".");
	if (c->help) {
		g_string_append_c(out, '\n');
		add_paragraph(out, c->help);
	}
	add_options(out, c);
}

/* Blanks up to the summary, which is on a line of its own where the call takes more than its room. */
static int room_behind(const char *call)
{
	int len = (int)g_utf8_strlen(call, -1);

	return len > CALL_MAX ? CALL_MAX : CALL_MAX - len;
}

static const struct {
	const char *group, *text;
} explanations[] = {
	{ "kvp", "Records are a key and a value, in one of five pools. POOL is:\n"
		 "  external (0)       what the host has set for the guest\n"
		 "  guest (1)          what programs of the guest have left for the host\n"
		 "  auto (2)           facts about the guest, which hv_kvp_daemon tells the host\n"
		 "  auto-external (3)  facts about host and machine, told by the host\n"
		 "  auto-internal (4)  nobody is known to use it\n" },
	{ "vss", "These are for hv_vss_daemon, which freezes file systems while the host takes a\n"
		 "backup. hvis-backup(7) tells how to look after backups.\n" },
	{ "fcopy",
		"These are for hv_fcopy_daemon, which takes files that the host copies into the\n"
		"guest. hv_fcopy_daemon(8) tells where they may go.\n" },
};

static void add_explanation(GString *out, const char *group)
{
	for (gsize i = 0; i < G_N_ELEMENTS(explanations); i++)
		if (!g_strcmp0(group, explanations[i].group))
			g_string_append_printf(out, "\n%s", explanations[i].text);
}

static void add_list(GString *out, const char *group)
{
	g_autofree char *start = group ? g_strconcat(group, " ", NULL) : g_strdup("");

	g_string_append_printf(out, "Usage: hvctl %sCOMMAND [OPTION]…\n\nCommands:\n", start);
	for (const HvctlCommand *c = hvctl_commands; c->path; c++) {
		g_autofree char *call = g_strjoin(" ", c->path, c->usage, NULL);

		if (g_str_has_prefix(c->path, start))
			g_string_append_printf(out, "  %s%s%*s %s\n", call,
				g_utf8_strlen(call, -1) > CALL_MAX ? "\n  " : "", room_behind(call),
				"", c->summary);
	}
	add_explanation(out, group);
	g_string_append_printf(out,
		"\n\"hvctl COMMAND --help\" shows the options of a command.%s\n",
		group ? ""
		      : "\n\"hvctl --version\" shows the version. Exit status: 0 done, 1 not found "
			"or "
			"no, 2 usage,\n3 input, output or daemon, 4 permission, 5 timeout.");
}

char *hvctl_help(const HvctlCommand *command, const char *group)
{
	GString *out = g_string_new(NULL);

	if (command)
		add_command(out, command);
	else
		add_list(out, group);
	return g_string_free(out, FALSE);
}
