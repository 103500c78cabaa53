/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of a daemon; see the header. */
#include <util/options.h>

#include <string.h>

#include <util/error.h>

/* The entry whose long name @word, "--NAME" or "--NAME=VALUE", has; NULL where there is none. */
static const GOptionEntry *find_entry(const GOptionEntry *entries, const char *word)
{
	static const GOptionEntry help = { .long_name = "help", .arg = G_OPTION_ARG_NONE };
	gsize len;

	if (!g_str_has_prefix(word, "--"))
		return NULL;
	len = strcspn(word + 2, "=");
	for (const GOptionEntry *e = entries; e->long_name; e++)
		if (strlen(e->long_name) == len && strncmp(e->long_name, word + 2, len) == 0)
			return e;
	return len == strlen(help.long_name) && strncmp(help.long_name, word + 2, len) == 0 ? &help
											    : NULL;
}

static gboolean has_value(const GOptionEntry *entry)
{
	return entry->arg != G_OPTION_ARG_NONE && !(entry->flags & G_OPTION_FLAG_NO_ARG);
}

gboolean hvis_options_check(const GOptionEntry *entries, int argc, char **argv, GError **error)
{
	for (int n = 1; n < argc && strcmp(argv[n], "--") != 0; n++) {
		const GOptionEntry *entry = find_entry(entries, argv[n]);
		const char *equals = strchr(argv[n], '=');

		if (!entry)
			continue;
		if (equals && !has_value(entry))
			return hvis_fail(error, HVIS_ERROR_INVALID, "--%s takes no value: \"%s\"",
				entry->long_name, argv[n]);
		if (!equals && has_value(entry)) /* the next word is its value */
			n++;
	}
	return TRUE;
}

gboolean hvis_options_parse(
	const GOptionEntry *entries, const char *summary, int argc, char **argv, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_summary(context, summary);
	if (!hvis_options_check(entries, argc, argv, error) ||
		!g_option_context_parse(context, &argc, &argv, error))
		return FALSE;
	return argc <= 1 || hvis_fail(error, HVIS_ERROR_INVALID,
				    "unexpected argument \"%s\"; see --help", argv[1]);
}
