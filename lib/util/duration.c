/* SPDX-License-Identifier: GPL-2.0-only */
/* Durations from text and to text. The decimal point is one in every locale. */
#include <util/duration.h>

#include <string.h>

#include <util/error.h>

#define NUMBER_MAX 1e12 /* ours: as many hours are still a number of milliseconds in 63 bits */

gboolean hvis_duration_parse(const char *text, gint64 *ret_ms)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "min", 60 * 1000.0 },
		{ "h", 3600 * 1000.0 } };
	gsize digits = strspn(text, "0123456789.");
	g_autofree char *number = g_strndup(text, digits);
	char *end;
	double value = g_ascii_strtod(number, &end);

	if (!g_ascii_isdigit(*text) || *end || value > NUMBER_MAX)
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
		if (!strcmp(text + digits, units[i].name)) {
			*ret_ms = (gint64)(value * units[i].ms + 0.999);
			return TRUE;
		}
	return FALSE;
}

gboolean hvis_duration_parse_option(
	const char *what, const char *text, guint *ret_ms, GError **error)
{
	gint64 ms;

	if (!hvis_duration_parse(text, &ms))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s %s: must be " HVIS_DURATION_FORMS,
			what, text);
	if (ms < 1 || ms > HVIS_DURATION_MAX_MS)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"%s %s: must be more than 0, and %d h at most", what, text,
			HVIS_DURATION_MAX_MS / (3600 * 1000));
	*ret_ms = (guint)ms;
	return TRUE;
}

/* @value with a digit behind the point, unless that is 0. */
static char *short_number(double value, const char *unit)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];

	g_ascii_formatd(text, sizeof(text), "%.1f", value);
	if (g_str_has_suffix(text, ".0"))
		text[strlen(text) - 2] = '\0';
	return g_strconcat(text, " ", unit, NULL);
}

char *hvis_duration_text(gint64 us)
{
	double ms = (double)us / 1000;

	if (us < 9950)
		return short_number(ms, "ms");
	if (us < 999500)
		return g_strdup_printf("%.0f ms", ms);
	if (us < 120 * G_USEC_PER_SEC)
		return short_number(ms / 1000, "s");
	if (us < G_GINT64_CONSTANT(120) * 60 * G_USEC_PER_SEC)
		return short_number(ms / 60000, "min");
	return short_number(ms / 3600000, "h");
}
