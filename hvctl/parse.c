/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From words to a request. Options may stand anywhere before "--"; which there are is one table,
 * which of them a command takes another.
 */
#include "hvctl/command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvpd/pools.h"
#include "util/duration.h"
#include "vssd/ipc.h"

#define OPTIONS_MAX 32 /* bits of a guint */

/* The options as written, by their place in the table; NULL or FALSE where one was not given. */
typedef struct {
	gboolean given[OPTIONS_MAX];
	char *text[OPTIONS_MAX];
	char **words;
} Options;

static void options_clear(Options *options)
{
	for (guint i = 0; i < OPTIONS_MAX; i++)
		g_free(options->text[i]);
	g_strfreev(options->words);
	*options = (Options){ 0 };
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static gboolean given(const Options *o, guint bit)
{
	for (guint i = 0; hvctl_options[i].bit; i++)
		if (hvctl_options[i].bit == bit)
			return o->given[i] || o->text[i];
	return FALSE;
}

static const char *text_of(const Options *o, guint bit)
{
	for (guint i = 0; hvctl_options[i].bit; i++)
		if (hvctl_options[i].bit == bit)
			return o->text[i];
	return NULL;
}

/* GLib drops the value of an option that has none: "--all=no" would be "--all". */
static gboolean check_flags(const char *const *argv, GError **error)
{
	for (guint n = 1; argv[0] && argv[n] && !g_str_equal(argv[n], "--"); n++)
		for (const HvctlOption *o = hvctl_options; o->bit; o++) {
			g_autofree char *name = g_strconcat("--", o->name, NULL);
			gsize len = strlen(name);

			if (!g_str_has_prefix(argv[n], name))
				continue;
			if (!o->value && argv[n][len] == '=')
				return hvis_fail(error, HVIS_ERROR_INVALID,
					"%s takes no value: \"%s\"", name, argv[n]);
			if (o->value && !argv[n][len]) { /* the next word is its value */
				n += argv[n + 1] != NULL;
				break;
			}
		}
	return TRUE;
}

/* Texts are FILENAMEs, which GLib leaves as they are; others it converts from the locale's encoding. */
static gboolean options_read(const char *const *argv, Options *o, GError **error)
{
	GOptionEntry entries[OPTIONS_MAX + 2] = { { 0 } };
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_auto(GStrv) copy = g_strdupv((char **)(guintptr)argv);
	guint n;

	for (n = 0; hvctl_options[n].bit; n++) {
		const HvctlOption *option = &hvctl_options[n];

		entries[n].long_name = option->name;
		entries[n].short_name = option->letter;
		entries[n].arg = option->value ? G_OPTION_ARG_FILENAME : G_OPTION_ARG_NONE;
		entries[n].arg_data = option->value ? (gpointer)&o->text[n] : &o->given[n];
	}
	entries[n].long_name = G_OPTION_REMAINING;
	entries[n].arg = G_OPTION_ARG_FILENAME_ARRAY;
	entries[n].arg_data = &o->words;
	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_add_main_entries(context, entries, NULL);
	if (g_option_context_parse_strv(context, &copy, error))
		return TRUE;
	*o = (Options){ 0 }; /* GLib has freed what it had read */
	return FALSE;
}

/* --- commands --- */

/* The number of words in @path if @words begins with all of them, else 0. */
static guint words_of_path(const char *const *words, const char *path)
{
	g_auto(GStrv) want = g_strsplit(path, " ", -1);
	guint n;

	for (n = 0; want[n]; n++)
		if (!words[n] || !g_str_equal(words[n], want[n]))
			return 0;
	return n;
}

guint hvctl_find_command(const char *const *words, const HvctlCommand **ret)
{
	guint longest = 0;

	for (const HvctlCommand *c = hvctl_commands; c->path; c++) {
		guint n = words_of_path(words, c->path);

		if (n > longest) {
			*ret = c;
			longest = n;
		}
	}
	return longest;
}

gboolean hvctl_is_group(const char *group)
{
	g_autofree char *start = g_strconcat(group, " ", NULL);

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

	*n_words = hvctl_find_command((const char *const *)words, command);
	if (*n_words > 0)
		return TRUE;
	if (words[0] && !words[1] && g_str_equal(words[0], "help"))
		return TRUE;
	if (given(o, HVCTL_OPT_HELP) && (!words[0] || hvctl_is_group(all))) {
		*group = words[0] ? g_steal_pointer(&all) : NULL;
		return TRUE;
	}
	if (!words[0])
		return given(o, HVCTL_OPT_VERSION) ||
		       hvis_fail(error, HVIS_ERROR_INVALID, "no command");
	if (hvctl_is_group(all))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s needs a command after it", all);
	return hvis_fail(error, HVIS_ERROR_INVALID, "no command \"%s\"", all);
}

/* The words of @argv that are neither options nor their values; borrowed, and NULL at the end. */
static GPtrArray *plain_words(const char *const *argv)
{
	GPtrArray *words = g_ptr_array_new();
	gboolean literal = FALSE;

	for (guint n = 1; argv[0] && argv[n]; n++) {
		const char *word = argv[n];
		const HvctlOption *option;

		if (literal || word[0] != '-' || word[1] == '\0') {
			g_ptr_array_add(words, (gpointer)(guintptr)word);
			continue;
		}
		literal = g_str_equal(word, "--");
		option = hvctl_find_option(word, strlen(word));
		if (option && option->value && argv[n + 1])
			n++;
	}
	g_ptr_array_add(words, NULL);
	return words;
}

char *hvctl_about(const char *const *argv)
{
	g_autoptr(GPtrArray) found = plain_words(argv);
	const char *const *words = (const char *const *)found->pdata;
	const HvctlCommand *command = NULL;

	if (hvctl_find_command(words, &command) > 0)
		return g_strconcat(command->path, " ", NULL);
	return words[0] && hvctl_is_group(words[0]) ? g_strconcat(words[0], " ", NULL)
						    : g_strdup("");
}

#define DASH_HINT "; a key or value that begins with a dash goes behind \"--\""

static gboolean takes_words(const HvctlCommand *command)
{
	return command->n_args > 0 || command->n_args_max > 0;
}

/* GLib says that "-5" is no option; what it was meant for may be a value. */
static void add_dash_hint(const char *const *argv, GError **error)
{
	g_autoptr(GPtrArray) found = plain_words(argv);
	const HvctlCommand *command = NULL;

	if (g_error_matches(*error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION) &&
		hvctl_find_command((const char *const *)found->pdata, &command) > 0 &&
		takes_words(command))
		hvis_error_append(error, DASH_HINT);
}

static gboolean is_short(const char *const *argv, char letter)
{
	for (guint n = 1; argv[n] && !g_str_equal(argv[n], "--"); n++)
		if (letter && argv[n][0] == '-' && argv[n][1] == letter)
			return TRUE;
	return FALSE;
}

static gboolean check_options(
	const HvctlCommand *command, const char *const *argv, const Options *o, GError **error)
{
	for (guint i = 0; hvctl_options[i].bit; i++)
		if ((o->given[i] || o->text[i]) && !hvctl_takes(command, hvctl_options[i].bit) &&
			hvctl_options[i].bit != HVCTL_OPT_VERSION)
			return hvis_fail(error, HVIS_ERROR_INVALID, "%s takes no --%s%s",
				command->path, hvctl_options[i].name,
				takes_words(command) && is_short(argv, hvctl_options[i].letter)
					? DASH_HINT
					: "");
	return TRUE;
}

static gboolean check_args(const HvctlCommand *command, char **args, GError **error)
{
	guint n = args ? g_strv_length(args) : 0;
	guint max = MAX(command->n_args, command->n_args_max);
	g_autofree char *extra = NULL;

	for (guint i = 0; i < n; i++)
		if (!g_utf8_validate(args[i], -1, NULL))
			return hvis_fail(error, HVIS_ERROR_INVALID,
				"argument %u of %s is not valid UTF-8", i + 1, command->path);
	if (n >= command->n_args && n <= max)
		return TRUE;
	extra = n > max ? g_strdup_printf("\"%s\" is a word too many; ", args[max]) : g_strdup("");
	return hvis_fail(error, HVIS_ERROR_INVALID, "%susage: hvctl %s%s%s", extra, command->path,
		*command->usage ? " " : "", command->usage);
}

/* --- values --- */

/* One of the words that the option takes: *@ret is its place, and left alone where it is not given. */
static gboolean parse_word(const Options *o, guint bit, guint *ret, GError **error)
{
	const char *text = text_of(o, bit);

	for (guint i = 0; text && hvctl_options[i].bit; i++) {
		g_auto(GStrv) words = NULL;

		if (hvctl_options[i].bit != bit)
			continue;
		words = g_strsplit(hvctl_options[i].words, " ", -1);
		for (guint w = 0; words[w]; w++)
			if (g_str_equal(words[w], text)) {
				*ret = w;
				return TRUE;
			}
		return hvis_fail(error, HVIS_ERROR_INVALID, "--%s=%s: it is one of %s",
			hvctl_options[i].name, text, hvctl_options[i].words);
	}
	return TRUE;
}

/* https://no-color.org: set and not empty means none, unless the command line asks for them. */
static gboolean wants_color(guint when)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (when > 0)
		return when == 1;
	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term &&
	       !g_str_equal(term, "dumb");
}

static gboolean read_words(const Options *o, HvctlRequest *r, GError **error)
{
	const char *lines = text_of(o, HVCTL_OPT_LINES);
	guint color = 0, format = 0;

	if (!parse_word(o, HVCTL_OPT_COLOR, &color, error) ||
		!parse_word(o, HVCTL_OPT_FORMAT, &format, error))
		return FALSE;
	r->color = wants_color(color);
	if (text_of(o, HVCTL_OPT_FORMAT))
		r->format = (HvctlFormat)(HVCTL_FORMAT_PLAIN + format);
	if (r->format && r->json)
		return hvis_fail(error, HVIS_ERROR_INVALID, "either --json or --format");
	r->lines = -1;
	if (lines && !g_ascii_string_to_signed(lines, 10, 0, G_MAXINT32, &r->lines, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"--lines %s: a number of lines is wanted", lines);
	return TRUE;
}

static gboolean read_flags(const Options *o, HvctlRequest *r, GError **error)
{
	const char *value = text_of(o, HVCTL_OPT_VALUE), *field = text_of(o, HVCTL_OPT_FIELD);

	r->explain = given(o, HVCTL_OPT_EXPLAIN);
	r->json = given(o, HVCTL_OPT_JSON);
	r->origin = given(o, HVCTL_OPT_ORIGIN);
	r->raw = given(o, HVCTL_OPT_RAW);
	r->split = given(o, HVCTL_OPT_SPLIT);
	r->append = given(o, HVCTL_OPT_APPEND);
	r->all = given(o, HVCTL_OPT_ALL);
	r->if_stale = given(o, HVCTL_OPT_IF_STALE);
	r->dry_run = given(o, HVCTL_OPT_DRY_RUN);
	r->repair = given(o, HVCTL_OPT_REPAIR);
	r->replace = given(o, HVCTL_OPT_REPLACE);
	r->follow = given(o, HVCTL_OPT_FOLLOW);
	r->yes = given(o, HVCTL_OPT_YES);
	r->list = given(o, HVCTL_OPT_LIST);
	if (value && !g_utf8_validate(value, -1, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID, "--value is not valid UTF-8");
	if (field && !g_utf8_validate(field, -1, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID, "--field is not valid UTF-8");
	r->value = g_strdup(value);
	r->field = g_strdup(field);
	return TRUE;
}

/* Who names a socket wants that daemon, and who names a directory wants those files. */
static gboolean read_place(const Options *o, HvctlRequest *r, GError **error)
{
	const char *path = text_of(o, HVCTL_OPT_SOCKET), *dir = text_of(o, HVCTL_OPT_POOL_DIR);
	const char *marker = text_of(o, HVCTL_OPT_MARKER), *root = text_of(o, HVCTL_OPT_ROOT);

	if (dir && !*dir)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"--pool-dir is empty: the directory of the pool files is wanted");
	if (path && !*path)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"--socket is empty: the path of a daemon's socket is wanted");
	if (marker && !*marker)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"--marker is empty: the path of hv_vss_daemon's marker is wanted");
	if (root && *root != '/')
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"--root is \"%s\": the absolute path of a directory is wanted", root);
	r->tree = g_strdup(root);
	r->root = root ? r->tree : "";
	r->offline = given(o, HVCTL_OPT_OFFLINE) || (dir && !path);
	r->fallback = dir || !path;
	r->socket = g_strdup(path ? path : HVCTL_SOCKET);
	r->pool_dir = g_strdup(dir ? dir : HVIS_POOL_DIR);
	r->names_dir = dir != NULL;
	r->marker = g_strdup(marker ? marker : VSS_MARKER);
	r->names_marker = marker != NULL;
	return TRUE;
}

static gboolean read_values(const Options *o, HvctlRequest *r, GError **error)
{
	const char *name = text_of(o, HVCTL_OPT_POOL), *timeout = text_of(o, HVCTL_OPT_TIMEOUT);
	const char *duration = text_of(o, HVCTL_OPT_DURATION);
	guint pool, timeout_ms;

	r->duration_ms = HVCTL_DURATION_MS;
	r->timeout_ms = r->command->is_long ? -1 : HVCTL_TIMEOUT_MS;
	if (!read_flags(o, r, error) || !read_words(o, r, error))
		return FALSE;
	if (name) {
		if (!kvp_pools_parse(name, &pool, error))
			return FALSE;
		r->pool = kvp_pools_name(pool);
	}
	if (duration && !hvis_duration_parse_option("--duration", duration, &r->duration_ms, error))
		return FALSE;
	if (timeout && !hvis_duration_parse_option("--timeout", timeout, &timeout_ms, error))
		return FALSE;
	if (timeout)
		r->timeout_ms = (int)timeout_ms;
	return read_place(o, r, error);
}

gboolean hvctl_parse(const char *const *argv, HvctlRequest *ret, GError **error)
{
	g_auto(Options) o = { 0 };
	g_auto(HvctlRequest) r = { 0 };
	guint n_words = 0;

	if (!check_flags(argv, error))
		return FALSE;
	if (!options_read(argv, &o, error)) {
		add_dash_hint(argv, error);
		return FALSE;
	}
	if (!find_command(&o, &r.command, &r.group, &n_words, error))
		return FALSE;
	r.help = given(&o, HVCTL_OPT_HELP) || (!r.command && o.words && n_words == 0);
	r.version = given(&o, HVCTL_OPT_VERSION);
	r.root = "";
	r.in = stdin;
	r.out = stdout;
	if (r.command && !r.help) {
		char **args = o.words + n_words;

		if (!check_options(r.command, argv, &o, error) ||
			!check_args(r.command, args, error) || !read_values(&o, &r, error))
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
	g_free(request->pool_dir);
	g_free(request->marker);
	g_free(request->tree);
	g_free(request->value);
	g_free(request->field);
	g_strfreev(request->args);
	*request = (HvctlRequest){ 0 };
}
