/* SPDX-License-Identifier: GPL-2.0-only */
/* hvis-host: a Hyper-V host in user space. The table of its subcommands; nothing else. */
#include "config.h"
#include <locale.h>
#include <stdio.h>
#include "host/subcommand.h"
#include "util/error.h"

static const struct {
	const char *name, *summary;
	int (*main)(int argc, char **argv);
} subcommands[] = {
	{ "run", "run a virtual machine with VMBus and integration services", host_run },
	{ "link", "offer services to daemons by sockets, without a machine", host_link },
	{ "probe", "tell whether this machine can run a guest", host_probe },
	{ "ctl", "talk to a running host", host_ctl },
};

static void help(FILE *out)
{
	fputs("usage: hvis-host COMMAND [ARGUMENT...]; COMMAND --help shows its options\n\n", out);
	for (gsize i = 0; i < G_N_ELEMENTS(subcommands); i++)
		fprintf(out, "  %-6s %s\n", subcommands[i].name, subcommands[i].summary);
}

static gboolean asks_for_help(const char *word)
{
	return g_str_equal(word, "--help") || g_str_equal(word, "-h") || g_str_equal(word, "help");
}

int main(int argc, char **argv)
{
	setlocale(LC_ALL, "");
	g_set_prgname("hvis-host");
	for (gsize i = 0; argc > 1 && i < G_N_ELEMENTS(subcommands); i++)
		if (g_str_equal(argv[1], subcommands[i].name))
			return subcommands[i].main(argc - 1, argv + 1);
	if (argc > 1 && g_str_equal(argv[1], "--version"))
		return puts("hvis-host " VERSION) < 0 ? HVIS_EXIT_IO : HVIS_EXIT_OK;
	if (argc > 1 && asks_for_help(argv[1]))
		return help(stdout), HVIS_EXIT_OK;
	if (argc > 1)
		fprintf(stderr, "hvis-host: no command \"%s\"; see --help\n", argv[1]);
	else
		help(stderr);
	return HVIS_EXIT_USAGE;
}
