/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From words to a request. Options may stand anywhere before "--"; which of them a command takes is
 * in the table.
 */
#include "hvctl/command.h"
#include "kvpd/pools.h"
#include "util/clock.h"

/* The options as written; NULL or FALSE where one was not given. */
typedef struct {
	gboolean help, version, json, origin;
	char *pool, *socket, *timeout;
	char **words;
} Options;

static void options_clear(Options *options)
{
	g_free(options->pool);
	g_free(options->socket);
	g_free(options->timeout);
	g_strfreev(options->words);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* Texts are FILENAMEs, which GLib leaves as they are; others it converts from the locale's encoding. */
static gboolean options_read(const char *const *argv, Options *ret, GError **error)
{
	Options o = { 0 };
	const GOptionEntry entries[] = {
		{ "help", 'h', 0, G_OPTION_ARG_NONE, &o.help, NULL, NULL },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &o.version, NULL, NULL },
		{ "json", 'j', 0, G_OPTION_ARG_NONE, &o.json, NULL, NULL },
		{ "origin", 0, 0, G_OPTION_ARG_NONE, &o.origin, NULL, NULL },
		{ "pool", 'p', 0, G_OPTION_ARG_FILENAME, &o.pool, NULL, NULL },
		{ "socket", 0, 0, G_OPTION_ARG_FILENAME, &o.socket, NULL, NULL },
		{ "timeout", 0, 0, G_OPTION_ARG_FILENAME, &o.timeout, NULL, NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o.words, NULL, NULL },
		{ NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_auto(GStrv) copy = g_strdupv((char **)(guintptr)argv);

	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse_strv(context, &copy, error)) {
		options_clear(&o);
		return FALSE;
	}
	*ret = o;
	return TRUE;
}

/* The number of words in @path if @words begins with all of them, else 0. */
static guint words_of_path(char **words, const char *path)
{
	g_auto(GStrv) want = g_strsplit(path, " ", -1);
	guint n;

	for (n = 0; want[n]; n++)
		if (!words[n] || !g_str_equal(words[n], want[n]))
			return 0;
	return n;
}

static gboolean is_group(const char *words)
{
	g_autofree char *start = g_strconcat(words, " ", NULL);

	for (const HvctlCommand *c = hvctl_commands; c->path; c++)
		if (g_str_has_prefix(c->path, start))
			return TRUE;
	return FALSE;
}

/* Find the command, or with --help the group; *@n_words becomes the number of words that name it. */
static gboolean find_command(const Options *o, const HvctlCommand **command, char **group,
	guint *n_words, GError **error)
{
	static char *const none[] = { NULL };
	char **words = o->words ? o->words : (char **)none;
	g_autofree char *all = g_strjoinv(" ", words);

	for (const HvctlCommand *c = hvctl_commands; c->path; c++) {
		guint n = words_of_path(words, c->path);

		if (n > 0) {
			*command = c;
			*n_words = n;
			return TRUE;
		}
	}
	if (o->help && (!words[0] || is_group(all))) {
		*group = words[0] ? g_steal_pointer(&all) : NULL;
		return TRUE;
	}
	if (!words[0])
		return o->version || hvis_fail(error, HVIS_ERROR_INVALID, "no command");
	if (is_group(all))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s needs a command after it", all);
	return hvis_fail(error, HVIS_ERROR_INVALID, "no command \"%s\"", all);
}

static gboolean check_options(const HvctlCommand *command, const Options *o, GError **error)
{
	const struct {
		guint bit;
		gboolean given;
		const char *name;
	} all[] = {
		{ HVCTL_OPT_JSON, o->json, "json" },
		{ HVCTL_OPT_POOL, o->pool != NULL, "pool" },
		{ HVCTL_OPT_ORIGIN, o->origin, "origin" },
		{ HVCTL_OPT_SOCKET, o->socket != NULL, "socket" },
		{ HVCTL_OPT_TIMEOUT, o->timeout != NULL, "timeout" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		if (all[i].given && !(command->options & all[i].bit))
			return hvis_fail(error, HVIS_ERROR_INVALID, "%s takes no --%s",
				command->path, all[i].name);
	return TRUE;
}

static gboolean check_args(const HvctlCommand *command, char **args, GError **error)
{
	guint n = args ? g_strv_length(args) : 0;

	if (n != command->n_args)
		return hvis_fail(error, HVIS_ERROR_INVALID, "usage: hvctl %s%s%s", command->path,
			*command->usage ? " " : "", command->usage);
	for (guint i = 0; i < n; i++)
		if (!g_utf8_validate(args[i], -1, NULL))
			return hvis_fail(error, HVIS_ERROR_INVALID,
				"argument %u of %s is not valid UTF-8", i + 1, command->path);
	return TRUE;
}

static gboolean read_values(const Options *o, HvctlRequest *r, GError **error)
{
	guint pool, timeout_ms = HVCTL_TIMEOUT_MS;

	r->json = o->json;
	r->origin = o->origin;
	if (o->pool) {
		if (!kvp_pools_parse(o->pool, &pool, error))
			return FALSE;
		r->pool = kvp_pools_name(pool);
	}
	if (o->timeout && !hvis_parse_seconds("--timeout", o->timeout, &timeout_ms, error))
		return FALSE;
	r->timeout_ms = (int)timeout_ms;
	r->socket = g_strdup(o->socket ? o->socket : HVCTL_SOCKET);
	return TRUE;
}

gboolean hvctl_parse(const char *const *argv, HvctlRequest *ret, GError **error)
{
	g_auto(Options) o = { 0 };
	g_auto(HvctlRequest) r = { 0 };
	guint n_words = 0;

	if (!options_read(argv, &o, error) ||
		!find_command(&o, &r.command, &r.group, &n_words, error))
		return FALSE;
	r.help = o.help;
	r.version = o.version;
	r.root = "";
	r.out = stdout;
	if (r.command && !r.help) {
		char **args = o.words + n_words;

		if (!check_options(r.command, &o, error) || !check_args(r.command, args, error) ||
			!read_values(&o, &r, error))
			return FALSE;
		r.args = g_strdupv(args);
	}
	*ret = r;
	r = (HvctlRequest){ 0 };
	return TRUE;
}

void hvctl_request_clear(HvctlRequest *request)
{
	g_free(request->group);
	g_free(request->socket);
	g_strfreev(request->args);
	*request = (HvctlRequest){ 0 };
}
