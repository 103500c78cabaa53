/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Completion. A line is read as far as it is written and whether it is right or not; what cannot be
 * known is not offered, and nothing is said about it.
 */
#include "hvctl/complete.h"

#include <string.h>

#include "hvctl/doctor.h"
#include "hvctl/records.h"
#include "kvpd/pools.h"
#include "util/output.h"

#define KEYS_TIMEOUT_MS 300 /* ours: who waits longer for a Tab presses it again */
#define KEYS_MAX 1000u

typedef struct {
	GPtrArray *words; /* of the command so far */
	const HvctlOption *pending; /* the option whose value the last word is */
	const char *current; /* the last word, or what follows its "=" */
	const char *prefix; /* what stands before current in the shell's word: "--pool=" or "" */
	const char *text[32]; /* values of options, by their place in the table */
	gboolean given[32];
	gboolean literal; /* after "--" */
	GString *out;
} Line;

/* One word before the last. bash takes "=" for a word of its own. */
static void read_word(Line *line, const char *word)
{
	const HvctlOption *option;
	const char *equals = strchr(word, '=');

	if (line->pending) {
		if (strcmp(word, "=") == 0)
			return;
		line->text[line->pending - hvctl_options] = word;
		line->pending = NULL;
		return;
	}
	if (line->literal || word[0] != '-' || word[1] == '\0') {
		g_ptr_array_add(line->words, (gpointer)(guintptr)word);
		return;
	}
	line->literal = strcmp(word, "--") == 0;
	option = hvctl_find_option(word, equals ? (gsize)(equals - word) : strlen(word));
	if (!option)
		return;
	line->given[option - hvctl_options] = TRUE;
	if (option->value && equals)
		line->text[option - hvctl_options] = equals + 1;
	else if (option->value)
		line->pending = option;
}

static void read_last(Line *line, const char *word, char **prefix)
{
	const char *equals = strchr(word, '=');

	line->current = strcmp(word, "=") == 0 && line->pending ? "" : word;
	if (line->pending || line->literal || word[0] != '-' || !equals)
		return;
	line->pending = hvctl_find_option(word, (gsize)(equals - word));
	if (!line->pending || !line->pending->value) {
		line->pending = NULL;
		return;
	}
	line->current = equals + 1;
	*prefix = g_strndup(word, (gsize)(equals - word) + 1);
	line->prefix = *prefix;
}

/* --- offers --- */

/* A candidate that the shell's line could not hold, or a terminal would obey, is none. */
static void offer(Line *line, const char *word, const char *description)
{
	g_autofree char *shown = output_escape(word);

	if (!g_str_has_prefix(word, line->current) || !g_str_equal(word, shown))
		return;
	g_string_append_printf(line->out, "%s%s", line->prefix, word);
	if (description)
		g_string_append_printf(line->out, "\t%s", description);
	g_string_append_c(line->out, '\n');
}

static void offer_value(Line *line, const HvctlOption *option)
{
	g_auto(GStrv) words = g_strsplit(option->words ? option->words : "", " ", -1);

	for (char **word = words; *word && **word; word++)
		offer(line, *word, NULL);
	if (g_str_equal(option->value, "PATH") || g_str_equal(option->value, "DIR"))
		g_string_append(line->out, ":files\n");
}

static void offer_options(Line *line, const HvctlCommand *command, guint others)
{
	for (const HvctlOption *o = hvctl_options; o->bit; o++) {
		g_autofree char *name = g_strconcat("--", o->name, NULL);

		if (command ? hvctl_takes(command, o->bit) : (others & o->bit) != 0)
			offer(line, name, hvctl_option_help(command, o));
	}
}

/* The next words of the commands that begin with @start ("kvp ", or ""). */
static void offer_commands(Line *line, const char *start)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (const HvctlCommand *c = hvctl_commands; c->path; c++) {
		const char *rest = c->path + strlen(start);
		g_autofree char *word = NULL;

		if (!g_str_has_prefix(c->path, start))
			continue;
		word = g_strndup(rest, strcspn(rest, " "));
		if (g_hash_table_contains(seen, word))
			continue;
		offer(line, word, strchr(rest, ' ') ? NULL : c->summary);
		g_hash_table_add(seen, g_steal_pointer(&word));
	}
}

/* --- keys --- */

static const char *text_of(const Line *line, guint bit)
{
	for (guint i = 0; hvctl_options[i].bit; i++)
		if (hvctl_options[i].bit == bit)
			return line->text[i];
	return NULL;
}

static gboolean given(const Line *line, guint bit)
{
	for (guint i = 0; hvctl_options[i].bit; i++)
		if (hvctl_options[i].bit == bit)
			return line->given[i];
	return FALSE;
}

static struct json_object *ask_keys(const Line *line, const char *pool)
{
	const char *path = text_of(line, HVCTL_OPT_SOCKET);
	const char *dir = text_of(line, HVCTL_OPT_POOL_DIR);
	HvctlRequest request = { .timeout_ms = KEYS_TIMEOUT_MS,
		.socket = (char *)(guintptr)(path ? path : HVCTL_SOCKET),
		.pool_dir = (char *)(guintptr)(dir ? dir : HVIS_POOL_DIR),
		.offline = given(line, HVCTL_OPT_OFFLINE) || (dir && !path),
		.fallback = dir || !path,
		.quiet = TRUE };
	g_autoptr(GError) error = NULL;
	guint number;

	if (pool && kvp_pools_parse(pool, &number, NULL))
		request.pool = kvp_pools_name(number);
	return hvctl_records(&request, request.pool, &error);
}

/* Those of @pool, NULL = of all. */
static void offer_keys(Line *line, const char *pool)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	struct json_object *records = ask_keys(line, pool);
	gsize n = records ? json_object_array_length(records) : 0;

	for (gsize i = 0; i < n && g_hash_table_size(seen) < KEYS_MAX; i++) {
		const char *key = hvctl_record_text(json_object_array_get_idx(records, i), "key");

		if (g_str_has_prefix(key, line->current) &&
			g_hash_table_add(seen, (gpointer)(guintptr)key))
			offer(line, key, NULL);
	}
	json_object_put(records);
}

static void offer_interfaces(Line *line)
{
	g_autoptr(GDir) dir = g_dir_open("/sys/class/net", 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		offer(line, name, NULL);
}

static void offer_words(Line *line, const char *const *words)
{
	for (; *words; words++)
		offer(line, *words, NULL);
}

static void offer_checks(Line *line)
{
	for (const DoctorCheck *check = doctor_checks; check->name; check++)
		offer(line, check->name, check->summary);
}

/* Of the outcomes only a failure has one. */
static gboolean has_reason(const Line *line)
{
	return g_strcmp0(line->words->pdata[line->words->len - 2], "failure") == 0;
}

/* What the usage has at place @at of the arguments: "KEY…" stands for all that follow. */
static void offer_argument(Line *line, const HvctlCommand *command, guint at)
{
	g_auto(GStrv) names = g_strsplit(command->usage, " ", -1);
	guint n = g_strv_length(names);
	const char *name = at < n ? names[at] : n > 0 ? names[n - 1] : "";

	if (at >= MAX(command->n_args, command->n_args_max))
		return;
	if (strstr(name, "KEY"))
		offer_keys(line, text_of(line, HVCTL_OPT_POOL));
	else if (strstr(name, "CHECK"))
		offer_checks(line);
	else if (strstr(name, "FILE"))
		g_string_append(line->out, ":files\n");
	else if (strstr(name, "ADAPTER"))
		offer_interfaces(line);
	else if (strstr(name, "WORD"))
		offer_words(line, hvctl_ip_words);
	else if (strstr(name, "OUTCOME"))
		offer_words(line, hvctl_report_words);
	else if (strstr(name, "NAME=") || (strstr(name, "REASON") && !has_reason(line)))
		offer_words(line, hvctl_report_names);
}

static void offer_word(Line *line)
{
	const HvctlCommand *command = NULL;
	g_autofree char *group = NULL, *start = NULL;
	guint n;

	g_ptr_array_add(line->words, NULL);
	n = hvctl_find_command((const char *const *)line->words->pdata, &command);
	group = g_strjoinv(" ", (char **)line->words->pdata);
	if (!command && *group && !hvctl_is_group(group)) /* no command of ours */
		return;
	if (*line->current == '-' && !line->literal) {
		offer_options(line, command,
			*group ? HVCTL_OPT_HELP : HVCTL_OPT_HELP | HVCTL_OPT_VERSION);
	} else if (command) {
		if (hvctl_is_group(group)) { /* "info" and "info nics" */
			start = g_strconcat(group, " ", NULL);
			offer_commands(line, start);
		}
		offer_argument(line, command, line->words->len - 1 - n);
		if (line->out->len == 0 && !line->literal)
			offer_options(line, command, 0);
	} else {
		start = *group ? g_strconcat(group, " ", NULL) : g_strdup("");
		offer_commands(line, start);
	}
}

char *hvctl_complete(const char *const *words)
{
	g_autoptr(GPtrArray) before = g_ptr_array_new();
	g_autofree char *prefix = NULL;
	Line line = { .words = before, .prefix = "", .out = g_string_new(NULL) };
	guint n = g_strv_length((char **)(guintptr)words);

	for (guint i = 0; i + 1 < n; i++)
		read_word(&line, words[i]);
	read_last(&line, n > 0 ? words[n - 1] : "", &prefix);
	if (line.pending && line.pending->bit == HVCTL_OPT_FIELD) {
		offer_keys(&line, kvp_pools_name(HVIS_KVP_POOL_AUTO_EXTERNAL));
		offer_keys(&line, kvp_pools_name(HVIS_KVP_POOL_AUTO));
	} else if (line.pending)
		offer_value(&line, line.pending);
	else
		offer_word(&line);
	return g_string_free(line.out, FALSE);
}
