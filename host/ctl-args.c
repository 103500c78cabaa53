/* SPDX-License-Identifier: GPL-2.0-only */
/* Command-line words into JSON parameters, by table; see ctl-args.h. */
#include "config.h"

#include <string.h>

#include "host/ctl-args.h"
#include "util/duration.h"
#include "util/error.h"

#define HOLD_MAX_MS (3600 * 1000) /* as the host has it */

const CtlArg ctl_common_args[] = {
	{ "timeout", CTL_DURATION, "timeout_ms", NULL },
	{ "json", CTL_FLAG, ".json", NULL },
	{ "help", CTL_FLAG, ".help", NULL },
	{ NULL, CTL_ARG_N, NULL, NULL },
};

typedef struct {
	const CtlArg *args;
	struct json_object *params, *local;
} Parser;

static gboolean is_word(const CtlArg *arg)
{
	return arg->kind == CTL_WORD || arg->kind == CTL_WORD_OPT;
}

static gboolean takes_value(const CtlArg *arg)
{
	return arg->kind != CTL_FLAG && arg->kind != CTL_CONST;
}

static struct json_object *target(const Parser *parser, const CtlArg *arg, const char **member)
{
	gboolean local = arg->member[0] == '.';

	*member = arg->member + local;
	return local ? parser->local : parser->params;
}

static const CtlArg *find_in(const CtlArg *args, const char *name, gsize len)
{
	for (; args->name; args++)
		if (!is_word(args) && strlen(args->name) == len && !strncmp(args->name, name, len))
			return args;
	return NULL;
}

/* The next word that has no value yet, or NULL. */
static const CtlArg *next_word(const Parser *parser)
{
	for (const CtlArg *arg = parser->args; arg->name; arg++) {
		const char *member;
		struct json_object *object = target(parser, arg, &member);

		if (is_word(arg) && !json_object_object_get_ex(object, member, NULL))
			return arg;
	}
	return NULL;
}

static gboolean check_utf8(const CtlArg *arg, const char *text, GError **error)
{
	if (g_utf8_validate(text, -1, NULL))
		return TRUE;
	return hvis_fail(error, HVIS_ERROR_INVALID, "%s is not valid UTF-8", arg->name);
}

static void append_list(struct json_object *object, const char *member, const char *text)
{
	struct json_object *list = json_object_object_get(object, member);
	g_auto(GStrv) items = g_strsplit(text, ",", -1);

	if (!list) {
		list = json_object_new_array();
		json_object_object_add(object, member, list);
	}
	for (char **item = items; *item; item++)
		json_object_array_add(list, json_object_new_string(*item));
}

static struct json_object *parse_duration(const char *name, const char *text, GError **error)
{
	g_autofree char *option = g_strconcat("--", name, NULL);
	guint ms;

	return hvis_duration_parse_option(option, text, &ms, error) ? json_object_new_int64(ms)
								    : NULL;
}

static struct json_object *parse_hold(const char *name, const char *text, GError **error)
{
	gint64 ms;

	if (hvis_duration_parse(text, &ms) && ms <= HOLD_MAX_MS)
		return json_object_new_int64(ms);
	hvis_fail(error, HVIS_ERROR_INVALID, "--%s %s: must be " HVIS_DURATION_FORMS ", 0 to 1 h",
		name, text);
	return NULL;
}

static struct json_object *parse_int(const char *name, const char *text, GError **error)
{
	guint64 n;

	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &n, NULL)) {
		hvis_fail(error, HVIS_ERROR_INVALID, "--%s %s: a number is wanted", name, text);
		return NULL;
	}
	return json_object_new_int64((gint64)n);
}

static struct json_object *parse_value(const CtlArg *arg, const char *text, GError **error)
{
	switch (arg->kind) {
	case CTL_WORD:
	case CTL_WORD_OPT:
	case CTL_STRING:
		return check_utf8(arg, text, error) ? json_object_new_string(text) : NULL;
	case CTL_INT:
		return parse_int(arg->name, text, error);
	case CTL_DURATION:
		return parse_duration(arg->name, text, error);
	case CTL_HOLD:
		return parse_hold(arg->name, text, error);
	case CTL_FLAG:
		return json_object_new_boolean(TRUE);
	case CTL_CONST:
		return json_object_new_string(arg->constant);
	case CTL_LIST:
	case CTL_ARG_N:
		break;
	}
	g_assert_not_reached();
}

static gboolean set(Parser *parser, const CtlArg *arg, const char *text, GError **error)
{
	const char *member;
	struct json_object *object = target(parser, arg, &member);
	struct json_object *value;

	if (arg->kind == CTL_LIST) {
		if (!check_utf8(arg, text, error))
			return FALSE;
		append_list(object, member, text);
		return TRUE;
	}
	if (!is_word(arg) && json_object_object_get_ex(object, member, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"--%s says again what an option before it has said", arg->name);
	value = parse_value(arg, text, error);
	if (!value)
		return FALSE;
	json_object_object_add(object, member, value);
	return TRUE;
}

/* @word begins with "--". Moves *@words on where the value is a word of its own. */
static gboolean parse_option(
	Parser *parser, const char *word, const char *const **words, GError **error)
{
	const char *name = word + 2, *equals = strchr(name, '=');
	gsize len = equals ? (gsize)(equals - name) : strlen(name);
	const CtlArg *arg = find_in(parser->args, name, len);

	if (!arg)
		arg = find_in(ctl_common_args, name, len);
	if (!arg)
		return hvis_fail(error, HVIS_ERROR_INVALID, "unknown option %s", word);
	if (!takes_value(arg)) {
		if (equals)
			return hvis_fail(
				error, HVIS_ERROR_INVALID, "--%s takes no value", arg->name);
		return set(parser, arg, NULL, error);
	}
	if (equals)
		return set(parser, arg, equals + 1, error);
	if (!**words)
		return hvis_fail(error, HVIS_ERROR_INVALID, "--%s wants a value", arg->name);
	return set(parser, arg, *(*words)++, error);
}

static gboolean parse_word(Parser *parser, const char *word, GError **error)
{
	const CtlArg *arg = next_word(parser);

	if (!arg)
		return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" is one word too many", word);
	return set(parser, arg, word, error);
}

gboolean ctl_args_parse(const CtlArg *args, const char *const *words, struct json_object *params,
	struct json_object *local, GError **error)
{
	Parser parser = { args, params, local };
	gboolean options = TRUE;
	const CtlArg *missing;

	while (*words) {
		const char *word = *words++;

		if (options && !strcmp(word, "--"))
			options = FALSE;
		else if (options && g_str_has_prefix(word, "--")) {
			if (!parse_option(&parser, word, &words, error))
				return FALSE;
		} else if (!parse_word(&parser, word, error))
			return FALSE;
	}
	missing = next_word(&parser);
	if (missing && missing->kind == CTL_WORD && !json_object_object_get(local, "help"))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s is missing", missing->name);
	return TRUE;
}

/* "silent_after" at the beginning of @message, where a blank or a colon ends it. */
static gboolean names_member(const char *message, const char *member)
{
	gsize len = strlen(member);

	return strncmp(message, member, len) == 0 && (message[len] == ' ' || message[len] == ':');
}

void ctl_args_rename(const CtlArg *args, GError *error)
{
	for (; args->name; args++)
		if (!is_word(args) && names_member(error->message, args->member)) {
			char *message = g_strconcat(
				"--", args->name, error->message + strlen(args->member), NULL);

			g_free(error->message);
			error->message = message;
			return;
		}
}

static void append_usage(GString *usage, const CtlArg *arg)
{
	g_autofree char *value = g_ascii_strup(arg->name, -1);

	switch (arg->kind) {
	case CTL_WORD:
		g_string_append_printf(usage, " %s", arg->name);
		break;
	case CTL_WORD_OPT:
		g_string_append_printf(usage, " [%s]", arg->name);
		break;
	case CTL_STRING:
		g_string_append_printf(usage, " [--%s %s]", arg->name, value);
		break;
	case CTL_INT:
		g_string_append_printf(usage, " [--%s N]", arg->name);
		break;
	case CTL_DURATION:
	case CTL_HOLD:
		g_string_append_printf(usage, " [--%s TIME]", arg->name);
		break;
	case CTL_FLAG:
	case CTL_CONST:
		g_string_append_printf(usage, " [--%s]", arg->name);
		break;
	case CTL_LIST:
		g_string_append_printf(usage, " [--%s %s]...", arg->name, value);
		break;
	case CTL_ARG_N:
		break;
	}
}

char *ctl_args_usage(const CtlArg *args)
{
	GString *usage = g_string_new(NULL);

	for (; args->name; args++)
		append_usage(usage, args);
	return g_string_free(usage, FALSE);
}
