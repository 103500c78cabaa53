/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grammar of fault rules: ACTION:PLACE/SUBJECT[:key=value[,key=value]…].
 *
 * A key that the action has no use for is an error: a rule that does less than it says would make
 * a test pass for the wrong reason.
 */
#include "config.h"

#include <string.h>

#include "host/fault-rule.h"
#include "util/error.h"

#define FAULT_TIME_MAX_MS 3600000u
#define FAULT_DELAY_DEFAULT_MS 100u
#define FAULT_REORDER_DEFAULT_MS 1000u

static const char *const action_names[] = {
	[FAULT_DROP] = "drop",
	[FAULT_DELAY] = "delay",
	[FAULT_DUPLICATE] = "duplicate",
	[FAULT_TRUNCATE] = "truncate",
	[FAULT_CORRUPT] = "corrupt",
	[FAULT_REORDER] = "reorder",
	[FAULT_RESCIND] = "rescind",
};
G_STATIC_ASSERT(G_N_ELEMENTS(action_names) == FAULT_ACTION_N);

static const char *const point_names[] = {
	[FAULT_AT_MESSAGE] = "message",
	[FAULT_AT_PACKET] = "packet",
	[FAULT_AT_LINK] = "link",
};
G_STATIC_ASSERT(G_N_ELEMENTS(point_names) == FAULT_AT_N);

typedef enum {
	KEY_COUNT,
	KEY_AFTER,
	KEY_PROBABILITY,
	KEY_SEED,
	KEY_TIME,
	KEY_LENGTH,
	KEY_OFFSET,
	KEY_XOR,
	KEY_N,
} RuleKey;

#define ACTION(a) (1u << FAULT_##a)
#define ANY_ACTION ((1u << FAULT_ACTION_N) - 1)

static const struct {
	const char *name;
	guint actions; /* that take it */
	guint64 min, max;
} keys[] = {
	[KEY_COUNT] = { "count", ANY_ACTION, 1, G_MAXUINT32 },
	[KEY_AFTER] = { "after", ANY_ACTION, 0, G_MAXUINT32 },
	[KEY_PROBABILITY] = { "probability", ANY_ACTION, 0, 0 },
	[KEY_SEED] = { "seed", ANY_ACTION, 0, G_MAXUINT32 },
	[KEY_TIME] = { "time",
		ACTION(DELAY) | ACTION(REORDER) | ACTION(DUPLICATE) | ACTION(RESCIND), 0,
		FAULT_TIME_MAX_MS },
	[KEY_LENGTH] = { "length", ACTION(TRUNCATE), 0, G_MAXUINT32 },
	[KEY_OFFSET] = { "offset", ACTION(CORRUPT), 0, G_MAXUINT32 },
	[KEY_XOR] = { "xor", ACTION(CORRUPT), 1, 255 },
};
G_STATIC_ASSERT(G_N_ELEMENTS(keys) == KEY_N);

const char *fault_action_name(FaultAction action)
{
	return action_names[action];
}

const char *fault_point_name(FaultPoint point)
{
	return point_names[point];
}

void fault_rule_clear(FaultRule *rule)
{
	g_clear_pointer(&rule->text, g_free);
	g_clear_pointer(&rule->subject, g_free);
}

gboolean fault_rule_matches(const FaultRule *rule, FaultPoint point, const char *subject)
{
	return rule->point == point &&
	       (!strcmp(rule->subject, "*") || !strcmp(rule->subject, subject));
}

static gboolean find_name(const char *const names[], guint n, const char *what, const char *text,
	guint *ret, GError **error)
{
	g_autoptr(GString) list = g_string_new(NULL);

	for (guint i = 0; i < n; i++) {
		if (!strcmp(names[i], text)) {
			*ret = i;
			return TRUE;
		}
		g_string_append_printf(list, "%s%s", i ? ", " : "", names[i]);
	}
	return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" is no %s (%s)", text, what, list->str);
}

static gboolean parse_number(RuleKey key, const char *text, guint64 *ret, GError **error)
{
	const char *digits = g_str_has_prefix(text, "0x") ? text + 2 : text;
	guint base = digits == text ? 10 : 16;

	if (!g_ascii_string_to_unsigned(digits, base, keys[key].min, keys[key].max, ret, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"%s=%s: a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
			" is wanted",
			keys[key].name, text, keys[key].min, keys[key].max);
	return TRUE;
}

static gboolean parse_probability(const char *text, double *ret, GError **error)
{
	char *end;
	double value = g_ascii_strtod(text, &end);

	if (end == text || *end || !(value > 0 && value <= 1))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"probability=%s: a number above 0 and up to 1 is wanted", text);
	*ret = value;
	return TRUE;
}

static gboolean set_key(FaultRule *rule, RuleKey key, const char *text, GError **error)
{
	guint64 n = 0;

	if (!(keys[key].actions >> rule->action & 1))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"%s takes no %s=", action_names[rule->action], keys[key].name);
	if (key == KEY_PROBABILITY)
		return parse_probability(text, &rule->probability, error);
	if (!parse_number(key, text, &n, error))
		return FALSE;
	switch (key) {
	case KEY_COUNT:
		rule->count = n;
		break;
	case KEY_AFTER:
		rule->after = n;
		break;
	case KEY_SEED:
		rule->seed = (guint32)n;
		break;
	case KEY_TIME:
		rule->time_ms = (guint32)n;
		break;
	case KEY_LENGTH:
		rule->length = (gint64)n;
		break;
	case KEY_OFFSET:
		rule->offset = (gint64)n;
		break;
	case KEY_XOR:
		rule->mask = (guint8)n;
		break;
	case KEY_PROBABILITY:
	case KEY_N:
		g_assert_not_reached();
	}
	return TRUE;
}

static gboolean parse_keys(FaultRule *rule, const char *text, GError **error)
{
	/* g_strsplit() makes nothing of "", which is one empty pair here */
	g_auto(GStrv) pairs = g_strsplit(*text ? text : ",", ",", -1);

	for (char **pair = pairs; *pair; pair++) {
		char *equals = strchr(*pair, '=');
		guint key = 0;

		if (equals)
			*equals = '\0';
		while (key < KEY_N && strcmp(keys[key].name, *pair))
			key++;
		if (!equals || key == KEY_N)
			return hvis_fail(error, HVIS_ERROR_INVALID,
				"\"%s\": one of count=, after=, probability=, seed=, time=, "
				"length=, offset=, xor= is wanted",
				*pair);
		if (!set_key(rule, key, equals + 1, error))
			return FALSE;
	}
	return TRUE;
}

/* @target: "PLACE/SUBJECT" */
static gboolean parse_target(FaultRule *rule, const char *target, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(target, "/", 2);
	guint point = 0;

	if (!parts[0] || !parts[1] || !*parts[1])
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"\"%s\": PLACE/SUBJECT is wanted, such as packet/kvp or message/*", target);
	if (!find_name(point_names, FAULT_AT_N, "place for a fault", parts[0], &point, error))
		return FALSE;
	if (rule->action == FAULT_RESCIND && point == FAULT_AT_MESSAGE)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"rescind needs a service: packet/NAME or link/NAME");
	rule->point = point;
	rule->subject = g_strdup(parts[1]);
	return TRUE;
}

static gboolean parse_into(FaultRule *rule, const char *text, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 3);
	guint action = 0;

	if (!parts[0] || !parts[1])
		return hvis_fail(
			error, HVIS_ERROR_INVALID, "ACTION:PLACE/SUBJECT[:key=value…] is wanted");
	if (!find_name(action_names, FAULT_ACTION_N, "fault", parts[0], &action, error))
		return FALSE;
	rule->action = action;
	if (action == FAULT_DELAY)
		rule->time_ms = FAULT_DELAY_DEFAULT_MS;
	if (action == FAULT_REORDER)
		rule->time_ms = FAULT_REORDER_DEFAULT_MS;
	return parse_target(rule, parts[1], error) &&
	       (!parts[2] || parse_keys(rule, parts[2], error));
}

gboolean fault_rule_parse(const char *text, FaultRule *ret, GError **error)
{
	FaultRule rule = { .probability = 1, .seed = 1, .length = -1, .offset = -1 };

	if (!parse_into(&rule, text, error)) {
		g_prefix_error(error, "fault rule \"%s\": ", text);
		fault_rule_clear(&rule);
		return FALSE;
	}
	rule.text = g_strdup(text);
	*ret = rule;
	return TRUE;
}
